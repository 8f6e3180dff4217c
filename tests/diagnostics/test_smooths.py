"""What is said of smooths: derivatives, where they rise and fall, and whether they are lines."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.effects.smooth_curves import smooth_curves
from bayesdeep.effects.smooth_line import _test, line_test
from bayesdeep.effects.smooth_stretches import Stretch, stretches
from bayesdeep.effects.smooth_surface import smooth_surfaces
from bayesdeep.report.smooth_phrases import line_sentence, shape_sentence
from bayesdeep.results.smooth_parts import parts_of
from bayesdeep.terms._smooth_bases import BASES

N = 80


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.uniform(0, 9, N), "z": rng.normal(1, 1, N), "t": np.arange(N) // 4})
    data["g"] = np.array(list("abc"))[np.arange(N) % 3]
    return data.assign(y=np.sin(data.x) + 0.3 * rng.normal(size=N), c=rng.poisson(2, N))


@pytest.mark.parametrize("bs", tuple(BASES))
def test_slopes_are_differences_of_the_curve_and_those_of_slopes(bs: str, made_up: Callable[..., bd.Fit]) -> None:
    fit = made_up(bd.Model(f"y ~ s(x, bs='{bs}', k=6) + z", frame()), draws=30)
    (curve,) = smooth_curves(fit, points=401)
    at, table = curve.table["x"].to_numpy(), curve.table
    # Central differences of the mean curve itself, of a step of an 800th of the range.
    by_hand = (table["estimate"].to_numpy()[2:] - table["estimate"].to_numpy()[:-2]) / (at[2:] - at[:-2])
    most = np.abs(table["slope"]).max()
    np.testing.assert_allclose(table["slope"][1:-1], by_hand, atol=2e-3 * most)
    some = at[[0, 50, 200, 333, 400]]
    asked = fit.slopes("x", at={"x": some.tolist()}, kind="linear")
    same = table.iloc[[0, 50, 200, 333, 400]]
    np.testing.assert_allclose(asked["estimate"], same["slope"], rtol=1e-6, atol=1e-6 * most)
    np.testing.assert_allclose(asked["lower"], same["slope_lower"], rtol=1e-6, atol=1e-6 * most)
    np.testing.assert_allclose(asked["prob_positive"], same["prob_rising"])


def test_a_curve_a_level_is_the_difference_of_predictions_and_a_varying_coefficient_their_slope(
    made_up: Callable[..., bd.Fit],
) -> None:
    data = frame()
    fit = made_up(bd.Model("y ~ g + s(x, by=g, k=5) + s(t, by=z, k=4)", data))
    curves = smooth_curves(fit, points=5)
    assert [(c.name, c.level, len(c.rows)) for c in curves] == [
        ("s(x):g[a]", "a", 27), ("s(x):g[b]", "b", 27), ("s(x):g[c]", "c", 26), ("s(t):z", "", N)
    ]  # fmt: skip
    for curve in curves[:3]:
        rows = pd.DataFrame({"x": curve.table["x"], "g": curve.level, "t": 3, "z": 0.4})
        drawn = fit.draws(rows, kind="linear").mean(("chain", "draw")).to_numpy()
        np.testing.assert_allclose(np.diff(curve.table["estimate"]), np.diff(drawn), atol=1e-9)
    varying = curves[3].table
    rows = pd.DataFrame({"x": 2.0, "g": "a", "t": varying["t"]})
    more, less = (fit.draws(rows.assign(z=z), kind="linear").mean(("chain", "draw")).to_numpy() for z in (1.0, 0.0))
    np.testing.assert_allclose(varying["estimate"], more - less, atol=1e-9)
    assert curves[3].residuals is None


def test_a_walk_is_drawn_at_its_times(made_up: Callable[..., bd.Fit]) -> None:
    fit = made_up(bd.Model("y ~ s(x, k=5) + rw(t)", frame()))
    curve, walk = smooth_curves(fit)
    assert (curve.name, walk.name) == ("s(x)", "rw(t)")
    np.testing.assert_array_equal(walk.table["t"], np.arange(20))
    np.testing.assert_allclose(walk.table["slope"], np.gradient(walk.table["estimate"]), atol=1e-12)


def test_residuals_are_responses_less_the_rest(made_up: Callable[..., bd.Fit]) -> None:
    data = frame()
    fit = made_up(bd.Model("y ~ z + s(x, k=5)", data), values={"z": 0.7, "Intercept": 0.2})
    (curve,) = smooth_curves(fit)
    np.testing.assert_allclose(curve.residuals, data.y - 0.2 - 0.7 * data.z, atol=1e-12)
    (counts,) = smooth_curves(made_up(bd.Model("c ~ s(x, k=5)", data, family="poisson"), values={"s(x)_sigma": 0.1}))
    assert counts.residuals is None


def test_a_surface_is_the_difference_of_predictions_and_not_shown_far_from_rows(made_up: Callable[..., bd.Fit]) -> None:
    data = frame()
    fit = made_up(bd.Model("y ~ s(x, z, k=10)", data))
    (surface,) = smooth_surfaces(fit, points=9)
    i, j = np.nonzero(np.isfinite(surface.estimate))
    rows = pd.DataFrame({"x": surface.at[0][i], "z": surface.at[1][j]})
    drawn = fit.draws(rows, kind="linear").mean(("chain", "draw")).to_numpy()
    np.testing.assert_allclose(surface.estimate[i, j] - surface.estimate[i[0], j[0]], drawn - drawn[0], atol=1e-9)
    assert np.isnan(surface.estimate).any()
    assert smooth_curves(fit) == []


def test_stretches_and_their_words() -> None:
    at = np.arange(11.0)
    slope = np.array([1, 1, 1, 1, -1, -1, -1, -1, -1, 1, 1])
    rising = np.array([0.5, 0.96, 0.99, 0.9, 0.04, 0.01, 0.2, 0.01, 0.02, 0.6, 0.7])
    table = pd.DataFrame({"x": at, "slope": slope, "prob_rising": rising, "estimate": np.cumsum(slope)})
    assert stretches(table, "x") == [
        Stretch(True, 0.0, 3.0, 1.0, 2.0), Stretch(False, 4.0, 8.0, 4.0, 5.0), Stretch(True, 9.0, 10.0, None, None)
    ]  # fmt: skip
    from bayesdeep.effects.smooth_curves import SmoothCurve

    said = shape_sentence(SmoothCurve("s(x)", "x", table, at))
    assert said == "`s(x)` rises from 0.0 to 3.0 (surely from 1.0 to 2.0) and falls from 4.0 to 8.0 (surely to 5.0)."
    level = table.assign(prob_rising=0.5)
    assert "at no place is its slope sure" in shape_sentence(SmoothCurve("s(x)", "x", level, at))


def test_the_density_at_0_is_that_of_known_distributions() -> None:
    """Of half-normal draws, and of draws that are away from 0."""
    rng, prior = np.random.default_rng(0), 0.4
    near = _test(np.abs(rng.normal(0, 0.2, 4000)), prior)
    assert near.factor == pytest.approx(2 / (0.2 * np.sqrt(2 * np.pi)) / prior, rel=0.1)
    far = _test(np.abs(rng.normal(5, 0.2, 4000)), prior)
    assert far.factor == far.least < 0.02
    assert near.probability == pytest.approx(near.factor / (1 + near.factor))


def test_it_is_the_ratio_of_marginal_likelihoods() -> None:
    """By integrals over both sds with dense algebra, of data for which they are not far from each other."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"x": np.linspace(0, 3, 50)})
    data["y"] = 1 + 0.5 * data.x + 0.25 * np.sin(3 * data.x) + 0.4 * rng.normal(size=50)
    priors = {"Intercept": "Normal(0, 1)", "s(x)_linear": "Normal(0, 1)", "sigma": "HalfNormal(1)", "s(x)_sigma": "HalfNormal(1)"}
    model = bd.Model("y ~ s(x)", data, priors=priors)
    fit = model.fit(draws=2000, seed=1, progress=False)
    arrays = model.__dict__["_rows"].arrays
    line, z, y = arrays["mu_s_1.line"], arrays["mu_s_1.Z"], data.y.to_numpy()
    known = np.ones((50, 50)) + line @ line.T

    def likelihood(sigma: float, tau: float) -> float:
        covariance = known + sigma**2 * np.eye(50) + tau**2 * z @ z.T
        return -0.5 * (np.linalg.slogdet(covariance)[1] + y @ np.linalg.solve(covariance, y) + sigma**2)

    sigmas, taus = np.linspace(0.2, 0.8, 40), np.linspace(0.0, 4.0, 120)
    table = np.exp(np.array([[likelihood(s, t) for t in taus] for s in sigmas]) - likelihood(0.4, 0.3))
    density = np.sqrt(2 / np.pi) * np.exp(-0.5 * taus**2)
    bent = np.trapezoid((table.sum(axis=0) * density), taus)
    tested = line_test(fit, parts_of(fit.spec)[0])
    assert not isinstance(tested, str)
    assert 0.02 < table[:, 0].sum() / bent < 50
    assert tested.factor == pytest.approx(table[:, 0].sum() / bent, rel=0.15)
    row = fit.smooths().loc["s(x)"]
    assert row["bayes_factor"] == tested.factor
    assert row["edf_lower"] < row["edf"] < row["edf_upper"] < row["most"] == 9


@pytest.mark.slow
def test_its_probabilities_are_calibrated() -> None:
    """Of sets drawn from the priors, half of them lines, the shares of lines are the probabilities."""
    rng = np.random.default_rng(5)
    priors = {"Intercept": "Normal(0, 1)", "s(x)_linear": "Normal(0, 1)", "sigma": "HalfNormal(1)", "s(x)_sigma": "HalfNormal(1)"}
    x = np.linspace(0, 3, 60)
    arrays = bd.Model("y ~ s(x)", pd.DataFrame({"x": x, "y": x}), priors=priors).__dict__["_rows"].arrays
    chance, truth = [], []
    for k in range(200):
        tau, sigma = (0.0 if k % 2 else abs(rng.normal())), abs(rng.normal())
        y = rng.normal() + rng.normal() * arrays["mu_s_1.line"][:, 0] + tau * arrays["mu_s_1.Z"] @ rng.normal(size=8)
        data = pd.DataFrame({"x": x, "y": y + sigma * rng.normal(size=60)})
        fit = bd.Model("y ~ s(x)", data, priors=priors).fit("collapsed", seed=k, progress=False)
        chance.append(float(fit.smooths()["prob_line"].iloc[0]))
        truth.append(float(k % 2))
    p, lines = np.array(chance), np.array(truth)
    assert abs((p - lines).sum()) < 3 * np.sqrt((p * (1 - p)).sum())
    assert p[lines == 1].mean() > 0.7 > 0.35 > p[lines == 0].mean()


UNTESTED = {"HalfFlat()": "no density at 0", "Gamma(2, 1)": "no density at 0", "InverseGamma(2, 1)": "no density at 0"}


@pytest.mark.parametrize("prior", UNTESTED)
def test_without_a_density_at_0_there_is_no_test(prior: str) -> None:
    fit = bd.Model("y ~ s(x)", frame(), priors={"s(x)_sigma": prior}).fit("collapsed", seed=1, progress=False)
    with pytest.warns(UserWarning, match=r"smooths: there is no Bayes factor for s\(x\).*no density at 0"):
        table = fit.smooths()
    assert UNTESTED[prior] in table.attrs["no_test"]["s(x)"]
    assert table[["bayes_factor", "prob_line"]].isna().all(axis=None)
    said = line_sentence("s(x)", table.iloc[0], "a straight line", table.attrs["no_test"]["s(x)"])
    assert said.startswith("Whether `s(x)` is a straight line is not tested: the prior")


def test_of_a_point_there_is_no_test_and_without_smooths_no_row() -> None:
    with pytest.warns(UserWarning, match="no Bayes factor for .* a point estimate"):
        table = bd.Model("y ~ s(x)", frame()).fit("reml", progress=False).smooths()
    assert "a point estimate" in table.attrs["no_test"]["s(x)"]
    assert table["edf"].notna().all()
    assert len(bd.Model("y ~ x", frame()).fit("collapsed", seed=1, progress=False).smooths()) == 0


def test_words_of_the_test() -> None:
    row = pd.Series({"bayes_factor": 12.0, "least_factor": 0.01})
    assert line_sentence("s(x)", row, "a plane") == "The rows speak for `s(x)` being a plane (Bayes factor for it 12)."
    row["bayes_factor"] = 0.01
    assert "strongly against `s(x)` being a plane (Bayes factor for it at most 1/100)" in line_sentence("s(x)", row, "a plane")
    row["bayes_factor"] = 0.8
    assert "do not say whether `s(x)` is a plane (Bayes factor for it 1/1.2)" in line_sentence("s(x)", row, "a plane")
