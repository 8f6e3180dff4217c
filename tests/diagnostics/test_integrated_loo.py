"""Leave-one-out with the effects of small groups integrated out: equal to closed forms and to adaptive quadrature."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, logsumexp
from scipy.stats import multivariate_normal, norm
from scipy.stats import t as student

import bayesdeep as bd
from bayesdeep.collapse.row_system import why_not_by_row
from bayesdeep.compare.assessed_fit import by_loo
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import read_frame
from bayesdeep.inference.integrable_effects import group_factors
from bayesdeep.inference.integrated_rows import Way, left_out
from bayesdeep.inference.loo import loo_from_blocks
from bayesdeep.numerics.group_quadrature import MarginalRows, NotConcaveError, group_integrals
from bayesdeep.results.fitted import blocks_of, flat_draws
from bayesdeep.results.prediction_blocks import blocks
from bayesdeep.results.rows import rows_of

DRAWS = 50


def counts(y):
    y = np.asarray(y, dtype=float)[:, None]

    def derived(eta):
        return y * eta - np.exp(eta) - gammaln(y + 1), y - np.exp(eta), -np.exp(eta)

    return (lambda eta: derived(eta)[0]), derived


def heavy(y, scale):
    """Student's t of 3 degrees: not log-concave."""
    y = np.asarray(y, dtype=float)[:, None]

    def derived(eta):
        z = (y - eta) / scale
        value = student.logpdf(z, 3) - np.log(scale)
        return value, 4 * z / (3 + z**2) / scale, 4 * (z**2 - 3) / (3 + z**2) ** 2 / scale**2

    return (lambda eta: derived(eta)[0]), derived


def log_counts(y, eta, sd, v):
    """Return the log probability of counts times a normal density."""
    rows = (one * (e + sd * v) - math.exp(e + sd * v) - math.lgamma(one + 1) for one, e in zip(y, eta, strict=True))
    return sum(rows) - 0.5 * v * v - 0.5 * math.log(2 * math.pi)


@pytest.mark.parametrize("sd", [1e-6, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("y", [[0], [2], [150], [0, 0, 1], [3, 90], [40, 55, 61, 38]])
def test_counts_given_a_normal_effect_are_those_of_quadrature(y, sd):
    eta = np.linspace(-1.5, 1.5, len(y))[:, None] + np.array([[0.2, 1.7]])
    loads = np.full((len(y), 2, 1), sd)
    found = group_integrals(*counts(y), eta, loads, np.array([0]), np.zeros((1, 2, 1)))
    for k in range(2):
        log_f = partial(log_counts, y, eta[:, k], sd)
        mode, width = found.mode[0, k, 0], found.root[0, k, 0, 0]
        top = log_f(mode)
        edges = [mode + width * c for c in (-16, -4, 0, 4, 16)]
        parts = [quad(lambda v: math.exp(log_f(v) - top), a, b, epsabs=0, epsrel=1e-8)[0] for a, b in pairwise(edges)]  # noqa: B023
        assert found.value[0, k] == pytest.approx(top + math.log(sum(parts)), abs=3e-4)


def test_rows_that_curve_beyond_all_numbers_are_refused():
    def rows(eta):
        return -1e40 * eta**2

    def derived(eta):
        return rows(eta), -2e40 * eta, np.full_like(eta, -2e40)

    with pytest.raises(NotConcaveError, match="curves more than numbers can say"):
        group_integrals(rows, derived, np.ones((1, 3)), np.ones((1, 3, 2)), np.array([0]), np.zeros((1, 3, 2)))


def test_a_likelihood_of_two_modes_is_looked_for_everywhere():
    eta, scale, y = np.zeros((1, 3)), 0.4, [6.0]
    loads = np.array([0.5, 1.5, 4.0]).reshape(1, 3, 1)
    found = group_integrals(*heavy(y, scale), eta, loads, np.array([0]), np.zeros((1, 3, 1)))
    for k, sd in enumerate(loads[0, :, 0]):
        v = np.linspace(-9, 9, 200_001)
        f = student.pdf((6.0 - sd * v) / scale, 3) / scale * norm.pdf(v)
        assert found.value[0, k] == pytest.approx(np.log(f.sum() * (v[1] - v[0])), abs=1e-4)
    with pytest.raises(NotConcaveError):
        group_integrals(*heavy(y, scale), eta, np.ones((1, 3, 2)), np.array([0]), np.zeros((1, 3, 2)))
    with pytest.raises(NotConcaveError):
        group_integrals(*heavy(y, 1e-3), eta, loads, np.array([0]), np.zeros((1, 3, 1)))


def test_two_coefficients_are_integrated_over_a_plane():
    y, eta = [2, 0, 7], np.array([[0.5], [0.1], [0.9]])
    loads = np.array([[0.8, 0.0], [0.8, 0.9], [0.8, -1.1]])[:, None]
    found = group_integrals(*counts(y), eta, loads, np.array([0]), np.zeros((1, 1, 2)))

    v = np.linspace(-7, 7, 701)
    both = np.stack(np.meshgrid(v, v), -1).reshape(-1, 2)
    log_f = counts(y)[0](eta + loads[:, 0] @ both.T).sum(axis=0) + norm.logpdf(both).sum(axis=1)
    assert found.value[0, 0] == pytest.approx(float(logsumexp(log_f)) + 2 * np.log(v[1] - v[0]), abs=1e-4)


def test_marginal_rows_have_the_derivatives_of_their_value():
    y, eta, step = [0, 4, 60], np.array([[0.3, 2.0], [1.0, -1.0], [3.0, 4.5]]), 1e-4
    marginal, loads = MarginalRows(*counts(y), np.full((3, 2), 0.9)), np.full((3, 2), 0.9)
    value, slope, second = marginal.derivatives(eta)
    np.testing.assert_array_equal(marginal.value(eta), value)
    whole = group_integrals(*counts(y), eta, loads[..., None], np.arange(3), np.zeros((3, 2, 1)))
    np.testing.assert_allclose(value, whole.value, atol=1e-4)
    above, below = (MarginalRows(*counts(y), loads).derivatives(eta + h) for h in (step, -step))
    np.testing.assert_allclose(slope, (above[0] - below[0]) / (2 * step), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(second, (above[1] - below[1]) / (2 * step), rtol=5e-3, atol=5e-3)


def near(rng, **centres):
    """Return draws about values."""
    return {name: c + s * rng.normal(size=DRAWS) for name, (c, s) in centres.items()}


def estimate(fit, matrix):
    return loo_from_blocks(fit.held, [(0, matrix.shape[1], matrix)], matrix.shape[1])


@pytest.mark.filterwarnings("ignore:.*Pareto k-hat")
@pytest.mark.parametrize("transformed", [False, True])
def test_normal_pairs_are_those_in_closed_form(made_up, transformed):
    """Given the other row of a pair a row is normal; weights are of that density, and so are predictions."""
    rng = np.random.default_rng(2)
    pair = np.repeat(np.arange(8), 2)
    z = 1 + 0.7 * rng.normal(size=8)[pair] + 0.5 * rng.normal(size=16)
    frame = pd.DataFrame({"y": np.exp(z) if transformed else z, "pair": [f"p{i}" for i in pair]})
    given = {"Intercept": 1 + 0.2 * rng.normal(size=DRAWS), "1|pair_sigma": rng.uniform(0.4, 1.0, DRAWS)}
    given |= {"sigma": rng.uniform(0.4, 0.6, DRAWS), "1|pair": 0.7 * rng.normal(size=(DRAWS, 8))}
    model = bd.Model("log(y) ~ 1 + (1 | pair)" if transformed else "y ~ 1 + (1 | pair)", frame)
    fit = made_up(model, draws=DRAWS // 2, values=given)
    a, sd, noise = given["Intercept"], given["1|pair_sigma"], given["sigma"]
    other = z.reshape(8, 2)[:, ::-1].ravel()
    share = (sd**2 / (sd**2 + noise**2))[:, None]
    mean = a[:, None] + share * (other - a[:, None])
    width = np.sqrt(noise[:, None] ** 2 + sd[:, None] ** 2 * (1 - share))
    matrix = norm.logpdf(z, mean, width) - (z if transformed else 0.0)
    expected, found = estimate(fit, matrix), fit.loo()
    for name in ("elpd", "se", "p"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-6)
    np.testing.assert_allclose(found.pareto_k, expected.pareto_k, atol=1e-6)
    assert found.integrated == ("effects of pair integrated out",)
    assert "Effects of pair integrated out." in repr(found)
    if transformed:
        return
    # More draws of the same, so that predictions are steady.
    many = {name: np.repeat(value, 40, axis=0) for name, value in given.items()}
    scores = by_loo(made_up(model, draws=DRAWS * 20, values=many)).scores
    weights = np.exp(np.asarray(expected.log_weights).reshape(16, -1)).T
    weights /= weights.sum(axis=0)
    centre = (weights * mean).sum(axis=0)
    spread = np.sqrt((weights * (width**2 + mean**2)).sum(axis=0) - centre**2)
    np.testing.assert_allclose(scores.mean, centre, atol=5 * spread.max() / np.sqrt(2000 / 3))


@pytest.mark.filterwarnings("ignore:.*Pareto k-hat")
def test_correlated_slopes_of_pairs_are_those_in_closed_form(made_up):
    rng = np.random.default_rng(4)
    pair, x = np.repeat(np.arange(6), 2), rng.normal(size=12)
    y = 1 + x + rng.normal(size=6)[pair] * (1 + x) + 0.5 * rng.normal(size=12)
    frame = pd.DataFrame({"y": y, "x": x, "pair": [f"p{i}" for i in pair]})
    fit = made_up(bd.Model("y ~ x + (1 + x | pair)", frame), draws=DRAWS // 2)
    given = {name: np.asarray(v).reshape(DRAWS, -1) for name, v in fit.posterior.items()}
    matrix = np.empty((DRAWS, 12))
    for s in range(DRAWS):
        sds, rho = np.r_[given["1|pair_sigma"][s], given["x|pair_sigma"][s]], given["pair_corr"][s, 0]
        sigma = float(given["sigma"][s, 0])
        law = np.diag(sds) @ np.array([[1, rho], [rho, 1]]) @ np.diag(sds)
        for i in range(12):
            j = i ^ 1
            z = np.stack([np.ones(2), x[[i, j]]], axis=1)
            mean = given["Intercept"][s] + given["x"][s] * x[[i, j]]
            both = multivariate_normal.logpdf(y[[i, j]], mean, z @ law @ z.T + np.eye(2) * sigma**2)
            alone = norm.logpdf(y[j], mean[1], np.sqrt(z[1] @ law @ z[1] + sigma**2))
            matrix[s, i] = both - alone
    (factor,), rows = group_factors(fit.spec, fit.rows), np.arange(12)
    plain = np.concatenate([value for *_, value in blocks_of(fit, fit.rows, "pointwise")], axis=1)
    found = left_out(fit.spec, flat_draws(fit), fit.rows, Way(factor), rows, plain, np.random.default_rng(1))
    np.testing.assert_allclose(found.value, matrix, rtol=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*Pareto k-hat")
def test_counts_with_an_effect_a_row_are_those_of_quadrature(made_up):
    rng = np.random.default_rng(5)
    y = np.array([0, 1, 2, 3, 5, 8, 20, 60])
    frame = pd.DataFrame({"y": y, "row": [f"r{i}" for i in range(8)]})
    given = near(rng, Intercept=(1.3, 0.2)) | {"1|row_sigma": rng.uniform(0.5, 1.5, DRAWS)}
    fit = made_up(bd.Model("y ~ 1 + (1 | row)", frame, "poisson"), draws=DRAWS // 2, values=given)

    def one(y, eta, sd):
        top = log_counts([y], [eta], sd, (np.log(y + 0.5) - eta) / sd)
        area = quad(lambda v: math.exp(log_counts([y], [eta], sd, v) - top), -9, 9, limit=200, epsabs=0, epsrel=1e-7)
        return top + np.log(area[0])

    draws = list(zip(given["Intercept"], given["1|row_sigma"], strict=True))
    matrix = np.array([[one(value, eta, sd) for value in y] for eta, sd in draws])
    expected, found = estimate(fit, matrix), fit.loo()
    np.testing.assert_allclose(found.elpd_i, expected.elpd_i, atol=1e-4)
    np.testing.assert_allclose(found.pareto_k, expected.pareto_k, atol=1e-3)


@pytest.mark.filterwarnings("ignore:.*Pareto k-hat")
def test_effects_of_rows_are_integrated_out_within_those_of_groups(made_up):
    """Normal rows with an effect each and one of their pair: together the row's noise is the larger."""
    rng = np.random.default_rng(6)
    pair = np.repeat(np.arange(6), 2)
    y = rng.normal(size=6)[pair] + rng.normal(size=12)
    frame = pd.DataFrame({"y": y, "pair": [f"p{i}" for i in pair], "row": [f"r{i}" for i in range(12)]})
    fit = made_up(bd.Model("y ~ 1 + (1 | pair) + (1 | row)", frame), draws=DRAWS // 2)
    given = {name: np.asarray(v).reshape(DRAWS, -1)[:, :1] for name, v in fit.posterior.items()}
    noise = np.hypot(given["sigma"], given["1|row_sigma"])
    share = given["1|pair_sigma"] ** 2 / (given["1|pair_sigma"] ** 2 + noise**2)
    mean = given["Intercept"] + share * (y.reshape(6, 2)[:, ::-1].ravel() - given["Intercept"])
    matrix = norm.logpdf(y, mean, np.sqrt(noise**2 + given["1|pair_sigma"] ** 2 * (1 - share)))
    row, pairs = group_factors(fit.spec, fit.rows)
    assert (row.name, pairs.name, row.typical, pairs.typical) == ("row", "pair", 1, 2)
    plain = np.concatenate([value for *_, value in blocks_of(fit, fit.rows, "pointwise")], axis=1)
    way, rows = Way(pairs, row), np.arange(12)
    found = left_out(fit.spec, flat_draws(fit), fit.rows, way, rows, plain, np.random.default_rng(1))
    np.testing.assert_allclose(found.value, matrix, atol=1e-5)


@pytest.mark.few(4)
@pytest.mark.filterwarnings("ignore:.*is not identified:UserWarning", "ignore:.*is hardly identified:UserWarning")
@pytest.mark.parametrize(
    ("name", "other"),
    [
        (n, p)
        for n in sorted(FAMILIES)
        if FAMILIES[n].components is None
        for p in (None, *(q.name for q in FAMILIES[n].parameters[1:] if q.links))
    ],
)
def test_of_every_family_an_effect_a_row_is_integrated_as_by_hand(name, other, of_family, made_up):
    """Brute force: the model's own likelihood at many values of the effect, or there is a reason not to.

    Also where another parameter has a formula, with effects of its own that stay as drawn.
    """
    model = of_family(name, "x + (1 | own)", **({} if other is None else {other: "~ x + (1 | g)"}))
    factors = group_factors(model.spec, model.__dict__["_rows"])
    if why_not_by_row(model.spec) is not None:
        assert factors == ()
        return
    (factor,) = factors
    draws, some, rng = 3, np.arange(0, 48, 7), np.random.default_rng(1)
    prior = model.prior_predictive(200, seed=1)["prior"].to_dataset()
    values = {str(k): float(v.median()) * rng.uniform(0.9, 1.1, draws) for k, v in prior.items() if v.ndim == 2}
    fit = made_up(model, draws=draws, chains=1, values=values | {"1|own_sigma": 0.6})
    plain = np.concatenate([value for *_, value in blocks_of(fit, fit.rows, "pointwise")], axis=1)
    own = flat_draws(fit)
    try:
        found = left_out(fit.spec, own, fit.rows, Way(factor), some, plain[:, some], np.random.default_rng(1)).value
    except NotConcaveError:
        pytest.skip("too narrow to be looked for, and refused")
    places = np.linspace(-8, 8, 801)
    for s in range(draws):
        one = {k: np.repeat(v[s : s + 1], len(places), axis=0) for k, v in own.items()}
        effects = np.broadcast_to(0.6 * places[:, None, None], (len(places), len(some), 1))
        moved = factor.replaced(one, factor.codes[some], effects)
        value = np.concatenate([v for *_, v in blocks(fit.spec, moved, fit.rows.take(some), "pointwise", "sample", 1)], axis=1)
        expected = logsumexp(value + norm.logpdf(places)[:, None], axis=0) + np.log(0.02)
        np.testing.assert_allclose(found[s], expected, atol=2e-3, rtol=1e-3)


def pairs_of(kind):
    """Return a model of ordered levels, or of counts with extra zeros, in groups of two, of which some are far out."""
    rng = np.random.default_rng(4)
    pair, x, z = np.repeat(np.arange(40), 2), rng.normal(size=80), rng.normal(size=80)
    frame = pd.DataFrame({"x": x, "z": z, "pair": [f"p{i}" for i in pair]})
    u = 1.2 * rng.normal(size=40)[pair]
    if kind == "ordinal":
        frame["y"] = pd.Categorical(np.digitize(x + u + rng.logistic(size=80), [-1.5, 0, 1.5]), ordered=True)
        return frame, lambda rows: bd.Model("y ~ x + (1 | pair)", rows, "cumulative")
    frame["y"] = rng.poisson(np.exp(1 + 0.4 * x + u)) * (rng.random(80) > 1 / (1 + np.exp(1 - 0.8 * z)))
    return frame, lambda rows: bd.Model("y ~ x + (1 | pair)", rows, "zero_inflated_poisson", zi="~ z")


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:.*Pareto k-hat")
@pytest.mark.parametrize("kind", ["ordinal", "extra zeros"])
def test_rows_of_pairs_score_as_in_exact_refits(kind):
    """Twelve rows, those among them whose own effect saw most of them; errors are those of the refits' and the weights' draws."""
    frame, make = pairs_of(kind)
    fit = make(frame).fit("transport", seed=1, progress=False)
    found = fit.loo()
    assert found.integrated == (f"effects of pair{'' if kind == 'ordinal' else ' in mu'} integrated out",)
    plain = loo_from_blocks(fit.held, blocks_of(fit, fit.rows, "pointwise"), 80)
    good = np.asarray(found.pareto_k) < found.good_k
    assert good.mean() > 0.95
    rows = np.argsort(-np.asarray(plain.pareto_k))
    rows = np.unique(np.r_[rows[good[rows]][:6], np.arange(3, 80, 13)])
    apart = []
    for i in rows:
        refit = make(frame.drop(index=i)).fit("transport", seed=2, progress=False)
        row = rows_of(refit.spec, read_frame(frame.loc[[i]]), observed=True)
        ((*_, own),) = blocks_of(refit, row, "pointwise")
        draws = own[:, 0]
        share = np.exp(draws - draws.max())
        error = share.std() / share.mean() / np.sqrt(len(share) / 4)
        exact = float(np.log(share.mean()) + draws.max())
        apart.append((float(found.elpd_i[i]) - exact) / np.hypot(error, 0.02))
    assert np.abs(apart).max() < 4.5
    assert np.sqrt(np.mean(np.square(apart))) < 1.7


def test_what_leans_on_other_groups_or_is_not_normal_is_left_alone():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"y": rng.normal(size=12), "x": rng.normal(size=12), "z": rng.normal(size=12)})
    frame["g"], frame["h"] = [f"g{i // 2}" for i in range(12)], [f"g{(i + 3) % 12 // 2}" for i in range(12)]
    labels = sorted(frame["g"].unique())
    kin = pd.DataFrame(0.5 * np.eye(6) + 0.5, index=labels, columns=labels)

    def names(formula, **options):
        model = bd.Model(formula, frame, **options)
        return tuple(factor.name for factor in group_factors(model.spec, model.__dict__["_rows"]))

    assert names("y ~ x + (1 | g)") == ("g",)
    assert names("y ~ x + (1 + x || g)") == ("g",)
    assert names("y ~ x + (1 | g) + (0 + x | g)") == ("g",)
    assert names("y ~ x + (1 + x + z | g)") == ()
    assert names("y ~ x + (1 | gr(g, cov=A))", arrays={"A": kin}) == ()
    assert names("y ~ x + (1 | mm(g, h))") == ()
    assert names("y ~ x + (1 | g)", sigma="~ x + (1 | h)") == ("g in mu",)
    assert names("y ~ x", sigma="~ x + (1 | g)") == ()
    assert names("y ~ x + (1 | g)", sigma="~ net(x, hidden=[2])") == ()
    assert names("y ~ x + (1 | g)", priors={"1|g": "StudentT(3, 0, 1)"}) == ()


@pytest.mark.filterwarnings("ignore:.*Pareto k-hat")
def test_large_groups_are_left_alone_unless_k_hats_are_bad(made_up):
    rng = np.random.default_rng(3)
    g = np.arange(40) % 4
    y = rng.normal(size=4)[g] + 0.5 * rng.normal(size=40)
    y[5] += 9.0
    frame = pd.DataFrame({"y": y, "g": [f"g{i}" for i in g]})
    effects = np.array([y[g == i].mean() for i in range(4)]) + 0.2 * rng.normal(size=(200, 4))
    given = {"Intercept": 0.0, "1|g_sigma": 1.0, "sigma": rng.uniform(0.45, 0.6, 200), "1|g": effects}
    fit = made_up(bd.Model("y ~ 1 + (1 | g)", frame), draws=100, values=given)
    plain = loo_from_blocks(fit.held, blocks_of(fit, fit.rows, "pointwise"), 40)
    found = fit.loo()
    bad = np.flatnonzero(np.asarray(plain.pareto_k) > plain.good_k)
    assert 5 in bad
    assert 0 < len(bad) < 40
    fine = np.setdiff1d(np.arange(40), bad)
    np.testing.assert_array_equal(found.elpd_i[fine], plain.elpd_i[fine])
    moved = np.flatnonzero(np.asarray(found.elpd_i) != np.asarray(plain.elpd_i))
    assert len(moved)
    assert (np.asarray(found.pareto_k)[moved] < np.asarray(plain.pareto_k)[moved]).all()
    assert found.integrated == (f"effects of g integrated out of {len(moved)} of 40 rows",)
    assert found.elpd == pytest.approx(float(np.asarray(found.elpd_i).sum()))
    matrix = np.concatenate([value for *_, value in blocks_of(fit, fit.rows, "pointwise")], axis=1)
    (factor,), draws = group_factors(fit.spec, fit.rows), flat_draws(fit)
    given = left_out(fit.spec, draws, fit.rows, Way(factor), moved, matrix[:, moved], np.random.default_rng(1))
    matrix[:, moved] = given.value
    assert found.p == pytest.approx(float((logsumexp(matrix, axis=0) - np.log(200)).sum()) - found.elpd, abs=1e-6)
