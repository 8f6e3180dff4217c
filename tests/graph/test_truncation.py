"""Truncated responses: the density integrates to one between its bounds, and the mean is the integral it claims to be."""

from itertools import pairwise

import numpy as np
import pytensor.tensor as pt
import pytest

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.links import find_link
from bayesdeep.core.records import Aux
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.likelihood import Parts, mean, pointwise

TRUNCATED = [name for name in FAMILIES if "truncated" in FAMILIES[name].modifiers]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
BOUNDS = [(1.0, None), (None, 3.0), (1.0, 3.0), (6.0, None), (1.0, np.inf)]


def compiled(name: str, lower: float | None, upper: float | None):
    """Return the truncated density at given values, and the truncated mean (None without a closed form)."""
    import pytensor

    family = FAMILIES[name]
    params = {k: pt.as_tensor(np.atleast_1d(np.array(v, dtype=float))) for k, v in family.example.items()}
    aux = Aux(find_link(family.main.links[0], "link", FormulaError))
    value = pt.dvector("value")
    bounds = {k: None if b is None else pt.as_tensor(np.array([b])) for k, b in (("lower", lower), ("upper", upper))}
    parts = Parts(value=value, lower_bound=bounds["lower"], upper_bound=bounds["upper"])
    density = pytensor.function([value], pt.exp(pointwise(family, params, aux, parts)), mode=array_mode())
    expected = mean(family, params, aux, parts)
    return density, None if expected is None else float(expected.eval(mode=array_mode())[0])


@pytest.mark.few(6)
@pytest.mark.parametrize("name", TRUNCATED)
@pytest.mark.parametrize(("lower", "upper"), BOUNDS)
def test_mass_and_mean(name: str, lower: float | None, upper: float | None) -> None:
    density, expected = compiled(name, lower, upper)
    low = -60.0 if lower is None else lower
    high = 400.0 if upper is None or np.isinf(upper) else upper
    if "discrete" in FAMILIES[name].words:
        at = np.arange(max(0, int(low)), int(high) + 1, dtype=float)
        p = density(at)
        total, moment = p.sum(), (at * p).sum()
    else:
        low = max(low, FAMILIES[name].support[0])
        # Heavy tails need room, and the middle needs many nodes: intervals that grow.
        edges = np.unique(
            np.clip(np.r_[low, np.linspace(low, min(high, low + 80), 161), np.geomspace(80, 400, 9), high], low, high)
        )
        atoms = np.array([atom for atom in FAMILIES[name].atoms if low <= atom <= high])
        mass = density(atoms) if len(atoms) else np.zeros(0)
        total, moment = mass.sum(), (atoms * mass).sum()
        for a, b in pairwise(edges):
            y = (b - a) / 2 * NODES + (a + b) / 2
            p = density(y) * WEIGHTS * (b - a) / 2
            total, moment = total + p.sum(), moment + (y * p).sum()
    assert total == pytest.approx(1.0, abs=2e-3)
    if expected is not None:
        assert moment == pytest.approx(expected, rel=1e-4)


@pytest.mark.few(4)
@pytest.mark.parametrize("name", TRUNCATED)
def test_outside_the_bounds_there_is_nothing(name: str) -> None:
    density, _ = compiled(name, 1.0, 3.0)
    assert density(np.array([4.0])) == 0.0


def test_the_normal_far_in_its_tail() -> None:
    """Twenty standard deviations out, where the plain normal has no mass in floating point: mean 20 + hazard's excess."""
    family = FAMILIES["gaussian"]
    params = {"mu": pt.as_tensor(np.zeros(1)), "sigma": pt.as_tensor(np.ones(1))}
    parts = Parts(lower_bound=pt.as_tensor(np.array([20.0])))
    found = float(mean(family, params, Aux(find_link("identity", "link", FormulaError)), parts).eval()[0])
    z = np.linspace(20, 24, 400_001)
    w = np.exp(-0.5 * (z**2 - 400))
    assert found == pytest.approx((z * w).sum() / w.sum(), rel=1e-6)
