"""Terms, as a formula has them, that would add to one what a predictor was found to know."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bayesdeep.core.registry import TERMS
from bayesdeep.formula.expand import expand
from bayesdeep.formula.nodes import Formula, Name
from bayesdeep.formula.parser import parse
from bayesdeep.formula.walk import columns as columns_of

from .anova import Anova
from .input_function import Input
from .squares import Share

LEAST_SHARE = 0.01
"""Components that are not distinct from 0 are tried only if they may have more than this share."""
UNDECIDED = 2
"""How many of those are tried."""
BILINEAR = 0.9
"""Part of an interaction of two numbers that their product has, from which on no surface is tried beside it."""
BENDS = ("bs", "ns", "poly", "net", "s", "t2", "gp", "rw", "mo")
SURFACE = "t2" if "t2" in TERMS else "s"
STRAIGHT = ("s", "t2")
"""Terms that have the straight lines of their columns in them, which therefore may not stand beside them."""
FUNCTIONS, FEWEST_VALUES = 10, 4
"""Different values of a column up to which it is said how many functions its smooth has, and from which on it has one."""


def candidates(
    inputs: Sequence[Input], found: Anova, node: Formula, most: int, different: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """Return terms, as a formula has them, that would add what was found to one.

    Parameters
    ----------
    inputs, found
        The explained predictor's inputs, and shares of its variance.
    node
        The formula.
    most
        How many at most; the largest shares first.
    different
        How many different values a column has, by name; of others, many.
    """
    many = different or {}
    kind = {i.name: i for i in inputs}
    present = set(columns_of(replace(node, response=None)))
    wanted: list[tuple[float, str]] = []
    for name, share in found.main.items():
        own, bent = kind[name], found.curved.get(name)
        curve = bent is not None and _stands_out(bent) and not _bent(node, name)
        if not present.issuperset(own.columns) and share.upper > LEAST_SHARE:
            text = _factor(own) if own.kind != "group" else f"(1 | {_factor(own)})"
            wanted.append((share.share, _curve(own, many) if curve else text))
        elif curve and bent is not None:
            wanted.append((bent.share, _curve(own, many)))
    for (a, b), share in _decided(found.pairs):
        text = _product(kind[a], kind[b], node, present)
        # A product that brings a main effect along would be credited with it.
        alone = present.issuperset((*kind[a].columns, *kind[b].columns))
        if text and (alone or share.lower > 0):
            wanted.append((share.share, text))
        if share.lower > 0 and found.bilinear.get((a, b), 1.0) < BILINEAR and (surface := _surface(kind[a], kind[b], node, many)):
            wanted.append((share.share, surface))
    return tuple(dict.fromkeys(text for _, text in sorted(wanted, key=lambda pair: -pair[0])))[:most]


def _stands_out(share: Share) -> bool:
    return share.lower > 0 and share.upper > LEAST_SHARE


def _decided(pairs: Mapping[tuple[str, str], Share]) -> Iterator[tuple[tuple[str, str], Share]]:
    """Yield the pairs that stand out, and a few of those that may."""
    ranked = sorted(pairs.items(), key=lambda item: -item[1].share)
    few = 0
    for pair, share in ranked:
        if share.upper <= LEAST_SHARE:
            continue
        few += not share.lower > 0
        if share.lower > 0 or few <= UNDECIDED:
            yield pair, share


def quoted(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"


def _factor(given: Input) -> str:
    return ":".join(quoted(name) for name in given.columns)


def _curve(given: Input, different: Mapping[str, int]) -> str:
    """Return the smooth of a column; a parabola where it has too few values for one."""
    name, values = quoted(given.columns[0]), different.get(given.columns[0], FUNCTIONS)
    if values < FEWEST_VALUES:
        return f"poly({name}, 2)"
    return f"s({name})" if values >= FUNCTIONS else f"s({name}, k={values})"


def _surface(a: Input, b: Input, node: Formula, different: Mapping[str, int]) -> str:
    """Return the smooth of two numbers; "" where one of them has few values, or a curve of its own in the formula."""
    names = (a.columns[0], b.columns[0])
    few = any(different.get(name, FUNCTIONS) < FUNCTIONS for name in names)
    return "" if few or any(_bent(node, name) for name in names) else f"{SURFACE}({', '.join(map(quoted, names))})"


def _product(a: Input, b: Input, node: Formula, present: set[str]) -> str:
    """Return the term for a pair; "" where the formula has it."""
    if a.kind == b.kind == "group":
        factor = (*a.columns, *b.columns)
        if any(g.call is not None and set(columns_of(g.call)) & set(factor) for g in node.groups):
            return ""  # Combinations of related groups, or of several at once, are no column's levels.
        known = any(set(columns_of(Formula("", None, False, (g.factor,)))) == set(factor) for g in node.groups)
        return "" if known else f"(1 | {':'.join(map(quoted, factor))})"
    if "group" in (a.kind, b.kind):
        slope, group = (b, a) if a.kind == "group" else (a, b)
        own = [g for g in node.groups if set(columns_of(Formula("", None, False, (g.factor,)))) == set(group.columns)]
        if any(set(slope.columns) <= set(columns_of(Formula("", None, False, g.products, (), g.specials))) for g in own):
            return ""
        call = own[0].call if own else None
        return f"({int(not own)} + {_factor(slope)} | {_factor(group) if call is None else call.source})"
    names = {*a.columns, *b.columns}
    if any({f.name for f in p if isinstance(f, Name)} == names for p in node.products):
        return ""
    return f"{_factor(a)}{':' if present >= names else '*'}{_factor(b)}"


def _bent(node: Formula, name: str) -> bool:
    """Return whether a formula has a curve of this column already."""
    calls = [factor for product in node.products for factor in product] + list(node.specials)
    return any(getattr(c, "function", "") in BENDS and name in columns_of(c) for c in calls)


def _calls(term: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return name and columns of each call in a term as text."""
    node = expand(parse(f"~ {term}", response="none"), ())
    return [(call.function, tuple(columns_of(call))) for call in node.specials]


def straight_lines(terms: Sequence[str]) -> tuple[str, ...]:
    """Return the columns whose straight lines are part of some of the terms."""
    return tuple(
        dict.fromkeys(name for term in terms for function, names in _calls(term) if function in STRAIGHT for name in names)
    )


def together(terms: Sequence[str]) -> tuple[str, ...]:
    """Return the terms that can be added together: none that is part of a surface of the same columns."""
    surfaces = [set(names) for term in terms for function, names in _calls(term) if function in STRAIGHT and len(names) > 1]
    found = []
    for term in terms:
        node = expand(parse(f"~ {term}", response="none"), ())
        grouped, names = bool(node.groups), set(columns_of(node))
        if grouped or not any(names <= surface and not (names == surface and _calls(term)) for surface in surfaces):
            found.append(term)
    return tuple(found)
