"""Partial pooling: each group's own estimate, the model's, and what it leans on."""


import numpy as np

from bayesdeep.core.errors import FitError
from bayesdeep.plot.parts import group_terms
from bayesdeep.plot.shrinkage_plot import Shrinkage, shrinkage, shrinkage_numbers
from bayesdeep.results.fitted import Fitted

from ..document import Block, Figure, Paragraph
from ..numbers import number
from ..phrases import named, plural
from ..section import Section, Subject


def applies(subject: Subject) -> bool:
    """A fit has groups with an intercept of their own, and one number a row."""
    return _chosen(subject) is not None


def _chosen(subject: Subject) -> str | None:
    """Return the fit to look at: the main one, else the first with such groups, those that can be trusted before others."""
    able = [name for name in (subject.main, *subject.fits) if _can(subject.fits[name])]
    if subject.main in able:
        return subject.main
    return next((name for name in able if subject.trusted(name)), able[0] if able else None)


def _can(fit: Fitted) -> bool:
    return fit.in_memory and bool(_factors(fit))


def _factors(fit: Fitted) -> list[str]:
    """Return the factors with an intercept a group, one number each."""
    posterior = fit.idata["posterior"]
    terms = [t for t in group_terms(fit) if t.codes is not None]
    able = [t for t in terms if f"1|{t.factor}" in t.effects and len(t.labels) > 2]
    return [t.factor for t in able if posterior[f"1|{t.factor}"].ndim == 3]


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


def _one(fit: Fitted, factor: str) -> list[Block]:
    try:
        n = shrinkage_numbers(fit, factor)
    except FitError as error:
        return [Paragraph(f"No picture of `{factor}`: {str(error).removeprefix('plot: ')}.")]
    towards = f"the dashed line at {number(n.centre)}" if n.alike else "the dashes"
    alt = (
        f"For each {factor}, its {n.what} from its own rows (open circle) and the model's (filled) against its number of rows; "
        f"estimates of small groups are pulled towards {towards}, those of large groups less."
    )
    line = f"Dashed: the average {factor}." if n.alike else f"Dashes: the average {factor}, given {_others(n)}."
    caption = (
        f"The {n.what} of each {factor} twice, with everything else in the predictor the same: by its own rows alone (open, "
        f"no pooling) and as the model has it (filled, partial pooling, with 90 % interval). {line} Groups of equal size are set "
        "side by side."
    )
    return [Paragraph(sentence(n)), Figure.of(shrinkage(fit, factor, numbers=n), alt, caption)]


def _others(n: Shrinkage) -> str:
    """Return what else a group leans on, in words."""
    return "the groups it is related to" if n.term.related else "the other effects of the group"


def sentence(n: Shrinkage) -> str:
    """Return how far small and large groups are pulled towards what they lean on, in words."""
    factor, sizes = n.term.factor, n.term.sizes
    seen, none = (sizes > 0) & np.isfinite(n.alone), int(((sizes > 0) & np.isnan(n.alone)).sum())
    own = "has no estimate of its own" if none == 1 else "have no estimate of their own"
    aside = f" {plural(none, 'level')} {own}: such responses would be likeliest at an infinite one." if none else ""
    if not seen.any():
        return aside.strip()
    few, many = _split(sizes[seen])
    small, large = _pull(n, seen & (sizes <= few)), _pull(n, seen & (sizes >= many))
    lead = f"A {factor} with few rows says little about itself, and the model lets it lean on the others. "
    if few == many:
        return f"Averaged over all levels of `{factor}`, {_distances(small, n)}.{aside}"
    told = f"With at most {plural(few, 'row')}, {_distances(small, n)}; with {many} or more, {_distances(large, n)}."
    return (lead if small[1] < 0.9 * small[0] else "") + told + aside


def _distances(pull: tuple[float, float], n: Shrinkage) -> str:
    own, pooled = number(pull[0], ".2f"), number(pull[1], ".2f")
    what = f"the average {n.term.factor}" if n.alike else f"what is to be expected given {_others(n)}"
    return f"estimates from own rows lie on average {own} from {what} and the model's {pooled}"


def _split(sizes: np.ndarray) -> tuple[int, int]:
    return int(np.quantile(sizes, 0.25)), int(np.ceil(np.quantile(sizes, 0.9)))


def _pull(n: Shrinkage, chosen: np.ndarray) -> tuple[float, float]:
    return float(np.abs(n.alone - n.leans)[chosen].mean()), float(np.abs(n.pooled - n.leans)[chosen].mean())


SECTION = Section("Partial pooling", 55, applies, blocks, "fit")
