"""Rows' log likelihoods and law of ex-Gaussian responses, in NumPy.

With ``u = (y - mu + beta) / sigma``, ``k = sigma / beta`` and ``w = u - k`` the log likelihood is
``k² / 2 - k u + log Φ(w) - log beta``; ``h = φ(w) / Φ(w)`` is the slope of the only part that is not a polynomial, and
``-h (w + h)`` its second derivative.
"""

import numpy as np
from scipy.special import erfcx, log_ndtr

from bayesdeep.core.records import ParameterTerms, Response, RowLaw, RowTerms, RowValues

Trials = np.ndarray | None
ROOT_2, ROOT_2_PI, LOG_2 = float(np.sqrt(2.0)), float(np.sqrt(2.0 / np.pi)), float(np.log(2.0))


def terms(response: Response, link: str) -> RowTerms | None:
    """Return those of an untransformed predictor, with derivatives ``(k - h) / sigma`` and ``-h (w + h) / sigma²``."""
    if link != "identity":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def found(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        sigma, beta = values["sigma"], values["beta"]
        u, k = (y - eta + beta) / sigma, sigma / beta
        w = u - k
        # For w below 0 the squares have cancelled each other in erfcx; above, log Φ is small.
        below = -0.5 * u**2 + np.log(erfcx(-np.minimum(w, 0.0) / ROOT_2)) - LOG_2
        value = np.where(w < 0.0, below, k * (0.5 * k - u) + log_ndtr(np.maximum(w, 0.0))) - np.log(beta)
        if order == 0:
            return (value,)
        h = _steepness(w)
        return (value, (k - h) / sigma) if order == 1 else (value, (k - h) / sigma, -h * (w + h) / sigma**2)

    return found


def by_parameter(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``sigma`` and ``beta``."""
    if link != "identity":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def found(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        sigma, beta = values["sigma"], values["beta"]
        u, k = (y - eta + beta) / sigma, sigma / beta
        h = _steepness(u - k)
        bend = -h * (u - k + h)
        if name == "sigma":
            both = u + k
            return (k**2 - h * both) / sigma, (k**2 + bend * both**2 + 2.0 * h * u) / sigma**2
        turn = 1.0 / k + k  # of w by beta, times beta
        pull = h * turn + k * u - k**2 - 2.0
        return pull / beta, (2.0 * k**2 + 1.0 - u * k + bend * turn**2 + h * (1.0 / k - k) - pull) / beta**2

    return found


def _steepness(w: np.ndarray) -> np.ndarray:
    """Return ``φ(w) / Φ(w)``."""
    return np.asarray(ROOT_2_PI / erfcx(-w / ROOT_2))


def law(link: str) -> RowLaw:
    """Return mean, variance and new responses."""
    del link

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return params["mu"]

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        shape = params["mu"].shape
        tail = rng.standard_exponential(shape) - 1.0
        return np.asarray(params["mu"] + params["sigma"] * rng.standard_normal(shape) + params["beta"] * tail)

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return np.asarray(params["sigma"] ** 2 + params["beta"] ** 2)

    return RowLaw(mean, draw, variance)
