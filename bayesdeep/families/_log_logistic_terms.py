"""Rows' log likelihoods and law of log-logistic responses, in NumPy."""

import numpy as np
from scipy.special import expit

from bayesdeep.core.records import ParameterTerms, Response, RowLaw, RowTerms, RowValues

Trials = np.ndarray | None


def terms(response: Response, link: str) -> RowTerms | None:
    """Return ``log alpha - log y + z - 2 log(1 + exp z)`` with ``z = alpha (log y - eta)``, under the log link."""
    if link != "log":
        return None
    logs = np.log(np.asarray(response.value, dtype=np.float64)[:, None])

    def found(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        alpha = values["alpha"]
        z = alpha * (logs - eta)
        value = np.log(alpha) - logs + z - 2.0 * np.logaddexp(0.0, z)
        if order == 0:
            return (value,)
        slope = alpha * np.tanh(0.5 * z)
        return (value, slope) if order == 1 else (value, slope, -2.0 * alpha**2 * expit(z) * expit(-z))

    return found


def by_alpha(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``alpha``."""
    if link != "log":
        return None
    logs = np.log(np.asarray(response.value, dtype=np.float64)[:, None])

    def found(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        alpha, apart = values[name], logs - eta
        z = alpha * apart
        first = 1.0 / alpha - apart * np.tanh(0.5 * z)
        return first, -1.0 / alpha**2 - 2.0 * apart**2 * expit(z) * expit(-z)

    return found


def law(link: str) -> RowLaw:
    """Return mean, variance and new responses."""
    del link

    def moment(alpha: np.ndarray, order: int) -> np.ndarray:
        there = alpha > order
        b = order * np.pi / np.where(there, alpha, 2.0 * order)
        return np.where(there, b / np.sin(b), np.inf)

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return params["mu"] * moment(params["alpha"], 1)

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        with np.errstate(over="ignore"):  # of tails that are heavier than numbers are large
            return params["mu"] * np.exp(rng.logistic(size=params["mu"].shape) / params["alpha"])

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        alpha = params["alpha"]
        inner = np.where(alpha > 2.0, alpha, 4.0)
        return np.where(alpha > 2.0, params["mu"] ** 2 * (moment(inner, 2) - moment(inner, 1) ** 2), np.inf)

    return RowLaw(mean, draw, variance)
