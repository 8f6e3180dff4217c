"""``me(x, sd_x)``: a column measured with known error."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.graph.evaluate import array_mode, forward_draws, function_of
from bayesdeep.graph.own_scale import own_scale_density
from bayesdeep.report.mathematics import equations

SLOPE, MEAN, SD = 0.8, 3.0, 1.0


def data(rows: int = 60, seed: int = 1, groups: int = 12) -> pd.DataFrame:
    """Return rows each with a true value, and with one of its level in ``xg``."""
    rng = np.random.default_rng(seed)
    true, s = rng.normal(MEAN, SD, rows), rng.uniform(0.3, 1.2, rows)
    level, sg = rng.normal(MEAN, SD, groups), rng.uniform(0.3, 1.2, groups)
    g = np.r_[np.arange(groups), rng.integers(0, groups, rows - groups)]
    frame = pd.DataFrame({"x": true + s * rng.normal(size=rows), "s": s, "z": rng.normal(size=rows)})
    frame["y"] = 1.0 + SLOPE * true + rng.normal(0, 0.3, rows)
    frame["xg"], frame["sg"] = (level + sg * rng.normal(size=groups))[g], sg[g]
    frame["yg"] = 1.0 + SLOPE * level[g] + rng.normal(0, 0.3, rows)
    frame["count"] = rng.poisson(np.exp(0.3 * level[g]))
    return frame.assign(g=[f"g{i:02d}" for i in g])


PRIORS = {"me(x)": "Normal(0.5, 1.5)", "me(x)_mean": "Normal(1, 2)", "me(x)_sd": "HalfNormal(1)", "sigma": "HalfNormal(2)"}


def _apart(model: bd.Model, by_hand: Any) -> list[float]:
    """Return how far the density of what is reported is from one by hand, at some points."""
    graph = model._graph
    names, inputs = [*graph.reported], graph.model.value_vars
    ours = graph.model.compile_fn(own_scale_density(graph), inputs=inputs, mode=array_mode())
    tensors = graph.model.replace_rvs_by_values([graph.reported[name].tensor for name in names])
    shown = graph.model.compile_fn(tensors, inputs=inputs, mode=array_mode())
    rng, found, initial = np.random.default_rng(3), [], graph.model.initial_point()
    for _ in range(5):
        point = {name: rng.normal(size=value.shape) for name, value in initial.items()}
        found.append(float(ours(point)) - by_hand(dict(zip(names, shown(point), strict=True))))
    return found


def _priors(found: dict[str, Any], name: str, centre: float) -> float:
    total = stats.norm(2, 3).logpdf(found["Intercept"] + found[name] * centre) + stats.norm(0.5, 1.5).logpdf(found[name])
    total += stats.norm(1, 2).logpdf(found[f"{name}_mean"]) + stats.halfnorm.logpdf(found[f"{name}_sd"])
    return float(total + (stats.halfnorm(scale=2).logpdf(found["sigma"]) if "sigma" in found else 0.0))


@pytest.mark.parametrize("errors", ["s", "0.7"])
@pytest.mark.parametrize("raw", ["", "_raw"])
def test_response_and_measurement_are_jointly_normal(errors: str, raw: str) -> None:
    """True values integrated out: the closed form is that of a row's two normal numbers."""
    frame = data()
    model = bd.Model(f"y ~ me(x, {errors})", frame, priors=PRIORS | {f"Intercept{raw}": "Normal(2, 3)"})
    s = frame["s"].to_numpy() if errors == "s" else np.full(len(frame), 0.7)

    def by_hand(found: dict[str, Any]) -> float:
        b, m, tau = found["me(x)"], found["me(x)_mean"], found["me(x)_sd"]
        total = _priors(found, "me(x)", 0.0 if raw else frame["x"].mean())
        for y, x, error in zip(frame["y"], frame["x"], s, strict=True):
            both = [[b**2 * tau**2 + found["sigma"] ** 2, b * tau**2], [b * tau**2, tau**2 + error**2]]
            total += stats.multivariate_normal([found["Intercept"] + b * m, m], both).logpdf([y, x])
        return total

    np.testing.assert_allclose(_apart(model, by_hand), 0.0, atol=1e-7)


@pytest.mark.parametrize("response", ["yg", "count"])
def test_a_level_has_one_true_value_and_one_measurement(response: str) -> None:
    """The density of all: of true values, of their measurements once a level, and of the rows given them."""
    frame = data()
    priors = {name.replace("(x)", "(xg)"): value for name, value in PRIORS.items() if response == "yg" or name != "sigma"}
    family = "gaussian" if response == "yg" else "poisson"
    model = bd.Model(f"{response} ~ me(xg, sg, gr=g)", frame, family, priors=priors | {"Intercept": "Normal(2, 3)"})
    once = frame.drop_duplicates("g").sort_values("g")

    def by_hand(found: dict[str, Any]) -> float:
        m, tau, z = found["me(xg)_mean"], found["me(xg)_sd"], found["me(xg)_latent"]
        x, s = once["xg"].to_numpy(), once["sg"].to_numpy()
        share = tau**2 / (tau**2 + s**2)
        left = np.sqrt(share) * s
        true = m + share * (x - m) + left * z
        total = _priors(found, "me(xg)", x.mean()) + stats.norm(true, s).logpdf(x).sum()
        total += stats.norm(m, tau).logpdf(true).sum() + np.log(left).sum()
        eta = found["Intercept"] + found["me(xg)"] * true[[int(g[1:]) for g in frame["g"]]]
        if response == "yg":
            return float(total + stats.norm(eta, found["sigma"]).logpdf(frame["yg"]).sum())
        return float(total + stats.poisson(np.exp(eta)).logpmf(frame["count"]).sum())

    np.testing.assert_allclose(_apart(model, by_hand), 0.0, atol=1e-6)


def test_new_rows_integrate_the_true_value_out() -> None:
    model = bd.Model("y ~ me(x, s)", data())
    graph = model._graph
    draws = forward_draws(graph, [*graph.reported], 6, {}, 1)
    mean, variance = (np.asarray(v) for v in function_of(graph, [graph.response.mean, graph.response.variance])(draws))
    x, s = data()[["x", "s"]].to_numpy().T
    tau, m, b = (draws[name][:, None] for name in ("me(x)_sd", "me(x)_mean", "me(x)"))
    share = tau**2 / (tau**2 + s**2)
    np.testing.assert_allclose(mean, draws["Intercept"][:, None] + b * (m + share * (x - m)))
    np.testing.assert_allclose(variance, draws["sigma"][:, None] ** 2 + b**2 * share * s**2)


def test_rows_that_are_alike_are_measured_each() -> None:
    """Rows are never counted together: 600 alike have as many true values."""
    model = bd.Model("y ~ me(x, s)", pd.concat([data(12)] * 60, ignore_index=True))
    from bayesdeep.inference.compressed_rows import compress

    assert compress(model.__dict__["_rows"]) is None


@pytest.mark.parametrize(
    ("formula", "family", "text"),
    [
        ("y ~ me(x)", "gaussian", r"takes a column and its standard errors.*me\(x, sd_x\)"),
        ("y ~ me(x, s, by=g)", "gaussian", "no option 'by'|in quotes"),
        ("y ~ me(x, s) + x", "gaussian", "leave 'x' by itself out"),
        ("y ~ me(x, g)", "gaussian", "'g' is not numeric"),
        ("y ~ me(x, z)", "gaussian", "the standard error of row .* is -"),
        ("y ~ me(x, 0)", "gaussian", "every standard error is 0; write x"),
        ("y ~ me(x, s, gr=g)", "gaussian", r"level 'g00' of 'g' has x = .* one true value and one measurement"),
        ("y ~ me(x, s, gr=3)", "gaussian", "gr=3 is not a column of groups"),
        ("count ~ me(x, s)", "poisson", "for normal responses with the identity link.*gr=g"),
        ("y ~ me(x, s)", "student_t", "for normal responses"),
        ("y ~ me(x, s) * z", "gaussian", "cannot be multiplied|only columns|product|interaction"),
        ("y ~ (me(x, s) | g)", "gaussian", "cannot vary by group"),
    ],
)
def test_what_is_refused(formula: str, family: str, text: str) -> None:
    with pytest.raises(bd.BayesdeepError, match=f"(?s){text}"):
        bd.Model(formula, data(), family)


def test_mathematics_says_how_it_was_measured() -> None:
    text = equations(bd.Model("y ~ me(x, s)", data()).spec)
    assert "xᵢ ~ Normal(ξᵢ, sᵢ), ξᵢ ~ Normal(me(x)_mean, me(x)_sd)" in text
    assert "ξ[gᵢ]" in equations(bd.Model("yg ~ me(xg, sg, gr=g)", data()).spec)


@pytest.mark.integration
def test_the_slope_is_not_attenuated_and_new_levels_have_true_values_of_their_own(tmp_path: Path) -> None:
    frame = data(500, groups=150)
    fit = bd.Model("yg ~ me(xg, sg, gr=g)", frame).fit("nuts", draws=400, tune=400, seed=1, progress=False)
    plain = bd.Model("yg ~ xg", frame).fit("collapsed", seed=1, progress=False)
    slope = fit.posterior["me(xg)"]
    assert abs(float(slope.mean()) - SLOPE) < 3 * float(slope.std())
    assert float(plain.posterior["xg"].mean()) < SLOPE - 3 * float(slope.std())
    assert "me(xg)_latent" not in " ".join(fit.summary().index)
    new = pd.DataFrame({"xg": [5.0, 5.0], "sg": [1.0, 1.0], "g": ["new", "newer"]})
    linear = fit.draws(new, kind="linear", new_groups="sample", seed=2).to_numpy().reshape(-1, 2)
    tau = fit.posterior["me(xg)_sd"].to_numpy().ravel()
    expected = np.mean(slope.to_numpy().ravel() ** 2 * tau**2 / (tau**2 + 1.0))
    assert np.var(linear[:, 0] - linear[:, 1]) / 2 == pytest.approx(expected, rel=0.2)
    fit.save(tmp_path / "fit")
    pd.testing.assert_frame_equal(
        bd.load(tmp_path / "fit").predict(new, new_groups="average"), fit.predict(new, new_groups="average")
    )


def test_standard_errors_are_no_predictors_but_have_a_slope_if_it_is_asked_for() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"x": rng.normal(size=40), "s": rng.uniform(0.1, 0.3, 40), "z": rng.normal(size=40)})
    data["y"] = data["x"] + rng.normal(size=40)
    fit = bd.Model("y ~ me(x, s) + z", data).fit("map", seed=1, progress=False)
    assert set(fit.slopes()["term"]) == {"x", "z"}
    assert set(fit.slopes("s")["term"]) == {"s"}
