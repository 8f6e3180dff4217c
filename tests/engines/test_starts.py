"""Where chains start: uphill from a random point, in each coordinate's own units, never where nothing is finite."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.engines import nuts
from bayesdeep.engines._starts import RATE, climbed
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.starts import starting_places


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


# Where a model's own start is


WIDE = {
    "Uniform(-20, 20)": "Uniform(0, 50)",
    "Uniform(-1000, 60)": "Uniform(0, 1e6)",
    "Flat()": "HalfFlat()",
    "Normal(0, 1000)": "HalfNormal(1000)",
    "Cauchy(-300, 1000)": "HalfCauchy(1000)",
    "StudentT(3, 500, 1000)": "HalfStudentT(3, 1000)",
    "TruncatedNormal(0, 1000, -50, 900)": "TruncatedNormal(0, 1000, 0, 1e4)",
}
FAMILIES_STARTED = ["poisson", "negative_binomial", "bernoulli", "gamma", "gaussian"]


def started(family: str, intercept: str, sd: str, formula: str = "x + (1 | g)") -> bd.Model:
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    eta = 4 + 0.2 * x
    responses = {
        "poisson": rng.poisson(np.exp(eta)),
        "negative_binomial": rng.poisson(np.exp(eta)),
        "bernoulli": (rng.random(40) < 0.8).astype(int),
        "gamma": rng.gamma(3, np.exp(eta) / 3),
        "gaussian": 5 + x,
    }
    d = pd.DataFrame({"x": x, "g": rng.integers(0, 5, 40), "y": responses[family], "e": rng.normal(3, 0.1, 40)})
    priors = {"Intercept": intercept, "x": "Uniform(0, 100)" if "Uniform" in intercept else intercept, "1|g_sigma": sd}
    link = {"gamma": "log"}.get(family)
    return bd.Model(f"y ~ {formula}", d, family, link=link, priors=priors)


def frame_of(model: bd.Model) -> pd.DataFrame:
    return pd.DataFrame({name: column.values for name, column in model.__dict__["_rows"].columns.items()})


def own_scale(model: bd.Model) -> dict[str, float]:
    """Return where a model's variables start, as they are."""
    found = {}
    for name, value in model.pymc.initial_point().items():
        rv = model.pymc.values_to_rvs[next(v for v in model.pymc.value_vars if v.name == name)]
        transform = model.pymc.rvs_to_transforms[rv]
        own = value if transform is None else transform.backward(value, *rv.owner.inputs).eval(mode=array_mode())
        found[rv.name] = own if np.ndim(own) else float(own)
    return found


@pytest.mark.few(12)
@pytest.mark.parametrize("family", FAMILIES_STARTED)
@pytest.mark.parametrize("intercept", list(WIDE))
def test_a_wide_prior_does_not_move_the_start_from_the_data(family: str, intercept: str) -> None:
    model = started(family, intercept, WIDE[intercept])
    usual = started(family, "Normal(0, 1)", "HalfNormal(1)")
    usual = bd.Model("y ~ x + (1 | g)", frame_of(usual), family, link={"gamma": "log"}.get(family))
    found, wanted = own_scale(model), own_scale(usual)
    spread = model.spec.response.spread
    assert found["Intercept_at_means"] == pytest.approx(wanted["Intercept_at_means"], abs=1e-2 * spread)
    assert abs(found["x"]) <= 0.25 * spread / 0.5
    assert found["1|g_sigma"] <= 1.5 * spread
    jitter = model._graph.units["Intercept_at_means"]
    room = 40 if "-20" in intercept else 1060 if "-1000" in intercept else 950 if "Trunc" in intercept else None
    if room is not None:
        # In log odds between the bounds, half a spread at the most.
        assert jitter * room / 4 == pytest.approx(min(0.5 * spread, room / 4), rel=1e-6)


def test_a_prior_that_says_more_than_the_data_keeps_its_start() -> None:
    found = own_scale(started("poisson", "Normal(0, 0.1)", "HalfNormal(0.01)"))
    assert abs(found["Intercept_at_means"]) <= 0.2 + 1e-9
    assert found["1|g_sigma"] <= 0.02 + 1e-9
    found = own_scale(started("poisson", "Uniform(-1, 1)", "Uniform(7, 9)"))
    assert 0.5 < found["Intercept_at_means"] < 1
    assert 7 < found["1|g_sigma"] < 8


def test_default_priors_start_at_their_centre() -> None:
    usual = started("poisson", "Normal(0, 1)", "HalfNormal(1)")
    model = bd.Model("y ~ x + (1 | g)", frame_of(usual), "poisson")
    assert starting_places(model.spec, {}) == {}


def test_offsets_count() -> None:
    model = started("poisson", "Uniform(-20, 20)", "HalfFlat()", "x + offset(e) + (1 | g)")
    found, without = own_scale(model), own_scale(started("poisson", "Uniform(-20, 20)", "HalfFlat()"))
    assert found["Intercept_at_means"] - without["Intercept_at_means"] == pytest.approx(-3, abs=0.1)
