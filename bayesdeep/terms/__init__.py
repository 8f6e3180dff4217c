"""Addends of a predictor, one file each; a file defines ``TERM``.

``population`` (intercept and columns) · ``offset`` · ``group`` (coefficients that vary by the levels of a factor),
``gr`` (of groups with a known covariance), ``mm`` (of rows with several groups at once); ``_varying`` is what these three
share · ``s`` (a penalised smooth; ``_bases`` has its bases, ``_smooth_*`` its options and how a basis is split) · ``mo`` (a
monotonic effect; ``_mo_levels`` is what it counts) · ``rw`` (a random walk) · ``net`` (a network; ``_net_*`` are its parts).
``_packing`` and ``_written``: a design matrix as JSON and as a formula for row i.
:mod:`bayesdeep.core.terms` is the contract and :mod:`bayesdeep.core.effects` the vocabulary in which a term that is
linear in its coefficients says all there is to say.
"""
