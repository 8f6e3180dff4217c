"""Rows' log likelihoods of normal, lognormal and Student's t responses about an untransformed predictor, in NumPy."""

from collections.abc import Callable

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues

LOG_ROOT_2PI = 0.5 * float(np.log(2.0 * np.pi))


def of_normal(response: Response, link: str) -> RowTerms | None:
    """Return those of normal responses: ``-log sigma - d² / 2`` with ``d = (y - eta) / sigma``."""
    return _bell(_column(response)) if link == "identity" else None


def sigma_of_normal(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``sigma``."""
    return _spread(_column(response)) if link == "identity" else None


def of_lognormal(response: Response, link: str) -> RowTerms | None:
    """Return those of responses whose logarithm is normal."""
    logs = np.log(_column(response))
    return _bell(logs, logs) if link == "identity" else None


def sigma_of_lognormal(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``sigma``."""
    return _spread(np.log(_column(response))) if link == "identity" else None


def of_student(response: Response, link: str) -> RowTerms | None:
    """Return those of Student's t responses: ``-(nu + 1) / 2 log(1 + d² / nu)`` and what does not depend on ``eta``."""
    if link != "identity":
        return None
    y = _column(response)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        nu, sigma = values["nu"], values["sigma"]
        d = (y - eta) / sigma
        ratio = d**2 / nu
        half = 0.5 * (nu + 1.0)
        value = gammaln(half) - gammaln(0.5 * nu) - 0.5 * np.log(nu * np.pi) - np.log(sigma) - half * np.log1p(ratio)
        if order == 0:
            return (value,)
        slope = (nu + 1.0) / nu * d / (1.0 + ratio) / sigma
        if order == 1:
            return value, slope
        return value, slope, -(nu + 1.0) / nu * (1.0 - ratio) / (1.0 + ratio) ** 2 / sigma**2

    return terms


def parameters_of_student(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``sigma`` and ``nu``."""
    if link != "identity":
        return None
    y = _column(response)

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        nu, sigma = values["nu"], values["sigma"]
        square = ((y - eta) / sigma) ** 2
        sums = nu + square
        if name == "sigma":
            pull = (nu + 1.0) * square / sums
            return (pull - 1.0) / sigma, (1.0 - pull - 2.0 * pull * nu / sums) / sigma**2
        half = 0.5 * (nu + 1.0)
        first = 0.5 * (digamma(half) - digamma(0.5 * nu) - 1.0 / nu - np.log1p(square / nu) + (nu + 1.0) * square / (nu * sums))
        tail = square / (nu * sums)
        second = 0.25 * (polygamma(1, half) - polygamma(1, 0.5 * nu)) + 0.5 / nu**2 + 0.5 * (
            2.0 * tail - (nu + 1.0) * tail * (2.0 * nu + square) / (nu * sums)
        )
        return first, second

    return terms


def _column(response: Response) -> np.ndarray:
    return np.asarray(response.value, dtype=np.float64)[:, None]


def _bell(y: np.ndarray, constant: np.ndarray | float = 0.0) -> RowTerms:
    """Return ``log N(y; eta, sigma²)`` less a constant."""

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        sigma = values["sigma"]
        d = (y - eta) / sigma
        value = -0.5 * d**2 - np.log(sigma) - (LOG_ROOT_2PI + constant)
        if order == 0:
            return (value,)
        return (value, d / sigma) if order == 1 else (value, d / sigma, np.broadcast_to(-1.0 / sigma**2, eta.shape))

    return terms


def _spread(y: np.ndarray) -> Callable[[np.ndarray, RowValues, str], tuple[np.ndarray, np.ndarray]]:
    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        sigma = values[name]
        square = ((y - eta) / sigma) ** 2
        return (square - 1.0) / sigma, (1.0 - 3.0 * square) / sigma**2

    return terms
