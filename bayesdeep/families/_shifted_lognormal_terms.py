"""Rows' log likelihoods and law of shifted log-normal responses, in NumPy."""

import numpy as np

from bayesdeep.core.records import ParameterTerms, Response, RowLaw, RowTerms, RowValues

LOG_ROOT_2PI = 0.5 * float(np.log(2.0 * np.pi))
Trials = np.ndarray | None


def terms(response: Response, link: str) -> RowTerms | None:
    """Return ``-d² / 2 - log(y - ndt) - log sigma`` with ``d = (log(y - ndt) - eta) / sigma``; a shift beyond ``y`` has none."""
    if link != "identity":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def found(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        sigma = values["sigma"]
        inside, rest = _beyond(y, values["ndt"])
        logs = np.log(rest)
        d = (logs - eta) / sigma
        value = np.where(inside, -0.5 * d**2 - logs - np.log(sigma) - LOG_ROOT_2PI, -np.inf)
        if order == 0:
            return (value,)
        slope = np.where(inside, d / sigma, 0.0)
        if order == 1:
            return value, slope
        return value, slope, np.where(np.broadcast_to(inside, eta.shape), -1.0 / sigma**2, 0.0)

    return found


def by_parameter(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``sigma`` and ``ndt``."""
    if link != "identity":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def found(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        sigma = values["sigma"]
        inside, rest = _beyond(y, values["ndt"])
        d = (np.log(rest) - eta) / sigma
        if name == "sigma":
            first, second = (d**2 - 1.0) / sigma, (1.0 - 3.0 * d**2) / sigma**2
        else:
            pull = d / sigma + 1.0
            first, second = pull / rest, (pull - 1.0 / sigma**2) / rest**2
        return np.where(inside, first, 0.0), np.where(inside, second, 0.0)

    return found


def _beyond(y: np.ndarray, ndt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows lie above the shift and by how much; 1 where they do not."""
    inside = y > ndt
    return inside, np.where(inside, y - ndt, 1.0)


def law(link: str) -> RowLaw:
    """Return mean, variance and new responses."""
    del link

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return np.asarray(params["ndt"] + np.exp(params["mu"] + 0.5 * params["sigma"] ** 2))

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        noise = params["sigma"] * rng.standard_normal(params["mu"].shape)
        return np.asarray(params["ndt"] + np.exp(params["mu"] + noise))

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        square = params["sigma"] ** 2
        return np.asarray(np.expm1(square) * np.exp(2.0 * params["mu"] + square))

    return RowLaw(mean, draw, variance)
