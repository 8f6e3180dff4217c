"""New counts of Conway-Maxwell-Poisson distributions of given mean, exactly."""

import numpy as np
from scipy.special import digamma

from .com_poisson import MAX_NUMBERS, Moments, groups, moments, whole_ratio

PLACES = np.array([-2.2, -1.0, 0.0, 1.0, 2.2])
"""Where the log probability has the tangents that bound it, in standard deviations from the mean."""


def draw(rng: np.random.Generator, mu: np.ndarray, nu: np.ndarray) -> np.ndarray:
    """Return a count each of mean ``mu`` and power ``nu``, arrays of one shape."""
    mu, nu = np.broadcast_arrays(mu, nu)
    found, flat, power = np.zeros(mu.size, dtype=np.int64), mu.ravel(), nu.ravel()
    for part in np.array_split(np.arange(mu.size), max(1, -(-mu.size * 64 // MAX_NUMBERS))):
        known = moments(flat[part], power[part])
        for which, y, weight in groups(known.mu, known.nu):
            own = known.of(which)
            found[part[which]] = _by_sums(rng, own, y) if weight is None else _by_tangents(rng, own)
    return found.reshape(mu.shape)


def _by_sums(rng: np.random.Generator, own: Moments, y: np.ndarray) -> np.ndarray:
    """Return counts where cumulated probabilities pass a uniform number."""
    column = own.column()
    log_p = column.nu * whole_ratio(y, column.mu) + (y - column.mu) * column.tilt - column.log_total
    below = np.cumsum(np.exp(log_p), axis=1)
    passed = (below < (rng.random(len(y)) * below[:, -1])[:, None]).sum(axis=1)
    return y[np.arange(len(y)), passed].astype(np.int64)


def _by_tangents(rng: np.random.Generator, own: Moments) -> np.ndarray:
    """Return counts by rejection: log probabilities are concave, so that five tangents bound them by geometric pieces.

    About nine in ten are taken at once (Devroye 1986, Non-uniform random variate generation, chapter VII).
    """
    column = own.column()
    place = np.maximum(column.mu + np.sqrt(column.variance) * PLACES, 0.0)
    height = column.log_probability(place)
    slope = column.tilt + column.nu * (np.log(column.mu) - digamma(place + 1.0))
    # Where neighbouring tangents meet; equal ones anywhere between.
    fall = slope[:, :-1] - slope[:, 1:]
    rise = height[:, 1:] - slope[:, 1:] * place[:, 1:] - height[:, :-1] + slope[:, :-1] * place[:, :-1]
    meet = np.where(fall > 0.0, rise / np.where(fall > 0.0, fall, 1.0), place[:, 1:])
    edges = np.clip(np.ceil(meet), 0.0, None)
    edges = np.maximum.accumulate(edges, axis=1)
    first = np.concatenate([np.zeros((len(edges), 1)), edges], axis=1)
    number = np.concatenate([edges, np.full((len(edges), 1), np.inf)], axis=1) - first
    # Each piece from its higher end on.
    rate, up = np.abs(slope), slope > 0.0
    begin = np.where(up, first + number - 1.0, first)
    share = _share(rate, number) * np.exp(height + slope * (begin - place))
    share = np.cumsum(np.where(number > 0.0, share, 0.0), axis=1)
    found, left = np.zeros(len(edges), dtype=np.int64), np.arange(len(edges))
    while left.size:
        piece = (share[left] < (rng.random(left.size) * share[left, -1])[:, None]).sum(axis=1)
        at = (left, piece)
        steps = np.floor(_geometric(rng.random(left.size), rate[at], number[at]))
        count = begin[at] + np.where(up[at], -steps, steps)
        bound = height[at] + slope[at] * (count - place[at])
        taken = np.log(rng.random(left.size)) < own.of(left).log_probability(count) - bound
        found[left[taken]] = count[taken].astype(np.int64)
        left = left[~taken]
    return found


def _share(rate: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return the sum of ``exp(-rate j)`` over ``j < number``."""
    some = np.where(rate > 0.0, rate, 1.0)
    return np.where(rate > 0.0, np.expm1(-some * number) / np.expm1(-some), number)


def _geometric(uniform: np.ndarray, rate: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return where a uniform number falls among the same terms; with its fraction."""
    some = np.where(rate > 0.0, rate, 1.0)
    inside = -np.log1p(uniform * np.expm1(-some * number)) / some
    plain = uniform * np.where(np.isfinite(number), number, 0.0)
    return np.minimum(np.where(rate > 0.0, inside, plain), np.where(np.isfinite(number), number - 1.0, np.inf))
