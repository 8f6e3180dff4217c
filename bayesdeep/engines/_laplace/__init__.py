"""Coefficients given hyperparameters, for any response: their mode, a Gaussian there, and the marginal it leaves.

``inner_newton`` (the mode at many values of the hyperparameters at once) · ``newton_step`` (one step: a linear Gaussian system,
eliminated) · ``weighted_products`` (sums over rows) · ``marginal_posterior`` (Laplace's approximation to the posterior of the
hyperparameters, and a proposal fitted to it).
"""
