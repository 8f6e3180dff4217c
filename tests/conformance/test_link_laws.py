"""Laws of every link: there and back, logarithms that agree, and an activation of a network or a reason why not."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.links import CURVES, LINKS, activation_of
from bayesdeep.core.records import Link
from bayesdeep.graph.evaluate import array_mode

from .examples import columns, example_of


def at(function, x):
    eta = pt.dvector()
    return pytensor.function([eta], function(eta), mode=array_mode())(np.asarray(x, dtype=float))


@pytest.mark.parametrize("name", LINKS)
def test_inverse_undoes_forward(name: str) -> None:
    link = LINKS[name]
    assert link.name == name
    assert link.formula.startswith("mu")
    mu = np.array(example_of(link, "link", name, "values of mu inside its range"))
    np.testing.assert_allclose(at(link.inverse, link.forward(mu)), mu, rtol=1e-9)


@pytest.mark.parametrize("name", [n for n in LINKS if LINKS[n].maps_to == "unit"])
def test_logarithms_are_those_of_the_probability(name: str) -> None:
    link = LINKS[name]
    assert link.log_inverse is not None, f"the link '{name}' onto the unit interval lacks log_inverse and log1m_inverse"
    eta = np.linspace(-2.5, 2.5, 21)
    p = at(link.inverse, eta)
    np.testing.assert_allclose(at(link.log_inverse, eta), np.log(p), rtol=1e-9)
    np.testing.assert_allclose(at(link.log1m_inverse, eta), np.log1p(-p), rtol=1e-7, atol=1e-12)


def spread(function) -> float:
    """Return the sd of units whose linear predictors are normal with sd 2, by quadrature."""
    z = np.linspace(-9.0, 9.0, 20_001)
    weight = np.exp(-0.5 * z**2) / np.exp(-0.5 * z**2).sum()
    units = at(function, 2.0 * z)
    return float(np.sqrt(weight @ units**2 - (weight @ units) ** 2))


@pytest.mark.few(6)
@pytest.mark.parametrize("name", [*LINKS, *CURVES])
def test_reach_is_the_spread_of_its_units(name: str) -> None:
    if name in LINKS and LINKS[name].reach is None:
        with pytest.raises(FormulaError, match=r"is not defined at 0|has no reach"):
            bd.Model(f"y ~ net(x, z, hidden=[3], activation='{name}')", columns())
        return
    found = activation_of(name, "net()", FormulaError)
    if not found.shared:
        tanh = activation_of("tanh", "net()", FormulaError)
        assert found.reach == pytest.approx(spread(found.function) / spread(tanh.function), rel=3e-3)
    model = bd.Model(f"y ~ net(x, z, hidden=[3], activation='{name}')", columns())
    assert np.isfinite(model.pymc.compile_logp(mode=array_mode())(model.pymc.initial_point()))


def test_a_visitor_is_link_and_activation(visitors: None) -> None:
    bd.register(Link("arctan", np.tan, lambda eta: pt.arctan(eta), "real", formula="mu = atan(eta)", reach=1.3, example=(0.4,)))
    bd.Model("y ~ net(x, hidden=[3], activation='arctan')", columns())
    test_inverse_undoes_forward("arctan")
    bd.register(Link("cube", np.cbrt, lambda eta: eta**3, "real", formula="mu = eta^3"))
    with pytest.raises(FormulaError, match="'cube' is no activation, since it has no reach"):
        bd.Model("y ~ net(x, hidden=[3], activation='cube')", columns())
    with pytest.raises(pytest.fail.Exception, match="link 'cube' lacks an example"):
        test_inverse_undoes_forward("cube")
