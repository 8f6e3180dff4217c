"""ar(): residuals that go on against dense normal algebra and least squares, what new rows lean on, and the latent process."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FitError, FormulaError, PriorError
from bayesdeep.graph.evaluate import forward_draws, row_function
from bayesdeep.inference.integrable_effects import group_factors
from bayesdeep.terms._autoregression import from_partial, process_root, root_of_order

STEPS = 30
DRAWS = 4


def series(seed: int = 1, phi: tuple[float, ...] = (0.6,), steps: int = STEPS, groups: int = 2) -> pd.DataFrame:
    """Return series with a slope of 0.5 and residuals of that autoregression, innovations of sd 0.5, rows in any order."""
    rng = np.random.default_rng(seed)
    parts = []
    for g in range(groups):
        x, r = rng.normal(size=steps), np.zeros(steps + len(phi))
        for i in range(steps):
            r[i + len(phi)] = sum(p * r[i + len(phi) - 1 - k] for k, p in enumerate(phi)) + rng.normal(0, 0.5)
        parts.append(pd.DataFrame({"x": x, "t": 2.0 * np.arange(steps) + 7, "g": f"g{g}", "y": 1 + 0.5 * x + r[len(phi) :]}))
    return pd.concat(parts).sample(frac=1, random_state=seed).reset_index(drop=True)


def prior_draws(model: bd.Model) -> dict[str, np.ndarray]:
    graph = model._graph
    return forward_draws(graph, list(graph.reported), DRAWS, {}, 1)


def conditional(data: pd.DataFrame, eta: np.ndarray, phi: np.ndarray, sigma: float) -> float:
    """Return the log density of all responses as one dense normal distribution a series, the first rows without lags.

    Residuals are ``r = B r + e`` with the coefficients below the diagonal, so that their precision is ``(1 - B)' (1 - B) / s^2``.
    """
    total = 0.0
    for _, own in data.assign(eta=eta).groupby("g"):
        own = own.sort_values("t")
        back = np.eye(len(own)) - sum(p * np.eye(len(own), k=-k - 1) for k, p in enumerate(phi))
        covariance = np.linalg.inv(back.T @ back / sigma**2)
        total += stats.multivariate_normal(own["eta"].to_numpy(), covariance).logpdf(own["y"].to_numpy())
    return total


@pytest.mark.parametrize("lags", [1, 3])
def test_the_log_likelihood_is_that_of_the_dense_normal(lags: int) -> None:
    data = series()
    model = bd.Model(f"y ~ x + (1 | g) + ar(t, gr=g, p={lags})", data, priors={"sigma": "HalfNormal(1)"})
    draws = prior_draws(model)
    rows = row_function(model._graph, ["pointwise"])(draws)[0]
    place = data["g"].map({"g0": 0, "g1": 1}).to_numpy()
    for k in range(DRAWS):
        eta = draws["Intercept"][k] + draws["x"][k] * data["x"].to_numpy() + draws["1|g"][k][place]
        expected = conditional(data, eta, draws["ar(t)"][k], draws["sigma"][k])
        assert rows[k].sum() == pytest.approx(expected, rel=1e-9)


def test_students_t_leans_on_the_row_before() -> None:
    data = series()
    model = bd.Model("y ~ x + ar(t, gr=g)", data, family="student_t")
    draws = prior_draws(model)
    rows = row_function(model._graph, ["pointwise"])(draws)[0]
    for k in range(DRAWS):
        left = data["y"] - draws["Intercept"][k] - draws["x"][k] * data["x"]
        before = left[data.sort_values("t").index].groupby(data["g"]).shift(1).fillna(0.0).reindex(data.index)
        own = stats.t(draws["nu"][k], 0, draws["sigma"][k]).logpdf(left - draws["ar(t)"][k][0] * before)
        np.testing.assert_allclose(rows[k], own, rtol=1e-9)


def test_partial_autocorrelations_make_stationary_processes_and_no_others() -> None:
    rng = np.random.default_rng(0)
    for partial in rng.uniform(-1, 1, (200, 4)):
        phi = from_partial(list(partial))
        companion = np.vstack([phi, np.eye(3, 4)])
        assert np.abs(np.linalg.eigvals(companion)).max() < 1
    # Yule and Walker: from the autocorrelations come the partial ones again, as the last coefficient of each order.
    phi = np.array(from_partial([0.5, -0.3, 0.2]))
    lagged = np.zeros((3, 3))
    for i in range(3):
        for k in range(3):
            if i != k:
                lagged[i, abs(i - k) - 1] += phi[k]
    rho = np.concatenate([[1.0], np.linalg.solve(np.eye(3) - lagged, phi)])
    for order, partial in enumerate((0.5, -0.3, 0.2), start=1):
        toeplitz = rho[np.abs(np.arange(order)[:, None] - np.arange(order))]
        assert np.linalg.solve(toeplitz, rho[1 : order + 1])[-1] == pytest.approx(partial, abs=1e-12)


@pytest.mark.parametrize("phi", [0.8, -0.5, 0.0])
def test_the_latent_process_has_the_covariance_of_a_stationary_one(phi: float) -> None:
    import pytensor
    import pytensor.tensor as pt

    given = pt.scalar()
    made = process_root(given, 6)
    root, slope = pytensor.function([given], [made, pytensor.grad(made.sum(), given)])(phi)
    apart = np.abs(np.arange(6)[:, None] - np.arange(6))
    np.testing.assert_allclose(root @ root.T, (phi if phi else 0.0) ** apart / (1 - phi**2), atol=1e-12)
    assert np.isfinite(slope)


@pytest.mark.parametrize("partial", [(0.5,), (0.7, -0.4), (0.3, 0.0, 0.6)])
def test_a_latent_process_of_several_lags_is_stationary_from_its_first_step(partial: tuple[float, ...]) -> None:
    import pytensor
    import pytensor.tensor as pt

    given, steps = pt.vector(), 7
    made = root_of_order([given[k] for k in range(len(partial))], steps)
    root, slope = pytensor.function([given], [made, pytensor.grad(made.sum(), given)])(np.array(partial))
    # As the stationary limit of the process from any start, by its impulse responses.
    phi, late = from_partial(list(partial)), 600
    psi = np.zeros(late + steps)
    psi[0] = 1.0
    for t in range(1, len(psi)):
        psi[t] = sum(p * psi[t - 1 - k] for k, p in enumerate(phi) if t - 1 - k >= 0)
    lagged = np.array([psi[: late] @ psi[h : h + late] for h in range(steps)])
    np.testing.assert_allclose(root @ root.T, lagged[np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))], atol=1e-9)
    np.testing.assert_allclose(np.triu(root, 1), 0.0)
    step = 1e-6
    for k in range(len(partial)):
        moved = np.array(partial)
        moved[k] += step
        other = pytensor.function([given], made.sum())(moved)
        assert slope[k] == pytest.approx((other - root.sum()) / step, rel=1e-3, abs=1e-3)


@pytest.mark.integration
def test_counts_have_a_process_of_two_lags() -> None:
    data = series().assign(k=lambda own: np.random.default_rng(4).poisson(3.0, len(own)))
    model = bd.Model("k ~ ar(t, gr=g, p=2)", data, family="poisson")
    fit = model.fit("map", seed=1, progress=False)
    assert np.isfinite(fit.posterior["ar(t)"]).all()
    assert np.isfinite(fit.draws(kind="mean")).all()


def mode(data: Any, formula: str = "y ~ x + ar(t, gr=g)") -> bd.Fit:
    flat = {"Intercept": "Flat", "x": "Flat", "sigma": "HalfFlat"}
    return bd.Model(formula, data, priors=flat).fit("map", seed=1, progress=False)


@pytest.fixture(scope="module")
def fit() -> bd.Fit:
    return mode(series())


def test_the_mode_is_least_squares_of_quasi_differences(fit: bd.Fit) -> None:
    data = series().sort_values(["g", "t"])
    value = {name: float(fit.posterior[name].squeeze()) for name in ("Intercept", "x", "ar(t)", "sigma")}

    def differenced(column: pd.Series, phi: float) -> np.ndarray:
        return (column - phi * column.groupby(data["g"]).shift(1).fillna(0.0)).to_numpy()

    ones = pd.Series(1.0, data.index)
    design = np.column_stack([differenced(ones, value["ar(t)"]), differenced(data["x"], value["ar(t)"])])
    response = differenced(data["y"], value["ar(t)"])
    coefficients, square = np.linalg.lstsq(design, response)[:2]
    np.testing.assert_allclose([value["Intercept"], value["x"]], coefficients, atol=2e-4)
    assert value["sigma"] == pytest.approx(float(np.sqrt(square[0] / len(data))), rel=1e-3)
    # Given these, the coefficient is that of residuals on residuals before.
    left = data["y"] - value["Intercept"] - value["x"] * data["x"]
    before = left.groupby(data["g"]).shift(1).fillna(0.0)
    assert value["ar(t)"] == pytest.approx(float((left * before).sum() / (before**2).sum()), abs=2e-4)


def test_rows_of_the_fit_and_the_step_after_lean_on_the_row_before(fit: bd.Fit) -> None:
    data = series()
    value = {name: float(fit.posterior[name].squeeze()) for name in ("Intercept", "x", "ar(t)")}
    left = (data["y"] - value["Intercept"] - value["x"] * data["x"]).groupby([data["g"], data["t"]]).sum()
    own = fit.draws(kind="mean").values.reshape(-1)
    for i, row in data.iterrows():
        before = left.get((row["g"], row["t"] - 2.0), 0.0)
        expected = value["Intercept"] + value["x"] * row["x"] + value["ar(t)"] * before
        assert own[int(str(i))] == pytest.approx(expected, abs=1e-9)
    # The same rows given again, without their responses and in another order, are these rows.
    order = np.random.default_rng(0).permutation(len(data))
    again = fit.draws(data.drop(columns="y").iloc[order], kind="mean").values.reshape(-1)
    np.testing.assert_allclose(again, own[order], rtol=1e-12)
    ahead = pd.DataFrame({"x": [1.0, 1.0], "t": 2.0 * STEPS + 7, "g": ["g1", "new"]})
    found = fit.draws(ahead, kind="mean").values.reshape(-1)
    assert found[0] == pytest.approx(value["Intercept"] + value["x"] + value["ar(t)"] * left["g1", 2.0 * STEPS + 5], abs=1e-9)
    assert found[1] == pytest.approx(value["Intercept"] + value["x"], abs=1e-9)
    # The predictor itself is without residuals.
    assert fit.draws(ahead, kind="linear").values.reshape(-1)[0] == pytest.approx(value["Intercept"] + value["x"], abs=1e-9)


def test_new_rows_are_scored_one_after_another(fit: bd.Fit) -> None:
    value = {name: float(fit.posterior[name].squeeze()) for name in ("Intercept", "x", "ar(t)", "sigma")}
    later = pd.DataFrame({"x": 0.0, "t": 2.0 * STEPS + 7 + 2.0 * np.arange(3), "g": "g0", "y": [1.5, 2.0, 0.5]})
    data = series()
    last = data[(data["g"] == "g0") & (data["t"] == 2.0 * STEPS + 5)].iloc[0]
    left = np.concatenate([[last["y"] - value["x"] * last["x"]], later["y"]]) - value["Intercept"]
    expected = stats.norm(0, value["sigma"]).logpdf(left[1:] - value["ar(t)"] * left[:-1])
    np.testing.assert_allclose(fit.log_score(later, pointwise=True), expected, rtol=1e-9)
    with pytest.raises(DataError, match="row 2 has the time of another row of its series"):
        fit.log_score(pd.concat([later.iloc[:1]] * 2, ignore_index=True))


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (2.0 * STEPS + 11, r"ar\(t, gr=g\): row 1 lies 3 steps after the last row of its series"),
        (5.0, "row 1 lies before the first row of its series"),
        (8.0, "the time 8 lies between two steps of 2 from 7"),
    ],
)
def test_rows_that_nothing_is_known_before_are_refused(fit: bd.Fit, t: float, text: str) -> None:
    with pytest.raises(DataError, match=text):
        fit.predict(pd.DataFrame({"x": [0.0], "t": [t], "g": ["g0"]}))


@pytest.mark.parametrize(
    ("formula", "options", "error", "text"),
    [
        ("y ~ ar(t)", {}, FormulaError, "ar.t.: the time 7 has two rows.*gr=g"),
        ("y ~ ar(t, gr=g, p=0)", {}, FormulaError, "p=0 is not a number of lags, 1 to 12"),
        ("y ~ ar(t, gr=g, q=1)", {}, FormulaError, "has no option 'q'"),
        ("y ~ ar(t, x)", {}, FormulaError, "takes one column of times"),
        ("y ~ ar(x, gr=g)", {}, FormulaError, "times are not evenly spaced"),
        ("y ~ ar(t, gr=g) + ar(u, gr=g)", {}, FormulaError, "both say how a response leans on those before it"),
        ("y ~ me(x, 0.1) + ar(t, gr=g)", {}, FormulaError, "what measurements leave open"),
        ("y ~ ar(t, gr=g)", {"priors": {"ar(t)": "Normal(0, 1)"}}, PriorError, r"one on \(-1, 1\)"),
        ("y ~ ar(t, gr=g)", {"priors": {"ar(t)": "Uniform(-2, 1)"}}, PriorError, r"one on \(-1, 1\)"),
    ],
)
def test_what_cannot_be_is_refused(formula: str, options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        bd.Model(formula, series().assign(k=1, u=series()["t"]), **options)


def test_a_missing_step_is_refused_by_name() -> None:
    data = series()
    gone = data[(data["t"] != 11.0) | (data["g"] != "g1")]
    with pytest.raises(FormulaError, match=r"the time 11 of g = 'g1' has no row"):
        bd.Model("y ~ ar(t, gr=g)", gone)
    # As a process it goes through the gap.
    bd.Model("y ~ 1", gone, sigma="~ ar(t, gr=g)")


def test_engines_that_integrate_refuse() -> None:
    model = bd.Model("y ~ x + ar(t, gr=g)", series())
    for method in ("collapsed", "transport"):
        with pytest.raises(FitError, match=r"ar\(t, gr=g\) is not linear in its coefficients"):
            model.fit(method, progress=False)


def test_it_is_close_to_what_nlme_estimates() -> None:
    """The numbers are from nlme 3.1-162 (R 4.2.2): gls(y ~ x, d, correlation=corAR1(form=~(t - 7) / 2 | g), method="ML").

    There the first row of a series has the variance of all residuals, and here that of a step: one row in a hundred. The
    estimates differ by less than a tenth of their standard errors, 0.055, 0.032 and about 0.064 of the coefficient of residuals.
    """
    found = mode(series(1, steps=100)).posterior
    value = [float(found[name].squeeze()) for name in ("Intercept", "x", "ar(t)", "sigma")]
    expected = [0.9442464554, 0.5276595597, 0.4168686112, 0.4566721385]
    assert (np.abs(np.subtract(value, expected)) < [0.0055, 0.0032, 0.0064, 0.0023]).all()


def test_the_budget_has_what_goes_on_as_an_addend(fit: bd.Fit) -> None:
    parts = fit.explained()
    assert list(parts.index) == ["1 + x", "ar(t, gr=g)"]
    means, linear = (fit.draws(kind=kind).values.reshape(-1) for kind in ("mean", "linear"))
    share = np.cov(means - linear, means)[0, 1] / np.var(means, ddof=1)
    assert parts["mean"]["ar(t, gr=g)"] == pytest.approx(share, rel=1e-9)


@pytest.mark.integration
def test_leave_one_out_says_that_it_is_no_forecast() -> None:
    fit = bd.Model("y ~ x + ar(t, gr=g)", series()).fit("nuts", seed=1, chains=2, draws=300, tune=300, progress=False)
    with pytest.warns(UserWarning, match="not how well the future is foretold"):
        fit.loo()


@pytest.mark.integration
def test_posteriors_cover_what_made_the_data() -> None:
    inside = []
    for seed in range(40):
        data = series(seed, steps=60)
        fit = bd.Model("y ~ x + ar(t, gr=g)", data).fit("nuts", seed=seed, chains=2, draws=400, tune=400, progress=False)
        for name, truth in (("x", 0.5), ("ar(t)", 0.6), ("sigma", 0.5)):
            low, high = np.quantile(fit.posterior[name], [0.05, 0.95])
            inside.append(low <= truth <= high)
    # 120 intervals of 90 %: three standard errors are 0.08.
    assert np.mean(inside) == pytest.approx(0.9, abs=0.08)


def test_effects_of_small_groups_are_not_integrated_out_of_a_row_that_leans_on_others() -> None:
    data = series(groups=20, steps=4)
    lagged, plain, noisy = (bd.Model(f"y ~ {text} + (1 | g)", data) for text in ("x + ar(t, gr=g)", "x", "me(x, 0.1)"))
    assert [len(group_factors(m.spec, m.__dict__["_rows"])) for m in (lagged, plain, noisy)] == [0, 1, 0]


@pytest.fixture(scope="module")
def two_lags() -> bd.Fit:
    flat = {"Intercept": "Flat", "x": "Flat", "sigma": "HalfFlat"}
    data = series(2, (0.5, 0.3), steps=60)
    model = bd.Model("y ~ x + ar(t, gr=g, p=2)", data, priors=flat)
    return model.fit("map", seed=1, progress=False)


def _to_come(fit: bd.Fit, steps: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Return rows after the last of g0 in any order, and by step their means, the innovations' root and what sigma stands for."""
    value = {name: np.asarray(fit.posterior[name]).reshape(-1) for name in ("Intercept", "x", "ar(t)", "sigma")}
    data = series(2, (0.5, 0.3), steps=60)
    own = data[data["g"] == "g0"].sort_values("t").iloc[-2:]
    left = (own["y"] - value["Intercept"] - value["x"] * own["x"]).to_numpy()
    x, phi = np.linspace(-1, 1, steps), value["ar(t)"]
    ahead = pd.DataFrame({"x": x, "t": own["t"].max() + 2.0 * np.arange(1, steps + 1), "g": "g0"})
    back = np.eye(steps) - sum(p * np.eye(steps, k=-k - 1) for k, p in enumerate(phi))
    begin = np.zeros(steps)
    begin[:2] = [phi[0] * left[1] + phi[1] * left[0], phi[1] * left[1]]
    root = np.linalg.inv(back)
    return ahead, value["Intercept"] + value["x"] * x + root @ begin, root, value["sigma"]


def test_rows_some_steps_ahead_are_drawn_together(two_lags: bd.Fit) -> None:
    ahead, means, root, sigma = _to_come(two_lags, 5)
    order = np.array([3, 0, 4, 1, 2])
    rows = pd.concat([ahead.iloc[order], pd.DataFrame({"x": [0.3], "t": [9.0], "g": ["g1"]})], ignore_index=True)
    found = two_lags.draws(rows, kind="mean").values.reshape(-1)
    np.testing.assert_allclose(found[:5], means[order], rtol=1e-8)
    table = two_lags.predict(rows, seed=3)
    np.testing.assert_allclose(table["mean"].to_numpy()[:5], means[order], rtol=1e-8)
    covariance = sigma**2 * root @ root.T
    np.testing.assert_allclose(table["sd"].to_numpy()[:5], np.sqrt(np.diag(covariance))[order], rtol=1e-6)
    new = np.concatenate([two_lags.draws(rows, seed=seed).values.reshape(1, -1) for seed in range(300)])
    error = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) * 2.0 / len(new))
    # Rows of other series are drawn by themselves.
    whole = np.cov(new.T)
    assert (np.abs(whole[:5, :5] - covariance[np.ix_(order, order)]) < 4 * error).all()
    assert (np.abs(whole[5, :5]) < 4 * np.sqrt(np.diag(covariance)[order] * whole[5, 5] / len(new))).all()
    low, high = (stats.norm(means, np.sqrt(np.diag(covariance))).ppf(p) for p in (0.05, 0.95))
    near = 4 * np.sqrt(np.diag(covariance)) * np.sqrt(0.05 * 0.95 / 4_000) / stats.norm.pdf(1.645)
    assert (np.abs(table["lower"].to_numpy()[:5] - low[order]) < near[order]).all()
    assert (np.abs(table["upper"].to_numpy()[:5] - high[order]) < near[order]).all()


def test_rows_ahead_need_those_in_between_and_who_draws_them(two_lags: bd.Fit) -> None:
    ahead = _to_come(two_lags, 4)[0]
    with pytest.raises(DataError, match="leans on what is left over in between; give the rows of all steps"):
        two_lags.predict(ahead.iloc[[0, 2, 3]])
    with pytest.raises(FitError, match=r"budget: row 2 lies several steps after the last row of its series"):
        two_lags.budget(ahead)
    # With their responses they are scored one step ahead each.
    assert np.isfinite(two_lags.log_score(ahead.assign(y=1.0)))


@pytest.mark.parametrize("term", ["ar(t, gr={})", "rw(t, gr={})"])
def test_numbers_name_series_as_they_name_groups(term: str) -> None:
    data = pd.DataFrame({"t": np.tile(np.arange(6.0), 3), "k": np.repeat([7, 3, 11], 6), "y": np.arange(18.0) % 5})
    one, two = (bd.Model(f"y ~ {term.format(group)}", data) for group in ("k", "C(k)"))
    for name, values in one._rows.arrays.items():
        np.testing.assert_array_equal(values, two._rows.arrays[name])
    (state,) = (t.state for t in one.spec.predictors[0].terms if t.kind in ("ar", "rw"))
    assert state["labels"] == [3, 7, 11]


def test_which_row_comes_before_which_is_no_column_to_move() -> None:
    fit = bd.Model("y ~ x + ar(t, gr=g)", series()).fit("map", seed=1, progress=False)
    assert list(fit.slopes()["term"]) == ["x"]


@pytest.mark.integration
def test_folds_say_that_they_are_no_forecasts() -> None:
    fit = bd.Model("y ~ x + ar(t, gr=g)", series(steps=12)).fit("map", seed=1, progress=False)
    with pytest.warns(UserWarning, match=r"kfold: with ar\(t, gr=g\) a row is foretold from the responses before it"):
        fit.kfold(2, seed=1, progress=False)
