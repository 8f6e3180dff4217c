"""Laws of kept machine code: the same numbers as code made for this model alone, whatever was fitted before."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph import reuse
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.precondition import mixings
from bayesdeep.graph.target import PyMCTarget, target_from_pymc

QUICK = {"mode": array_mode(), "on_unused_input": "ignore"}
RESPONSES = {
    "bernoulli": "b",
    "binomial": "prop(k, n)",
    "beta": "u",
    "categorical": "c",
    "cumulative": "o",
    "multinomial": "cbind(m1, m2, m3)",
    "poisson": "k",
    "negative_binomial": "k",
    "hurdle_poisson": "k",
    "zero_inflated_poisson": "k",
    **dict.fromkeys(["exponential", "gamma", "inverse_gaussian", "lognormal", "weibull"], "p"),
}


def data(seed: int, rows: int, groups: int, scale: float) -> pd.DataFrame:
    """Return columns for every family; the seeds give data sets that differ in everything but their names."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame(
        {
            "x": scale * rng.normal(3, 2, rows),
            "z": rng.normal(size=rows),
            "a": np.resize(list("uvw"), rows),
            "g": np.resize([f"g{i}" for i in range(groups)], rows),
            "y": scale * rng.normal(5, 1, rows),
            "p": scale * rng.gamma(2, 1, rows),
            "u": rng.beta(2, 3, rows),
            "b": np.resize([0, 1, 1], rows),
            "k": np.minimum(rng.poisson(2, rows), 9),
            "n": 10 + rng.integers(0, 3, rows),
            "c": np.resize(["one", "two", "three"], rows),
            "w": rng.uniform(0.2, 3, rows),
        }
    )
    d["o"] = pd.Categorical(np.resize(["low", "mid", "high"], rows), ["low", "mid", "high"], ordered=True)
    d["m1"], d["m2"], d["m3"] = rng.integers(0, 4, (3, rows)) + 1
    return d


FIRST, SECOND = data(1, 40, 5, 1.0), data(2, 67, 8, 37.3)


def target(formula: str, d: pd.DataFrame, **options: Any) -> PyMCTarget:
    model = bd.Model(formula, d, **options)
    return target_from_pymc(model.pymc, mixings=mixings(model.spec, model.__dict__["_rows"].arrays))


def numbers(found: PyMCTarget, seed: int = 0, **how: Any) -> tuple[list[float], list[np.ndarray]]:
    """Return log density and gradient at three points."""
    rng = np.random.default_rng(seed)
    points = [found.start + 0.2 * found.jitter * rng.normal(size=found.dim) for _ in range(3)]
    both = [found.logp_dlogp(x) for x in points]
    return [v for v, _ in both], [g for _, g in both]


def reference(found: PyMCTarget, seed: int = 0) -> tuple[list[float], list[np.ndarray]]:
    """Return the same from PyMC's own functions on Python's linker, with the chain rule of the turned coordinates."""
    logp, slope = found.model.compile_logp(**QUICK), found.model.compile_dlogp(**QUICK)
    rng = np.random.default_rng(seed)
    values, slopes = [], []
    for _ in range(3):
        point = found.unravel(found.start + 0.2 * found.jitter * rng.normal(size=found.dim))
        values.append(float(logp(point)))
        back = np.array(slope(point))
        for at, matrix in found.mixed:
            back[at] = matrix.T @ back[at]
        slopes.append(back)
    return values, slopes


def assert_same(found: PyMCTarget) -> None:
    values, slopes = numbers(found)
    expected, expected_slopes = reference(found)
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    for ours, theirs in zip(slopes, expected_slopes, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8 * max(1.0, np.abs(theirs).max()))
    x = found.start + 0.1
    native = found.native
    assert native is not None
    code, value, gradient = native(x)
    assert code == 0
    assert value == found.logp_dlogp(x)[0]
    np.testing.assert_array_equal(gradient, found.logp_dlogp(x)[1])


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept"
    monkeypatch.setenv("BAYESDEEP_CACHE_DIR", str(folder))
    reuse.clear()
    return folder


def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one with every compilation."""
    made: list[int] = []
    original = reuse._only_result

    def counted(dispatcher: Any) -> Any:
        made.append(1)
        return original(dispatcher)

    monkeypatch.setattr(reuse, "_only_result", counted)
    return made


FORMULAS = ["{y} ~ x + z + a + (1 + x | g)"]


@pytest.mark.slow
@pytest.mark.parametrize("family", list(FAMILIES))
def test_code_made_for_other_data_gives_the_numbers_of_these(family: str, monkeypatch: pytest.MonkeyPatch):
    made = builds(monkeypatch)
    y = RESPONSES.get(family, "y")
    for formula in FORMULAS:
        before = len(made)
        assert_same(target(formula.format(y=y), FIRST, family=family))
        assert_same(target(formula.format(y=y), SECOND, family=family))
        assert len(made) == before + 1, formula
