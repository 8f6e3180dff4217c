"""Predictions from one draw of the parameters, or a few, are those of the predictive distribution: laws over all families."""

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.results.draw_arrays import enough_draws

ROWS, GROUPS, MANY, TRIALS, LEVELS = 40, 5, 20_000, 9, 4
# Quantities of mixtures have other names than those that these tests give values; tests of their own look at their predictions.
PLAIN = [name for name, family in FAMILIES.items() if family.components is None]
NUMBERS = [name for name in PLAIN if not FAMILIES[name].words & {"levels", "several_columns"}]


def frame(name: str) -> tuple[str, pd.DataFrame]:
    """Return the left side of a formula, and rows drawn from the family's example."""
    family = FAMILIES[name]
    rng = np.random.default_rng(3)
    levels = LEVELS if any(p.shape != "row" for p in family.parameters) else None
    params = {p.name: np.asarray(family.example[p.name], dtype=float) for p in family.parameters}
    params[family.main.name] = params[family.main.name] + np.zeros((ROWS, *params[family.main.name].shape))
    trials = np.full(ROWS, TRIALS) if family.words & {"trials", "several_columns"} else None
    link = LINKS[family.main.links[0]]
    rv = family.rv({k: pm.math.constant(v) for k, v in params.items()}, Aux(link, trials, levels))
    y = np.asarray(pm.draw(rv, random_seed=4, mode=array_mode()))
    data: dict[str, Any] = {"x": rng.normal(size=ROWS), "g": np.resize(list("abcde")[:GROUPS], ROWS)}
    if "several_columns" in family.words:
        data |= {f"c{k}": y[:, k] for k in range(y.shape[1])}
        return f"c({', '.join(f'c{k}' for k in range(y.shape[1]))})", pd.DataFrame(data)
    if trials is not None:
        return "prop(y, n)", pd.DataFrame(data | {"y": y, "n": trials})
    return "y", pd.DataFrame(data | {"y": y})


def at_example(name: str, posterior: Any, sd: float) -> dict[str, Any]:
    """Return values of a model's quantities at the family's example, with small effects of its predictors."""
    family, link = FAMILIES[name], LINKS[FAMILIES[name].main.links[0]]
    mu = np.asarray(family.example[family.main.name], dtype=float)
    found: dict[str, Any] = {p.name: family.example[p.name] for p in family.parameters[1:]}
    found |= {"Intercept": mu if family.main.link_in_family else link.forward(mu), "x": 0.05, "1|g": 0.0, "1|g_sigma": sd}
    return {key: value for key, value in found.items() if key in posterior}


def fit_at(made_up: Any, name: str, draws: int, formula: str = "x + (1 | g)", sd: float = 0.05) -> tuple[Any, pd.DataFrame]:
    left, data = frame(name)
    model = bd.Model(f"{left} ~ {formula}", data, family=name)
    names = made_up(model, draws=1, chains=1).posterior
    return made_up(model, draws=draws, chains=1, values=at_example(name, names, sd)), data


def moments(draws: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return mean and sd of draws ``(draw, row)`` and their standard errors."""
    mean, sd, kurtosis = draws.mean(axis=0), draws.std(axis=0), stats.kurtosis(draws, axis=0, fisher=False)
    return mean, sd, sd / np.sqrt(len(draws)), sd * np.sqrt((kurtosis - 1) / (4 * len(draws)))


@pytest.mark.few(2)
@pytest.mark.parametrize("name", NUMBERS)
def test_one_draw_predicts_a_distribution(made_up, name):
    one, data = fit_at(made_up, name, 1)
    many, _ = fit_at(made_up, name, MANY)
    new = data.iloc[:3]
    table = one.predict(new)
    draws = np.asarray(many.draws(new, kind="response"))[0]
    mean, sd, mean_error, sd_error = moments(draws.astype(float))
    simulated = np.sqrt(MANY / 4_000)  # where there is no closed form, predict() has 4,000 draws
    assert np.abs(table["mean"] - mean).max() < 5 * (mean_error * (1 + simulated)).max()
    assert (np.abs(table["sd"] - sd) < 5 * sd_error * (1 + simulated) + 1e-12).all()
    inside = ((draws >= table["lower"].to_numpy()) & (draws <= table["upper"].to_numpy())).mean(axis=0)
    assert (inside > 0.88).all()
    if "discrete" not in FAMILIES[name].words and not FAMILIES[name].atoms:
        assert (inside < 0.92).all()


@pytest.mark.few(2)
@pytest.mark.parametrize("name", NUMBERS)
def test_the_mean_has_no_simulation_noise(made_up, name):
    fit, data = fit_at(made_up, name, 3)
    ours = fit.predict(data)["mean"]
    np.testing.assert_allclose(ours, fit.predict(data, kind="mean")["mean"], rtol=1e-12)
    np.testing.assert_allclose(ours, fit.predict(data, seed=99)["mean"], rtol=1e-12)


@pytest.mark.few(2)
@pytest.mark.parametrize("name", PLAIN)
def test_a_new_group_stands_for_all_groups_also_with_one_draw(made_up, name):
    one, data = fit_at(made_up, name, 1, sd=0.4)
    many, _ = fit_at(made_up, name, MANY, sd=0.4)
    new = data.iloc[:2].assign(g=["new", "newer"])
    table, draws = one.predict(new, kind="mean", new_groups="sample"), np.asarray(many.draws(new, "mean", "sample"))[0]
    shown = table.drop(columns=["mode"], errors="ignore").to_numpy(float)
    ours = shown if draws.ndim == 3 else table["mean"].to_numpy()
    assert np.abs(ours - draws.mean(axis=0)).max() < 6 * draws.std(axis=0).max() / np.sqrt(4_000)
    if draws.ndim == 2:
        np.testing.assert_allclose(table["sd"], draws.std(axis=0), rtol=0.1)
        np.testing.assert_allclose(table["lower"], np.quantile(draws, 0.05, axis=0), atol=0.15 * draws.std())
    scores = [one.log_score(new, new_groups="sample", seed=seed) for seed in range(3)]
    assert np.ptp(scores) < 0.1
    assert np.abs(np.mean(scores) - many.log_score(new, new_groups="sample")) < 0.1


@pytest.mark.few(2)
@pytest.mark.parametrize("name", list(FAMILIES))
def test_without_predictors_any_number_of_rows_is_predicted(made_up, name):
    fit, data = fit_at(made_up, name, 4, formula="1")
    whole = fit.predict(data, kind="mean")
    for count in (1, 3, ROWS + 7):
        rows = data.iloc[np.resize(np.arange(ROWS), count)]
        shown = fit.predict(rows, kind="mean")
        assert len(shown) == count
        pd.testing.assert_frame_equal(shown.reset_index(drop=True).iloc[:1], whole.iloc[:1].reset_index(drop=True))
        assert fit.draws(rows).sizes["obs"] == count
        assert fit.log_score(rows, pointwise=True).shape == (count,)
    np.testing.assert_allclose(fit.log_score(data, pointwise=True)[:4], fit.log_score(data.iloc[:4], pointwise=True))


@pytest.mark.integration
@pytest.mark.parametrize(("name", "lower", "upper"), [("poisson", 2, None), ("gamma", 0.2, 4.0), ("gaussian", None, 2.0)])
def test_truncated_budgets_and_predictions_are_of_what_can_be_recorded(made_up, name, lower, upper):
    left, data = frame(name)
    kept = data[(data.y >= (lower or -np.inf)) & (data.y <= (upper or np.inf))]
    bounds = ", ".join(f"{side}={value}" for side, value in (("lb", lower), ("ub", upper)) if value is not None)
    centre = LINKS[FAMILIES[name].main.links[0]].forward(FAMILIES[name].example[FAMILIES[name].main.name])
    priors = {"Intercept": f"Normal({centre:.3f}, 0.1)", "x": "Normal(0, 0.05)"}
    model = bd.Model(f"truncated({left}, {bounds}) ~ x", kept, family=name, priors=priors)
    names = made_up(model, draws=1, chains=1).posterior
    one, many = (made_up(model, draws=n, chains=1, values=at_example(name, names, 0.1)) for n in (1, MANY))
    new = kept.iloc[:2]
    draws = np.asarray(many.draws(new))[0].astype(float)
    mean, sd, mean_error, sd_error = moments(draws)
    table = one.predict(new)
    assert (np.abs(table["mean"] - mean) < 5 * mean_error).all()
    assert (np.abs(table["sd"] - sd) < 15 * sd_error).all()
    assert (np.abs(np.sqrt(one.budget(new)["noise"]) - sd) < 15 * sd_error).all()


def test_rows_recorded_at_a_bound_are_predicted_as_recorded(made_up):
    data = pd.DataFrame({"y": [1.0, 2.0, 0.5, 1.5], "s": ["none", "right", "left", "none"], "x": [0.0, 1.0, 2.0, 3.0]})
    fit = made_up(bd.Model("censored(y, s) ~ x", data), draws=1, chains=1, values={"Intercept": 1.0, "x": 0.0, "sigma": 1.0})
    mean = fit.predict(data)["mean"].to_numpy()
    below_2 = 1.0 - stats.norm.pdf(1.0) + stats.norm.sf(1.0)  # E min(Y, 2)
    above_half = 1.0 + stats.norm.pdf(0.5) - 0.5 * stats.norm.cdf(-0.5)  # E max(Y, 0.5)
    np.testing.assert_allclose(mean[[0, 3]], 1.0)
    np.testing.assert_allclose(mean[[1, 2]], [below_2, above_half], atol=5 / np.sqrt(4_000))


def test_several_predictors_have_their_columns(made_up):
    fit, data = fit_at(made_up, "categorical", 50)
    table, draws = fit.predict(data, kind="linear"), fit.draws(data, kind="linear")
    labels = [str(label) for label in np.asarray(draws.coords[draws.dims[-1]])]
    assert [str(level) for level in dict.fromkeys(table.columns.get_level_values(0))] == labels
    for k, level in enumerate(dict.fromkeys(table.columns.get_level_values(0))):
        np.testing.assert_allclose(table[level]["mean"], np.asarray(draws).mean(axis=(0, 1))[:, k])
        np.testing.assert_allclose(table[level]["sd"], np.asarray(draws).std(axis=(0, 1))[:, k])
    assert table.index.equals(data.index)


def test_repeated_draws_keep_their_chains_together():
    found = enough_draws({"a": np.arange(3.0)}, 5)["a"]
    assert found.tolist() == [0, 0, 1, 1, 2, 2]
    assert enough_draws({"a": np.arange(9.0)}, 5)["a"].tolist() == list(range(9))
