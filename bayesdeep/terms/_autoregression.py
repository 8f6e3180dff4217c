"""Coefficients of stationary autoregressions, and the process that independent innovations make."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt


def from_partial(partial: Sequence[Any]) -> list[Any]:
    r"""Return the coefficients of an autoregression from its partial autocorrelations, both by lag.

    The recursion of Durbin and Levinson,

    .. math:: \phi^{(k)}_k = r_k, \qquad \phi^{(k)}_j = \phi^{(k-1)}_j - r_k \phi^{(k-1)}_{k-j},

    maps the cube :math:`(-1, 1)^p` one to one onto the coefficients of stationary processes.

    Barndorff-Nielsen and Schou (1973), On the parametrization of autoregressive models by partial autocorrelations, Journal of
    Multivariate Analysis 3(4), 408-419, doi:10.1016/0047-259X(73)90030-4.
    """
    found: list[Any] = []
    for own in partial:
        found = [*(a - own * b for a, b in zip(found, reversed(found), strict=True)), own]
    return found


def process_root(phi: Any, steps: int) -> Any:
    r"""Return ``(step, step)``, by which independent standard normal numbers are multiplied to be a stationary process.

    The process is :math:`x_t = \phi x_{t-1} + e_t` with innovations of sd 1; the first value has the sd
    :math:`(1 - \phi^2)^{-1/2}` that all have. Lower-triangular: powers of :math:`\phi`.
    """
    apart = np.arange(steps)[:, None] - np.arange(steps)[None, :]
    # A power of 0 has a slope only as an expression of its own: 0 times infinity otherwise, where phi is 0.
    powers = pt.power(phi, pt.constant(np.maximum(apart, 1).astype(np.float64)))
    powers = pt.where(pt.constant(apart == 0), 1.0, pt.where(pt.constant(apart < 0), 0.0, powers))
    first = pt.concatenate([pt.atleast_1d(1.0 / pt.sqrt(1.0 - phi**2)), pt.ones(steps - 1)])
    return powers * first[None, :]
