"""The moving map: its density and gradient, what it finds where the posterior is known, and when it says that it does not fit."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import roots_hermitenorm

import bayesdeep as bd
from bayesdeep.core.linear import Hyperparameter
from bayesdeep.display.progress import Silent
from bayesdeep.engines import transport
from bayesdeep.engines._laplace.by_blocks import ByBlocks
from bayesdeep.engines._laplace.by_columns import ByColumns
from bayesdeep.engines._laplace.inner_newton import Inner
from bayesdeep.engines._laplace.marginal_posterior import centred
from bayesdeep.engines._laplace.weighted_products import weighted_sums
from bayesdeep.engines.transport import proposals, scalings
from bayesdeep.engines.transport.moves import State
from bayesdeep.engines.transport.moving_map import MovingMap, first_sites
from bayesdeep.inference.row_target import row_source
from bayesdeep.linear.corners import Corner
from bayesdeep.linear.hyperparameters import Coordinates, scales_of
from bayesdeep.numerics import lane_loops, sparse_factors

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


WAYS = ["loops in C", "NumPy"]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of doing the arithmetic: every law holds of each."""
    if request.param == "NumPy":
        monkeypatch.setattr(lane_loops, "lane_loops", lambda: None)
        monkeypatch.setattr(sparse_factors, "lane_loops", lambda: None)
    elif lane_loops.lane_loops() is None:
        pytest.skip("no C compiler")
    return request.param


def made(name: str) -> tuple[MovingMap, np.ndarray, np.ndarray]:
    """Return a map with some hyperparameters ``(4, dim)`` and points ``z`` ``(coefficient, 4)``."""
    formula, family = FORMULAS[name]
    model = bd.Model(formula, data(), family=family)
    _, target, _ = row_source(model.spec, model.__dict__["_rows"], "transport")
    inner, rng = Inner.of(target.rows), np.random.default_rng(2)
    marginal, shape = centred(inner, Silent(), "transport")
    assert shape is not None
    theta = np.abs(shape.centre + rng.normal(0, 0.3, (4, len(shape.centre))) @ shape.factor.T)
    moving = MovingMap.of(marginal, first_sites(marginal, shape))
    return moving, theta, rng.normal(size=(moving.gaussian.layout.size, 4))


@pytest.mark.parametrize("name", FORMULAS)
def test_the_gradient_is_what_differences_say(name: str, way: str) -> None:
    moving, theta, z = made(name)
    assert isinstance(moving.gaussian, ByColumns if way == "loops in C" else ByBlocks)
    rng, h = np.random.default_rng(0), 1e-5
    for stretch in (None, rng.uniform(1, 2, len(z))):
        moving = replace(moving, stretch=stretch)
        placed = moving.placed(theta)
        value, slope = moving.gradient(placed, z)
        np.testing.assert_allclose(value, moving.log_density(placed, z), rtol=1e-12)
        for _ in range(3):
            along = rng.normal(size=z.shape)
            up, down = (moving.log_density(placed, z + s * along) for s in (h, -h))
            np.testing.assert_allclose((up - down) / (2 * h), (slope * along).sum(axis=0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_density_is_that_of_any_other_map(name: str, way: str) -> None:
    """Through another map the same coefficients have the same density, but for the maps' volumes: it is the posterior's own."""
    del way
    moving, theta, z = made(name)
    placed = moving.placed(theta)
    density = moving.log_density(placed, z) + placed.factored.half_log_det
    inner, system = moving.inner, moving.inner.rows.system
    beta, *effects = moving.gaussian.layout.split(moving.effects(placed, z))
    eta = inner.rows.offset[:, None] + inner.rows.columns @ beta.T
    for codes, columns, u in zip(inner.rows.codes, inner.rows.effects, effects, strict=True):
        for k, column in enumerate(columns):
            eta = eta + u[:, codes, k].T * (1.0 if column is None else column[:, None])
    by_hand = inner.rows.likelihood.value(eta, placed.values).sum(axis=0) + placed.log_prior
    by_hand += system.prior_constant - 0.5 * np.einsum("bi,ij,bj->b", beta, system.precision, beta)
    roots = scales_of(system, moving.marginal.coordinates.to_system(theta)).roots
    for root, u in zip(roots, effects, strict=True):
        for b in range(4):
            dense = np.array([[0.0 if m >= len(row) or row[m] is None else row[m][b] for m in range(len(root))] for row in root])
            by_hand[b] -= 0.5 * (np.linalg.solve(dense, u[b].T) ** 2).sum()
    np.testing.assert_allclose(density, by_hand, rtol=1e-9)
    # With the map at the posterior's own parabolas z is nearly standard normal: its gradient is nearly -z.
    _, slope = moving.gradient(placed, z)
    assert np.sqrt(np.mean((slope + z) ** 2)) < 0.6


@pytest.mark.parametrize("name", FORMULAS)
def test_the_map_has_the_precision_of_its_parabolas(name: str, way: str) -> None:
    """Its volume and its middle are those of the Gaussian with the precision summed row by row; ``z`` has that precision."""
    del way
    moving, theta, z = made(name)
    placed = moving.placed(theta)
    layout, system = moving.gaussian.layout, moving.inner.rows.system
    sums = moving.precision.at(moving.sites.centre[None])
    moved = moving.gaussian.factorise(scales_of(system, moving.marginal.coordinates.to_system(moving.sites.centre[None])), sums)
    design = np.concatenate([layout.design.toarray(), layout.population], axis=1)
    weight = np.exp(moving.sites.log_weight)
    response = moving.sites.response + weight * moving.sites.anchor
    root = scales_of(system, moving.marginal.coordinates.to_system(moving.sites.centre[None])).roots
    turn = np.eye(layout.size)
    for start, (levels, width), own in zip(layout.starts, layout.shapes, root, strict=True):
        dense = np.array([[0.0 if m >= len(row) or row[m] is None else row[m][0] for m in range(width)] for row in own])
        for j in range(levels):
            span = slice(start + j * width, start + (j + 1) * width)
            turn[span, span] = dense
    prior = np.eye(layout.size)
    prior[layout.columns :, layout.columns :] = system.precision
    precision = turn.T @ (design.T * weight) @ design @ turn + prior
    np.testing.assert_allclose(moved.half_log_det, 0.5 * np.linalg.slogdet(precision)[1], rtol=1e-10)
    middle = turn @ np.linalg.solve(precision, turn.T @ (design.T @ response))
    found = moving.gaussian.effects(moved, None, None)[:, 0]
    np.testing.assert_allclose(found, middle, rtol=1e-8, atol=1e-10)
    whole = np.array([moving.gaussian.effects(moved, unit[:, None], None)[:, 0] - found for unit in np.eye(layout.size)]).T
    covariance = turn @ np.linalg.inv(precision) @ turn.T
    np.testing.assert_allclose(whole @ whole.T, covariance, rtol=1e-8, atol=1e-10)
    assert np.isfinite(moving.log_density(placed, z)).all()


def test_between_known_values_the_precision_stays_positive() -> None:
    """Far out along several axes at once it is an average of those that are known."""
    moving, _, _ = made("crossed, dispersed")
    rng = np.random.default_rng(0)
    far = moving.sites.centre + rng.normal(0, 30, (64, len(moving.sites.centre))) @ np.linalg.inv(moving.sites.whiten)
    sums = moving.precision.at(far).weighted
    assert (sums <= moving.precision.weighted.max(axis=1, keepdims=True) + 1e-9).all()
    assert (sums >= moving.precision.weighted.min(axis=1, keepdims=True) - 1e-9).all()
    at = moving.sites.centre + rng.normal(0, 0.5, (64, len(moving.sites.centre))) @ np.linalg.inv(moving.sites.whiten)
    apart = moving.sites.apart(at)
    exact = weighted_sums(
        moving.inner.products, np.exp(moving.sites.log_weight[:, None] + moving.sites.log_weight_slopes @ apart.T)
    )
    error = np.abs(moving.precision.at(at).weighted - exact) / np.abs(exact).max(axis=1, keepdims=True).clip(1e-300)
    assert np.median(error.max(axis=0)) < 0.1


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


@pytest.mark.parametrize(("seed", "by_scaling", "least"), [(1, False, 0.0), (2, False, 0.0), (3, True, 0.0), (4, False, 2.0)])
def test_a_posterior_that_is_known(seed: int, by_scaling: bool, least: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four groups of two rows: far from normal, with an sd that may be 0; by each kind of move and of proposal."""
    if by_scaling:
        if lane_loops.lane_loops() is None:
            pytest.skip("no C compiler")
        monkeypatch.setattr(transport, "FAIR_INDEPENDENT", 2.0)
        monkeypatch.setattr(transport, "SCALINGS", 6)
    if least:  # proposals are always fitted to warm-up's draws, and Laplace's left out
        monkeypatch.setattr(proposals, "GOOD", least)
        monkeypatch.setattr(proposals.Proposals, "tuned", _only_fitted)
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


def _only_fitted(self: proposals.Proposals, warm: Any) -> float:
    self.tried = self.kept = [self._fitted(np.concatenate(warm.theta))]
    return warm.acceptance("independent")


@pytest.mark.parametrize("name", FORMULAS)
def test_scaling_leaves_standardised_effects_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coefficients are the ones before times what their sds were multiplied by; the density is the posterior's."""
    if lane_loops.lane_loops() is None:
        pytest.skip("no C compiler")
    moving, theta, z = made(name)
    moving = replace(moving, stretch=np.random.default_rng(1).uniform(1, 2, len(z)))
    system, coordinates = moving.inner.rows.system, moving.marginal.coordinates
    state = State(theta, z, moving.log_density(moving.placed(theta), z))
    before = moving.effects(moving.placed(theta), z)
    after_state = scalings.scaled(moving, state, 5, np.random.default_rng(0))
    placed = moving.placed(after_state.theta)
    np.testing.assert_allclose(after_state.log_density, moving.log_density(placed, after_state.z), rtol=1e-10)
    after, layout = moving.effects(placed, after_state.z), moving.gaussian.layout
    assert (after_state.theta != theta).any()
    old, new = (np.exp(coordinates.to_system(t)) for t in (theta, after_state.theta))
    for factor, start, (levels, width) in zip(system.factors, layout.starts, layout.shapes, strict=True):
        for k, scale in enumerate(factor.scales):
            span = slice(start + k, start + levels * width, width)
            ratio = new[:, scale.index] / old[:, scale.index]
            np.testing.assert_allclose(after[span], before[span] * ratio, rtol=1e-6, atol=1e-9)


def test_scalings_alone_find_the_density_along_their_ridge() -> None:
    """With standardised effects as they are, the density of their sd is the rows' and the prior's: nothing else moves here."""
    if lane_loops.lane_loops() is None:
        pytest.skip("no C compiler")
    frame = pd.DataFrame({"y": [0, 1, 2, 4, 1, 0, 7, 3], "g": list("aabbccdd")})
    model = bd.Model("y ~ 0 + (1 | g)", frame, family="poisson", priors={"1|g_sigma": "HalfNormal(1)"})
    _, target, _ = row_source(model.spec, model.__dict__["_rows"], "transport")
    inner, rng, lanes = Inner.of(target.rows), np.random.default_rng(4), 4000
    marginal, shape = centred(inner, Silent(), "transport")
    assert shape is not None
    moving = MovingMap.of(marginal, first_sites(marginal, shape))
    theta = np.full((lanes, 1), shape.centre[0])
    z = np.repeat(rng.normal(size=(4, 1)), lanes, axis=1)
    state = State(theta, z, moving.log_density(moving.placed(theta), z))
    natural = np.exp(marginal.coordinates.to_system(theta))[0, 0]
    effects = moving.effects(moving.placed(theta[:1]), z[:, :1])[:, 0]
    standard = effects / natural
    for _ in range(60):
        state = scalings.scaled(moving, state, 12, rng)
    found = np.sort(np.exp(marginal.coordinates.to_system(state.theta))[:, 0])
    sd = np.linspace(1e-4, 6.0, 20_000)
    eta = np.repeat(standard, 2)[:, None] * sd
    log_p = (frame["y"].to_numpy()[:, None] * eta - np.exp(eta)).sum(axis=0) + stats.halfnorm(0, 1).logpdf(sd)
    cumulative = np.cumsum(np.exp(log_p - log_p.max()))
    known = np.interp(found, sd, cumulative / cumulative[-1])
    assert stats.kstest(known, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("corners", [(), (Corner((0, 2), (0.3, 0.7), 2.5),)], ids=["plain", "corner"])
def test_multiplied_scales_have_the_derivative_that_differences_say(corners: tuple[Corner, ...]) -> None:
    h, units = 1e-6, np.array([0.7, np.nan, 2.0, np.nan])
    coordinates = Coordinates(units, corners)
    kinds = tuple(Hyperparameter("", kind, np.zeros_like, 1.0) for kind in ("scale", "scale", "scale", "real"))
    system: Any = SimpleNamespace(hyperparameters=kinds)
    theta = np.abs(np.random.default_rng(0).normal(0, 1.5, (5, 4)))
    log_c, which = np.linspace(-0.5, 0.5, 5), np.array([0, 1, 2])

    def moved(at: np.ndarray) -> np.ndarray:
        return scalings._multiplied(at, which, coordinates, system, log_c)[0]

    new, jacobian = scalings._multiplied(theta, which, coordinates, system, log_c)
    columns = [(moved(theta + h * unit) - moved(theta - h * unit)) / (2 * h) for unit in np.eye(4)]
    expected = np.linalg.slogdet(np.stack(columns, axis=2))[1]
    np.testing.assert_allclose(jacobian, expected, atol=1e-7)
    before, after = coordinates.to_system(theta), coordinates.to_system(new)
    np.testing.assert_allclose(after[:, which], before[:, which] + log_c[:, None], atol=1e-10)
    np.testing.assert_array_equal(new[:, 3], theta[:, 3])


def test_coordinates_with_a_corner_have_the_derivative_that_differences_say() -> None:
    units, h = np.array([0.5, 2.0, np.nan, 1.0]), 1e-6
    coordinates = Coordinates(units, (Corner((0, 1, 3), (0.2, 0.7, 0.1), 3.0),))
    system: Any = SimpleNamespace(hyperparameters=tuple(Hyperparameter("", "scale", np.zeros_like, 1.0) for _ in range(4)))
    sizes = np.array([[0.01], [0.1], [1.0], [2.0], [1e-5]])
    theta = sizes * np.abs(np.random.default_rng(0).normal(size=(5, 4)))
    np.testing.assert_allclose(coordinates.from_system(coordinates.to_system(theta)), theta, rtol=1e-9)
    columns = []
    for k in range(4):
        step = h * theta[:, k : k + 1] * np.eye(4)[k]
        there, back = (np.exp(coordinates.to_system(theta + s * step)) for s in (1, -1))
        columns.append((there - back) / (2 * h * theta[:, k : k + 1]))
    expected = np.linalg.slogdet(np.stack(columns, axis=2))[1]
    np.testing.assert_allclose(coordinates.log_jacobian(system, theta), expected, rtol=1e-6, atol=1e-6)


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


@pytest.mark.integration
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
