"""Slices between proposals that do not cover the posterior, against its quadrature."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesdeep.core.linear import Factor, Hyperparameter, LinearSystem, Moments, Scale
from bayesdeep.linear.block_layout import lay_out
from bayesdeep.linear.explore import Explored, Plan
from bayesdeep.linear.hyperparameters import in_units
from bayesdeep.linear.marginal import Posterior
from bayesdeep.linear.mixture import single
from bayesdeep.linear.proposal import Adapted
from bayesdeep.linear.sliced_chains import LEAST_EFFECTIVE, have_mixed, sliced_chains


class Silent:
    def update(self, done: int, total: int, note: str = "") -> None:
        """Say nothing."""


def posterior() -> Posterior:
    """Return that of an sd of effects with a long tail, of few groups, and of the noise."""
    rng = np.random.default_rng(5)
    z = np.repeat(np.eye(5), 4, axis=0)
    y = z @ rng.normal(size=5) + 0.7 * rng.normal(size=20)
    both = np.column_stack([np.ones(20), y])
    moments = Moments(20.0, 0.0, both.T @ both, ((z.T @ z)[None],), ((z.T @ both)[None],))
    hyper = tuple(Hyperparameter(name, "scale", lambda s: -2.0 * np.log1p(s**2 / 3.0), 1.0) for name in ("a", "sigma"))
    system = LinearSystem(moments, (Factor("f", 1, 5, (Scale(0),) * 5),), Scale(1), hyper, np.array([[0.1]]), 0.0, np.zeros(1))
    return Posterior(system, lay_out(system, (), {}), in_units(system, np.array([1.0, 0.8])))


@pytest.mark.integration
@pytest.mark.parametrize("most", [1, 2])
def test_they_find_the_posterior_of_quadrature_from_proposals_that_miss_its_tails(most: int) -> None:
    own = posterior()
    axes = [np.linspace(0.0, 6.0, 160)[1:], np.linspace(0.2, 2.0, 60)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    log_p = np.concatenate([own.proposed(part) for part in np.array_split(points, 6)])
    weights = np.exp(log_p - log_p.max())
    weights /= weights.sum()
    centre = weights @ points
    root = np.linalg.cholesky((weights[:, None] * (points - centre)).T @ (points - centre))
    rng = np.random.default_rng(2)
    thin = single(centre, 0.4 * root, 60.0)  # it practically never proposes what is 1.6 sds off
    tried = thin.draw(400, rng)
    there = own.proposed(tried)
    adapted = Adapted(thin, tried, there, there - thin.log_density(tried), 0.3)
    chains = 40
    found = sliced_chains(Plan(chains, 100, 100), own, adapted, most, rng, Silent())
    logs = own.coordinates.to_system(points)
    for what in (lambda at: at[..., 0], lambda at: at[..., 1], lambda at: at[..., 0] ** 2, lambda at: at[..., 0] > np.log(2.5)):
        each = what(found.positions).mean(axis=1)
        error = each.std(ddof=1) / np.sqrt(chains)
        assert abs(each.mean() - weights @ what(logs)) < 4 * error
    sd = np.sqrt(weights @ (logs - weights @ logs) ** 2)
    assert (found.positions.mean(axis=1).std(axis=0) / np.sqrt(chains) < 0.08 * sd).all(), "chains forget too little"


def test_values_serve_several_draws_with_coefficients_of_their_own() -> None:
    own, rng = posterior(), np.random.default_rng(3)
    proposal = single(np.array([0.8, 0.8]), np.diag([0.5, 0.2]), 8.0)
    tried = proposal.draw(300, rng)
    there = own.proposed(tried)
    adapted = Adapted(proposal, tried, there, there - proposal.log_density(tried), 0.5)
    found = sliced_chains(Plan(2, 30, 10), own, adapted, 1, rng, Silent())
    assert found.positions.shape == (2, 30, 2)
    assert_allclose(found.positions[:, 0::3], found.positions[:, 2::3])
    assert found.coefficients[1].shape == (2, 30, 1, 5)
    assert (np.abs(np.diff(found.coefficients[1], axis=1)) > 0).all()
    lp = own.density(own.coordinates.from_system(found.positions[0]))
    assert_allclose(found.stats["lp"][0], lp, rtol=1e-9)


def known(log_density: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Return what chains ask of a posterior, of a density in two coordinates and nothing drawn back."""
    return SimpleNamespace(
        system=SimpleNamespace(dim=2),
        proposed=log_density,
        coordinates=SimpleNamespace(to_system=lambda points: points),
        scales=lambda points: points,
        solver=SimpleNamespace(draw=lambda scales, rng: (np.zeros((len(scales), 1)),)),
    )


def correlated(rng: np.random.Generator, count: int) -> np.ndarray:
    z = rng.normal(size=(count, 2))
    return np.stack([z[:, 0], 0.95 * z[:, 0] + np.sqrt(1 - 0.95**2) * z[:, 1]], axis=1)


def funnel(rng: np.random.Generator, count: int) -> np.ndarray:
    z = rng.normal(size=(count, 2))
    return np.stack([z[:, 0], np.exp(z[:, 0]) * z[:, 1]], axis=1)


def of_correlated(x: np.ndarray) -> np.ndarray:
    return -0.5 * x[:, 0] ** 2 - 0.5 * (x[:, 1] - 0.95 * x[:, 0]) ** 2 / (1 - 0.95**2)


def of_funnel(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return -0.5 * x[:, 0] ** 2 - x[:, 0] - 0.5 * x[:, 1] ** 2 * np.exp(-2 * x[:, 0])


@pytest.mark.integration
@pytest.mark.parametrize(("draw", "log_density"), [(correlated, of_correlated), (funnel, of_funnel)])
@pytest.mark.parametrize("most", [1, 2])
def test_they_leave_a_known_distribution_as_it_is(draw: Any, log_density: Any, most: int) -> None:
    rng = np.random.default_rng(8)
    chains = 4_000
    exact = draw(rng, 2 * chains)  # from which the chains start, so that all they make is from it, too
    proposal = single(np.array([0.3, 0.0]), 0.7 * np.eye(2), 5.0)
    adapted = Adapted(proposal, exact, log_density(exact), np.zeros(len(exact)), 0.3)
    found = sliced_chains(Plan(chains, 1, 1), known(log_density), adapted, most, rng, Silent())
    points = found.positions[:, 0]
    again = draw(np.random.default_rng(9), 400_000)
    for what in (
        lambda x: x[:, 0], lambda x: x[:, 0] ** 2, lambda x: np.tanh(x[:, 1]), lambda x: np.tanh(x[:, 1]) ** 2,
        lambda x: x[:, 0] * np.tanh(x[:, 1]), lambda x: x[:, 0] < -1.5, lambda x: x[:, 0] > 1.5, lambda x: np.abs(x[:, 1]) < 0.2,
    ):
        own, wanted = what(points).astype(float), what(again).astype(float)
        # Some chains start from one point; what they make is nearly independent all the same.
        assert abs(own.mean() - wanted.mean()) < 4.5 * np.hypot(own.std() / chains**0.5, wanted.std() / len(again) ** 0.5)


def made(positions: np.ndarray) -> Explored:
    return Explored(positions, (), {}, np.zeros(0), False)


def test_chains_that_have_not_mixed_are_told_from_those_that_have() -> None:
    rng = np.random.default_rng(3)
    free = rng.normal(size=(4, 400, 2))
    assert have_mixed(made(free))
    apart = free.copy()
    apart[0, :, 1] += 1.0
    assert not have_mixed(made(apart)), "one chain stays elsewhere"
    slow = free.copy()
    for t in range(1, 400):
        slow[:, t, 0] = 0.98 * slow[:, t - 1, 0] + np.sqrt(1 - 0.98**2) * slow[:, t, 0]
    assert not have_mixed(made(slow)), "few effective draws"
    assert not have_mixed(made(np.repeat(free[:, :1], 400, axis=1))), "chains that never move"
    assert have_mixed(made(apart[:, : int(LEAST_EFFECTIVE) - 1])), "nothing is said of short chains"
