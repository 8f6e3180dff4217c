"""Partial pooling: each group's own estimate, the model's, and the line that ignores groups."""

import numpy as np

from bayesdeep.plot.parts import group_terms
from bayesdeep.plot.shrinkage import Shrinkage, shrinkage, shrinkage_numbers

from ..blocks import Block, Figure, Paragraph
from ..numbers import number
from ..section import Section, Subject
from ..words import plural


def applies(subject: Subject) -> bool:
    """There are groups with an intercept of their own, and one number a row."""
    terms = group_terms(subject.fit)
    return (
        any(f"1|{t.factor}" in t.effects and len(t.labels) > 2 for t in terms)
        and subject.fit._rows.response.value.ndim == 1
    )


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the picture and what it says, for each grouping factor with an intercept."""
    if not subject.trusted():
        return (*subject.warning(), Paragraph("No picture is drawn from these draws."))
    found: list[Block] = []
    for term in group_terms(subject.fit):
        if f"1|{term.factor}" in term.effects and len(term.labels) > 2:
            found += _one(subject, term.factor)
    return tuple(found)


def _one(subject: Subject, factor: str) -> list[Block]:
    n = shrinkage_numbers(subject.fit, factor)
    alt = (
        f"For each {factor}, its estimate from its own rows (open circle) and the model's (filled) against its "
        "number of rows; "
        f"estimates of small groups are pulled towards the dashed line at {number(n.centre)}, those of large groups "
        "are not."
    )
    caption = (
        f"Each {factor} twice: by its own rows alone (open, no pooling) and as the model has it (filled, partial "
        "pooling, with "
        f"90 % interval). Dashed: the estimate that ignores {factor} (complete pooling). Groups of equal size are "
        "set side by side."
    )
    return [Paragraph(sentence(n)), Figure.of(shrinkage(subject.fit, factor, numbers=n), alt, caption)]


def sentence(n: Shrinkage) -> str:
    """Return how far small and large groups are pulled towards the centre, in words."""
    factor, sizes = n.term.factor, n.term.sizes
    seen = sizes > 0
    few, many = _split(sizes[seen])
    small, large = _pull(n, seen & (sizes <= few)), _pull(n, seen & (sizes >= many))
    lead = f"A {factor} with few rows says little about itself, and the model lets it lean on the others. "
    if few == many:
        return f"Averaged over all levels of `{factor}`, {_distances(small)}."
    told = f"With at most {plural(few, 'row')}, {_distances(small)}; with {many} or more, {_distances(large)}."
    return (lead if small[1] < 0.9 * small[0] else "") + told


def _distances(pull: tuple[float, float]) -> str:
    own, pooled = number(pull[0], ".2f"), number(pull[1], ".2f")
    return f"estimates from own rows lie on average {own} from the complete-pooling line and the model's {pooled}"


def _split(sizes: np.ndarray) -> tuple[int, int]:
    return int(np.quantile(sizes, 0.25)), int(np.ceil(np.quantile(sizes, 0.9)))


def _pull(n: Shrinkage, chosen: np.ndarray) -> tuple[float, float]:
    return float(np.abs(n.alone - n.centre)[chosen].mean()), float(np.abs(n.pooled - n.centre)[chosen].mean())


SECTION = Section("Partial pooling", 55, applies, blocks)
