"""Rows' log likelihoods of proportions, and derivatives of counts' and positive responses' by their shape, in NumPy."""

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues


def of_proportions(response: Response, link: str) -> RowTerms | None:
    """Return those of beta responses of mean ``mu = 1 / (1 + exp(-eta))`` and precision kappa."""
    if link != "logit":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    logs, rests = np.log(y), np.log1p(-y)
    odds = logs - rests

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        kappa = values["kappa"]
        a, b, both = _shapes(eta, kappa)
        value = gammaln(kappa) - gammaln(a) - gammaln(b) + (a - 1.0) * logs + (b - 1.0) * rests
        if order == 0:
            return (value,)
        turn = both * kappa  # of mu kappa, by eta
        pull = odds - digamma(a) + digamma(b)
        if order == 1:
            return value, turn * pull
        bend = (b - a) / kappa
        return value, turn * pull, turn * bend * pull - turn**2 * (polygamma(1, a) + polygamma(1, b))

    return terms


def kappa_of_proportions(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``kappa``."""
    if link != "logit":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    logs, rests = np.log(y), np.log1p(-y)

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        kappa = values[name]
        a, b, _ = _shapes(eta, kappa)
        mu, rest = a / kappa, b / kappa
        first = digamma(kappa) + mu * (logs - digamma(a)) + rest * (rests - digamma(b))
        return first, polygamma(1, kappa) - mu**2 * polygamma(1, a) - rest**2 * polygamma(1, b)

    return terms


def alpha_of_overdispersed_counts(response: Response, link: str) -> ParameterTerms | None:
    """Return derivatives of negative binomial counts by ``alpha``, under the log link."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        alpha, mean = values[name], np.exp(eta)
        total = alpha + mean
        apart = (mean - y) / total
        first = digamma(y + alpha) - digamma(alpha) + np.log(alpha / total) + apart
        second = polygamma(1, y + alpha) - polygamma(1, alpha) + mean / (alpha * total) - apart / total
        return first, second

    return terms


def alpha_of_gamma(response: Response, link: str) -> ParameterTerms | None:
    """Return derivatives of gamma responses by their shape ``alpha``, under the log link."""
    if link != "log":
        return None
    logs = np.log(np.asarray(response.value, dtype=np.float64)[:, None])

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        alpha, apart = values[name], logs - eta
        first = np.log(alpha) + 1.0 - digamma(alpha) + apart - np.exp(apart)
        return first, np.broadcast_to(1.0 / alpha - polygamma(1, alpha), eta.shape)

    return terms


def _shapes(eta: np.ndarray, kappa: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``mu kappa``, ``(1 - mu) kappa`` and ``mu (1 - mu)``."""
    small = np.exp(-np.abs(eta))
    high = 1.0 / (1.0 + small)
    low = small * high
    mu, rest = np.where(eta >= 0.0, high, low), np.where(eta >= 0.0, low, high)
    return mu * kappa, rest * kappa, high * low
