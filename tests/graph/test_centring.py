"""Coordinates of group effects: the posterior does not depend on them, and they are chosen from the data."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.records import Response
from bayesdeep.core.registry import TERMS
from bayesdeep.graph.centring import Centring, centring, described
from bayesdeep.graph.evaluate import array_mode, expand_function
from bayesdeep.graph.pilot_fit import pilot_fit

QUICK = {"mode": array_mode(), "on_unused_input": "ignore"}


def frame(rows: int = 400, groups: int = 20, sd: float = 1.2, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g, h = rng.integers(0, groups, rows), rng.integers(0, 7, rows)
    d = pd.DataFrame(
        {
            "x": rng.normal(2.0, 1.5, rows),
            "z": rng.normal(size=groups)[g],
            "a": rng.choice(list("uvw"), rows),
            "g": g,
            "h": h,
        }
    )
    eta = 0.4 + 0.3 * d.x - 0.5 * d.z + rng.normal(0, sd, groups)[g] + rng.normal(0, 0.6, 7)[h]
    p = 1 / (1 + np.exp(-eta))
    return d.assign(
        y=(rng.random(rows) < p).astype(int),
        n=5,
        k=rng.binomial(5, p),
        c=rng.poisson(np.exp(0.4 * eta)),
        w=rng.uniform(0.5, 2, rows),
        m=eta + rng.normal(0, 0.3, rows),
        se=np.geomspace(0.01, 1, rows),
    )


MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "one": ("y ~ x + z + (1 | g)", {"family": "bernoulli"}),
    "correlated": ("y ~ x + (1 + x | g)", {"family": "bernoulli"}),
    "crossed": ("prop(k, n) ~ x + (1 + x || g) + (1 | h)", {"family": "binomial"}),
    "levels": ("c ~ x + (1 + a | g)", {"family": "poisson"}),
    "levels apart": ("c ~ x + (0 + a || g)", {"family": "negative_binomial"}),
    "wide tails": ("c ~ z + (1 | g)", {"family": "poisson", "priors": {"1|g": "StudentT(4, 0.3, HalfNormal(1))"}}),
    "weighted": ("weighted(y, w) ~ offset(z) + (1 | g)", {"family": "bernoulli"}),
    "known errors": ("m ~ x + (1 + x | g)", {"sigma": bd.known("se")}),
    "one known error": ("m ~ x + (1 | g) + (1 | h)", {"sigma": bd.known(0.01)}),
    "no intercept": ("c ~ 0 + x + (1 | g)", {"family": "poisson"}),
}


def graphs(name: str) -> tuple[bd.Model, Any, Any]:
    formula, options = MODELS[name]
    model = bd.Model(formula, frame(), **options)
    rows = model.__dict__["_rows"]
    return model, rows.graph(model.spec), rows.graph(model.spec, sampled=True)


@pytest.mark.few(2)
@pytest.mark.parametrize("name", list(MODELS))
def test_the_density_is_the_same_in_both_coordinates(name):
    model, plain, sampled = graphs(name)
    ways = centring(sampled.pilot)
    assert ways, "nothing is centred, so nothing is tested"
    rng = np.random.default_rng(8)
    start = sampled.model.initial_point()
    point = {k: v + 0.4 * rng.normal(size=np.shape(v)) for k, v in start.items()}
    # Standard deviations have coordinates of their own in the graph that is sampled, and both graphs are at the same values.
    sds = {k.removesuffix("_sd__"): k for k in point if k.endswith("_sd__")}
    assert sds or name == "wide tails"  # whose sd belongs to a prior of the effects
    reported = {k: v[0] for k, v in expand_function(sampled)({k: v[None] for k, v in point.items()}).items()}
    other = {k: point[k] for k in plain.model.initial_point() if k in point and not k.endswith("_z")}
    log_scales = 0.0
    for sd, coordinate in sds.items():
        other[f"{sd}_log__"] = np.log(reported[sd])
        log_scales -= float((log_slope(point[coordinate], sampled, sd) - np.log(reported[sd])).sum())
    for term in model.spec.predictors[0].terms:
        if term.kind == "group":
            z, scales, names = standardised(term.state, reported, 0.3 if name == "wide tails" else 0.0)
            log_scales += log_roots(ways[term.key], scales) if term.key in ways else 0.0
            other |= {v: z[at].reshape(plain.model.initial_point()[v].shape) for v, at in names.items()}
    again = {k: v[0] for k, v in expand_function(plain)({k: v[None] for k, v in other.items()}).items()}
    assert set(again) == set(reported)
    for k in again:
        np.testing.assert_allclose(again[k], reported[k], rtol=1e-9, atol=1e-9)
    here, there = sampled.model.compile_logp(**QUICK)(point), plain.model.compile_logp(**QUICK)(other)
    assert here == pytest.approx(there - log_scales, rel=1e-10)


def standardised(
    state: Any, reported: dict[str, np.ndarray], mean: float
) -> tuple[np.ndarray, np.ndarray, dict[str, list[int]]]:
    """Return standardised effects ``(coefficient, group)``, each one's sd given those before, and where each variable is."""
    (effect,) = TERMS["group"].effects(state)
    effects, sds, names = [], [], {}
    for piece in effect.pieces:
        effects.append(np.atleast_2d(reported[piece.slot]) - mean)
        sds.append(np.broadcast_to(np.atleast_1d(reported[piece.sd]), piece.size))
        names[f"{piece.slot}_z"] = list(range(piece.start, piece.stop))
    u, s = np.concatenate(effects), np.concatenate(sds)
    lower = np.eye(len(s))
    if effect.law.correlation is not None:
        corr = np.eye(len(s))
        corr[np.tril_indices(len(s), -1)] = reported[effect.law.correlation]
        lower = np.linalg.cholesky(corr + corr.T - np.eye(len(s)))
    return np.linalg.solve(lower, u / s[:, None]), s * np.diag(lower), names


def log_roots(way: Centring, scales: np.ndarray) -> float:
    """Return the sum of log(1 + I s^2) / 2 over a term's effects: what one of them is wider than a standard normal number."""
    usual = np.stack([np.broadcast_to(u, row.shape) for u, row in zip(way.usual, way.information, strict=True)])
    return float(0.5 * np.log1p(usual * scales[:, None] ** 2).sum())


def log_slope(t: np.ndarray, graph: Any, sd: str) -> np.ndarray:
    """Return the logarithm of how fast a standard deviation grows with its coordinate, by differences."""
    transform = graph.model.rvs_to_transforms[graph.model[sd]]
    up, down = (np.asarray(transform.backward(t + h).eval()) for h in (1e-5, -1e-5))
    return np.log((up - down) / 2e-5)


def test_where_rows_are_normal_what_is_sampled_does_not_depend_on_the_standard_deviation():
    """With known errors all is normal given the sd: then effects sampled have mean 0 and a width that hardly changes."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 6)
    d = pd.DataFrame({"g": g, "x": rng.normal(size=72), "y": rng.normal(size=12)[g] + rng.normal(0, 0.5, 72)})
    model = bd.Model("y ~ x + (1 | g)", d, sigma=bd.known(0.5))
    rows = model.__dict__["_rows"]
    graph = rows.graph(model.spec, sampled=True)
    density, point = graph.model.compile_logp(**QUICK), graph.model.initial_point()
    (coordinate,) = (k for k in point if k.endswith("_sd__"))
    point = point | {k: point[k] + 0.3 for k in point if k.endswith("_z") and k != "1|g_z"}
    at, widths = np.linspace(-3, 3, 61), []
    for t in (-4.0, 0.0, 4.0, 12.0):
        here = point | {coordinate: np.array(t)}
        for group in (0, 7):
            values = []
            for z in at:
                q = here["1|g_z"].copy()
                q[group] = z
                values.append(density(here | {"1|g_z": q}))
            curve = np.polynomial.polynomial.polyfit(at, values, 2)
            assert abs(-curve[1] / (2 * curve[2])) < 1e-6  # its centre
            widths.append(1 / np.sqrt(-2 * curve[2]))
    np.testing.assert_allclose(widths, 1.0, rtol=1e-6)


def test_groups_with_many_rows_are_centred_and_groups_with_few_are_not():
    big, small = frame(6000, 12), frame(60, 30, 0.3)
    for d, low, high in ((big, 0.9, 1.0), (small, 0.0, 0.35)):
        model = bd.Model("y ~ x + (1 | g)", d, family="bernoulli")
        rows = model.__dict__["_rows"]
        found = described(pilot_fit(model.spec, rows.arrays, rows.response))
        assert all(low <= share <= high for share in found.values())
        assert found or low == 0.0


def test_the_pilot_fit_is_near_the_truth():
    model = bd.Model("y ~ x + z + (1 | g) + (1 | h)", frame(20_000, 60), family="bernoulli")
    rows = model.__dict__["_rows"]
    pilot = pilot_fit(model.spec, rows.arrays, rows.response)
    sds = {
        model.spec.predictors[0].terms[i].state["factor"]: pilot.sds[model.spec.predictors[0].terms[i].key]
        for i in (1, 2)
    }
    # The standard error of an sd of m groups is sd / √(2 m).
    assert sds["g"][0] == pytest.approx(1.2, abs=4 * 1.2 / np.sqrt(120))
    assert sds["h"][0] == pytest.approx(0.6, abs=4 * 0.6 / np.sqrt(14))
    assert pilot.centre[1] == pytest.approx(0.3, abs=0.08)


def test_the_pilot_fit_integrates_the_effects_out():
    model = bd.Model("c ~ x + z + (1 + x | g) + (1 | h)", frame(), family="poisson")
    rows = model.__dict__["_rows"]
    pilot = pilot_fit(model.spec, rows.arrays, rows.response)
    x = np.column_stack([np.ones(400), frame().x - frame().x.mean(), frame().z - frame().z.mean()])
    design = (
        [x] + [np.eye(20)[frame().g] * c[:, None] for c in (np.ones(400), frame().x.values)] + [np.eye(7)[frame().h]]
    )
    full = np.hstack(design)
    sds = [np.repeat(pilot.sds[t.key], n) for t, n in zip(model.spec.predictors[0].terms[1:], (20, 7), strict=True)]
    prior = np.diag(np.concatenate([np.full(3, 1e-3), *(s**-2.0 for s in sds)]))
    theta = np.concatenate([pilot.centre, *(e.ravel() for e in pilot.effects.values())])
    precision = full.T @ (full * np.exp(full @ theta)[:, None]) + prior
    follow = np.linalg.solve(precision[3:, 3:], precision[3:, :3])
    expected = precision[:3, :3] - precision[:3, 3:] @ follow
    np.testing.assert_allclose(pilot.precision, expected, rtol=0.05, atol=0.01 * np.abs(expected).max())
    # The second term's effects, which come last, given all before, and the first term's with these integrated out.
    first, last = (pilot.told[t.key] for t in model.spec.predictors[0].terms[1:])
    np.testing.assert_allclose(last[0].information, np.diag(precision)[43:] - np.diag(prior)[43:], rtol=0.1)
    np.testing.assert_allclose(last[0].population, precision[43:, :3], rtol=0.1, atol=0.05 * np.abs(precision[43:, :3]).max())
    left = precision[:43, :43] - precision[:43, 43:] @ np.linalg.solve(precision[43:, 43:], precision[43:, :43])
    np.testing.assert_allclose(first[1].information, np.diag(left)[23:] - np.diag(prior)[23:43], rtol=0.1)
    np.testing.assert_allclose(first[1].population, left[23:, :3], rtol=0.1, atol=0.05 * np.abs(left[23:, :3]).max())
    # The slopes follow the group's own intercept, and no other.
    for follow, expected in ((first[1].earlier[0], left[23:, 3:23]), (last[0].earlier[1], precision[43:, 23:43])):
        np.testing.assert_allclose(followed(follow), expected, atol=0.05 * np.abs(expected).max())


def followed(follow: Any) -> np.ndarray:
    """Return the matrix whose entries these are."""
    found = np.zeros((len(follow.index), follow.levels))
    np.add.at(found, (np.arange(len(found))[:, None], follow.index), follow.value)
    return found


def test_models_it_does_not_know_have_no_pilot_fit():
    d = frame()
    for formula, options in (
        ("y ~ x", {"family": "bernoulli"}),
        ("y ~ x + (1 | g)", {"family": "bernoulli", "link": "probit"}),
        ("x ~ z + (1 | g)", {}),
    ):
        model = bd.Model(formula, d, **options)
        rows = model.__dict__["_rows"]
        assert pilot_fit(model.spec, rows.arrays, rows.response) is None
    assert isinstance(rows.response, Response)
    assert not centring(None)


def test_only_the_graph_that_is_sampled_is_centred():
    _model, plain, sampled = graphs("one")
    assert plain.pilot is None
    assert sampled.pilot is not None
    assert list(plain.reported) == list(sampled.reported)
    assert [q.dims for q in plain.reported.values()] == [q.dims for q in sampled.reported.values()]


@pytest.mark.slow
def test_nuts_finds_the_same_posterior_in_both_coordinates(monkeypatch):
    from bayesdeep.graph import build

    d = frame()
    model = bd.Model("y ~ x + z + (1 + x | g) + (1 | h)", d, family="bernoulli")
    fits = [model.fit(method="nuts", seed=1, progress=False)]
    monkeypatch.setattr(build, "pilot_fit", lambda *given: None)
    fits.append(model.fit(method="nuts", seed=2, progress=False))
    import arviz as az

    for name in ("Intercept", "x", "z", "1|g_sigma", "x|g_sigma", "1|h_sigma", "1|g", "g_corr"):
        a, b = (f.idata.posterior[name] for f in fits)
        error = np.hypot(*(np.asarray(az.mcse(v.values.reshape(*v.shape[:2], -1)[..., 0])) for v in (a, b)))
        away = np.abs(a.mean(("chain", "draw")) - b.mean(("chain", "draw"))).values.ravel()[0]
        assert away < 5 * error, name


@pytest.mark.integration
def test_engines_whose_result_depends_on_coordinates_keep_the_plain_ones(monkeypatch):
    from bayesdeep.graph import build

    asked: list[str] = []
    original = build.pilot_fit
    monkeypatch.setattr(build, "pilot_fit", lambda *given: asked.append("") or original(*given))
    model = bd.Model("y ~ x + (1 | g)", frame(), family="bernoulli")
    model.fit(method="map", seed=1, progress=False)
    assert not asked
    fit = model.fit(method="nuts", draws=5, tune=20, chains=1, seed=1, progress=False)
    assert len(asked) == 1
    (centred,) = (v for k, v in fit.idata.attrs["details"].items() if k.startswith("centred"))
    assert 0 < centred < 1


@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e6])
def test_precise_known_errors_leave_nothing_to_the_prior_whatever_the_unit(unit: float) -> None:
    d = frame(200)
    d["m"], d["se"] = unit * d.m, 1e-6 * unit
    model = bd.Model("m ~ x + (1 | g)", d, sigma=bd.known("se"))
    rows = model.__dict__["_rows"]
    found = pilot_fit(model.spec, rows.arrays, rows.response)
    assert found is not None
    key = found.blocks[-1].key
    (told,) = found.told[key]
    share = 1 - 1 / (1 + told.information * found.sds[key][0] ** 2)
    assert share.min() > 0.999
    np.testing.assert_allclose(told.population[:, 0] / told.information, 1.0, atol=1e-3)
    assert 0.5 < found.sds[key][0] / (unit * 1.2) < 2


def test_nuts_agrees_with_the_integral_where_standard_errors_are_known_to_a_millionth() -> None:
    rng = np.random.default_rng(1)
    d = pd.DataFrame({"g": np.arange(12), "y": rng.normal(1, 0.3, 12), "se": 1e-6})
    model = bd.Model("y ~ 1 + (1 | g)", d, sigma=bd.known("se"))
    nuts, exact = (model.fit(name, draws=500, chains=4, seed=1, progress=False, **options) for name, options in METHODS)
    for name in ("Intercept", "1|g_sigma"):
        mine, theirs = (np.asarray(fit.posterior[name]) for fit in (nuts, exact))
        # Means over chains, which start apart, lie within four of their standard errors.
        assert np.abs(mine.mean(axis=1) - theirs.mean()).max() < 4 * theirs.std() / np.sqrt(200)
        assert mine.std() == pytest.approx(theirs.std(), rel=0.2)


METHODS: list[tuple[str, dict[str, int]]] = [("nuts", {"tune": 500}), ("collapsed", {})]
