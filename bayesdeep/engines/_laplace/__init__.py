"""Coefficients given hyperparameters, for any response: their mode, a Gaussian there, and the marginal it leaves.

``inner_newton`` (the mode at many values of the hyperparameters at once) · ``newton_step`` (one step: a linear Gaussian system,
eliminated group by group) · ``by_columns`` (the same by loops in C), ``by_blocks`` (its interface for ``newton_step``) ·
``flat_layout`` (coefficients in one array) · ``weighted_products`` (sums over rows) · ``marginal_posterior`` (Laplace's
approximation to the posterior of the hyperparameters, and a proposal fitted to it).
"""
