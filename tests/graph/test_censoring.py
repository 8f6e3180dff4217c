"""Censored and truncated rows: the likelihood of a record is the probability that the model draws that record."""

from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.links import find_link
from bayesdeep.core.records import Aux, Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.likelihood import Parts, log_mass, pointwise
from bayesdeep.graph.rowwise import row_likelihood
from bayesdeep.results.predict import blocks

CENSORED = [name for name in FAMILIES if "censored" in FAMILIES[name].modifiers]
COUNTS = [name for name in CENSORED if "discrete" in FAMILIES[name].words]
BOUNDS = [(None, None), (0.5, 4.0), (1.0, None), (None, 4.0)]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
LEFT, SEEN, RIGHT, INTERVAL = -1, 0, 1, 2


@cache
def compiled(name: str, lower: float | None, upper: float | None):
    """Return the log likelihood of rows as a function of value, upper end and status."""
    family = FAMILIES[name]
    params = {k: pt.as_tensor(np.array([float(v)])) for k, v in family.example.items()}
    value, end, status = pt.dvector("value"), pt.dvector("end"), pt.bvector("status")
    low, high = (None if bound is None else pt.as_tensor(np.array([bound])) for bound in (lower, upper))
    parts = Parts(value=value, upper=end, status=status, lower_bound=low, upper_bound=high)
    aux = Aux(find_link(family.main.links[0], "link", FormulaError))
    return pytensor.function([value, end, status], pointwise(family, params, aux, parts), mode=array_mode())


def probability(name, bounds, status, value, end=None):
    """Return the likelihood of one record."""
    given = np.array([value], dtype=float), np.array([value if end is None else end], dtype=float)
    return float(np.exp(compiled(name, *bounds)(*given, np.array([status], dtype=np.int8)))[0])


def seen(name, bounds, low, high):
    """Return the sum or the integral of the likelihood of observed values from ``low`` to ``high``, ends not included."""
    density = compiled(name, *bounds)
    if name in COUNTS:
        at = np.arange(np.floor(low) + 1, np.ceil(high))
        return float(np.exp(density(at, at, np.zeros(len(at), dtype=np.int8))).sum()) if len(at) else 0.0
    total = 0.0
    for a, b in pairwise(np.unique(np.r_[low, np.linspace(low, high, 60), high])):
        y = (b - a) / 2 * NODES + (a + b) / 2
        total += float((np.exp(density(y, y, np.zeros(len(y), dtype=np.int8))) * WEIGHTS).sum() * (b - a) / 2)
    return total


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("name", CENSORED)
def test_what_can_be_recorded_has_probability_one(name: str, bounds: tuple[float | None, float | None]) -> None:
    """A value below 1 is recorded as 1 or less, one above 3 as 3 or more, the others as they are."""
    low, high = 1.0, 3.0
    total = probability(name, bounds, LEFT, low) + seen(name, bounds, low, high) + probability(name, bounds, RIGHT, high)
    assert total == pytest.approx(1.0, abs=1e-6)
    if name in COUNTS:
        # The same cut into intervals, whose ends both belong to them.
        middle = probability(name, bounds, INTERVAL, 2.0, 3.0)
        parts = probability(name, bounds, LEFT, 1.0), middle, probability(name, bounds, RIGHT, 4.0)
    else:
        middle = probability(name, bounds, INTERVAL, low, high)
        parts = probability(name, bounds, LEFT, low), middle, probability(name, bounds, RIGHT, high)
    assert sum(parts) == pytest.approx(1.0, abs=1e-9)
    assert all(0 < part < 1 for part in parts)


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_summed_over_all_that_the_record_allows(name: str, bounds: tuple[float | None, float | None]) -> None:
    """Ends belong to what is known, and need not be whole."""
    low, high = (0.0 if bounds[0] is None else bounds[0]), (np.inf if bounds[1] is None else bounds[1])
    every = np.arange(0.0, 600.0)
    inside = every[(every >= low) & (every <= high)]
    p = {k: probability(name, bounds, SEEN, k) for k in inside}
    assert sum(p.values()) == pytest.approx(1.0, abs=1e-9)
    for a, b in [(1.0, 1.0), (1.0, 3.0), (0.5, 2.5), (1.2, 3.0), (0.0, 4.0)]:
        expected = sum(v for k, v in p.items() if a <= k <= b)
        assert probability(name, bounds, INTERVAL, a, b) == pytest.approx(expected, rel=1e-8)
        assert probability(name, bounds, LEFT, b) == pytest.approx(sum(v for k, v in p.items() if k <= b), rel=1e-8)
        assert probability(name, bounds, RIGHT, a) == pytest.approx(sum(v for k, v in p.items() if k >= a), rel=1e-8)
    assert probability(name, bounds, INTERVAL, 1.2, 1.8) == 0.0


@pytest.mark.parametrize("name", CENSORED)
def test_a_record_beyond_the_bounds_is_impossible(name: str) -> None:
    bounds = (1.0, 3.0)
    assert probability(name, bounds, SEEN, 4.0) == 0.0
    assert probability(name, bounds, RIGHT, 4.0) == 0.0
    assert probability(name, bounds, LEFT, 0.5) == 0.0
    assert probability(name, bounds, INTERVAL, 4.0, 6.0) == 0.0
    assert probability(name, bounds, INTERVAL, 0.0, 6.0) == pytest.approx(1.0, abs=1e-12)


DRAWS = 4000


def modelled(name: str, bounds: tuple[float | None, float | None], **more):
    """Return a model of records of every kind, and the draws of a posterior that is one point."""
    family = FAMILIES[name]
    data = pd.DataFrame(
        {
            "y": [1.0, 2.0, 2.0, 3.0, 1.0, 2.0, 1.0, 2.0],
            "upper": [np.nan, np.nan, np.nan, np.inf, np.nan, 3.0, 3.0, 4.0],
            "status": ["none", "none", "right", "right", "left", "interval", "interval", "interval"],
            "low": -np.inf if bounds[0] is None else bounds[0],
            "high": np.inf if bounds[1] is None else bounds[1],
            "w": [1.0, 2.0, 0.5, 3.0, 1.0, 2.0, 1.0, 0.5],
        }
    )
    left = "censored(y, upper, status)"
    if bounds != (None, None):
        left = f"truncated({left}, low, high)"
    if more.get("weighted"):
        left = f"weighted({left}, w)"
    model = bd.Model(f"{left} ~ 1", data, family=name)
    link = find_link(family.main.links[0], "link", FormulaError)
    values = {"Intercept": float(link.forward(family.example["mu"]))} | {
        p.name: float(family.example[p.name]) for p in family.parameters[1:]
    }
    return model, data, {k: np.full(DRAWS, v) for k, v in values.items()}


def computed(model, posterior, what: str) -> np.ndarray:
    return np.concatenate([v for *_, v in blocks(model.spec, posterior, model._rows, what, "sample", 1)], axis=1)


@pytest.mark.parametrize("bounds", [(None, None), (0.5, 4.0)])
@pytest.mark.parametrize("name", CENSORED)
def test_the_likelihood_is_the_frequency_of_the_package_s_own_draws(
    name: str, bounds: tuple[float | None, float | None]
) -> None:
    model, data, posterior = modelled(name, bounds)
    drawn, expected = computed(model, posterior, "predictive"), np.exp(computed(model, posterior, "pointwise")[0])
    upper = np.where(data.status == "interval", data.upper, data.y)
    kept = (data.status != "none") | (name in COUNTS)
    hit = ((drawn >= data.y.to_numpy()) & (drawn <= upper)).mean(axis=0)
    error = np.sqrt(expected * (1 - expected) / DRAWS)
    assert (np.abs(hit - expected) < 4.5 * error)[kept].all(), (hit, expected)
    assert (drawn[:, data.status == "right"] <= data.y[data.status == "right"].to_numpy()).all()
    assert (drawn[:, data.status == "left"] >= data.y[data.status == "left"].to_numpy()).all()
    weighted, _, _ = modelled(name, bounds, weighted=True)
    np.testing.assert_allclose(
        computed(weighted, posterior, "pointwise")[0], data.w * np.log(expected), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("name", CENSORED)
def test_every_path_to_a_likelihood_agrees(name: str) -> None:
    """The model PyMC has, the rows' own, and that of engines that integrate coefficients out."""
    model, _, posterior = modelled(name, (0.5, 4.0))
    rows, expected = model._rows, computed(model, posterior, "pointwise")[0]
    if not model.spec.predictors[1:]:
        likelihood = row_likelihood(model.spec, rows.arrays, rows.response)
        eta = np.full((rows.rows, 1), posterior["Intercept"][0])
        others = {k: v[:1] for k, v in posterior.items() if k != "Intercept"}
        np.testing.assert_allclose(likelihood.log_density(eta, others)[:, 0], expected, rtol=1e-10)
    graph = rows.graph(model.spec)
    total = graph.model.logp(vars=graph.model.observed_RVs, sum=True)
    at = graph.model.initial_point()
    mine = graph.pointwise.sum()
    both = pytensor.function(
        graph.model.value_vars, graph.model.replace_rvs_by_values([total, mine]), mode=array_mode(), on_unused_input="ignore"
    )
    one, other = both(*(at[v.name] for v in graph.model.value_vars))
    assert one == pytest.approx(float(other), rel=1e-10)


@pytest.mark.parametrize("name", CENSORED)
def test_gradients_are_clean_whatever_ends_are_open(name: str) -> None:
    """Open ends in columns, and rows far from 0 where a made-up end would be extreme."""
    family = FAMILIES[name]
    params = {k: pt.dvector(k) for k in family.example}
    response = Response(
        "y",
        np.array([2.0, 2.0, 2.0, 2.0, 3e6, 3e6]),
        status=np.array([SEEN, LEFT, RIGHT, INTERVAL, SEEN, RIGHT], dtype=np.int8),
        upper=np.array([2.0, 2.0, 2.0, 3.0, 3e6, 3e6]),
    )
    bounds = {"lower_bound": np.array([-np.inf, 0.5, -np.inf, -np.inf, -np.inf, -np.inf]), "upper_bound": np.full(6, np.inf)}
    parts = Parts(pt.as_tensor(response.value), None, pt.as_tensor(response.status), pt.as_tensor(response.upper))
    for given in ({}, bounds, {"upper_bound": bounds["upper_bound"]}):
        own = Parts(parts.value, None, parts.status, parts.upper, **{k: pt.as_tensor(v) for k, v in given.items()})
        total = pointwise(family, params, Aux(find_link(family.main.links[0], "link", FormulaError)), own).sum()
        gradient = pytensor.function(
            list(params.values()), pt.grad(total, list(params.values())), mode=array_mode(), on_unused_input="ignore"
        )
        scale = np.array([1.0, 1.0, 1.0, 1.0, 1e6, 1e6])
        location = np.log(scale) if name == "lognormal" else scale
        values = [
            v + location if k == "mu" and name == "lognormal" else v * scale if k in ("mu", "sigma") else v * np.ones(6)
            for k, v in family.example.items()
        ]
        assert all(np.isfinite(found).all() for found in gradient(*values))


def test_far_out_an_open_end_in_a_column_is_as_good_as_none() -> None:
    """Two hundred standard deviations out: log(1 - Φ(200)) is -20006.2, with the upper end open in one way or the other."""
    family, aux = FAMILIES["gaussian"], Aux(find_link("identity", "link", FormulaError))
    params = {"mu": pt.as_tensor(np.zeros(1)), "sigma": pt.as_tensor(np.ones(1))}
    low, none = pt.as_tensor(np.array([200.0])), pt.as_tensor(np.array([np.inf]))
    with_column = float(log_mass(family, params, aux, low, none).eval(mode=array_mode())[0])
    assert with_column == pytest.approx(-20006.217281, rel=1e-9)
    assert float(log_mass(family, params, aux, low, None).eval(mode=array_mode())[0]) == with_column
    assert float(log_mass(family, params, aux, -none, -low).eval(mode=array_mode())[0]) == with_column
