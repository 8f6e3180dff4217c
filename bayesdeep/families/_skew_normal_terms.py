"""Rows' log likelihoods and law of skew-normal responses, in NumPy.

With ``z = (y - xi) / omega`` the log likelihood is ``-z² / 2 + log Φ(alpha z) - log omega``, and ``h = φ(w) / Φ(w)`` at
``w = alpha z`` the slope of the second part.
"""

import numpy as np
from scipy.special import erfcx, log_ndtr

from bayesdeep.core.records import ParameterTerms, Response, RowLaw, RowTerms, RowValues

Trials = np.ndarray | None
LOG_2_ROOT_2PI = float(np.log(2.0) - 0.5 * np.log(2.0 * np.pi))
ROOT_2, ROOT_2_PI = float(np.sqrt(2.0)), float(np.sqrt(2.0 / np.pi))


def direct(mu: np.ndarray, sigma: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return location, scale and ``delta``."""
    delta = alpha / np.sqrt(1.0 + alpha**2)
    omega = sigma / np.sqrt(1.0 - ROOT_2_PI**2 * delta**2)
    return mu - omega * delta * ROOT_2_PI, omega, delta


def terms(response: Response, link: str) -> RowTerms | None:
    """Return those of an untransformed predictor, with slope ``(z - alpha h) / omega`` by it."""
    if link != "identity":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def found(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        alpha = values["alpha"]
        xi, omega, _ = direct(eta, values["sigma"], alpha)
        z = (y - xi) / omega
        w = alpha * z
        value = LOG_2_ROOT_2PI - np.log(omega) - 0.5 * z**2 + log_ndtr(w)
        if order == 0:
            return (value,)
        h = ROOT_2_PI / erfcx(-w / ROOT_2)
        slope = (z - alpha * h) / omega
        return (value, slope) if order == 1 else (value, slope, -(1.0 + alpha**2 * h * (w + h)) / omega**2)

    return found


def by_parameter(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``sigma`` and ``alpha``.

    With ``e = (y - mu) / sigma`` it is ``z = e g + m``, where ``g = √(1 - 2 delta² / π)`` and ``m = delta √(2 / π)``.
    """
    if link != "identity":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def found(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        sigma, alpha = values["sigma"], values["alpha"]
        square = 1.0 + alpha**2
        delta, m = alpha / np.sqrt(square), ROOT_2_PI * alpha / np.sqrt(square)
        g = np.sqrt(1.0 - m**2)
        e = (y - eta) / sigma
        z = e * g + m
        w = alpha * z
        h = ROOT_2_PI / erfcx(-w / ROOT_2)
        if name == "sigma":
            pull, apart = z - alpha * h, e * g
            bend = 1.0 + alpha**2 * h * (w + h)
            return (pull * apart - 1.0) / sigma, (1.0 - 2.0 * pull * apart - bend * apart**2) / sigma**2
        delta_1, delta_2 = square**-1.5, -3.0 * alpha * square**-2.5
        g_1 = -(ROOT_2_PI**2) * delta * delta_1 / g
        g_2 = -(ROOT_2_PI**2 * (delta_1**2 + delta * delta_2) + g_1**2) / g
        z_1, z_2 = e * g_1 + ROOT_2_PI * delta_1, e * g_2 + ROOT_2_PI * delta_2
        w_1, w_2 = z + alpha * z_1, 2.0 * z_1 + alpha * z_2
        first = g_1 / g - z * z_1 + h * w_1
        return first, g_2 / g - (g_1 / g) ** 2 - z_1**2 - z * z_2 - h * (w + h) * w_1**2 + h * w_2

    return found


def law(link: str) -> RowLaw:
    """Return mean, variance and new responses."""
    del link

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return params["mu"]

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        xi, omega, delta = direct(params["mu"], params["sigma"], params["alpha"])
        half, rest = np.abs(rng.standard_normal(xi.shape)), rng.standard_normal(xi.shape)
        return np.asarray(xi + omega * (delta * half + np.sqrt(1.0 - delta**2) * rest))

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return np.asarray(np.broadcast_to(params["sigma"] ** 2, params["mu"].shape))

    return RowLaw(mean, draw, variance)
