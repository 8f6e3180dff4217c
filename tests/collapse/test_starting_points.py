"""Independence chains leave their starting points as often as any other: weights are against the proposal of the steps."""

from types import SimpleNamespace

import numpy as np

from bayesdeep.linear.explore import Plan, batched_chains
from bayesdeep.linear.mixture import single
from bayesdeep.linear.proposal import Adapted


def test_a_chain_does_not_stand_still_where_the_proposal_is_the_posterior():
    # Points came from a round that was much too narrow, so that those far out have weights of many times the mean; the last
    # proposal is the posterior itself, and every step is accepted.
    rng = np.random.default_rng(1)
    target, narrow = single(np.zeros(1), np.eye(1), 30.0), single(np.zeros(1), 0.3 * np.eye(1), 30.0)
    points = narrow.draw(400, rng)
    log_p = target.log_density(points)
    weights = log_p - narrow.log_density(points)
    assert np.exp(weights).max() > 20 * np.exp(weights).mean()
    adapted = Adapted(target, points, log_p, weights, 1.0)
    solver = SimpleNamespace(step=16, draw=lambda scales, rng: ())
    posterior = SimpleNamespace(
        proposed=target.log_density,
        solver=solver,
        scales=lambda points: points,
        coordinates=SimpleNamespace(to_system=lambda points: points),
    )
    found = batched_chains(Plan(8, 50, 50), posterior, adapted, rng, SimpleNamespace(update=lambda *told: None))
    assert found.stats["accepted"].all()
