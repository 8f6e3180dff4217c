"""Rows' log likelihoods with two derivatives by the predictor in NumPy, under the links that make them short."""

import numpy as np
from scipy.special import gammaln

from bayesdeep.core.records import Response, RowTerms, RowValues


def of_successes(response: Response, link: str) -> RowTerms | None:
    """Return those of successes in trials under the logit link: ``log ways + y eta - n log(1 + exp(eta))``."""
    if link != "logit":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    trials = 1.0 if response.trials is None else np.asarray(response.trials, dtype=np.float64)[:, None]
    ways = np.asarray(gammaln(trials + 1.0) - gammaln(y + 1.0) - gammaln(trials - y + 1.0))

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        del values
        return _logistic(eta, y, trials, ways, order)

    return terms


def of_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of Poisson counts under the log link: ``y eta - exp(eta) - log y!``."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    base = gammaln(y + 1.0)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        del values
        mean = np.exp(eta)
        found = y * eta
        found -= mean
        found -= base
        if order == 0:
            return (found,)
        slope = y - mean
        return (found, slope) if order == 1 else (found, slope, -mean)

    return terms


def of_overdispersed_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of negative binomial counts under the log link.

    With ``d = eta - log alpha`` they are ``log C(y + alpha - 1, y) + y d - (y + alpha) log(1 + exp(d))``. Where alpha is large
    these are differences of numbers that are far larger, and they are taken together beforehand: see :func:`_nearly_poisson`.
    """
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    different, place = np.unique(y[:, 0], return_inverse=True)
    factorials = gammaln(different[:, None] + 1.0)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        alpha = np.minimum(values["alpha"], LARGEST_SHAPE)
        if len(alpha) > 1:  # it differs between rows, so that equal counts have no term in common
            return _logistic(eta - np.log(alpha), y, y + alpha, gammaln(y + alpha) - gammaln(alpha) - gammaln(y + 1.0), order)
        large = (alpha > LARGE_SHAPE)[0]
        if large.any() and not large.all():  # of several values, each in its own way
            found = [np.empty(np.broadcast_shapes(eta.shape, (1, alpha.shape[1]))) for _ in range(order + 1)]
            eta = np.broadcast_to(eta, found[0].shape)
            for own in (large, ~large):
                for whole, part in zip(found, terms(eta[:, own], {"alpha": alpha[:, own]}, order), strict=True):
                    whole[:, own] = part
            return tuple(found)
        if large.all():
            base = _stirling_rest(different[:, None] + alpha) - _stirling_rest(alpha)
            base -= 0.5 * np.log1p(different[:, None] / alpha) + factorials + different[:, None]
            return _nearly_poisson(eta, y, alpha, base[place], order)
        ways = gammaln(different[:, None] + alpha) - gammaln(alpha) - factorials
        return _logistic(eta - np.log(alpha), y, y + alpha, ways[place], order)

    return terms


LARGE_SHAPE, LARGEST_SHAPE = 100.0, 1e300
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


def _logistic(
    eta: np.ndarray, y: np.ndarray, total: np.ndarray | float, base: np.ndarray, order: int
) -> tuple[np.ndarray, ...]:
    """Return ``base + y eta - total log(1 + exp(eta))`` and its derivatives."""
    t = np.abs(eta)
    np.negative(t, out=t)
    np.exp(t, out=t)
    up = t + 1.0
    soft = np.log(up)
    soft += np.maximum(eta, 0.0)
    found = y * eta
    found -= total * soft
    found += base
    if order == 0:
        return (found,)
    small = np.reciprocal(up, out=up)
    other = t * small
    p = np.where(eta >= 0.0, small, other)
    slope = y - total * p
    return (found, slope) if order == 1 else (found, slope, -total * (small * other))
