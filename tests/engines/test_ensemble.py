"""The ensemble: its members differ, are judged by rows they have not seen, and together predict better than one of them."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.engines._training.train_split import split


def data(rows: int = 300, seed: int = 1) -> pd.DataFrame:
    """Return rows of a wave in two columns."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame({"x": rng.uniform(-2, 2, rows), "z": rng.uniform(-2, 2, rows), "g": np.resize(list("abcdefgh"), rows)})
    effect = d.g.map(dict(zip("abcdefgh", np.random.default_rng(0).normal(0, 0.7, 8), strict=True)))
    wave = np.sin(2 * d.x) * d.z
    d["y"] = wave + 0.3 * rng.normal(size=rows)
    d["b"] = (rng.uniform(size=rows) < 1 / (1 + np.exp(-2 * wave - effect))).astype(int)
    d["k"] = rng.poisson(np.exp(0.5 + 0.5 * wave))
    return d


def fitted(members: int = 4, seed: int = 2) -> bd.Fit:
    """Return an ensemble of a few members."""
    return bd.Model("y ~ net(x, z, hidden=[15])", data()).fit("ensemble", members=members, seed=seed, epochs=150, progress=False)


@pytest.mark.integration
def test_members_differ_predict_better_together_and_are_reproducible() -> None:
    fit, test = fitted(), data(seed=9)
    posterior = fit.idata.posterior
    assert posterior["sigma"].shape == (1, 4)
    assert len(np.unique(posterior["sigma"])) == 4
    assert len(np.unique(posterior["Intercept"])) == 4
    mixture = fit.log_score(test, pointwise=True)
    mean = fit.draws(test, kind="mean").values.reshape(4, -1)
    sigma = posterior["sigma"].values.reshape(4, 1)
    each = -0.5 * ((test.y.to_numpy() - mean) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(np.asarray(mixture), np.logaddexp.reduce(each, axis=0) - np.log(4), rtol=1e-6)
    assert np.mean(mixture) > each.mean() + 0.005
    # The noise is 0.3, and what a network misses adds to it.
    assert 0.28 < sigma.mean() < 0.55
    again = fitted().idata.posterior
    assert all(np.array_equal(posterior[name].values, again[name].values) for name in posterior.data_vars)


def test_members_have_their_own_rows_unless_there_are_few_of_them() -> None:
    own = split(400, 0.1, 3, np.random.default_rng(0))
    assert [len(h) for h in own.held_out] == [40, 40, 40]
    assert not own.together
    assert len({tuple(h) for h in own.held_out}) == 3
    few = split(60, 0.1, 8, np.random.default_rng(0))
    assert few.together
    assert np.array_equal(np.sort(np.concatenate(few.held_out)), np.arange(60))
    assert split(400, 0.1, 3, np.random.default_rng(0), together=True).together
    # More members than rows, and fewer members than folds.
    assert len(split(6, 0.1, 8, np.random.default_rng(0)).training) == 8
    assert [len(h) for h in split(50, 0.1, 2, np.random.default_rng(0)).held_out] == [10, 10]
    for parts in (own, few):
        for training, held_out in zip(parts.training, parts.held_out, strict=True):
            assert len(np.intersect1d(training, held_out)) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "plain", "family"),
    [
        ("b ~ net(x, z, hidden=[12]) + (1 | g)", "b ~ 1", "bernoulli"),
        ("k ~ net(x, z, hidden=[8, 8])", "k ~ 1", "poisson"),
    ],
)
def test_other_models_are_learned(formula: str, plain: str, family: str) -> None:
    fit = bd.Model(formula, data(), family).fit("ensemble", members=4, seed=1, progress=False)
    assert all(np.isfinite(v.values).all() for v in fit.idata.posterior.data_vars.values())
    test = data(seed=9)
    assert fit.log_score(test) > bd.Model(plain, data(), family).fit("map", seed=1, progress=False).log_score(test) + 0.05


def test_a_number_of_members_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(FitError, match="ensemble: members is 0"):
        bd.Model("y ~ net(x, hidden=[3])", data(rows=30)).fit("ensemble", members=0, seed=1, progress=False)
