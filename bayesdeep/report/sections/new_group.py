"""What the model says about a group it has never seen, beside groups it knows."""

import pandas as pd

from bayesdeep.plot.forest import draw_intervals

from ..document import Block, Figure, Paragraph
from ..estimates import estimates_table
from ..newcomer import Newcomer, newcomer, width_sentence
from ..newcomer import applies as can_predict
from ..section import Section, Subject


def applies(subject: Subject) -> bool:
    """There are groups, and one number a row to predict."""
    return can_predict(subject.fit)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the predictions, as a picture and a table, and what their widths mean."""
    found = newcomer(subject.fit)
    struck = not subject.trusted()
    caption = f"Expected response at {found.at}."
    one = f"A single new response at {found.at}: the noise between rows of one group comes on top."
    tables = (
        estimates_table(found.mean, caption, found.term.factor, struck),
        estimates_table(found.response, one, found.term.factor, struck),
    )
    if struck:
        return (*subject.warning(), *tables)
    half = newcomer(subject.fit, found.term.factor, 0.5).mean
    return (Paragraph(width_sentence(found)), _figure(subject, found, half), *tables)


def _figure(subject: Subject, found: Newcomer, half: pd.DataFrame) -> Figure:
    name = subject.fit.spec.response.name
    alt = "Intervals for the expected response: " + "; ".join(
        f"{label}: {row['lower']:.3g} to {row['upper']:.3g}" for label, row in found.mean.iterrows()
    )
    caption = f"Expected `{name}` at {found.at}: thick lines hold half, thin lines 90 % of the probability."
    return Figure.of(draw_intervals(found.mean, half, f"expected {name}", zero=False), alt + ".", caption)


SECTION = Section("A group never seen", 60, applies, blocks, "fit")
