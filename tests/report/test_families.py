"""Every family has a report: each section is there or absent for a reason, and none could not be written."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES, SECTIONS
from bayesdeep.diagnostics.predictive_checks import predictive_checks
from bayesdeep.diagnostics.prior_sensitivity import log_prior
from bayesdeep.plot.parts import estimates
from bayesdeep.report import subject_of
from bayesdeep.report.document import Figure, Table

from .test_render import check_page

MODIFIED = [(n, "censored") for n, f in FAMILIES.items() if "censored" in f.modifiers] + [("poisson", "truncated")]
READ_THE_RESPONSE = {"verdict", "models", "data", "effects", "predictive_check", "calibration"}
NEAR = {"Intercept": "Normal(1, 0.1)", "x": "Normal(0, 0.1)"}
"""Priors whose predictions lie between the bounds."""
ALWAYS = {"verdict", "models", "data", "effects", "convergence", "cost", "reproduce"}
ONE_NUMBER = {"shrinkage", "groups", "new_group"}
"""Sections that need groups and one predictor a row."""


@pytest.fixture(scope="session")
def reported(made_up):
    """Return ``reported(model)``: a fit with what a report reads, its draws from the prior, other parameters near examples."""
    draws = np.exp(0.05 * np.random.default_rng(4).normal(size=200))

    def make(model):
        family = FAMILIES[model.spec.family]
        others = [p.name for p in family.parameters[1:] if p.shape == "row" and model.spec.prior(p.name)]
        values = {name: family.example[name] * draws for name in others}
        fit = made_up(model, draws=100, values=values)
        fit.idata.attrs |= {"method": "nuts", "spec": fit.spec.to_json(), "details": {}, "versions": {}}
        fit.idata.attrs |= {f"seconds_{part}": 1.0 for part in ("compile", "tune", "sample", "total")}
        return fit

    return make


def written(fit, some=frozenset(SECTIONS)):
    """Return the blocks of these sections as far as they apply, by name; an error of any section is an error here."""
    subject = subject_of(fit)
    found = {name: SECTIONS[name].blocks(subject) for name in sorted(some) if SECTIONS[name].applies(subject)}
    assert all(found.values())
    assert set(found) >= ALWAYS & some
    return found


# Draws from the prior are far from the posterior: the Pareto tails of their weights may be too long for a quantile of them.
@pytest.mark.few(1)
@pytest.mark.filterwarnings(
    "ignore:overflow encountered:RuntimeWarning", "ignore:invalid value encountered:RuntimeWarning", "ignore:Number of tail draws"
)
@pytest.mark.parametrize("name", [name for name in FAMILIES if FAMILIES[name].components is None])
def test_every_section_of_every_family_can_be_written(name, of_family, reported):
    found = written(reported(of_family(name, "x*f + (1 + x | g)")))
    one, words = FAMILIES[name].main.shape == "row", FAMILIES[name].words
    assert ("shrinkage" in found) == one
    assert ("groups" in found) == one
    assert ("calibration" in found) == ("several_columns" not in words)
    effects = found["effects"]
    assert any(isinstance(b, Figure) for b in effects)
    labels = [str(label) for b in effects if isinstance(b, Table) for label in b.frame.index]
    assert any(label == "x" or label.startswith("x[") for label in labels)
    assert any(label.startswith("f[f1") for label in labels)


@pytest.mark.few(2)
@pytest.mark.parametrize("name", FAMILIES)
def test_an_intercept_alone_is_enough(name, of_family, reported):
    some = set(SECTIONS) if name in ("gaussian", "categorical", "cumulative") else READ_THE_RESPONSE | ONE_NUMBER
    found = written(reported(of_family(name, "1")), some)
    assert not {"shrinkage", "groups", "new_group"} & set(found)


@pytest.mark.few(1)
@pytest.mark.parametrize(("name", "modifier"), MODIFIED)
def test_what_was_done_to_the_response_does_not_hinder(name, modifier, of_family, reported):
    model = of_family(name, "x", (modifier, "weighted"), priors=NEAR if modifier == "truncated" else None)
    written(reported(model), READ_THE_RESPONSE)


def test_predictions_that_cannot_be_drawn_do_not_take_the_report_with_them(of_family, made_up, monkeypatch):
    # A mean of e^9 leaves nothing between 0 and 50.
    monkeypatch.setattr("bayesdeep.results.prediction_blocks.ROUNDS", 3)
    model = of_family("poisson", "x", ("truncated",), priors=NEAR)
    fit = made_up(model, draws=100, values={"Intercept": 9.0, "x": 0.0})
    with pytest.raises(bd.FitError, match="almost no probability"):
        predictive_checks(fit)
    assert subject_of(fit).checks("model") is None
    assert "No overlay" in " ".join(getattr(b, "text", "") for b in SECTIONS["predictive_check"].blocks(subject_of(fit)))


@pytest.mark.few(1)
@pytest.mark.parametrize("name", ["categorical", "multinomial", "bernoulli"])
def test_pages_are_whole(name, of_family, reported, tmp_path):
    page = bd.report(reported(of_family(name, "x + (1 | g)")), tmp_path / "report.html").read_text(encoding="utf-8")
    check_page(page)
    assert "could not be written" not in page


def test_priors_where_columns_are_zero_belong_to_their_own_intercept(of_family, reported):
    model = of_family("gaussian", "x", sigma="~ z", priors={"sigma_Intercept_raw": "Normal(0, 1)"})
    fit = reported(model)
    table = estimates(fit, ("intercept",))
    assert list(table.index) == ["Intercept", "sigma_Intercept"]
    assert table["mean"].to_numpy() == pytest.approx([float(fit.posterior[n].mean()) for n in table.index])


def test_correlations_of_each_level_have_a_density(of_family, reported):
    fit = reported(of_family("categorical", "x + (1 + x | g)"))
    pairs = np.asarray(fit.posterior["g_corr"])
    assert pairs.shape[2:] == (1, 2)
    # LKJ(2): the determinant of each level's matrix to the power 1.
    assert np.asarray(log_prior(fit)["g_corr"]) == pytest.approx(np.log(1 - pairs[:, :, 0] ** 2).sum(axis=-1))
