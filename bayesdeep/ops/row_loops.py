"""Log likelihoods of many rows with two derivatives by the predictor, compiled: for models of so many rows that it pays.

The same formulas as :mod:`.glm_likelihood`, whose loops have one derivative, and

.. math::

    \\text{logit:}\\quad \\ell'' = -\\frac{n}{(1 + e^{\\eta})(1 + e^{-\\eta})}, \\qquad \\text{log:}\\quad \\ell'' = -e^{\\eta}.
"""

from functools import cache
from typing import Any

import numpy as np

from bayesdeep.numerics.vector_math import vector_math

from .glm_loops import HIGHEST, LOWEST, logit_parts


def derivatives_of(kind: str, eta: np.ndarray, y: np.ndarray, trials: np.ndarray, base: np.ndarray) -> list[np.ndarray]:
    """Return log likelihood, slope and second derivative ``(obs, batch)``.

    Parameters
    ----------
    kind
        ``"logit"`` or ``"log"``, the link: of a binomial and of a Poisson response.
    eta
        Predictors ``(obs, batch)``.
    y, trials, base
        Responses, trials (of ``"log"`` not used) and what depends on the data alone ``(obs,)``.
    """
    rows, (count, batch) = _loop(kind), eta.shape
    out = [np.empty((batch, count)) for _ in range(3)]
    for j in range(batch):
        rows(np.ascontiguousarray(eta[:, j], dtype=np.float64), y, trials, base, *(o[j] for o in out))
    return [o.T for o in out]


@cache
def _loop(kind: str) -> Any:
    return {"logit": _logit, "log": _log}[kind]()


def _logit() -> Any:
    from numba import njit

    logit = logit_parts()

    @njit(error_model="numpy", fastmath=False, nogil=True)
    def rows(eta: Any, y: Any, trials: Any, base: Any, value: Any, slope: Any, second: Any) -> None:
        for i in range(eta.size):
            e, yes, n = eta[i], y[i], trials[i]
            below, above, rest, success, failure = logit(e)
            value[i] = base[i] - (yes * below + (n - yes) * above + n * rest)
            slope[i] = yes * failure - (n - yes) * success
            second[i] = -n * success * failure

    return rows


def _log() -> Any:
    from numba import njit

    exp = vector_math().exp

    @njit(error_model="numpy", fastmath=False, nogil=True)
    def rows(eta: Any, y: Any, trials: Any, base: Any, value: Any, slope: Any, second: Any) -> None:
        for i in range(eta.size):
            e, count = eta[i], y[i]
            held = HIGHEST if e >= HIGHEST else e
            held = LOWEST if held <= LOWEST else held
            mu = exp(held)
            beyond = (e > HIGHEST) | (e < LOWEST)
            value[i] = count * held - mu + base[i]
            slope[i] = 0.0 if beyond else count - mu
            second[i] = 0.0 if beyond else -mu

    return rows
