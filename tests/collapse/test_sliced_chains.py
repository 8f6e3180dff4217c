"""Slices between proposals that do not cover the posterior, against its quadrature."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesdeep.core.linear import Factor, Hyperparameter, LinearSystem, Moments, Scale
from bayesdeep.linear.block_layout import lay_out
from bayesdeep.linear.explore import Plan
from bayesdeep.linear.hyperparameters import in_units
from bayesdeep.linear.marginal import Posterior
from bayesdeep.linear.proposal import Adapted, single
from bayesdeep.linear.sliced_chains import sliced_chains


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
