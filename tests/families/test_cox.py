"""Proportional hazards: the baseline by quadrature, coefficients against R, rows that enter late, and bad input."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest
from scipy.integrate import quad

import bayesdeep as bd
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.families._baseline import Baseline
from bayesdeep.families.cox import variant

BASELINE = Baseline((0.5, 1.0, 2.5, 4.0))
SHARES = np.array([0.1, 0.4, 0.2, 0.3])
REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "survival.json").read_text())


def hazard(time: float) -> float:
    return float((BASELINE.hazard_basis(np, np.array([[time]])) @ SHARES)[0])


def cumulative(time: float) -> float:
    return float((BASELINE.cumulative_basis(np, np.array([[time]])) @ SHARES)[0])


@pytest.mark.parametrize("time", [0.3, 0.7, 2.5, 3.1, 9.0])
def test_the_cumulative_hazard_is_the_integral_of_the_hazard(time: float) -> None:
    inner = [knot for knot in BASELINE.knots if 0 < knot < time]
    assert cumulative(time) == pytest.approx(quad(hazard, 0, time, points=inner or None)[0], abs=1e-9)


def test_shares_sum_to_the_cumulative_hazard_at_the_last_knot() -> None:
    assert cumulative(BASELINE.knots[-1]) == pytest.approx(1.0, abs=1e-12)
    assert hazard(BASELINE.knots[-1] + 10) == pytest.approx(hazard(BASELINE.knots[-1]))


def test_the_inverse_is_one_and_the_mean_is_the_integral_of_survival() -> None:
    times = np.array([0.6, 1.0, 1.7, 3.9, 30.0])
    there = BASELINE.cumulative_basis(np, times[:, None]) @ SHARES
    np.testing.assert_allclose(BASELINE.inverse(np, there, SHARES), times, rtol=1e-12)
    for factor in (0.01, 1.0, 40.0, 5000.0):
        exact = sum(
            quad(lambda t, factor=factor: np.exp(-factor * cumulative(t)), a, b, epsabs=0, epsrel=1e-9, limit=200)[0]
            for a, b in ((0, 0.5), (0.5, 0.55), (0.55, 1.0), (1.0, 2.5), (2.5, 4.0))
        ) + np.exp(-factor) / (factor * hazard(5.0))
        assert BASELINE.mean(np, np.array(factor), SHARES) == pytest.approx(exact, rel=2e-5)


@pytest.mark.integration
def test_who_is_alive_has_the_mean_of_the_density_beyond() -> None:
    """From an entry on, and up to an end, by quadrature; before the first knot nobody dies."""
    family = variant(knots=list(BASELINE.knots))
    mu = 0.7

    def weighted(t: float, power: int) -> float:
        return t**power * mu * hazard(t) * float(np.exp(-mu * cumulative(t)))

    for low, high in ((0.0, np.inf), (0.3, np.inf), (0.8, np.inf), (3.0, np.inf), (5.0, np.inf), (0.8, 3.0), (4.5, 6.0)):
        cuts = [low, *(knot for knot in BASELINE.knots if low < knot < high), min(high, 80.0)]
        moments = [
            sum(quad(weighted, a, b, args=(k,), epsabs=0, epsrel=1e-10)[0] for a, b in pairwise(cuts)) for k in (0, 1)
        ]
        given = {"mu": pt.constant(np.array([mu])), "baseline": pt.constant(SHARES)}
        found = family.truncated_mean(given, pt.constant(np.array([low])), pt.constant(np.array([high])), None).eval()
        assert found[0] == pytest.approx(moments[1] / moments[0], rel=2e-5), (low, high)


def test_slopes_of_rows_that_enter_late_are_of_the_mean_given_entry() -> None:
    """Where the hazard is constant from entry on, the mean is entry and 1 over it: its slope is -b / hazard."""
    data = lung().iloc[:30].assign(entry=lambda d: 0.4 * d.time)
    fit = bd.Model("truncated(censored(time, censor), lb=entry) ~ age", data, family="cox(knots=[0, 1])").fit(
        "ml", seed=1, progress=False
    )
    eta, b = (fit.posterior[name].values[0, 0] for name in ("Intercept", "age"))
    last = fit.posterior["baseline"].values[0, 0, -1] / 0.5
    expected = -b * np.exp(-eta - b * data.age) / last
    assert fit.slopes("age")["estimate"].iloc[0] == pytest.approx(expected.mean(), rel=1e-4)


def lung() -> pd.DataFrame:
    data = pd.DataFrame(REFERENCE["lung"]["data"])
    return data.assign(censor=np.where(data.status == 2, "none", "right"), end=data.age + data.time / 365.25)


def estimates(formula: str, data: pd.DataFrame, family: str = "cox") -> pd.DataFrame:
    return bd.Model(formula, data, family=family).fit("ml", seed=1, progress=False).summary()


def veteran() -> pd.DataFrame:
    data = pd.DataFrame(REFERENCE["veteran"]["data"])
    return data.assign(censor=np.where(data.status == 1, "none", "right"))


def coarse() -> pd.DataFrame:
    """Return lung with times rounded up to 61 days, as intervals: (0, 1] is left-censored."""
    data = lung()
    end = np.ceil(data.time / COARSE)
    dead = (data.status == 2).to_numpy()
    kind = np.where(~dead, "right", np.where(end == 1, "left", "interval"))
    return data.assign(begin=np.where(kind == "interval", end - 1, end), end=end, kind=kind)


COARSE = 60.875
NEAR_EFRON = [
    pytest.param("lung", lung, "censored(time, censor) ~ age + sex + ecog", 0.13, id="lung"),
    pytest.param("veteran", veteran, "censored(time, censor) ~ trt + karno + age", 0.29, id="veteran"),
    pytest.param(
        "lung in units of 61 days", coarse, "censored(begin, end, kind) ~ age + sex + ecog", 0.13, id="intervals",
        marks=pytest.mark.integration,
    ),
]


@pytest.mark.parametrize(("name", "data", "formula", "near"), NEAR_EFRON)
def test_coefficients_are_near_those_of_the_partial_likelihood(name: str, data: Any, formula: str, near: float) -> None:
    """The full likelihood with a smooth baseline is another model: estimates differ by small parts of their standard errors."""
    found, theirs = estimates(formula, data()), REFERENCE[name]["efron"]
    for column, value, error in zip(theirs["names"], theirs["coefficients"], theirs["standard_errors"], strict=True):
        assert found.loc[column, "estimate"] == pytest.approx(value, abs=near * error)
        assert found.loc[column, "se"] == pytest.approx(error, rel=0.01)


@pytest.mark.integration
def test_breslow_s_likelihood_is_that_of_poisson_rows() -> None:
    """A count a row and event time, with a level each: the same estimates and errors as R's coxph(ties="breslow")."""
    data = lung().iloc[:60]
    times = np.unique(data.time[data.status == 2])
    rows = data.loc[np.repeat(data.index, len(times))].assign(at=np.tile(times, len(data)))
    rows = rows[rows.time >= rows["at"]]
    rows = rows.assign(died=((rows.time == rows["at"]) & (rows.status == 2)).astype(int), at=rows["at"].astype(str))
    found = estimates("died ~ 0 + at + age + sex", rows, "poisson")
    theirs = REFERENCE["first 60 of lung"]["breslow"]
    for name, value, error in zip(theirs["names"], theirs["coefficients"], theirs["standard_errors"], strict=True):
        assert found.loc[name, "estimate"] == pytest.approx(value, rel=2e-4)
        assert found.loc[name, "se"] == pytest.approx(error, rel=2e-4)


@pytest.mark.integration
@pytest.mark.parametrize("family", ["exponential", "weibull", "cox(knots=[0, 300])"])
def test_late_entry_is_conditional_on_survival_to_it(family: str) -> None:
    """Log likelihoods of rows by hand: the density or survival at the end over survival at entry."""
    data = lung().iloc[:12]
    data = data.assign(entry=np.where(np.arange(12) % 3 == 0, 0.0, data.time * 0.4))
    late = bd.Model("truncated(censored(time, censor), lb=entry) ~ age", data, family=family)
    fit = late.fit("ml", seed=1, progress=False)
    own = fit.log_likelihood()["log_likelihood"]["time"].values[0, 0]
    params = {name: fit.posterior[name].values[0, 0] for name in fit.posterior.data_vars}
    eta = params["Intercept"] + params["age"] * data.age.to_numpy()
    time, entry, event = data.time.to_numpy(float), data.entry.to_numpy(float), (data.status == 2).to_numpy()
    if family.startswith("cox"):
        base = Baseline((0.0, 300.0))

        def hazards(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            made = base.hazard_basis(np, t[:, None]), base.cumulative_basis(np, t[:, None])
            return tuple(np.exp(eta) * (basis @ params["baseline"]) for basis in made)
    else:
        from scipy.special import gamma

        alpha = params.get("alpha", 1.0)
        scale = np.exp(eta) / gamma(1 + 1 / alpha)

        def hazards(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return alpha / scale * (np.maximum(t, 1e-9) / scale) ** (alpha - 1), (t / scale) ** alpha

    at, total = hazards(time)
    expected = event * np.log(at) - total + hazards(entry)[1]
    np.testing.assert_allclose(own, expected, rtol=1e-9)
    drawn = fit.draws(kind="response").values[0]
    assert (drawn >= entry).all()
    assert (drawn[:, ~event] <= time[~event]).all()


@pytest.mark.parametrize(
    ("family", "left", "says"),
    [
        ("cox", "censored(zero, censor)", "above 0"),
        ("cox", "censored(time, all)", "rows with an event"),
        ("cox", "truncated(censored(time, censor), lb=time)", "times after entry"),
        ("weibull", "truncated(censored(time, censor), lb=late)", "ended before they entered"),
        ("cox(knots=[400, 500])", "censored(time, censor)", "events after its first knot"),
        ("cox(knots=1)", "censored(time, censor)", "from 2 to"),
        ("cox(ties='efron')", "censored(time, censor)", r"takes no ties=.* no approximation.*censored\(time, upper, status\)"),
        ("cox(knots=[3, 2])", "censored(time, censor)", "increasing times"),
        ("cox", "censored(log(time), censor)", "above 0"),
    ],
)
def test_bad_input(family: str, left: str, says: str) -> None:
    data = lung()
    late = data.time + np.where(data.censor == "right", 1, -1)
    data = data.assign(zero=data.time * (data.index > 0), all="right", late=late)
    if "log" in left:
        data = data.assign(time=data.time / 1000)
    with pytest.raises(BayesdeepError, match=says):
        bd.Model(f"{left} ~ age", data, family=family)


def test_the_baseline_takes_no_formula_number_or_other_prior() -> None:
    for options, says in (
        ({"baseline": "~ age"}, "cannot have a formula"),
        ({"baseline": bd.known(0.5)}, "several numbers"),
        ({"priors": {"baseline": "Normal(0, 1)"}}, "Dirichlet"),
    ):
        with pytest.raises(BayesdeepError, match=says):
            bd.Model("censored(time, censor) ~ age", lung(), family="cox", **options)


@pytest.mark.integration
def test_a_saved_model_has_its_knots(tmp_path: Path) -> None:
    model = bd.Model("censored(time, censor) ~ age", lung(), family="cox(knots=4)")
    assert model.spec.family.startswith("cox(knots=[0.0, ")
    fit = model.fit("ml", seed=1, progress=False)
    again = bd.load(fit.save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(again.predict(lung().head(3)), fit.predict(lung().head(3)))
