"""Parts of the families of successes in trials."""

from typing import Any

import numpy as np
from scipy.special import expit, gammaln

from bayesdeep.core.lazy import pt
from bayesdeep.core.records import ParameterTerms, Response, RowLaw, RowTerms, RowValues
from bayesdeep.core.response_checks import counts, refuse, refuse_rows

from ._rising import LARGEST, above_power_in_numpy, slopes

NEEDS = "counts from 0 to the number of trials"
LEAST, LEAST_SHAPE = 1e-140, 1e-290
"""Smallest precision, whose square is a number, and smallest shape of a beta distribution."""


def successes(response: Response, family: str) -> Response:
    """Return successes and trials as counts of int64, or raise."""
    if response.trials is None:
        refuse(response, family, "the number of trials", "write prop(k, n) ~ …")
    response = counts(response, family)
    trials = np.asarray(response.trials, dtype=np.int64)
    refuse_rows(response, response.value > trials, family, NEEDS, "which is more than its trials")
    return response.with_(trials=trials)


def log_ways(trials: Any, k: Any) -> Any:
    """Return the logarithm of the number of ways to have ``k`` successes in so many trials."""
    return pt.gammaln(trials + 1.0) - pt.gammaln(k + 1.0) - pt.gammaln(trials - k + 1.0)


def times(count: Any, log_probability: Any) -> Any:
    """Return their product, in which 0 log 0 is 0, also where the link says log 0 = -inf."""
    return pt.switch(pt.eq(count, 0), 0.0, count * log_probability)


def overdispersed_rows(response: Response, link: str) -> RowTerms | None:
    """Return the terms of beta-binomial successes of precision kappa under the logit link.

    With ``a = mu kappa`` and ``b = (1 - mu) kappa`` the likelihood is ``C(n, k)`` times the rising factorials of ``a`` by ``k``
    and of ``b`` by ``n - k`` over that of ``kappa`` by ``n``.
    """
    if link != "logit" or response.trials is None:
        return None
    k, n = (np.asarray(v, dtype=np.float64)[:, None] for v in (response.value, response.trials))
    rest = n - k
    ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(rest + 1.0)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        kappa = np.clip(values["kappa"], LEAST, LARGEST)
        yes, no, log_kappa = -np.logaddexp(0.0, -eta), -np.logaddexp(0.0, eta), np.log(kappa)
        mu, other = expit(eta), expit(-eta)
        a, b = mu * kappa, other * kappa
        value = ways + k * yes + rest * no - above_power_in_numpy(kappa, log_kappa, n)
        value += above_power_in_numpy(a, log_kappa + yes, k) + above_power_in_numpy(b, log_kappa + no, rest)
        if order == 0:
            return (value,)
        (up, up2), (down, down2) = slopes(a, k), slopes(b, rest)
        slope = other * up - mu * down
        if order == 1:
            return value, slope
        return value, slope, (other - mu) * slope - other**2 * up2 - mu**2 * down2

    return terms


def kappa_of_overdispersed(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``kappa``."""
    if link != "logit" or response.trials is None:
        return None
    k, n = (np.asarray(v, dtype=np.float64)[:, None] for v in (response.value, response.trials))

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        kappa = np.clip(values[name], LEAST, LARGEST)
        (up, up2), (down, down2), (all1, all2) = (
            slopes(shape, count) for shape, count in ((expit(eta) * kappa, k), (expit(-eta) * kappa, n - k), (kappa, n))
        )
        return (up + down - all1) / kappa, (all2 - up2 - down2) / kappa**2

    return terms


def overdispersed_law(link: str) -> RowLaw | None:
    """Return the law of beta-binomial successes under the logit link: binomial ones whose probability has a beta distribution."""
    if link != "logit":
        return None

    def mean(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        return np.asarray(expit(params["mu"]) * trials)

    def draw(rng: np.random.Generator, params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        assert trials is not None
        kappa = np.clip(params["kappa"], LEAST, LARGEST)
        a, b = (np.maximum(expit(s * params["mu"]) * kappa, LEAST_SHAPE) for s in (1.0, -1.0))
        return rng.binomial(trials.astype(np.int64), rng.beta(a, b))

    def variance(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        assert trials is not None
        more = (params["kappa"] + trials) / (params["kappa"] + 1.0)
        return np.asarray(mean(params, trials) * expit(-params["mu"]) * more)

    return RowLaw(mean, draw, variance)
