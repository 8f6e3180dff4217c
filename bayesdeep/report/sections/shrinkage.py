"""Partial pooling: each group's own estimate, the model's, and the line that ignores groups."""

from typing import Any

import numpy as np

from bayesdeep.plot.parts import group_terms
from bayesdeep.plot.shrinkage import Shrinkage, shrinkage, shrinkage_numbers
from bayesdeep.results.rows import StreamedRows

from ..blocks import Block, Figure, Paragraph
from ..numbers import number
from ..section import Section, Subject
from ..words import named, plural


def applies(subject: Subject) -> bool:
    """A fit has groups with an intercept of their own, and one number a row."""
    return _chosen(subject) is not None


def _chosen(subject: Subject) -> str | None:
    """Return the fit to look at: the main one, else the first with such groups, those that can be trusted before others."""
    able = [name for name in (subject.main, *subject.fits) if _can(subject.fits[name])]
    if subject.main in able:
        return subject.main
    return next((name for name in able if subject.trusted(name)), able[0] if able else None)


def _can(fit: Any) -> bool:
    if isinstance(fit._rows, StreamedRows) or fit._rows.response.value.ndim != 1:
        return False
    return bool(_factors(fit))


def _factors(fit: Any) -> list[str]:
    return [t.factor for t in group_terms(fit) if f"1|{t.factor}" in t.effects and len(t.labels) > 2]


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the picture and what it says, for each grouping factor with an intercept."""
    name = _chosen(subject)
    assert name is not None
    if not subject.trusted(name):
        return (*subject.warning(name), Paragraph("No picture is drawn from these draws."))
    found: list[Block] = (
        [] if name == subject.main else [Paragraph(f"Of {named(name)}, since {named(subject.main)} has no groups:")]
    )
    for factor in _factors(subject.fits[name]):
        found += _one(subject.fits[name], factor)
    return tuple(found)


def _one(fit: Any, factor: str) -> list[Block]:
    n = shrinkage_numbers(fit, factor)
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
    return [Paragraph(sentence(n)), Figure.of(shrinkage(fit, factor, numbers=n), alt, caption)]


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
