"""Laws every response family obeys: it is a distribution, its mean is its mean, and it is the one it says it is."""

from functools import cache
from itertools import product

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from pytensor.graph.replace import vectorize_graph
from scipy import special, stats

from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux
from bayesdeep.core.registry import FAMILIES

QUICK = Mode(linker="py", optimizer="fast_compile")
NAMES = tuple(FAMILIES)
TRIALS = 7
CENSORED = [name for name in NAMES if "censored" in FAMILIES[name].modifiers]
COLUMNS = {name for name in NAMES if "several_columns" in FAMILIES[name].words}
SHARES = np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2], [0.05, 0.05, 0.9]])
CORE_DIMS = {"row": 0, "contrast": 1, "cut": 1, "shares": 1}
LEVELS = {"contrast": 3, "cut": 4}


def example(name, seed=0):
    """Return the family's example parameters; with a seed, moved at random within their support."""
    family, rng, found = FAMILIES[name], np.random.default_rng(seed), {}
    for parameter in family.parameters:
        value = np.asarray(family.example[parameter.name], dtype=float)
        if seed:
            support = "real" if parameter.link_in_family else parameter.support
            step = 0.3 * rng.standard_normal(value.shape)
            shifted = 1 + special.expit(special.logit(value - 1) + step) if support == "one_to_two" else value
            moved = {"positive": value * np.exp(step), "one_to_two": shifted, "unit": special.expit(special.logit(value) + step)}
            moved["simplex"] = value * np.exp(step) / (value * np.exp(step)).sum()
            value = moved[support] if support in moved else np.sort(np.atleast_1d(value + step)).reshape(value.shape)
        found[parameter.name] = value
    return found


def auxiliary(name, link=None):
    family = FAMILIES[name]
    shapes = [p.shape for p in family.parameters if p.cuts is None]
    levels = next((LEVELS[shape] for shape in shapes if shape in LEVELS), None)
    trials = pt.constant(TRIALS, dtype="int64") if "trials" in family.words else None
    return Aux(LINKS[link or family.main.links[0]], trials, levels)


class Compiled:
    """The family's functions of values and parameters, for rows that share their parameters."""

    def __init__(self, name, link=None):
        family, aux = FAMILIES[name], auxiliary(name, link)
        self.family, self.params = family, {}
        value = pt.tensor("value", dtype="float64", shape=(None, None) if name in COLUMNS else (None,))
        for p in family.parameters:
            self.params[p.name] = pt.tensor(p.name, dtype="float64", shape=(None,) * CORE_DIMS[p.shape])
        rows = pt.zeros((value.shape[0],))
        full = dict(self.params)
        full[family.main.name] = self.params[family.main.name] + (rows[:, None] if family.main.shape == "contrast" else rows)
        rv = family.rv(full, aux)
        inputs = [value, *self.params.values()]
        logp = pm.logp(rv, value)
        self._logp = self._function(inputs, [logp, *pt.grad(logp.sum(), list(self.params.values()))])
        self._mean = self._function(inputs, family.mean(full, aux))
        self._draw = self._function(inputs, rv, random_seed=3)
        if "censored" in family.modifiers:
            logcdf = pm.logcdf(rv, value) if family.log_below is None else family.log_below(full, aux, value)
            self._logcdf = self._function(inputs, [logcdf, *pt.grad(logcdf.sum(), list(self.params.values()))])
            if family.log_survival is not None:
                above = family.log_survival(full, aux, value)
                self._above = self._function(inputs, [above, *pt.grad(above.sum(), list(self.params.values()))])

    @staticmethod
    def _function(inputs, outputs, **options):
        return pm.compile(inputs, outputs, mode=QUICK, on_unused_input="ignore", **options)

    def _call(self, function, value, params):
        return function(np.asarray(value, dtype=float), *(params[name] for name in self.params))

    def logp(self, value, params):
        return self._call(self._logp, value, params)[0]

    def gradient(self, value, params):
        return self._call(self._logp, value, params)[1:]

    def logcdf(self, value, params):
        return self._call(self._logcdf, value, params)

    def survival(self, value, params):
        return self._call(self._above, value, params)

    def mean(self, params, rows=1):
        return self._call(self._mean, self._blank(rows), params)

    def draw(self, params, rows):
        return self._call(self._draw, self._blank(rows), params)

    def _blank(self, rows):
        return np.zeros((rows, 3)) if self.family.name in COLUMNS else np.zeros(rows)


@cache
def compiled(name, link=None):
    return Compiled(name, link)


def support(name):
    """Return all values of a discrete family that have any weight to speak of."""
    levels = auxiliary(name).levels
    if name in COLUMNS:
        return np.array([c for c in product(range(TRIALS + 1), repeat=levels) if sum(c) == TRIALS], dtype=float)
    if levels is not None:
        return np.arange(levels, dtype=float)
    low, high = FAMILIES[name].support
    last = TRIALS if "trials" in FAMILIES[name].words else min(high, 399)
    return np.arange(low, last + 1, dtype=float)


def grid(name, params):
    """Return points of a continuous family's support and the weights of the trapezoidal rule on them, atoms first."""
    if name in COLUMNS:
        return simplex()
    # The density's kink at mu, where there is one, lies on a point.
    t = np.linspace(-12.0, 12.0, 8001)
    family, (low, high) = FAMILIES[name], FAMILIES[name].support
    if np.isfinite([low, high]).all():
        share, slope = special.expit(t * 2), 2 * special.expit(t * 2) * special.expit(-t * 2)
        y, slope = low + (high - low) * share, (high - low) * slope
    elif np.isfinite(low):
        y, slope = low + np.exp(t) + params.get("ndt", 0.0), np.exp(t)  # a shift is a support of its own
    else:
        y, slope = params[family.main.name] + np.sinh(t), np.cosh(t)
    inside = (y > low) & (y < high)
    return np.append(family.atoms, y[inside]), np.append(np.ones(len(family.atoms)), (slope * (t[1] - t[0]))[inside])


def simplex():
    """Return shares of three parts and the weights of the trapezoidal rule over the last two."""
    t = np.linspace(-20.0, 12.0, 250)
    u, v = (part.ravel() for part in np.meshgrid(special.expit(t), special.expit(t)))
    y = np.column_stack([(1 - u) * (1 - v), u, (1 - u) * v])
    return y, u * (1 - u) ** 2 * v * (1 - v) * (t[1] - t[0]) ** 2


@pytest.mark.few(4)
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_probabilities_sum_to_one(name, seed):
    family, params = FAMILIES[name], example(name, seed)
    if "discrete" in family.words:
        total = np.exp(compiled(name).logp(support(name), params)).sum()
    else:
        y, weight = grid(name, params)
        total = (np.exp(compiled(name).logp(y, params)) * weight).sum()
    np.testing.assert_allclose(total, 1.0, rtol=1e-5)


@pytest.mark.few(7, more=12)
@pytest.mark.parametrize("name", NAMES)
def test_draws_have_the_mean_the_family_says(name):
    rows, params = 6000, example(name)
    draws, expected = compiled(name).draw(params, rows), compiled(name).mean(params)[0]
    if np.ndim(expected) and draws.ndim == 1:
        draws = (draws[:, None] == np.arange(len(expected))).astype(float)
    assert draws.shape[0] == rows
    error = draws.std(axis=0) / np.sqrt(rows)
    assert (np.abs(draws.mean(axis=0) - expected) < 4 * error).all(), (draws.mean(axis=0), expected, error)


@pytest.mark.few(15, more=12)
@pytest.mark.parametrize("name", NAMES)
def test_mean_is_the_sum_or_integral_of_the_density(name):
    params, expected = example(name, 1), compiled(name).mean(example(name, 1))[0]
    if "discrete" in FAMILIES[name].words:
        y, weight = support(name), 1.0
        if np.ndim(expected) and y.ndim == 1:
            y = np.eye(len(y))
        weight = np.exp(compiled(name).logp(support(name), params))
    else:
        y, weight = grid(name, params)
        weight = weight * np.exp(compiled(name).logp(y, params))
    np.testing.assert_allclose((y.T * weight).sum(axis=-1), expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", CENSORED)
def test_distribution_function_is_the_integrated_density_and_survival_the_rest(name):
    params = example(name, 2)
    if "discrete" in FAMILIES[name].words:
        y = support(name)
        cumulative, picked = np.cumsum(np.exp(compiled(name).logp(y, params))), np.array([0, 1, 2, 3, 5, 9])
    else:
        y, weight = grid(name, params)
        mass = np.exp(compiled(name).logp(y, params)) * weight
        # The trapezoidal rule up to a point counts half of the last one; an atom is there as a whole.
        cumulative = np.cumsum(mass) - np.where(np.isin(y, FAMILIES[name].atoms), 0.0, mass / 2)
        picked = np.searchsorted(cumulative, [0.01, 0.1, 0.4, 0.6, 0.9, 0.99])
    found = compiled(name).logcdf(y[picked], params)
    np.testing.assert_allclose(np.exp(found[0]), cumulative[picked], atol=1e-5)
    assert all(np.isfinite(g).all() for g in found)
    if FAMILIES[name].log_survival is not None:
        above = compiled(name).survival(y[picked], params)
        np.testing.assert_allclose(np.exp(above[0]) + np.exp(found[0]), 1.0, atol=1e-7)
        assert all(np.isfinite(g).all() for g in above)


@pytest.mark.parametrize("name", [n for n in CENSORED if FAMILIES[n].log_survival is not None])
def test_survival_is_finite_and_falls_far_out_where_one_minus_the_distribution_function_is_zero(name):
    params, discrete = example(name), "discrete" in FAMILIES[name].words
    high = FAMILIES[name].support[1]
    y = np.array([60.0, 250.0, 1000.0]) if discrete else np.array([8.0, 60.0, 400.0])
    y = high - 1.0 / y if np.isfinite(high) else y
    value, *gradients = compiled(name).survival(y, params)
    assert (np.diff(value) < 0).all()
    assert np.isfinite(value).all()
    assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("name", CENSORED)
def test_distribution_function_and_survival_have_clean_gradients_outside_the_support(name):
    recorded = "discrete" in FAMILIES[name].words or 0.0 in FAMILIES[name].atoms
    outside = np.array([-1.0]) if recorded else np.array([-1.0, 0.0])
    params = example(name)
    below, above = compiled(name).logcdf(outside, params), compiled(name).survival(outside, params)
    assert all(np.isfinite(g).all() for g in (*below[1:], *above))
    if FAMILIES[name].support[0] == 0.0:
        assert np.isneginf(below[0]).all()
        assert (above[0] == 0).all()


def skewed(mu, sigma, alpha):
    """Return SciPy's skew normal distribution, which is told by location and scale, of this mean and sd."""
    unit = stats.skewnorm(alpha)
    scale = sigma / unit.std()
    return stats.skewnorm(alpha, mu - scale * unit.mean(), scale)


def reference(name, p):
    """Return scipy's distribution with the family's parameters, or None."""
    mu = p.get("mu")
    logit = special.expit(mu) if name in ("bernoulli", "binomial", "beta_binomial") else None
    made = {
        "gaussian": lambda: stats.norm(mu, p["sigma"]),
        "student_t": lambda: stats.t(p["nu"], mu, p["sigma"]),
        "lognormal": lambda: stats.lognorm(p["sigma"], scale=np.exp(mu)),
        "gamma": lambda: stats.gamma(p["alpha"], scale=mu / p["alpha"]),
        "inverse_gaussian": lambda: stats.invgauss(mu / p["lam"], scale=p["lam"]),
        "exponential": lambda: stats.expon(scale=mu),
        "weibull": lambda: stats.weibull_min(p["alpha"], scale=mu / special.gamma(1 + 1 / p["alpha"])),
        "beta": lambda: stats.beta(mu * p["kappa"], (1 - mu) * p["kappa"]),
        "asymmetric_laplace": lambda: stats.laplace_asymmetric(
            np.sqrt(p["quantile"] / (1 - p["quantile"])),
            mu,
            p["sigma"] / np.sqrt(p["quantile"] * (1 - p["quantile"])),
        ),
        "laplace": lambda: stats.laplace(mu, p["sigma"]),
        "log_logistic": lambda: stats.fisk(p["alpha"], scale=mu),
        "frechet": lambda: stats.invweibull(p["alpha"], scale=mu),
        "exgaussian": lambda: stats.exponnorm(p["beta"] / p["sigma"], mu - p["beta"], p["sigma"]),
        "shifted_lognormal": lambda: stats.lognorm(p["sigma"], p["ndt"], np.exp(mu)),
        "skew_normal": lambda: skewed(mu, p["sigma"], p["alpha"]),
        "gev": lambda: stats.genextreme(-p["xi"], mu, p["sigma"]),  # the shape has the other sign there
        "von_mises": lambda: stats.vonmises(p["kappa"], mu),
        "bernoulli": lambda: stats.bernoulli(logit),
        "binomial": lambda: stats.binom(TRIALS, logit),
        "poisson": lambda: stats.poisson(mu),
        "negative_binomial": lambda: stats.nbinom(p["alpha"], p["alpha"] / (p["alpha"] + mu)),
        "beta_binomial": lambda: stats.betabinom(TRIALS, logit * p["kappa"], (1 - logit) * p["kappa"]),
    }
    return made[name]() if name in made else None


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", [n for n in NAMES if reference(n, example(n)) is not None])
def test_parametrisation_agrees_with_scipy(name, seed):
    params = example(name, seed)
    other = reference(name, params)
    if "discrete" in FAMILIES[name].words:
        y = support(name)[:20]
        expected = other.logpmf(y)
    else:
        y = other.ppf([0.001, 0.03, 0.2, 0.5, 0.7, 0.95, 0.9999])
        expected = other.logpdf(y)
    np.testing.assert_allclose(compiled(name).logp(y, params), expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(compiled(name).mean(params)[0], other.mean(), rtol=1e-6)
    if name in CENSORED:
        np.testing.assert_allclose(compiled(name).logcdf(y, params)[0], other.logcdf(y), rtol=1e-6, atol=1e-7)
        if FAMILIES[name].log_survival is not None:
            np.testing.assert_allclose(compiled(name).survival(y, params)[0], other.logsf(y), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["gaussian", "lognormal", "gamma", "student_t", "poisson", "negative_binomial"])
def test_survival_agrees_with_scipy_far_out(name):
    params = example(name)
    y = np.array([30.0, 90.0]) if "discrete" in FAMILIES[name].words else np.array([9.0, 15.0])
    np.testing.assert_allclose(compiled(name).survival(y, params)[0], reference(name, params).logsf(y), rtol=1e-6)


FAR_BELOW = {
    "gaussian": ({"mu": 40.0, "sigma": 0.5}, 2.0),
    "lognormal": ({"mu": 40.0, "sigma": 0.5}, np.exp(2.0)),
    "gamma": ({"mu": 30.0, "alpha": 600.0}, 3.0),
    "inverse_gaussian": ({"mu": 30.0, "lam": 9000.0}, 3.0),
    "weibull": ({"mu": 30.0, "alpha": 400.0}, 3.0),
    "asymmetric_laplace": ({"mu": 3000.0}, 1.0),
    "laplace": ({"mu": 3000.0}, 1.0),
    "exgaussian": ({"mu": 40.0, "sigma": 0.5}, 2.0),
    "skew_normal": ({"mu": 40.0, "sigma": 0.5}, 2.0),
    "shifted_lognormal": ({"mu": 40.0, "sigma": 0.5, "ndt": 1.0}, 1.0 + np.exp(2.0)),
    "log_logistic": ({"mu": 30.0, "alpha": 400.0}, 3.0),
    "poisson": ({"mu": 1700.0}, 300.0),
    "negative_binomial": ({"mu": 6000.0, "alpha": 3000.0}, 1500.0),
}
"""Parameters, and a value below which the probability is smaller than any number in double precision."""


@pytest.mark.parametrize("name", [n for n in CENSORED if n in FAR_BELOW])
def test_what_lies_below_is_right_where_its_probability_underflows(name):
    changed, value = FAR_BELOW[name]
    params = {**example(name), **{k: np.asarray(v) for k, v in changed.items()}}
    found, *gradients = compiled(name).logcdf(np.array([value]), params)
    if "discrete" in FAMILIES[name].words:
        expected = special.logsumexp(compiled(name).logp(np.arange(value + 1), params))
    else:
        fall = -np.diff(compiled(name).logp(np.array([value, value * (1 - 1e-6)]), params))[0] / (value * 1e-6)
        distance = np.linspace(0.0, min(40.0 / fall, value - FAMILIES[name].support[0]), 100_002)[:-1]
        density = compiled(name).logp(value - distance, params)
        expected = special.logsumexp(density, b=np.where(distance == 0, 0.5, 1.0)) + np.log(distance[1])
    assert expected < np.log(np.finfo(float).smallest_subnormal)
    np.testing.assert_allclose(found[0], expected, atol=2e-4)
    assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "changed", "means"),
    [
        ("poisson", {}, np.linspace(700.0, 3000.0, 800)),
        ("negative_binomial", {"alpha": 2500.0}, np.linspace(700.0, 3000.0, 800)),
        ("gamma", {"alpha": 300.0}, np.geomspace(5.0, 200.0, 2000)),
    ],
)
def test_what_lies_below_joins_on_where_its_probability_underflows(name, changed, means):
    params = {**example(name), **{k: np.asarray(v) for k, v in changed.items()}}
    value = np.array([3.0]) if name == "gamma" else np.array([60.0])
    found = np.array([compiled(name).logcdf(value, {**params, "mu": np.asarray(mu)})[0][0] for mu in means])
    assert found[0] > -667.0 > found[-1]
    assert np.abs(np.diff(found, 3)).max() < 1e-3


def test_gamma_and_count_survival_join_on_where_the_tail_underflows():
    # Either side of 1e-290 the two forms must agree to the digits the approximation has.
    y = np.linspace(400.0, 420.0, 400)
    steps = np.diff(compiled("gamma").survival(y, example("gamma"))[0])
    assert np.abs(np.diff(steps)).max() < 1e-4
    for name, y in (("poisson", np.arange(120.0, 220.0)), ("negative_binomial", np.arange(1100.0, 1400.0))):
        steps = np.diff(compiled(name).survival(y, example(name))[0])
        assert (np.diff(steps) < 1e-4).all()
        assert np.abs(np.diff(steps)).max() < 0.02


def test_zero_inflated_poisson_is_the_mixture_it_claims():
    p, y = example("zero_inflated_poisson", 1), np.arange(12.0)
    expected = (1 - p["zi"]) * stats.poisson(p["mu"]).pmf(y) + p["zi"] * (y == 0)
    np.testing.assert_allclose(compiled("zero_inflated_poisson").logp(y, p), np.log(expected), rtol=1e-10)


def test_hurdle_poisson_is_a_zero_or_a_count_above_zero():
    p, y = example("hurdle_poisson", 1), np.arange(12.0)
    above = (1 - p["hu"]) * stats.poisson(p["mu"]).pmf(y) / -np.expm1(-p["mu"])
    expected = np.where(y == 0, p["hu"], above)
    np.testing.assert_allclose(compiled("hurdle_poisson").logp(y, p), np.log(expected), rtol=1e-10)
    tiny = dict(p, mu=np.array(1e-9))
    assert set(np.unique(compiled("hurdle_poisson").draw(tiny, 200))) == {0, 1}


def test_tobit_is_a_normal_variable_cut_at_zero():
    p, y = example("tobit", 1), np.array([0.0, 0.1, 1.0, 4.0])
    latent = stats.norm(p["mu"], p["sigma"])
    expected = np.where(y == 0, latent.logcdf(0.0), latent.logpdf(y))
    np.testing.assert_allclose(compiled("tobit").logp(y, p), expected, rtol=1e-10)
    assert compiled("tobit").logp([-1.0], p)[0] == -np.inf
    assert compiled("tobit").draw(dict(p, mu=np.array(-1.0)), 500).min() == 0.0
    far = compiled("tobit").mean(dict(p, mu=np.array(-40.0)))[0]
    assert 0.0 <= far < 1e-100
    np.testing.assert_array_equal(compiled("tobit", "identity").logp(y, p), compiled("tobit", "relu").logp(y, p))


def test_categorical_and_multinomial_set_levels_against_the_first():
    p = example("categorical", 1)
    expected = np.exp(np.array([0.0, *p["mu"]]))
    expected /= expected.sum()
    np.testing.assert_allclose(compiled("categorical").mean(p)[0], expected, rtol=1e-12)
    np.testing.assert_allclose(np.exp(compiled("categorical").logp(np.arange(3.0), p)), expected, rtol=1e-12)
    counts = support("multinomial")
    np.testing.assert_allclose(
        compiled("multinomial").logp(counts, p), stats.multinomial(TRIALS, expected).logpmf(counts), rtol=1e-10
    )
    assert np.isneginf(compiled("categorical").logp([-1.0, 3.0], p)).all()


@pytest.mark.parametrize("link", FAMILIES["cumulative"].main.links)
def test_cumulative_probabilities_are_differences_of_the_inverse_link(link):
    p, eta = example("cumulative", 1), pt.dvector()
    cut = pytensor.function([eta], LINKS[link].inverse(eta), mode=QUICK)(p["disc"] * (p["threshold"] - p["mu"]))
    expected = np.diff([0.0, *cut, 1.0])
    np.testing.assert_allclose(np.exp(compiled("cumulative", link).logp(np.arange(4.0), p)), expected, rtol=1e-10)
    np.testing.assert_allclose(compiled("cumulative", link).mean(p)[0], expected, rtol=1e-10)


@pytest.mark.parametrize("link", FAMILIES["cumulative"].main.links)
@pytest.mark.parametrize("eta", [-600.0, -40.0, 40.0, 600.0])
def test_cumulative_stays_finite_in_the_tails(link, eta):
    p = dict(example("cumulative"), mu=np.array(eta))
    assert np.isfinite(compiled("cumulative", link).logp(np.arange(4.0), p)).all()
    assert all(np.isfinite(g).all() for g in compiled("cumulative", link).gradient(np.arange(4.0), p))
    if link == "logit":
        # log(F(b) - F(a)) is -disc |eta| plus a constant out there, for the levels between and for the far end.
        slope = np.sign(eta) * p["disc"] * np.array([1.0, -1.0])
        near = compiled("cumulative", link).gradient([1.0], p)[0]
        np.testing.assert_allclose(near, -slope[0], rtol=1e-6)


@pytest.mark.parametrize("link", FAMILIES["bernoulli"].main.links)
@pytest.mark.parametrize("name", ["bernoulli", "binomial"])
def test_log_likelihood_of_probabilities_near_zero_and_one_is_finite(name, link):
    if link == "identity":
        value = compiled(name, link).logp([0.0, 1.0], {"mu": np.array(1.3)})
        assert np.isneginf(value).all()
        value = compiled(name, link).logp([0.0], {"mu": np.array(0.0)})
        np.testing.assert_allclose(value, 0.0, atol=1e-12)
        return
    for eta in (-800.0, 800.0):
        params = {"mu": np.array(eta)}
        value = compiled(name, link).logp([0.0, 1.0], params)
        assert np.isfinite(value).all()
        assert all(np.isfinite(g).all() for g in compiled(name, link).gradient([0.0, 1.0], params))
        if link == "logit" and name == "bernoulli":
            np.testing.assert_allclose(sorted(value), [-800.0, 0.0], atol=1e-12)
        assert np.isneginf(compiled(name, link).logp([-1.0, 99.0], params)).all()


def test_tanh_link_is_half_of_one_plus_tanh():
    params = {"mu": np.array(0.37)}
    np.testing.assert_allclose(compiled("bernoulli", "tanh").mean(params)[0], (1 + np.tanh(0.37)) / 2, rtol=1e-12)
    value = compiled("bernoulli", "tanh").logp([1.0, 0.0], params)
    np.testing.assert_allclose(np.exp(value), [(1 + np.tanh(0.37)) / 2, (1 - np.tanh(0.37)) / 2], rtol=1e-12)


COUNTS = [n for n in NAMES if FAMILIES[n].words == {"discrete"} and FAMILIES[n].main.support == "positive"]


@pytest.mark.parametrize("name", COUNTS)
def test_counts_never_give_nan_and_can_be_drawn_however_large_the_mean(name):
    for mu in (1e-304, 1e304):
        params = dict(example(name), mu=np.array(mu))
        assert not np.isnan(compiled(name).logp([0.0, 3.0], params)).any()
        assert not any(np.isnan(g).any() for g in compiled(name).gradient([0.0, 3.0], params))
        assert (compiled(name).draw(params, 5) >= 0).all()


def some_values(name, numbers):
    if "discrete" in FAMILIES[name].words:
        return support(name)[:3]
    return SHARES if name in COLUMNS else np.append(FAMILIES[name].atoms, numbers)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_the_log_likelihood_is_finite_and_the_derivative(name):
    params = example(name, 1)
    values = some_values(name, [0.05, 0.4, 0.85])
    values = values + params.get("ndt", 0.0)  # at and below a shift there is no density
    found = compiled(name).gradient(values, params)
    for parameter, gradient in zip(params, found, strict=True):
        for at in np.ndindex(params[parameter].shape):
            step = np.zeros(params[parameter].shape)
            step[at] = 1e-6
            up = compiled(name).logp(values, {**params, parameter: params[parameter] + step}).sum()
            down = compiled(name).logp(values, {**params, parameter: params[parameter] - step}).sum()
            np.testing.assert_allclose(gradient[at], (up - down) / 2e-6, rtol=1e-4, atol=1e-5)


@pytest.mark.few(8)
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_draws_equals_a_loop_over_them(name):
    family, aux, batch, rows = FAMILIES[name], auxiliary(name), 4, 3
    values = some_values(name, [0.2, 0.5, 0.7])[:rows]
    values = np.resize(values, (rows, *values.shape[1:]))
    single, stacked, arrays = {}, {}, []
    for p in family.parameters:
        dims = CORE_DIMS[p.shape] + (p is family.main)
        single[p.name] = pt.tensor(p.name, dtype="float64", shape=(None,) * dims)
        stacked[p.name] = pt.tensor(p.name, dtype="float64", shape=(None,) * (dims + 1))
        draws = np.stack([example(name, seed)[p.name] for seed in range(batch)])
        arrays.append(np.repeat(draws[:, None], rows, axis=1) if p is family.main else draws)
    rv = family.rv(single, aux)
    fixed = [pm.logp(rv, values), family.mean(single, aux)]
    outputs = vectorize_graph([*fixed, rv], {single[k]: stacked[k] for k in single})
    together = pm.compile(list(stacked.values()), outputs, mode=QUICK, random_seed=1)(*arrays)
    alone = pm.compile(list(single.values()), [*fixed, rv], mode=QUICK, random_seed=1)
    for i in range(batch):
        logp, mean, draw = alone(*(a[i] for a in arrays))
        np.testing.assert_allclose(together[0][i], logp, rtol=1e-10)
        np.testing.assert_allclose(together[1][i], mean, rtol=1e-10)
        assert together[2][i].shape == draw.shape
    # Every draw of the parameters gets random numbers of its own.
    if "discrete" not in family.words and not family.atoms:
        assert len(np.unique(together[2])) == together[2].size


@pytest.mark.parametrize(("name", "censored"), [("weibull", True), ("cumulative", False), ("negative_binomial", False)])
def test_the_default_linker_agrees(name, censored):
    family, aux, params = FAMILIES[name], auxiliary(name), example(name)
    tensors = {
        p.name: pt.tensor(p.name, dtype="float64", shape=(None,) * (CORE_DIMS[p.shape] + (p is family.main)))
        for p in family.parameters
    }
    values = np.arange(1, 4)
    rv = family.rv(tensors, aux)
    outputs = [pm.logp(rv, values)] + ([pm.logcdf(rv, values)] if censored else [])
    outputs += pt.grad(sum(o.sum() for o in outputs), list(tensors.values()))
    given = [np.full(3, params[p.name]) if p is family.main else params[p.name] for p in family.parameters]
    default = pm.compile(list(tensors.values()), outputs)(*given)
    quick = pm.compile(list(tensors.values()), outputs, mode=QUICK)(*given)
    for one, other in zip(default, quick, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_records_are_complete(name):
    family = FAMILIES[name]
    assert family.name == name
    assert set(family.example) == {p.name for p in family.parameters}
    assert family.notes.endswith(".")
    for parameter in family.parameters:
        assert set(parameter.links) <= set(LINKS)
        without = parameter is family.main or parameter.follows != "" or parameter.fixed is not None
        assert (parameter.prior is None) == without
        assert parameter.fixed is None or all(LINKS[link].forward(parameter.fixed) == 0.0 for link in parameter.links)
    assert family.modifiers <= {"censored", "truncated", "weighted", "prop"}
    known = {"gaussian", "discrete", "levels", "ordered", "no_intercept", "trials", "several_columns", "two_levels", "about"}
    assert family.words <= known
