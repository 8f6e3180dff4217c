"""Labels in other types: whatever they come in, the answer is that for the types the model was fitted to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import bayesdeep as bd
from bayesdeep.cli import main
from bayesdeep.design.frame import read_frame
from bayesdeep.effects.input_function import columns_of_fit
from bayesdeep.fit import Fit
from bayesdeep.results.aligned import aligned
from bayesdeep.results.rows import rows_of

ROWS = 40
DAYS = pd.Categorical(pd.to_datetime(["2020-01-31", "2020-02-01"]))

NUMBERS: dict[str, Callable[[pd.Series], Any]] = {
    "text": lambda s: s.astype(str),
    "text with zeros": lambda s: s.astype(str).str.zfill(3),
    "text of fractions": lambda s: s.astype(float).astype(str),
    "fractions": lambda s: s.astype(float),
    "single precision": lambda s: s.astype("float32"),
    "small integers": lambda s: s.astype("uint8"),
    "nullable integers": lambda s: s.astype("Int64"),
    "nullable fractions": lambda s: s.astype("Float64"),
    "objects": lambda s: s.astype(object),
    "categories of numbers": lambda s: pd.Categorical(s, [9, 4, 3, 2, 1, 0]),
    "categories of fractions": lambda s: pd.Categorical(s.astype(float)),
    "categories of text": lambda s: pd.Categorical(s.astype(str), list("943210")),
    "text of numpy": lambda s: s.to_numpy().astype(str),
    "text of arrow": lambda s: s.astype(str).astype("string[pyarrow]"),
    "arrow": lambda s: pa.array(s.astype("float64")),
    "arrow dictionary": lambda s: pa.array(s.astype(str)).dictionary_encode(),
    "polars": lambda s: pl.Series(s.to_numpy()).cast(pl.Float32),
    "polars text": lambda s: pl.Series(s.astype(str).tolist()),
    "polars categories": lambda s: pl.Series(s.astype(str).tolist(), dtype=pl.Categorical),
    "list": lambda s: s.tolist(),
}
"""Whole numbers from 1 to 4 in every type that a file may make of them."""

FORMULAS: dict[str, tuple[str, dict[str, Any]]] = {
    "group": ("y ~ x + (1 + x | g)", {}),
    "interaction": ("y ~ x + (1 | a:g)", {}),
    "nested": ("y ~ x + (1 | a/g)", {}),
    "category": ("y ~ x + C(g)", {}),
    "other order": ("y ~ x * C(g, reference=3)", {}),
    "varying category": ("y ~ x + (C(g) | a)", {}),
    "embedded": ("y ~ net(x, embed(g, 2), hidden=[3])", {}),
    "category in a network": ("y ~ net(x, C(g), hidden=[3])", {}),
    "network by group": ("y ~ (net(x, hidden=[3]) | g)", {}),
    "all weights by group": ("y ~ (net(x, hidden=[3], pool='weights') | g)", {}),
    "orthogonal to groups": ("y ~ (1 | g) + net(x, hidden=[3], orthogonal='groups')", {}),
    "other parameter": ("y ~ x", {"sigma": "~ (1 | g)"}),
}
"""Whatever takes a label."""


def data(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.normal(size=rows), "y": rng.normal(size=rows), "g": 1 + np.arange(rows) % 4})
    return frame.assign(a=np.array(["north", "east", "west"])[np.arange(rows) % 3])


def new() -> pd.DataFrame:
    return data().iloc[[0, 1, 2, 3, 12, 13]].reset_index(drop=True)


def answers(fit: Fit, frame: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return what every way of asking about rows says."""
    found = {
        "predict": fit.predict(frame),
        "draws": fit.draws(frame, kind="mean"),
        "log_score": fit.log_score(frame, pointwise=True),
        "budget": fit.budget(frame),
        "slopes": fit.slopes("x", frame)[["estimate", "sd"]],
        "slopes by": fit.slopes("x", frame, by="g").drop(columns=["term", "contrast"]),
        "slopes at means": fit.slopes("x", frame, at="means")[["estimate", "sd"]],
        "contrasts": fit.contrasts({"x": (0, 1)}, data=frame)[["estimate", "sd"]],
        "curve": fit.curve("x", data=frame, points=3),
        "average curve": fit.curve("x", data=frame, points=3, average=True),
        "compare": bd.compare({"a": fit, "b": Fit(fit.spec, fit.rows, fit.idata)}, data=frame).table[["elpd", "crps"]],
    }
    return {name: np.asarray(value, dtype=float) for name, value in found.items()}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_number_is_known_in_every_type(name: str):
    formula, others = FORMULAS[name]
    spec, frame = bd.Model(formula, data(), **others).spec, dict(new())
    right = rows_of(spec, read_frame(frame), observed=True)
    for what, change in NUMBERS.items():
        made = rows_of(spec, read_frame({**frame, "g": change(new()["g"])}), observed=True)
        assert not made.unseen, what
        assert made.arrays.keys() == right.arrays.keys()
        for key, value in right.arrays.items():
            np.testing.assert_array_equal(made.arrays[key], value, err_msg=f"{what}: {key}")


@pytest.fixture(scope="module")
def asked(made_up: Callable[..., Fit]) -> tuple[Fit, dict[str, np.ndarray]]:
    fit = made_up(bd.Model("y ~ x + C(g) + (1 + x | g) + (1 | a/g)", data()), draws=6)
    return fit, answers(fit, dict(new()))


@pytest.mark.parametrize("name", ["text with zeros", "categories of text"])
def test_every_way_in(asked: tuple[Fit, dict[str, np.ndarray]], name: str):
    fit, right = asked
    found = answers(fit, {**dict(new()), "g": NUMBERS[name](new()["g"])})
    for way, value in right.items():
        np.testing.assert_array_equal(found[way], value, err_msg=way)


def test_levels_asked_for_by_name(asked: tuple[Fit, dict[str, np.ndarray]]):
    fit, _ = asked
    right = fit.contrasts({"g": (1, 3)}, at={"a": ["west"]})
    for low, high in (("1", "3"), ("001", "3.0"), (1.0, np.int8(3)), (np.float32(1), np.str_("3"))):
        pd.testing.assert_frame_equal(fit.contrasts({"g": (low, high)}, at={"a": ["west"]}), right)
    curves = [fit.curve("x", by={"g": levels}, points=2) for levels in ([1, 4], ["1", "04"], [1.0, 4.0])]
    for curve in curves[1:]:
        pd.testing.assert_frame_equal(curve, curves[0])
    slopes = [fit.slopes("x", at={"g": levels}) for levels in ([1, 4], ["1", "04"], [1.0, 4.0])]
    for table in slopes[1:]:
        pd.testing.assert_frame_equal(table, slopes[0])


# Other kinds of labels


@pytest.mark.parametrize(
    ("trained", "asked", "places"),
    [
        (["1", "2", "3", "A4"], [1, 3, 3], [0, 2, 2]),
        (["007", "08", "A4"], [8, 7, 7.0], [1, 0, 0]),
        ([False, True], ["TRUE", "false", "true"], [1, 0, 1]),
        ([False, True], [1, 0, 1], [1, 0, 1]),
        (["False", "True", "unknown"], [True, False, True], [1, 0, 1]),
        ([0.5, 1.0, 2.0], ["1", "2.0", "0.5"], [1, 2, 0]),
        ([0.1, 0.2, 0.3], np.array([0.3, 0.2, 0.1], dtype="float32"), [2, 1, 0]),
        (np.array([0.1, 0.2, 0.3], dtype="float32"), [0.3, 0.2, 0.1], [2, 1, 0]),
        (DAYS, ["2020-02-01", "2020-01-31", "2020-02-01"], [1, 0, 1]),
        (["2020-01-31", "2020-02-01"], DAYS[[1, 0, 1]], [1, 0, 1]),
        ([2**62 + 1, 2**62 + 2], [str(2**62 + 2), str(2**62 + 1), str(2**62 + 1)], [1, 0, 0]),
    ],
)
@pytest.mark.parametrize("formula", ["y ~ C(g)", "y ~ (1 | g)", "y ~ (1 | g:h)"])
def test_labels_that_read_alike(formula: str, trained: Any, asked: Any, places: list[int]):
    levels = pd.Series(trained)
    frame = {"y": np.arange(24.0), "g": levels.iloc[np.arange(24) % len(levels)].array, "h": ["p"] * 24}
    rows = rows_of(bd.Model(formula, frame).spec, read_frame({"g": asked, "h": ["p"] * 3}), observed=False)
    assert not rows.unseen
    right = np.eye(len(levels))[places][:, 1:] if "C(" in formula else np.array(places)
    np.testing.assert_array_equal(next(iter(rows.arrays.values())), right)


@pytest.mark.parametrize("formula", ["y ~ (1 | g)", "y ~ C(g)", "y ~ net(embed(g, 2), hidden=[2])", "y ~ (1 | g:h)"])
def test_what_cannot_be_told_apart_is_refused(formula: str):
    frame = {"y": np.arange(24.0), "g": ["7", "007", "A4"] * 8, "h": ["p"] * 24}
    with pytest.raises(bd.DataError, match="column 'g' has 7, which reads like '007' and '7'"):
        rows_of(bd.Model(formula, frame).spec, read_frame({"g": [7, 7], "h": ["p"] * 2}), observed=False)
    spec = bd.Model(formula, {**frame, "g": [7, 8, 9] * 8}).spec
    asked = read_frame({"g": ["7", "007"], "h": ["p"] * 2})
    if "g:h" in formula:  # What is joined is text, of which one is known as it is written.
        assert rows_of(spec, asked, observed=False).unseen == {"g:h": ("007:p",)}
        return
    with pytest.raises(bd.DataError, match="column 'g' has '007' and '7', which read alike"):
        rows_of(spec, asked, observed=False)


def test_labels_that_are_rounded_are_refused():
    ids = [2.0**53, 2.0**53 + 2, 1.0]
    for formula in ("y ~ (1 | g)", "y ~ C(g)"):
        with pytest.raises(bd.DataError, match="column 'g' holds labels above 2"):
            bd.Model(formula, {"y": np.arange(12.0), "g": ids * 4})
        spec = bd.Model(formula, {"y": np.arange(12.0), "g": [2**53 + 1, 2**53 + 3, 1] * 4}).spec
        with pytest.raises(bd.DataError, match="column 'g' holds labels above 2"):
            rows_of(spec, read_frame({"g": ids}), observed=False)
    with pytest.raises(bd.DataError, match="column 'g' has several categories that read '1'"):
        bd.Model("y ~ (1 | g)", {"y": np.arange(4.0), "g": pd.Categorical([1, "1", 1, "1"], [1, "1"])})


@pytest.mark.parametrize(("family", "levels"), [("bernoulli", [0, 1]), ("categorical", [1, 2, 3]), ("cumulative", [1, 2, 3])])
def test_levels_of_a_response(family: str, levels: list[int]):
    y = pd.Series(np.resize(levels, 12))
    spec = bd.Model("y ~ 1", {"y": y}, family).spec
    for what, change in NUMBERS.items():
        rows = rows_of(spec, read_frame({"y": change(y.iloc[3:6])}), observed=True)
        assert rows.response.value.tolist() == np.resize(np.arange(len(levels)), 12)[3:6].tolist(), what
    text = bd.Model("y ~ 1", {"y": y.astype(str)}, "categorical").spec
    assert rows_of(text, read_frame({"y": y.iloc[3:6]}), observed=True).response.value.tolist() == [
        levels.index(value) for value in y.iloc[3:6]
    ]


def test_levels_that_a_formula_names():
    frame = data().assign(t=lambda d: d["g"].astype(str))
    for options in ("reference={}3{}", "levels=[{0}4{1}, {0}3{1}, {0}2{1}, {0}1{1}]"):
        made = [
            bd.Model(f"y ~ C({name}, {options.format(quote, quote)})", frame) for name in "gt" for quote in ("", "'")
        ]
        for model in made[1:]:
            np.testing.assert_array_equal(arrays_of(model), arrays_of(made[0]))
    with pytest.raises(bd.FormulaError, match="names a level twice"):
        bd.Model("y ~ C(g, levels=[1, 2, 3, 4, 4])", frame)


def arrays_of(model: bd.Model) -> np.ndarray:
    return next(iter(rows_of(model.spec, read_frame(data().assign(t=data()["g"])), observed=False).arrays.values()))


# The order of new groups


def test_new_groups_have_the_same_effects_in_every_type(made_up: Callable[..., Fit]):
    fit = made_up(bd.Model("y ~ (1 | g)", data()), draws=6)
    asked = pd.Series([1, 10, 9, 2, 10])
    right = fit.draws({"g": asked}, kind="mean", new_groups="sample")
    for change in (NUMBERS["text"], NUMBERS["fractions"], lambda s: pd.Categorical(s, [10, 9, 2, 1])):
        np.testing.assert_array_equal(fit.draws({"g": change(asked)}, kind="mean", new_groups="sample"), right)
    assert (right[..., 1] != right[..., 2]).all()


# What is said of new groups


WAYS: dict[str, Callable[..., Any]] = {
    "predict": lambda fit, frame, **how: fit.predict(frame, **how),
    "draws": lambda fit, frame, **how: fit.draws(frame, **how),
    "log_score": lambda fit, frame, **how: fit.log_score(frame, **how),
    "budget": lambda fit, frame, **how: fit.budget(frame, **how),
    "slopes": lambda fit, frame, **how: fit.slopes("x", frame, **how),
    "contrasts": lambda fit, frame, **how: fit.contrasts({"x": (0, 1)}, data=frame, **how),
    "curve": lambda fit, frame, **how: fit.curve("x", data=frame, points=3, average=True, **how),
}


@pytest.fixture(scope="module")
def grouped(made_up: Callable[..., Fit]) -> Fit:
    return made_up(bd.Model("y ~ x + (1 | a) + (1 | g)", data()), draws=4)


@pytest.mark.few(3)
@pytest.mark.parametrize("way", WAYS)
def test_new_groups_are_told_of_once(grouped: Fit, way: str):
    frame = new().assign(g=[1, 2, 77, 88, 77, 1], a=["notr", *new()["a"][1:]])
    with pytest.warns(UserWarning, match="that the model was not fitted to") as caught:
        silent = WAYS[way](grouped, frame)
    assert len(caught) == 1
    text = str(caught[0].message)
    assert text.startswith(f"{way}: 1 of 6 rows is of a group of 'a' that the model was not fitted to: 'notr' (did you mean 'nor")
    assert "3 of 6 rows are of 2 groups of 'g' that the model was not fitted to: 77, 88; " in text
    usual = "average" if way in ("slopes", "contrasts", "curve") else "sample"
    assert text.endswith(f"pass new_groups='{usual}' where they are meant to be new")
    assert caught[0].filename == __file__
    said = WAYS[way](grouped, frame, new_groups=usual)
    np.testing.assert_array_equal(*(pd.DataFrame(np.atleast_1d(np.ravel(v))) for v in (silent, said)))
    WAYS[way](grouped, new())


def test_all_rows_of_new_groups(grouped: Fit):
    with pytest.warns(UserWarning, match="predict: all 6 rows are of a group of 'g' .* fitted to: 'x1'; their effects are drawn"):
        grouped.predict(new().assign(g="x1"))


def test_nothing_is_said_where_groups_do_not_matter(grouped: Fit):
    frame = new().assign(g=77)
    grouped.slopes("x", frame, at="means")
    grouped.curve("x", data=frame, points=3)
    grouped.slopes("x")
    grouped.predict()


# Comparisons, figures and other doors


def test_comparisons_know_groups_in_other_types(made_up: Callable[..., Fit]):
    fits = {name: made_up(bd.Model(f"y ~ x + {name}", data()), draws=6) for name in ("C(g)", "(1 | g)")}
    tables = []
    for change in (NUMBERS["list"], NUMBERS["text with zeros"]):
        frame = new().assign(g=change(new()["g"]))
        found = bd.compare({**fits, "ridge": "ridge", "knn": "knn"}, data=frame, progress=False)
        tables.append(found.table.drop(columns="seconds"))
        regions = [found.errors(by=by, factor=factor) for by, factor in (("size", "g"), ("range", None), ("distance", None))]
        tables.append(pd.concat(regions))
    pd.testing.assert_frame_equal(tables[0], tables[2])
    pd.testing.assert_frame_equal(tables[1], tables[3])
    with pytest.warns(UserWarning, match="^compare: 1 of 6 rows is of a group of 'g' .* fitted to: 77; their effects are drawn"):
        table = bd.compare({"a": fits["(1 | g)"], "b": made_up(bd.Model("y ~ (x | g)", data()), draws=6)},
                           data=new().assign(g=[77, 1, 2, 3, 4, 1])).table  # fmt: skip
    assert "1 new group of 'g' (77)" in table.loc["a", "warning"]


def test_files_that_choose_their_types(made_up: Callable[..., Fit], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    trained = pd.DataFrame({"y": np.arange(16.0), "g": np.resize(["001", "002", "A4", "003"], 16)})
    trained.to_csv(tmp_path / "trained.csv", index=False)
    fit = made_up(bd.Model("y ~ (1 | g)", pd.read_csv(tmp_path / "trained.csv")), draws=6)
    fit.idata.attrs["spec"] = fit.spec.to_json()
    saved = fit.save(tmp_path / "fit.nc")
    asked = pd.DataFrame({"g": ["003", "001"]})
    asked.to_parquet(tmp_path / "text.parquet")
    asked.to_csv(tmp_path / "numbers.csv", index=False)
    assert pd.read_csv(tmp_path / "numbers.csv")["g"].tolist() == [3, 1]
    said = []
    for name in ("text.parquet", "numbers.csv"):
        assert main(["predict", str(saved), str(tmp_path / name), "--kind", "mean"]) == 0
        said.append(capsys.readouterr())
    assert said[0].out == said[1].out
    assert said[0].err == said[1].err == ""
    assert fit.predict(asked, kind="mean")["mean"].tolist() == pytest.approx(
        [float(line.split(",")[0]) for line in said[0].out.splitlines()[1:]]
    )
    asked.assign(g="B5").to_csv(tmp_path / "new.csv", index=False)
    words = ["predict", str(saved), str(tmp_path / "new.csv")]
    assert main(words) == 0
    told = capsys.readouterr().err
    assert told.startswith("note: predict: all 2 rows are of a group of 'g' that the model was not fitted to: 'B5'; ")
    assert main([*words, "--new-groups", "sample"]) == 0
    assert capsys.readouterr().err == ""


def test_a_model_of_rows_on_disk(tmp_path: Path):
    frame = pd.concat([data()] * 3, ignore_index=True)
    for name, change in (("numbers", NUMBERS["small integers"]), ("text", NUMBERS["text with zeros"])):
        frame.assign(g=change(frame["g"])).to_parquet(tmp_path / f"{name}.parquet")
    models = [bd.Model("y ~ x + C(g) + (1 + x | a/g)", tmp_path / f"{name}.parquet") for name in ("numbers", "text")]
    right = rows_of(bd.Model("y ~ x + C(g) + (1 + x | a/g)", data()).spec, read_frame(new()), observed=False)
    for model in models:
        for what in ("small integers", "text with zeros", "fractions", "categories of text"):
            frame = new().assign(g=NUMBERS[what](new()["g"]))
            if model is models[0] or what in ("small integers", "text with zeros", "fractions"):
                made = rows_of(model.spec, read_frame(frame), observed=False)
                assert not made.unseen, what
                for key, value in right.arrays.items():
                    np.testing.assert_array_equal(made.arrays[key], value, err_msg=f"{what}: {key}")


def test_estimators():
    sklearn = pytest.importorskip("bayesdeep.sklearn")
    frame = new()[["x", "g"]]
    model = sklearn.BayesRegressor("~ x + (1 | g)", method="map", random_state=1).fit(data()[["x", "g"]], data()["y"])
    right = model.predict(frame)
    for what in ("text", "fractions", "categories of text"):
        np.testing.assert_array_equal(model.predict(frame.assign(g=NUMBERS[what](frame["g"]))), right)


def test_explanations_of_data_in_other_types(made_up: Callable[..., Fit]):
    fit = made_up(bd.Model("y ~ x + C(g)", data()), draws=4)
    columns = columns_of_fit(fit, "explain", data().assign(g=lambda d: d["g"].astype(str)))
    assert columns["g"].kind == "number"
    np.testing.assert_array_equal(columns["g"].values, data()["g"])


@pytest.mark.parametrize("way", ["slopes", "contrasts", "curve", "average curve"])
def test_a_number_stays_a_number(grouped: Fit, way: str):
    frame = new().assign(x=new()["x"].astype(str))
    ask = {**WAYS, "curve": lambda fit, frame: fit.curve("g", data=frame), "average curve": WAYS["curve"]}[way]
    with pytest.raises(bd.DataError, match="column 'x' holds text, but the model was fitted to numbers"):
        ask(grouped, frame)


@pytest.mark.parametrize(
    ("own", "column", "named", "kind", "labels"),
    [
        ([1, 2, 3], ["3", "1", "04"], True, "number", [3, 1, 4]),
        ([1, 2, 3], ["3", "1", "x"], True, "number", None),
        (["a", "b"], ["b", "c"], False, "text", ["b", "c"]),
        (["1", "x"], [1, 7], False, "text", ["1", 7]),
        ([True, False], ["true", "FALSE"], False, "bool", [True, False]),
        ([True, False], [0, 1], False, "bool", [False, True]),
        ([1.5, 2.0], [True, False], False, "bool", [True, False]),
    ],
)
def test_aligned_columns(own: Any, column: Any, named: bool, kind: str, labels: Any):
    trained, asked = (read_frame({"c": values}).columns["c"] for values in (own, column))
    found = aligned(asked, trained, named)
    if labels is None:
        assert found.levels == (1, 2, 3, "x")
        assert found.values.tolist() == [2, 0, 3]
        return
    assert found.kind == kind
    assert [v if found.levels is None else found.levels[v] for v in found.values.tolist()] == labels
