"""Sds and correlations of groups after training: what the effects say, whatever training made of them; effects stay."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm, t

import bayesdeep as bd
from bayesdeep.core.batches import BatchTarget
from bayesdeep.engines._training import train_draws as _train_draws
from bayesdeep.engines._training.train_coordinates import coordinates
from bayesdeep.engines._training.train_covariance import reestimated
from bayesdeep.graph.evaluate import expand_function
from bayesdeep.inference.batch_target import batches_of
from bayesdeep.inference.run import words_of

GROUPS, EACH = 24, 40
SD, SLOPE, CORRELATION = 1.2, 0.8, 0.6


def exactly(rng: np.random.Generator, groups: int, covariance: np.ndarray) -> np.ndarray:
    """Return effects ``(group, coefficient)`` with exactly this covariance about 0."""
    u = rng.standard_normal((groups, len(covariance)))
    u -= u.mean(axis=0)
    return u @ np.linalg.inv(np.linalg.cholesky(u.T @ u / groups)).T @ np.linalg.cholesky(covariance).T


def data(seed: int = 1) -> pd.DataFrame:
    """Return responses whose groups differ by known sds, in level and slope, and in two crossed ways."""
    rng, rows = np.random.default_rng(seed), GROUPS * EACH
    both = SD * SLOPE * CORRELATION
    u = exactly(rng, GROUPS, np.array([[SD**2, both], [both, SLOPE**2]]))
    v = exactly(rng, 8, np.eye(1))[:, 0]
    w = exactly(rng, GROUPS, np.array([[SD**2, 0.0], [0.0, 0.5**2]]))
    g, c, x = np.repeat(np.arange(GROUPS), EACH), rng.permutation(np.resize(np.arange(8), rows)), rng.normal(size=rows)
    level, noise = u[g, 0], rng.normal(size=rows)
    wide = np.column_stack([np.zeros(rows), w[g, 0], w[g, 1]]) + rng.gumbel(size=(rows, 3))
    columns = {
        "g": [f"g{k}" for k in g],
        "o": [f"o{k // 4}" for k in g],
        "c": [f"c{k}" for k in c],
        "x": x,
        "y": level + u[g, 1] * x + noise,
        "plain": level + noise,
        "crossed": level + v[c] + noise,
        "b": (rng.logistic(size=rows) < level).astype(int),
        "k": rng.poisson(np.exp(0.5 + level)),
        "l": np.array(["one", "two", "three"])[wide.argmax(axis=1)],
        "s": np.exp(0.6 * level / SD) * noise,
    }
    return pd.DataFrame(columns)


def target_of(model: bd.Model) -> BatchTarget:
    words = words_of(model.spec)
    return batches_of(model.spec, model.__dict__["_rows"], "sgd", words)[1]


def settled(model: bd.Model, start: Callable[[BatchTarget], np.ndarray]) -> tuple[BatchTarget, np.ndarray, np.ndarray]:
    """Return a target, a starting point, and that with its sds found."""
    target = target_of(model)
    x = start(target)
    return target, x, reestimated(target, x[None], np.arange(target.rows))[0]


def apart(target: BatchTarget) -> np.ndarray:
    """Return a point whose sds are several times too large, and their effects nothing in particular."""
    x, rng = target.start.copy(), np.random.default_rng(3)
    x[target.roles == "sd"] += 1.5
    x[target.roles == "effect"] = 0.1 * rng.normal(size=int((target.roles == "effect").sum()))
    x[target.roles == "weight"] = rng.normal(size=int((target.roles == "weight").sum()))
    return x


def effects(target: BatchTarget, x: np.ndarray) -> list[np.ndarray]:
    """Return what the standardised effects stand for."""
    import jax

    found = []
    with jax.enable_x64(True):
        for own in target.covariance_factors:
            root = np.asarray(own.root(x))
            found.append(root[0, 0] * x[own.places] if own.alike else root @ x[own.places])
    return found


MODELS = {
    "level": ("plain ~ x + (1 | g)", "gaussian", {}, {"1|g_sigma": SD}),
    "correlated": ("y ~ x + (x | g)", "gaussian", {}, {"1|g_sigma": SD, "x|g_sigma": SLOPE, "g_corr": CORRELATION}),
    "independent": ("y ~ x + (x || g)", "gaussian", {}, {"1|g_sigma": SD, "x|g_sigma": SLOPE}),
    "crossed": ("crossed ~ (1 | g) + (1 | c)", "gaussian", {}, {"1|g_sigma": SD, "1|c_sigma": 1.0}),
    "bernoulli": ("b ~ 1 + (1 | g)", "bernoulli", {}, {"1|g_sigma": SD}),
    "poisson": ("k ~ 1 + (1 | g)", "poisson", {}, {"1|g_sigma": SD}),
    "categorical": ("l ~ 1 + (1 | g)", "categorical", {}, {"1|g_sigma": [0.5, SD]}),
    "of sigma": ("s ~ 1", "gaussian", {"sigma": "~ (1 | g)"}, {"sigma_1|g_sigma": 0.6}),
    "nested prior": ("plain ~ (1 | g)", "gaussian", {"priors": {"1|g": "Normal(0, HalfNormal(2))"}}, {"1|g_sigma": SD}),
}


@pytest.mark.few(0)
@pytest.mark.parametrize("name", MODELS)
def test_sds_are_those_of_well_known_groups_and_effects_stay(name: str) -> None:
    formula, family, others, truth = MODELS[name]
    model = bd.Model(formula, data(), family, **others)
    target, x, found = settled(model, apart)
    for before, after in zip(effects(target, x), effects(target, found), strict=True):
        assert np.abs(before).max() > 0.01
        np.testing.assert_allclose(after, before, atol=1e-9)
    stays = np.setdiff1d(np.arange(target.dim), np.concatenate([own.places.ravel() for own in target.covariance_factors]))
    same = np.isin(target.roles[stays], ("intercept", "coefficient", "weight"))
    np.testing.assert_array_equal(found[stays][same], x[stays][same])
    graph = model.__dict__["_rows"].graph(model.spec)
    posterior = expand_function(graph)(target.unravel(found[None]))
    for key, value in truth.items():
        own, wanted = np.sort(posterior[key].ravel()), np.sort(np.ravel(value))
        np.testing.assert_allclose(own, wanted, rtol=0.15 if family == "gaussian" else 0.2)


@pytest.mark.few(1)
@pytest.mark.parametrize("each", [2, 30])
def test_the_sd_is_the_mode_of_the_marginal_posterior_where_that_is_known(each: int) -> None:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(15), each)
    frame = pd.DataFrame({"g": g.astype(str), "y": rng.normal(0, 0.8, 15)[g] + rng.normal(size=len(g))})
    model = bd.Model("y ~ 1 + (1 | g)", frame, sigma=bd.known(1.0), priors={"1|g_sigma": "HalfNormal(1.5)"})
    target, x, found = settled(model, apart)
    intercept = float(x[target.roles == "intercept"][0])
    means = frame.groupby("g").y.mean().to_numpy() - intercept

    def density(log_sd: float) -> float:
        sd = np.exp(log_sd)
        return float(-norm.logpdf(means, 0, np.hypot(sd, each**-0.5)).sum() - norm.logpdf(sd, 0, 1.5) - log_sd)

    best = minimize_scalar(density, bounds=(-4, 3), method="bounded", options={"xatol": 1e-8}).x
    np.testing.assert_allclose(found[target.roles == "sd"], best, atol=2e-3)


def test_heavy_tailed_effects_have_the_scale_under_which_they_are_likely() -> None:
    model = bd.Model("plain ~ 1 + (1 | g)", data(), priors={"1|g": "StudentT(4, 0, HalfNormal(2))"})
    target, x, found = settled(model, apart)
    (u,) = effects(target, x)

    def density(log_sd: float) -> float:
        sd = np.exp(log_sd)
        return float(-t.logpdf(u, 4, 0, sd).sum() - norm.logpdf(sd, 0, 2) - log_sd)

    best = minimize_scalar(density, bounds=(-6, 3), method="bounded", options={"xatol": 1e-8}).x
    np.testing.assert_allclose(found[target.roles == "sd"], best, atol=2e-3)


@pytest.mark.integration
@pytest.mark.parametrize(
    "formula",
    [
        "y ~ (net(x, hidden=[3]) | g)",
        pytest.param("y ~ x + (net(x, hidden=[2], pool='weights') | g) + net(x, embed(c, 2))", marks=pytest.mark.slow),
    ],
)
def test_deviations_of_networks_and_places_of_levels_stay_too(formula: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import jax

    seen = []

    def watched(target: BatchTarget, positions: np.ndarray, refresh: np.ndarray) -> np.ndarray:
        seen.append((target, positions[0], reestimated(target, positions, refresh)[0]))
        return seen[0][-1][None]

    monkeypatch.setattr(_train_draws, "reestimated", watched)
    bd.Model(formula, data()).fit("sgd", epochs=5, seed=1, progress=False)
    ((target, x, found),) = seen
    sds = target.roles == "sd"
    assert sds.sum() == (4 if "pool" in formula else 2)
    assert (found != x)[sds].all()
    with jax.enable_x64(True):
        before, after = (np.asarray(target.linear_function(target.rows)(p, target.arrays)) for p in (x, found))
    np.testing.assert_allclose(after, before, atol=1e-8)


def test_correlations_are_found_from_effects_and_not_trained() -> None:
    target = target_of(bd.Model("y ~ x + (x | g)", data()))
    at = np.flatnonzero(target.roles == "correlation")
    assert at.size == 1
    where = coordinates(target, True)
    assert not np.isin(at, np.concatenate([where.trained, where.tuned])).any()


@pytest.mark.integration
@pytest.mark.parametrize(
    ("method", "options"), [("sgd", {}), ("sgd", {"penalty": False}), ("ensemble", {"members": 3}), ("dropout", {"draws": 30})]
)
def test_new_groups_lie_as_far_apart_as_known_ones(method: str, options: dict[str, object]) -> None:
    formula = "plain ~ net(x, hidden=[4]) + (1 | g)" if method == "dropout" else "plain ~ x + (1 | g)"
    fit = bd.Model(formula, data()).fit(method, epochs=40, seed=1, progress=False, **options)
    sd = fit.idata.posterior["1|g_sigma"].to_numpy()
    np.testing.assert_allclose(sd, SD, rtol=0.15)
    new = pd.DataFrame({"x": 0.0, "g": [f"new{k}" for k in range(400)]})
    mean = fit.draws(new, kind="mean", new_groups="sample").to_numpy().reshape(-1, 400)
    assert mean.std(axis=1).mean() == pytest.approx(SD, rel=0.15)
