"""Log densities on NumPy arrays, for engines that evaluate a prior many thousand times at once, and medians.

Each density takes ``x``, positive where the prior is, and its prior's arguments. They are tested against PyMC's own densities.
"""

from typing import Any

import numpy as np
from scipy.special import (
    betaincinv,
    betaln,
    gammainccinv,
    gammaincinv,
    gammaln,
    log_ndtr,
    ndtri,
    ndtri_exp,
    stdtrit,
    xlog1py,
    xlogy,
)

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


def normal(x: Any, mu: float, sigma: float) -> Any:
    """Return that of a normal."""
    return -LOG_ROOT_2PI - np.log(sigma) - 0.5 * ((x - mu) / sigma) ** 2


def student_t(x: Any, nu: float, mu: float, sigma: float) -> Any:
    """Return that of a Student t."""
    return half_student_t(x - mu, nu, sigma) - LOG_2


def cauchy(x: Any, alpha: float, beta: float) -> Any:
    """Return that of a Cauchy."""
    return half_cauchy(x - alpha, beta) - LOG_2


def laplace(x: Any, mu: float, b: float) -> Any:
    """Return that of a double exponential."""
    return -LOG_2 - np.log(b) - np.abs(x - mu) / b


def logistic(x: Any, mu: float, s: float) -> Any:
    """Return that of a logistic distribution."""
    z = np.abs(x - mu) / s
    return -z - np.log(s) - 2.0 * np.log1p(np.exp(-z))


def spike_slab(x: Any, probability: float, spike: float, slab: float) -> Any:
    """Return that of a mixture of two normals about 0."""
    narrow, wide = normal(x, 0.0, spike), normal(x, 0.0, slab)
    return np.logaddexp(np.log1p(-probability) + narrow, np.log(probability) + wide)


def beta(x: Any, alpha: float, beta: float) -> Any:
    """Return that of a beta, minus infinity outside 0 to 1."""
    inside = (x >= 0.0) & (x <= 1.0)
    held = np.clip(x, 0.0, 1.0)
    return np.where(inside, xlogy(alpha - 1.0, held) + xlog1py(beta - 1.0, -held) - betaln(alpha, beta), -np.inf)


def half_normal_median(sigma: float) -> float:
    """Return that of a normal folded at 0."""
    return float(sigma * ndtri(0.75))


def half_student_t_median(nu: float, sigma: float) -> float:
    """Return that of a Student t folded at 0."""
    return float(sigma * stdtrit(nu, 0.75))


def gamma_median(alpha: float, beta: float) -> float:
    """Return that of a gamma with rate ``beta``."""
    return float(gammaincinv(alpha, 0.5) / beta)


def inverse_gamma_median(alpha: float, beta: float) -> float:
    """Return that of an inverse gamma with scale ``beta``; infinite where ``alpha`` is so small that it overflows."""
    with np.errstate(divide="ignore"):
        return float(np.divide(beta, gammainccinv(alpha, 0.5)))


def log_normal_median(mu: float, sigma: float) -> float:
    """Return that of the exponential of a normal."""
    del sigma
    return float(np.exp(mu))


def beta_median(alpha: float, beta: float) -> float:
    """Return that of a beta."""
    return float(betaincinv(alpha, beta, 0.5))


def truncated_normal_median(mu: float, sigma: float, lower: float, upper: float) -> float:
    """Return that of a normal between two bounds, one of which may be infinite."""
    a, b = (lower - mu) / sigma, (upper - mu) / sigma
    sign = -1.0 if a > 0 else 1.0  # in the tail where probabilities do not cancel
    both = np.logaddexp(log_ndtr(sign * a), log_ndtr(sign * b))
    return float(mu + sign * sigma * ndtri_exp(both - LOG_2))
