"""Log densities of scales on NumPy arrays, for engines that evaluate a prior many thousand times at once.

Each takes positive ``x`` and its prior's arguments. They are tested against PyMC's own densities.
"""

from typing import Any

import numpy as np
from scipy.special import gammaln, log_ndtr

LOG_2 = float(np.log(2.0))
LOG_ROOT_2PI = 0.5 * float(np.log(2 * np.pi))


def half_normal(x: Any, sigma: float) -> Any:
    """Return that of a normal folded at 0."""
    return LOG_2 - LOG_ROOT_2PI - np.log(sigma) - 0.5 * (x / sigma) ** 2


def half_student_t(x: Any, nu: float, sigma: float) -> Any:
    """Return that of a Student t folded at 0."""
    constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi) - np.log(sigma) + LOG_2
    return constant - (nu + 1) / 2 * np.log1p((x / sigma) ** 2 / nu)


def half_cauchy(x: Any, beta: float) -> Any:
    """Return that of a Cauchy folded at 0."""
    return np.log(2 / (np.pi * beta)) - np.log1p((x / beta) ** 2)


def half_flat(x: Any) -> Any:
    """Return zero."""
    return np.zeros_like(x)


def exponential(x: Any, lam: float) -> Any:
    """Return that of an exponential with rate ``lam``."""
    return np.log(lam) - lam * x


def gamma(x: Any, alpha: float, beta: float) -> Any:
    """Return that of a gamma with rate ``beta``."""
    return alpha * np.log(beta) - gammaln(alpha) + (alpha - 1) * np.log(x) - beta * x


def inverse_gamma(x: Any, alpha: float, beta: float) -> Any:
    """Return that of an inverse gamma with scale ``beta``."""
    return alpha * np.log(beta) - gammaln(alpha) - (alpha + 1) * np.log(x) - beta / x


def log_normal(x: Any, mu: float, sigma: float) -> Any:
    """Return that of the exponential of a normal."""
    return -LOG_ROOT_2PI - np.log(sigma) - np.log(x) - 0.5 * ((np.log(x) - mu) / sigma) ** 2


def weibull(x: Any, alpha: float, beta: float) -> Any:
    """Return that of a Weibull with shape ``alpha`` and scale ``beta``."""
    return np.log(alpha / beta) + (alpha - 1) * np.log(x / beta) - (x / beta) ** alpha


def uniform(x: Any, lower: float, upper: float) -> Any:
    """Return that of a uniform distribution."""
    return np.where((x >= lower) & (x <= upper), -np.log(upper - lower), -np.inf)


def truncated_normal(x: Any, mu: float, sigma: float, lower: float, upper: float) -> Any:
    """Return that of a normal between two bounds."""
    a, b = (lower - mu) / sigma, (upper - mu) / sigma
    if a > 0:  # the same mass in the other tail, where it does not cancel
        a, b = -b, -a
    mass = log_ndtr(b) + np.log1p(-np.exp(log_ndtr(a) - log_ndtr(b)))
    inside = -LOG_ROOT_2PI - np.log(sigma) - 0.5 * ((x - mu) / sigma) ** 2 - mass
    return np.where((x >= lower) & (x <= upper), inside, -np.inf)
