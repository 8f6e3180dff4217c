"""What priors say of themselves to engines that evaluate them on arrays is PyMC's density, with further arguments.

The law over every prior is in tests/conformance.
"""

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayesdeep.core.registry import PRIORS

ARGUMENTS: dict[str, list[dict[str, float]]] = {
    "HalfNormal": [{"sigma": 0.7}],
    "HalfStudentT": [{"nu": 3.0, "sigma": 1.4}],
    "HalfCauchy": [{"beta": 2.0}],
    "HalfFlat": [{}],
    "Exponential": [{"lam": 2.5}],
    "Gamma": [{"alpha": 0.4, "beta": 3.0}, {"alpha": 3.0, "beta": 0.5}],
    "InverseGamma": [{"alpha": 2.0, "beta": 0.5}],
    "LogNormal": [{"mu": 0.3, "sigma": 0.8}],
    "Weibull": [{"alpha": 1.7, "beta": 2.0}],
    "Uniform": [{"lower": 0.0, "upper": 2.0}, {"lower": 0.5, "upper": 30.0}],
    "TruncatedNormal": [
        {"mu": 1.0, "sigma": 0.5, "lower": 0.0, "upper": float("inf")},
        {"mu": 0.2, "sigma": 0.5, "lower": 0.1, "upper": 4.0},
    ],
}
X = np.array([1e-6, 0.01, 0.3, 1.0, 1.9, 2.5, 40.0])


@pytest.mark.parametrize("name", ARGUMENTS)
def test_density_is_pymcs(name):
    for arguments in ARGUMENTS[name]:
        # PyMC works out some constants in 32 bits: seven digits are what can be compared.
        double = {k: np.asarray(v, dtype=np.float64) for k, v in arguments.items()}
        expected = pm.logp(getattr(pm, name).dist(**double), X).eval()
        with np.errstate(all="ignore"):
            found = PRIORS[name].log_density(X, **arguments)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


def test_a_truncated_normal_far_in_its_tail_keeps_its_digits():
    lower, upper, mu, sigma = 0.1, 4.0, -3.0, 0.5
    expected = stats.truncnorm.logpdf(X, (lower - mu) / sigma, (upper - mu) / sigma, mu, sigma)
    found = PRIORS["TruncatedNormal"].log_density(X, mu=mu, sigma=sigma, lower=lower, upper=upper)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in PRIORS if PRIORS[name].gaussian is not None])
def test_gaussian_priors_give_mean_and_precision(name):
    if name == "Flat":
        assert PRIORS[name].gaussian() == (0.0, 0.0)
        return
    mean, precision = PRIORS[name].gaussian(mu=1.5, sigma=0.4)
    x = np.array([0.0, 1.5, 2.0])
    expected = pm.logp(pm.Normal.dist(1.5, 0.4), x).eval()
    np.testing.assert_allclose(0.5 * np.log(precision / (2 * np.pi)) - 0.5 * precision * (x - mean) ** 2, expected)
