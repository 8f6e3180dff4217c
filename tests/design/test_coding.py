"""Coding of products: hand-derived tables of R's model.matrix, and the law that decides: full rank, full span."""

import json
import time
from dataclasses import replace
from itertools import product as cartesian

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.design.coding import design_matrix, learn_columns
from bayesdeep.design.frame import keep_rows, read_frame
from bayesdeep.formula.expand import expand
from bayesdeep.formula.nodes import Name
from bayesdeep.formula.parser import parse

CELLS = list(cartesian("rst", "pq", "uv"))
DATA = {
    "a": [cell[0] for cell in CELLS] * 3,
    "b": [cell[1] for cell in CELLS] * 3,
    "c": [cell[2] for cell in CELLS] * 3,
    "k": [3] * 12 + [1] * 12 + [2] * 12,
    "flag": [True] * 12 + [False] * 12 + [True] * 12,
    "x": np.random.default_rng(2).normal(size=36),
    "z": np.random.default_rng(3).normal(size=36) + 1,
}
FRAME = read_frame(DATA)


def formula_of(text):
    return expand(parse(text, response="none"), ())


def coded(text, frame=FRAME):
    formula = formula_of(text)
    where = f"formula '{text}'"
    columns = learn_columns(formula.intercept, formula.products, frame, where)
    return columns, design_matrix(columns, formula.products, frame, where)


def indicator(**levels):
    return np.logical_and.reduce([np.array(DATA[name]) == level for name, level in levels.items()]).astype(float)


TABLE = {
    "~ a": [("a", ("s", "t"))],
    "~ 0 + a": [("a", ("r", "s", "t"))],
    "~ x": [("x", None)],
    "~ a*b": [("a", ("s", "t")), ("b", ("q",)), ("a:b", ("s, q", "t, q"))],
    "~ 0 + a*b": [("a", ("r", "s", "t")), ("b", ("q",)), ("a:b", ("s, q", "t, q"))],
    "~ 0 + a:b": [("a:b", ("r, p", "s, p", "t, p", "r, q", "s, q", "t, q"))],
    "~ a:b": [("a:b", ("q", "s, p", "t, p", "s, q", "t, q"))],
    "~ a/b": [("a", ("s", "t")), ("a:b", ("r, q", "s, q", "t, q"))],
    "~ b + a:b": [("b", ("q",)), ("a:b", ("s, p", "t, p", "s, q", "t, q"))],
    "~ 0 + a + b": [("a", ("r", "s", "t")), ("b", ("q",))],
    "~ x:a": [("x:a", ("r", "s", "t"))],
    "~ a + x:a": [("a", ("s", "t")), ("x:a", ("r", "s", "t"))],
    "~ a*x": [("a", ("s", "t")), ("x", None), ("a:x", ("s", "t"))],
    "~ 0 + x + x:a": [("x", None), ("x:a", ("s", "t"))],
    "~ x*z": [("x", None), ("z", None), ("x:z", None)],
    "~ a*b*c": [
        ("a", ("s", "t")),
        ("b", ("q",)),
        ("c", ("v",)),
        ("a:b", ("s, q", "t, q")),
        ("a:c", ("s, v", "t, v")),
        ("b:c", ("q, v",)),
        ("a:b:c", ("s, q, v", "t, q, v")),
    ],
    "~ flag": [("flag", (True,))],
    "~ 0 + C(k)": [("C(k)", (1, 2, 3))],
    "~ C(k, reference=2)": [("C(k, reference=2)", (1, 3))],
    '~ C(a, levels=["t", "r", "s"])': [('C(a, levels=["t", "r", "s"])', ("r", "s"))],
    "~ C(k):b + C(k)": [("C(k)", (2, 3)), ("C(k):b", ("1, q", "2, q", "3, q"))],
    "~ poly(x, 2)": [("poly(x, 2)", ("1", "2"))],
    "~ 0 + poly(x, 2):b": [("poly(x, 2):b", ("1, p", "2, p", "1, q", "2, q"))],
}


@pytest.mark.parametrize("text", TABLE)
def test_names_and_labels(text):
    columns, matrix = coded(text)
    assert [(term.name, term.labels) for term in columns.terms] == TABLE[text]
    assert matrix.shape == (36, columns.width)
    assert columns.terms[-1].stop == columns.width
    assert matrix.flags.c_contiguous
    assert matrix.dtype == np.float64
    np.testing.assert_allclose(columns.means, matrix.mean(axis=0))
    np.testing.assert_allclose(columns.sds, matrix.std(axis=0))


@pytest.mark.parametrize("text", TABLE)
def test_rows_come_out_the_same_in_any_other_frame(text):
    columns, matrix = coded(text)
    formula = formula_of(text)
    mask = np.arange(36) % 5 == 1
    again = replace(columns, state=json.loads(json.dumps(columns.state)))
    some = design_matrix(again, formula.products, keep_rows(FRAME, mask), "data")
    np.testing.assert_array_equal(some, matrix[mask])


def test_values_of_the_columns():
    x = DATA["x"]
    expected = {
        "~ a": [indicator(a="s"), indicator(a="t")],
        "~ a/b": [indicator(a="s"), indicator(a="t"), *(indicator(a=level, b="q") for level in "rst")],
        "~ a + x:a": [indicator(a="s"), indicator(a="t"), *(indicator(a=level) * x for level in "rst")],
        "~ 0 + x:z": [x * DATA["z"]],
        "~ a:b": [indicator(b="q"), *(indicator(a=m, b=n) for n in "pq" for m in "st")],
        "~ flag": [np.array(DATA["flag"]).astype(float)],
    }
    for text, columns in expected.items():
        np.testing.assert_allclose(coded(text)[1], np.column_stack(columns), err_msg=text)


def dummies(text):
    """Return every product's full indicators times its numeric part: the space R's formula means."""
    formula = formula_of(text)
    blocks = [np.ones((36, 1))] if formula.intercept else []
    for product in formula.products:
        block = np.ones((36, 1))
        for factor in product:
            values = DATA[factor.name]
            if factor.name in "xz":
                block = block * np.asarray(values)[:, None]
            else:
                own = pd.get_dummies(pd.Series(values)).to_numpy(dtype=float)
                block = np.einsum("ij,ik->ijk", block, own).reshape(36, -1)
        blocks.append(block)
    return np.hstack(blocks)


def check_law(text):
    columns, matrix = coded(text)
    own = np.hstack([np.ones((36, 1)), matrix]) if columns.intercept else matrix
    full = dummies(text)
    rank = np.linalg.matrix_rank(full)
    assert own.shape[1] == rank, f"{text}: {own.shape[1]} columns span {rank} dimensions"
    assert np.linalg.matrix_rank(own) == rank, text
    assert np.linalg.matrix_rank(np.hstack([own, full])) == rank, text


PRODUCTS = ["a", "b", "c", "x", "z", "a:b", "a:c", "b:c", "a:x", "x:b", "x:z", "a:b:c", "a:x:b", "c:x:z", "flag:a"]


@settings(deadline=None, max_examples=200)
@given(st.booleans(), st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=6, unique=True))
def test_full_rank_and_full_span(intercept, products):
    check_law(f"~ {int(intercept)} + " + " + ".join(products))


@pytest.mark.parametrize("text", ["~ 0 + a*b*c*x", "~ (a + b + c)**2 + x:z", "~ a:b:c", "~ a/b/c", "~ 0 + b:a:x + x:a"])
def test_full_rank_and_full_span_of_nested_formulas(text):
    check_law(text)


def test_a_redundant_product_is_no_term():
    # All levels of `a` already span the constant that `0` took away, so nothing is left for the second product.
    frame = read_frame({"a": ["r", "s"] * 3, "x": range(6)})
    name = Name("a", "a")
    columns = learn_columns(True, [(name,), (name,)], frame, "formula")
    assert [term.name for term in columns.terms] == ["a"]


def test_no_products():
    columns, matrix = coded("~ 1")
    assert columns.terms == ()
    assert columns.means == ()
    assert matrix.shape == (36, 0)


def test_one_level():
    frame = read_frame({"a": ["r", "r"], "x": [1, 2]})
    with pytest.raises(FormulaError, match=r"^formula '~ x \+ a': 'a' has only one level, 'r'"):
        coded("~ x + a", frame)


def test_new_rows_with_an_unseen_level():
    columns, _ = coded("~ a")
    formula = formula_of("~ a")
    new = read_frame({"a": ["r", "S", "S"]})
    with pytest.raises(DataError) as raised:
        design_matrix(columns, formula.products, new, "formula '~ a'")
    text = "data: column 'a' has level 'S' that the model was not fitted to (in 2 of 3 rows); there are: r, s, t"
    assert str(raised.value) == text


def test_new_rows_without_a_column():
    columns, _ = coded("~ a + x")
    formula = formula_of("~ a + x")
    with pytest.raises(DataError, match=r"^data: no column 'a' in the data"):
        design_matrix(columns, formula.products, read_frame({"x": [1.0]}), "formula '~ a + x'")


def test_levels_are_matched_by_label_whatever_the_kind():
    columns, _ = coded("~ a")
    formula = formula_of("~ a")
    expected = [[1.0, 0.0], [0.0, 0.0]]
    for values in (["s", "r"], pd.Categorical(["s", "r"], ["s", "q", "r"])):
        new = read_frame({"a": values})
        np.testing.assert_array_equal(design_matrix(columns, formula.products, new, "data"), expected)


@pytest.mark.slow
def test_a_million_rows():
    rng = np.random.default_rng(4)
    rows = 1_000_000
    data = {f"x{i}": rng.normal(size=rows) for i in range(8)}
    data["c"] = pd.Categorical.from_codes(rng.integers(0, 6, rows), list("abcdef"))
    frame = read_frame(pd.DataFrame(data))
    text = "~ " + " + ".join(data)
    columns, _ = coded(text, frame)
    formula = formula_of(text)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        matrix = design_matrix(columns, formula.products, frame, "data")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5
    assert matrix.shape == (rows, 13)
