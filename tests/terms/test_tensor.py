"""``t2()``: what products of bases span, how blocks are scaled and penalised, what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import CubicSpline

import bayesdeep as bd
from bayesdeep.collapse.row_values import predictor
from bayesdeep.core.registry import TERMS
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.evaluate import forward_draws, row_function
from bayesdeep.graph.pilot_fit import pilot_fit
from bayesdeep.results.rows import rows_of
from bayesdeep.terms._smooth_bases import BASES

N = 150
NAMES = tuple(BASES)
QUICK: dict[str, Any] = {"seed": 1, "progress": False}


def frame(rows: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x, w = rng.gamma(2.0, 1.5, rows), rng.normal(size=rows)
    z = 0.3 * x + rng.uniform(0, 4, rows)
    y = np.sin(x) * np.cos(z) + 0.2 * x + 0.2 * rng.normal(size=rows)
    g = np.array(list("abc"))[rng.integers(0, 3, rows)]
    return pd.DataFrame({"x": x, "z": z, "w": w, "g": g, "y": y, "one": 1.0, "c": rng.poisson(np.exp(y))})


def tables(text: str, data: pd.DataFrame, at: pd.DataFrame | None = None) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Return the columns that are not penalised, those that are of each part, and to which block each of these belongs."""
    spec = bd.Model(f"y ~ {text}", data).spec
    term = spec.predictors[0].terms[-1]
    rows = rows_of(spec, read_frame(data if at is None else at), observed=False)
    found = TERMS["t2"].effects(term.state)
    bases = [e for e in found if e.role == "basis"]
    arrays = [rows.arrays[f"{term.key}.{e.rows.array}"] for e in bases]
    line = rows.arrays.get(f"{term.key}.line", np.zeros((len(arrays[0]), 0)))
    return line, arrays, np.array(bases[0].sds(bases[0].pieces[0]).of)


def products(*tables: np.ndarray) -> np.ndarray:
    """Return the products of a column of each table ``(obs, column)``."""
    found = np.ones((len(tables[0]), 1))
    for other in tables:
        found = np.einsum("ij,ik->ijk", found, other).reshape(len(other), -1)
    return found


def natural(x: np.ndarray, k: int) -> np.ndarray:
    """Return natural cubic splines with knots at quantiles ``(obs, k)``, for values between the knots."""
    knots = np.quantile(np.unique(x), np.linspace(0, 1, k))
    return np.stack([CubicSpline(knots, one, bc_type="natural")(x) for one in np.eye(k)], axis=1)


def apart(columns: np.ndarray, others: np.ndarray) -> np.ndarray:
    return columns - others @ np.linalg.lstsq(others, columns)[0]


@pytest.mark.parametrize("second", NAMES)
@pytest.mark.parametrize("first", NAMES)
def test_columns_are_0_on_average_apart_from_what_is_free_and_of_mean_variance_1_in_each_block(first: str, second: str) -> None:
    line, (basis,), of = tables(f"t2(x, z, k=[6, 5], bs=['{first}', '{second}'])", frame())
    free = np.column_stack([np.ones(N), line])
    straight = [BASES[name].straight for name in (first, second)]
    assert free.shape[1] == np.prod([1 + one for one in straight])
    # A cyclic basis has one function less than it has knots.
    assert basis.shape[1] + free.shape[1] == (6 - (first == "cc")) * (5 - (second == "cc"))
    np.testing.assert_allclose(free.T @ basis / N, 0.0, atol=1e-9)
    np.testing.assert_allclose(line.mean(axis=0), 0.0, atol=1e-12)
    for block in range(3):
        assert (basis[:, of == block] ** 2).sum(axis=1).mean() == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("variables", [2, 3])
def test_they_span_all_products_of_the_functions_of_each_column(variables: int) -> None:
    data, names = frame(300), ["x", "z", "w"][:variables]
    line, (basis,), of = tables(f"t2({', '.join(names)}, k=4)", data)
    dense = products(*(natural(data[name].to_numpy(), 4) for name in names))
    own = np.column_stack([np.ones(300), line, basis])
    assert own.shape == dense.shape
    assert of.max() + 1 == 2**variables - 1
    for one, other in ((own, dense), (dense, own)):
        np.testing.assert_allclose(apart(one, other) / np.linalg.norm(one, axis=0), 0.0, atol=1e-7)


@pytest.mark.integration
def test_with_sds_without_bound_it_is_least_squares_on_all_products() -> None:
    data = frame().assign(se=0.2)
    huge = {"t2(x, z)_sigma": "TruncatedNormal(10000, 1, lower=0)", "t2(x, z)_linear": "Flat()", "Intercept": "Flat()"}
    fit = bd.Model("y ~ t2(x, z, k=4)", data, sigma=bd.known("se"), priors=huge).fit("collapsed", draws=1000, **QUICK)
    dense = products(natural(data.x.to_numpy(), 4), natural(data.z.to_numpy(), 4))
    wanted = dense @ np.linalg.lstsq(dense, data.y)[0]
    draws = np.asarray(fit.draws(kind="linear")).reshape(4000, N)
    assert (np.abs(draws.mean(axis=0) - wanted) / draws.std(axis=0)).max() < 5 / np.sqrt(4000)


def test_each_block_is_penalised_as_the_product_of_its_parts() -> None:
    """What bends along x times 1 and the standardised z, each as likely: a product of covariances of values."""
    data = frame()
    line, (basis,), of = tables("t2(x, z, k=6)", data)
    free = np.column_stack([np.ones(N), line])
    bent = {}
    for name in ("x", "z"):
        arrays = rows_of(bd.Model(f"y ~ s({name}, k=6, bs='cr')", data).spec, read_frame(data), observed=False).arrays
        bent[name] = arrays["mu_s_1.Z"]
    straight = {name: np.column_stack([np.ones(N), (data[name] - data[name].mean()) / data[name].std(ddof=0)]) for name in "xz"}
    wanted = [(bent["x"], straight["z"]), (straight["x"], bent["z"]), (bent["x"], bent["z"])]
    for block, (one, other) in enumerate(wanted):
        own, by_hand = basis[:, of == block], apart(products(one, other), free)
        by_hand /= np.sqrt((by_hand**2).sum(axis=1).mean())
        np.testing.assert_allclose(own @ own.T, by_hand @ by_hand.T, atol=1e-8)


@pytest.mark.parametrize("bs", NAMES)
def test_unit_and_origin_of_each_column_and_the_order_of_rows_do_not_matter(bs: str) -> None:
    data, text = frame(), f"t2(x, z, k=[6, 5], bs=['{bs}', 'tp'])"
    line, (basis,), _ = tables(text, data)
    for other in (data.assign(z=1e-3 * data.z), data.assign(x=40.0 * data.x - 7.0), data.sample(frac=1.0, random_state=1)):
        again = tables(text, other, other.loc[data.index])
        np.testing.assert_allclose(again[0], line, atol=1e-8)
        np.testing.assert_allclose(again[1][0], basis, atol=1e-7)


def test_a_plane_with_a_twist_leaves_little_to_the_blocks() -> None:
    data = frame(200)
    rng = np.random.default_rng(3)
    data["y"] = 1 + 0.3 * data.x - 0.2 * data.z + 0.1 * data.x * data.z + 0.3 * rng.normal(size=200)
    fit = bd.Model("y ~ t2(x, z)", data).fit("collapsed", draws=500, **QUICK)
    bilinear = products(*(np.column_stack([np.ones(200), data[name]]) for name in "xz"))
    wanted = bilinear @ np.linalg.lstsq(bilinear, data.y)[0]
    found = fit.predict(data, kind="linear")["mean"]
    assert np.sqrt(((found - wanted) ** 2).mean()) < 0.06
    assert float(fit.posterior["t2(x, z)_sigma"].median()) < 0.2


def test_beyond_the_rows_it_is_straight_along_each_column_or_repeats() -> None:
    data = frame()
    beyond = pd.DataFrame({"x": np.linspace(20, 60, 9), "z": 2.0})
    _, (basis,), _ = tables("t2(x, z, bs=['cr', 'ps'])", data, beyond)
    np.testing.assert_allclose(np.diff(basis, 2, axis=0), 0.0, atol=1e-8 * np.abs(basis).max())
    both = pd.DataFrame({"x": np.linspace(20, 60, 9), "z": np.linspace(-5, -30, 9)})
    _, (basis,), _ = tables("t2(x, z, bs=['cr', 'ps'])", data, both)
    np.testing.assert_allclose(np.diff(basis, 3, axis=0), 0.0, atol=1e-8 * np.abs(basis).max())
    text = "t2(x, z, bs=['cc', 'cr'], k=[6, 5], knots=[[0, 12], None])"
    at = pd.DataFrame({"x": [0.5, 3.0, 11.0], "z": [1.0, 2.0, 3.0]})
    one, two = (tables(text, data, rows)[1][0] for rows in (at, at.assign(x=at.x + 12.0)))
    np.testing.assert_allclose(one, two, atol=1e-9)


def test_of_a_number_that_is_1_it_is_the_smooth_with_its_constant_and_every_column_is_multiplied() -> None:
    data = frame()
    line, (plain,), _ = tables("t2(x, z)", data)
    with_constant, (times,), _ = tables("t2(x, z, by=one)", data)
    np.testing.assert_allclose(times, plain, atol=1e-9)
    np.testing.assert_allclose(with_constant, np.column_stack([np.ones(N), line]), atol=1e-12)
    free, (basis,), _ = tables("t2(x, z, by=w)", data)
    np.testing.assert_allclose(free.T @ basis / N, 0.0, atol=1e-9)
    doubled = tables("t2(x, z, by=w)", data, data.assign(w=2 * data.w))
    np.testing.assert_allclose(doubled[0], 2 * free, atol=1e-12)
    np.testing.assert_allclose(doubled[1][0], 2 * basis, atol=1e-9)


def test_each_level_has_a_surface_that_is_0_on_average_over_its_rows() -> None:
    data = frame()
    line, found, of = tables("g + t2(x, z, k=4, by=g)", data)
    assert len(found) == 3
    for j, (level, basis) in enumerate(zip("abc", found, strict=True)):
        own = (data.g == level).to_numpy()
        free = line[:, 3 * j : 3 * j + 3]
        assert not basis[~own].any()
        assert not free[~own].any()
        np.testing.assert_allclose(np.column_stack([own, free]).T @ basis / N, 0.0, atol=1e-9)
        for block in range(3):
            assert (basis[own][:, of == block] ** 2).sum(axis=1).mean() == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("text", ["t2(x, z, w, k=3)", "t2(x, z, k=4, by=w)", "g + t2(x, z, k=4, by=g)", "t2(x, z, bs='cc', k=5)"])
def test_what_is_declared_is_the_graphs_predictor(text: str) -> None:
    model = bd.Model(f"y ~ {text}", frame())
    draws = forward_draws(model._graph, list(model._graph.reported), 3, {}, 1)
    own = predictor(model.spec, draws, model.__dict__["_rows"].arrays, N)
    np.testing.assert_allclose(row_function(model._graph, ["linear"])(draws)[0], own, rtol=1e-9, atol=1e-10)


def test_what_the_posterior_shows_saved_and_at_new_rows(tmp_path: Path) -> None:
    data = frame()
    fit = bd.Model("y ~ t2(x, z, k=4)", data).fit("collapsed", draws=50, **QUICK)
    listed = fit.summary().index
    assert {f"t2(x, z)_{what}[{label}]" for what in ("linear", "sigma") for label in ("x", "z", "x:z")} <= set(listed)
    assert not any(label.startswith("t2(x, z)[") for label in listed)
    assert fit.posterior["t2(x, z)_sigma"].dims == ("chain", "draw", "t2(x, z)_block")
    assert fit.posterior["t2(x, z)"].dims == ("chain", "draw", "t2(x, z)_basis")
    assert fit.posterior["t2(x, z)"].attrs["role"] == "basis"
    draws = {k: v.values.reshape(-1, *v.shape[2:]) for k, v in fit.posterior.data_vars.items()}
    own = predictor(fit.model.spec, draws, fit.model.__dict__["_rows"].arrays, N).mean(axis=0)
    np.testing.assert_allclose(fit.predict(data.iloc[::-1], kind="linear")["mean"].to_numpy()[::-1], own, atol=1e-8)
    fit.save(tmp_path / "fit.bd")
    new = pd.DataFrame({"x": [-3.0, 2.5, 40.0], "z": [0.0, 1.0, 9.0]})
    pd.testing.assert_frame_equal(fit.predict(new, seed=1), bd.load(tmp_path / "fit.bd").predict(new, seed=1))
    bd.report(fit, tmp_path / "fit.md")
    text = (tmp_path / "fit.md").read_text(encoding="utf-8")
    assert "β(t2(x, z))[b] ~ Normal(0, t2(x, z)_sigma[block of b])" in text
    assert f"β(t2(x, z)_linear)[x] · ((xᵢ - {data.x.mean():.6g}) / {data.x.std(ddof=0):.6g})" in text
    assert float(fit.budget()["smooth"].mean()) > 0


def test_a_pilot_fit_has_a_standard_deviation_for_each_block() -> None:
    model = bd.Model("c ~ t2(x, z, k=4)", frame(), family="poisson")
    rows = model.__dict__["_rows"]
    pilot = pilot_fit(model.spec, rows.arrays, rows.response)
    assert pilot is not None
    of = np.repeat([0, 1, 2], [4, 4, 4])
    np.testing.assert_array_equal(pilot.each_sd("mu_t2_1.t2(x, z)")[0], pilot.sds["mu_t2_1.t2(x, z)"][of])


def test_defaults() -> None:
    data = frame()
    spec, spread = bd.Model("y ~ t2(x, z)", data).spec, data.y.std(ddof=0)
    assert str(spec.prior("t2(x, z)_sigma").prior) == f"HalfStudentT(3, {2.5 * spread:.4g})"
    again = tables("t2(x, z, k=[5, 5], bs=['cr', 'cr'])", data)[1][0]
    np.testing.assert_array_equal(tables("t2(x, z)", data)[1][0], again)


REFUSED = {
    "t2(x)": r"t2\(\) is a function of two or three columns; of one column write s\(x\)",
    "t2(x, z, w, one)": r"t2\(\) is a function of two or three columns",
    "t2(x, z, 5)": r"all else has a name, as in t2\(x, z, k=\[5, 5\]\)",
    "t2(x, x)": r"the columns of a product are different ones",
    "t2(x, z, k=[5, 5, 5])": r"k=\[5, 5, 5\] is not a whole number of basis functions of each column, or a list of one each",
    "t2(x, z, k=2)": r"k=2 is too few for bs='cr', which needs k=3",
    "t2(x, z, k=40)": r"40 · 40 = 1,600 functions, of which 1,000 are allowed",
    "t2(x, z, bs='re')": r"bs='re' is not the name of a basis of one column, one of cc, cr, ps, tp",
    "t2(x, z, bs=['cr', 'cs'])": r"bs='cs' is not the name of a basis of one column",
    "t2(x, z, kk=5)": r"t2\(\) has no option 'kk'; did you mean 'k'\?",
    "t2(x, z, knots=[0, 12])": r"knots=\[0, 12\] is not a list of one list of rising numbers each, or None",
    "t2(x, z, bs='cc', knots=[[0, 12, 14], None])": r"3 knots are not the k=|k=3 is too few|3 knots are too few",
    "t2(x, few, k=5)": r"k=5 basis functions of 'few' are more than its 4 different values; take k=4 or fewer",
    "t2(x, same)": r"'same' is constant \(every value is 3\); a smooth needs one that varies",
    "t2(x, g)": r"'g' is not numeric",
    "t2(x, z + w)": r"write t2\(I\(z \+ w\), …\)",
    "x + t2(x, z)": r"the straight line of 'x' is part of the smooth; leave 'x' by itself out",
    "x:z + t2(x, z)": r"the straight line of 'x:z' is part of the smooth",
    "w + t2(x, z, by=w)": r"what 'w' does on average is part of the smooth",
    "t2(x, rare, k=3, by=h)": r"level 'q' of 'h' has 1 different values of 'rare', and a surface takes 3 or more",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_and_with_what_advice(text: str) -> None:
    data = frame().assign(few=np.arange(N) % 4, same=3.0)
    data["h"] = np.where(np.arange(N) < 10, "q", "p")
    data["rare"] = np.where(np.arange(N) < 10, 1.0, data.z)
    with pytest.raises(bd.BayesdeepError, match=REFUSED[text]) as error:
        bd.Model(f"y ~ {text}", data)
    assert str(error.value).startswith("formula")


@pytest.mark.integration
def test_integrated_out_it_is_what_nuts_finds(predictors_agree: Any) -> None:
    model = bd.Model("y ~ t2(x, z, k=4)", frame())
    one = model.fit("collapsed", draws=1000, **QUICK)
    two = model.fit("nuts", draws=1000, tune=1000, **QUICK)
    predictors_agree(one, two, most=0.25, sds=0.25)  # five standard errors of a difference from 800 effective draws each


@pytest.mark.integration
def test_of_counts_the_ways_of_sampling_agree(predictors_agree: Any) -> None:
    model = bd.Model("c ~ t2(x, z, k=4)", frame(400), family="poisson")
    one, two = model.fit("transport", **QUICK), model.fit("laplace_marginal", **QUICK)
    predictors_agree(one, two, most=0.3)
