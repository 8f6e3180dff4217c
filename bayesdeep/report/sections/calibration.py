"""Whether probabilities hold what they promise: coverage and PIT of intervals, or reliability of class probabilities."""

import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesdeep.compare.assessed_fit import Assessed, by_loo, response_kind
from bayesdeep.compare.held_out_scores import can_be_weighed
from bayesdeep.compare.proper_scores import NOMINAL, accuracy, calibration_error
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.plot.calibration_plot import draw_coverage
from bayesdeep.plot.parts import family_words
from bayesdeep.plot.reliability import pit_histogram, reliability

from ..document import Block, Figure, Format, Paragraph, Table
from ..numbers import percent
from ..phrases import joined, named
from ..section import Section, Subject

MOST_ROWS = 20_000
MOST_PANELS = 6


def applies(subject: Subject) -> bool:
    """Responses are numbers or levels, and the rows are at hand."""
    return subject.fit.in_memory and response_kind(subject.fit.spec) != "other"


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the coverage of intervals and the PIT, or for levels reliability, of all fits that can be trusted."""
    every = assessments(subject)
    sound = {n: a for n, a in every.items() if n not in subject.fits or subject.trusted(n)}
    struck = {n: a for n, a in every.items() if n not in sound}
    found: list[Block] = [
        block for name in subject.fits if not subject.trusted(name) for block in subject.warning(name)
    ]
    if not every and "residuals_of" in subject.fit.idata.attrs:
        said = (
            f"Residuals of {subject.fit.idata.attrs['residuals_of']} are correlated: leaving out this response alone would leave "
            "what a row's others tell of it. Of rows that were left out whole the section on all responses has the scores."
        )
        return (*found, Paragraph(said))
    if not every:
        return (*found, Paragraph("No rows were predicted without having been used, so that nothing can be said."))
    levels = any(a.probabilities is not None for a in every.values())
    if sound:
        found += _levels(sound) if levels else _numbers(subject, sound)
    for chosen, bad in ((sound, False), (struck, True)):
        if chosen:
            found.append(_table(chosen, levels, bad))
    return tuple(found)


def assessments(subject: Subject) -> Mapping[str, Assessed]:
    """Return how rows that a fit had not seen were predicted: by the comparison, or by leave-one-out of a fit alone."""
    held = {} if subject.comparison is None else subject.comparison.assessed
    if subject.comparison is None and subject.fit.rows.rows <= MOST_ROWS and can_be_weighed(subject.fit):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                held = {subject.main: by_loo(subject.fit)}
        except BayesdeepError:
            held = {}
    return {str(n): a for n, a in held.items() if a.scores is not None or a.probabilities is not None}


def _numbers(subject: Subject, found: Mapping[str, Assessed]) -> list[Block]:
    scores = {n: a.scores for n, a in found.items() if a.scores is not None}
    curves = {n: (GRID, np.array([s.expected_coverage(p) for p in GRID])) for n, s in scores.items()}
    said = joined([f"{percent(s.coverage(0.9))} for {named(n)}" for n, s in scores.items()])
    alt = "Share of responses inside central predictive intervals against the intervals' probability; the diagonal is perfect."
    caption = (
        "Do intervals hold what they promise? Coverage of rows that were left out: below the diagonal intervals are too narrow, "
        "above it too wide."
    )
    if "discrete" in family_words(subject.fit):
        caption += " A count at the end of an interval counts in part here, as far as the interval has to hold it."
    pit = (
        "Where responses fall in their predictive distribution: flat if it is right, a bowl if it is too narrow, a hill if too "
        "wide, a slope if it is biased. The grey band holds 95 % of the bars of a flat one."
    )
    shown = dict(list(scores.items())[:MOST_PANELS])
    return [
        Paragraph(f"Of the responses left out, the 90 % intervals hold {said}."),
        Figure.of(draw_coverage(curves), alt, caption),
        Figure.of(
            pit_histogram({n: s.pit for n, s in shown.items()}),
            f"Histograms of probability integral transforms of {joined(list(shown))}, beside a flat line.",
            pit,
        ),
    ]


GRID = np.round(np.arange(0.1, 1.0, 0.1), 2)


def _levels(found: Mapping[str, Assessed]) -> list[Block]:
    shown = {n: a for n, a in found.items() if a.probabilities is not None and a.codes is not None}
    alt = f"Reliability of {joined(list(shown))}: observed share against stated probability; the diagonal is perfect."
    caption = (
        "Of the rows that were given about this probability, which share was so? Below the diagonal a model is overconfident. "
        "Tenths of the rows, with about two standard errors; rows were left out."
    )
    curves = {n: (np.asarray(a.probabilities), np.asarray(a.codes)) for n, a in shown.items()}
    return [Figure.of(reliability(curves), alt, caption)]


def _table(found: Mapping[str, Assessed], levels: bool, struck: bool) -> Table:
    rows: dict[str, dict[str, float]] = {}
    for name, a in found.items():
        if levels and a.probabilities is not None and a.codes is not None:
            error = calibration_error(a.probabilities, a.codes)
            rows[name] = {
                "rows": len(a.codes),
                "accuracy": accuracy(a.probabilities, a.codes),
                "calibration_error": error,
            }
        elif a.scores is not None:
            s = a.scores
            rows[name] = {
                "rows": len(s.y),
                **{f"{100 * p:.0f} %": s.coverage(p) for p in NOMINAL},
                "pit_mean": float(s.pit.mean()),
            }
    frame = pd.DataFrame.from_dict(rows, orient="index").astype({"rows": int})
    formats: dict[str, Format] = {c: percent for c in frame.columns if c.endswith("%") or c == "accuracy"}
    formats |= {"rows": ",d", "calibration_error": ".3f", "pit_mean": ".2f"}
    caption = (
        "Accuracy, and how far stated probabilities of the most probable level are from its share, on average."
        if levels
        else "Shares of responses inside intervals of these probabilities; pit_mean is 0.5 for predictions without bias."
    )
    return Table(frame, caption, {c: formats[c] for c in frame.columns}, "model", struck)


SECTION = Section("Do probabilities hold what they promise?", 72, applies, blocks, "fit")
