"""Smooths: what their bases span, how they are penalised, what their columns are scaled to, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import BSpline, CubicSpline, make_smoothing_spline

import bayesdeep as bd
from bayesdeep.collapse.row_values import addends, predictor
from bayesdeep.core.effects import Columns, Iid
from bayesdeep.core.registry import TERMS
from bayesdeep.design.frame import read_frame
from bayesdeep.results.rows import rows_of
from bayesdeep.terms._smooth_bases import BASES

N = 60
NAMES = tuple(BASES)
STRAIGHT = tuple(name for name in BASES if BASES[name].straight)
KEY = "mu_s_1"


def frame(rows: int = N, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = np.round(rng.gamma(2.0, 1.5, rows), 2)
    g = rng.integers(0, 5, rows)
    y = np.sin(x) + 0.1 * x + 0.3 * rng.normal(size=rows)
    return pd.DataFrame({"x": x, "z": rng.normal(size=rows), "g": [f"g{i}" for i in g], "y": y, "c": rng.poisson(np.exp(y))})


def made(text: str, data: pd.DataFrame) -> bd.Model:
    return bd.Model(f"y ~ {text}", data)


def on(model: bd.Model, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the straight line ``(obs,)`` and the penalised columns ``(obs, column)`` at values of ``x``."""
    rows = rows_of(model.spec, read_frame(pd.DataFrame({"x": np.asarray(x, dtype=float), "z": 0.0, "g": "g0"})), observed=False)
    *lines, basis = TERMS["s"].effects(next(t for t in model.spec.predictors[0].terms if t.kind == "s").state)
    assert isinstance(basis.law, Iid)
    found = rows.arrays[f"{KEY}.{basis.rows.array}"]
    if not lines:
        return np.zeros(len(found)), found
    assert isinstance(lines[0].rows, Columns)
    return rows.arrays[f"{KEY}.{lines[0].rows.array}"][:, 0], found


def same_span(a: np.ndarray, b: np.ndarray, tolerance: float) -> None:
    """Check that columns of ``a`` are sums of those of ``b``, and the other way round."""
    for left, right in ((a, b), (b, a)):
        beside = left - right @ np.linalg.lstsq(right, left)[0]
        np.testing.assert_allclose(beside / np.linalg.norm(left, axis=0), 0.0, atol=tolerance)


@pytest.mark.parametrize("k", [4, 10, 25])
@pytest.mark.parametrize("bs", STRAIGHT)
def test_columns_are_centred_orthogonal_and_of_mean_variance_1(bs: str, k: int) -> None:
    data = frame()
    line, basis = on(made(f"s(x, k={k}, bs='{bs}')", data), data.x)
    np.testing.assert_allclose(line, data.x - data.x.mean(), atol=1e-12)
    # One of the k functions is the constant and one the straight line.
    assert basis.shape == (N, k - 2)
    columns = np.column_stack([np.ones(N), line / line.std(), basis])
    gram = columns.T @ columns / N
    variances = np.diag(gram)[2:]
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-9)
    assert variances.sum() == pytest.approx(1.0, rel=1e-9)
    assert (np.diff(variances) < 0).all()
    # The mean over rows of the variance of Z b with b ~ Normal(0, 1).
    assert (basis**2).sum(axis=1).mean() == pytest.approx(1.0, rel=1e-9)


def test_thin_plate_functions_are_kernels_about_the_values_and_straight_lines() -> None:
    data = frame()
    line, basis = on(made("s(x, k=8)", data), data.x)
    places = np.unique(data.x)
    kernels = np.abs(data.x.to_numpy()[:, None] - places) ** 3
    # Weights orthogonal to constants and lines, in the directions of the six largest ones in size that are left.
    values, vectors = np.linalg.eigh(np.abs(places[:, None] - places) ** 3)
    largest = vectors[:, np.argsort(-np.abs(values))[:8]]
    polynomials = np.column_stack([np.ones(len(places)), places])
    free = np.linalg.svd((largest.T @ polynomials).T)[2][2:].T
    by_hand = np.column_stack([np.ones(N), data.x, kernels @ largest @ free])
    same_span(np.column_stack([np.ones(N), line, basis]), by_hand, 1e-7)


@pytest.mark.parametrize("given", [False, True])
def test_cubic_functions_are_natural_splines_with_knots_at_quantiles_or_as_given(given: bool) -> None:
    data = frame()
    knots = np.array([1.0, 2.0, 4.0, 5.0, 9.0]) if given else np.quantile(np.unique(data.x), np.linspace(0, 1, 5))
    text = f"knots={knots.tolist()}" if given else "k=5"
    at = np.linspace(-2.0, 12.0, 80)
    line, basis = on(made(f"s(x, bs='cr', {text})", data), at)
    splines = np.column_stack([natural(knots, value)(at) for value in np.eye(5)])
    same_span(np.column_stack([np.ones(80), line, basis]), splines, 1e-9)


def natural(knots: np.ndarray, values: np.ndarray) -> Any:
    """Return the natural cubic spline through values, straight beyond its knots."""
    inner = CubicSpline(knots, values, bc_type="natural")

    def value(x: np.ndarray) -> np.ndarray:
        held = np.clip(x, knots[0], knots[-1])
        return inner(held) + (x - held) * inner(held, 1)

    return value


def roughness(knots: np.ndarray, values: np.ndarray) -> float:
    """Return the integral of the squared second derivative of the natural spline through values."""
    second = CubicSpline(knots, values, bc_type="natural")(knots, 2)
    a, b = second[:-1], second[1:]
    return float((np.diff(knots) * (a * a + a * b + b * b)).sum() / 3)


@pytest.mark.parametrize("bs", ["cr", "tp"])
def test_the_sum_of_squared_coefficients_is_the_roughness_of_the_function(bs: str) -> None:
    data, rng = frame(), np.random.default_rng(1)
    knots = np.unique(data.x) if bs == "tp" else np.quantile(np.unique(data.x), np.linspace(0, 1, 9))
    line, basis = on(made(f"s(x, k=9, bs='{bs}')", data), knots)
    ratios = []
    for _ in range(5):
        b = rng.normal(size=basis.shape[1])
        ratios.append(roughness(knots, rng.normal() * line + basis @ b) / (b @ b))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-6)


def test_with_a_function_a_value_the_posterior_mean_is_the_smoothing_spline() -> None:
    data = frame(25)
    places = np.unique(data.x)
    line, basis = on(made(f"s(x, k={len(places)})", data), data.x)
    line_at, basis_at = on(made(f"s(x, k={len(places)})", data), places)
    per_square = roughness(places, basis_at[:, 0])
    penalty = 0.37
    free = np.column_stack([np.ones(25), line])
    columns, prior = np.column_stack([free, basis]), np.diag([0.0, 0.0] + [penalty * per_square] * basis.shape[1])
    found = np.linalg.solve(columns.T @ columns + prior, columns.T @ data.y.to_numpy())
    weights = data.groupby("x").size()
    wanted = make_smoothing_spline(places, data.groupby("x").y.mean(), w=weights.to_numpy(float), lam=penalty)
    at = np.linspace(places[0], places[-1], 50)
    line_at, basis_at = on(made(f"s(x, k={len(places)})", data), at)
    np.testing.assert_allclose(np.column_stack([np.ones(50), line_at, basis_at]) @ found, wanted(at), atol=1e-6)


@pytest.mark.parametrize("bs", STRAIGHT)
def test_beyond_the_rows_it_is_straight(bs: str) -> None:
    data = frame()
    model = made(f"s(x, k=12, bs='{bs}')", data)
    low, high = data.x.min(), data.x.max()
    for at in (np.linspace(low - 20, low, 9), np.linspace(high, high + 20, 9)):
        _, basis = on(model, at)
        np.testing.assert_allclose(np.diff(basis, 2, axis=0), 0.0, atol=1e-8 * np.abs(basis).max())
    # And smooth where it leaves them: the slope does not jump.
    for edge in (low, high):
        _, basis = on(model, edge + np.array([-1e-4, 0.0, 1e-4]))
        np.testing.assert_allclose(np.diff(basis, 2, axis=0) / 1e-4, 0.0, atol=1e-2)


def test_functions_of_one_size_are_the_same_whatever_the_unit_and_the_order_of_rows() -> None:
    """Sines and cosines on even knots could as well be others of their span."""
    data = frame().assign(x=np.arange(N) % 20.0 + 0.5)
    columns = on(made("s(x, bs='cc', knots=[0, 4, 8, 12, 16, 20])", data), data.x)[1]
    sizes = (columns**2).sum(axis=0)
    np.testing.assert_allclose(sizes[0], sizes[1], rtol=1e-9)
    moved = data.assign(x=3.7 * data.x - 11.1)
    knots = (3.7 * np.arange(0, 24, 4) - 11.1).tolist()
    np.testing.assert_allclose(on(made(f"s(x, bs='cc', knots={knots})", moved), moved.x)[1], columns, atol=1e-8)
    turned = data.sample(frac=1.0, random_state=3)
    found = on(made("s(x, bs='cc', knots=[0, 4, 8, 12, 16, 20])", turned), data.x)[1]
    np.testing.assert_allclose(found, columns, atol=1e-8)


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("bs", NAMES)
def test_units_and_the_order_of_rows_do_not_matter(bs: str, even: bool) -> None:
    data = frame().assign(x=np.arange(N) % 20.0) if even else frame()
    text = f"s(x, k=7, bs='{bs}')"
    columns = on(made(text, data), data.x)[1]
    moved = data.assign(x=1e6 + 1e-3 * data.x)
    np.testing.assert_allclose(on(made(text, moved), moved.x)[1], columns, atol=1e-5)
    scaled = data.assign(x=7.0 - 3.0 * (7.0 - data.x) + 0.1)
    np.testing.assert_allclose(on(made(text, scaled), scaled.x)[1], columns, atol=1e-8)
    turned = data.sample(frac=1.0, random_state=3)
    np.testing.assert_allclose(on(made(text, turned), data.x)[1], columns, atol=1e-8)


def test_cyclic_functions_are_periodic_splines_and_penalised_by_their_curvature() -> None:
    data, knots = frame(), np.array([0.0, 1.0, 2.5, 4.0, 5.5, 8.0, 12.0])
    model = made(f"s(x, bs='cc', knots={knots.tolist()})", data)
    at, inner = np.linspace(-12.0, 24.0, 361), np.linspace(0.0, 12.0, 97)
    (basis,) = on(model, at)[1:]
    splines = [CubicSpline(knots, np.append(value, value[0]), bc_type="periodic") for value in np.eye(6)]
    same_span(np.column_stack([np.ones(361), basis]), np.column_stack([f(at % 12.0) for f in splines]), 1e-9)
    # The same after a period; and as smooth across the seam as at any other knot.
    np.testing.assert_allclose(on(model, inner + 12.0)[1], on(model, inner)[1], atol=1e-9)
    seam = on(model, 12.0 + 1e-3 * np.arange(-2, 3))[1]
    assert np.abs(np.diff(seam, 3, axis=0)).max() < 1e-6
    # Fitted to the columns, splines show how rough each is.
    values, rng = on(model, knots)[1], np.random.default_rng(1)
    ratios = []
    for _ in range(5):
        b = rng.normal(size=5)
        f = values @ b
        second = CubicSpline(knots, np.append(f[:-1], f[0]), bc_type="periodic")(knots, 2)
        c, d = second[:-1], second[1:]
        ratios.append((np.diff(knots) * (c * c + c * d + d * d)).sum() / 3 / (b @ b))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-6)
    np.testing.assert_allclose((on(model, data.x)[1] ** 2).sum(axis=1).mean(), 1.0, rtol=1e-9)


def test_ends_of_a_cyclic_smooth_are_the_range_or_as_given_and_others_lie_between() -> None:
    data = frame()
    low, high = data.x.min(), data.x.max()
    free = made("s(x, bs='cc', k=6)", data)
    np.testing.assert_allclose(on(free, [low])[1], on(free, [high])[1], atol=1e-12)
    state = made("s(x, bs='cc', k=6, knots=[-1, 25])", data).spec.predictors[0].terms[1].state
    knots = state["centre"][0] + state["scale"][0] * np.array(state["learned"]["knots"])
    wanted = np.quantile(np.unique(np.append(data.x, [-1.0, 25.0])), np.linspace(0, 1, 6))
    np.testing.assert_allclose(knots, wanted, atol=1e-12)


def test_p_splines_are_b_splines_and_penalised_by_second_differences() -> None:
    data = frame()
    model = made("s(x, bs='ps', k=9, knots=[0, 12])", data)
    at = np.linspace(0.0, 12.0, 121)
    line, basis = on(model, at)
    knots = np.linspace(0.0, 12.0, 7)[0] + 2.0 * np.arange(-3, 10)
    splines = BSpline.design_matrix(at, knots, 3).toarray()
    all_of_it = np.column_stack([np.ones(121), line, basis])
    same_span(all_of_it, splines, 1e-9)
    coefficients, rng = np.linalg.lstsq(splines, all_of_it)[0], np.random.default_rng(1)
    ratios = []
    for _ in range(5):
        b = np.append([0.3, rng.normal()], rng.normal(size=7))
        ratios.append((np.diff(coefficients @ b, 2) ** 2).sum() / (b[2:] @ b[2:]))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-6)


def test_p_splines_bear_a_gap_between_the_rows() -> None:
    data = frame().assign(x=np.where(np.arange(N) < 30, np.arange(N) / 30, 9 + np.arange(N) / 60))
    basis = on(made("s(x, bs='ps', k=20)", data), np.linspace(-1, 11, 50))[1]
    assert np.isfinite(basis).all()


@pytest.mark.parametrize("bs", STRAIGHT)
def test_a_straight_truth_leaves_little_to_the_departure(bs: str) -> None:
    """Over data sets, the effective number of parameters at the largest restricted likelihood is near that of a line."""
    rng, x = np.random.default_rng(2), np.sort(np.random.default_rng(0).uniform(0, 10, 100))
    data = pd.DataFrame({"x": x, "y": 1 + 0.5 * x + 0.3 * rng.normal(size=100)})
    _, basis = on(made(f"s(x, k=15, bs='{bs}')", data), x)
    sizes = (basis**2).sum(axis=0)
    rotated = basis / np.sqrt(sizes)
    free = np.linalg.qr(np.column_stack([np.ones(100), x]))[0]
    edf = []
    for _ in range(40):
        y = 1 + 0.5 * x + 0.3 * rng.normal(size=100)
        left = y - free @ (free.T @ y)
        told, rest = rotated.T @ left, left - rotated @ (rotated.T @ left)

        def loss(log_ratio: float, told: np.ndarray = told, rest: np.ndarray = rest) -> float:
            more = 1 + np.exp(log_ratio) * sizes
            return np.log(more).sum() + 98 * np.log(rest @ rest + (told**2 / more).sum())

        at = np.linspace(-25, 5, 121)
        best = np.exp(at[np.argmin([loss(a) for a in at])])
        edf.append(1 + (best * sizes / (1 + best * sizes)).sum())
    assert np.median(edf) < 1.05
    assert np.mean(edf) < 1.8


def test_of_many_values_some_are_chosen_and_always_the_same() -> None:
    x = np.random.default_rng(0).normal(size=2600)
    data = pd.DataFrame({"x": x, "y": np.sin(x)})
    first, second = (made("s(x)", data).spec for _ in range(2))
    assert first == second
    state = first.predictors[0].terms[1].state
    assert len(state["learned"]["places"]) == 2000
    line, basis = on(made("s(x)", data), x)
    fit = np.column_stack([np.ones(2600), line, basis])
    left = data.y - fit @ np.linalg.lstsq(fit, data.y)[0]
    assert np.abs(left).max() < 0.05


def test_lanczos_and_all_eigenvalues_give_the_same_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    from bayesdeep.terms._bases import tp as module

    x = np.random.default_rng(0).normal(size=300)
    data = pd.DataFrame({"x": x, "y": np.sin(x)})
    _, dense = on(made("s(x)", data), x)
    monkeypatch.setattr(module, "DENSE", 100)
    _, few = on(made("s(x)", data), x)
    np.testing.assert_allclose(few, dense, atol=1e-7)


def test_what_the_posterior_shows() -> None:
    fit = made("z + s(x, k=6, bs='cr') + (1 | g)", frame()).fit("collapsed", draws=50, seed=1, progress=False)
    names = ["s(x)_linear", "s(x)_sigma", "s(x)"]
    assert [fit.idata.posterior[n].attrs["role"] for n in names] == ["coefficient", "sd", "basis"]
    assert fit.idata.posterior["s(x)"].dims == ("chain", "draw", "s(x)_basis")
    assert fit.idata.posterior["s(x)_basis"].values.tolist() == [1, 2, 3, 4]
    listed = fit.summary().index
    assert {"s(x)_linear", "s(x)_sigma"} <= set(listed)
    assert not any(label.startswith("s(x)[") for label in listed)
    assert list(fit.summary(var_names=["s(x)"]).index) == [f"s(x)[{k}]" for k in range(1, 5)]
    # Diagnoses do look at them: each is a number with a normal distribution.
    assert "all draws of all 15 quantities" in str(fit.diagnose())


@pytest.mark.integration
def test_tables_of_arviz_leave_a_basis_out_too() -> None:
    fit = made("s(x, k=6)", frame()).fit("collapsed", draws=50, seed=1, progress=False)
    assert list(fit.summary(var_names=["s(x)"], ci_kind="hdi").index) == [f"s(x)[{k}]" for k in range(1, 5)]
    assert not any(label.startswith("s(x)[") for label in fit.summary(ci_kind="hdi").index)


def test_default_priors_and_the_users() -> None:
    data = frame()
    priors = {p.name: str(p.prior) for p in made("s(x)", data).spec.priors}
    spread = data.y.std(ddof=0)
    assert priors["s(x)_sigma"] == f"HalfStudentT(3, {2.5 * spread:.4g})"
    assert priors["s(x)_linear"] == f"Normal(0, {2.5 * spread / data.x.std(ddof=0):.4g})"
    own = bd.Model("y ~ s(x) + z", data, priors={"population": "Normal(0, 1)", "s(x)_sigma": "Exponential(2)"}).spec
    assert str(own.prior("s(x)_linear").prior) == str(own.prior("z").prior) == "Normal(0, 1)"
    assert str(own.prior("s(x)_sigma").prior) == "Exponential(2)"
    with pytest.raises(bd.BayesdeepError, match=r"prior 's\(x\)': nothing in the model has this name"):
        bd.Model("y ~ s(x)", data, priors={"s(x)": "Normal(0, 1)"})


def test_the_intercept_keeps_its_meaning() -> None:
    """A smooth is 0 on average over the training rows, so that the intercept is the mean of the predictor."""
    data = frame()
    model = made("s(x, k=6)", data)
    draws = {"Intercept": np.zeros(2), "s(x)_linear": np.array([1.0, -2.0]), "s(x)": np.random.default_rng(0).normal(size=(2, 4))}
    rows = model.__dict__["_rows"]
    np.testing.assert_allclose(predictor(model.spec, draws, rows.arrays, N).mean(axis=1), 0.0, atol=1e-10)
    # A term is one addend.
    assert set(addends(model.spec, draws, rows.arrays)) == {"mu_population", KEY}


REFUSED = {
    "s(x, k=2)": r"k=2 is too few for bs='tp', which needs k=3 or more",
    "s(x, k=2, bs='cr')": r"k=2 is too few for bs='cr', which needs k=3 or more",
    "s(few, k=5)": r"k=5 basis functions are more than the 4 different values of 'few'; take k=4 or fewer",
    "s(two)": r"more than the 2 different values of 'two'; that is enough for a straight line: two",
    "s(g)": r"'g' is not numeric",
    "s(x, bs='crr')": r"bs='crr' is not the name of a basis, one of cc, cr, fs, ps, re, tp; did you mean 'cr'\?",
    "s(x, k=3, bs='cc')": r"k=3 is too few for bs='cc', which needs k=4 or more: constants are one of them",
    "s(x, bs='cc', k=6, knots=[0, 1, 2])": r"3 knots are not the k=6 that it has; give k of them, or the two at the ends",
    "s(x, bs='ps', knots=[0, 1, 2])": r"3 knots are not the two at the ends",
    "s(x, kk=5)": r"s\(\) has no option 'kk'; did you mean 'k'\?",
    "s(x, k=4.5)": r"k=4.5 is not a whole number of basis functions",
    "s(x, bs='cr', knots=[1, 3, 2])": r"2 stands after 3; knots have to rise",
    "s(x, bs='cr', k=5, knots=[1, 2, 3])": r"3 knots are not the k=5 that it has",
    "s(x, k=5, knots=[1, 2, 3])": r"3 knots are too few for k=5",
    "s(x, knots=[1, 2])": r"2 knots are too few",
    "s(x, knots=3)": r"knots=3 is not a list of rising numbers",
    "s(same)": r"'same' is constant \(every value is 3\)",
    "s(huge)": r"the values of 'huge' are too large to be squared",
    "s(x, z, bs='cr')": r"a smooth with bs='cr' is a function of one column",
    "s(x, z, few)": r"a smooth with bs='tp' is a function of at most 2 columns",
    "s(x, z, knots=[1, 2, 3, 4, 5])": r"knots are of one column; a smooth of several chooses its own",
    "s(x, z, k=3)": r"k=3 is too few for bs='tp', which needs k=4 or more",
    "z + s(x, z)": r"the straight line of 'z' is part of the smooth",
    "s(x, 20)": r"all else has a name, as in s\(x, k=20, bs='cr'\)",
    "s(x + z)": r"write s\(I\(x \+ z\)\)",
    "x + s(x)": r"the straight line of 'x' is part of the smooth; leave 'x' by itself out",
    "(1 + s(x) | g)": r"s\(\) cannot vary by group; write 's\(x\)' outside of the bracket, for all groups",
    "s(x):z": r"s\(\) cannot be part of a product; add it with \+",
    "net(s(x))": r"s\(\) cannot stand inside another call",
    "s(x) + s(x, k=5)": r"s\(x\) and s\(x, k=5\) both have the straight line of 'x'",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_and_with_what_advice(text: str) -> None:
    data = frame().assign(few=np.arange(N) % 4, two=np.arange(N) % 2, same=3.0, huge=np.arange(N) * 1e200)
    with pytest.raises(bd.BayesdeepError, match=REFUSED[text]) as error:
        made(text, data)
    assert str(error.value).startswith("formula")


def test_rows_on_disk_are_refused(tmp_path: Any) -> None:
    path = tmp_path / "rows.parquet"
    frame().to_parquet(path)
    with pytest.raises(bd.BayesdeepError, match="a term has to see all rows, and they stay on disk"):
        bd.Model("y ~ s(x)", path)


@pytest.mark.parametrize("bs", NAMES)
def test_saved_and_read_again_it_predicts_the_same(bs: str, tmp_path: Any) -> None:
    fit = made(f"s(x, k=6, bs='{bs}')", frame()).fit("collapsed", draws=20, seed=1, progress=False)
    fit.save(tmp_path / "fit.bd")
    new = pd.DataFrame({"x": [-3.0, 0.0, 2.5, 40.0]})
    one, other = fit.predict(new, seed=1), bd.load(tmp_path / "fit.bd").predict(new, seed=1)
    pd.testing.assert_frame_equal(one, other)


def test_a_smooth_is_sampled_where_the_rows_say_much_of_it_and_in_units_of_its_sd_where_they_say_little() -> None:
    """The share of its variance that the rows take away is in each case what a pilot fit has it be."""
    from bayesdeep.graph.centring import centring
    from bayesdeep.graph.pilot_fit import pilot_fit

    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.uniform(0, 10, 1500), "z": rng.normal(size=1500)})
    data["c"] = rng.poisson(np.exp(np.sin(data.x)))
    model = bd.Model("c ~ s(x, k=8) + s(z, k=8)", data, family="poisson")
    rows = model.__dict__["_rows"]
    pilot = pilot_fit(model.spec, rows.arrays, rows.response)
    assert pilot is not None
    shares = {
        name: 1.0 - 1.0 / (1.0 + centring(pilot)[f"{name}.{slot}"].information[0] * pilot.sds[f"{name}.{slot}"][0] ** 2)
        for name, slot in (("mu_s_1", "s(x)"), ("mu_s_2", "s(z)"))
    }
    assert shares["mu_s_1"][0] > 0.9
    assert (np.diff(shares["mu_s_1"]) < 0).all()
    # Nothing is there to be seen: its sd is one that the rows hardly tell from 0.
    assert np.sort(shares["mu_s_2"])[-3] < 0.5


@pytest.mark.integration
@pytest.mark.parametrize("formula", ["c ~ s(x, k=8) + (1 | g)", "c ~ 0 + s(x, k=8, bs='cr')"])
def test_sampled_it_is_what_laplaces_method_finds(formula: str) -> None:
    data = frame(400)
    nuts = bd.Model(formula, data, family="poisson").fit("nuts", draws=500, tune=500, seed=1, progress=False)
    other = bd.Model(formula, data, family="poisson").fit("laplace_marginal", seed=1, progress=False)
    assert float(nuts.summary(var_names=["s(x)"]).ess_bulk.min()) > 800
    dims = ("chain", "draw")
    one, two = (fit.draws(kind="linear") for fit in (nuts, other))
    assert float((np.abs(one.mean(dims) - two.mean(dims)) / one.std(dims)).max()) < 0.25


@pytest.mark.integration
def test_an_approximation_is_compared_with_nuts_coefficient_by_coefficient() -> None:
    fit = bd.Model("c ~ s(x, k=5) + (1 | g)", frame(), family="poisson").fit("pathfinder", seed=1, progress=False)
    advi = bd.Model("c ~ s(x, k=5) + (1 | g)", frame(), family="poisson").fit("advi", seed=1, progress=False)
    assert "s(x)[" in str(advi.idata.attrs["details"]["check"]) or "1|g[" in str(advi.idata.attrs["details"]["check"])
    assert fit.posterior.sizes["s(x)_basis"] == 3
