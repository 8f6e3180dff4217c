"""Slopes, contrasts and curves: closed forms draw by draw, predictions on grids made by hand, and errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import expit, logit

import bayesdeep as bd
from bayesdeep.effects import marginal_values as evaluate
from bayesdeep.effects.marginal_grid import base_of
from bayesdeep.effects.marginal_source import source_of
from bayesdeep.effects.slopes import _sides
from bayesdeep.fit import Fit
from bayesdeep.results import prediction_blocks as predict_module
from bayesdeep.results.data_columns import columns_dataset

ROWS = 40


def data(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(4, 2, rows), "z": rng.uniform(0.5, 3, rows), "y": rng.normal(size=rows)})
    frame["a"] = np.array(list("uvwu"))[np.arange(rows) % 4]
    frame["g"] = np.array(list("pqrst"))[np.arange(rows) % 5]
    frame["h"] = np.array(list("ij"))[np.arange(rows) % 2]
    frame["year"], frame["n"] = 2000 + np.arange(rows) % 3, 6
    frame["k"], frame["e"] = rng.binomial(6, 0.4, rows), rng.poisson(2, rows)
    frame["yes"], frame["status"] = frame["x"] > frame["z"] + 2, np.arange(rows) % 2
    return frame.assign(b=rng.integers(0, 2, rows))


def flat(fit: Fit, name: str) -> np.ndarray:
    return fit.posterior[name].to_numpy().reshape(-1, *fit.posterior[name].shape[2:])


def expect(row: Any, draws: np.ndarray, interval: float = 0.9) -> None:
    tail = (1 - interval) / 2
    found = [row["estimate"], row["sd"], row["lower"], row["upper"]]
    assert found == pytest.approx(
        [draws.mean(), draws.std(), *np.quantile(draws, [tail, 1 - tail])], rel=1e-6, abs=1e-8
    )
    if "prob_positive" in row:
        assert row["prob_positive"] == pytest.approx((draws > 0).mean())


@pytest.fixture(scope="module")
def line(made_up: Callable[..., Fit]) -> Fit:
    return made_up(bd.Model("y ~ x * z + a + yes + (1 + x | g)", data()))


@pytest.fixture(scope="module")
def logistic(made_up: Callable[..., Fit]) -> Fit:
    priors = {"Intercept": "Normal(0, 1)", "x": "Normal(0, 1)", "a": "Normal(0, 1)"}
    return made_up(bd.Model("b ~ x + a", data(), "bernoulli", priors=priors))


@pytest.fixture(scope="module")
def net(made_up: Callable[..., Fit]) -> Fit:
    return made_up(bd.Model("y ~ net(x, z, hidden=[4]) + (1 | g)", data()))


# Slopes


def test_slopes_of_a_linear_model_are_its_coefficients_draw_by_draw(made_up: Callable[..., Fit]) -> None:
    fit = made_up(bd.Model("y ~ x + z + a", data()))
    source = source_of(fit, "slopes", None, "average", None)
    base = base_of(source, "rows", None)
    for name in ("x", "z"):
        low, high = _sides(source.variables[name], base.columns[name])
        found = evaluate.slope_means(source, base, low, high, "linear")
        np.testing.assert_allclose(found[:, 0], flat(fit, name), rtol=1e-6, atol=1e-8)
    table = fit.slopes()
    assert table["term"].tolist() == ["x", "z", "a", "a"]
    assert table["contrast"].tolist() == ["dY/dX", "dY/dX", "v - u", "w - u"]
    for row, draws in zip(table.to_dict("records"), [flat(fit, "x"), flat(fit, "z"), *flat(fit, "a").T], strict=True):
        expect(row, draws)
    assert table.attrs["averaged_over"] == "40 rows, each with the same weight"


def test_an_interaction_is_averaged_over_the_other_variable(line: Fit) -> None:
    d = data()
    slope, product, groups = flat(line, "x"), flat(line, "x:z"), flat(line, "x|g")
    by_row = slope[:, None] + product[:, None] * d["z"].to_numpy() + groups[:, pd.factorize(d["g"])[0]]
    expect(line.slopes("x").iloc[0], by_row.mean(axis=1))
    for how, middle in (("means", d["z"].mean()), ("typical", d["z"].median())):
        expect(line.slopes("x", at=how).iloc[0], slope + product * middle)
    grid = line.slopes("x", at={"z": [1, 2], "g": "q"})
    assert grid[["z", "g"]].to_numpy().tolist() == [[1.0, "q"], [2.0, "q"]]
    for row in grid.to_dict("records"):
        expect(row, slope + product * row["z"] + groups[:, 1])


def test_groups_of_rows_are_averaged_each(line: Fit) -> None:
    d = data()
    by_row = flat(line, "x")[:, None] + flat(line, "x:z")[:, None] * d["z"].to_numpy()
    by_row = by_row + flat(line, "x|g")[:, pd.factorize(d["g"])[0]]
    found = line.slopes("x", by=["a", "yes"])
    assert len(found) == 6
    for row in found.to_dict("records"):
        expect(row, by_row[:, (d["a"] == row["a"]) & (d["yes"] == row["yes"])].mean(axis=1))


def test_slopes_of_a_logistic_model(logistic: Fit) -> None:
    d, slope = data(), flat(logistic, "x")
    p = logistic.draws(kind="mean").to_numpy().reshape(-1, ROWS)
    expect(logistic.slopes("x").iloc[0], (p * (1 - p) * slope[:, None]).mean(axis=1))
    some = d.iloc[:7]
    q = p[:, :7]
    expect(logistic.slopes("x", some.drop(columns="b")).iloc[0], (q * (1 - q) * slope[:, None]).mean(axis=1))
    expect(logistic.slopes("x", kind="linear").iloc[0], slope)


def test_slopes_of_a_network_are_derivatives_of_its_draws(net: Fit) -> None:
    # Richardson's extrapolation of differences with other steps; the ends of the range are left out, where slopes are one-sided.
    d = data().sort_values("x").iloc[1:-1]

    def difference(step: float) -> np.ndarray:
        sides = [net.draws(d.assign(x=d["x"] + s), kind="mean").to_numpy() for s in (-step, step)]
        return ((sides[1] - sides[0]) / (2 * step)).mean(axis=2).ravel()

    draws = (4 * difference(1e-3) - difference(2e-3)) / 3
    assert abs(draws).max() > 0.01
    expect(net.slopes("x", d).iloc[0], draws)


def test_differences_do_not_leave_the_range_of_the_data(made_up: Callable[..., Fit]) -> None:
    d = data()
    d["z"] = np.where(np.arange(ROWS) == 7, 1e-5, d["z"])
    fit = made_up(bd.Model("y ~ log(z)", d))
    steps = 1e-4 * d["z"].std(ddof=0)
    at_edge = (np.log(1e-5 + steps) - np.log(1e-5)) / steps
    inner = 1 / d["z"].drop(7)
    mean = (at_edge + inner.sum()) / ROWS
    assert fit.slopes().iloc[0]["estimate"] == pytest.approx(mean * flat(fit, "log(z)").mean(), rel=1e-4)


def test_a_column_of_another_parameter_is_shown_where_the_mean_depends_on_it(made_up: Callable[..., Fit]) -> None:
    priors = {"Intercept": "Normal(0, 0.3)", "x": "Normal(0, 0.1)"}
    inflated = made_up(bd.Model("e ~ x", data(), "zero_inflated_poisson", zi="~ z", priors=priors))
    assert inflated.slopes()["term"].tolist() == ["x", "z"]
    assert inflated.slopes(kind="linear")["term"].tolist() == ["x"]
    assert made_up(bd.Model("y ~ x", data(), sigma="~ z")).slopes()["term"].tolist() == ["x"]


def test_numbers_that_are_labels_are_compared_level_by_level(made_up: Callable[..., Fit]) -> None:
    d = data()
    fit = made_up(bd.Model("y ~ year + C(n) + C(a, reference='v') + (1 | year)", d.assign(n=d["k"] % 2)))
    table = fit.slopes()
    assert table["contrast"].tolist() == ["2001 - 2000", "2002 - 2000", "1 - 0", "u - v", "w - v"]
    years = flat(fit, "1|year")
    expect(table.iloc[0], flat(fit, "year") + years[:, 1] - years[:, 0])
    expect(table.iloc[3], flat(fit, "C(a, reference='v')")[:, 0])


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("values", "title"),
    [((0, 1), "1 - 0"), ((0.0, 1.0), "1 - 0"), ((1, 2), "2 - 1"), ((-0.5, 10.0), "10 - -0.5"), ((False, True), "True - False")],
)
def test_a_column_of_two_values_is_compared_at_these(values: Any, title: str, made_up: Callable[..., Fit]) -> None:
    """On every scale and by every door: of a logistic model the log ratio of odds at one row is coefficient times distance."""
    which = np.arange(ROWS) % 3 == 0
    d = data().assign(t=np.where(which, *values[::-1]))
    priors = {"Intercept": "Normal(0, 1)", "x": "Normal(0, 0.1)", "t": "Normal(0, 0.1)"}
    fit = made_up(bd.Model("b ~ x + t", d, "bernoulli", priors=priors))
    gap, slope = float(values[1]) - float(values[0]), flat(fit, "t").reshape(40, -1)[:, 0]
    low, high = (fit.draws(d.assign(t=v), kind="mean").mean("obs").to_numpy().ravel() for v in values)
    for given, data_given in [(None, None), (d[which], d[which])]:
        table = fit.contrasts("t", data=given)
        assert table["contrast"].tolist() == [title]
        rows = d if data_given is None else data_given
        own = [fit.draws(rows.assign(t=v), kind="mean").mean("obs").to_numpy().ravel() for v in values]
        expect(table.iloc[0], own[1] - own[0])
    expect(fit.contrasts("t", kind="linear").iloc[0], slope * gap)
    expect(fit.contrasts("t", "log_ratio_of_odds", at="means").iloc[0], slope * gap)
    assert fit.contrasts("t", "ratio").iloc[0]["estimate"] == pytest.approx((high / low).mean())
    every = fit.slopes()
    assert every["contrast"].tolist() == ["dY/dX", title]
    expect(every.iloc[1], high - low)
    assert fit.slopes(at={"t": list(values)})["term"].tolist() == ["x", "x"]
    along = fit.curve("t", average=True)
    assert along["t"].tolist() == list(values)
    for row, draws in zip(along.to_dict("records"), (low, high), strict=True):
        expect(row, draws)


def test_more_than_two_numbers_are_no_indicator(line: Fit, made_up: Callable[..., Fit]) -> None:
    fit = made_up(bd.Model("y ~ year + x", data()))
    assert fit.slopes()["contrast"].tolist() == ["dY/dX", "dY/dX"]
    assert fit.contrasts("year")["contrast"].tolist() == ["+1"]
    assert fit.contrasts({"year": 1}).iloc[0]["estimate"] == pytest.approx(flat(fit, "year").mean())


# Contrasts


def test_contrasts_of_levels_are_differences_of_coefficients(line: Fit) -> None:
    v, w = flat(line, "a").T
    pairs = line.contrasts({"a": "pairwise"})
    assert pairs["contrast"].tolist() == ["v - u", "w - u", "w - v"]
    for row, draws in zip(pairs.to_dict("records"), (v, w, w - v), strict=True):
        expect(row, draws)
    assert line.contrasts("a")["contrast"].tolist() == ["v - u", "w - u"]
    assert line.contrasts({"a": "sequential"})["contrast"].tolist() == ["v - u", "w - v"]
    expect(line.contrasts({"a": ("w", "v")}).iloc[0], v - w)
    expect(line.contrasts("yes").iloc[0], flat(line, "yes")[:, 0])
    expect(line.contrasts({"a": "minmax"}, at="means").iloc[0], w)


def test_contrasts_of_groups(line: Fit) -> None:
    own, slopes, x = flat(line, "1|g"), flat(line, "x|g"), data()["x"].mean()
    expect(line.contrasts({"g": ("p", "r")}).iloc[0], own[:, 2] - own[:, 0] + (slopes[:, 2] - slopes[:, 0]) * x)


def test_contrasts_of_numbers(line: Fit) -> None:
    d = data()
    unit = flat(line, "z") + flat(line, "x:z") * d["x"].mean()
    spread = {"sd": d["z"].std(), "iqr": np.subtract(*np.quantile(d["z"], [0.75, 0.25])), "minmax": np.ptp(d["z"])}
    for wanted, width in [(None, 1), (0.5, 0.5), (-2, -2), ((1, 4), 3), *spread.items()]:
        expect(line.contrasts({"z": wanted}).iloc[0], unit * width)


def test_ratios_compare_averages(logistic: Fit) -> None:
    d = data()
    low, high = (logistic.draws(d.assign(a=a), kind="mean").mean("obs").to_numpy().ravel() for a in "uw")
    ratio = logistic.contrasts({"a": ("u", "w")}, "ratio").iloc[0]
    assert ratio["estimate"] == pytest.approx((high / low).mean())
    assert ratio["prob_positive"] == pytest.approx((high > low).mean())
    expect(logistic.contrasts({"a": ("u", "w")}, "log_ratio_of_odds").iloc[0], logit(high) - logit(low))
    # At one row the log ratio of odds is the coefficient.
    expect(logistic.contrasts({"a": ("u", "w")}, "log_ratio_of_odds", at="means").iloc[0], flat(logistic, "a")[:, 1])


# New groups


def test_both_sides_share_a_new_group(made_up: Callable[..., Fit]) -> None:
    fit = made_up(bd.Model("y ~ x + (1 + x | g)", data()), draws=2_000)  # enough that none is repeated for new groups
    new = data().assign(g=["one", "two"] * (ROWS // 2))
    at_means = fit.slopes("x", new, new_groups="average").iloc[0]
    expect(at_means, flat(fit, "x"))
    source = source_of(fit, "slopes", new, "sample", None)
    base = base_of(source, "rows", "g")
    low, high = _sides(source.variables["x"], base.columns["x"])
    found = evaluate.slope_means(source, base, low, high, "linear")
    # fit.draws with the same seed has the same new groups.
    lower, upper = (
        fit.draws(new.assign(x=x), kind="linear", new_groups="sample").to_numpy().reshape(-1, ROWS)[:, :2] for x in (0.0, 1.0)
    )
    np.testing.assert_allclose(found, upper - lower, rtol=1e-6, atol=1e-7)
    assert found.std() > 1.1 * flat(fit, "x").std() or (found - flat(fit, "x")[:, None]).std() > 0.1
    plain = made_up(bd.Model("y ~ x + (1 | g)", data()))
    expect(plain.slopes("x", new, new_groups="sample").iloc[0], flat(plain, "x"))
    expect(plain.contrasts({"x": 2}, data=new, new_groups="sample").iloc[0], 2 * flat(plain, "x"))


def test_sides_that_would_draw_groups_of_their_own_are_refused(made_up: Callable[..., Fit]) -> None:
    # v is only seen with j, and w with i.
    fit = made_up(bd.Model("y ~ a + (1 | h/a)", data()))
    assert len(fit.contrasts("a")) == 2
    with pytest.raises(bd.FitError, match=r"with other values of 'a' there are groups of h:a .* new_groups='average'"):
        fit.contrasts("a", new_groups="sample")
    with pytest.raises(bd.FitError, match="'h' has 1 groups the model was not fitted to"):
        fit.slopes("a", at="means", new_groups="raise")


# Curves


@pytest.mark.parametrize("kind", ["mean", "response", "linear"])
def test_a_curve_is_the_prediction_on_a_grid(line: Fit, kind: str) -> None:
    d = data()
    found = line.curve("x", "a", kind=kind, points=5, interval=0.8)
    assert list(found) == ["x", "a", "estimate", "sd", "lower", "upper"]
    x = np.linspace(d["x"].min(), d["x"].max(), 5)
    grid = pd.DataFrame(
        {"x": np.tile(x, 3), "a": np.repeat(list("uvw"), 5), "z": d["z"].mean(), "yes": d["yes"].mode()[0]}
    )
    hand = line.predict(grid.assign(g="nobody"), kind=kind, interval=0.8, new_groups="average")
    assert found[["x", "a"]].equals(grid[["x", "a"]])
    np.testing.assert_allclose(found.iloc[:, 2:], hand, rtol=1e-12)


def test_a_curve_along_groups_and_one_by_values(line: Fit) -> None:
    d = data()
    assert line.curve("g")["g"].tolist() == list("pqrst")
    found = line.curve("x", {"g": ["q", "p"], "z": 2}, points=2)
    assert found[["g", "z"]].to_numpy().tolist() == [["q", 2.0]] * 2 + [["p", 2.0]] * 2
    grid = pd.DataFrame({"x": [d["x"].max()], "z": 2.0, "a": "u", "yes": d["yes"].mode()[0], "g": "q"})
    np.testing.assert_allclose(found.iloc[1, 3:].astype(float), line.predict(grid, kind="mean").iloc[0], rtol=1e-12)


def test_an_average_curve_sets_every_row_to_the_grid(logistic: Fit) -> None:
    d = data()
    found = logistic.curve("x", "a", average=True, points=3)
    for row in found.to_dict("records"):
        draws = logistic.draws(d.assign(x=row["x"], a=row["a"]), kind="mean").mean("obs").to_numpy().ravel()
        expect(row, draws)


def test_whole_numbers_keep_to_whole_steps(made_up: Callable[..., Fit]) -> None:
    fit = made_up(bd.Model("y ~ year", data()))
    assert fit.curve("year")["year"].tolist() == [2000, 2001, 2002]
    assert len(fit.curve("year", points=2)) == 2


# Responses of other kinds


@pytest.mark.parametrize("family", ["cumulative", "categorical"])
def test_responses_with_levels_have_a_row_a_level(made_up: Callable[..., Fit], family: str) -> None:
    d = data().assign(a=lambda d: pd.Categorical(d["a"], list("uvw"), ordered=True))
    fit = made_up(bd.Model("a ~ x", d, family, priors={"x": "Normal(0, 0.3)"}))
    found = fit.slopes("x", data=d, by="h")
    assert found["level"].tolist() == list("uvw") * 2
    np.testing.assert_allclose(found.groupby("h")["estimate"].sum(), 0, atol=1e-9)
    curve = fit.curve("x", kind="response", points=3)
    means = fit.predict(pd.DataFrame({"x": curve["x"].unique()}))
    np.testing.assert_allclose(curve["estimate"], means[list("uvw")].to_numpy().ravel(), rtol=1e-12)
    linear = fit.slopes("x", kind="linear")
    assert list(linear.get("level", ["none"])) == (["none"] if family == "cumulative" else ["v", "w"])
    expect(linear.iloc[0], flat(fit, "x").reshape(40, -1)[:, 0])


def test_proportions_are_of_one_trial(made_up: Callable[..., Fit]) -> None:
    fit = made_up(
        bd.Model("prop(k, n) ~ x", data(), "binomial", priors={"Intercept": "Normal(0, 1)", "x": "Normal(0, 0.3)"})
    )
    p = expit(fit.draws(kind="linear").to_numpy().reshape(-1, ROWS))
    found = fit.slopes("x")
    expect(found.iloc[0], (p * (1 - p)).mean(axis=1) * flat(fit, "x"))
    assert found.attrs["of"] == "expected proportion"
    with pytest.raises(bd.FitError, match="new counts depend on a row's number of trials"):
        fit.curve("x", kind="response")


@pytest.mark.parametrize("response", ["censored(y, status)", "weighted(y, n)"])
def test_parts_of_the_response_do_not_matter(made_up: Callable[..., Fit], response: str) -> None:
    fit = made_up(bd.Model(f"{response} ~ x", data()))
    expect(fit.slopes().iloc[0], flat(fit, "x"))
    expect(fit.slopes(data=data()[["x"]]).iloc[0], flat(fit, "x"))
    grid = pd.DataFrame({"x": fit.curve("x", points=2)["x"]})
    np.testing.assert_allclose(fit.curve("x", kind="response", points=2).iloc[:, 1:], fit.predict(grid), rtol=1e-12)


def test_a_truncated_response(made_up: Callable[..., Fit]) -> None:
    fit = made_up(bd.Model("truncated(z, lb=0.4, ub=3.2) ~ x", data(), priors={"x": "Normal(0, 0.1)"}))
    d, step = data(), 1e-3
    sides = [fit.draws(d.assign(x=d["x"] + s), kind="mean").to_numpy() for s in (-step, step)]
    draws = ((sides[1] - sides[0]) / (2 * step)).mean(axis=2).ravel()
    assert fit.slopes("x").iloc[0]["estimate"] == pytest.approx(draws.mean(), rel=1e-3)


# Data and blocks


def test_any_data_and_a_saved_fit(line: Fit, tmp_path: Any) -> None:
    import polars as pl

    d = data().drop(columns="y")
    expected = line.slopes(["x", "a"], by="h", data=d)
    pd.testing.assert_frame_equal(line.slopes(["x", "a"], by="h", data=d.to_dict("list")), expected)
    pd.testing.assert_frame_equal(line.slopes(["x", "a"], by="h", data=pl.DataFrame(d.to_dict("list"))), expected)
    tree = line.idata.copy()
    tree["columns"] = xr.DataTree(columns_dataset(line.rows.columns, ROWS))
    tree.attrs["spec"] = line.spec.to_json()
    again = bd.load(Fit(line.spec, line.rows, tree).save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(again.slopes(), line.slopes())
    pd.testing.assert_frame_equal(again.curve("x", "a"), line.curve("x", "a"))


def test_block_size_does_not_matter(line: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    def tables() -> list[pd.DataFrame]:
        return [line.slopes("x", by="g"), line.contrasts("a"), line.curve("x", average=True, points=3), line.curve("z")]

    whole = tables()
    monkeypatch.setattr(predict_module, "BLOCK", 7 * 40)
    monkeypatch.setattr(evaluate, "MOST_ROWS", 50)
    for found, expected in zip(tables(), whole, strict=True):
        pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


# Errors


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda fit: fit.slopes("yess"), "slopes: the model has no column 'yess'; did you mean 'yes'"),
        (lambda fit: fit.slopes("y"), "slopes: 'y' is of the response"),
        (lambda fit: fit.slopes("h", data()), "slopes: the model does not use column 'h'"),
        (lambda fit: fit.slopes("x", kind="response"), "slopes: unknown kind 'response'; there are: mean, linear"),
        (lambda fit: fit.slopes("x", at="row"), "slopes: unknown at='row'; did you mean 'rows'"),
        (lambda fit: fit.slopes("x", at={"a": "q"}), "slopes: 'a' has no level 'q'; there are: u, v, w"),
        (lambda fit: fit.slopes("x", at={"z": "low"}), "slopes: 'z' is a number, and 'low' is not"),
        (lambda fit: fit.slopes("x", at={"z": []}), "slopes: 'z' is given no values"),
        (lambda fit: fit.slopes("x", at={"zz": 1}), "slopes: the model has no column 'zz'"),
        (lambda fit: fit.slopes("x", at={"a": "u"}, by="a"), "slopes: 'a' is in both at and by"),
        (lambda fit: fit.slopes("x", by="b", data=data().assign(b=np.nan)), "slopes: column 'b', by which"),
        (
            lambda fit: fit.slopes("x", by="h"),
            "slopes: there is no column 'h' to group rows by.*pass data=… for others",
        ),
        (lambda fit: fit.slopes("x", interval=90), "slopes: interval is 90"),
        (lambda fit: fit.slopes("x", new_groups="mean"), "unknown new_groups 'mean'"),
        (lambda fit: fit.contrasts("a", "diff"), "contrasts: unknown comparison 'diff'"),
        (lambda fit: fit.contrasts([]), "contrasts: name a variable"),
        (
            lambda fit: fit.contrasts({"a": "pairwize"}),
            "contrasts: unknown contrast 'pairwize' of 'a'; did you mean 'pairwise'",
        ),
        (lambda fit: fit.contrasts({"a": ("u", "v", "w")}), "contrasts: 'a' is to be compared at 3 values; give two"),
        (lambda fit: fit.contrasts({"a": 1}), "contrasts: 'a' has levels, and nothing can be added"),
        (lambda fit: fit.contrasts({"x": "reference"}), "contrasts: 'x' is a number with 40 values"),
        (lambda fit: fit.contrasts({"x": 0}), "contrasts: 0 added to 'x' changes nothing"),
        (lambda fit: fit.contrasts("a", "ratio"), "contrasts: there is no ratio where means can be 0 or negative"),
        (lambda fit: fit.contrasts("a", "log_ratio_of_odds"), "contrasts: odds are of probabilities"),
        (lambda fit: fit.curve("x", "x"), "curve: 'x' is both"),
        (lambda fit: fit.curve("x", points=1), "curve: points=1"),
        (lambda fit: fit.curve("x", kind="response", average=True), "curve: an average over rows is one of expected"),
        (lambda fit: fit.curve("w"), "curve: the model has no column 'w'"),
    ],
)
def test_what_makes_no_sense_is_refused(line: Fit, ask: Callable[[Fit], Any], message: str) -> None:
    with pytest.raises(bd.FitError, match=message.replace("(", r"\(")):
        ask(line)


def test_data_without_a_column_of_the_model(line: Fit) -> None:
    with pytest.raises(bd.DataError, match="no column 'z'"):
        line.slopes("x", data().drop(columns="z"))
    with pytest.raises(bd.DataError, match="missing values: z 1"):
        line.slopes("x", data().assign(z=lambda d: d["z"].where(d.index > 0)))


def test_columns_called_as_those_of_the_table_are_refused(made_up: Callable[..., Fit]) -> None:
    fit = made_up(bd.Model("y ~ sd", data().rename(columns={"x": "sd"})))
    assert len(fit.slopes()) == 1
    with pytest.raises(bd.FitError, match="column 'sd' is called as one of the table's own"):
        fit.curve("sd")
