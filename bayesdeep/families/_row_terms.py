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

    With ``d = eta - log alpha`` they are ``log C(y + alpha - 1, y) + y d - (y + alpha) log(1 + exp(d))``.
    """
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    different, place = np.unique(y[:, 0], return_inverse=True)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        alpha = values["alpha"]
        each = different[:, None] if len(alpha) == 1 else y  # one sum for all equal counts, unless alpha differs between rows
        ways = gammaln(each + alpha) - gammaln(alpha) - gammaln(each + 1.0)
        return _logistic(eta - np.log(alpha), y, y + alpha, ways[place] if len(alpha) == 1 else ways, order)

    return terms


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
