"""Ordered levels by steps, effects on each threshold, and disc: other software's numbers, identities, and what is refused."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.special import expit

import bayesdeep as bd
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import row_function
from bayesdeep.report.mathematics import equations

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "ordinal.json").read_text())
CASES = {f"{c['family']} {c['link']} {c['formula']} {c['options'].get('disc', '')}".strip(): c for c in REFERENCE["cases"]}
STEPS = ("sratio", "cratio", "acat")
QUICK = Mode(linker="py", optimizer="fast_compile")


def rows() -> pd.DataFrame:
    """Return 200 rows made by arithmetic, so that other software can have the same."""
    i = np.arange(200)
    x = np.round(np.sin(0.7 * i) * 1.3 + 0.2 * np.cos(2.3 * i), 2)
    z = (i * 7 % 5 > 2).astype(int)
    u = (i * 0.6180339887498949) % 1.0
    latent = 0.8 * x - 0.5 * z + np.log(u / (1 - u) + 1e-12) * np.exp(-0.25 * x)
    return pd.DataFrame({"x": x, "z": z, "y": np.digitize(latent, [-1.2, 0.1, 1.3]), "g": [f"g{k}" for k in i % 8]})


def model(formula: str, family: str, **options: Any) -> bd.Model:
    return bd.Model(formula, rows(), family=family, **options)


def given(case: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return what other software found, as one draw of the posterior."""
    return {name: np.array([value]) for name, value in {**case["coef"], "threshold": case["threshold"]}.items()}


@pytest.mark.parametrize("name", CASES)
def test_the_likelihood_at_other_softwares_estimates_is_theirs(name: str) -> None:
    case = CASES[name]
    made = model(case["formula"], case["family"], link=case["link"], **case["options"])
    found = row_function(made._graph, ["pointwise"])(given(case))[0]
    assert found.sum() == pytest.approx(case["loglik"], abs=1e-6)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "cs" not in case["formula"]])
def test_maximum_likelihood_estimates_are_those_of_other_software(name: str) -> None:
    case = CASES[name]
    fit = model(case["formula"], case["family"], link=case["link"], **case["options"]).fit("ml", progress=False)
    posterior = fit.idata["posterior"]
    for label, value in given(case).items():
        np.testing.assert_allclose(posterior[label].values.reshape(value.shape), value, rtol=1e-4, atol=1e-5)
    assert fit.idata.attrs["log_likelihood"] == pytest.approx(case["loglik"], abs=1e-5)


@pytest.mark.integration
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "cs" in case["formula"]])
def test_the_mode_under_flat_priors_is_the_estimate_of_other_software(name: str) -> None:
    case = CASES[name]
    priors = dict.fromkeys(("x", "cs(z)", "threshold"), "Flat()")
    fit = model(case["formula"], case["family"], link=case["link"], priors=priors).fit("map", seed=1, progress=False)
    for label, value in given(case).items():
        np.testing.assert_allclose(fit.idata["posterior"][label].values.reshape(value.shape), value, rtol=1e-3, atol=1e-4)


@cache
def probabilities(name: str, link: str) -> Any:
    """Return the family's own function of predictors, thresholds and disc ``(row, level)``."""
    mu, disc, cuts = pt.dvector(), pt.dscalar(), pt.dvector()
    mean = FAMILIES[name].mean({"mu": mu, "disc": disc, "threshold": cuts}, Aux(LINKS[link], None, 4))
    return pytensor.function([mu, cuts, disc], mean, mode=QUICK)


MU, CUTS = np.linspace(-3, 3, 7), np.array([-0.8, 0.9, 0.2])


def test_probabilities_are_the_steps_by_hand() -> None:
    at = 1.3 * (CUTS - MU[:, None])
    for link, below in (("logit", expit), ("probit", stats.norm.cdf), ("cauchit", stats.cauchy.cdf)):
        stop = below(at)
        by_hand = np.column_stack([stop, np.ones(7)]) * np.cumprod(np.column_stack([np.ones(7), 1 - stop]), axis=1)
        np.testing.assert_allclose(probabilities("sratio", link)(MU, CUTS, 1.3), by_hand, rtol=1e-9)
        np.testing.assert_allclose(probabilities("cratio", link)(MU, CUTS, 1.3), by_hand, rtol=1e-9)
        found = probabilities("acat", link)(MU, CUTS, 1.3)
        np.testing.assert_allclose(found[:, 1:] / (found[:, 1:] + found[:, :-1]), below(-at), rtol=1e-9)
        np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)


def test_the_stopping_ratio_under_cloglog_is_cumulative_with_other_thresholds() -> None:
    """Läärä and Matthews (1985), doi:10.1093/biomet/72.1.206."""
    summed = np.log(np.cumsum(np.exp(CUTS)))
    mine, theirs = probabilities("sratio", "cloglog")(MU, CUTS, 1.0), probabilities("cumulative", "cloglog")(MU, summed, 1.0)
    np.testing.assert_allclose(mine, theirs, rtol=1e-11)


def test_the_continuation_ratio_is_the_stopping_ratio_of_the_mirrored_link() -> None:
    np.testing.assert_allclose(
        probabilities("cratio", "cloglog")(MU, CUTS, 1.3), probabilities("sratio", "loglog")(MU, CUTS, 1.3), rtol=1e-11
    )


def test_neighbours_odds_read_from_above_are_the_same_model() -> None:
    """The adjacent category model under symmetric links is the only one of these that turns with the order of the levels."""
    turned = probabilities("acat", "logit")(-MU, -CUTS[::-1], 1.3)[:, ::-1]
    np.testing.assert_allclose(probabilities("acat", "logit")(MU, CUTS, 1.3), turned, rtol=1e-11)
    stops = probabilities("sratio", "logit")(-MU, -CUTS[::-1], 1.3)[:, ::-1]
    assert np.abs(probabilities("sratio", "logit")(MU, CUTS, 1.3) - stops).max() > 0.05


def test_equal_effects_on_all_thresholds_are_one_effect() -> None:
    cuts, x = np.array([[-0.5, 0.4, 0.1]]), np.array([0.7])
    for family in STEPS:
        apart, one = model("y ~ cs(x) + cs(z)", family), model("y ~ x + z", family)
        draw = {"cs(x)": np.full((1, 3), 0.7), "cs(z)": np.full((1, 3), -0.4), "threshold": cuts}
        mine = row_function(apart._graph, ["mean"])(draw)[0]
        theirs = row_function(one._graph, ["mean"])({"x": x, "z": np.array([-0.4]), "threshold": cuts})[0]
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_a_model_without_disc_is_what_it_was_and_a_known_disc_scales_it() -> None:
    plain = model("y ~ x", "cumulative")
    assert [p.name for p in plain.spec.priors] == ["x", "threshold"]
    assert "disc" not in plain._graph.response.params
    assert "disc" not in equations(plain.spec)
    double = model("y ~ x", "cumulative", disc=bd.known(2.0))
    draw = {"x": np.array([0.6]), "threshold": np.array([[-1.0, 0.2, 0.9]])}
    mine = row_function(double._graph, ["mean"])(draw)[0]
    theirs = row_function(plain._graph, ["mean"])({name: 2.0 * value for name, value in draw.items()})[0]
    np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    formula = model("y ~ x", "cumulative", disc="~ x + (1 | g)")
    assert "disc_Intercept" not in {p.name for p in formula.spec.priors}
    assert "disc_x" in {p.name for p in formula.spec.priors}


def test_it_is_written_down() -> None:
    text = equations(model("y ~ x + cs(z)", "sratio", disc="~ x").spec)
    assert "P(yᵢ = k | yᵢ ≥ k) = F(discᵢ · (threshold[k] − ηᵢ[k]))" in text
    assert "cs(z)ᵢ[k] = β(cs(z))[k] · zᵢ" in text
    assert "Intercept" not in text
    assert "increasing" not in text
    assert "P(yᵢ ≤ k) = F(threshold[k] − ηᵢ)" in equations(model("y ~ x", "cumulative").spec)


def test_what_cannot_be_is_refused_with_its_reason() -> None:
    with pytest.raises(bd.FormulaError, match="probabilities of levels would be negative; families with such effects: acat"):
        model("y ~ cs(x)", "cumulative")
    with pytest.raises(bd.FormulaError, match="family 'poisson' has no thresholds"):
        model("y ~ cs(x)", "poisson")
    with pytest.raises(bd.FormulaError, match="belongs in the formula of the response"):
        model("y ~ x", "acat", disc="~ cs(z)")
    with pytest.raises(bd.FormulaError, match="leave 'x' by itself out"):
        model("y ~ x + cs(x)", "acat")
    with pytest.raises(bd.FormulaError, match=r"cs\(\) takes columns"):
        model("y ~ cs(1)", "acat")
    with pytest.raises(bd.FormulaError, match=r"write 'cs\(x\)' outside of the bracket"):
        model("y ~ x + (cs(x) | g)", "acat")
    with pytest.raises(bd.FormulaError, match="write 1 in its place, which moves all thresholds"):
        model("y ~ x + (cs(1) | g)", "acat")
    with pytest.raises(bd.PriorError, match="disc is 1 and needs no prior, unless it has a formula"):
        model("y ~ x", "acat", priors={"disc": "HalfNormal(1)"})
    with pytest.raises(bd.PriorError, match="a coefficient for each threshold, which no joint prior knows"):
        model("y ~ x + cs(z)", "acat", priors={"x, cs(z)": "Horseshoe()"})
    with pytest.raises(bd.PriorError, match="with disc the residual standard deviation is not the same"):
        model("y ~ x", "sratio", disc="~ x", priors={"R2": "R2D2M2(0.5, 2)"})
    with pytest.raises(bd.FormulaError, match="an intercept alone, and disc has none: it is 1 where its columns are 0"):
        model("y ~ x", "cumulative", disc="~ 1")
    with pytest.raises(bd.FormulaError, match="1 / disc: write disc"):
        model("y ~ x", "cumulative", sigma="~ x")


@pytest.mark.integration
@pytest.mark.parametrize("link", FAMILIES["sratio"].main.links)
@pytest.mark.parametrize("name", STEPS)
def test_log_likelihoods_far_out_are_finite_and_have_slopes(name: str, link: str) -> None:
    import pymc as pm

    mu, cuts, value = pt.dvector(), pt.dvector(), np.tile(np.arange(4), 4)
    logp = pm.logp(FAMILIES[name].rv({"mu": mu, "threshold": cuts}, Aux(LINKS[link], None, 4)), value)
    function = pytensor.function([mu, cuts], [logp, *pt.grad(logp.sum(), [mu, cuts])], mode=QUICK)
    for found in function(np.repeat([-600.0, -40.0, 40.0, 600.0], 4), CUTS):
        assert np.isfinite(found).all()


@pytest.mark.integration
def test_effects_of_groups_are_sampled_without_a_compiler_and_the_rest_by_nuts() -> None:
    fit = model("y ~ x + (1 | g)", "sratio", disc="~ x").fit(seed=1, progress=False, draws=200)
    assert fit.idata.attrs["method"] == "transport"
    new = pd.DataFrame({"x": [0.0, 1.0], "z": [0, 1], "g": ["g1", "new"]})
    table = fit.predict(new, new_groups="sample")
    assert np.isfinite(table.select_dtypes("number")).all().all()
    apart = model("y ~ cs(x) + (1 | g)", "acat").fit(seed=1, progress=False, draws=200)
    assert apart.idata.attrs["method"] == "nuts"
    assert apart.idata["posterior"]["cs(x)"].dims == ("chain", "draw", "y_threshold")
    assert np.isfinite(apart.slopes("x")["estimate"]).all()
    assert np.isfinite(apart.loo().elpd)


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("(cs(1) | g)", r"cs\(\) cannot vary by group; write 1 in its place, which moves all thresholds of a group alike"),
        ("(cs(x) | g)", r"cs\(\) cannot vary by group; write 'cs\(x\)' outside of the bracket, for all groups"),
    ],
)
def test_category_specific_effects_do_not_vary_by_group(term: str, said: str) -> None:
    data = {"y": [1, 2, 3] * 4, "x": [float(i) for i in range(12)], "g": list("aabb") * 3}
    with pytest.raises(bd.FormulaError, match=said):
        bd.Model(f"y ~ x + {term}", data, family="sratio")
