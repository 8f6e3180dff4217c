"""Families of counts beside maximum likelihood of other software, sums over all counts, and the families they go to."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import bayesdeep as bd
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.numerics.com_poisson import moments

CASES = json.loads((Path(__file__).parent / "count_families.json").read_text())
MODELS, DATA = CASES["models"], pd.DataFrame(CASES["data"])
LONG = {"com_poisson, overdispersed"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.integration if n in LONG else ()) for n in MODELS])
def test_estimates_are_those_of_other_software(name: str) -> None:
    case = MODELS[name]
    model = bd.Model(case["formula"], DATA, family=name.partition(",")[0], **case["parameters"])
    fit = model.fit("ml", progress=False, seed=1)
    table, attrs = fit.summary(), fit.idata.attrs
    for label, (value, error) in case["coef"].items():
        assert table.loc[label, "estimate"] == pytest.approx(value, abs=2e-3 * error), label
        assert table.loc[label, "se"] == pytest.approx(error, rel=1e-2), label
    for label, value in case["hyper"].items():
        assert table.loc[label, "estimate"] == pytest.approx(value, rel=1e-3), label
    assert attrs["log_likelihood"] == pytest.approx(case["loglik"], abs=1e-4)


COUNTS = np.array([0, 1, 2, 7, 40, 10**6])
SIZES = np.array([3, 1, 9, 7, 200, 2 * 10**6])
LIMITS = {
    "beta_binomial": ("binomial", {"kappa": 1e25}, {}),
    "zero_inflated_negative_binomial": ("zero_inflated_poisson", {"alpha": 1e25}, {"zi": 0.3}),
    "hurdle_negative_binomial": ("hurdle_poisson", {"alpha": 1e25}, {"hu": 0.3}),
    "generalized_poisson": ("poisson", {"lam": 0.0}, {}),
    "com_poisson": ("poisson", {"nu": 1.0}, {}),
}


def terms_of(name: str, values: dict[str, float], eta: np.ndarray, order: int = 2) -> tuple[np.ndarray, ...]:
    family = FAMILIES[name]
    response = Response("y", COUNTS, trials=SIZES if "trials" in family.words else None)
    given = {k: np.full((1, 1), v) for k, v in values.items()}
    found = family.row_terms(response, family.main.links[0])
    assert found is not None
    with np.errstate(all="ignore"):
        return found(np.broadcast_to(eta, (len(COUNTS), len(eta))).copy(), given, order)


@pytest.mark.parametrize("name", LIMITS)
def test_the_limit_is_a_simpler_family(name: str) -> None:
    simpler, limit, shared = LIMITS[name]
    eta = np.array([-12.0, -1.0, 0.7, 5.0, 13.0])
    for part, own in zip(terms_of(name, {**limit, **shared}, eta), terms_of(simpler, shared, eta), strict=True):
        np.testing.assert_allclose(part, own, rtol=1e-8, atol=1e-7)


def test_zero_inflation_goes_away() -> None:
    eta = np.array([-3.0, 0.2, 2.0])
    for part, own in zip(
        terms_of("zero_inflated_binomial", {"zi": 1e-14}, eta), terms_of("binomial", {}, eta), strict=True
    ):
        np.testing.assert_allclose(part, own, rtol=1e-6, atol=1e-6)


EXTREMES: dict[str, dict[str, tuple[float, ...]]] = {
    "beta_binomial": {"kappa": (1e-120, 1e-8, 1.0, 1e12, np.inf)},
    "zero_inflated_binomial": {"zi": (1e-15, 0.5, 1 - 1e-15)},
    "zero_inflated_negative_binomial": {"alpha": (1e-80, 1e-8, 1e12, np.inf), "zi": (1e-15, 0.5, 1 - 1e-15)},
    "hurdle_negative_binomial": {"alpha": (1e-80, 1e-8, 1e12, np.inf), "hu": (1e-15, 0.5, 1 - 1e-15)},
    "generalized_poisson": {"lam": (0.0, 1e-12, 0.5, 1 - 1e-12)},
    "com_poisson": {"nu": (1e-14, 1e-3, 1.0, 30.0, 1e6)},
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_have_numbers(name: str) -> None:
    """Log likelihoods are never above 0, and have derivatives, for means up to 10^13 and dispersions up to their limits."""
    eta = np.array([-600.0, -40.0, -1.0, 3.0, 30.0])
    middle = {k: v[len(v) // 2] for k, v in EXTREMES[name].items()}
    for parameter, values in EXTREMES[name].items():
        for value in values:
            found = terms_of(name, {**middle, parameter: value}, eta)
            assert not any(np.isnan(part).any() for part in found), (parameter, value)
            assert (found[0] < 1e-6).all(), (parameter, value)
            assert np.isfinite(found[0][:4, 2:4]).all(), (parameter, value)


POINTS: dict[str, dict[str, float]] = {
    "beta_binomial": {"kappa": 2.4},
    "zero_inflated_binomial": {"zi": 0.3},
    "zero_inflated_negative_binomial": {"alpha": 1.3, "zi": 0.3},
    "hurdle_negative_binomial": {"alpha": 1.3, "hu": 0.3},
    "generalized_poisson": {"lam": 0.35},
    "com_poisson": {"nu": 0.6},
}


@pytest.mark.parametrize("name", POINTS)
def test_derivatives_are_those_of_the_values(name: str) -> None:
    """By the predictor and by every other parameter, at counts with and without zeros."""
    family, y, step = FAMILIES[name], np.array([0, 1, 2, 7]), 1e-5
    response = Response("y", y, trials=np.array([3, 1, 9, 7]) if "trials" in family.words else None)
    link = family.main.links[0]
    rows, by = family.row_terms(response, link), family.parameter_terms(response, link)
    assert rows is not None
    assert by is not None
    values = {k: np.full((1, 1), v) for k, v in POINTS[name].items()}
    eta = np.full((4, 1), 0.8)
    _, slope, bend = rows(eta, values, 2)
    up, down = rows(eta + step, values, 1), rows(eta - step, values, 1)
    np.testing.assert_allclose(slope, (up[0] - down[0]) / (2 * step), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(bend, (up[1] - down[1]) / (2 * step), rtol=1e-6, atol=1e-8)
    for parameter in values:
        first, second = by(eta, values, parameter)
        above, below = ({**values, parameter: values[parameter] + move} for move in (step, -step))
        change = (rows(eta, above, 0)[0] - rows(eta, below, 0)[0]) / (2 * step)
        np.testing.assert_allclose(first, change, rtol=1e-6, atol=1e-8)
        again = (by(eta, above, parameter)[0] - by(eta, below, parameter)[0]) / (2 * step)
        np.testing.assert_allclose(second, again, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mu", [1e-8, 0.3, 2.0, 2.4999, 30.0, 333.3, 1e4])
@pytest.mark.parametrize("nu", [1e-8, 1e-3, 0.03, 0.3, 1.5, 10.0, 1e4])
def test_com_poisson_is_the_sum_over_counts(mu: float, nu: float) -> None:
    """Probabilities sum to 1, their mean is ``mu``, and neighbours' odds are the rate over the next count to the power."""
    found = moments(np.array([mu]), np.array([nu]))
    sd = float(np.sqrt(found.variance[0]))
    y = np.arange(np.floor(max(mu - 40 * sd - 5, 0)), mu + 45 * sd + 10)
    log_p = found.log_probability(y)
    p = np.exp(log_p)
    assert special.logsumexp(log_p) == pytest.approx(0.0, abs=1e-9)
    assert (p * y).sum() == pytest.approx(mu, rel=1e-9)
    assert (p * (y - mu) ** 2).sum() == pytest.approx(sd**2, rel=1e-8)
    some = np.flatnonzero(p > 1e-12)[:-1]
    rate = np.diff(log_p)[some] + nu * np.log(y[some] + 1.0)
    if not len(rate):
        return  # all weight on one count
    np.testing.assert_allclose(rate, rate.mean(), atol=1e-9 * max(1.0, nu, nu * np.log1p(mu)) + 1e-11 * nu * mu)


def test_com_poisson_of_large_means() -> None:
    """Poisson at a power of 1, and about normal with variance ``mu / nu`` at others."""
    y = np.round(1e6 + 1e3 * np.linspace(-4, 4, 9))
    exact = moments(np.full(9, 1e6), np.ones(9))
    np.testing.assert_allclose(exact.log_probability(y), stats.poisson(1e6).logpmf(y), atol=5e-9)
    for nu in (1e-3, 0.2, 50.0):
        assert moments(np.array([1e9]), np.array([nu])).variance[0] == pytest.approx(1e9 / nu, rel=1e-5)


def test_generalized_poisson_is_a_distribution_with_these_moments() -> None:
    y = np.arange(4000)
    for mu, lam in ((0.4, 0.1), (3.0, 0.6), (20.0, 0.8)):
        terms = FAMILIES["generalized_poisson"].row_terms(Response("y", y), "log")
        assert terms is not None
        p = np.exp(terms(np.full((4000, 1), np.log(mu)), {"lam": np.full((1, 1), lam)}, 0)[0][:, 0])
        assert p.sum() == pytest.approx(1.0, abs=1e-10)
        assert (p * y).sum() == pytest.approx(mu, rel=1e-9)
        assert (p * (y - mu) ** 2).sum() == pytest.approx(mu / (1 - lam) ** 2, rel=1e-7)


DRAWN: list[tuple[str, dict[str, float]]] = [
    ("com_poisson", {"mu": 500.0, "nu": 0.02}),
    ("com_poisson", {"mu": 1e9, "nu": 1.0}),
    ("com_poisson", {"mu": 40.0, "nu": 1e-9}),
    ("com_poisson", {"mu": 3.2, "nu": 1e5}),
    ("hurdle_negative_binomial", {"mu": 0.02, "alpha": 0.1, "hu": 0.3}),
    ("hurdle_negative_binomial", {"mu": 1e6, "alpha": 3.0, "hu": 0.01}),
    ("generalized_poisson", {"mu": 1e6, "lam": 0.5}),
    ("beta_binomial", {"mu": -3.0, "kappa": 0.05}),
]


@pytest.mark.parametrize(("name", "values"), DRAWN)
def test_new_counts_far_out_have_their_moments(name: str, values: dict[str, Any]) -> None:
    family, rng = FAMILIES[name], np.random.default_rng(4)
    law = None if family.row_law is None else family.row_law(family.main.links[0])
    assert law is not None
    assert law.variance is not None
    given = {k: np.full((6000, 1), v) for k, v in values.items()}
    trials = np.full((1, 1), 30.0) if "trials" in family.words else None
    new = law.draw(rng, given, trials)[:, 0].astype(float)
    mean, variance = law.mean(given, trials)[0, 0], law.variance(given, trials)[0, 0]
    assert abs(new.mean() - mean) < 4.5 * np.sqrt(variance / 6000)
    squares = (new - mean) ** 2
    assert abs(squares.mean() - variance) < 4.5 * squares.std() / np.sqrt(6000) + 1e-9 * variance
