"""The fused log likelihoods are the families' own: value and slope, in NumPy and as compiled loops."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.ops.glm_likelihood import KINDS, base_of, by_numpy, kind_of, log_likelihood
from bayesdeep.ops.glm_loops import loops

ETA = np.concatenate(
    [np.linspace(-40, 40, 321), [-800.0, -745.2, -708.5, -100.0, 100.0, 708.5, 745.2, 800.0, 1e-300, 0.0, -1e-17]]
)
MODERATE = np.abs(ETA) < 30
LINK = KINDS


def grid(kind: str) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return predictors, responses and what else the operation takes: every predictor with every response."""
    values = {"bernoulli": [0, 1], "binomial": [0, 1, 7, 40], "poisson": [0, 1, 3, 250]}[kind]
    eta, y = (a.ravel() for a in np.meshgrid(ETA, np.array(values, dtype=np.int64)))
    rest = [np.full(y.size, 40, dtype=np.int64)] if kind == "binomial" else []
    return eta, y, [*rest, *([] if kind == "bernoulli" else [base_of(kind, y, rest)])]


def definition(kind: str, eta: np.ndarray, y: np.ndarray, rest: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return log likelihood and slope of the family's ``rv``."""
    family, link = FAMILIES[kind], LINKS[LINK[kind]]
    x = pt.vector("x")
    aux = Aux(link, pt.constant(rest[0]) if kind == "binomial" else None)
    mu = x if family.main.link_in_family else link.inverse(x)
    value = pm.logp(family.rv({"mu": mu}, aux), pt.constant(y))
    run = pm.pytensorf.compile([x], [value, pt.grad(value.sum(), x)], mode=array_mode())
    return tuple(run(eta))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_value_and_slope_are_those_of_the_family(kind):
    eta, y, rest = grid(kind)
    value, slope = definition(kind, eta, y, rest)
    found, found_slope = by_numpy(kind, eta, y, *rest)
    np.testing.assert_allclose(found, value, rtol=2e-13, atol=1e-13)
    np.testing.assert_allclose(found_slope, slope, rtol=1e-9, atol=2e-14 * (1 + np.abs(y).max()))


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_loops_are_numpys(kind, summed):
    eta, y, rest = grid(kind)
    expected, expected_slope = by_numpy(kind, eta, y, *rest)
    value, slope = loops(kind, summed)[0].py_func(eta, y, *rest)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-13, atol=1e-300)
    if summed:
        assert float(value) == pytest.approx(expected.sum(), rel=1e-13)
    else:
        # Exponentials below the smallest normal number are held there.
        np.testing.assert_allclose(value, expected, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_compiled_operation_is_numpys(kind):
    """With the compiler's own exponential and logarithm, several rows to an instruction."""
    import pytensor

    eta, y, rest = grid(kind)
    expected, expected_slope = by_numpy(kind, eta, y, *rest)
    x = pt.vector("x")
    outputs = log_likelihood(kind, True)(x, pt.constant(y), *(pt.constant(r) for r in rest))
    value, slope = pytensor.function([x], list(outputs), mode="NUMBA")(eta)
    # The compiler may subtract probabilities in another order: the last bit of 1 is what a slope near 0 is known to.
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-12, atol=3e-16 * (1 + np.abs(y).max()))
    assert float(value) == pytest.approx(expected.sum(), rel=1e-12)


def test_far_tails_keep_their_digits():
    value, slope = by_numpy("bernoulli", np.array([50.0, -50.0]), np.array([1, 0]))
    np.testing.assert_allclose(value, -np.exp(-50.0), rtol=1e-14)
    np.testing.assert_allclose(slope, [np.exp(-50.0), -np.exp(-50.0)], rtol=1e-14)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_predictor_that_is_no_number_gives_none(kind):
    _, _, rest = grid(kind)
    arguments = (np.array([np.nan]), np.array([1]), *(r[:1] for r in rest))
    for value, slope in (by_numpy(kind, *arguments), loops(kind, True)[0].py_func(*arguments)):
        assert np.isnan(value).all()
        assert np.isnan(slope).all()


@pytest.mark.parametrize("kind", ["bernoulli", "binomial"])
def test_infinite_predictors(kind):
    _, _, rest = grid(kind)
    n = 1 if kind == "bernoulli" else 40
    arguments = (
        np.array([np.inf, -np.inf]),
        np.array([n, 0]),
        *(np.array([n, n]) if i == 0 else np.zeros(2) for i in range(len(rest))),
    )
    for value, slope in (by_numpy(kind, *arguments), loops(kind, False)[0].py_func(*arguments)):
        np.testing.assert_allclose(value, 0.0, atol=1e-300)
        np.testing.assert_allclose(slope, 0.0, atol=1e-300)


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = 30
    return pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "g": rng.choice(list("abc"), n),
            "y": rng.integers(0, 2, n),
            "n": rng.integers(3, 9, n),
        }
    ).assign(k=lambda d: rng.binomial(d.n, 0.4), c=lambda d: rng.poisson(3, n))


MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bernoulli": ("y ~ x + (1 + x | g)", {"family": "bernoulli"}),
    "binomial": ("prop(k, n) ~ x + (1 | g)", {"family": "binomial"}),
    "poisson": ("c ~ x + offset(x) + (1 | g)", {"family": "poisson"}),
}


@pytest.mark.parametrize("name", list(MODELS))
def test_the_density_that_is_sampled_is_the_sum_of_the_definitions(name):
    formula, options = MODELS[name]
    model = bd.Model(formula, frame(), **options)
    graph, built = model._graph, model.pymc
    assert "LogLikelihood" in str([v.owner.op for v in pt_ancestors(built.logp())])
    quick = {"mode": array_mode(), "on_unused_input": "ignore"}
    free = [v for v in built.basic_RVs if v.name != model.spec.response.name]
    prior, everything = built.compile_logp(vars=free, **quick), built.compile_logp(**quick)
    rows = built.compile_fn(built.replace_rvs_by_values([graph.response.pointwise])[0], inputs=built.value_vars, **quick)
    rng = np.random.default_rng(2)
    for _ in range(3):
        point = {k: v + rng.normal(size=np.shape(v)) for k, v in built.initial_point().items()}
        assert everything(point) == pytest.approx(prior(point) + rows(point).sum(), rel=1e-12)


def pt_ancestors(output: Any) -> list[Any]:
    from pytensor.graph.traversal import ancestors

    return [v for v in ancestors([output]) if v.owner]


def test_other_links_weights_and_responses_by_hand_keep_the_definition():
    d = frame()
    for formula, options in (
        ("y ~ x", {"family": "bernoulli", "link": "probit"}),
        ("weighted(y, n) ~ x", {"family": "bernoulli"}),
        ("c ~ x", {"family": "negative_binomial"}),
    ):
        model = bd.Model(formula, d, **options).pymc
        assert "LogLikelihood" not in str([v.owner.op for v in pt_ancestors(model.logp())])
    import pytensor

    aux = Aux(LINKS["logit"], None)
    assert kind_of(FAMILIES["bernoulli"], aux, pytensor.shared(np.array([0, 1, 1]))) == "bernoulli"
    assert kind_of(FAMILIES["bernoulli"], aux, pytensor.shared(np.array([0, 1, 2]))) is None


def test_poisson_is_scipys():
    eta, y, rest = grid("poisson")
    value, _ = by_numpy("poisson", eta[MODERATE.nonzero()[0]], y[MODERATE.nonzero()[0]], rest[0][MODERATE.nonzero()[0]])
    at = MODERATE.nonzero()[0]
    np.testing.assert_allclose(value, stats.poisson(np.exp(eta[at])).logpmf(y[at]), rtol=1e-9)


def test_the_sum_is_taken_while_the_rows_are_computed():
    eta = pt.vector("eta")
    y = pt.constant(np.array([0, 1, 1]))
    rows = log_likelihood("bernoulli")(eta, y)[0]
    total = rows.sum()
    run = pm.pytensorf.compile([eta], [total, pt.grad(total, eta)], mode=array_mode())
    assert "summed=True" in str([n.op for n in run.maker.fgraph.apply_nodes])
    value, slope = run(np.array([0.3, -1.0, 2.0]))
    expected = by_numpy("bernoulli", np.array([0.3, -1.0, 2.0]), np.array([0, 1, 1]))
    assert value == pytest.approx(expected[0].sum(), rel=1e-14)
    np.testing.assert_allclose(slope, expected[1], rtol=1e-14)
