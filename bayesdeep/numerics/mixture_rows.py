r"""Rows' log likelihoods of Poisson counts whose zeros have a probability of their own, for many lanes at once.

As in :mod:`.lane_loops` each function is written twice: in NumPy, which says what it is, and in ``lane_loops.c``. The predictor
``eta`` and all that is returned are ``(row, lane)``, the zeros' probability is that or ``(1, lane)``, ``y`` and ``base`` are
``(row,)``; ``order`` derivatives by ``eta`` follow the value.
"""

import numpy as np

from .lane_loops import addresses, lane_loops, outputs, sizes

LEAST_PREDICTOR = -30.0
"""Below it the mean of a count above zero is 1, and ``log(1 - exp(-mu))`` is the predictor."""


def inflated(eta: np.ndarray, zi: np.ndarray, y: np.ndarray, base: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return ``log(zi + (1 - zi) exp(-mu))`` of zeros and ``log(1 - zi) + y eta - mu - base`` of others, with derivatives."""
    library = lane_loops()
    if library is None:
        return inflated_in_numpy(eta, zi, y[:, None], base[:, None], order)
    eta, zi, step = _by_row_or_lane(eta, zi)
    found = [np.empty_like(eta) for _ in range(order + 1)]
    library.bayesdeep_inflated(*sizes(eta, order), step, *addresses(eta, zi, y, base), *outputs(found))
    return tuple(found)


def inflation(eta: np.ndarray, zi: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two derivatives of the same by ``zi``."""
    library = lane_loops()
    if library is None:
        return inflation_in_numpy(eta, zi, y[:, None])
    eta, zi, step = _by_row_or_lane(eta, zi)
    slope, second = np.empty_like(eta), np.empty_like(eta)
    library.bayesdeep_inflation(*eta.shape, step, *addresses(eta, zi, y, slope, second))
    return slope, second


def hurdle(eta: np.ndarray, hu: np.ndarray, y: np.ndarray, base: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return ``log hu`` of zeros and ``log(1 - hu) + y eta - mu - base - log(1 - exp(-mu))`` of others, with derivatives."""
    library = lane_loops()
    if library is None:
        return hurdle_in_numpy(eta, hu, y[:, None], base[:, None], order)
    eta, hu, step = _by_row_or_lane(eta, hu)
    found = [np.empty_like(eta) for _ in range(order + 1)]
    library.bayesdeep_hurdle(*sizes(eta, order), step, *addresses(eta, hu, y, base), *outputs(found))
    return tuple(found)


def inflated_in_numpy(
    eta: np.ndarray, zi: np.ndarray, y: np.ndarray, base: np.ndarray, order: int
) -> tuple[np.ndarray, ...]:
    """Return the same as :func:`inflated`; all that is given broadcasts."""
    zero, mean, rest = y == 0.0, np.exp(eta), np.log1p(-zi)
    value = np.where(zero, np.logaddexp(np.log(zi), rest - mean), rest + y * eta - mean - base)
    if order == 0:
        return (value,)
    own = np.where(zero, np.exp(rest - mean - value), 1.0)  # the probability that a zero is no extra one
    slope = np.where(zero, -own * mean, y - mean)
    return (value, slope) if order == 1 else (value, slope, -own * mean * (1.0 - np.where(zero, (1.0 - own) * mean, 0.0)))


def inflation_in_numpy(eta: np.ndarray, zi: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same as :func:`inflation`; all that is given broadcasts."""
    mean = np.exp(eta)
    slope = np.where(y == 0.0, -np.expm1(-mean) / (zi + (1.0 - zi) * np.exp(-mean)), -1.0 / (1.0 - zi))
    return slope, -(slope**2)


def hurdle_in_numpy(
    eta: np.ndarray, hu: np.ndarray, y: np.ndarray, base: np.ndarray, order: int
) -> tuple[np.ndarray, ...]:
    """Return the same as :func:`hurdle`; all that is given broadcasts."""
    zero, mean = y == 0.0, np.exp(np.clip(eta, LEAST_PREDICTOR, None))
    some = -np.expm1(-mean)
    log_some = np.where(eta < LEAST_PREDICTOR, eta, np.log(some))
    value = np.where(zero, np.log(hu), np.log1p(-hu) + y * eta - mean - base - log_some)
    if order == 0:
        return (value,)
    expected = mean / some  # of a count, given that it is above zero
    slope = np.where(zero, 0.0, y - expected)
    if order == 1:
        return value, slope
    return value, slope, np.where(zero, 0.0, -expected * (1.0 + mean - expected))


def _by_row_or_lane(eta: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return both as C has them, and how far apart two rows' probabilities lie: 0 where rows share them."""
    eta = np.ascontiguousarray(eta, dtype=np.float64)
    by_row = len(share) == len(eta)
    share = np.ascontiguousarray(np.broadcast_to(share, eta.shape if by_row else (1, eta.shape[1])), dtype=np.float64)
    return eta, share, eta.shape[1] if by_row else 0
