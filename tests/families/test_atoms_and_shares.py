"""Families that have a probability at 0 or 1 beside a density, and those of shares: by hand, by SciPy, and far out."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from scipy import special, stats

import bayesdeep as bd
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux, Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.likelihood import Parts, mean, pointwise

QUICK = Mode(linker="py", optimizer="fast_compile")


def aux_of(name, trials=None):
    return Aux(LINKS[FAMILIES[name].main.links[0]], None if trials is None else pt.constant(trials, dtype="int64"))


def logp(name, value, params, trials=None):
    given = {key: pt.as_tensor(np.asarray(v, dtype=float)) for key, v in params.items()}
    rv = FAMILIES[name].rv(given, aux_of(name, trials))
    return pm.logp(rv, np.asarray(value)).eval(mode=QUICK)


def rows(n):
    return np.zeros(n)


def test_a_hurdle_is_a_zero_or_the_law_of_the_rest():
    y = np.array([0.0, 0.3, 2.0, 40.0])
    gamma, normal = stats.gamma(2.3, scale=1.4 / 2.3), stats.lognorm(0.7, scale=np.exp(0.3))
    for name, law, own in (
        ("hurdle_gamma", gamma, {"mu": 1.4 + rows(4), "alpha": 2.3}),
        ("hurdle_lognormal", normal, {"mu": 0.3 + rows(4), "sigma": 0.7}),
    ):
        expected = np.where(y == 0, np.log(0.2), np.log(0.8) + law.logpdf(np.maximum(y, 1e-9)))
        np.testing.assert_allclose(logp(name, y, {**own, "hu": 0.2}), expected, rtol=1e-10)
        assert np.isneginf(logp(name, [-1.0], {**own, "mu": own["mu"][:1], "hu": 0.2}))


def test_proportions_with_ends_are_mixtures():
    y, beta = np.array([0.0, 0.3, 0.9, 1.0]), stats.beta(2.0, 3.0)
    inside = beta.logpdf(np.clip(y, 0.1, 0.9))
    own = {"mu": 0.4 + rows(4), "kappa": 5.0}
    found = logp("zero_inflated_beta", y[:3], {"mu": own["mu"][:3], "kappa": 5.0, "zi": 0.3})
    np.testing.assert_allclose(found, np.where(y == 0, np.log(0.3), np.log(0.7) + inside)[:3], rtol=1e-10)
    assert np.isneginf(logp("zero_inflated_beta", y, {**own, "zi": 0.3})[3])
    ends = np.where(y == 0, np.log(0.3 * 0.4), np.log(0.3 * 0.6))
    found = logp("zero_one_inflated_beta", y, {**own, "zoi": 0.3, "coi": 0.6})
    np.testing.assert_allclose(found, np.where((y == 0) | (y == 1), ends, np.log(0.7) + inside), rtol=1e-10)


def test_ordered_beta_has_its_ends_beyond_thresholds():
    """Kubinec (2023), equation 4: P(0) = 1 - g(eta - k1), P(1) = g(eta - k2), else (g(eta - k1) - g(eta - k2)) times beta."""
    y, eta, cuts = np.array([0.0, 0.3, 0.9, 1.0]), 0.7, np.array([-1.2, 1.5])
    above, one = special.expit(eta - cuts)
    beta = stats.beta(special.expit(eta) * 5, special.expit(-eta) * 5)
    probability = np.where(y == 0, 1 - above, np.where(y == 1, one, (above - one) * beta.pdf(np.clip(y, 0.1, 0.9))))
    params = {"mu": eta + rows(4), "kappa": 5.0, "threshold": cuts}
    np.testing.assert_allclose(logp("ordered_beta", y, params), np.log(probability), rtol=1e-10)
    for far in (-600.0, 600.0):  # a proportion that is hardly ever 0 or 1 keeps a value and what it says of the predictor
        assert np.isfinite(logp("ordered_beta", y[[0, 3]], {**params, "mu": far + rows(2)})).all()


@pytest.mark.parametrize("name", ["hurdle_gamma", "hurdle_lognormal"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 2.0), (0.5, 2.0), (None, 2.0), (0.0, None), (0.5, None)])
def test_bounds_hold_the_zeros_that_lie_within_them(name, low, high):
    own = {"mu": 1.4, "alpha": 2.3} if name == "hurdle_gamma" else {"mu": 0.3, "sigma": 0.7}
    law = stats.gamma(2.3, scale=1.4 / 2.3) if name == "hurdle_gamma" else stats.lognorm(0.7, scale=np.exp(0.3))
    params = {"mu": pt.constant([own["mu"]]), **{k: pt.constant(v) for k, v in own.items() if k != "mu"}, "hu": pt.constant(0.2)}
    bounds = {"lower_bound": low, "upper_bound": high}
    parts = Parts(value=pt.constant([1.0]), **{k: None if b is None else pt.constant([b]) for k, b in bounds.items()})
    start, stop = low or 0.0, np.inf if high is None else high
    zeros = 0.2 if start == 0.0 else 0.0
    inside = zeros + 0.8 * (law.cdf(stop) - law.cdf(start))
    aux = aux_of(name)
    found = pointwise(FAMILIES[name], params, aux, parts).eval(mode=QUICK)
    np.testing.assert_allclose(found, np.log(0.8) + law.logpdf(1.0) - np.log(inside), rtol=1e-8)
    whole = 0.8 * law.expect(lambda y: y, lb=start, ub=stop) / inside
    np.testing.assert_allclose(mean(FAMILIES[name], params, aux, parts).eval(mode=QUICK), whole, rtol=1e-6)


def test_what_is_known_of_a_censored_amount_may_be_that_it_is_none():
    """At most 0.5 may be 0; at least 0 is no knowledge; at least 2 is none of the zeros."""
    name, value = "hurdle_gamma", np.array([0.5, 0.0, 2.0, 0.0])
    params = {"mu": pt.constant(1.4 + rows(4)), "alpha": pt.constant(2.3), "hu": pt.constant(0.2)}
    status, upper = np.array([-1, 1, 1, 2]), np.array([0.5, 0.0, 2.0, 0.5])
    parts = Parts(value=pt.constant(value), status=pt.constant(status), upper=pt.constant(upper))
    law = stats.gamma(2.3, scale=1.4 / 2.3)
    low = np.log(0.2 + 0.8 * law.cdf(0.5))
    found = pointwise(FAMILIES[name], params, aux_of(name), parts).eval(mode=QUICK)
    np.testing.assert_allclose(found, [low, 0.0, np.log(0.8) + law.logsf(2.0), low], rtol=1e-9, atol=1e-12)


def test_shares_and_counts_by_scipy():
    eta = np.array([0.4, -0.7])
    p = special.softmax([0.0, *eta])
    y = np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]])
    params = {"mu": np.stack([eta, eta]), "kappa": 6.0}
    expected = [stats.dirichlet(6 * p).logpdf(row) for row in y]
    np.testing.assert_allclose(logp("dirichlet", y, params), expected, rtol=1e-10)
    counts = np.array([[1, 4, 2], [0, 7, 0]])
    expected = stats.dirichlet_multinomial(6 * p, 7).logpmf(counts)
    np.testing.assert_allclose(logp("dirichlet_multinomial", counts, params, [7, 7]), expected, rtol=1e-10)
    assert np.isneginf(logp("dirichlet_multinomial", counts, params, [7, 8])[1])


def test_two_shares_are_a_beta_response():
    y, eta = np.array([0.2, 0.85]), np.array([0.3, -1.0])
    found = logp("dirichlet", np.column_stack([1 - y, y]), {"mu": eta[:, None], "kappa": 6.0})
    np.testing.assert_allclose(found, logp("beta", y, {"mu": special.expit(eta), "kappa": 6.0}), rtol=1e-10)


@pytest.mark.parametrize("kappa", [1e3, 1e6, 1e9, 1e14])
def test_a_large_precision_is_the_multinomial_and_what_is_left(kappa):
    """log DM = log M + (sum y (y - 1) / p - n (n - 1)) / (2 kappa) + O(kappa^-2), to as many digits as are left."""
    counts, eta = np.array([[30, 40, 20], [0, 90, 0]]), np.array([0.4, -0.7])
    p = special.softmax([0.0, *eta])
    plain = stats.multinomial(90, p).logpmf(counts)
    first = ((counts * (counts - 1) / p).sum(axis=1) - 90 * 89) / (2 * kappa)
    found = logp("dirichlet_multinomial", counts, {"mu": np.stack([eta, eta]), "kappa": kappa}, [90, 90])
    np.testing.assert_allclose(found - plain, first, atol=3e-12 + 2e6 / kappa**2)


@pytest.mark.parametrize("far", [-800.0, 800.0])
@pytest.mark.parametrize("name", ["dirichlet", "dirichlet_multinomial"])
def test_shares_far_out_have_values_and_gradients(name, far):
    value = np.array([[2, 3, 2]]) if name == "dirichlet_multinomial" else np.array([[0.2, 0.5, 0.3]])
    eta, kappa = pt.dmatrix(), pt.dscalar()
    found = pm.logp(FAMILIES[name].rv({"mu": eta, "kappa": kappa}, aux_of(name, [7])), value).sum()
    outputs = pm.compile([eta, kappa], [found, *pt.grad(found, [eta, kappa])], mode=QUICK)([[far, 0.3]], 6.0)
    assert all(np.isfinite(part).all() for part in outputs)


def table(rows, levels=("a", "b", "c")):
    return Response("a", np.array(rows), levels=levels)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([[0.2, 0.5, 0.2]], r"row 1 sums to 0\.9; divide each part by its row's sum"),
        ([[20.0, 50.0, 30.0], [10.5, 80.0, 9.5]], "divide percentages by 100"),
        ([[2, 3, 4]], "row 1 sums to 9; counts are family 'multinomial' or 'dirichlet_multinomial'"),
        ([[0.2, 0.5, 0.3], [0.0, 0.6, 0.4]], "row 2 of 'a' is 0; a share of 0 has no density; .*'dirichlet_multinomial'"),
        ([[0.5, -0.1, 0.6]], "row 1 of 'b' is -0.1"),
        ([[0.5, np.nan, 0.6]], "row 1 of 'b' is nan"),
    ],
)
def test_what_is_no_composition_is_refused_with_what_would_be_right(rows, text):
    with pytest.raises(bd.DataError, match=f"data: column 'a': dirichlet needs .*{text}"):
        FAMILIES["dirichlet"].code(table(rows))


def test_shares_for_counts_and_one_column_are_told_which_family_takes_them():
    with pytest.raises(bd.DataError, match=r"multinomial needs counts .*row 1 of 'a' is 0\.2; shares .* family 'dirichlet'"):
        FAMILIES["multinomial"].code(table([[0.2, 0.5, 0.3]]))
    with pytest.raises(bd.DataError, match=r"dirichlet needs .*write c\(first, second, third\)"):
        FAMILIES["dirichlet"].code(Response("y", np.array([0.2, 0.5])))
    with pytest.raises(bd.DataError, match=r"beta needs .*'zero_inflated_beta' .*'ordered_beta'"):
        FAMILIES["beta"].code(Response("y", np.array([0.2, 0.0])))
    single = np.float32(table([[0.2, 0.5, 0.3]]).value).astype(float)
    np.testing.assert_array_equal(FAMILIES["dirichlet"].code(table(single)).value, single)


def test_a_flat_prior_on_thresholds_needs_rows_at_both_ends(of_family):
    data = {"y": [0.0, 0.2, 0.7, 0.4], "x": [1.0, 2.0, 3.0, 5.0]}
    with pytest.raises(bd.PriorError, match="since no 'y' is 1; use a proper prior"):
        bd.Model("y ~ x", data, family="ordered_beta", priors={"threshold": "Flat()"})
    with pytest.raises(bd.FormulaError, match="'threshold' of family 'ordered_beta' cannot have a formula"):
        of_family("ordered_beta", "x", threshold="~ x")
