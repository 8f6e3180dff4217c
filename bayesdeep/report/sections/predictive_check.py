"""Whether the model could have produced the data, and whether its intervals hold what they promise."""

import numpy as np

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.plot.calibration import calibration
from bayesdeep.plot.parts import family_words, observed
from bayesdeep.plot.predictive import predictive_check

from ..blocks import Block, Figure, Paragraph
from ..section import Section, Subject
from ..words import named

DRAWS = 50


def applies(subject: Subject) -> bool:
    """Responses are there, one number or level a row."""
    data, name = subject.fit.idata["observed_data"], subject.fit.spec.response.name
    return name in data and data[name].ndim == 1


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the overlay of observed and predicted responses, and coverage."""
    if not subject.trusted():
        return (*subject.warning(), Paragraph("No predictions are drawn from these draws."))
    name = subject.fit.spec.response.name
    found: list[Block] = []
    try:
        figure = predictive_check(subject.fit, draws=DRAWS)
        alt = (
            f"Distribution of {name} as observed, over those of {DRAWS} data sets predicted by the model for the same "
            "rows."
        )
        caption = (
            f"`{name}` as observed, and {DRAWS} data sets that the model predicts for the same rows. Where the "
            "observed one leaves "
            "the bundle, the model misses something about the response: its tails, a second hump, values that pile up."
        )
        found.append(Figure.of(figure, alt, caption))
    except BayesdeepError as error:
        found.append(Paragraph(f"No overlay: {error}."))
    return (*found, *_calibration(subject))


def _calibration(subject: Subject) -> list[Block]:
    held_out = getattr(subject.comparison, "calibration", None) is not None
    source = subject.comparison if held_out and len(subject.comparison.calibration) else subject.fit
    if subject.fit.spec.response.levels is not None or len(np.unique(observed(subject.fit))) <= 2:
        return []
    try:
        figure = calibration(source)
    except BayesdeepError:
        return []
    alt = (
        "Share of responses inside central predictive intervals against the intervals' probability; the diagonal is "
        "perfect."
    )
    how = (
        "for rows left out of the fit"
        if source is not subject.fit
        else "for the rows the model was fitted to, which flatters it a little"
    )
    caption = (
        f"Do intervals hold what they promise? Coverage {how}: below the diagonal intervals are too narrow, above it "
        "too wide."
    )
    if "discrete" in family_words(subject.fit):
        caption += " Intervals of counts hold more than they promise, since they cannot hold part of a value."
    return [Paragraph(_words(subject, source)), Figure.of(figure, alt, caption)]


def _words(subject: Subject, source: object) -> str:
    if source is subject.fit:
        return "The same question for intervals:"
    held = subject.comparison.calibration[subject.main]
    nearest = held.index[int(np.argmin(np.abs(np.asarray(held.index, dtype=float) - 0.9)))]
    return (
        f"Of the responses left out, {held.loc[nearest] * 100:.0f} % lie inside the {float(nearest) * 100:.0f} % "
        f"intervals of {named(subject.main)}."
    )


SECTION = Section("Do the predictions look like the data?", 70, applies, blocks)
