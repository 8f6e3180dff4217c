"""The loops over rows of the fused log likelihoods, for numba."""

import math
from functools import cache
from typing import Any

import numpy as np

from bayesdeep.numerics.vector_math import LEAST_EXPONENT, vector_math

LOWEST, HIGHEST, LARGEST = -700.0, math.log(1e15), 1e300
CHUNK = 512
"""Rows whose log likelihoods are kept before they are added up: few enough for the fastest memory."""


@cache
def loops(kind: str, summed: bool) -> Any:
    """Return ``f(eta, y[, trials][, base]) -> (log likelihood, slope)``, and the version that the disk cache knows it by."""
    rows = {"bernoulli": _bernoulli, "binomial": _binomial, "poisson": _poisson}[kind]()
    further = {"bernoulli": 0, "binomial": 2, "poisson": 1}[kind]
    return (_summed if summed else _apart)(rows, further), 5


def _apart(rows: Any, further: int) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    if further == 0:

        @numba_njit(fastmath=False)
        def none(eta: Any, y: Any) -> Any:
            value, slope = np.empty(eta.size), np.empty(eta.size)
            rows(eta, y, value, slope)
            return value, slope

        return none
    if further == 1:

        @numba_njit(fastmath=False)
        def one(eta: Any, y: Any, base: Any) -> Any:
            value, slope = np.empty(eta.size), np.empty(eta.size)
            rows(eta, y, base, value, slope)
            return value, slope

        return one

    @numba_njit(fastmath=False)
    def two(eta: Any, y: Any, trials: Any, base: Any) -> Any:
        value, slope = np.empty(eta.size), np.empty(eta.size)
        rows(eta, y, trials, base, value, slope)
        return value, slope

    return two


def _summed(rows: Any, further: int) -> Any:
    from pytensor.link.numba.dispatch.basic import numba_njit

    add = vector_math().total
    # A 0-dimensional array is what PyTensor expects of a scalar output.
    if further == 0:

        @numba_njit(fastmath=False)
        def none(eta: Any, y: Any) -> Any:
            n, whole = eta.size, 0.0
            slope, value = np.empty(n), np.empty(min(n, CHUNK))
            for i in range(0, n, CHUNK):
                j = min(n, i + CHUNK)
                rows(eta[i:j], y[i:j], value, slope[i:j])
                whole += add(value[: j - i])
            return np.asarray(whole), slope

        return none
    if further == 1:

        @numba_njit(fastmath=False)
        def one(eta: Any, y: Any, base: Any) -> Any:
            n, whole = eta.size, 0.0
            slope, value = np.empty(n), np.empty(min(n, CHUNK))
            for i in range(0, n, CHUNK):
                j = min(n, i + CHUNK)
                rows(eta[i:j], y[i:j], base[i:j], value, slope[i:j])
                whole += add(value[: j - i])
            return np.asarray(whole), slope

        return one

    @numba_njit(fastmath=False)
    def two(eta: Any, y: Any, trials: Any, base: Any) -> Any:
        n, whole = eta.size, 0.0
        slope, value = np.empty(n), np.empty(min(n, CHUNK))
        for i in range(0, n, CHUNK):
            j = min(n, i + CHUNK)
            rows(eta[i:j], y[i:j], trials[i:j], base[i:j], value, slope[i:j])
            whole += add(value[: j - i])
        return np.asarray(whole), slope

    return two


# In the loops every choice is between two numbers that are both there, which a vector instruction can make; and the
# comparisons let a NaN through. Without the error model of NumPy each division would be a branch.


@cache
def logit_parts() -> Any:
    """Return ``f(eta) -> (below, above, rest, success, failure)`` for use inside loops.

    ``below + rest`` is minus the log probability of a success and ``above + rest`` that of a failure; then both probabilities.
    """
    from numba import njit

    maths = vector_math()
    exp, log1p = maths.exp, maths.log1p

    @njit(forceinline=True, error_model="numpy", fastmath=False)
    def parts(e: Any) -> Any:
        size = abs(e)
        size = -LEAST_EXPONENT if size >= -LEAST_EXPONENT else size
        small = exp(-size)
        larger = 1.0 / (1.0 + small)
        smaller = small * larger
        above = 0.0 if e <= 0.0 else e
        above = LARGEST if above >= LARGEST else above
        below = 0.0 if e >= 0.0 else -e
        below = LARGEST if below >= LARGEST else below
        success = larger if e >= 0.0 else smaller
        failure = smaller if e >= 0.0 else larger
        return below, above, log1p(small), success, failure

    return parts


def _bernoulli() -> Any:
    from numba import njit

    logit = logit_parts()

    @njit(error_model="numpy", fastmath=False)
    def rows(eta: Any, y: Any, value: Any, slope: Any) -> None:
        for i in range(eta.size):
            e, yes = eta[i], float(y[i])
            below, above, rest, success, failure = logit(e)
            value[i] = -(yes * below + (1.0 - yes) * above + rest)
            slope[i] = yes * failure - (1.0 - yes) * success

    return rows


def _binomial() -> Any:
    from numba import njit

    logit = logit_parts()

    @njit(error_model="numpy", fastmath=False)
    def rows(eta: Any, y: Any, trials: Any, base: Any, value: Any, slope: Any) -> None:
        for i in range(eta.size):
            e, yes, n = eta[i], float(y[i]), float(trials[i])
            below, above, rest, success, failure = logit(e)
            value[i] = base[i] - (yes * below + (n - yes) * above + n * rest)
            slope[i] = yes * failure - (n - yes) * success

    return rows


def _poisson() -> Any:
    from numba import njit

    exp = vector_math().exp

    @njit(error_model="numpy", fastmath=False)
    def rows(eta: Any, y: Any, base: Any, value: Any, slope: Any) -> None:
        for i in range(eta.size):
            e, count = eta[i], float(y[i])
            held = HIGHEST if e >= HIGHEST else e
            held = LOWEST if held <= LOWEST else held
            mu = exp(held)
            value[i] = count * held - mu + base[i]
            # Where the mean is held it does not move with the predictor.
            slope[i] = 0.0 if (e > HIGHEST) | (e < LOWEST) else count - mu

    return rows
