"""Links: inverses, ranges, and logarithms of probabilities far out in the tails."""

from decimal import Decimal, getcontext

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from scipy import special, stats

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.links import ALIASES, LINKS, find_link

QUICK = Mode(linker="py", optimizer="fast_compile")
UNIT = [name for name, link in LINKS.items() if link.maps_to == "unit"]
ELEMENTWISE = [name for name in LINKS if name != "softmax"]
TAILS = np.array(
    [-700.0, -300.0, -40.0, -38.0, -36.0, -10.0, -1.0, -0.3, 0.0, 0.3, 1.0, 10.0, 36.0, 40.0, 300.0, 700.0]
)
MEANS = {
    "real": np.array([-3.0, -0.4, 0.2, 1.7]),
    "positive": np.array([1e-3, 0.2, 1.0, 6.0]),
    "nonnegative": np.array([0.2, 1.0, 6.0]),
    "unit": np.array([1e-6, 0.2, 0.5, 0.93]),
    "signed_unit": np.array([-0.9, -0.2, 0.5]),
    "angle": np.array([-3.0, -0.4, 0.2, 2.9]),
    "one_to_two": np.array([1.01, 1.2, 1.5, 1.93]),
}
RANGES = {
    "real": (-np.inf, np.inf),
    "positive": (0.0, np.inf),
    "nonnegative": (0.0, np.inf),
    "unit": (0.0, 1.0),
    "signed_unit": (-1.0, 1.0),
    "angle": (-np.pi, np.pi),
    "one_to_two": (1.0, 2.0),
}
PREDICTORS = {
    "inverse": np.linspace(0.1, 9.0, 50),
    "inverse_squared": np.linspace(0.1, 9.0, 50),
    "sqrt": np.linspace(0, 9, 50),
}


def run(function, x):
    eta = pt.dvector("eta")
    value = function(eta)
    return pytensor.function([eta], [value, pt.grad(value.sum(), eta)], mode=QUICK)(x)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_inverse_undoes_forward(name):
    link = LINKS[name]
    mu = MEANS[link.maps_to]
    np.testing.assert_allclose(run(link.inverse, np.asarray(link.forward(mu)))[0], mu, rtol=1e-10)


def test_softmax_undoes_its_forward():
    link, eta = LINKS["softmax"], pt.dmatrix()
    mu = np.array([[0.2, 0.5, 0.3], [0.01, 0.01, 0.98]])
    found = pytensor.function([eta], link.inverse(eta), mode=QUICK)(link.forward(mu))
    np.testing.assert_allclose(found, mu, rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=-1), 1.0)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_inverse_is_monotone_and_keeps_to_its_range(name):
    low, high = RANGES[LINKS[name].maps_to]
    mu, slope = run(LINKS[name].inverse, PREDICTORS.get(name, np.linspace(-9.0, 9.0, 61)))
    steps = np.diff(mu)
    assert (steps >= 0).all() or (steps <= 0).all()
    assert (mu >= low).all()
    assert (mu <= high).all()
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", ["log", "softplus"])
def test_positive_means_stay_positive_and_finite_however_far_the_predictor_goes(name):
    mu, slope = run(LINKS[name].inverse, np.array([-1e4, -800.0, 800.0, 1e4]))
    assert (mu > 0).all()
    assert np.isfinite(mu).all()
    assert np.isfinite(slope).all()


def exact_cloglog(eta):
    """Return ``log(1 - exp(-exp(eta)))`` to 50 digits."""
    getcontext().prec = 400
    return [
        float((1 - (-Decimal(float(e)).exp()).exp()).ln()) if e < 6 else -float(np.exp(-np.exp(min(e, 6.7))))
        for e in eta
    ]


def exact_cauchit(eta):
    # For negative eta the upper angle is atan(1 / |eta|).
    return np.where(eta < 0, np.log(np.arctan2(1.0, -eta) / np.pi), np.log1p(-np.arctan2(1.0, eta) / np.pi))


LOGS = {
    "logit": (stats.logistic.logcdf, stats.logistic.logsf),
    "probit": (stats.norm.logcdf, stats.norm.logsf),
    "cloglog": (exact_cloglog, lambda eta: -np.exp(eta)),
    "loglog": (lambda eta: -np.exp(-eta), lambda eta: exact_cloglog(-eta)),
    "cauchit": (exact_cauchit, lambda eta: exact_cauchit(-eta)),
}


def test_every_link_onto_the_unit_interval_has_both_logarithms_and_a_reference():
    assert set(UNIT) == set(LOGS)
    for name, link in LINKS.items():
        assert (link.log_inverse is not None) == (link.log1m_inverse is not None) == (name in UNIT)


@pytest.mark.parametrize("name", UNIT)
def test_logarithms_of_probabilities_are_accurate_in_both_tails(name):
    with np.errstate(over="ignore", under="ignore"):
        for function, exact in zip((LINKS[name].log_inverse, LINKS[name].log1m_inverse), LOGS[name], strict=True):
            value, slope = run(function, TAILS)
            np.testing.assert_allclose(value, exact(TAILS), rtol=1e-11, atol=1e-300)
            assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", UNIT)
def test_logarithms_and_gradients_are_finite_beyond_the_range_of_exp(name):
    for function in (LINKS[name].log_inverse, LINKS[name].log1m_inverse):
        for found in run(function, np.array([-1e6, -800.0, 800.0, 1e6])):
            assert np.isfinite(found).all()


@pytest.mark.parametrize("name", UNIT)
def test_gradient_of_the_logarithm_is_the_derivative(name):
    x = np.array([-12.0, -1.5, -1.0 - 1e-9, -0.2, 0.7, 2.0])
    step = 1e-5
    for function in (LINKS[name].log_inverse, LINKS[name].log1m_inverse):
        central = (run(function, x + step)[0] - run(function, x - step)[0]) / (2 * step)
        np.testing.assert_allclose(run(function, x)[1], central, rtol=1e-4, atol=1e-9)


def test_probit_tail_keeps_its_digits():
    # log Φ(-40) by the asymptotic series, which is exact to double precision there.
    z = 40.0
    series = 1 - 1 / z**2 + 3 / z**4 - 15 / z**6 + 105 / z**8
    expected = -z * z / 2 - np.log(z) - 0.5 * np.log(2 * np.pi) + np.log(series)
    np.testing.assert_allclose(run(LINKS["probit"].log_inverse, np.array([-z]))[0], expected, rtol=1e-13)
    np.testing.assert_allclose(LINKS["probit"].forward(special.ndtr(-8.0)), -8.0, rtol=1e-12)


def test_logarithms_agree_under_the_default_linker():
    eta = pt.dvector()
    outputs = [f(eta) for name in UNIT for f in (LINKS[name].log_inverse, LINKS[name].log1m_inverse)]
    compiled = pytensor.function([eta], outputs)(TAILS)
    with np.errstate(over="ignore", under="ignore"):
        quick = pytensor.function([eta], outputs, mode=QUICK)(TAILS)
    for one, other in zip(compiled, quick, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-300)


def test_find_link_knows_aliases_and_names_the_nearest():
    assert find_link("sigmoid", "link", FormulaError) is LINKS[ALIASES["sigmoid"]]
    assert find_link("log", "link", FormulaError).name == "log"
    with pytest.raises(FormulaError, match="link: unknown link 'logitt'; did you mean 'logit'"):
        find_link("logitt", "link", FormulaError)
