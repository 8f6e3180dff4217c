"""The mode is that of prior times likelihood on the scale of what the posterior shows; with flat priors, maximum likelihood."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

import bayesdeep as bd
from bayesdeep.core.draws import Draws
from bayesdeep.core.registry import ENGINES, FAMILIES
from bayesdeep.engines.map import ENGINE, MapSettings
from bayesdeep.graph.evaluate import array_mode, expand_function
from bayesdeep.graph.own_scale import own_scale_density
from bayesdeep.graph.parameter_vector import Layout, layout_of
from bayesdeep.inference.run import words_of

RESPONSES = {
    "bernoulli": "b",
    **dict.fromkeys((n for n in FAMILIES if "trials" in FAMILIES[n].words), "prop(k, n)"),
    "beta": "u",
    "categorical": "c",
    "cumulative": "o",
    "multinomial": "cbind(m1, m2, m3)",
    "poisson": "k",
    "negative_binomial": "k",
    "hurdle_poisson": "k",
    "zero_inflated_poisson": "k",
    **dict.fromkeys(["exponential", "gamma", "inverse_gaussian", "lognormal", "weibull"], "p"),
    "tobit": "r",
}
FLAT = {"positive": "HalfFlat()", "unit": "Beta(1, 1)"}


def data(rows: int = 80, seed: int = 5) -> pd.DataFrame:
    """Return a column and responses whose maximum likelihood lies inside for every family."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    eta = 0.3 + 0.5 * x
    d = pd.DataFrame({"x": x, "v": rng.normal(size=rows), "g": rng.integers(0, 6, rows)})
    d["y"] = eta + 0.7 * rng.standard_t(4, size=rows)
    d["b"] = (rng.random(rows) < special.expit(eta)).astype(int)
    d["k"] = rng.poisson(rng.gamma(2.0, 1.5 * np.exp(eta) / 2.0)) * (rng.random(rows) < 0.7)
    d["n"] = 30
    d["u"] = rng.beta(3 * special.expit(eta), 3 * special.expit(-eta))
    d["p"] = rng.gamma(2.3, np.exp(eta) / 2.3)
    d["c"] = np.array(["one", "two", "three"])[np.argmax(rng.gumbel(size=(rows, 3)) + np.outer(x, [0, 0.5, -0.5]), axis=1)]
    d["m1"], d["m2"], d["m3"] = rng.poisson(2, rows), rng.poisson(np.exp(eta)), rng.poisson(1.5, rows) + 1
    d["r"] = np.maximum(d.y, 0.0)
    codes = np.digitize(eta + rng.logistic(size=rows), [-0.8, 0.3, 1.5])
    d["o"] = pd.Categorical.from_codes(codes, ["low", "mid", "high", "top"], ordered=True)
    return d


@dataclass
class Interpreted:
    """A model's density on its own scale without compiling, which would take seconds a family."""

    model: bd.Model
    seconds_compile: float = 0.0
    unravel: Any = field(init=False)

    def __post_init__(self) -> None:
        self.spec = self.model.spec
        self.graph = self.model.__dict__["_rows"].graph(self.spec)
        self.layout: Layout = layout_of(self.graph.model, self.graph.units)
        self.words, self.unravel = words_of(self.spec), self.layout.unravel
        self.names, self.jitter, self.constrained = self.layout.names, self.layout.jitter, self.layout.constrained

    @property
    def dim(self) -> int:
        return self.layout.start.size

    @cached_property
    def function(self) -> Any:
        import pytensor.tensor as pt

        inner, values = self.graph.model, self.graph.model.value_vars
        density = own_scale_density(self.graph)
        slopes = pt.concatenate([g.ravel() for g in pt.grad(density, values)])
        return inner.compile_fn([density, slopes], inputs=values, point_fn=False, mode=array_mode(), on_unused_input="ignore")

    def logp_dlogp(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = self.function(*self.layout.split(x))
        return float(value), np.asarray(slope)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        return self.layout.start + 0.3 * self.jitter * rng.uniform(-1, 1, self.dim)

    def shown(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {k: v[0] for k, v in expand_function(self.graph)(self.unravel(x[None])).items()}


class Quiet:
    def update(self, done: int, total: int, note: str = "") -> None: ...


def mode_of(model: bd.Model, starts: int = 2) -> tuple[dict[str, np.ndarray], Draws]:
    target = Interpreted(model)
    draws = ENGINE.run(MapSettings(starts=starts), target, 1, Quiet())
    return target.shown(draws.positions[0, 0]), draws


def flat(formula: str, d: pd.DataFrame, **options: Any) -> bd.Model:
    """Return a model in which every prior is flat on its parameter's own scale."""
    usual = bd.Model(formula, d, **options)
    supports = {p.name: p.support for p in FAMILIES[usual.spec.family].parameters}
    priors = {p.key: FLAT.get(supports.get(p.name, "real"), "Flat()") for p in usual.spec.priors}
    return bd.Model(formula, d, priors=priors, **options)


def log_likelihoods(made_up: Any, model: bd.Model, points: list[dict[str, np.ndarray]]) -> np.ndarray:
    values = {name: np.stack([p[name] for p in points]) for name in points[0]}
    fit = made_up(model, draws=len(points), chains=1, values=values)
    return np.asarray(fit.log_likelihood()["log_likelihood"][model.spec.response.name])[0].sum(axis=-1)


NO_MODE = {"com_poisson", "gev"}
"""Families of which made-up rows, normal ones and Poisson counts, are no example."""


@pytest.mark.few(2)
@pytest.mark.parametrize("name", list(FAMILIES))
def test_with_flat_priors_it_is_maximum_likelihood(name: str, made_up: Any) -> None:
    formula, d = f"{RESPONSES.get(name, 'k' if 'discrete' in FAMILIES[name].words else 'y')} ~ x", data()
    try:
        model = flat(formula, d, family=name)
    except bd.DataError:
        pytest.skip("its responses are others than these; its estimates are held to other software's")
    if name in NO_MODE:
        pytest.skip("on these rows its likelihood has no highest point")
    found, draws = mode_of(model)
    assert draws.status == "ok", draws.advice
    points = [found]
    for parameter, value in found.items():
        for k in np.ndindex(np.shape(value)):
            for step in (1e-3, -1e-3, 1e-2, -1e-2, 0.1, -0.1):
                moved = np.array(value)
                moved[k] += step * max(abs(moved[k]), 0.1)
                points.append({**found, parameter: moved})
    values = log_likelihoods(made_up, bd.Model(formula, d, family=name), points)
    # A log standard deviation's Jacobian alone would leave 1 / (4 rows) to gain.
    assert np.nanmax(values[1:]) <= values[0] + 1e-4


def test_thresholds_and_slopes_are_those_of_the_ordinal_likelihood_by_hand() -> None:
    d = data(60)
    found, _ = mode_of(flat("o ~ x", d, family="cumulative"))
    codes, x = d.o.cat.codes.to_numpy(), d.x.to_numpy()

    def lost(t: np.ndarray) -> float:
        cuts = np.concatenate([[-np.inf], np.cumsum([t[0], *np.exp(t[1:3])]), [np.inf]])
        upper, lower = special.expit(cuts[codes + 1] - t[3] * x), special.expit(cuts[codes] - t[3] * x)
        return -float(np.log(upper - lower).sum())

    best = optimize.minimize(lost, [-1.0, 0.0, 0.0, 0.0], method="BFGS", options={"gtol": 1e-7}).x
    np.testing.assert_allclose(found["threshold"], np.cumsum([best[0], *np.exp(best[1:3])]), atol=1e-4)
    np.testing.assert_allclose(found["x"], best[3], atol=1e-4)


def test_with_proper_priors_it_is_the_mode_of_their_product_with_the_likelihood() -> None:
    d = data(40)
    priors = {"Intercept_raw": "Normal(2, 0.3)", "x": "Laplace(0, 0.2)", "sigma": "Gamma(20, 10)"}
    found, _ = mode_of(bd.Model("y ~ x", d, priors=priors))

    def lost(t: np.ndarray) -> float:
        if t[2] <= 0:
            return np.inf
        prior = stats.norm(2, 0.3).logpdf(t[0]) + stats.laplace(0, 0.2).logpdf(t[1]) + stats.gamma(20, scale=0.1).logpdf(t[2])
        return -float(prior + stats.norm(t[0] + t[1] * d.x, t[2]).logpdf(d.y).sum())

    best = optimize.minimize(lost, [1.0, 0.3, 1.5], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-11}).x
    np.testing.assert_allclose([found[k] for k in ("Intercept", "x", "sigma")], best, atol=1e-4)


def test_the_density_is_that_of_what_is_shown(made_up: Any) -> None:
    d = data(30)
    priors = {"g_corr": "LKJ(2.5)", "sigma": "Gamma(2, 3)", **{f"{k}|g_sigma": "HalfNormal(0.7)" for k in ("1", "x", "v")}}
    priors |= {"Intercept": "Normal(1, 2)", "x": "Normal(0, HalfNormal(0.4))"}
    model = bd.Model("y ~ x + (x + v | g)", d, priors=priors)
    target, rng = Interpreted(model), np.random.default_rng(2)
    assert target.layout.constrained.sum() == 8
    left, points = [], []
    for _ in range(5):
        x = rng.normal(size=target.dim)
        found = target.shown(x)
        r = found["g_corr"]
        correlations = np.array([[1, r[0], r[1]], [r[0], 1, r[2]], [r[1], r[2], 1]])
        prior = 1.5 * np.log(np.linalg.det(correlations)) + stats.gamma(2, scale=1 / 3).logpdf(found["sigma"])
        prior += sum(stats.halfnorm(scale=0.7).logpdf(found[f"{k}|g_sigma"]) for k in ("1", "x", "v"))
        prior += stats.halfnorm(scale=0.4).logpdf(found["x_sigma"])
        hidden = {k: v[0] for k, v in target.unravel(x[None]).items() if k.endswith(("_z", "_at_means"))}
        prior += sum(stats.norm.logpdf(v).sum() for k, v in hidden.items() if k.endswith("_z"))
        prior += stats.norm(1, 2).logpdf(hidden["Intercept_at_means"])
        left.append(target.logp_dlogp(x)[0] - prior)
        points.append(found)
    constant = np.array(left) - log_likelihoods(made_up, model, points)
    np.testing.assert_allclose(constant, constant[0], atol=1e-8)


@pytest.mark.few(1)
@pytest.mark.parametrize(("text", "reported", "hidden"), [("Horseshoe(0.1)", "x_v_tau", 3), ("R2D2()", "x_v_R2", 2)])
def test_of_block_priors_what_is_not_shown_keeps_its_coordinates(text: str, reported: str, hidden: int) -> None:
    model = bd.Model("y ~ x + v", data(20), priors={"x, v": text})
    target = Interpreted(model)
    x = np.random.default_rng(0).normal(size=target.dim)
    assert reported in target.graph.reported
    inner = target.graph.model
    whole = inner.compile_fn(inner.logp(), inputs=inner.value_vars, point_fn=False, mode=array_mode(), on_unused_input="ignore")
    difference = float(whole(*target.layout.split(x))) - target.logp_dlogp(x)[0]
    # The Jacobians of sigma and of the one that is shown, no other.
    at = {name: x[i] for i, name in enumerate(target.names)}
    one = at.get("x_v_global (log)")
    share = at.get("x_v_share (logodds)")
    own = one if one is not None else -np.logaddexp(0, -share) - np.logaddexp(0, share)
    assert difference == pytest.approx(at["sigma (log)"] + own, abs=1e-8)
    assert len(target.graph.auxiliary) == hidden


def test_only_the_mode_is_without_jacobians() -> None:
    assert [name for name, engine in ENGINES.items() if not engine.jacobian] == ["map"]


@pytest.mark.parametrize("device", ["cpu", "jax"])
def test_a_fit_gives_the_mode_on_every_device(device: str) -> None:
    d = data(6)
    priors = {"Intercept": "Flat()", "sigma": "HalfFlat()"}
    fit = bd.Model("y ~ 1", d, priors=priors).fit("map", seed=1, device=device, progress=False)
    assert float(fit.posterior["Intercept"].squeeze()) == pytest.approx(d.y.mean(), abs=1e-5)
    assert float(fit.posterior["sigma"].squeeze()) == pytest.approx(d.y.std(ddof=0), abs=1e-5)


# No mode inside

EDGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "no excess of zeros": ("k ~ 1", {"family": "zero_inflated_poisson", "priors": {"zi": "Beta(1, 1)"}}, "zi"),
    "infinite at zero": ("k ~ 1", {"family": "zero_inflated_poisson", "priors": {"zi": "Beta(0.5, 0.5)"}}, "zi"),
    "a line through every row": ("e ~ x", {}, "sigma"),
    "normal tails": ("e2 ~ 1", {"family": "student_t", "priors": {"nu": "HalfFlat()"}}, "nu"),
    "outside a uniform prior": ("y ~ 1", {"priors": {"Intercept": "Uniform(5, 6)"}}, "Intercept"),
}


@pytest.mark.few(1)
@pytest.mark.parametrize("case", list(EDGES))
def test_where_the_density_rises_to_an_edge_it_stops_there_and_says_so(case: str) -> None:
    formula, options, name = EDGES[case]
    d = data()
    d["k"] = np.resize([1, 2, 3, 2, 1, 0, 4, 3, 2], len(d))
    d["e"], d["e2"] = 1 + 2 * d.x, stats.uniform.ppf((np.arange(len(d)) + 0.5) / len(d))
    found, draws = mode_of(bd.Model(formula, d, **options))
    assert draws.status == "doubtful"
    assert any("no mode inside" in line and f"'{name}" in line for line in draws.advice), draws.advice
    assert all(np.isfinite(v).all() for v in found.values())
    assert np.isfinite(draws.stats["lp"]).all()
    if case in ("no excess of zeros", "infinite at zero"):
        assert found["zi"] < 1e-6
        assert np.exp(found["Intercept"]) == pytest.approx(d.k.mean(), rel=0.05)
    if case == "outside a uniform prior":
        assert found["Intercept"] == pytest.approx(5, abs=1e-4)
        assert found["sigma"] == pytest.approx(np.sqrt(np.mean((d.y - 5) ** 2)), rel=0.05)
