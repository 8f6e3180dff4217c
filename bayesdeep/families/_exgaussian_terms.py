"""Rows' log likelihoods and law of ex-Gaussian responses, in NumPy.

With ``u = (y - mu + beta) / sigma``, ``k = sigma / beta`` and ``w = u - k`` the log likelihood is
``k² / 2 - k u + log Φ(w) - log beta``. Its derivatives are told by mean and variance of what a normal variable known to be below
``w`` is below it (:func:`normal_below`), in which squares of a large ``k`` are no longer there.
"""

import numpy as np
from scipy.special import erfcx, log_ndtr

from bayesdeep.core.records import ParameterTerms, Response, RowLaw, RowTerms, RowValues

Trials = np.ndarray | None
FAR, DEPTH = 5.0, 40
"""Where the continued fraction begins, and how many of its levels are worked out there."""
ROOT_2, ROOT_2_PI, LOG_2 = float(np.sqrt(2.0)), float(np.sqrt(2.0 / np.pi)), float(np.log(2.0))


def terms(response: Response, link: str) -> RowTerms | None:
    """Return those of an untransformed predictor, with derivatives ``(u - e) / sigma`` and ``(q - 1) / sigma²``."""
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
        e, q = normal_below(w)
        return (value, (u - e) / sigma) if order == 1 else (value, (u - e) / sigma, (q - 1.0) / sigma**2)

    return found


def by_parameter(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``sigma`` and ``beta``."""
    if link != "identity":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def found(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        sigma, beta = values["sigma"], values["beta"]
        u, k = (y - eta + beta) / sigma, sigma / beta
        e, q = normal_below(u - k)
        if name == "sigma":
            both = u + k
            return (u**2 - e * both) / sigma, (2.0 * u * e - 3.0 * u**2 + q * both**2) / sigma**2
        turn = 1.0 / k + k  # of w by beta, times beta
        first = (e * turn - 1.0 - u / k) / beta
        return first, (1.0 - 1.0 / k**2 + q * turn**2 - 2.0 * e * k) / beta**2

    return found


def normal_below(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far below ``w`` a standard normal variable is that is known to be below it: mean ``e``, variance ``q``.

    With ``h = φ(w) / Φ(w)`` they are ``w + h`` and ``1 - h (w + h)``; far below 0 these cancel, and Laplace's continued
    fraction of ``h`` takes their place, ``x + 1 / (x + 2 / (x + 3 / …))`` with ``x = -w`` (Abramowitz & Stegun 26.2.14).
    """
    near = np.maximum(w, -FAR)
    h = ROOT_2_PI / erfcx(-near / ROOT_2)
    e, q = near + h, 1.0 - h * (near + h)
    far = w < -FAR
    if far.any():
        x = -w[far]
        rest = np.zeros_like(x)
        for number in range(DEPTH, 2, -1):
            rest = number / (x + rest)
        inner = 1.0 / (x + rest)
        e[far] = 1.0 / (x + 2.0 * inner)
        q[far] = (2.0 * inner - e[far]) * e[far]
    return e, q


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
        return np.asarray(np.broadcast_to(params["sigma"] ** 2 + params["beta"] ** 2, params["mu"].shape))

    return RowLaw(mean, draw, variance)
