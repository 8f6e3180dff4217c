"""Laws of compressed rows: the same density, and nothing of it to be seen in the results."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.inference import compressed_rows as module
from bayesdeep.inference.compressed_rows import compress, distinct
from bayesdeep.results.rows import Rows

QUICK = {"mode": array_mode(), "on_unused_input": "ignore"}
RESPONSES = {
    "bernoulli": "b",
    **dict.fromkeys((n for n in FAMILIES if "trials" in FAMILIES[n].words), "prop(k, n)"),
    "beta": "u",
    "categorical": "c",
    "cumulative": "o",
    "multinomial": "cbind(m1, m2)",
    **dict.fromkeys(["poisson", "negative_binomial", "hurdle_poisson", "zero_inflated_poisson"], "k"),
    **dict.fromkeys(["exponential", "gamma", "inverse_gaussian", "lognormal", "weibull"], "p"),
    "tobit": "r",
}


def data(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """Return columns of few values each, with a response for every family."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame(
        {
            "x": rng.choice([-1.0, 0.5, 2.0], rows),
            "g": rng.choice(list("pqrs"), rows),
            "t": rng.choice([0.0, 0.7], rows),
            "b": rng.integers(0, 2, rows),
            "k": rng.integers(0, 4, rows),
            "n": rng.choice([5, 6], rows),
            "u": rng.choice([0.2, 0.5, 0.9], rows),
            "p": rng.choice([0.5, 1.5, 4.0], rows),
            "y": rng.choice([-1.0, 0.0, 2.5], rows),
            "c": rng.choice(["one", "two", "three"], rows),
            "m1": rng.integers(0, 3, rows),
            "m2": rng.integers(1, 3, rows),
            "w": rng.choice([0.3, 1.0, 2.5], rows),
            "status": rng.choice(["none", "left", "right"], rows),
            "r": rng.choice([0.0, 1.5, 4.0], rows),
        }
    )
    d["o"] = pd.Categorical(rng.choice(["low", "mid", "high"], rows), ["low", "mid", "high"], ordered=True)
    return d


def rows_of(model: bd.Model) -> Rows:
    return model.__dict__["_rows"]


def assert_same_density(model: bd.Model, rows: Rows, small: Rows) -> None:
    """Check log density and gradient of both graphs at three points."""
    both = [r.graph(model.spec).model for r in (rows, small)]
    functions = [(m.compile_logp(**QUICK), m.compile_dlogp(**QUICK)) for m in both]
    start, rng = both[0].initial_point(), np.random.default_rng(1)
    for _ in range(3):
        point = {k: np.asarray(v + 0.3 * rng.normal(size=np.shape(v))) for k, v in start.items()}
        (value, slope), (value_small, slope_small) = [(f(point), g(point)) for f, g in functions]
        np.testing.assert_allclose(value_small, value, rtol=1e-9)
        np.testing.assert_allclose(slope_small, slope, rtol=1e-9, atol=1e-9 * np.abs(slope).max())


# The density


def check(formula: str, **options: Any) -> Rows:
    model = bd.Model(formula, data(), **options)
    rows = rows_of(model)
    small = compress(rows)
    assert small is not None
    assert small.rows < rows.rows
    assert_same_density(model, rows, small)
    return small


@pytest.mark.slow
@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_density_is_that_of_all_rows(family: str):
    response = RESPONSES.get(family, "k" if "discrete" in FAMILIES[family].words else "y")
    check(f"{response} ~ x + offset(t) + (1 | g)", family=family)


CASES: list[Any] = [
    ("b ~ x + (1 | g)", {"family": "bernoulli"}),
    ("weighted(k, w) ~ x", {"family": "poisson"}),
    ("y ~ x", {"sigma": "~ t"}),
    ("y ~ x", {"sigma": bd.known("n")}),
    pytest.param("censored(p, status) ~ x", {"family": "gamma"}, marks=pytest.mark.slow),
    pytest.param("truncated(k, ub=n) ~ x", {"family": "poisson"}, marks=pytest.mark.slow),
]


@pytest.mark.few(1)
@pytest.mark.parametrize(("formula", "options"), CASES)
def test_the_same_with_weights_predictors_of_sigma_known_values_and_bounds(formula: str, options: dict[str, Any]):
    check(formula, **options)


def test_weights_add_up():
    model = bd.Model("weighted(y, w) ~ x", data())
    rows = rows_of(model)
    small = compress(rows)
    assert small is not None
    assert small.rows == 9
    for i in range(small.rows):
        own = (rows.response.value == small.response.value[i]) & (
            rows.arrays["mu_population.X"][:, 0] == small.arrays["mu_population.X"][i, 0]
        )
        assert small.response.weights is not None
        assert rows.response.weights is not None
        np.testing.assert_allclose(small.response.weights[i], rows.response.weights[own].sum(), rtol=1e-12)


# Which rows are alike


def columns(table: np.ndarray) -> list[np.ndarray]:
    return [module._bits(table[:, k]) for k in range(table.shape[1])]


@pytest.mark.parametrize("collide", [False, True])
def test_distinct_rows_are_those_of_numpy(collide: bool, monkeypatch: pytest.MonkeyPatch):
    if collide:
        # Every row has one hash: rows must be told apart all the same.
        monkeypatch.setattr(module, "_mixed", lambda columns, rows: np.zeros(rows, dtype=np.uint64))
    table = np.random.default_rng(0).integers(0, 4, (500, 4)) * 0.3
    first, own = distinct(columns(table), 500)
    expected = np.unique(table, axis=0, return_index=True)[1]
    np.testing.assert_array_equal(first, np.sort(expected))
    np.testing.assert_array_equal(table[first][own], table)


def test_rows_differ_by_any_array_and_any_part_of_the_response():
    n = 600
    same = np.zeros(n)
    plain = Response("y", same, trials=same + 5, status=np.zeros(n, np.int8), upper=same, lower_bound=same - 1.0)
    half = np.resize([0, 1], n)

    def count(arrays: dict[str, np.ndarray], response: Response) -> int:
        small = compress(Rows(arrays, response, n, True))
        assert small is not None
        return small.rows

    assert count({"a.X": same[:, None]}, plain) == 1
    assert count({"a.X": np.where(half, 0.0, -0.0)}, plain) == 1
    assert count({"a.X": same[:, None], "b.codes": half.astype(np.int32)}, plain) == 2
    assert count({"a.X": np.column_stack([same, same + 1e-15 * half])}, plain) == 2
    for part in ("value", "trials", "status", "upper", "lower_bound"):
        changed = plain.with_(**{part: getattr(plain, part) + half.astype(getattr(plain, part).dtype)})
        assert count({"a.X": same[:, None]}, changed) == 2, part


def test_rows_that_differ_are_left_alone():
    rng = np.random.default_rng(0)
    for n in (1_000, 50_000):
        assert compress(Rows({"a.X": rng.normal(size=(n, 2))}, Response("y", np.zeros(n)), n, True)) is None
    few = Rows({"a.X": np.zeros((100, 1))}, Response("y", np.zeros(100)), 100, True)
    assert compress(few) is None
    assert compress(few, least=50) is not None
    new = Rows({"a.X": np.zeros((1000, 1))}, Response("y", np.zeros(1000)), 1000, False)
    assert compress(new) is None


@pytest.mark.parametrize(("share", "pays"), [(0.35, True), (0.45, False)])
def test_whether_it_pays_is_a_matter_of_the_share_of_distinct_rows(share: float, pays: bool):
    n = 40_000
    x = np.random.default_rng(0).permutation(np.resize(np.arange(int(share * n)), n)).astype(float)
    found = compress(Rows({"a.X": x[:, None]}, Response("y", np.zeros(n)), n, True))
    assert (found is not None) == pays


# The results


def test_results_are_by_the_rows_as_they_came():
    d = data()
    fit = bd.Model("b ~ x + (1 | g)", d, family="bernoulli").fit("laplace", draws=50, seed=1, progress=False)
    assert fit.idata["observed_data"].sizes["obs"] == len(d)
    np.testing.assert_array_equal(fit.idata["observed_data"]["b"], d["b"])
    assert len(fit.predict()) == len(d)
