"""Where chains start: uphill from a random point, in each coordinate's own units, never where nothing is finite."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from bayesdeep.core.errors import FitError
from bayesdeep.engines import nuts
from bayesdeep.engines._starts import RATE, climbed


@dataclass
class Bell:
    """A normal log density about ``centre`` with standard deviations ``scale``; of nothing beyond ``wall``."""

    scale: np.ndarray
    centre: np.ndarray
    wall: float = np.inf

    @property
    def jitter(self) -> np.ndarray:
        return self.scale

    def logp_dlogp(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        apart = (x - self.centre) / self.scale
        return (-0.5 * float(apart @ apart) if x[0] < self.wall else np.nan), -apart / self.scale


def test_it_goes_uphill_by_steps_of_a_known_length() -> None:
    bell = Bell(np.ones(3), np.array([50.0, -50.0, 0.0]))
    found = climbed(bell, np.zeros(3), 100)
    assert found[2] == 0
    np.testing.assert_allclose(found[:2], [100 * RATE, -100 * RATE], rtol=0.05)
    np.testing.assert_array_equal(climbed(bell, np.zeros(3), 0), np.zeros(3))


def test_units_do_not_matter() -> None:
    unit = np.array([1.0, 1000.0, 1e-4])
    plain, scaled = Bell(np.ones(3), np.full(3, 2.0)), Bell(unit, 2 * unit)
    np.testing.assert_allclose(climbed(scaled, -unit, 80), unit * climbed(plain, -np.ones(3), 80), rtol=1e-3)


def test_it_stops_where_the_density_is_not_finite() -> None:
    bell = Bell(np.ones(2), np.array([5.0, 5.0]), wall=0.5)
    found = climbed(bell, np.zeros(2), 200)
    assert 0.4 < found[0] < 0.5
    assert np.isfinite(bell.logp_dlogp(found)[0])


def test_after_steep_slopes_steps_are_short() -> None:
    class Cliff(Bell):
        def logp_dlogp(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            slope = np.where(x < 0.1, 1000.0, 1.0)
            return float(np.sum(np.where(x < 0.1, 1000.0 * (x - 0.1), x - 0.1))), slope

    cliff = Cliff(np.ones(1), np.zeros(1))
    late = climbed(cliff, np.zeros(1), 400) - climbed(cliff, np.zeros(1), 300)
    assert 0 < late[0] < 100 * RATE / 80


@pytest.mark.parametrize("climb", [-1, 1.5, True])
def test_steps_are_a_whole_number(climb: object) -> None:
    with pytest.raises(FitError, match=r"climb must be a whole number, 0 or more"):
        replace(nuts.NutsSettings(), climb=climb)
