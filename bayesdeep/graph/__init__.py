"""Spec and arrays to a PyMC model: the one definition of the model, and the only place with random variables.

A *graph* (``build``) has a *ledger* of what it reports. While it is built (``builder``), terms and priors see a *scope*
(``scope``, ``budget_sds``); ``linear_effects`` turns declared effects to predictors and ``likelihood`` predictors to responses. A
*target* is the density on one flat vector (``target`` by numba, ``jax_target`` by JAX, ``minibatches`` over some rows,
``own_scale`` for modes; ``parameter_vector`` says what lies where). *Coordinates*, that is non-centring and its like:
``pilot_fit`` (a fit before the fit), ``pilot_information`` (what rows say of each effect), ``centring`` (the coordinates that
follow, which ``linear_effects`` carries out), ``sd_coordinate`` (those of their standard deviations),
``precondition`` (population-level coefficients made nearly independent), ``starts``, ``pretrained`` (variables trained
to a point first). ``evaluate`` asks the graph for any quantity on many draws; ``composite`` makes mixtures fit for it,
``row_likelihood`` has a row's log likelihood and two derivatives.
"""
