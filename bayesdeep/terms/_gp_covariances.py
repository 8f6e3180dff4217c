r"""Isotropic covariance functions of a Gaussian process by their spectral densities, and what it takes to approximate them.

With the length scale :math:`\ell`, the variance 1 and :math:`D` variables the spectral densities at a frequency
:math:`\omega` are

.. math:: S(\omega) = (\sqrt{2\pi} \ell)^D \exp(-\ell^2 \omega^2 / 2), \qquad
    S(\omega) = \frac{2^D \pi^{D/2} \Gamma(\nu + D/2) (2\nu)^\nu}{\Gamma(\nu)} \ell^D (2\nu + \ell^2 \omega^2)^{-(\nu + D/2)}

of the squared exponential (``exp_quad``) and of the Matérn class with :math:`\nu` = 5/2, 3/2 and 1/2, the exponential.

References
----------
Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, MIT Press, section 4.2. Riutort-Mayol, Bürkner, Andersen,
Solin and Vehtari (2022), Practical Hilbert space approximate Bayesian Gaussian processes for probabilistic programming,
Statistics and Computing 33, 17, doi:10.1007/s11222-022-10167-2, table 1 and equations 12 to 14.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import lgamma, log, pi
from typing import Any

import numpy as np

LEAST_LOG = -300.0
"""Logarithm of a coefficient's sd over the process's below which it might as well be 0, which has no logarithm."""


@dataclass(frozen=True)
class Covariance:
    """A covariance function.

    Attributes
    ----------
    nu
        Of the Matérn class; infinite for the squared exponential.
    widest
        Half width of the box, in length scales, that the largest length scale needs.
    finest
        Basis functions for each half width of the box over the smallest length scale.
    of
        What it is called in a sentence.
    """

    nu: float
    widest: float
    finest: float
    of: str


COVARIANCES: Mapping[str, Covariance] = {
    "exp_quad": Covariance(np.inf, 3.2, 1.75, "squared exponential"),
    "matern52": Covariance(2.5, 4.1, 2.65, "Matérn 5/2"),
    "matern32": Covariance(1.5, 4.5, 3.42, "Matérn 3/2"),
    # Not in the table, whose rule leaves out 1 % of the variance: of a function so rough 5 %, at the smallest length scale.
    "exponential": Covariance(0.5, 4.5, 8.0, "exponential"),
}
"""By name."""


def correlations_of(name: str) -> Callable[[Sequence[Any], np.ndarray, np.ndarray, Any], Any]:
    """Return the correlations of a covariance, by name, as :attr:`bayesdeep.core.effects.Process.alike`."""
    return partial(_alike, COVARIANCES[name].nu)


def _alike(nu: float, values: Sequence[Any], here: np.ndarray, there: np.ndarray, xp: Any) -> Any:
    from scipy.spatial.distance import cdist

    (length,) = values
    away = cdist(here, there) / length
    if np.isinf(nu):
        return xp.exp(-0.5 * away**2)
    away = float(np.sqrt(2.0 * nu)) * away
    factor = {0.5: 1.0, 1.5: 1.0 + away, 2.5: 1.0 + away + away**2 / 3.0}[nu]
    return factor * xp.exp(-away)


def sds_of(name: str, frequencies: np.ndarray, widths: np.ndarray) -> Callable[[Sequence[Any], Any], Any]:
    r"""Return the sds of coefficients as a function of the process's sd and length scale, :math:`\sigma \sqrt{S(\omega_b) / V}`.

    Parameters
    ----------
    name
        Of the covariance.
    frequencies
        ``(coefficient,)``, each the length of the vector of frequencies of a product of sines.
    widths
        Half widths of the box ``(variable,)``; functions of amplitude 1 are scaled to norm 1 by their product :math:`V`.
    """
    nu, d = COVARIANCES[name].nu, len(widths)
    squares, volume = frequencies**2, float(np.log(widths).sum())

    def sds(values: Sequence[Any], xp: Any) -> Any:
        sd, length = values
        if np.isinf(nu):
            shape = 0.5 * d * log(2.0 * pi) - 0.5 * length**2 * squares
        else:
            constant = d * log(2.0) + 0.5 * d * log(pi) + lgamma(nu + 0.5 * d) - lgamma(nu) + nu * log(2.0 * nu)
            shape = constant - (nu + 0.5 * d) * xp.log(2.0 * nu + length**2 * squares)
        return sd * xp.exp(xp.maximum(0.5 * (shape + d * xp.log(length) - volume), LEAST_LOG))

    return sds
