"""Rows' log likelihoods and law of Tweedie responses, in NumPy; see :mod:`._tweedie_series`."""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from bayesdeep.core.records import ParameterTerms, Response, RowLaw, RowTerms, RowValues

from . import _tweedie_series as series
from ._counts import MAX_MEAN

Trials = np.ndarray | None
FARTHEST = 690.0
MAX_KEPT = 2_000_000
"""Numbers of a series that is kept to be asked for again."""
STIRLING_FROM = 8.0


def terms(response: Response, link: str) -> RowTerms | None:
    """Return those under the log link: ``(y mu^(1-p) / (1-p) - mu^(2-p) / (2-p)) / phi`` and what does not depend on ``mu``."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)[:, None]

    def found(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        phi, p = values["phi"], values["power"]
        inside = (p > 1.0) & (p < 2.0)
        p = np.where(inside, p, 1.5)
        eta = np.clip(eta, -FARTHEST, FARTHEST)
        own, rate = y * np.exp((1.0 - p) * eta) / phi, np.exp((2.0 - p) * eta) / phi
        value = np.where(inside, constant(y, phi, p) - own / (p - 1.0) - rate / (2.0 - p), -np.inf)
        if order == 0:
            return (value,)
        slope = np.where(inside, own - rate, 0.0)
        return (value, slope) if order == 1 else (value, slope, np.where(inside, (1.0 - p) * own - (2.0 - p) * rate, 0.0))

    return found


@dataclass(frozen=True)
class _Series:
    """The series of responses above 0: the logarithm of its sum ``(obs, batch)``, terms' shares and places ``(…, place)``."""

    total: np.ndarray
    share: np.ndarray
    place: np.ndarray


_last: tuple[tuple[object, ...], _Series | None] = ((), None)


def _series(y: np.ndarray, phi: np.ndarray, p: np.ndarray) -> _Series:
    """Return the series, the last one again where nothing has changed.

    A trajectory asks again and again with the same parameters, and where they have formulas value and derivatives are of one.
    """
    global _last
    # One assignment, so that threads see old or new.
    kept, key = _last, tuple(part for v in (y, phi, p) for part in (v.shape, v.tobytes()))
    if kept[1] is not None and kept[0] == key:
        return kept[1]
    logs, place = _logs(y, phi, p)
    top = logs.max(axis=-1, keepdims=True)
    share = np.exp(logs - top)
    whole = share.sum(axis=-1, keepdims=True)
    share /= whole
    found = _Series((top + np.log(whole))[..., 0], share, place)
    if share.size <= MAX_KEPT:
        _last = (key, found)
    return found


def constant(y: np.ndarray, phi: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the logarithm of the series over ``y``, 0 at 0."""
    found = np.zeros(np.broadcast_shapes(y.shape, phi.shape, p.shape))
    rows = y[:, 0] > 0.0
    if rows.any():
        found[rows] = _series(y[rows], *_of_rows(rows, phi, p)).total - np.log(y[rows])
    return found


def _of_rows(rows: np.ndarray, *values: np.ndarray) -> list[np.ndarray]:
    """Return what these rows have of parameters ``(1, batch)`` or ``(obs, batch)``."""
    return [value if len(value) == 1 else value[rows] for value in values]


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
    some = y[:, 0] > 0.0

    def found(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        phi, p = values["phi"], values["power"]
        inside = (p > 1.0) & (p < 2.0)
        p = np.where(inside, p, 1.5)
        eta = np.clip(eta, -FARTHEST, FARTHEST)
        own, rate = -y * np.exp((1.0 - p) * eta) / (p - 1.0), np.exp((2.0 - p) * eta) / (2.0 - p)
        slope, bend = (np.zeros(np.broadcast_shapes(own.shape, phi.shape)) for _ in range(2))
        if some.any():
            slope[some], bend[some] = _of_series(name, y[some], *_of_rows(some, phi, p))
        if name == "phi":
            slope, bend = slope - (own - rate) / phi**2, bend + 2.0 * (own - rate) / phi**3
        else:
            for part, over, sign in ((own, 1.0 - p, 1.0), (rate, 2.0 - p, -1.0)):
                turn = 1.0 / over - eta  # the slope of the part's logarithm
                slope = slope + sign * part * turn / phi
                bend = bend + sign * part * (turn**2 + 1.0 / over**2) / phi
        return np.where(inside, slope, 0.0), np.where(inside, bend, 0.0)

    return found


def _of_series(name: str, y: np.ndarray, phi: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both derivatives of the series' logarithm by a parameter: the mean of the terms' slopes, and so on."""
    terms = _series(y, phi, p)
    first, second = (_by_phi if name == "phi" else _by_power)(y, phi, p, terms.place)
    mean = (terms.share * first).sum(axis=-1)
    return mean, (terms.share * (second + (first - mean[..., None]) ** 2)).sum(axis=-1)


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
    return j * (c_1 - a_1 * inner), j * (c_2 - a_2 * inner) - (j * a_1) ** 2 * _trigamma(j * a)


def _trigamma(x: np.ndarray) -> np.ndarray:
    """Return the second derivative of ``log Γ`` above 0: by its series from 8 on (Abramowitz & Stegun 6.4.12), or 8 steps on.

    SciPy's goes by Hurwitz' zeta function, which is eight times as dear.
    """
    found, small = np.zeros_like(x), x < STIRLING_FROM
    if small.any():
        start = x[small]
        found[small] = sum(1.0 / (start + k) ** 2 for k in range(int(STIRLING_FROM)))
    at = 1.0 / np.where(small, x + STIRLING_FROM, x)
    square = at * at
    bernoulli = (5.0 / 66.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 1.0 / 6.0)
    rest = np.full_like(at, 691.0 / -2730.0)
    for number in bernoulli:
        rest = rest * square + number
    return np.asarray(found + at + 0.5 * square + at * square * rest)


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
