"""Smooths with functions for each level of a category: ``s(g, bs="re")`` and ``s(x, g, bs="fs")``."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.collapse.row_values import predictor
from bayesdeep.core.registry import TERMS
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.evaluate import forward_draws, row_function
from bayesdeep.graph.pilot_fit import pilot_fit
from bayesdeep.results.rows import rows_of
from bayesdeep.terms._smooth_bases import LEVEL_BASES

N, GROUPS = 120, 6
NAMES = tuple(LEVEL_BASES)
TEXTS = {"re": "s(x, g, bs='re')", "fs": "s(x, g, bs='fs', k=7)"}
QUICK: dict[str, Any] = {"seed": 1, "progress": False}


def frame(rows: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x, z, g = rng.uniform(0, 10, rows), rng.normal(size=rows), rng.integers(0, GROUPS, rows)
    y = np.sin(x + 0.3 * g) + 0.1 * g * (x - 5) + 0.3 * rng.normal(size=rows)
    h = np.array(list("uvw"))[rng.integers(0, 3, rows)]
    return pd.DataFrame({"x": x, "z": z, "g": [f"g{i}" for i in g], "h": h, "i": g, "y": y, "c": rng.poisson(np.exp(y / 2))})


def columns(text: str, data: pd.DataFrame, at: pd.DataFrame | None = None) -> np.ndarray:
    """Return what a level's coefficients are multiplied by ``(obs, column)``, a constant left out."""
    rows = rows_of(bd.Model(f"y ~ {text}", data).spec, read_frame(data if at is None else at), observed=False)
    return np.asarray(rows.arrays["mu_s_1.X"])


def test_every_basis_has_an_example_here() -> None:
    assert set(TEXTS) == set(NAMES)


@pytest.mark.parametrize(
    ("smooth", "group"),
    [
        ("s(g, bs='re')", "(1 | g)"),
        ("s(x, g, bs='re')", "(0 + x | g)"),
        ("s(g, x, bs='re')", "(0 + x | g)"),
        ("s(g, h, bs='re')", "(1 | g:h)"),
        ("s(x, z, g, h, bs='re')", "(0 + x:z | g:h)"),
        ("s(factor(i), bs='re')", "(1 | i)"),
        ("s(x, C(i), bs='re')", "(0 + x | i)"),
    ],
)
def test_independent_effects_are_those_of_a_group_level_term(smooth: str, group: str) -> None:
    data = frame()
    one, two = (bd.Model(f"y ~ {text}", data).fit("collapsed", draws=50, **QUICK) for text in (smooth, group))
    new = pd.concat([data.head(5), data.head(2).assign(g="never seen", i=77, h="u")])
    assert [str(p.prior) for p in one.model.spec.priors] == [str(p.prior) for p in two.model.spec.priors]
    for a, b in zip(one.posterior.data_vars.values(), two.posterior.data_vars.values(), strict=True):
        assert a.dims == b.dims
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    pd.testing.assert_frame_equal(*(fit.predict(new, new_groups="sample", seed=2) for fit in (one, two)))


def test_functions_of_levels_are_those_of_the_smooth_with_lines_beside_them() -> None:
    data = frame()
    found = columns(TEXTS["fs"], data)
    plain = rows_of(bd.Model("y ~ s(x, k=7)", data).spec, read_frame(data), observed=False).arrays
    np.testing.assert_allclose(found, np.column_stack([plain["mu_s_1.line"], plain["mu_s_1.Z"]]), atol=1e-12)
    assert (found[:, 1:] ** 2).sum(axis=1).mean() == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("bs", NAMES)
def test_units_and_the_order_of_rows_do_not_matter(bs: str) -> None:
    data = frame()
    found = columns(TEXTS[bs], data)
    np.testing.assert_allclose(columns(TEXTS[bs], data.sample(frac=1.0, random_state=3), data), found, atol=1e-8)
    scaled = data.assign(x=3.0 * data.x)
    unit = np.array([3.0, *[1.0] * (found.shape[1] - 1)])
    np.testing.assert_allclose(columns(TEXTS[bs], scaled), found * unit, atol=1e-8)
    if bs == "fs":
        np.testing.assert_allclose(columns(TEXTS[bs], data.assign(x=data.x + 1e4)), found, atol=1e-7)


def test_beyond_the_rows_a_curve_is_straight() -> None:
    data = frame()
    for at in (np.linspace(-30, data.x.min(), 9), np.linspace(data.x.max(), 40, 9)):
        found = columns(TEXTS["fs"], data, pd.DataFrame({"x": at, "g": "g0"}))
        np.testing.assert_allclose(np.diff(found, 2, axis=0), 0.0, atol=1e-8 * np.abs(found).max())


def test_what_the_posterior_shows(tmp_path: Path) -> None:
    fit = bd.Model(f"y ~ {TEXTS['fs']}", frame()).fit("collapsed", draws=50, **QUICK)
    shown = {name: (value.dims[2:], value.attrs["role"]) for name, value in fit.posterior.data_vars.items()}
    assert {name: value for name, value in shown.items() if name.startswith("s(")} == {
        "s(x, g)_constant_sigma": ((), "sd"),
        "s(x, g)_linear_sigma": ((), "sd"),
        "s(x, g)_sigma": ((), "sd"),
        "s(x, g)_constant": (("g",), "effects"),
        "s(x, g)_linear": (("g",), "effects"),
        "s(x, g)": (("s(x, g)_basis", "g"), "basis"),
    }
    assert "s(x, g)_linear[g0]" in fit.summary().index
    assert not any(label.startswith("s(x, g)[") for label in fit.summary().index)
    assert "draws of all" in str(fit.diagnose())
    bd.report(fit, tmp_path / "fit.md")
    text = (tmp_path / "fit.md").read_text(encoding="utf-8")
    assert "u(s(x, g))[l, j] ~ Normal(0, s(x, g)_sigma)" in text
    assert "u(s(x, g))[gᵢ, b] · Z[b](x)ᵢ" in text


@pytest.mark.parametrize("bs", NAMES)
def test_what_is_declared_is_the_graphs_predictor_also_with_new_levels(bs: str) -> None:
    data = frame()
    model = bd.Model(f"y ~ {TEXTS[bs]} + s(z, k=4)", data)
    graph = model._graph
    draws = forward_draws(graph, list(graph.reported), 3, {}, 1)
    own = predictor(model.spec, draws, model.__dict__["_rows"].arrays, N)
    np.testing.assert_allclose(row_function(graph, ["linear"])(draws)[0], own, rtol=1e-9, atol=1e-10)


def test_a_shared_sd_is_one_number_in_the_graph_the_system_and_the_pilot_fit() -> None:
    """Fixed scales and noise: the posterior is a normal distribution, worked out densely."""
    data = frame().assign(se=0.4)
    priors = {"s(x, g)": "Normal(0, 1.5)", "s(x, g)_constant": "Normal(0, 0.7)", "s(x, g)_linear": "Normal(0, 0.2)"}
    model = bd.Model(f"y ~ 1 + {TEXTS['fs']}", data, sigma=bd.known("se"), priors={**priors, "Intercept": "Normal(0, 2)"})
    fit = model.fit("collapsed", draws=1000, **QUICK)
    z, codes = columns(TEXTS["fs"], data), np.unique(data.g, return_inverse=True)[1]
    each = np.column_stack([np.ones(N), z]) * np.array([0.7, 0.2, *[1.5] * (z.shape[1] - 1)])
    design = np.column_stack([2.0 * np.ones(N), *((codes == j)[:, None] * each for j in range(GROUPS))])
    precision = design.T @ design / 0.4**2 + np.eye(design.shape[1])
    mean = design @ np.linalg.solve(precision, design.T @ data.y.to_numpy()) / 0.4**2
    sd = np.sqrt(np.einsum("ij,ji->i", design, np.linalg.solve(precision, design.T)))
    found = np.asarray(fit.draws(kind="linear")).reshape(4000, N)
    # Five standard errors of independent draws.
    np.testing.assert_allclose(found.mean(axis=0), mean, atol=5 * sd.max() / np.sqrt(4000))
    np.testing.assert_allclose(found.std(axis=0), sd, rtol=5 / np.sqrt(2 * 4000))


def test_a_pilot_fit_pools_what_shares_a_standard_deviation() -> None:
    model = bd.Model(f"c ~ {TEXTS['fs']}", frame(), family="poisson")
    rows = model.__dict__["_rows"]
    pilot = pilot_fit(model.spec, rows.arrays, rows.response)
    assert pilot is not None
    assert pilot.sds["mu_s_1"].shape == (3,)
    each = pilot.each_sd("mu_s_1")
    assert each.shape == (7, GROUPS)
    assert (each[2:] == pilot.sds["mu_s_1"][2]).all()


def test_a_new_levels_curve_is_drawn_from_the_law_of_the_others() -> None:
    data = frame()
    fit = bd.Model(f"y ~ {TEXTS['fs']}", data).fit("collapsed", draws=1000, **QUICK)
    new = pd.DataFrame({"x": [0.5, 3.0, 9.0], "g": "never seen"})
    found = fit.predict(new, kind="linear", new_groups="sample", seed=2)
    z = columns(TEXTS["fs"], data, new.assign(g="g0"))
    draws = {name: np.asarray(fit.posterior[name]).ravel() for name in fit.posterior.data_vars if fit.posterior[name].ndim == 2}
    variance = draws["s(x, g)_constant_sigma"] ** 2 + z[:, :1] ** 2 * draws["s(x, g)_linear_sigma"] ** 2
    variance = variance + (z[:, 1:] ** 2).sum(axis=1, keepdims=True) * draws["s(x, g)_sigma"] ** 2
    wanted = np.sqrt(variance.mean(axis=1) + draws["Intercept"].var())
    # An sd of 4,000 draws whose scales differ: kurtosis up to ten.
    np.testing.assert_allclose(found["sd"], wanted, rtol=5 * np.sqrt(9.0 / 4 / 4000))
    average = fit.predict(new, kind="linear", new_groups="average")
    np.testing.assert_allclose(average["mean"], draws["Intercept"].mean(), atol=1e-9)


def test_a_line_for_each_level_leaves_little_to_the_departure() -> None:
    data, rng = frame(300), np.random.default_rng(5)
    lines = rng.normal(size=(2, GROUPS))
    data["y"] = lines[0, data.i] + lines[1, data.i] * data.x + 0.5 * rng.normal(size=300)
    fit = bd.Model("y ~ s(x, g, bs='fs', k=8)", data).fit("collapsed", draws=500, **QUICK)
    sds = fit.summary()["mean"].astype(float)
    assert sds["s(x, g)_sigma"] < 0.5
    assert sds["s(x, g)_linear_sigma"] == pytest.approx(lines[1].std(), rel=0.6)
    found = fit.predict(data, kind="linear")["mean"]
    by_hand = np.concatenate([np.polyval(np.polyfit(own.x, own.y, 1), own.x) for _, own in data.groupby("g")])
    apart = found.to_numpy()[np.argsort(data.g, kind="stable")] - by_hand
    assert np.sqrt((apart**2).mean()) < 0.1


@pytest.mark.parametrize("bs", NAMES)
def test_predictions_at_the_training_rows_are_the_fit_also_saved_and_read_again(bs: str, tmp_path: Path) -> None:
    data = frame()
    fit = bd.Model(f"y ~ s(x, k=5) + {TEXTS[bs]}", data).fit("collapsed", draws=20, **QUICK)
    draws = {k: v.values.reshape(-1, *v.shape[2:]) for k, v in fit.posterior.data_vars.items()}
    own = predictor(fit.model.spec, draws, fit.model.__dict__["_rows"].arrays, N).mean(axis=0)
    np.testing.assert_allclose(fit.predict(data.iloc[::-1], kind="linear")["mean"].to_numpy()[::-1], own, atol=1e-8)
    fit.save(tmp_path / "fit.bd")
    new = pd.DataFrame({"x": [-3.0, 2.5, 40.0, 1.0], "g": ["g0", "g3", "g5", "never seen"]})
    options: dict[str, Any] = {"new_groups": "sample", "seed": 1}
    pd.testing.assert_frame_equal(fit.predict(new, **options), bd.load(tmp_path / "fit.bd").predict(new, **options))
    with pytest.raises(bd.BayesdeepError, match="never seen"):
        fit.predict(new, new_groups="raise")


def test_priors_of_the_user_and_the_defaults() -> None:
    data = frame()
    spread = data.y.std(ddof=0)
    spec = bd.Model("y ~ s(x, g, bs='fs')", data, priors={"s(x, g)_linear": "StudentT(4, 0, Exponential(1))"}).spec
    assert str(spec.prior("s(x, g)_constant_sigma").prior) == f"HalfStudentT(3, {spread:.4g})"
    assert str(spec.prior("s(x, g)_sigma").prior) == f"HalfStudentT(3, {2.5 * spread:.4g})"
    assert spec.prior("s(x, g)_linear_sigma") is None
    assert TERMS["s"].groups(spec.predictors[0].terms[1].state) == {"g": tuple(f"g{i}" for i in range(GROUPS))}


REFUSED = {
    "s(x, i, bs='fs')": r"is of the levels of a category, and 'x, i' hold numbers; write s\(x, factor\(i\), bs='fs'\)",
    "s(i, bs='re')": r"and 'i' holds numbers; write s\(factor\(i\), bs='re'\)",
    "s(g, bs='fs')": r"1 to 2 numbers beside the category, as in s\(x, g, bs='fs'\); it is given none",
    "s(x, z, i, g, bs='fs')": r"1 to 2 numbers beside the category; it is given 3",
    "s(x, g, bs='re', k=5)": r"bs='re' has no k=; leave it out",
    "s(x, g, bs='fs', by=z)": r"bs='fs' has no by=; by what it varies stands among its columns",
    "s(x, g, bs='fs', k=2)": r"k=2 is too few",
    "s(few, g, bs='fs', k=5)": r"k=5 basis functions are more than the 4 different values of 'few'; take k=4 or fewer",
    "s(same, g, bs='fs')": r"'same' is constant",
    "s(x, C(g, Sum), bs='fs')": r"write g or factor\(g\) in the place of 'C\(g, Sum\)'",
    "s(x, g)": r"'g' is not numeric",
    "s(x, g, bs='sf')": r"bs='sf' is not the name of a basis",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_and_with_what_advice(text: str) -> None:
    data = frame().assign(few=np.arange(N) % 4, same=3.0)
    with pytest.raises(bd.BayesdeepError, match=REFUSED[text]) as error:
        bd.Model(f"y ~ {text}", data)
    assert str(error.value).startswith("formula")


@pytest.mark.integration
def test_integrated_out_it_is_what_nuts_finds(predictors_agree: Any) -> None:
    model = bd.Model("y ~ s(x, g, bs='fs', k=6)", frame())
    one = model.fit("collapsed", draws=1000, **QUICK)
    two = model.fit("nuts", draws=1000, tune=1000, **QUICK)
    predictors_agree(one, two, most=0.25, sds=0.25)  # five standard errors of a difference from 800 effective draws each


@pytest.mark.integration
def test_of_counts_the_ways_of_sampling_agree(predictors_agree: Any) -> None:
    model = bd.Model("c ~ s(x, g, bs='fs', k=5)", frame(400), family="poisson")
    one, two = model.fit("transport", **QUICK), model.fit("laplace_marginal", **QUICK)
    predictors_agree(one, two, most=0.3)
