"""Censored and truncated rows: the likelihood of a record is the probability that the model draws that record."""

from dataclasses import replace
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
from bayesdeep.graph.row_likelihood import row_likelihood
from bayesdeep.results.prediction_blocks import blocks

CENSORED = [name for name in FAMILIES if "censored" in FAMILIES[name].modifiers]
COUNTS = [name for name in CENSORED if "discrete" in FAMILIES[name].words]
BOUNDS = [(None, None), (0.5, 4.0)]
ONE_SIDED = [(0.5, None), (None, 4.0)]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
LEFT, SEEN, RIGHT, INTERVAL = -1, 0, 1, 2


@cache
def compiled(name: str, lower: float | None, upper: float | None):
    """Return the log likelihood of rows as a function of value, upper end and status."""
    family = FAMILIES[name]
    params = {k: pt.as_tensor(np.atleast_1d(np.array(v, dtype=float))) for k, v in family.example.items()}
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


@pytest.mark.few(3)
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
    # PyMC's normal distribution function, which the lognormal is made of, has eight digits here.
    assert sum(parts) == pytest.approx(1.0, abs=1e-8)
    assert all(0 < part < 1 for part in parts)


@pytest.mark.few(1)
@pytest.mark.parametrize("bounds", BOUNDS + ONE_SIDED)
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


@pytest.mark.few(2)
@pytest.mark.parametrize("name", CENSORED)
def test_a_record_beyond_the_bounds_is_impossible(name: str) -> None:
    bounds = (1.0, 3.0)
    assert probability(name, bounds, SEEN, 4.0) == 0.0
    assert probability(name, bounds, RIGHT, 4.0) == 0.0
    assert probability(name, bounds, LEFT, 0.5) == 0.0
    assert probability(name, bounds, INTERVAL, 4.0, 6.0) == 0.0
    assert probability(name, bounds, INTERVAL, 0.0, 6.0) == pytest.approx(1.0, abs=1e-12)


DRAWS = 4000


def modelled(name: str, left: str):
    """Return a model of rows of every kind, and the draws of a posterior that is one point."""
    family = FAMILIES[name]
    data = pd.DataFrame(
        {
            "y": [1.0, 2.0, 2.0, 3.0, 1.0, 2.0, 1.0, 2.0],
            "upper": [np.nan, np.nan, np.nan, np.inf, np.nan, 3.0, 3.0, 4.0],
            "status": ["none", "none", "right", "interval", "left", "interval", "interval", "interval"],
            "low": [-np.inf, 0.5, 1.0, 1.5, 0.5, 2.0, 0.5, -np.inf],
            "high": [4.0, 4.5, 3.0, np.inf, 3.0, 2.5, np.inf, np.inf],
            "w": [1.0, 2.0, 0.5, 3.0, 1.0, 2.0, 1.0, 0.5],
        }
    )
    # A family that learns from its response is asked for what its example is of.
    with pytest.MonkeyPatch.context() as patch:
        if FAMILIES[name].learned is not None:
            patch.setitem(FAMILIES._loaded, name, replace(FAMILIES[name], learned=None))
        model = bd.Model(f"{left} ~ 1", data, family=name)
    link = find_link(family.main.links[0], "link", FormulaError)
    values = {"Intercept": float(link.forward(family.example["mu"]))} | {
        p.name: np.asarray(family.example[p.name], dtype=float) for p in family.parameters[1:]
    }
    return model, data, {k: np.broadcast_to(v, (DRAWS, *np.shape(v))) for k, v in values.items()}


def computed(model, posterior, what: str) -> np.ndarray:
    return np.concatenate([v for *_, v in blocks(model.spec, posterior, model._rows, what, "sample", 1)], axis=1)


def close(share: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether shares of draws are probabilities, but for Monte Carlo error."""
    error = np.sqrt(np.maximum(expected * (1 - expected), 0.0) / DRAWS)
    return bool((np.abs(share - expected) <= 4.5 * error + 1e-12).all())


@pytest.mark.few(4)
@pytest.mark.parametrize("name", CENSORED)
def test_the_likelihood_of_a_censored_row_is_the_frequency_of_the_package_s_own_draws(name: str) -> None:
    model, data, posterior = modelled(name, "censored(y, upper, status)")
    drawn, found = computed(model, posterior, "predictive"), computed(model, posterior, "pointwise")[0]
    right = np.isposinf(data.upper) | (data.status == "right")
    upper = np.where((data.status == "interval") & ~right, data.upper, data.y)
    kept = (data.status != "none").to_numpy() | (name in COUNTS)
    hit = ((drawn >= data.y.to_numpy()) & (drawn <= upper)).mean(axis=0)
    assert close(hit[kept], np.exp(found)[kept]), (hit, np.exp(found))
    assert (drawn[:, right] <= data.y[right].to_numpy()).all()
    assert (drawn[:, data.status == "left"] >= data.y[data.status == "left"].to_numpy()).all()
    if name != "poisson":
        return  # weights multiply whatever the family gives
    weighted, _, _ = modelled(name, "weighted(censored(y, upper, status), w)")
    np.testing.assert_allclose(computed(weighted, posterior, "pointwise")[0], data.w * found, rtol=1e-10, atol=1e-12)


@pytest.mark.few(1)
@pytest.mark.parametrize("name", COUNTS)
def test_the_likelihood_of_a_truncated_count_is_the_frequency_of_the_package_s_own_draws(name: str) -> None:
    model, data, posterior = modelled(name, "truncated(y, low, high)")
    drawn, found = computed(model, posterior, "predictive"), np.exp(computed(model, posterior, "pointwise")[0])
    assert close((drawn == data.y.to_numpy()).mean(axis=0), found)
    assert ((drawn >= data.low.to_numpy()) & (drawn <= data.high.to_numpy())).all()
    if FAMILIES[name].truncated_mean is None:
        return
    mean, error = computed(model, posterior, "mean")[0], drawn.std(axis=0) / np.sqrt(DRAWS)
    assert (np.abs(drawn.mean(axis=0) - mean) <= 4.5 * error + 1e-9).all()
    assert mean[5] == pytest.approx(2.0)  # between 2 and 2.5 there is one count


@pytest.mark.integration
@pytest.mark.parametrize("left", ["censored(y, upper, status)", "truncated(y, low, high)"])
@pytest.mark.parametrize("name", ["inverse_gaussian", "negative_binomial"])  # the largest graphs; each takes seconds
def test_every_path_to_a_likelihood_agrees(name: str, left: str) -> None:
    """The model PyMC has, the rows' own, and that of engines that integrate coefficients out, with its derivatives."""
    model, _, posterior = modelled(name, left)
    rows, expected = model._rows, computed(model, posterior, "pointwise")[0]
    likelihood = row_likelihood(model.spec, rows.arrays, rows.response)
    others = {k: v[:1] for k, v in posterior.items() if k != "Intercept"}
    eta, step = np.full((rows.rows, 1), posterior["Intercept"][0]), 1e-5
    np.testing.assert_allclose(likelihood.value(eta, others)[:, 0], expected, rtol=1e-10)
    _, first, second = likelihood.derivatives(eta, others)
    up, down = likelihood.derivatives(eta + step, others), likelihood.derivatives(eta - step, others)
    np.testing.assert_allclose(first, (up[0] - down[0]) / (2 * step), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(second, (up[1] - down[1]) / (2 * step), rtol=1e-4, atol=1e-6)
    graph = rows.graph(model.spec)
    sums = [graph.model.logp(vars=graph.model.observed_RVs, sum=True), graph.response.pointwise.sum()]
    inputs = graph.model.value_vars
    both = pytensor.function(
        inputs, graph.model.replace_rvs_by_values(sums), mode=array_mode(), on_unused_input="ignore"
    )
    at = graph.model.initial_point()
    one, other = both(*(at[v.name] for v in inputs))
    assert float(one) == pytest.approx(float(other), rel=1e-10)


@pytest.mark.few(0)
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
    for given in ({}, bounds):
        own = Parts(parts.value, None, parts.status, parts.upper, **{k: pt.as_tensor(v) for k, v in given.items()})
        total = pointwise(family, params, Aux(find_link(family.main.links[0], "link", FormulaError)), own).sum()
        gradient = pytensor.function(
            list(params.values()), pt.grad(total, list(params.values())), mode=array_mode(), on_unused_input="ignore"
        )
        scale = np.array([1.0, 1.0, 1.0, 1.0, 1e6, 1e6])
        of_logs = family.support[0] == 0.0 and family.main.support == "real"
        values = [
            v + np.log(scale) if k == "mu" and of_logs else v * scale if k in ("mu", "sigma") else np.asarray(v)
            if np.ndim(v) else v * np.ones(6)
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
    mirrored = float(log_mass(family, params, aux, -none, -low).eval(mode=array_mode())[0])
    assert mirrored == pytest.approx(with_column, rel=1e-11)
