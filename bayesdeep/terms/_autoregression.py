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


def root_of_order(partial: Sequence[Any], steps: int) -> Any:
    r"""Return ``(step, step)``, by which independent standard normal numbers are multiplied to be a stationary process.

    As :func:`process_root`, of as many lags as there are ``partial`` autocorrelations :math:`r_k`. The value at step
    :math:`t \leq p` is regressed on the :math:`t - 1` before it, with the recursion's coefficients of that order, and what is
    left has the variance :math:`\prod_{k=t}^{p} (1 - r_k^2)^{-1}`: all values then have one variance from the first on.
    """
    from pytensor.tensor.linalg import solve_triangular

    count, back = len(partial), pt.constant(np.eye(steps))
    later = np.arange(steps)[:, None] >= count
    for k, own in enumerate(from_partial(partial)):
        back = back - own * pt.constant(np.where(later, np.eye(steps, k=-k - 1), 0.0))
    for row in range(1, count):
        for j, own in enumerate(from_partial(partial[:row])):
            place = np.zeros((steps, steps))
            place[row, row - 1 - j] = 1.0
            back = back - own * pt.constant(place)
    sd, sds = pt.constant(1.0), list[Any]()
    for own in reversed(partial):
        sd = sd / pt.sqrt(1.0 - own**2)
        sds.append(sd)
    scale = pt.concatenate([pt.stack(sds[::-1]), pt.ones(steps - count)])
    return solve_triangular(back, pt.diag(scale), lower=True)
