"""Sections on what a comparison, a network and classes have: their numbers are the source's, and what is bad is struck."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.compare.assessed_fit import Assessed, elpd_record
from bayesdeep.comparison import Comparison
from bayesdeep.core.registry import SECTIONS
from bayesdeep.plot.reliability import reliability_points
from bayesdeep.report import default_title, subject_of
from bayesdeep.report.document import MOST_SVG, Callout, Code, Figure, Table
from bayesdeep.report.phrases import certainty_sentence
from bayesdeep.report.section import Subject
from bayesdeep.report.sections.budget import mean_budget

from .test_render import check_page

EXPECTED = {
    "verdict", "models", "data", "comparison", "where_wrong", "effects", "shrinkage", "predictive_check", "calibration",
    "convergence", "budget", "sensitivity", "cost", "reproduce",
}  # fmt: skip


@pytest.fixture(scope="module")
def compared(fit: Any, flat: Any) -> Any:
    """Return a real comparison of the two fits."""
    return bd.compare({"groups": fit, "flat": flat}, score="loo", progress=False)


@pytest.fixture(scope="module")
def half_bad(fit: Any, flat: Any, bad: Any, compared: Any) -> Any:
    """Return the comparison with a third fit whose chains went astray, best by its score."""
    found = {**compared.assessed, "astray": compared.assessed["groups"]}
    table = pd.concat([compared.table.loc[["groups"]].rename(index={"groups": "astray"}), compared.table])
    table.attrs = compared.table.attrs
    return Comparison(table, compared.calibration, found, {"groups": fit, "flat": flat, "astray": bad})


def tables(blocks: Any) -> list[Table]:
    return [b for b in blocks if isinstance(b, Table)]


def text(blocks: Any) -> str:
    return " ".join(getattr(b, "text", "") for b in blocks)


@pytest.mark.integration
def test_a_comparison_has_all_sections_and_stands_alone(compared: Any, tmp_path: Path) -> None:
    path = compared.report(tmp_path / "report.html")
    page = path.read_text(encoding="utf-8")
    found = check_page(page)
    assert "could not be written" not in page
    assert set(found.ids) >= {f"section-{name.replace('_', '-')}" for name in EXPECTED}
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(bd.FitError, match="exists"):
        compared.report(path)
    assert compared.report(path, overwrite=True) == path


def test_where_wrong_shows_the_errors(compared: Any) -> None:
    blocks = SECTIONS["where_wrong"].blocks(subject_of(compared))
    shown = {t.caption.split(";")[0]: t for t in tables(blocks)}
    table = shown["Scores by the number of training rows of the group"]
    source = compared.errors("size").droplevel("by").reset_index("where")
    for column in ("rows", "rmse", "coverage_90", "log_score"):
        assert table.frame[column].tolist() == pytest.approx(source[column].tolist())
    assert any(isinstance(b, Figure) for b in blocks)
    assert "differs from that of “groups” for “flat”" in text(blocks)


def test_what_cannot_be_trusted_is_struck_and_not_ranked(half_bad: Any) -> None:
    subject = subject_of(half_bad, main="groups")
    for name in ("comparison", "where_wrong", "calibration", "budget"):
        blocks = SECTIONS[name].blocks(subject)
        assert any(isinstance(b, Callout) and b.kind == "bad" and "astray" in b.text for b in blocks), name
        for t in tables(blocks):
            assert t.struck == ("astray" in t.frame.index), name
            assert not t.struck or set(t.frame.index) == {"astray"}, name
        assert not any("astray" in b.alt for b in blocks if isinstance(b, Figure)), name
    ranked = tables(SECTIONS["comparison"].blocks(subject))[0].frame
    assert list(ranked.index) == ["groups", "flat"]
    assert ranked.loc["groups", "elpd_diff"] == 0
    said = SECTIONS["verdict"].blocks(subject)
    assert "“groups” predicts best" in text(said)
    assert "leaves out what cannot be trusted: the draws of “astray”" in text(said)
    assert "cannot be reweighted" in text(SECTIONS["sensitivity"].blocks(subject))


def test_the_verdict_says_how_sure_it_is(compared: Any) -> None:
    from scipy.stats import norm

    table = compared.table.assign(elpd_diff=[0.0, -3.0], dse=[0.0, 4.0])
    said = certainty_sentence(Comparison(table, compared.calibration, compared.assessed, compared.fits))
    assert f"{100 * norm.cdf(3 / 4):.0f}\u00a0% for “flat”" in said
    assert "over 99" in certainty_sentence(compared)
    assert "How sure is that?" in text(SECTIONS["verdict"].blocks(subject_of(compared)))


def test_baselines_stand_beside_fits(compared: Any) -> None:
    found = {**compared.assessed, "ridge": compared.assessed["flat"]}
    table = pd.concat([compared.table, compared.table.loc[["flat"]].rename(index={"flat": "ridge"})])
    table.attrs = compared.table.attrs
    subject = subject_of(Comparison(table, compared.calibration, found, compared.fits))
    assert subject.baselines == ["ridge"]
    assert default_title(subject) == "y: 3 models compared"
    for name in ("verdict", "comparison", "where_wrong", "calibration"):
        shown = SECTIONS[name].blocks(subject)
        assert "ridge" in text(shown) + " ".join(str(list(t.frame.index)) for t in tables(shown)), name


def test_pooling_is_shown_of_a_fit_with_groups(fit: Any, flat: Any) -> None:
    subject = Subject({"flat": flat, "groups": fit}, None, "flat")
    assert "Of “groups”, since “flat” has no groups:" in text(SECTIONS["shrinkage"].blocks(subject))
    assert not SECTIONS["shrinkage"].applies(Subject({"flat": flat}, None, "flat"))


def test_failures_are_said(compared: Any) -> None:
    subject = Subject(compared.fits, compared, "groups", {"failed": {"third": "no such column"}})
    blocks = SECTIONS["verdict"].blocks(subject)
    said = [b.text for b in blocks if isinstance(b, Callout) and b.kind == "bad"]
    assert said == ["“third” could not be fitted: no such column"]


def test_calibration_is_that_of_rows_left_out(compared: Any, fit: Any) -> None:
    subject = subject_of(compared)
    table = tables(SECTIONS["calibration"].blocks(subject))[0].frame
    assert table.loc["flat", "90 %"] == pytest.approx(compared.table.loc["flat", "coverage_90"])
    alone = tables(SECTIONS["calibration"].blocks(subject_of(fit)))[0].frame
    assert alone.loc["model", "90 %"] == pytest.approx(compared.table.loc["groups", "coverage_90"])


def test_budget_is_the_mean_of_the_fits_own(flat: Any) -> None:
    whole = flat.budget().mean()
    found = mean_budget(flat)
    assert found["total"] == pytest.approx(sum(v for k, v in found.items() if k != "total"))
    # 400 of 600 draws: the noise is a mean of draws of sigma², known to a per cent.
    assert found["noise"] == pytest.approx(whole["noise"], rel=0.02)


def test_models_that_are_the_same_are_told_once(fit: Any) -> None:
    twin = type(fit)(fit.spec, fit.rows, fit.idata, "")
    blocks = SECTIONS["models"].blocks(Subject({"a": fit, "b": twin}, None, "a"))
    assert "The same model as “a”, fitted by nuts." in text(blocks)
    assert len(tables(blocks)) == 1


def test_cards_make_the_model_again(fit: Any, data: pd.DataFrame, tmp_path: Path) -> None:
    card = [
        b.text for b in SECTIONS["reproduce"].blocks(subject_of(fit, extra={"data": "d.csv"})) if isinstance(b, Code)
    ][-1]
    (tmp_path / "card.toml").write_text(card, encoding="utf-8")
    data.to_csv(tmp_path / "d.csv", index=False)
    from bayesdeep.cards import read_card
    from bayesdeep.model import model_of_card

    read = read_card(tmp_path / "card.toml")
    assert model_of_card(read).spec == fit.spec
    assert read.fit_options == {"method": "nuts", "draws": 800, "tune": 600, "chains": 4, "seed": 11}


def test_networks_show_functions_and_shares(made_up: Any) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(40, 3)), columns=["y", "x", "z"])
    net = made_up(bd.Model("y ~ net(x, z, hidden=[3])", frame), draws=30)
    subject = Subject({"net": net}, None, "net")
    subject.__dict__["diagnoses"] = {"net": type("D", (), {"verdict": "trust", "sentence": "fine"})()}
    assert SECTIONS["networks"].applies(subject)
    blocks = SECTIONS["networks"].blocks(subject)
    shown = tables(blocks)[0].frame
    explained = bd.explain(net, draws=60)
    shares = {**explained.main_effects.set_index("term")["share"], **explained.interactions.set_index("term")["share"]}
    assert shown["share"].to_dict() == pytest.approx(shares)
    assert any(isinstance(b, Figure) and "x, z" in b.alt for b in blocks)
    subject.__dict__["diagnoses"] = {"net": type("D", (), {"verdict": "do not trust", "sentence": "bad"})()}
    struck = SECTIONS["networks"].blocks(subject)
    assert not tables(struck)
    assert not any(isinstance(b, Figure) for b in struck)


def test_classes_have_reliability(made_up: Any) -> None:
    rng = np.random.default_rng(4)
    p = rng.uniform(size=500)
    y = (rng.uniform(size=500) < p).astype(int)
    fit = made_up(bd.Model("y ~ x", pd.DataFrame({"y": y, "x": p}), family="bernoulli"))
    values = np.log(np.where(y == 1, p, 1 - p))
    one = Assessed(
        "loo", elpd_record(values, float(values.sum()), 20), float(values.mean()), probabilities=np.stack([1 - p, p], 1),
        codes=y, log_scores=values, places=np.arange(500),
    )  # fmt: skip
    stated, held, error = reliability_points(one.probabilities, y)
    order = np.argsort(p)[:50]
    assert (stated[0], held[0]) == pytest.approx((p[order].mean(), y[order].mean()))
    assert (np.abs(stated - held) < 4 * error).all()
    table = pd.DataFrame({"elpd": [values.sum()]}, index=["a"])
    subject = Subject({"a": fit}, Comparison(table, pd.DataFrame(), {"a": one}, {"a": fit}), "a")
    subject.__dict__["diagnoses"] = {"a": type("D", (), {"verdict": "trust", "sentence": "fine"})()}
    blocks = SECTIONS["calibration"].blocks(subject)
    assert any(isinstance(b, Figure) and "Reliability" in b.alt for b in blocks)
    assert tables(blocks)[0].frame.loc["a", "accuracy"] == pytest.approx(np.mean((p > 0.5) == y))


def test_drawings_of_many_marks_become_pixels() -> None:
    from bayesdeep.plot.figure_style import new_figure

    figure, axes = new_figure(2.0)
    axes.plot(np.arange(9000), np.random.default_rng(0).normal(size=9000), "o")
    block = Figure.of(figure, "many dots", "Dots.")
    assert block.kind == "png"
    assert len(block.image) < MOST_SVG


def test_notebooks_show_escaped_tables(compared: Any, fit: Any, bad: Any) -> None:
    for thing in (compared, fit, fit.model, fit.diagnose(), bad.diagnose()):
        shown = thing._repr_html_()
        assert "<script" not in shown
        assert "<table" in shown
        assert shown.count("<div") == shown.count("</div>")
    assert "do not trust" in bad.diagnose()._repr_html_()
    assert "&lt;script&gt;" in fit._repr_html_()
    assert "1|g_sigma" in fit.model._repr_html_()
