"""Sections on real fits: what they say is right, and nothing is summarised that may not be."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import SECTIONS
from bayesdeep.plot.group_effects import effects_table
from bayesdeep.plot.parts import estimates, group_term
from bayesdeep.plot.shrinkage_plot import shrinkage_numbers
from bayesdeep.report import report, subject_of
from bayesdeep.report.document import Callout, Figure, Table
from bayesdeep.report.mathematics import equations
from bayesdeep.report.newcomer import newcomer
from bayesdeep.report.phrases import comparison_sentence
from bayesdeep.report.section import Section

from .test_render import check_page


@pytest.mark.few(6)
@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_every_section_keeps_the_contract(name: str, fit: Any, flat: Any, comparison: Any) -> None:
    section = SECTIONS[name]
    assert isinstance(section, Section)
    for subject in (subject_of(fit), subject_of(flat), subject_of(comparison)):
        if section.applies(subject):
            blocks = section.blocks(subject)
            assert blocks
            for block in blocks:
                if isinstance(block, Figure):
                    assert len(block.alt) > 20
                    assert block.caption.endswith(".")
                if isinstance(block, Table):
                    assert block.caption.endswith(".")


def test_orders_are_distinct() -> None:
    orders = [section.order for section in SECTIONS.values()]
    assert len(orders) == len(set(orders))


@pytest.mark.few(1)
@pytest.mark.parametrize("which", ["fit", "flat", "comparison", "bad"])
def test_reports_are_whole_pages(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    path = report(request.getfixturevalue(which), tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    page = check_page(text)
    assert "could not be written" not in text
    assert path.stat().st_size < 1_000_000
    if which != "flat":
        assert "<script>alert('x')</script>|*a*" in "".join(page.text)


@pytest.mark.integration
def test_markdown_report_has_its_figures_beside_it(fit: Any, flat: Any, tmp_path: Path) -> None:
    path = report(fit, tmp_path / "report.md")
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"\]\((report_figures/[^)]+)\)", text)
    assert named
    assert all((tmp_path / name).is_file() for name in named)
    assert "<script>" not in re.sub(r"```.*?```", "", text, flags=re.S)
    with pytest.raises(bd.FitError, match="overwrite"):
        report(fit, tmp_path / "report.md")
    report(flat, tmp_path / "report.md", overwrite=True)


def test_a_fit_that_did_not_converge_is_struck_through(bad: Any, fit: Any) -> None:
    subject, sound = subject_of(bad), subject_of(fit)
    assert not subject.trusted()
    assert sound.trusted()
    for name in ("effects", "new_group"):
        blocks = SECTIONS[name].blocks(subject)
        assert all(b.struck for b in blocks if isinstance(b, Table))
        assert any(isinstance(b, Callout) and b.kind == "bad" and "R-hat" in b.text for b in blocks)
        assert not any(b.struck for b in SECTIONS[name].blocks(sound) if isinstance(b, Table))
    for name in ("effects", "shrinkage", "groups", "predictive_check", "new_group"):
        assert not any(isinstance(b, Figure) for b in SECTIONS[name].blocks(subject)), name
    said = " ".join(getattr(b, "text", "") for b in SECTIONS["verdict"].blocks(subject))
    assert "do not represent the posterior" in said


def test_estimates_are_those_of_the_posterior(fit: Any) -> None:
    table = estimates(fit, ("intercept", "coefficient", "sd", "parameter"), 0.9)
    assert list(table.index) == ["Intercept", "x", "1|g_sigma", "sigma"]
    draws = np.asarray(fit.idata["posterior"]["x"]).ravel()
    assert table.loc["x", "mean"] == pytest.approx(draws.mean())
    assert table.loc["x", "lower"] == pytest.approx(np.quantile(draws, 0.05))
    assert table.loc["x", "upper"] == pytest.approx(np.quantile(draws, 0.95))


def test_group_sizes_and_effects_belong_to_their_labels(fit: Any, data: Any) -> None:
    term = group_term(fit)
    assert dict(zip(term.labels, term.sizes, strict=True)) == data.groupby("g").size().to_dict()
    table = effects_table(fit)
    assert table["mean"].is_monotonic_increasing
    for label in ("group 3", "group 11"):
        draws = fit.idata["posterior"]["1|g"].sel(g=label)
        assert table.loc[label, "mean"] == pytest.approx(float(draws.mean()))
        assert table.loc[label, "rows"] == (data["g"] == label).sum()


def test_shrinkage_pulls_towards_the_centre_and_less_for_large_groups(fit: Any, data: Any) -> None:
    n = shrinkage_numbers(fit)
    slope = float(fit.idata["posterior"]["x"].mean())
    own = (data["y"] - slope * data["x"]).groupby(data["g"]).mean()
    assert n.alone == pytest.approx(own.loc[list(n.term.labels)].to_numpy(), abs=1e-6)
    centre = float(fit.idata["posterior"]["Intercept"].mean())
    kept = (n.pooled - centre) / (n.alone - centre)
    small, large = int(np.argmin(n.term.sizes)), int(np.argmax(n.term.sizes))
    # Noise 0.5 and groups' sd about 1: a group of m rows keeps about 1 / (1 + 0.25 / m) of its own difference.
    assert kept[small] < kept[large]
    assert kept[large] == pytest.approx(1.0, abs=0.1)


def test_a_new_group_is_less_certain_than_a_large_one(fit: Any) -> None:
    found = newcomer(fit)
    width = (found.mean["upper"] - found.mean["lower"]).to_numpy()
    sd = float(fit.idata["posterior"]["1|g_sigma"].mean())
    # 90 % of a normal distribution of groups; uncertainty of its scale and centre makes it wider, not narrower.
    assert 0.8 * 2 * 1.645 * sd < width[0] < 2 * 2 * 1.645 * sd
    assert width[0] > 4 * width[1]
    assert "never seen" in found.mean.index[0]


def test_equations_name_every_part(fit: Any, flat: Any) -> None:
    text = equations(fit.spec)
    assert "yᵢ ~ Normal(μᵢ, σ)" in text
    assert "β(x) · xᵢ + u₁[gᵢ]" in text
    assert "u₁[j] ~ Normal(0, 1|g_sigma)" in text
    assert "u₁" not in equations(flat.spec)


def test_the_answer_weighs_the_difference_against_its_error(comparison: Any) -> None:
    assert comparison_sentence(comparison).startswith("“groups” predicts best; behind it is “flat” by 60.0")
    from types import SimpleNamespace

    table = comparison.table.assign(elpd_diff=[0.0, -5.0], dse=[0.0, 4.0])
    said = comparison_sentence(SimpleNamespace(table=table, target="rows"))
    assert said.startswith("These data do not tell the models apart")


@pytest.mark.parametrize("name", ["shrinkage", "group_effects", "predictive_check", "calibration", "forest"])
def test_plots_are_figures_and_leave_pyplot_alone(name: str, fit: Any) -> None:
    import sys

    from matplotlib.figure import Figure as MatplotlibFigure

    before = "matplotlib.pyplot" in sys.modules and len(sys.modules["matplotlib.pyplot"].get_fignums())
    figure = getattr(bd.plot, name)(fit)
    assert isinstance(figure, MatplotlibFigure)
    assert figure.axes[0].get_xlabel()
    assert before == ("matplotlib.pyplot" in sys.modules and len(sys.modules["matplotlib.pyplot"].get_fignums()))


def test_plots_say_what_is_there_instead(fit: Any, flat: Any) -> None:
    with pytest.raises(bd.FitError, match="no group-level term"):
        bd.plot.shrinkage(flat)
    with pytest.raises(bd.FitError, match=r"no group-level effects 'x\|h'.*1\|g"):
        bd.plot.group_effects(fit, "x|h")
    with pytest.raises(bd.FitError, match="no grouping factor 'county'"):
        bd.plot.shrinkage(fit, "county")
