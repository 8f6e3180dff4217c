"""Rows' log likelihoods with two derivatives by the predictor, under the links that make them short."""

import numpy as np
from scipy.special import gammaln

from bayesdeep.core.records import Response, RowTerms, RowValues
from bayesdeep.numerics.lane_loops import counts, logistic, logistic_in_numpy, logistic_shifted


def of_successes(response: Response, link: str) -> RowTerms | None:
    """Return those of successes in trials under the logit link: ``log ways + y eta - n log(1 + exp(eta))``."""
    if link != "logit":
        return None
    y = np.asarray(response.value, dtype=np.float64)
    trials = np.ones_like(y) if response.trials is None else np.asarray(response.trials, dtype=np.float64)
    ways = np.asarray(gammaln(trials + 1.0) - gammaln(y + 1.0) - gammaln(trials - y + 1.0))

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        del values
        return logistic(eta, y, trials, ways, order)

    return terms


def of_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of Poisson counts under the log link: ``y eta - exp(eta) - log y!``."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)
    base = gammaln(y + 1.0)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        del values
        return counts(eta, y, base, order)

    return terms


def of_overdispersed_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of negative binomial counts under the log link.

    With ``d = eta - log alpha`` they are ``log C(y + alpha - 1, y) + y d - (y + alpha) log(1 + exp(d))``. Where alpha is large
    these are differences of numbers that are far larger, and they are taken together beforehand: see :func:`_nearly_poisson`.
    """
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)
    column = y[:, None]
    different, place = np.unique(y, return_inverse=True)
    place, factorials = np.ascontiguousarray(place, dtype=np.int64), gammaln(different + 1.0)[:, None]
    last: tuple[bytes, np.ndarray] = (b"", np.empty(0))

    def ways_of(alpha: np.ndarray) -> np.ndarray:
        nonlocal last
        # A trajectory asks again and again with the same alpha; one assignment, so that threads see old or new.
        kept, key = last, alpha.tobytes()
        if kept[0] != key:
            kept = last = (key, gammaln(different[:, None] + alpha) - gammaln(alpha) - factorials)
        return kept[1]

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        alpha = np.minimum(values["alpha"], LARGEST_SHAPE)
        if len(alpha) > 1:  # it differs between rows, so that equal counts have no term in common
            ways = gammaln(column + alpha) - gammaln(alpha) - gammaln(column + 1.0)
            return logistic_in_numpy(eta - np.log(alpha), column, column + alpha, ways, order)
        large = alpha[0] > LARGE_SHAPE
        if large.any() and not large.all():  # of several values, each in its own way
            found = [np.empty(np.broadcast_shapes(eta.shape, alpha.shape)) for _ in range(order + 1)]
            eta = np.broadcast_to(eta, found[0].shape)
            for own in (large, ~large):
                for whole, part in zip(found, terms(eta[:, own], {"alpha": alpha[:, own]}, order), strict=True):
                    whole[:, own] = part
            return tuple(found)
        if large.all():
            base = _stirling_rest(different[:, None] + alpha) - _stirling_rest(alpha)
            base -= 0.5 * np.log1p(different[:, None] / alpha) + factorials + different[:, None]
            return _nearly_poisson(eta, column, alpha, base[place], order)
        return logistic_shifted(eta, y, np.log(alpha[0]), alpha[0], ways_of(alpha[0]), place, order)

    return terms


LARGE_SHAPE, LARGEST_SHAPE = 100.0, 1e120
"""Shapes of the negative binomial from which it is computed as nearly Poisson, and beyond which it is no nearer."""
HALF = 0.5


def _stirling_rest(z: np.ndarray) -> np.ndarray:
    """Return what Stirling's formula for ``log gamma(z)`` leaves over, for large ``z``."""
    inverse = 1.0 / z
    return np.asarray(inverse * (1.0 / 12.0 - inverse**2 * (1.0 / 360.0 - inverse**2 / 1260.0)))


def _nearly_poisson(
    eta: np.ndarray, y: np.ndarray, alpha: np.ndarray, base: np.ndarray, order: int
) -> tuple[np.ndarray, ...]:
    """Return ``base + y eta + (alpha + y) log((alpha + y) / (alpha + mu))`` and its derivatives, for a large alpha."""
    mu = np.exp(np.minimum(eta, 690.0))
    apart = (y - mu) / (alpha + mu)
    ratio = np.log1p(np.maximum(apart, -HALF))
    if (apart < -HALF).any():
        ratio = np.where(apart < -HALF, np.log(alpha + y) - np.logaddexp(np.log(alpha), eta), ratio)
    found = base + y * eta + (alpha + y) * ratio
    if order == 0:
        return (found,)
    slope = alpha * apart
    return (found, slope) if order == 1 else (found, slope, -(alpha / (alpha + mu)) * mu * ((alpha + y) / (alpha + mu)))


def of_gamma(response: Response, link: str) -> RowTerms | None:
    """Return those of gamma responses of shape alpha under the log link: their mean is ``exp(eta)``."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    logs = np.log(y)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        alpha = values["alpha"]
        scaled = alpha * np.exp(logs - eta)
        found = alpha * (np.log(alpha) + logs - eta) - logs - gammaln(alpha) - scaled
        if order == 0:
            return (found,)
        return (found, scaled - alpha) if order == 1 else (found, scaled - alpha, -scaled)

    return terms
