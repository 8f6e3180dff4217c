"""The effects of every group with their intervals, sorted."""

from bayesdeep.plot.group_effects import ENDS, MAX_GROUPS, effects_table, group_effects
from bayesdeep.plot.parts import group_terms

from ..document import Block, Figure, Heading, Paragraph
from ..phrases import plural
from ..section import Section, Subject

MOST_TERMS = 2


def applies(subject: Subject) -> bool:
    """There are group-level effects with one coefficient a group."""
    return bool(_names(subject))


def _names(subject: Subject) -> list[str]:
    posterior = subject.fit.idata["posterior"]
    return [n for t in group_terms(subject.fit) for n in t.effects if posterior[n].ndim == 3][:MOST_TERMS]


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return one picture a group-level effect."""
    if not subject.trusted():
        return (*subject.warning(), Paragraph("No picture is drawn from these draws."))
    found: list[Block] = []
    for name in _names(subject):
        found += _one(subject, name)
    return tuple(found)


def _one(subject: Subject, name: str) -> list[Block]:
    table = effects_table(subject.fit, name)
    clear = int(((table["lower"] > 0) | (table["upper"] < 0)).sum())
    factor = subject.fit.posterior[name].attrs["factor"]
    point = not (table["upper"] > table["lower"]).any()
    leaves_out = (
        f"Of {plural(len(table), 'level')} of `{factor}`, {clear} {'has' if clear == 1 else 'have'} an interval "
        "that leaves out zero. "
    )
    said = (
        f"{'' if point else leaves_out}"
        f"The largest effect is that of {table.index[-1]}, the smallest that of {table.index[0]}. Neighbours in "
        "this order "
        "overlap: it is no ranking."
    )
    ends = f" Only the {ENDS} lowest and highest are shown." if len(table) > MAX_GROUPS else ""
    alt = (
        f"Effects {name} of {len(table)} groups, sorted, from {table.index[-1]} (largest) to {table.index[0]} "
        "(smallest), with intervals."
    )
    caption = (
        f"`{name}`: difference of each {factor} from the average one. Thick lines hold half, thin lines 90 % of the "
        f"posterior probability.{ends}"
    )
    return [Heading(name), Paragraph(said), Figure.of(group_effects(subject.fit, name), alt, caption)]


SECTION = Section("Every group", 75, applies, blocks, "fit")
