"""Labels in other types: whatever they come in, the answer is that for the types the model was fitted to."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import bayesdeep as bd
from bayesdeep.design.frame import read_frame
from bayesdeep.results.fit import Fit
from bayesdeep.results.rows import rows_of

ROWS = 40

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
    "categories of numbers": lambda s: pd.Categorical(s, [9, 4, 3, 2, 1]),
    "categories of fractions": lambda s: pd.Categorical(s.astype(float)),
    "categories of text": lambda s: pd.Categorical(s.astype(str), list("94321")),
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
    return frame.assign(a=np.array(list("pqr"))[np.arange(rows) % 3])


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
        "compare": bd.compare({"a": fit, "b": Fit(fit.spec, fit._rows, fit.idata)}, data=frame).table[["elpd", "crps"]],
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
    right = fit.contrasts({"g": (1, 3)}, at={"a": ["p"]})
    for low, high in (("1", "3"), ("001", "3.0"), (1.0, np.int8(3)), (np.float32(1), np.str_("3"))):
        pd.testing.assert_frame_equal(fit.contrasts({"g": (low, high)}, at={"a": ["p"]}), right)
    curves = [fit.curve("x", by={"g": levels}, points=2) for levels in ([1, 4], ["1", "04"], [1.0, 4.0])]
    for curve in curves[1:]:
        pd.testing.assert_frame_equal(curve, curves[0])
    slopes = [fit.slopes("x", at={"g": levels}) for levels in ([1, 4], ["1", "04"], [1.0, 4.0])]
    for table in slopes[1:]:
        pd.testing.assert_frame_equal(table, slopes[0])
