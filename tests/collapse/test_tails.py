"""Tails that the mode does not show: two scales that go together and of which the rows say little."""

import numpy as np
from scipy import stats

from bayesdeep.linear.mode import curvature, find_mode
from bayesdeep.linear.proposal import TAILS_OF_PRIORS, adapt


def density(x: np.ndarray) -> np.ndarray:
    """Of a log length scale (inverse gamma), a folded scale (half t of 3), and a third; rows see the ratio of the first two."""
    u = np.clip(x[:, 0], -50.0, 50.0)
    ratio = x[:, 1] * np.exp(-u)
    prior = stats.invgamma(2.9, scale=2.9).logpdf(np.exp(u)) + u + stats.t(3).logpdf(x[:, 1])
    return prior - 3.0 * np.log1p(ratio**2 / 0.3) - 0.5 * x[:, 2] ** 2


def by_grid() -> np.ndarray:
    """Return the mean of the log length scale and the probability that it is above 2.5, from a fine grid."""
    u, s = np.linspace(-3, 12, 900), np.concatenate([np.linspace(0, 10, 900), np.geomspace(10.01, 1e4, 500)])
    points = np.stack([*(a.ravel() for a in np.meshgrid(u, s, indexing="ij")), np.zeros(u.size * s.size)], axis=1)
    log_p = density(points).reshape(u.size, s.size)
    weights = np.exp(log_p - log_p.max()) * np.gradient(s)
    margin = weights.sum(axis=1) / weights.sum()
    return np.array([margin @ u, margin[u > 2.5].sum()])


def test_proposals_cover_tails_that_are_the_priors() -> None:
    found, effective = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        mode = find_mode(density, np.array([0.0, 0.3, 0.0]))
        adapted = adapt(
            lambda x: np.where(x[:, 1] >= 0, density(x), -np.inf), mode, curvature(density, mode),
            np.array([False, True, False]), (450, 450, 900, 1800), rng, TAILS_OF_PRIORS,
        )  # fmt: skip
        points = adapted.proposal.draw(8000, rng)
        log_w = np.where(points[:, 1] >= 0, density(points), -np.inf) - adapted.proposal.log_density(points)
        weights = np.exp(log_w - log_w.max())
        weights /= weights.sum()
        found.append([weights @ points[:, 0], weights @ (points[:, 0] > 2.5)])
        effective.append(1.0 / (weights**2).sum() / len(weights))
    # A proposal with the mode's spread and lighter tails has 0.28 to 0.9 here, by luck.
    assert min(effective) > 0.5
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - by_grid()) < 4 * error).all()
