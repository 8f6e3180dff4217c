"""Rows' log likelihoods with two derivatives by the predictor, under the links that make them short."""

from collections.abc import Mapping

import numpy as np
from scipy.special import gammaln

from bayesdeep.core.records import Response, RowTerms
from bayesdeep.numerics.lane_loops import counts, logistic, logistic_shifted

Values = Mapping[str, np.ndarray]


def of_successes(response: Response, link: str) -> RowTerms | None:
    """Return those of successes in trials under the logit link: ``log ways + y eta - n log(1 + exp(eta))``."""
    if link != "logit":
        return None
    y = np.asarray(response.value, dtype=np.float64)
    trials = np.ones_like(y) if response.trials is None else np.asarray(response.trials, dtype=np.float64)
    ways = np.asarray(gammaln(trials + 1.0) - gammaln(y + 1.0) - gammaln(trials - y + 1.0))

    def terms(eta: np.ndarray, values: Values, order: int) -> tuple[np.ndarray, ...]:
        del values
        return logistic(eta, y, trials, ways, order)

    return terms


def of_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of Poisson counts under the log link: ``y eta - exp(eta) - log y!``."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)
    base = gammaln(y + 1.0)

    def terms(eta: np.ndarray, values: Values, order: int) -> tuple[np.ndarray, ...]:
        del values
        return counts(eta, y, base, order)

    return terms


def of_overdispersed_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of negative binomial counts under the log link.

    With ``d = eta - log alpha`` they are ``log C(y + alpha - 1, y) + y d - (y + alpha) log(1 + exp(d))``.
    """
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)
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

    def terms(eta: np.ndarray, values: Values, order: int) -> tuple[np.ndarray, ...]:
        alpha = np.asarray(values["alpha"], dtype=np.float64).reshape(-1)
        return logistic_shifted(eta, y, np.log(alpha), alpha, ways_of(alpha), place, order)

    return terms


def of_gamma(response: Response, link: str) -> RowTerms | None:
    """Return those of gamma responses of shape alpha under the log link: their mean is ``exp(eta)``."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    logs = np.log(y)

    def terms(eta: np.ndarray, values: Values, order: int) -> tuple[np.ndarray, ...]:
        alpha = np.asarray(values["alpha"], dtype=np.float64).reshape(1, -1)
        scaled = alpha * np.exp(logs - eta)
        found = alpha * (np.log(alpha) + logs - eta) - logs - gammaln(alpha) - scaled
        if order == 0:
            return (found,)
        return (found, scaled - alpha) if order == 1 else (found, scaled - alpha, -scaled)

    return terms
