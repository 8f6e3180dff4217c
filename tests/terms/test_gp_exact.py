"""The exact process: densities and draws of dense normal algebra, new places drawn together, and what is refused."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal

import bayesdeep as bd
from bayesdeep.collapse import centre_of, layout_of, moments_of, system_of
from bayesdeep.core.effects import NUGGET, Process
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.numerics.processes import drawn_elsewhere
from bayesdeep.results.new_places import MOST_PLACES
from bayesdeep.terms import gp
from bayesdeep.terms._gp_covariances import COVARIANCES

SIGMA, LENGTH, NOISE = 1.3, 1.7, 0.4


def kernel(name: str, x: np.ndarray, other: np.ndarray, length: float) -> np.ndarray:
    r = cdist(x, other) / length
    root = np.sqrt({"matern52": 5.0, "matern32": 3.0}.get(name, 1.0)) * r
    return {
        "exp_quad": np.exp(-0.5 * r**2),
        "matern52": (1.0 + root + root**2 / 3.0) * np.exp(-root),
        "matern32": (1.0 + root) * np.exp(-root),
        "exponential": np.exp(-r),
    }[name]


def frame(rows: int = 14, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = np.round(rng.uniform(0, 6, (2, rows)), 3)
    x[1] = x[0]  # a place with two rows
    g = np.resize(list("ab"), rows)
    return pd.DataFrame(
        {"x": x, "z": z, "g": g, "y": 2.0 + np.sin(x) + rng.normal(0, 0.3, rows), "c": rng.poisson(np.exp(0.5 + np.sin(x)))}
    )


def law_of(formula: str, data: pd.DataFrame, number: int = 0) -> Process:
    state = next(t.state for t in bd.Model(formula, data).spec.predictors[0].terms if t.kind == "gp")
    laws = [effect.law for effect in gp.effects(dict(state)) if isinstance(effect.law, Process)]
    return laws[number]


def laid_out(formula: str, data: pd.DataFrame, **options: Any) -> tuple[Any, Any, float, dict[str, int]]:
    model = bd.Model(formula, data, **options)
    layout, rows = layout_of(model.spec), model._rows
    centre = centre_of(layout, rows.arrays, rows.response)
    system = system_of(model.spec, layout, moments_of(layout, rows.arrays, rows.response, centre), centre)
    return system, plan(system), centre, {h.name: k for k, h in enumerate(system.hyperparameters)}


def at(places: dict[str, int], values: dict[str, float], count: int = 1) -> np.ndarray:
    found = np.zeros((count, len(places)))
    for name, value in values.items():
        found[:, places[name]] = np.log(value)
    return found


@pytest.mark.parametrize("name", list(COVARIANCES))
@pytest.mark.parametrize("columns", ["x", "x, z"])
def test_the_marginal_density_is_that_of_a_dense_normal(name: str, columns: str) -> None:
    data = frame()
    formula = f'y ~ gp({columns}, cov="{name}", exact=True)'
    system, laid, _, places = laid_out(formula, data, priors={"Intercept": "Normal(1, 3)"})
    own = f"gp({columns})"
    values = {f"{own}_sigma": SIGMA, f"{own}_lengthscale": LENGTH, "sigma": NOISE}
    found = laid.log_likelihood(scales_of(system, at(places, values, 2)))
    x = data[columns.split(", ")].to_numpy()
    less = np.eye(len(x)) - 1.0 / len(x)
    covariance = SIGMA**2 * less @ kernel(name, x, x, LENGTH) @ less + 9.0 + NOISE**2 * np.eye(len(x))
    expected = multivariate_normal.logpdf(data.y, np.ones(len(x)), covariance)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_by_a_number_and_by_levels_the_density_is_that_of_a_dense_normal() -> None:
    data = frame(16)
    x, y, z, first = data[["x"]].to_numpy(), data.y, data.z.to_numpy(), (data.g == "a").to_numpy().astype(float)
    system, laid, _, places = laid_out("y ~ 0 + gp(x, by=z, exact=True)", data, priors={"gp(x):z_constant": "Normal(0, 2)"})
    values = {"gp(x):z_sigma": SIGMA, "gp(x):z_lengthscale": LENGTH, "sigma": NOISE}
    less = np.eye(16) - z**2 / (z @ z)
    whole = np.outer(z, z) * (SIGMA**2 * less @ kernel("exp_quad", x, x, LENGTH) @ less.T + 4.0) + NOISE**2 * np.eye(16)
    expected = multivariate_normal.logpdf(y, np.zeros(16), whole)
    np.testing.assert_allclose(laid.log_likelihood(scales_of(system, at(places, values)))[0], expected, atol=1e-6)

    system, laid, _, places = laid_out("y ~ 1 + gp(x, by=g, exact=True)", data, priors={"Intercept": "Normal(0, 3)"})
    values, whole = {"sigma": NOISE}, 9.0 + NOISE**2 * np.eye(16)
    for level, sd, length, own in (("a", 1.3, 0.9, first), ("b", 0.6, 2.5, 1.0 - first)):
        values |= {f"gp(x):g[{level}]_sigma": sd, f"gp(x):g[{level}]_lengthscale": length}
        less = np.diag(own) - np.outer(own, own) / own.sum()
        whole = whole + sd**2 * less @ kernel("exp_quad", x, x, length) @ less
    expected = multivariate_normal.logpdf(y, np.zeros(16), whole)
    np.testing.assert_allclose(laid.log_likelihood(scales_of(system, at(places, values)))[0], expected, atol=1e-6)


def test_the_function_at_known_hyperparameters_is_that_of_dense_regression() -> None:
    data, draws = frame(), 40_000
    law = law_of("y ~ gp(x, exact=True)", data)
    system, laid, *_, places = laid_out("y ~ gp(x, exact=True)", data, priors={"Intercept": "Normal(2, 3)"})
    values = {"gp(x)_sigma": SIGMA, "gp(x)_lengthscale": LENGTH, "sigma": NOISE}
    drawn = laid.draw(scales_of(system, at(places, values, draws)), np.random.default_rng(0))
    found = law.counted(drawn[1][:, 0])
    assert np.abs(found @ law.average).max() < 1e-9
    x = data[["x"]].to_numpy()
    own = np.eye(len(law.places)) - law.average
    among = SIGMA**2 * own @ kernel("exp_quad", law.places, law.places, LENGTH) @ own.T
    meets = (x == law.places[:, 0]).astype(float)
    across, whole = among @ meets.T, meets @ among @ meets.T + 9.0 + NOISE**2 * np.eye(len(x))
    mean = across @ np.linalg.solve(whole, data.y - 2.0)
    covariance = among - across @ np.linalg.solve(whole, across.T)
    sd = np.sqrt(np.diag(covariance))
    assert (np.abs(found.mean(axis=0) - mean) / sd).max() < 5.0 / np.sqrt(draws)
    np.testing.assert_allclose(np.cov(found.T), covariance, atol=6.0 * float(sd.max()) ** 2 / np.sqrt(draws))


@pytest.mark.parametrize("formula", ["y ~ gp(x, exact=True)", 'y ~ 0 + gp(x, cov="matern32", exact=True)'])
def test_new_places_are_drawn_together_as_the_conditional_normal_says(formula: str) -> None:
    """Also where what is known is counted from an average, which is then drawn."""
    data, draws = frame(6), 60_000
    law, name = law_of(formula, data), "matern32" if "matern32" in formula else "exp_quad"
    there = np.array([[0.2], [3.1], [3.4], [7.5]])
    every, n = np.concatenate([law.places, there]), len(law.places)
    count = np.eye(len(every)) - np.concatenate([law.average, np.zeros(4)])
    whole = SIGMA**2 * count @ (kernel(name, every, every, LENGTH) + NUGGET * np.eye(len(every))) @ count.T
    known = law.counted(np.random.default_rng(1).normal(size=n))
    back = whole[n:, :n] @ np.linalg.pinv(whole[:n, :n], rcond=1e-11)
    mean, covariance = back @ known, whole[n:, n:] - back @ whole[:n, n:]
    values = [np.full(draws, value) for value in (SIGMA, LENGTH)]
    found = drawn_elsewhere(law, values, np.tile(known, (draws, 1)), there, np.random.default_rng(2))
    sd = np.sqrt(np.diag(covariance))
    assert (np.abs(found.mean(axis=0) - mean) / sd).max() < 5.0 / np.sqrt(draws)
    np.testing.assert_allclose(np.cov(found.T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=6.0 / np.sqrt(draws))


def test_the_basis_stands_for_it() -> None:
    data = frame(60)
    values = {"gp(x)_sigma": SIGMA, "gp(x)_lengthscale": LENGTH, "sigma": NOISE}
    densities = []
    for call in ("gp(x)", "gp(x, exact=True)"):
        system, laid, _, places = laid_out(f"y ~ {call}", data)
        densities.append(laid.log_likelihood(scales_of(system, at(places, values)))[0])
    assert abs(densities[0] - densities[1]) < 0.05


@cache
def fitted() -> bd.Fit:
    return bd.Model("y ~ gp(x, exact=True)", frame(20)).fit(draws=100, chains=2, seed=1, progress=False)


def test_a_fit_goes_on_beyond_its_rows(tmp_path: Path) -> None:
    fit, data = fitted(), frame(20)
    assert fit.idata.attrs["method"] == "collapsed"
    assert {"gp(x)", "gp(x)_sigma", "gp(x)_lengthscale", "gp(x)_edf"} <= set(fit.posterior.data_vars)
    near = pd.DataFrame({"x": [2.5, 2.5 + 1e-6, 40.0, data.x[3], 2.5]})
    drawn = np.asarray(fit.draws(near, kind="linear").values).reshape(-1, 5)
    # Rows next to each other have one function, and rows at one place one value.
    assert np.abs(drawn[:, 0] - drawn[:, 1]).max() < 1e-4
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 4])
    # Far out it is the prior's, and at a known place what was drawn there.
    assert drawn[:, 2].std() > 0.5 * float(fit.posterior["gp(x)_sigma"].mean())
    np.testing.assert_array_equal(drawn[:, 3], np.asarray(fit.draws(kind="linear").values).reshape(-1, 20)[:, 3])
    fit.save(tmp_path / "fit.bd")
    again = np.asarray(bd.load(tmp_path / "fit.bd").draws(near, kind="linear").values).reshape(-1, 5)
    np.testing.assert_allclose(again, drawn, atol=1e-5)


def test_slopes_are_those_of_one_function() -> None:
    """Of two rows next to each other, drawn together: a difference of independent draws would be far from any slope."""
    fit = fitted()
    table = fit.slopes("x")
    assert abs(float(table["estimate"].iloc[0])) < 2.0
    assert float(table["upper"].iloc[0]) - float(table["lower"].iloc[0]) < 2.0


def test_a_function_without_slopes_has_none() -> None:
    model = bd.Model("y ~ gp(x, cov='exponential', exact=True)", frame(12))
    fit = model.fit(draws=30, chains=2, seed=1, progress=False)
    with pytest.raises(bd.FitError, match="no slope anywhere; compare values by contrasts"):
        fit.slopes("x")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("gp(x, m=10, exact=True)", "m= is of the basis"),
        ("gp(x, c=2, exact=True)", "c= is of the basis"),
        ("gp(x, exact=1)", "exact=1 is not True or False"),
        ("gp(x, exat=True)", "did you mean 'exact'"),
    ],
)
def test_what_is_asked_for_has_to_make_sense(call: str, says: str) -> None:
    with pytest.raises(bd.FormulaError, match=says):
        bd.Model(f"y ~ {call}", frame())


def test_many_places_are_refused() -> None:
    with pytest.raises(bd.FormulaError, match="leave exact=True out: the Hilbert-space basis takes any number of rows"):
        bd.Model("y ~ gp(x, exact=True)", frame(700))
    with pytest.raises(bd.DataError, match="drawn together at 1,000 at most; predict fewer rows at a time"):
        fitted().predict(pd.DataFrame({"x": np.linspace(0, 6, MOST_PLACES + 100)}))


@pytest.mark.parametrize(
    ("method", "formula", "family"),
    [("gibbs", "y", "gaussian"), ("reml", "y", "gaussian"), ("transport", "c", "poisson"), ("laplace_marginal", "c", "poisson")],
)
def test_engines_that_do_not_take_its_covariance_say_so(method: str, formula: str, family: str) -> None:
    with pytest.raises(bd.FitError, match=f"method '{method}' does not apply: the (values|covariance)"):
        bd.Model(f"{formula} ~ gp(x, exact=True)", frame(), family=family).fit(method, progress=False)


@pytest.mark.integration
@pytest.mark.parametrize(("response", "family"), [("y", "gaussian"), ("c", "poisson")])
def test_nuts_finds_what_is_found_otherwise(response: str, family: str) -> None:
    """Integrated out where the response is normal; else as the basis has it."""
    model, other = (bd.Model(f"{response} ~ {call}", frame(40), family=family) for call in ("gp(x, exact=True)", "gp(x)"))
    one = model.fit("nuts", seed=1, draws=500, tune=500, progress=False)
    two = (model if family == "gaussian" else other).fit(seed=2, progress=False)
    new = pd.DataFrame({"x": np.linspace(0.5, 5.5, 9)})
    a, b = (np.asarray(fit.draws(new, kind="linear").values).reshape(-1, 9) for fit in (one, two))
    assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) / b.std(axis=0)).max() < 0.25
    np.testing.assert_allclose(a.std(axis=0), b.std(axis=0), rtol=0.2)
