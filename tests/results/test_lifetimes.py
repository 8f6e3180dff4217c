"""Survival, hazards and restricted means against SciPy, of parameters by row and of those that all rows have in common."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma
from scipy.stats import lognorm, weibull_min

import bayesdeep as bd
from bayesdeep.results.lifetimes import curves

TIMES = np.array([0.5, 1.5])


@pytest.mark.parametrize("wide", [False, True], ids=["one shape for all rows", "a shape a row"])
@pytest.mark.parametrize("family", ["weibull", "lognormal"])
def test_curves_are_those_of_the_distribution(family: str, wide: bool) -> None:
    data = {"t": np.array([0.3, 0.8, 1.7, 2.0]), "x": np.array([0.0, 1.0, 2.0, 0.5])}
    spec = bd.Model("t ~ x", data, family=family).spec
    place, shape = np.array([[0.6, 1.0, 1.9], [0.7, 1.2, 2.2]]), np.array([[1.4], [0.8]])
    other = np.broadcast_to(shape, place.shape) if wide else shape
    params = {"mu": place, {"weibull": "alpha", "lognormal": "sigma"}[family]: other}
    laws = {"weibull": (weibull_min, place / gamma(1 + 1 / shape)), "lognormal": (lognorm, np.exp(place))}
    kind_of, scale = laws[family]
    law = kind_of(shape, scale=scale)
    for kind, exact in {"survival": law.sf, "hazard": lambda t: law.pdf(t) / law.sf(t)}.items():
        for time, found in zip(TIMES, curves(spec, params, TIMES, kind), strict=True):
            np.testing.assert_allclose(found, exact(time), rtol=1e-9)
    for time, found in zip(TIMES, curves(spec, params, TIMES, "rmst"), strict=True):
        one = quad(lambda t: law.sf(t)[0, 0], 0.0, time)[0]
        assert found[0, 0] == pytest.approx(one, rel=1e-5)
