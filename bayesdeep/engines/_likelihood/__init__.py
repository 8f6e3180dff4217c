"""Maximum likelihood with effects integrated out: what ``ml`` and ``reml`` share.

``scale_coordinates`` (scales and correlations as unconstrained numbers, boundaries included) · ``climb`` (the search) ·
``edges`` (estimates that lie on a boundary) · ``normal_responses`` (exact) · ``row_responses`` (Laplace and quadrature) ·
``estimated`` (what is returned, and what is said of it).
"""
