"""Laws of one pass over blocks: whatever the blocks are, the model and its sums are those of the rows in memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import bayesdeep as bd
from bayesdeep.collapse import layout_of, moments_of
from bayesdeep.core.linear import Moments
from bayesdeep.core.priors import Known
from bayesdeep.core.registry import FAMILIES
from bayesdeep.formula.parser import parse
from bayesdeep.spec.make import resolve_links
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.stream.learn_stream import Streamed, learn_stream

GAUSSIAN = FAMILIES["gaussian"]


@dataclass(frozen=True)
class Blocks:
    """A source of tables that are there already."""

    tables: tuple[pa.Table, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.tables[0].column_names)

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        for table in self.tables:
            yield table.select(list(columns))


def cut(table: pa.Table, sizes: Sequence[int]) -> Blocks:
    """Cut a table into blocks of the sizes, which are gone through again and again."""
    parts, start, i = [], 0, 0
    while start < table.num_rows:
        parts.append(table.slice(start, sizes[i % len(sizes)]))
        start += sizes[i % len(sizes)]
        i += 1
    return Blocks(tuple(parts))


def streamed(
    formula: str, source: Any, *, least: int = 1, missing: str = "error", priors: Any = None, **known: Known
) -> Streamed:
    parsed = {"mu": parse(formula)}
    links = resolve_links(GAUSSIAN, None, ("mu",))
    return learn_stream(source, {"mu": formula}, parsed, GAUSSIAN, links, known, priors or {}, missing, least)


def in_memory(formula: str, data: Any, centre: float, **options: Any) -> tuple[ModelSpec, Moments]:
    model = bd.Model(formula, data, **options)
    rows = model.__dict__["_rows"]
    return model.spec, moments_of(layout_of(model.spec), rows.arrays, rows.response, centre)


def assert_close(a: np.ndarray, b: np.ndarray, where: str, tolerance: float = 1e-10) -> None:
    assert a.shape == b.shape, where
    scale = np.abs(b).max() if b.size else 0.0
    assert np.abs(a - b).max(initial=0.0) <= tolerance * max(scale, 1e-300), where


def assert_same_moments(a: Moments, b: Moments) -> None:
    assert a.rows == pytest.approx(b.rows, rel=1e-12)
    assert a.constant == pytest.approx(b.constant, rel=1e-11)
    # Columns in their own units: entries of the system's matrices are of the order of the number of rows.
    assert_close(a.gram, b.gram, "gram")
    for name in ("own", "with_columns"):
        for x, y in zip(getattr(a, name), getattr(b, name), strict=True):
            for k in range(x.shape[1]):
                for m in range(x.shape[2]):
                    assert_close(x[:, k, m], y[:, k, m], f"{name} {k} {m}")
    assert a.between.keys() == b.between.keys()
    for pair in a.between:
        assert_close(a.between[pair].toarray(), b.between[pair].toarray(), "between")


def assert_same_json(a: Any, b: Any, where: str = "") -> None:
    if isinstance(b, dict):
        assert a.keys() == b.keys(), where
        for key in b:
            assert_same_json(a[key], b[key], f"{where}.{key}")
    elif isinstance(b, list):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same_json(x, y, f"{where}[{i}]")
    elif isinstance(b, float) and not isinstance(b, bool):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-9), where
    else:
        assert a == b, where
        assert type(a) is type(b), where


def assert_same_spec(a: ModelSpec, b: ModelSpec) -> None:
    assert_same_json(json.loads(json.dumps(a.to_json())), json.loads(json.dumps(b.to_json())))


def frame(rows: int, seed: int = 0) -> pd.DataFrame:
    """Return rows with columns of every kind, far from zero, sorted so that labels turn up late."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame(
        {
            "x": rng.normal(2020.0, 3.0, rows),
            "z": rng.normal(0.0, 1.0, rows),
            "w": rng.gamma(2.0, 1.0, rows),
            "o": rng.normal(5.0, 1.0, rows),
            "whole": rng.integers(-3, 9, rows),
            "a": rng.choice(["delta", "alpha", "Gamma", "beta"], rows),
            "b": pd.Categorical(rng.choice(["low", "high"], rows), ["low", "middle", "high"]),
            "yes": rng.random(rows) < 0.4,
            "k": rng.choice([7, 3, 11], rows),
            "g": rng.integers(100, 112, rows),
            "h": rng.choice(list("zyxwv"), rows),
        }
    )
    d["y"] = 1e3 + 0.3 * d.x + d.z + (d.a == "beta") * 2.0 + d.g * 0.1 + rng.normal(0, 1, rows)
    d["se"] = 0.5 + rng.random(rows)
    return d.sort_values(["a", "g", "k"], ascending=[False, False, True], ignore_index=True)


FORMULAS = (
    "y ~ 1",
    "y ~ 0 + x",
    "y ~ x + (1 + x | g)",
    "y ~ x * a + (1 | g)",
    "y ~ 0 + a:b + x:b + (a | g)",
    "y ~ x * z * b + (1 | a)",
    "y ~ a * b * yes + (b | g:h)",
    "y ~ x + z + offset(o) + (1 | g) + (0 + z || h)",
    "y ~ C(k) + log(w) + I(z**2) + (0 + x || g) + (1 | g) + (1 | g:h) + (z | h)",
    "y ~ C(k, reference=7) * yes + whole + (yes | h)",
    "y ~ yes:a + (1 | h/g)",
    "y ~ C(I(whole**2)) + (1 | b) + (1 | yes) + (x:b + a | whole)",
    "log(w) ~ offset(I(2 * o)) + abs(z) + (1 | a:b:g)",
    "weighted(y, w) ~ x * b + offset(o) + (x | g) + (1 | a)",
    "y ~ 0 + b + (b | a) + (0 + b || g) + (0 + a | g)",
)


@pytest.mark.few(6)
@pytest.mark.parametrize("sizes", [(1,), (7, 1, 30), (1000,)], ids=str)
@pytest.mark.parametrize("formula", FORMULAS)
def test_blocks_do_not_matter(formula: str, sizes: tuple[int, ...]) -> None:
    d = frame(160)
    found = streamed(formula, cut(pa.Table.from_pandas(d), sizes))
    spec, moments = in_memory(formula, d, found.centre)
    assert_same_spec(found.spec, spec)
    assert_same_moments(found.moments, moments)
    assert found.rows == 160
    assert not found.notice


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "weighted(y, w) ~ x + (x | g)"])
@pytest.mark.parametrize("known", [Known("se"), Known(0.7)], ids=["column", "number"])
def test_known_residual_sd(formula: str, known: Known) -> None:
    d = frame(150)
    found = streamed(formula, cut(pa.Table.from_pandas(d), (40, 3)), sigma=known)
    spec, moments = in_memory(formula, d, found.centre, sigma=known)
    assert_same_spec(found.spec, spec)
    assert_same_moments(found.moments, moments)


def test_the_dot_stands_for_all_other_columns() -> None:
    d = frame(150)[["y", "x", "a", "g"]]
    found = streamed("y ~ . + (1 | g)", cut(pa.Table.from_pandas(d), (40,)))
    assert_same_spec(found.spec, bd.Model("y ~ . + (1 | g)", d).spec)


def test_a_column_far_from_zero_that_drifts_keeps_its_digits() -> None:
    n = 60_000
    rng = np.random.default_rng(3)
    d = pd.DataFrame({"t": 1.7e9 + np.arange(n) * 60.0, "g": rng.integers(0, 20, n)})
    d["y"] = 1e6 + 1e-4 * (d.t - 1.7e9) + rng.normal(0, 1, n)
    found = streamed("y ~ t + (1 | g)", cut(pa.Table.from_pandas(d), (1000,)))
    spec, moments = in_memory("y ~ t + (1 | g)", d, found.centre)
    assert_same_spec(found.spec, spec)
    assert_same_moments(found.moments, moments)


def test_rows_without_weight_in_a_whole_block() -> None:
    d = frame(150)
    d["w"] = np.where(np.arange(150) < 50, 0.0, d.w)
    found = streamed("weighted(y, w) ~ x + (1 | g)", cut(pa.Table.from_pandas(d), (10,)))
    spec, moments = in_memory("weighted(y, w) ~ x + (1 | g)", d, found.centre)
    assert_same_spec(found.spec, spec)
    assert_same_moments(found.moments, moments)
    with pytest.raises(bd.DataError, match="all weights"):
        streamed("weighted(y, w) ~ x", cut(pa.Table.from_pandas(d.assign(w=0.0)), (10,)))


def with_gaps(rows: int) -> pd.DataFrame:
    d, rng = frame(rows), np.random.default_rng(5)
    for name in ("x", "y"):
        d.loc[rng.random(rows) < 0.1, name] = np.nan
    d["g"] = d.g.astype("Int64").mask(rng.random(rows) < 0.05)
    d["a"] = d.a.astype(object).mask(rng.random(rows) < 0.05)
    d["b"] = d.b.where(rng.random(rows) > 0.05)
    return d


@pytest.mark.parametrize("sizes", [(1,), (17, 40), (1000,)], ids=str)
def test_missing_values_are_counted_or_left_out_as_in_memory(sizes: tuple[int, ...]) -> None:
    d = with_gaps(150)
    formula = "y ~ x + a + b + (1 | g)"
    source = cut(pa.Table.from_pandas(d), sizes)
    with pytest.raises(bd.DataError) as ours:
        streamed(formula, source)
    with pytest.raises(bd.DataError) as theirs:
        bd.Model(formula, d)
    assert str(ours.value) == str(theirs.value)
    found = streamed(formula, source, missing="drop")
    with pytest.warns(UserWarning, match="left out") as said:
        spec, moments = in_memory(formula, d, found.centre, missing="drop")
    assert found.notice == str(said[0].message)
    assert_same_spec(found.spec, spec)
    assert_same_moments(found.moments, moments)


def test_a_level_whose_rows_are_all_left_out_is_no_level() -> None:
    d = frame(150)
    d.loc[d.a == "beta", "x"] = np.nan
    found = streamed("y ~ x + a + (1 | b)", cut(pa.Table.from_pandas(d), (9,)), missing="drop")
    with pytest.warns(UserWarning, match="left out"):
        spec, _ = in_memory("y ~ x + a + (1 | b)", d, 0.0, missing="drop")
    assert_same_spec(found.spec, spec)


def test_infinite_values_are_counted_over_all_blocks() -> None:
    d = frame(150)
    d.loc[[3, 77, 140], "x"] = np.inf
    with pytest.raises(bd.DataError, match=r"data: 3 of 150 rows have infinite values: x 3"):
        streamed("y ~ x", cut(pa.Table.from_pandas(d), (20,)))


def test_dictionaries_that_differ_between_blocks_are_joined_as_arrow_joins_them() -> None:
    rng = np.random.default_rng(2)
    tables = []
    for categories in (["m", "c", "q"], ["q", "a", "c"], ["b", "m", "unused"]):
        codes = rng.integers(0, 2, 40)
        c = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(categories))
        tables.append(pa.table({"y": rng.normal(size=40), "c": c, "h": c}))
    for formula in ("y ~ c", "y ~ 1 + (1 | c)", "y ~ 1 + (1 | c:h)"):
        found = streamed(formula, Blocks(tuple(tables)))
        spec, moments = in_memory(formula, pa.concat_tables(tables), found.centre)
        assert_same_spec(found.spec, spec)
        assert_same_moments(found.moments, moments)


def test_ordered_categories_must_have_one_order() -> None:
    parts = []
    for categories in (["low", "high"], ["high", "low"]):
        c = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1, 0]), pa.array(categories), ordered=True)
        parts.append(pa.table({"y": [1.0, 2.0, 2.5, 0.5], "c": c}))
    with pytest.raises(bd.DataError, match="order differs between files"):
        streamed("y ~ c", Blocks(tuple(parts)))


def test_whole_numbers_label_groups_whatever_number_type_a_block_has() -> None:
    rng = np.random.default_rng(4)
    big = 2**60
    y, g = rng.normal(size=30), np.repeat([5, 3, 8], 10)
    kinds = [pa.array(g[:10]), pa.array(g[10:20].astype(float)), pa.array([None, *g[21:].tolist()], pa.int32())]
    tables = tuple(pa.table({"y": y[10 * i : 10 * i + 10], "g": kind}) for i, kind in enumerate(kinds))
    found = streamed("y ~ 1 + (1 | g)", Blocks(tables), missing="drop")
    assert found.spec.predictors[0].terms[1].state["labels"] == [3, 5, 8]
    large = tuple(pa.table({"y": y[:10], "g": pa.array(np.arange(10) + big + i)}) for i in (0, 1))
    found = streamed("y ~ 1 + (1 | g)", Blocks(large))
    assert found.spec.predictors[0].terms[1].state["labels"] == list(range(big, big + 11))


@pytest.mark.parametrize(
    ("second", "text"),
    [
        ({"y": [1.0, 2.0], "x": ["a", "b"], "g": [1, 2]}, "column 'x' holds numbers in some rows and text"),
        ({"y": [1.0, 2.0], "x": [1.0, 2.0], "g": ["1", "2"]}, "column 'g' holds numbers in some rows and text in others"),
    ],
)
def test_a_column_has_one_kind_in_all_blocks(second: dict[str, list[Any]], text: str) -> None:
    first = pa.table({"y": [1.0, 2.0, 4.0], "x": [1.0, 2.0, 2.0], "g": [1, 1, 2]})
    with pytest.raises(bd.DataError, match=text) as error:
        streamed("y ~ x + (1 | g)", Blocks((first, pa.table(second))))
    assert "rows 4 to 5 of the data" in str(error.value)


REFUSED = {
    "y ~ scale(x)": (bd.FormulaError, r"scale\(\) has to see all rows"),
    "y ~ z + poly(x, 2)": (bd.FormulaError, r"poly\(x, 2\): poly\(\) has to see all rows"),
    "y ~ bs(x, df=4)": (bd.FormulaError, r"bs\(\)"),
    "y ~ I(center(x) * 2)": (bd.FormulaError, r"center\(\)"),
    "y ~ C(I(x * z))": (bd.FormulaError, "takes one column"),
    "truncated(y, lower=0) ~ x": (bd.DataError, "the response is truncated"),
    "y ~ nothere": (bd.FormulaError, "no column 'nothere'"),
}


class Untouched(Blocks):
    """Data that nobody may read."""

    def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
        raise AssertionError("the data were read")


@pytest.mark.parametrize("formula", REFUSED)
def test_what_is_refused_is_refused_before_reading(formula: str) -> None:
    error, text = REFUSED[formula]
    with pytest.raises(error, match=text):
        streamed(formula, Untouched((pa.Table.from_pandas(frame(50)),)))


def test_a_prior_that_is_not_normal_is_refused_after_the_first_block() -> None:
    table = pa.Table.from_pandas(frame(50))
    read = []

    class Counted(Blocks):
        def blocks(self, columns: Sequence[str]) -> Iterator[Any]:
            for part in super().blocks(columns):
                read.append(part)
                yield part

    source = Counted((table,) * 5)
    with pytest.raises(bd.DataError, match="the prior of x is Cauchy"):
        streamed("y ~ x + (1 | g)", source, priors={"x": "Cauchy(0, 1)"})
    with pytest.raises(bd.PriorError, match="nothing in the model has this name"):
        streamed("y ~ x + (1 | g)", source, priors={"zz": "Normal(0, 1)"})
    assert len(read) <= 4


def test_one_level_in_all_the_data_is_an_error_but_not_in_the_first_block() -> None:
    d = frame(120)
    table = pa.Table.from_pandas(d.sort_values("a", ignore_index=True))
    assert len(streamed("y ~ a + C(k, levels=[3, 7, 11])", cut(table, (1,))).spec.priors) == 4
    with pytest.raises(bd.FormulaError, match="only one level"):
        streamed("y ~ a", cut(pa.Table.from_pandas(d[d.a == "beta"]), (5,)))


def test_no_rows() -> None:
    with pytest.raises(bd.DataError, match="there are no rows"):
        streamed("y ~ x", Blocks((pa.Table.from_pandas(frame(5)).slice(0, 0),)))
