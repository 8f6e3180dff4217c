r"""Linear Gaussian systems: their marginal likelihood, their hyperparameters' posterior, and coefficients drawn back.

A system is sums of products of rows (``core.linear.Moments``) and a prior. The engine ``collapsed`` is *moments x
elimination x proposal x chain*:

* **elimination** integrates the coefficients out, factor by factor: ``block_elimination`` (groups one by one, many
  hyperparameter values at once), ``crossed`` (one large factor eliminated, the rest factorised), ``joint_lanczos`` (one
  eliminated, the rest drawn by products alone, with ``lanczos``). ``elimination_plan`` chooses, ``levels`` and
  ``block_layout`` say how factors lie in each other.
* **hyperparameters** are what is left: ``hyperparameters`` (coordinates to scales and correlations; ``corners``, where their
  joint prior is infinite), ``marginal`` (their posterior).
* **proposal**: ``proposal`` (mode, curvature, mixtures fitted to weights), ``tilt`` (skewness and kurtosis on top).
* **chain**: ``independence`` (Metropolis steps from proposals made beforehand), ``explore`` (the chains, and
  coefficients drawn along them), ``marginal_target`` (the same posterior as a target of gradients, where no proposal covers it),
  ``gibbs_sweep`` (a Gibbs sweep).

``unexplored`` is the error of all of them.
"""
