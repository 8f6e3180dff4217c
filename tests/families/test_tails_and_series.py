"""Densities and tails that are worked out by quadrature or a series, against sums and integrals of another kind."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import special, stats

import bayesdeep as bd
from bayesdeep.core.lazy import pt
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.families import _tweedie_terms
from bayesdeep.families._exgaussian_terms import normal_below
from bayesdeep.families._skew_normal_tails import log_below
from bayesdeep.families.von_mises import log_scaled_bessel


def log_tail(log_density, at):
    """Return the logarithm of what lies below ``at``, by Gauss and Legendre's rule on pieces that grow with the distance."""
    x, w = np.polynomial.legendre.leggauss(30)
    edges = np.concatenate([[0.0], np.geomspace(1e-5, 60.0, 200)])
    low, wide = edges[:-1, None], np.diff(edges)[:, None]
    distance, weight = (low + wide * (x + 1) / 2).ravel(), (wide * w / 2).ravel()
    return special.logsumexp(log_density(at - distance), b=weight)


@pytest.mark.parametrize("alpha", [-8.0, -0.7, 0.0, 2.5, 40.0])
def test_tails_of_the_skew_normal(alpha):
    """On both sides of 0, next to it, and where SciPy's own subtraction has no digit left."""
    z = np.array([-12.0, -3.0, -0.4, -1e-3, 1e-3, 0.5, 2.0, 5.0])
    expected = [log_tail(lambda t: np.log(2) + stats.norm.logpdf(t) + special.log_ndtr(alpha * t), at) for at in z]
    found = log_below(z, pt.constant(np.full_like(z, alpha))).eval()
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def compound(y, mu, phi, p):
    """Return the log density of a Poisson number of gamma amounts, summed over that number."""
    shape, rate, scale = (2 - p) / (p - 1), mu ** (2 - p) / (phi * (2 - p)), phi * (p - 1) * mu ** (p - 1)
    top = y ** (2 - p) / (phi * (2 - p))
    n = np.arange(max(1, int(top - 40 * np.sqrt(top) - 60)), int(top + 40 * np.sqrt(top) + 300))
    return special.logsumexp(stats.poisson.logpmf(n, rate) + stats.gamma.logpdf(y, n * shape, scale=scale))


@pytest.mark.parametrize("power", [1.01, 1.2, 1.5, 1.8, 1.99])
@pytest.mark.parametrize("phi", [30.0, 0.8, 0.02, 0.0005])
def test_tweedie_series(power, phi):
    """Few amounts and 10,000 of them, narrow sums and wide ones."""
    y = 1.4 * np.array([0.0, 1e-3, 0.2, 0.9, 1.3, 4.0, 20.0])
    terms = FAMILIES["tweedie"].row_terms(Response("y", y), "log")
    given = {"phi": np.array([[phi]]), "power": np.array([[power]])}
    found = terms(np.full((len(y), 1), np.log(1.4)), given, 0)[0][:, 0]
    expected = [-(1.4 ** (2 - power)) / (phi * (2 - power)), *(compound(v, 1.4, phi, power) for v in y[1:])]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_second_derivative_of_log_gamma():
    x = np.array([1e-6, 0.3, 1.0, 7.999, 8.0, 8.001, 40.0, 1e9])
    np.testing.assert_allclose(_tweedie_terms._trigamma(x), special.polygamma(1, x), rtol=1e-12)


def test_a_series_that_is_kept_is_that_of_its_own_rows_and_parameters():
    """Two responses that are asked in turn, and one whose power alone changes."""
    one, other = np.array([[0.3], [2.0]]), np.array([[0.5], [7.0]])
    phi, power = np.full((2, 1), 0.8), np.array([[1.2], [1.7]])
    first, changed = _tweedie_terms.constant(one, phi, power), _tweedie_terms.constant(one, phi, power[::-1])
    elsewhere = _tweedie_terms.constant(other, phi, power)
    np.testing.assert_array_equal(_tweedie_terms.constant(one, phi, power), first)
    assert (first != changed).all()
    assert (first != elsewhere).all()


def test_bessel_function():
    kappa = np.array([1e-8, 0.3, 5.0, 19.99, 20.0, 300.0, 1e6])
    found = log_scaled_bessel(pt.constant(kappa)).eval()
    np.testing.assert_allclose(found, np.log(special.ive(0, kappa)), rtol=1e-12, atol=1e-15)


def test_a_normal_variable_below_a_number():
    """Mean and variance of its distance, also where they are differences of nearly equal numbers."""
    w = np.array([-1e6, -40.0, -5.000001, -4.999999, -1.0, 0.0, 3.0])
    e, q = normal_below(w)
    s = np.linspace(0.0, 60.0, 400_001)
    for k, at in enumerate(w[1:], 1):
        scale = 1.0 / max(1.0, -at)
        weight = np.exp(-0.5 * (scale * s) ** 2 + at * scale * s)
        mean = np.average(scale * s, weights=weight)
        assert e[k] == pytest.approx(mean, rel=2e-4)
        assert q[k] == pytest.approx(np.average((scale * s - mean) ** 2, weights=weight), rel=4e-4)
    assert e[0] == pytest.approx(1e-6, rel=1e-10)
    assert q[0] == pytest.approx(1e-12, rel=1e-10)



def test_gev_about_gumbel():
    """Mean and variance go through the limit at 0."""
    family = FAMILIES["gev"]
    xi = np.array([-2e-4, -1e-4, -1e-7, 0.0, 1e-7, 1e-4, 2e-4, 0.3])
    params = {"mu": pt.constant(np.zeros(8)), "sigma": pt.constant(np.ones(8)), "xi": pt.constant(xi)}
    other = stats.genextreme(-xi)
    np.testing.assert_allclose(family.mean(params, None).eval()[[0, 3, 6, 7]], other.mean()[[0, 3, 6, 7]], rtol=1e-7)
    np.testing.assert_allclose(family.variance(params, None).eval()[[3, 7]], other.var()[[3, 7]], rtol=1e-7)
    for values in (family.mean(params, None).eval(), family.variance(params, None).eval()):
        assert np.abs(np.diff(values[:7]) / np.diff(xi[:7]) - 2.0).max() < 2.6


@pytest.mark.parametrize(
    ("name", "params"),
    [("gev", {"xi": 1.2}), ("log_logistic", {"alpha": 0.9})],
)
def test_what_has_no_mean_is_infinite(name, params):
    family = FAMILIES[name]
    given = {p.name: pt.constant(np.float64(params.get(p.name, family.example[p.name]))) for p in family.parameters}
    assert np.isposinf(family.mean(given, None).eval())
    assert np.isposinf(family.variance(given, None).eval())


REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "family_estimates.json").read_text())


@pytest.mark.few("log_logistic")
@pytest.mark.parametrize("name", REFERENCE["cases"])
def test_maximum_likelihood_is_that_of_other_software(name):
    case = REFERENCE["cases"][name]
    fit = bd.Model(case["formula"], REFERENCE["columns"], family=name).fit("ml", seed=1, progress=False)
    table = fit.summary()
    for label, value in case["estimates"].items():
        assert table.loc[label, "estimate"] == pytest.approx(value, rel=1e-4), label
    assert fit.idata.attrs["log_likelihood"] == pytest.approx(case["loglik"], abs=1e-4)
    assert fit.idata.attrs["status"] == "ok"
