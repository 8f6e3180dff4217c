"""Coefficients integrated out by Laplace's method: exact where it must be, close where theory says so, and corrected."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln, log_expit, logsumexp

import bayesdeep as bd
from bayesdeep.collapse import centre_of, layout_of, moments_of, system_of
from bayesdeep.collapse.row_system import row_system_of, why_not_marginal
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.diagnostics.approximation_checks import approximation_checks
from bayesdeep.engines._laplace.inner_newton import Inner
from bayesdeep.graph.row_likelihood import row_likelihood
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of, start_of

RNG = np.random.default_rng(11)


def crossed(rows=300):
    """Groups nested, crossed and with slopes."""
    rng = np.random.default_rng(5)
    a = rng.integers(0, 30, rows)
    return {
        "x": rng.normal(size=rows),
        "o": rng.normal(size=rows),
        "w": rng.uniform(0.5, 2.0, rows),
        "a": a,
        "c": a // 5,
        "e": a // 15,
        "b": rng.integers(0, 6, rows),
        "y": rng.normal(size=rows),
        "k": rng.poisson(2.0, rows),
        "z": rng.integers(0, 2, rows),
    }


def inner_of(formula, data, **options):
    model = bd.Model(formula, data, **options)
    rows = model._rows if hasattr(model, "_rows") else model.__dict__["_rows"]
    likelihood = row_likelihood(model.spec, rows.arrays, rows.response)
    found = row_system_of(model.spec, rows.arrays, rows.response, likelihood).rows
    return model, rows, found, Inner.of(found)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x",
        "y ~ x + (1 + x | a) + offset(o)",
        "weighted(y, w) ~ x + (1 + x | a) + (1 | c) + (x || e)",
        "y ~ x + (1 + x | a) + (1 + x | b) + (1 | c)",
        "y ~ 0 + (1 | a) + (1 | b)",
    ],
)
def test_it_is_exact_for_a_gaussian_response(formula):
    model, rows, found, inner = inner_of(formula, crossed())
    layout = layout_of(model.spec)
    centre = centre_of(layout, rows.arrays, rows.response)
    system = system_of(model.spec, layout, moments_of(layout, rows.arrays, rows.response, centre), centre)
    assert [h.name for h in system.hyperparameters] == [h.name for h in found.system.hyperparameters]
    points = start_of(system) + 0.4 * RNG.normal(size=(4, system.dim))
    exact = plan(system).log_likelihood(scales_of(system, points))
    assert inner.log_marginal(points) == pytest.approx(exact, rel=1e-11, abs=1e-8)
    _, ratio = inner.draw(inner.mode(points), np.random.default_rng(0))
    assert np.abs(ratio).max() < 1e-7


def log_integrals(values, groups, sd, density):
    """Return the sum over groups of the log of the integral of the likelihood against a normal with ``sd``, on a fine grid."""
    b = np.linspace(-9.0, 9.0, 4001)
    prior = stats.norm.logpdf(b) + np.log(b[1] - b[0])
    return sum(logsumexp(density(values[groups == g][:, None], sd * b).sum(axis=0) + prior) for g in np.unique(groups))


DENSITIES = {
    "poisson": lambda y, eta: y * eta - np.exp(eta) - gammaln(y + 1),
    "bernoulli": lambda y, eta: log_expit((2 * y - 1) * eta),
}


@pytest.mark.few(1)
@pytest.mark.parametrize("family", DENSITIES)
def test_the_error_shrinks_as_groups_grow(family):
    rng, sd, errors = np.random.default_rng(3), 0.8, []
    for size in (2, 8, 32, 128):
        groups = np.repeat(np.arange(60), size)
        eta = sd * rng.normal(size=60)[groups] + 0.4
        y = rng.poisson(np.exp(eta)) if family == "poisson" else (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)
        _, _, _, inner = inner_of("y ~ 0 + (1 | g)", {"y": y, "g": groups}, family=family)
        found = inner.log_marginal(np.array([[np.log(sd)]]))[0]
        errors.append(abs(found - log_integrals(y, groups, sd, DENSITIES[family])) / 60)
    # A group's error goes as one over its rows in the end; the smallest ones lean on the prior, which is Gaussian.
    assert max(errors) < 0.01
    assert errors[3] < errors[2] < errors[1]
    assert errors[3] < 0.3 * errors[1]


SUPPORTED = [
    n
    for n, f in FAMILIES.items()
    if f.main.shape == "row" and f.components is None and not any(p.shape == "cut" for p in f.parameters)
    and not f.words & {"several_columns"} and n not in ("tweedie", "shifted_lognormal")  # 0.4 is no power of theirs
]


def responses(family, size=12):
    rng = np.random.default_rng(2)
    kinds = {
        "bernoulli": rng.integers(0, 2, size),
        "binomial": rng.integers(0, 6, size),
        "beta": rng.uniform(0.1, 0.9, size),
    }
    count = "discrete" in FAMILIES[family].words
    return kinds.get(family, rng.integers(0, 5, size) if count else rng.gamma(2.0, 1.0, size) + 0.1)


@pytest.mark.few(3)
@pytest.mark.parametrize("family", SUPPORTED)
def test_derivatives_are_those_of_the_log_likelihood(family):
    y = responses(family)
    data = {"y": y, "n": np.full(len(y), 6), "x": RNG.normal(size=len(y))}
    try:
        model = bd.Model("prop(y, n) ~ x" if "trials" in FAMILIES[family].words else "y ~ x", data, family=family)
    except bd.DataError:
        pytest.skip("its responses are others than these; tests of rows' likelihoods have them")
    rows = model.__dict__["_rows"]
    found = row_likelihood(model.spec, rows.arrays, rows.response)
    values = {n: np.array([0.4, 0.7, 0.3]) for n in found.parameters}
    for parameter in (p for p in FAMILIES[family].parameters if p.shape == "shares"):
        count = len(FAMILIES[model.spec.family].parameter(parameter.name).labels)
        values[parameter.name] = np.full((3, count), 1.0 / count)
    eta, h = np.random.default_rng(4).normal(0.3, 0.5, size=(len(y), 3)), 1e-4
    if model.spec.links[FAMILIES[family].main.name] == "inverse":
        eta = np.abs(eta) + 0.5
    value, first, second = found.derivatives(eta, values)
    up, down = found.value(eta + h, values), found.value(eta - h, values)
    assert found.value(eta, values) == pytest.approx(value, rel=1e-12)
    smooth = np.abs(y[:, None] - eta) > 10 * h if family in ("asymmetric_laplace", "tobit") else np.ones_like(eta, bool)
    assert ((up - down) / (2 * h))[smooth] == pytest.approx(first[smooth], rel=1e-5, abs=1e-5)
    slopes = (found.derivatives(eta + h, values)[1] - found.derivatives(eta - h, values)[1]) / (2 * h)
    assert slopes[smooth] == pytest.approx(second[smooth], rel=1e-5, abs=1e-5)


@pytest.mark.few(1)
@pytest.mark.parametrize("family", ["bernoulli", "binomial", "poisson"])
def test_compiled_derivatives_are_those_of_the_family(family, monkeypatch):
    rng = np.random.default_rng(3)
    size, eta = 40, np.concatenate([rng.normal(0, 3, size=(38, 2)), [[60.0, -60.0], [-20.0, 20.0]]])
    y = np.resize(responses(family), size)
    model = bd.Model("prop(y, n) ~ 1" if family == "binomial" else "y ~ 1", {"y": y, "n": np.full(size, 6)}, family=family)
    rows = model.__dict__["_rows"]
    plain = row_likelihood(model.spec, rows.arrays, rows.response)
    monkeypatch.setattr("bayesdeep.graph.row_likelihood.COMPILED_FROM_ROWS", size)
    compiled = row_likelihood(model.spec, rows.arrays, rows.response)
    if family == "poisson":
        eta = np.minimum(eta, 20.0)
    for a, b in zip(compiled.derivatives(eta, {}), plain.derivatives(eta, {}), strict=True):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-11)
    assert compiled.value(eta, {}) == pytest.approx(plain.value(eta, {}), rel=1e-9, abs=1e-11)


def test_threads_do_not_change_the_draws(monkeypatch):
    model = bd.Model("k ~ x + (1 + x | a)", crossed(), family="poisson")
    monkeypatch.setattr("bayesdeep.graph.row_likelihood.COMPILED_FROM_ROWS", 1)
    alone = model.fit("laplace_marginal", seed=1, draws=50, chains=2, distinct=100, progress=False)
    monkeypatch.setattr("bayesdeep.engines._laplace.inner_newton.Inner.threads", 3)
    beside = model.fit("laplace_marginal", seed=1, draws=50, chains=2, distinct=100, progress=False)
    assert np.array_equal(alone.posterior["x|a"], beside.posterior["x|a"])


def test_the_mode_is_one_and_the_curvature_is_its():
    """No step from the mode goes up, and small steps go down as the factorised Hessian says."""
    _, _, _, inner = inner_of("k ~ x + (1 + x | a) + (1 | c) + (1 | b)", crossed(), family="poisson")
    mode = inner.mode(start_of(inner.rows.system)[None])
    rng = np.random.default_rng(1)
    for _ in range(5):
        _, ratio = inner.draw(mode, rng)
        assert abs(float(ratio[0])) < 12
    inner.warm = tuple(v[0] for v in inner.effects(mode.scales, mode.at))
    again = inner.mode(start_of(inner.rows.system)[None])
    assert again.log_marginal == pytest.approx(mode.log_marginal, abs=1e-7)
    assert again.iterations <= 2


def test_weights_count_rows():
    data = crossed(100)
    double = {k: np.concatenate([v, v]) for k, v in data.items()}
    once = inner_of("weighted(k, two) ~ x + (1 | b)", {**data, "two": np.full(100, 2.0)}, family="poisson")[3]
    twice = inner_of("k ~ x + (1 | b)", double, family="poisson", priors=priors_of("weighted(k, two) ~ x + (1 | b)", data))[3]
    points = np.array([[-0.5], [0.3]])
    assert once.log_marginal(points) == pytest.approx(twice.log_marginal(points), abs=1e-7)


def priors_of(formula, data):
    model = bd.Model(formula, {**data, "two": np.full(100, 2.0)}, family="poisson")
    return {p.name: str(p.prior) for p in model.spec.priors if p.role in ("intercept", "coefficient", "sd")}


def test_a_response_whose_curvature_changes_sign():
    """Student's t far from an outlier; the integral is of one dimension a group."""
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(20), 30)
    y = 0.5 * rng.normal(size=20)[groups] + rng.standard_t(4, size=600)
    y[::50] += 8.0
    _, _, found, inner = inner_of("y ~ 0 + (1 | g)", {"y": y, "g": groups}, family="student_t")
    names = [h.name for h in found.system.hyperparameters]
    assert names == ["1|g_sigma", "sigma", "nu"]
    value = inner.log_marginal(np.log([[0.5, 1.0, 4.0]]))[0]
    wanted = log_integrals(y, groups, 0.5, lambda y, eta: stats.t.logpdf(y - eta, 4))
    assert abs(value - wanted) / 20 < 0.02


@pytest.mark.integration
def test_corrected_draws_are_those_of_the_posterior():
    """The posterior of a standard deviation with its groups integrated out on grids."""
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(25), 3)
    y = rng.poisson(np.exp(0.7 * rng.normal(size=25)[groups]))
    model = bd.Model("y ~ 0 + (1 | g)", {"y": y, "g": groups}, family="poisson", priors={"1|g_sigma": "HalfNormal(1)"})
    fit = model.fit("laplace_marginal", seed=3, progress=False)
    assert fit.idata.attrs["details"]["corrected"] == "yes"
    assert fit.idata.attrs["exact"] is False
    assert fit.idata.attrs["status"] == "ok"
    grid = np.linspace(0.01, 3.0, 200)
    log_p = np.array([log_integrals(y, groups, s, DENSITIES["poisson"]) for s in grid]) - 0.5 * grid**2
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    mean = p @ grid
    sd = np.sqrt(p @ (grid - mean) ** 2)
    draws = np.asarray(fit.posterior["1|g_sigma"])
    # 4000 draws of an efficiency above a quarter: 0.03 sds is one Monte Carlo error.
    assert draws.mean() == pytest.approx(mean, abs=0.1 * sd)
    assert draws.std() == pytest.approx(sd, rel=0.08)


def test_without_groups_there_is_nothing_to_explore():
    y = np.r_[np.ones(3), np.zeros(17)].astype(int)
    model = bd.Model("y ~ 1", {"y": y}, family="bernoulli", priors={"Intercept": "Normal(0, 2)"})
    fit = model.fit("laplace_marginal", seed=1, progress=False)
    grid = np.linspace(-8, 4, 4001)
    log_p = 3 * log_expit(grid) + 17 * log_expit(-grid) - grid**2 / 8
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    draws = np.asarray(fit.posterior["Intercept"]).ravel()
    mean, sd = p @ grid, np.sqrt(p @ grid**2 - (p @ grid) ** 2)
    assert draws.mean() == pytest.approx(mean, abs=0.08 * sd)
    assert draws.std() == pytest.approx(sd, rel=0.07)
    # Uncorrected draws have their mean moved from the mode, which is 0.17 sds off, and keep a normal's shape.
    plain = model.fit("laplace_marginal", seed=1, progress=False, correct=False)
    drawn = np.asarray(plain.posterior["Intercept"]).ravel()
    assert drawn.mean() == pytest.approx(mean, abs=0.12 * sd)
    assert grid[np.argmax(p)] - mean > 0.15 * sd
    assert abs(stats.skew(drawn)) < 0.15
    assert plain.idata.attrs["details"]["corrected"] == "no"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("k ~ x + C(e) + (1 + x | a) + (1 | b)", "negative_binomial"),
        ("z ~ 0 + x + (0 + x | a)", "bernoulli"),
        ("k ~ x + offset(o) + (1 | c)", "zero_inflated_poisson"),
    ],
)
def test_names_and_dimensions_are_the_models_own(formula, family):
    model = bd.Model(formula, crossed(), family=family)
    fit = model.fit("laplace_marginal", seed=1, draws=30, chains=2, progress=False)
    graph = model.__dict__["_rows"].graph(model.spec)
    assert list(fit.posterior.data_vars) == list(graph.reported)
    for name in graph.reported:
        assert fit.posterior[name].dims == ("chain", "draw", *graph.reported[name].dims)
        assert np.isfinite(np.asarray(fit.posterior[name])).all()
    again = model.fit("laplace_marginal", seed=1, draws=30, chains=2, progress=False)
    assert again.posterior.equals(fit.posterior)


@pytest.mark.parametrize(
    ("formula", "options", "said"),
    [
        ("y ~ x", {"family": "student_t", "sigma": "~ x"}, "sigma has a formula of its own"),
        ("z ~ x", {"family": "bernoulli", "priors": {"x": "SpikeSlab(0.5, 0.1, 1)"}}, "the prior of x is SpikeSlab"),
        ("z ~ x", {"family": "bernoulli", "priors": {"x": "Laplace(0, HalfNormal(1))"}}, "the prior of x is Laplace"),
        ("e3 ~ x", {"family": "categorical"}, "has a predictor for each level"),
        ("y ~ x", {"family": "asymmetric_laplace"}, "no curvature in the predictor"),
    ],
)
def test_refusals_say_why(formula, options, said):
    data = {**crossed(), "e3": np.array(["p", "q", "r"])[RNG.integers(0, 3, 300)]}
    with pytest.raises(FitError, match=said) as error:
        bd.Model(formula, data, **options).fit("laplace_marginal", progress=False)
    assert "method='nuts'" in str(error.value)


def test_large_crossed_factors_are_refused():
    rng = np.random.default_rng(0)
    data = {"y": rng.integers(0, 2, 9000), "a": rng.integers(0, 2000, 9000), "b": rng.integers(0, 1800, 9000)}
    with pytest.raises(FitError, match=r"of 'b'.*factorised together"):
        bd.Model("y ~ 1 + (1 | a) + (1 | b)", data, family="bernoulli").fit("laplace_marginal", progress=False)


def test_options_are_checked():
    model = bd.Model("k ~ x", crossed(), family="poisson")
    with pytest.raises(FitError, match="give at least one value a chain, 4"):
        model.fit("laplace_marginal", distinct=2)
    assert why_not_marginal(model.spec) is None


def test_a_comparison_outweighs_the_weights():
    """Bad weights alone mean no trust; a comparison that went well leaves a caution, one that did not takes it away."""
    details = {"khat": 0.9, "shift_in_sds": 0.3, "corrected": "no"}
    good = {"check_mean": 0.05, "check_mean_at": "b", "check_sd": 1.04, "check_sd_at": "s"}
    severity = lambda d: max((c.severity for c in approximation_checks({"details": d}, 4000) if not c.passed), default=0)  # noqa: E731
    assert severity(details) == 2
    assert severity({**details, **good}) == 1
    assert severity({**details, **good, "check_mean": -0.4}) == 2
    assert severity({**details, **good, "check_sd": 0.7}) == 2
    names = [c.check for c in approximation_checks({"details": {**details, **good}}, 4000)]
    assert names == ["Pareto k-hat", "error of the approximation", "mean against nuts", "sd against nuts"]


@pytest.mark.slow
def test_it_agrees_with_nuts_and_says_so():
    data = bd.load_dataset("cbpp")
    model = bd.Model("prop(incidence, size) ~ period + (1 | herd)", data, family="binomial")
    fit = model.fit("laplace_marginal", seed=1, progress=False, check=True)
    details = fit.idata.attrs["details"]
    assert abs(details["check_mean"]) < 0.2
    assert details["check_sd"] == pytest.approx(1.0, abs=0.15)
    assert "1|herd_sigma: " in details["check"]
    assert fit.idata.attrs["status"] == "ok"
    assert "mean against nuts" in repr(fit.diagnose())


def test_a_prior_away_from_0_is_one_about_0_of_the_rest() -> None:
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=200), np.arange(200) % 10
    data = {"y": rng.poisson(np.exp(0.5 * x + 0.3 * rng.normal(size=10)[groups])), "x": x, "g": groups, "two": 2 * x}
    options = {"draws": 200, "seed": 1, "progress": False}
    away = bd.Model("y ~ x + (1 | g)", data, "poisson", priors={"x": "Normal(2, 0.3)"}).fit("laplace_marginal", **options)
    about = bd.Model("y ~ offset(two) + x + (1 | g)", data, "poisson", priors={"x": "Normal(0, 0.3)"})
    rest = about.fit("laplace_marginal", **options).posterior
    for name, add in (("x", 2.0), ("1|g_sigma", 0.0)):
        found, wanted = away.posterior[name], rest[name] + add
        assert float(found.mean()) == pytest.approx(float(wanted.mean()), abs=0.2 * float(wanted.std()))
        assert float(found.std()) == pytest.approx(float(wanted.std()), rel=0.15)
