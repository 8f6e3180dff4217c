"""The moving map: its density and gradient, what it finds where the posterior is known, and when it says that it does not fit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import roots_hermitenorm

import bayesdeep as bd
from bayesdeep.display.progress import Silent
from bayesdeep.engines import transport
from bayesdeep.engines._laplace.inner_newton import Inner
from bayesdeep.engines._laplace.marginal_posterior import centred
from bayesdeep.engines._laplace.newton_step import Coefficients
from bayesdeep.engines.transport.moving_map import MovingMap, first_sites
from bayesdeep.inference.row_target import row_source

FORMULAS = {
    "nested": ("count ~ x + (1 | g) + (1 | g:h)", "poisson"),
    "correlated slopes": ("yes ~ x + (1 + x | g)", "bernoulli"),
    "crossed, dispersed": ("count ~ x + (1 | g) + (1 | h)", "negative_binomial"),
    "trials and a smooth": ("prop(k, n) ~ s(x, k=5) + (1 | g)", "binomial"),
    "skewed": ("size ~ x + (1 | g)", "gamma"),
    "groups alone": ("count ~ 0 + (1 | g)", "poisson"),
}


def data(rows: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    x, g, h = rng.normal(size=rows), rng.integers(0, 9, rows), rng.integers(0, 4, rows)
    eta = 0.4 + 0.5 * x + rng.normal(0, 0.6, 9)[g]
    n = rng.integers(1, 9, rows)
    return pd.DataFrame(
        {
            "x": x, "g": [f"g{i}" for i in g], "h": [f"h{i}" for i in h], "count": rng.poisson(np.exp(eta)), "n": n,
            "yes": rng.uniform(size=rows) < 1 / (1 + np.exp(-eta)), "size": rng.gamma(2.0, np.exp(eta) / 2),
            "k": rng.binomial(n, 1 / (1 + np.exp(-eta))),
        }
    )  # fmt: skip


def made(name: str) -> tuple[MovingMap, np.ndarray, Coefficients]:
    """Return a map with some hyperparameters ``(4, dim)`` and points ``z``."""
    formula, family = FORMULAS[name]
    model = bd.Model(formula, data(), family=family)
    _, target, _ = row_source(model.spec, model.__dict__["_rows"], "transport")
    inner, rng = Inner.of(target.rows), np.random.default_rng(2)
    marginal, shape = centred(inner, Silent(), "transport")
    assert shape is not None
    theta = np.abs(shape.centre + rng.normal(0, 0.3, (4, len(shape.centre))) @ shape.factor.T)
    system = inner.rows.system
    standard = tuple(rng.normal(size=(4, f.levels, f.width)) for f in system.factors)
    z = Coefficients(rng.normal(size=(4, system.columns)), standard)
    return MovingMap(marginal, first_sites(marginal, shape)), theta, z


@pytest.mark.parametrize("name", FORMULAS)
def test_the_gradient_is_what_differences_say(name: str) -> None:
    moving, theta, z = made(name)
    placed = moving.placed(theta)
    value, slope = moving.gradient(placed, z)
    np.testing.assert_allclose(value, moving.log_density(placed, z), rtol=1e-12)
    rng, h = np.random.default_rng(0), 1e-5
    for _ in range(3):
        way = Coefficients(rng.normal(size=z.beta.shape), tuple(rng.normal(size=b.shape) for b in z.standard))
        pairs = list(zip((z.beta, *z.standard), (way.beta, *way.standard), strict=True))
        up, down = (
            moving.log_density(placed, Coefficients(*_split([a + s * b for a, b in pairs]))) for s in (h, -h)
        )
        both = zip((slope.beta, *slope.standard), (way.beta, *way.standard), strict=True)
        along = sum((a * b).reshape(4, -1).sum(axis=1) for a, b in both)
        np.testing.assert_allclose((up - down) / (2 * h), along, rtol=1e-5, atol=1e-5)


def _split(arrays: list[np.ndarray]) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    return arrays[0], tuple(arrays[1:])


@pytest.mark.parametrize("name", FORMULAS)
def test_the_density_is_that_of_any_other_map(name: str) -> None:
    """Through another map the same coefficients have the same density, but for the maps' volumes: it is the posterior's own."""
    moving, theta, z = made(name)
    placed = moving.placed(theta)
    at = moving.coefficients(placed, z)
    density = moving.log_density(placed, z) + placed.factored.half_log_det
    inner, system = moving.inner, moving.inner.rows.system
    beta, *effects = inner.effects(placed.scales, at)
    eta = inner.rows.offset[:, None] + inner.rows.columns @ beta.T
    for codes, columns, u in zip(inner.rows.codes, inner.rows.effects, effects, strict=True):
        for k, column in enumerate(columns):
            eta = eta + u[:, codes, k].T * (1.0 if column is None else column[:, None])
    by_hand = inner.rows.likelihood.value(eta, placed.values).sum(axis=0) + placed.log_prior
    by_hand += system.prior_constant - 0.5 * np.einsum("bi,ij,bj->b", at.beta, system.precision, at.beta)
    by_hand -= 0.5 * sum((b**2).sum(axis=(1, 2)) for b in at.standard)
    np.testing.assert_allclose(density, by_hand, rtol=1e-9)
    # With the map at the posterior's own parabolas z is nearly standard normal: its gradient is nearly -z.
    _, slope = moving.gradient(placed, z)
    each = zip((slope.beta, *slope.standard), (z.beta, *z.standard), strict=True)
    apart = np.concatenate([(s + b).ravel() for s, b in each])
    assert np.sqrt(np.mean(apart**2)) < 0.6


def posterior_by_quadrature(counts: list[np.ndarray]) -> dict[str, tuple[float, float]]:
    """Return mean and sd of intercept and sd: Poisson counts by group, Intercept ~ N(0, 2), sd ~ HalfNormal(1)."""
    beta, tau = np.linspace(-3, 4, 281), np.linspace(1e-3, 4.0, 320)
    nodes, weights = roots_hermitenorm(41)
    b, t = np.meshgrid(beta, tau, indexing="ij")
    log_p = stats.norm(0, 2).logpdf(b) + stats.halfnorm(0, 1).logpdf(t)
    for own in counts:
        eta = b[..., None] + t[..., None] * nodes
        inside = own.sum() * eta - len(own) * np.exp(eta)
        high = inside.max(axis=-1, keepdims=True)
        log_p = log_p + high[..., 0] + np.log((np.exp(inside - high) * weights).sum(axis=-1))
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    found = {}
    for name, value in (("Intercept", b), ("1|g_sigma", t)):
        mean = (p * value).sum()
        found[name] = (float(mean), float(np.sqrt((p * (value - mean) ** 2).sum())))
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_posterior_that_is_known(seed: int) -> None:
    """Four groups of two rows: far from normal, with an sd that may be 0."""
    counts = [np.array([0, 1]), np.array([2, 4]), np.array([1, 0]), np.array([7, 3])]
    frame = pd.DataFrame({"y": np.concatenate(counts), "g": np.repeat(list("abcd"), 2)})
    priors = {"Intercept": "Normal(0, 2)", "1|g_sigma": "HalfNormal(1)"}
    fit = bd.Model("y ~ 1 + (1 | g)", frame, family="poisson", priors=priors).fit("transport", seed=seed, progress=False)
    table, known = fit.summary(), posterior_by_quadrature(counts)
    assert fit.idata.attrs["status"] == "ok"
    for name, (mean, sd) in known.items():
        error = 4.5 * table.loc[name, "mcse_mean"]
        assert error < 0.15 * sd
        assert table.loc[name, "mean"] == pytest.approx(mean, abs=error)
        assert table.loc[name, "sd"] == pytest.approx(sd, abs=4.5 * table.loc[name, "mcse_sd"])


@pytest.mark.integration
@pytest.mark.parametrize("name", ["correlated slopes", "nested", "crossed, dispersed"])
def test_it_agrees_with_nuts(name: str) -> None:
    formula, family = FORMULAS[name]
    model = bd.Model(formula, data(), family=family)
    ours = model.fit("transport", seed=1, progress=False).summary()
    theirs = model.fit("nuts", seed=2, draws=1500, progress=False).summary()
    error = np.hypot(ours["mcse_mean"], theirs["mcse_mean"])
    assert (np.abs(ours["mean"] - theirs["mean"]) < 5 * error).all()
    spread = np.hypot(ours["mcse_sd"], theirs["mcse_sd"])
    assert (np.abs(ours["sd"] - theirs["sd"]) < 5 * spread).all()
    # These counts are not overdispersed: alpha may be anything large, with a posterior of many orders of magnitude.
    assert ours["ess_bulk"].drop("alpha", errors="ignore").min() > 400


def test_a_map_that_does_not_fit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MIN_TRAJECTORY", 1.1)
    monkeypatch.setattr(transport, "MAX_VARIANCE", 0.5)
    formula, family = FORMULAS["correlated slopes"]
    fit = bd.Model(formula, data(), family=family).fit("transport", seed=1, draws=100, progress=False)
    assert fit.idata.attrs["status"] == "doubtful"
    (said,) = fit.idata.attrs["advice"]
    assert "trajectories were accepted" in said
    assert "times as variable as the map has it" in said
    assert said.endswith("Fit with method='nuts'.")


class Stops:
    """Interrupts at a share of the work."""

    def __init__(self, at: int) -> None:
        self.at = at

    def update(self, done: int, total: int, note: str = "") -> None:
        if note and done >= self.at:
            raise KeyboardInterrupt


def test_an_interruption_keeps_what_there_is() -> None:
    formula, family = FORMULAS["nested"]
    model = bd.Model(formula, data(), family=family)
    _, target, _ = row_source(model.spec, model.__dict__["_rows"], "transport")
    settings = transport.TransportSettings(draws=400)
    whole = transport.run(settings, target, 3, Silent())
    part: Any = transport.run(settings, target, 3, Stops(85))
    assert part.status == "interrupted"
    chains, draws, _ = part.positions.shape
    assert chains == 4
    assert 1 <= draws < 400
    assert f"4 chains of {draws} draws are kept" in part.advice[0]
    np.testing.assert_array_equal(part.positions[:, 0], whole.positions[:, 0])
    with pytest.raises(KeyboardInterrupt):
        transport.run(settings, target, 3, Stops(10))


def test_a_seed_says_which_draws() -> None:
    formula, family = FORMULAS["nested"]
    model = bd.Model(formula, data(), family=family)
    one = model.fit("transport", seed=3, draws=60, progress=False).idata["posterior"]["x"]
    same = model.fit("transport", seed=3, draws=60, progress=False).idata["posterior"]["x"]
    np.testing.assert_array_equal(one, same)
    assert (model.fit("transport", seed=4, draws=60, progress=False).idata["posterior"]["x"] != one).all()


def test_lanes_that_differ_are_drawn_on_and_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round doubles the iterations, keeps as many draws, and begins with those of the round before."""
    formula, family = FORMULAS["nested"]
    model = bd.Model(formula, data(), family=family)
    _, target, _ = row_source(model.spec, model.__dict__["_rows"], "transport")
    settings = transport.TransportSettings(draws=400)
    once = transport.run(settings, target, 3, Silent())
    monkeypatch.setattr(transport, "MIN_EFFICIENCY", 2.0)
    monkeypatch.setattr(transport, "MAX_ROUNDS", 2)
    twice = transport.run(settings, target, 3, Silent())
    assert twice.positions.shape == once.positions.shape
    lanes = int(once.details["lanes"])
    steps = 400 // lanes
    first, thinned = (d.positions.reshape(4, lanes, steps, -1) for d in (once, twice))
    np.testing.assert_array_equal(thinned[:, :, : steps // 2], first[:, :, 1::2])
    for one, other in zip(twice.coefficients or (), once.coefficients or (), strict=True):
        assert one.shape == other.shape
