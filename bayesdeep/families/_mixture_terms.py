"""Rows' log likelihoods of counts whose zeros have a probability of their own, with derivatives, in NumPy."""

import numpy as np
from scipy.special import gammaln

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues


def of_inflated_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of Poisson counts with extra zeros under the log link.

    A zero has ``log(zi + (1 - zi) exp(-mu))``, another count ``log(1 - zi) + y eta - mu - log y!``.
    """
    if link != "log":
        return None
    y, zero = _counts(response)
    base, zeros = gammaln(y + 1.0), np.flatnonzero(zero)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        zi, mean = values["zi"], np.exp(eta)
        rest = np.log1p(-zi)
        value = rest + y * eta - mean - base
        # Logs of sums are dear, and only zeros need them.
        at, none = mean[zeros], (rest if len(rest) == 1 else rest[zeros]) - mean[zeros]
        value[zeros] = np.logaddexp(np.log(zi if len(zi) == 1 else zi[zeros]), none)
        if order == 0:
            return (value,)
        own = np.exp(none - value[zeros])  # the probability that a zero is no extra one
        slope = y - mean
        slope[zeros] = -own * at
        if order == 1:
            return value, slope
        second = -mean
        second[zeros] = -own * at * (1.0 - (1.0 - own) * at)
        return value, slope, second

    return terms


def zi_of_inflated_counts(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``zi``."""
    if link != "log":
        return None
    _, zero = _counts(response)

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        del name
        zi, mean = values["zi"], np.exp(eta)
        slope = np.where(zero, -np.expm1(-mean) / (zi + (1.0 - zi) * np.exp(-mean)), -1.0 / (1.0 - zi))
        return slope, -(slope**2)

    return terms


def of_hurdle_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of counts behind a hurdle under the log link.

    A zero has ``log hu``, another count ``log(1 - hu) + y eta - mu - log y! - log(1 - exp(-mu))``.
    """
    if link != "log":
        return None
    y, zero = _counts(response)
    base = gammaln(y + 1.0)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        hu = values["hu"]
        # Far below 0 the mean of a count above zero is 1, and log(1 - exp(-mu)) is eta.
        mean = np.exp(np.clip(eta, -30.0, None))
        some = -np.expm1(-mean)
        log_some = np.where(eta < -30.0, eta, np.log(some))
        value = np.where(zero, np.log(hu), np.log1p(-hu) + y * eta - mean - base - log_some)
        if order == 0:
            return (value,)
        expected = mean / some  # of a count, given that it is above zero
        slope = np.where(zero, 0.0, y - expected)
        if order == 1:
            return value, slope
        return value, slope, np.where(zero, 0.0, -expected * (1.0 + mean - expected))

    return terms


def hu_of_hurdle_counts(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``hu``."""
    del link
    _, zero = _counts(response)

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        del name
        hu = np.broadcast_to(values["hu"], eta.shape)
        slope = np.where(zero, 1.0 / hu, -1.0 / (1.0 - hu))
        return slope, -(slope**2)

    return terms


def _counts(response: Response) -> tuple[np.ndarray, np.ndarray]:
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    return y, y == 0.0
