"""Priors of networks: their functions are of the data's size whatever the network, and every slot takes a user's prior."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.errors import PriorError
from bayesdeep.core.links import LINKS
from bayesdeep.graph.evaluate import array_mode, forward_draws, row_function
from bayesdeep.terms._net_layers import reach
from bayesdeep.terms._net_options import PRIORS

DRAWS = 500


def data(inputs: int = 3, rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    d = pd.DataFrame({f"x{k}": rng.normal(5, 3, rows) for k in range(inputs)})
    return d.assign(y=100 + 20 * rng.normal(size=rows), g=np.tile(list("pqr"), rows)[:rows])


def drawn(model: bd.Model, draws: int = DRAWS, seed: int = 1) -> dict[str, np.ndarray]:
    return forward_draws(model._graph, list(model._graph.reported), draws, {}, seed)


def spreads(inputs: int, hidden: list[int], **options: object) -> np.ndarray:
    """Return the sd over rows of functions of the prior, in spreads of the response ``(draw,)``."""
    given = "".join(f", {k}={v!r}" for k, v in {"orthogonal": False, **options}.items())
    columns = ", ".join(f"x{k}" for k in range(inputs))
    model = bd.Model(f"y ~ 0 + net({columns}, hidden={hidden}{given}, name='f')", data(inputs))
    draws = drawn(model, DRAWS)
    function = row_function(model._graph, ["linear"])
    return function({k: draws[k] for k in function._given})[0].std(axis=1) / model.spec.response.spread


SIZES = [(1, 1), (1, 3), (4, 2), (30, 1), (30, 3)]


@pytest.mark.parametrize(("inputs", "layers"), SIZES)
def test_functions_of_the_prior_are_of_the_responses_size(inputs, layers):
    found = spreads(inputs, [32] * layers)
    inside = np.mean((found > 0.1) & (found < 10))
    # Nine of ten, less three Monte Carlo standard errors.
    assert inside > 0.9 - 3 * np.sqrt(0.1 * 0.9 / DRAWS)
    assert 0.3 < np.median(found) < 2.5


@pytest.mark.few(3)
@pytest.mark.parametrize("activation", ["relu", "logit", "gelu", "softplus", "probit", "identity", "softmax"])
def test_so_are_those_with_other_activations(activation):
    found = spreads(10, [32, 32], activation=activation)
    assert 0.25 < np.median(found) < 2.5


@pytest.mark.parametrize("prior", PRIORS)
def test_so_are_those_of_other_priors(prior):
    assert 0.25 < np.median(spreads(4, [16], prior=prior)) < 2.5


def test_width_does_not_matter():
    narrow, wide = (np.log(spreads(4, [size, size])) for size in (12, 96))
    error = np.sqrt((narrow.var() + wide.var()) / DRAWS)
    assert abs(narrow.mean() - wide.mean()) < 4 * error + 0.1


def test_units_of_a_layer_reach_together():
    assert reach("tanh", 16) == pytest.approx(4.0)
    assert reach("sigmoid", 9) == reach("logit", 9) == pytest.approx(3 * LINKS["logit"].reach)
    assert reach("softmax", 16) == reach("softmax", 2) == 0.5


@pytest.mark.parametrize("text", ["StudentT(3, 0, 1)", "Laplace(0, 2)", "Cauchy(0, 1)", "SpikeSlab(0.2, 0.01, 1)"])
def test_weights_have_the_users_prior(text):
    model = bd.Model("y ~ net(x0, x1, hidden=[40], prior='normal')", data(), priors={"net(x0, x1)_weights": text})
    draws = drawn(model, 60)
    z = draws["net(x0, x1)_w1"].ravel() * np.sqrt(2) / 1.5
    cdf = {
        "StudentT(3, 0, 1)": stats.t(3).cdf,
        "Laplace(0, 2)": stats.laplace(0, 2).cdf,
        "Cauchy(0, 1)": stats.cauchy.cdf,
        "SpikeSlab(0.2, 0.01, 1)": lambda v: 0.8 * stats.norm(0, 0.01).cdf(v) + 0.2 * stats.norm.cdf(v),
    }[text]
    assert stats.kstest(z, cdf).pvalue > 1e-3
    assert f"~ {text}" in str(model)


@pytest.mark.parametrize(
    "text", ["HalfNormal(1)", "Flat()", "Horseshoe()", "Beta(1, 1)", "Uniform(-1, 1)", "TruncatedNormal(0, 1, lower=0)", "LKJ(2)"]
)
def test_weights_need_a_proper_prior_on_the_real_line(text):
    with pytest.raises(PriorError, match="net\\(x0\\)_weights"):
        bd.Model("y ~ net(x0)", data(), priors={"net(x0)_weights": text})


def test_without_hidden_layers_coefficients_are_a_unit_of_their_column():
    d = data().assign(x1=lambda t: 1000 * t.x1)
    draws = drawn(bd.Model("y ~ net(x0, x1, hidden=[], prior='normal', name='f')", d), 2000)
    for k, name in enumerate(("x0", "x1")):
        z = draws["f_w1"][:, k] * d[name].std(ddof=0) * np.sqrt(2) / draws["f_sigma"]
        assert stats.kstest(z, stats.norm.cdf).pvalue > 1e-3


EVERY = {
    "net(x0, embed(g, 2))_weights": "StudentT(Gamma(2, 0.1), 0, 1)",
    "net(x0, embed(g, 2))_input_sigma": "HalfCauchy(0.3)",
    "net(x0, embed(g, 2))_layer1_sigma": "HalfNormal(HalfNormal(1))",
    "net(x0, embed(g, 2))_sigma": "HalfNormal(3)",
    "net(x0, embed(g, 2))_skip_sigma": "Uniform(0, 5)",
    "net(x0, embed(g, 2))_g_sigma": "HalfNormal(0.5)",
}


def test_every_slot_takes_a_users_prior():
    model = bd.Model("y ~ net(x0, embed(g, 2), hidden=[3], skip=True)", data(), priors=EVERY)
    assert {p.name for p in model.spec.priors if p.origin == "user"} == set(EVERY)
    assert {p.name for p in model.spec.priors if p.name.startswith("net")} == set(EVERY)
    draws = drawn(model, 2000)
    assert stats.kstest(draws["net(x0, embed(g, 2))_sigma"], stats.halfnorm(scale=3).cdf).pvalue > 1e-3
    assert "net(x0, embed(g, 2))_weights_nu" in draws
    assert "net(x0, embed(g, 2))_layer1_sigma_sigma" in draws
    value = model.pymc.compile_logp(mode=array_mode())(model.pymc.initial_point())
    assert np.isfinite(value)


@pytest.mark.parametrize("text", ["Normal(0, 0.3)", "StudentT(4, 0, Gamma(2, 1))", "Cauchy(1, 0.5)", "Laplace(0, Gamma(1, 1))"])
def test_places_and_deviations_of_groups_take_priors_of_effects(text):
    name = "net(x0, embed(g, 2))"
    formula = f"y ~ (0 + {name[:-1]}, hidden=[3]) | g)"
    model = bd.Model(formula, data(), priors={f"{name}_g": text, f"{name}|g": text})
    known = {p.name for p in model.spec.priors}
    assert {f"{name}_g", f"{name}|g"} <= known
    assert not {f"{name}_g_sigma", f"{name}|g_sigma"} & known
    draws = drawn(model, 3000)
    if text == "Cauchy(1, 0.5)":
        assert stats.kstest(draws[f"{name}_g"][:, 0, 0], stats.cauchy(1, 0.5).cdf).pvalue > 1e-3
    if text == "Normal(0, 0.3)":
        assert stats.kstest(draws[f"{name}|g"][:, 1, 2], stats.norm(0, 0.3 / np.sqrt(3)).cdf).pvalue > 1e-3
    with pytest.raises(PriorError, match="needs one that is symmetric about a location"):
        bd.Model(formula, data(), priors={f"{name}|g": "HalfNormal(1)"})
