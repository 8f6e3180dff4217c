r"""The prior of a length scale: an inverse gamma with 1 % below a smallest and 1 % above a largest length.

Lengths far below the distance of neighbouring values, or far above the range of all, are ones that data do not tell from one
another; a density that is 0 at 0 and falls off slowly above keeps the posterior where they do. The quantiles of an inverse gamma
with shape :math:`a` have a ratio that falls as :math:`a` rises.

Betancourt (2020), Robust Gaussian process modeling, https://betanalpha.github.io/assets/case_studies/gaussian_processes.html.
"""

from dataclasses import dataclass
from math import exp, log

TAIL = 0.01
"""Probability below the smallest and above the largest length scale."""


@dataclass(frozen=True)
class Lengths:
    """An inverse gamma distribution of length scales.

    Attributes
    ----------
    low, high
        Its 1 % and 99 % quantiles.
    alpha, beta
        Shape and scale.
    usual
        The largest for which the box has to be wide enough.
    """

    low: float
    high: float
    alpha: float
    beta: float
    usual: float


def lengths_between(low: float, high: float, share: float) -> Lengths:
    """Return the distribution with these quantiles, ``usual`` with this ``share`` below it."""
    from scipy.special import gammainccinv, gammaincinv

    ratio, least, most = high / low, log(1e-2), log(1e4)
    for _ in range(60):
        middle = 0.5 * (least + most)
        alpha = exp(middle)
        if gammainccinv(alpha, TAIL) / max(gammaincinv(alpha, TAIL), 1e-300) > ratio:
            least = middle
        else:
            most = middle
    beta = low * float(gammainccinv(alpha, TAIL))
    return Lengths(low, high, alpha, beta, beta / float(gammaincinv(alpha, 1.0 - share)))
