"""Responses' means, variances and new values in NumPy, from their parameters draw by draw."""

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from bayesdeep.core.records import RowLaw, RowValues

from ._counts import LEAST_MEAN, MAX_MEAN
from ._positive import TINY
from ._unit import MIN_PROBABILITY, MOST

MAX_SHAPE = 1e300

Trials = np.ndarray | None


def of_successes(link: str) -> RowLaw | None:
    """Return that of successes in trials, of one trial where there are none, under the logit link."""
    if link != "logit":
        return None

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        return np.asarray(expit(params["mu"]) * (1.0 if trials is None else trials))

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        share = expit(params["mu"])
        if trials is None:
            return (rng.random(share.shape) < share).astype(np.int64)
        return rng.binomial(trials.astype(np.int64), share)

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        return np.asarray(mean(params, trials) * expit(-params["mu"]))

    return RowLaw(mean, draw, variance)


def _mean(params: RowValues, trials: Trials) -> np.ndarray:
    del trials
    return params["mu"]


def of_counts(link: str) -> RowLaw:
    """Return that of Poisson counts."""
    del link

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return rng.poisson(np.minimum(params["mu"], MAX_MEAN))

    return RowLaw(_mean, draw, _mean)


def of_overdispersed_counts(link: str) -> RowLaw:
    """Return that of negative binomial counts: Poisson ones whose mean has a gamma distribution."""
    del link

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        mu, alpha = np.minimum(params["mu"], MAX_MEAN), np.minimum(params["alpha"], MAX_SHAPE)
        return rng.poisson(np.minimum(rng.standard_gamma(alpha, mu.shape) * (mu / alpha), MAX_MEAN))

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return params["mu"] + params["mu"] ** 2 / params["alpha"]

    return RowLaw(_mean, draw, variance)


def of_inflated_counts(link: str) -> RowLaw:
    """Return that of Poisson counts with extra zeros."""
    del link

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return (1.0 - params["zi"]) * params["mu"]

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        count = rng.poisson(np.minimum(params["mu"], MAX_MEAN))
        return np.where(rng.random(count.shape) < params["zi"], 0, count)

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        return mean(params, trials) * (1.0 + params["zi"] * params["mu"])

    return RowLaw(mean, draw, variance)


def of_hurdle_counts(link: str) -> RowLaw:
    """Return that of counts behind a hurdle.

    A Poisson count above zero is drawn without rejection: the first event of a Poisson process on ``(0, mu)`` given that there
    is one comes at ``t = -log(1 - u (1 - exp(-mu)))``, and the rest of the interval has ``Poisson(mu - t)`` more.
    """
    del link

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        mu = np.maximum(params["mu"], LEAST_MEAN)
        return (1.0 - params["hu"]) * mu / -np.expm1(-mu)

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        mu = np.clip(params["mu"], LEAST_MEAN, MAX_MEAN)
        first = -np.log1p(rng.random(mu.shape) * np.expm1(-mu))
        count = 1 + rng.poisson(np.maximum(mu - first, 0.0))
        return np.where(rng.random(mu.shape) < params["hu"], 0, count)

    return RowLaw(mean, draw)


def of_gamma(link: str) -> RowLaw:
    """Return that of gamma responses of shape alpha."""
    del link

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        mu, alpha = params["mu"], params["alpha"]
        return np.asarray(rng.standard_gamma(alpha, mu.shape) * (mu / alpha))

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return params["mu"] ** 2 / params["alpha"]

    return RowLaw(_mean, draw, variance)


def of_proportions(link: str) -> RowLaw:
    """Return that of beta responses of precision kappa."""
    del link

    def inner(params: RowValues) -> np.ndarray:
        return np.clip(params["mu"], MIN_PROBABILITY, 1.0 - MIN_PROBABILITY)

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        mu, kappa = inner(params), params["kappa"]
        return rng.beta(mu * kappa, (1.0 - mu) * kappa)

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        mu = inner(params)
        return mu * (1.0 - mu) / (1.0 + params["kappa"])

    return RowLaw(_mean, draw, variance)


def of_levels(link: str) -> RowLaw | None:
    """Return that of slices of a logistic variable between thresholds.

    Of the logistic distribution function ``F(u) - F(l) = F(u) (1 - F(l)) (1 - exp(l - u))``, in which nothing cancels.
    """
    if link != "logit":
        return None

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        cuts = params["threshold"][:, None, :]
        disc = params["disc"][..., None] if "disc" in params else 1.0
        at = disc * (cuts - params["mu"][..., None])
        found = np.empty((*at.shape[:2], at.shape[2] + 1))
        found[..., :-1], found[..., -1] = expit(at), 1.0
        found[..., 1:] *= expit(-at)
        found[..., 1:-1] *= -np.expm1(-disc * np.diff(cuts, axis=-1))
        return found

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        latent = params["mu"] + rng.logistic(size=params["mu"].shape) / params.get("disc", 1.0)
        return np.asarray(sum((latent > cut[:, None]).astype(np.int64) for cut in params["threshold"].T))

    return RowLaw(mean, draw)


def of_lognormal(link: str) -> RowLaw:
    """Return that of responses whose logarithm is normal with sd sigma."""
    del link

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        with np.errstate(over="ignore"):
            return np.exp(params["mu"] + 0.5 * params["sigma"] ** 2)

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        with np.errstate(over="ignore"):
            return np.exp(rng.normal(params["mu"], params["sigma"]))

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        square = params["sigma"] ** 2
        with np.errstate(over="ignore"):
            return np.asarray(np.expm1(square) * np.exp(2.0 * params["mu"] + square))

    return RowLaw(mean, draw, variance)


def of_hurdle(law_of: Callable[[str], RowLaw], share: str) -> Callable[[str], RowLaw]:
    """Return those of responses that are 0 with the probability ``share``, and else have a law with a variance."""

    def found(link: str) -> RowLaw:
        law = law_of(link)
        assert law.variance is not None
        variance_of = law.variance

        def mean(params: RowValues, trials: Trials) -> np.ndarray:
            return (1.0 - params[share]) * law.mean(params, trials)

        def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
            value = np.maximum(law.draw(rng, params, trials), TINY)
            return np.where(rng.random(value.shape) < params[share], 0.0, value)

        def variance(params: RowValues, trials: Trials) -> np.ndarray:
            whole = variance_of(params, trials) + params[share] * law.mean(params, trials) ** 2
            return np.asarray((1.0 - params[share]) * whole)

        return RowLaw(mean, draw, variance)

    return found


def of_inflated_ends(link: str) -> RowLaw:
    """Return that of proportions that are 0 or 1 with probability zoi, and 1 with coi of these."""
    law = of_proportions(link)

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        zoi = params["zoi"]
        return zoi * params["coi"] + (1.0 - zoi) * law.mean(params, trials)

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        value = np.clip(law.draw(rng, params, trials), TINY, MOST)
        end, one = (rng.random(value.shape) < params[name] for name in ("zoi", "coi"))
        return np.where(end, one.astype(np.float64), value)

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        zoi, coi = params["zoi"], params["coi"]
        assert law.variance is not None
        apart = coi - law.mean(params, trials)
        return np.asarray(zoi * coi * (1.0 - coi) + (1.0 - zoi) * (law.variance(params, trials) + zoi * apart**2))

    return RowLaw(mean, draw, variance)


def of_ordered_ends(link: str) -> RowLaw:
    """Return that of proportions that are 0 or 1 where a logistic variable lies beyond thresholds."""
    law = of_proportions(link)

    def split(params: RowValues) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        low, high = (cut[:, None] for cut in params["threshold"].T)
        eta = params["mu"]
        between = expit(eta - low) * expit(high - eta) * -np.expm1(low - high)
        return expit(low - eta), between, expit(eta - high), {**params, "mu": np.asarray(expit(eta))}

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        _, between, one, given = split(params)
        return one + between * given["mu"]

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        low, high = (cut[:, None] for cut in params["threshold"].T)
        latent = params["mu"] + rng.logistic(size=params["mu"].shape)
        value = np.clip(law.draw(rng, split(params)[-1], trials), TINY, MOST)
        return np.where(latent < low, 0.0, np.where(latent > high, 1.0, value))

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        zero, between, one, given = split(params)
        whole = one + between * given["mu"]
        assert law.variance is not None
        inside = law.variance(given, trials) + (given["mu"] - whole) ** 2
        return zero * whole**2 + between * inside + one * (1.0 - whole) ** 2

    return RowLaw(mean, draw, variance)
