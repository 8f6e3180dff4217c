"""Mistakes that tools of this kind have made without saying anything, one test each."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import forward_draws, row_function


def data(rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(31)
    d = pd.DataFrame({"x": rng.uniform(1, 4, rows), "g": rng.choice(list("pqrs"), rows)})
    d["y"] = 2 + 0.5 * d.x + rng.normal(size=rows)
    return d.assign(b=rng.integers(0, 2, rows), k=rng.poisson(2, rows), w=rng.integers(1, 4, rows))


def at_prior(model: bd.Model, what: str, draws: int = 20, seed: int = 2) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return prior draws by name and one of the graph's tensors at them ``(draw, obs)``."""
    graph = model._graph
    values = forward_draws(graph, list(graph.reported), draws, {}, seed)
    return values, row_function(graph, [what], seed)(values)[0]


def linear(values: dict[str, np.ndarray], x: Any) -> np.ndarray:
    return values["Intercept"][:, None] + values["x"][:, None] * np.asarray(x)


TIGHT = {"Intercept": "Normal(3, 0.5)", "x": "Normal(0.5, 0.2)"}


# Censoring and truncation


@pytest.mark.parametrize("family", ["gaussian", "student_t"])
def test_every_kind_of_censoring_counts(family):
    d = data()
    status = np.tile(["none", "left", "right", "interval"], 10)
    d = d.assign(status=status, upper=np.where(status == "interval", d.y + 0.7, np.nan))
    d["upper"] = d.upper.fillna(d.y)
    model = bd.Model("censored(y, upper, status) ~ x", d, family, priors=TIGHT)
    values, found = at_prior(model, "pointwise")
    sigma = values["sigma"][:, None]
    law = stats.norm(0, 1) if family == "gaussian" else stats.t(values["nu"][:, None])
    low, high = (d.y.values - linear(values, d.x)) / sigma, (d.upper.values - linear(values, d.x)) / sigma
    with np.errstate(divide="ignore"):  # only interval rows have an interval
        between = np.log(np.where(low > 0, law.sf(low) - law.sf(high), law.cdf(high) - law.cdf(low)))
    expected = np.select(
        [status == "none", status == "left", status == "right"],
        [law.logpdf(low) - np.log(sigma), law.logcdf(low), law.logsf(low)],
        between,
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_interval_censored_rows_are_not_read_as_observed():
    d = data().assign(status="interval", upper=lambda d: d.y + 1)
    density = at_prior(bd.Model("y ~ x", d, priors=TIGHT), "pointwise")[1]
    interval = at_prior(bd.Model("censored(y, upper, status) ~ x", d, priors=TIGHT), "pointwise")[1]
    assert np.abs(density - interval).min(axis=0).max() > 0.01
    with pytest.raises(bd.DataError, match="no upper end"):
        bd.Model("censored(y, status) ~ x", d)


@pytest.mark.integration
def test_far_censored_rows_have_finite_likelihood_and_gradient():
    d = data().assign(status="right").assign(y=lambda d: d.y + 500)
    model = bd.Model("censored(y, status) ~ x", d, priors={**TIGHT, "sigma": "HalfNormal(1)"}).pymc
    point = model.initial_point()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, slopes = model.compile_logp()(point), model.compile_dlogp()(point)
    assert np.isfinite(value)
    assert np.isfinite(slopes).all()


TRUNCATED = [("gaussian", "y", 0.5, 9.0), ("poisson", "k", 1, 6), ("negative_binomial", "k", 1, 6)]


@pytest.mark.few(1)
@pytest.mark.parametrize(("family", "response", "low", "high"), TRUNCATED)
def test_truncation_changes_the_density_and_bounds_the_draws(family, response, low, high):
    d = data().query(f"{low} <= {response} <= {high}")
    priors = TIGHT if family == "gaussian" else {"Intercept": "Normal(0.7, 0.2)", "x": "Normal(0, 0.1)"}
    model = bd.Model(f"truncated({response}, lb={low}, ub={high}) ~ x", d, family, priors=priors)
    values, found = at_prior(model, "pointwise")
    eta, y = linear(values, d.x), d[response].values
    if family == "gaussian":
        law = stats.norm(eta, values["sigma"][:, None])
        expected = law.logpdf(y) - np.log(law.cdf(high) - law.cdf(low))
    else:
        mu = np.exp(eta)
        alpha = values["alpha"][:, None] if family == "negative_binomial" else 1.0
        law = stats.poisson(mu) if family == "poisson" else stats.nbinom(alpha, alpha / (alpha + mu))
        expected = law.logpmf(y) - np.log(law.cdf(high) - law.cdf(low - 1))  # the bounds can occur
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    drawn = model.prior_predictive(200, seed=1)["prior_predictive"][response].values
    assert drawn.min() >= low
    assert drawn.max() <= high
    if family != "gaussian":
        assert {low, high} <= set(np.unique(drawn))


def test_predictive_draws_of_censored_rows_are_what_would_be_recorded():
    d = data().assign(status=np.tile([0, 1, -1, 0], 10), y=3.0)
    model = bd.Model("censored(y, status) ~ x", d, priors={**TIGHT, "sigma": "HalfNormal(2)"})
    drawn = model.prior_predictive(300, seed=1)["prior_predictive"]["y"].values[0]
    status = d.status.values
    assert drawn[:, status == 1].max() <= 3.0
    assert drawn[:, status == -1].min() >= 3.0
    assert drawn[:, status == 0].max() > 3.0
    assert drawn[:, status == 0].min() < 3.0


# Default priors


def test_default_priors_do_not_see_truncation_bounds():
    d = data()
    plain = bd.Model("y ~ x", d).priors
    for left in ("truncated(y, lb=-1000)", "truncated(y, ub=1e6)", "truncated(y, lb=-3, ub=50)"):
        pd.testing.assert_frame_equal(bd.Model(f"{left} ~ x", d).priors, plain)


def test_default_priors_do_not_see_how_censoring_is_coded():
    d = data().assign(code=np.tile([0, 1, -1, 0], 10))
    d["word"] = d.code.map({0: "none", 1: "right", -1: "left"})
    d["upper"] = 1e9  # read in interval rows only, and there are none
    priors = [
        bd.Model(f"{left} ~ x", d).priors
        for left in ("censored(y, code)", "censored(y, word)", "censored(y, upper, word)")
    ]
    for other in priors[1:]:
        pd.testing.assert_frame_equal(other, priors[0])


@pytest.mark.parametrize("shift", [1e4, 123456.78, -1e8])
def test_default_intercept_is_at_the_response_wherever_that_is(shift):
    # rounded to four digits of its own, the location would be many standard deviations away
    d = data().assign(y=lambda d: d.y + shift)
    (prior,) = (p.prior for p in bd.Model("y ~ x", d).spec.priors if p.name == "Intercept")
    assert prior.get("mu") == pytest.approx(d.y.mean(), abs=0.01 * d.y.std())


# Group effects


def test_location_of_group_effects_survives_non_centring():
    model = bd.Model("y ~ 0 + (1 | g)", data(), priors={"1|g": "Normal(5, HalfNormal(0.1))"})
    values, eta = at_prior(model, "linear", draws=500)
    assert values["1|g"].mean() == pytest.approx(5, abs=0.05)
    assert eta.mean() == pytest.approx(5, abs=0.05)


FUNCTIONS = {
    "log(x)": lambda x: [np.log(x)],
    "scale(x)": lambda x: [(x - x.mean()) / x.std(ddof=1)],
    "center(x)": lambda x: [x - x.mean()],
    "I(x**2)": lambda x: [x**2],
}


@pytest.mark.parametrize("text", list(FUNCTIONS))
def test_functions_of_columns_can_vary_by_group(text):
    d = data()
    model = bd.Model(f"y ~ x + ({text} | g)", d)
    values, eta = at_prior(model, "linear")
    code = d.g.map(dict(zip("pqrs", range(4), strict=True))).to_numpy()
    columns = FUNCTIONS[text](d.x.to_numpy())
    expected = linear(values, d.x) + values["1|g"][:, code]
    slopes = values[f"{text}|g"]
    for i, column in enumerate(columns):
        slope = slopes if len(columns) == 1 else slopes[:, i]
        expected = expected + slope[:, code] * column
    np.testing.assert_allclose(eta, expected, rtol=1e-8, atol=1e-10)


def test_polynomials_can_vary_by_group():
    d = data()
    values, eta = at_prior(bd.Model("y ~ x + (poly(x, 2) | g)", d), "linear")
    slopes = values["poly(x, 2)|g"]
    assert slopes.shape == (20, 2, 4)
    code = d.g.map(dict(zip("pqrs", range(4), strict=True))).to_numpy()
    # orthonormal polynomials of the whole column, as in R
    q, _ = np.linalg.qr(np.vander(d.x - d.x.mean(), 3, increasing=True))
    part = eta - linear(values, d.x) - values["1|g"][:, code]
    signs = np.sign([np.corrcoef(q[:, 1], d.x)[0, 1], np.corrcoef(q[:, 2], (d.x - d.x.mean()) ** 2)[0, 1]])
    expected = slopes[:, 0, code] * q[:, 1] * signs[0] + slopes[:, 1, code] * q[:, 2] * signs[1]
    np.testing.assert_allclose(part, expected, rtol=1e-6, atol=1e-8)


# Splines, blocks, scales of intercepts


@pytest.mark.few(1)
@pytest.mark.parametrize("term", ["bs(x, df=5)", "poly(x, 3)"])
def test_splines_and_polynomials_with_a_bernoulli_response(term):
    d = data()
    model = bd.Model(f"b ~ {term}", d, "bernoulli")
    values, eta = at_prior(model, "linear")
    _, other = at_prior(bd.Model(f"y ~ {term}", d), "linear")
    assert values[term].shape == (20, 5 if term.startswith("bs") else 3)
    arrays = [m.__dict__["_rows"].arrays["mu_population.X"] for m in (model, bd.Model(f"y ~ {term}", d))]
    np.testing.assert_array_equal(*arrays)  # the basis does not depend on the response
    assert np.isfinite(eta).all()
    assert np.isfinite(other).all()
    fit = model.fit("laplace", draws=200, chains=1, seed=1, progress=False)
    assert fit.predict(d.iloc[[3]], kind="mean")["mean"].iloc[0] == pytest.approx(
        fit.predict(kind="mean")["mean"].iloc[3]
    )


def test_horseshoe_is_one_prior_for_the_block():
    model = bd.Model("y ~ x + g + b", data(), priors={"population": "Horseshoe()"})
    values, _ = at_prior(model, "linear", draws=3)
    assert [n for n in values if n.endswith("_tau")] == ["population_tau"]
    assert {p.key for p in model.spec.priors if p.role == "coefficient"} == {"population"}
    (tau0,) = {p.prior.get("tau0") for p in model.spec.priors if p.role == "coefficient"}
    relevant = 5 / 4  # of five coefficients, the dummies of g included
    assert tau0 == pytest.approx(relevant / (5 - relevant) / np.sqrt(40), rel=1e-3)


METHODS = ["laplace", "map", "pathfinder", pytest.param("advi", marks=pytest.mark.slow)]
METHODS += [pytest.param(m, marks=pytest.mark.slow) for m in ("fullrank_advi", "nuts")]


@pytest.mark.few(1)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_reports_the_uncentred_intercept(method):
    rng = np.random.default_rng(0)
    d = pd.DataFrame({"x": rng.normal(50, 3, 200)})
    d["y"] = 10 + 2 * d.x + rng.normal(size=200)
    priors = {"Intercept": "Normal(110, 100)", "x": "Normal(0, 100)"}
    fit = bd.Model("y ~ x", d, priors=priors).fit(method, seed=1, progress=False)
    columns = np.column_stack([np.ones(200), d.x])
    least = np.linalg.lstsq(columns, d.y.to_numpy(), rcond=None)[0]
    rest = d.y - columns @ least
    error = float(np.sqrt(rest @ rest / 198 * np.linalg.inv(columns.T @ columns)[0, 0]))
    found = fit.posterior.Intercept.values
    assert abs(found.mean() - least[0]) < 0.35 * error  # the centred one would be a hundred errors away
    centred = found + fit.posterior.x.values * d.x.mean()
    assert abs(centred.mean() - d.y.mean()) < 0.1
    if method in ("laplace", "pathfinder", "nuts", "fullrank_advi"):
        assert found.std() == pytest.approx(error, rel=0.25)


# Log likelihood and weights


@pytest.mark.few(1)
@pytest.mark.parametrize("left", ["censored(y, status)", "weighted(y, w)", "weighted(censored(y, status), w)"])
def test_censored_and_weighted_responses_have_a_log_likelihood(left):
    d = data().assign(status=np.tile([0, 1, 0, 0], 10))
    fit = bd.Model(f"{left} ~ x", d).fit("laplace", draws=400, chains=2, seed=1, progress=False)
    tree = fit.log_likelihood()
    found = tree["log_likelihood"]["y"]
    assert found.shape == (2, 400, 40)
    assert np.isfinite(found.values).all()
    p = fit.posterior
    eta = p.Intercept.values[..., None] + p.x.values[..., None] * d.x.values
    law = stats.norm(eta, p.sigma.values[..., None])
    expected = law.logpdf(d.y.values)
    if "censored" in left:
        expected = np.where(d.status.values == 1, law.logsf(d.y.values), expected)
    if "weighted" in left:
        expected = expected * d.w.values
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few draws and heavy rows: k-hats are no concern here
        assert np.isfinite(fit.loo().elpd)


@pytest.mark.parametrize("family", ["gaussian", "poisson", "bernoulli"])
def test_weights_are_repeated_rows(family):
    d = data()
    response = {"gaussian": "y", "poisson": "k", "bernoulli": "b"}[family]
    priors = {"Intercept_raw": "Normal(0.5, 0.2)", "x": "Normal(0, 0.2)"}
    priors |= {"sigma": "HalfNormal(1)"} if family == "gaussian" else {}
    repeated = d.loc[d.index.repeat(d.w)]
    weighted = at_prior(bd.Model(f"weighted({response}, w) ~ x", d, family, priors=priors), "pointwise")
    plain = at_prior(bd.Model(f"{response} ~ x", d, family, priors=priors), "pointwise")
    np.testing.assert_allclose(weighted[1], plain[1] * d.w.values, rtol=1e-10)
    model = bd.Model(f"{response} ~ x", repeated, family, priors=priors)
    function = row_function(model._graph, ["pointwise"])
    np.testing.assert_allclose(weighted[1].sum(axis=1), function(weighted[0])[0].sum(axis=1), rtol=1e-10)


def test_default_priors_of_weighted_and_repeated_rows_agree():
    d = data()
    weighted = bd.Model("weighted(y, w) ~ 1", d).priors
    pd.testing.assert_frame_equal(weighted, bd.Model("y ~ 1", d.loc[d.index.repeat(d.w)]).priors)


# Extra zeros


def zero_inflated(mu: np.ndarray, zi: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.log(zi * (y == 0) + (1 - zi) * stats.poisson(mu).pmf(y))


def hurdle(mu: np.ndarray, hu: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where(y == 0, np.log(hu), np.log1p(-hu) + stats.poisson(mu).logpmf(y) - np.log1p(-np.exp(-mu)))


@pytest.mark.parametrize(
    ("family", "parameter", "law"),
    [("zero_inflated_poisson", "zi", zero_inflated), ("hurdle_poisson", "hu", hurdle)],
)
@pytest.mark.parametrize("modelled", [False, True])
def test_extra_zeros(family, parameter, law, modelled):
    if family not in FAMILIES:
        pytest.skip(f"no family {family}")
    d = data()
    priors = {"Intercept": "Normal(0.7, 0.2)", "x": "Normal(0, 0.1)"}
    options = {parameter: "~ x"} if modelled else {}
    values, found = at_prior(bd.Model("k ~ x", d, family, priors=priors, **options), "pointwise")
    if modelled:
        eta = values[f"{parameter}_Intercept"][:, None] + values[f"{parameter}_x"][:, None] * d.x.values
        share = 1 / (1 + np.exp(-eta))
    else:
        share = values[parameter][:, None]
    np.testing.assert_allclose(found, law(np.exp(linear(values, d.x)), share, d.k.values), rtol=1e-6, atol=1e-9)


def test_counts_beyond_32_bits_are_not_wrapped_around() -> None:
    rng = np.random.default_rng(0)
    frame = {"y": rng.poisson(1e10, 40)}
    fit = bd.Model("y ~ 1", frame, "poisson").fit("laplace", draws=200, chains=2, seed=1, progress=False)
    assert float(fit.posterior["Intercept"].mean()) == pytest.approx(np.log(1e10), abs=1e-3)


@pytest.mark.parametrize("known", [bd.known("se"), bd.known(-1.0)])
def test_a_known_scale_must_be_positive(known: object) -> None:
    frame = {"y": np.arange(5.0), "se": np.array([1.0, 2.0, 0.0, 1.0, 1.0])}
    with pytest.raises(bd.DataError, match="given as sigma must be positive"):
        bd.Model("y ~ 1", frame, sigma=known)


def test_a_model_without_unknowns_is_refused() -> None:
    model = bd.Model("y ~ 0 + offset(x)", {"y": np.arange(5.0), "x": np.arange(5.0)}, sigma=bd.known(1.0))
    with pytest.raises(bd.FitError, match="nothing to estimate"):
        model.fit(progress=False)


@pytest.mark.integration
def test_the_mean_of_a_truncated_response_is_that_of_its_draws_or_is_refused() -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(0.5, 1.0, 300)
    fit = bd.Model("truncated(y, lb=0) ~ 1", {"y": y[y > 0]}).fit("laplace", draws=500, chains=4, seed=1, progress=False)
    response, mean = fit.predict(), fit.predict(kind="mean")
    assert mean["mean"].mean() == pytest.approx(response["mean"].mean(), abs=0.02)
    other = bd.Model("truncated(y, lb=0) ~ 1", {"y": y[y > 0]}, "student_t")
    with pytest.raises(bd.FitError, match="mean of a truncated student_t response"):
        other.fit("map", seed=1, progress=False).predict(kind="mean")
