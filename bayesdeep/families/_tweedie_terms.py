"""Rows' log likelihoods and law of Tweedie responses, in NumPy; see :mod:`._tweedie_series`."""

from collections.abc import Callable

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from bayesdeep.core.records import ParameterTerms, Response, RowLaw, RowTerms, RowValues

from . import _tweedie_series as series
from ._counts import MAX_MEAN

Trials = np.ndarray | None
FARTHEST = 690.0


def terms(response: Response, link: str) -> RowTerms | None:
    """Return those under the log link: ``(y mu^(1-p) / (1-p) - mu^(2-p) / (2-p)) / phi`` and what does not depend on ``mu``."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    constant = _kept(y)

    def found(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        phi, p = values["phi"], values["power"]
        inside = (p > 1.0) & (p < 2.0)
        p = np.where(inside, p, 1.5)
        eta = np.clip(eta, -FARTHEST, FARTHEST)
        own, rate = y * np.exp((1.0 - p) * eta) / phi, np.exp((2.0 - p) * eta) / phi
        value = np.where(inside, constant(phi, p) - own / (p - 1.0) - rate / (2.0 - p), -np.inf)
        if order == 0:
            return (value,)
        slope = np.where(inside, own - rate, 0.0)
        return (value, slope) if order == 1 else (value, slope, np.where(inside, (1.0 - p) * own - (2.0 - p) * rate, 0.0))

    return found


def _kept(y: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function of ``phi`` and the power: the part of the log density without the mean, kept while these stay."""
    last: tuple[bytes, np.ndarray] = (b"", np.empty(0))

    def found(phi: np.ndarray, p: np.ndarray) -> np.ndarray:
        nonlocal last
        # A trajectory asks again and again with the same parameters; one assignment, so that threads see old or new.
        kept, key = last, phi.tobytes() + p.tobytes()
        if kept[0] != key:
            kept = last = (key, constant(y, phi, p))
        return kept[1]

    return found


def constant(y: np.ndarray, phi: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the logarithm of the series over ``y``, 0 at 0."""
    some = y > 0.0
    found = np.zeros(np.broadcast_shapes(y.shape, phi.shape, p.shape))
    rows = some[:, 0]
    of_rows = [v if len(v) == 1 else v[rows] for v in (phi, p)]
    if rows.any():
        logs, _ = _logs(y[rows], *of_rows)
        top = logs.max(axis=-1)
        found[rows] = top + np.log(np.exp(logs - top[..., None]).sum(axis=-1)) - np.log(y[rows])
    return found


def _logs(y: np.ndarray, phi: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithms of weighted terms and their places, both ``(obs, batch, place)``."""
    y, phi, p = np.broadcast_arrays(y, phi, p)
    a = (2.0 - p) / (p - 1.0)
    m = series.peak(y, phi, p, np)
    j, weights = series.places(m, a, np, series.needed(m, a))
    each = series.slope(y, phi, p, np)
    return j * each[..., None] - gammaln(j + 1.0) - gammaln(j * a[..., None]) + weights, j


def by_parameter(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``phi`` and the power: means and variances of the terms' own, weighted by the terms."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]
    some = y > 0.0
    inner = np.where(some, y, 1.0)

    def found(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        phi, p = values["phi"], values["power"]
        inside = (p > 1.0) & (p < 2.0)
        p = np.where(inside, p, 1.5)
        eta = np.clip(eta, -FARTHEST, FARTHEST)
        logs, j = _logs(inner, phi, p)
        share = np.exp(logs - logs.max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        own, rate = -y * np.exp((1.0 - p) * eta) / (p - 1.0), np.exp((2.0 - p) * eta) / (2.0 - p)
        first, second = (_by_phi if name == "phi" else _by_power)(inner, phi, p, j)
        mean = (share * first).sum(axis=-1)
        spread = (share * (second + (first - mean[..., None]) ** 2)).sum(axis=-1)
        slope, bend = np.where(some, mean, 0.0), np.where(some, spread, 0.0)
        if name == "phi":
            slope, bend = slope - (own - rate) / phi**2, bend + 2.0 * (own - rate) / phi**3
        else:
            for part, over, sign in ((own, 1.0 - p, 1.0), (rate, 2.0 - p, -1.0)):
                turn = 1.0 / over - eta  # the slope of the part's logarithm
                slope = slope + sign * part * turn / phi
                bend = bend + sign * part * (turn**2 + 1.0 / over**2) / phi
        return np.where(inside, slope, 0.0), np.where(inside, bend, 0.0)

    return found


def _by_phi(y: np.ndarray, phi: np.ndarray, p: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    each = (1.0 / (p - 1.0) / phi)[..., None]
    return -j * each, j * each / phi[..., None]


def _by_power(y: np.ndarray, phi: np.ndarray, p: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    over = p - 1.0
    a, a_1, a_2 = (2.0 - p) / over, -1.0 / over**2, 2.0 / over**3
    logs = np.log(y) - np.log(over) - np.log(phi)
    c_1 = a_1 * logs - a / over + 1.0 / (2.0 - p)
    c_2 = a_2 * logs - 2.0 * a_1 / over + a / over**2 + 1.0 / (2.0 - p) ** 2
    a, a_1, a_2, c_1, c_2 = (np.asarray(v)[..., None] for v in (a, a_1, a_2, c_1, c_2))
    inner = digamma(j * a)
    return j * (c_1 - a_1 * inner), j * (c_2 - a_2 * inner) - (j * a_1) ** 2 * polygamma(1, j * a)


def law(link: str) -> RowLaw:
    """Return mean, variance and new responses."""
    del link

    def mean(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return params["mu"]

    def draw(rng: np.random.Generator, params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        mu, phi, p = params["mu"], params["phi"], params["power"]
        count = rng.poisson(np.minimum(mu ** (2.0 - p) / (phi * (2.0 - p)), MAX_MEAN))
        return np.asarray(rng.standard_gamma(count * ((2.0 - p) / (p - 1.0))) * (phi * (p - 1.0) * mu ** (p - 1.0)))

    def variance(params: RowValues, trials: Trials) -> np.ndarray:
        del trials
        return np.asarray(params["phi"] * params["mu"] ** params["power"])

    return RowLaw(mean, draw, variance)
