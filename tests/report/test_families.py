"""Every family has a report: each section is there or absent for a reason, and none could not be written."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES, SECTIONS
from bayesdeep.diagnostics.sensitivity import log_prior
from bayesdeep.plot.parts import estimates
from bayesdeep.report import subject_of
from bayesdeep.report.blocks import Figure, Table

from .test_render import check_page

MODIFIED = [(n, m) for n, f in FAMILIES.items() for m in ("censored", "truncated", "weighted") if m in f.modifiers]
ALWAYS = {"verdict", "models", "data", "effects", "convergence", "cost", "reproduce"}
ONE_NUMBER = {"shrinkage", "groups", "new_group", "budget"}
"""Sections that need one predictor a row, and groups."""


@pytest.fixture(scope="session")
def reported(made_up):
    """Return ``reported(model)``: a fit with what a report reads, its draws from the prior, other parameters near examples."""
    draws = np.exp(0.05 * np.random.default_rng(4).normal(size=120))

    def make(model):
        family = FAMILIES[model.spec.family]
        values = {p.name: family.example[p.name] * draws for p in family.parameters[1:] if p.shape == "row"}
        fit = made_up(model, draws=60, values=values)
        fit.idata.attrs |= {"method": "nuts", "spec": fit.spec.to_json(), "details": {}, "versions": {}}
        fit.idata.attrs |= {f"seconds_{part}": 1.0 for part in ("compile", "tune", "sample", "total")}
        return fit

    return make


def written(fit):
    """Return the blocks of every section that applies, by its name; an error of any section is an error here."""
    subject = subject_of(fit)
    found = {name: section.blocks(subject) for name, section in SECTIONS.items() if section.applies(subject)}
    assert all(found.values())
    assert set(found) >= ALWAYS
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_every_section_of_every_family_can_be_written(name, of_family, reported):
    found = written(reported(of_family(name, "x*f + (1 + x | g)")))
    one, words = FAMILIES[name].main.shape == "row", FAMILIES[name].words
    assert ("shrinkage" in found) == one
    assert ("groups" in found) == one
    assert ("calibration" in found) == ("counts_by_level" not in words)
    effects = found["effects"]
    assert any(isinstance(b, Figure) for b in effects)
    assert {"x", "f[f1]"} <= {str(label).replace(", l1", "").replace("[l1]", "") for label in shown(effects)} or not one


def shown(blocks):
    return [label for b in blocks if isinstance(b, Table) for label in b.frame.index]


@pytest.mark.parametrize("name", FAMILIES)
def test_an_intercept_alone_is_enough(name, of_family, reported):
    found = written(reported(of_family(name, "1")))
    assert not ONE_NUMBER & set(found) - {"budget"}


@pytest.mark.parametrize(("name", "modifier"), MODIFIED)
def test_what_was_done_to_the_response_does_not_hinder(name, modifier, of_family, reported):
    written(reported(of_family(name, "x", (modifier,))))


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
