"""Formulas of groups' standard deviations, ``**{"1|g_sigma": "~ z"}``: the groups of the main formula that they are about."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from bayesdeep.core.errors import FormulaError, nearest
from bayesdeep.core.names import named

from .nodes import Call, Expression, Formula, Group, Parsed, Sequence, label
from .problems import formula_of, problem
from .vocabulary import sd_term

if TYPE_CHECKING:
    from collections.abc import Callable

SUFFIX = "_sigma"
"""How the name of groups' sd ends."""


def is_group_sd(name: str) -> bool:
    """Return whether a keyword is about coefficients that vary by group: those of a family's parameters are names of Python's."""
    return not name.isidentifier()


def with_group_sds(parsed: Parsed, texts: Mapping[str, str], parse: "Callable[[str], Parsed]") -> Parsed:
    """Return a formula that carries those of its groups' standard deviations, by the posterior names of these."""
    found = []
    for name, text in texts.items():
        if not isinstance(text, str):
            raise FormulaError(f'formula: {name}={text!r} is no formula such as "~ z", of the log of the groups\' sd')
        with formula_of(name):
            found.append((name, parse(text)))
    return replace(parsed, group_sds=tuple(found)) if found else parsed


def join_group_sds(formula: Formula, expanded: Mapping[str, Formula]) -> Formula:
    """Return the formula multiplied out in which groups have the formulas of their sds.

    Parameters
    ----------
    formula
        Multiplied out.
    expanded
        The formulas of the sds multiplied out, by name.
    """
    groups = list(formula.groups)
    for name, own in expanded.items():
        place = _place(name, groups)
        group = groups[place]
        with formula_of(name):
            by = Sequence(_columns(own), own.text.strip().removeprefix("~").strip())
        factor = label(group.factor)
        term = sd_term()
        call = Call(term, group.factor, (("by", by),), f"{term}({factor}, by={by.source})", group.start)
        groups[place] = replace(group, factor=(call,))
    return replace(formula, groups=tuple(groups))


def _place(name: str, groups: list[Group]) -> int:
    """Return which group-level term a name such as ``1|g_sigma`` is about; raise for one that has no such formula."""
    sds: dict[str, int] = {}
    for place, group in enumerate(groups):
        if group.call is None and not group.specials:
            sds |= {f"{label(product)}|{label(group.factor)}{SUFFIX}": place for product in _products(group)}
    found = named(name, sds)
    if found is None:
        known = [own for own, place in sds.items() if _plain(groups[place])]
        have = f"; those that can have a formula: {', '.join(known)}" if known else "; only those of (1 | g) can have a formula"
        raise FormulaError(
            f"formula: no sd of groups is called '{name}'{nearest(name, list(sds)) or have}; in formulas of other "
            "parameters write (1 | scaled(g, by=z))"
        )
    group = groups[sds[found]]
    factor = label(group.factor)
    if group.shared:
        raise FormulaError(
            f"formula: '{name}': the effects of ({group.source}) are correlated with those of other terms, which leaves no room "
            f"for a formula of their sd; write (1 | {factor})"
        )
    if not _plain(group):
        raise FormulaError(
            f"formula: '{name}': the sd has a formula where an intercept alone varies by one column, (1 | g), and "
            f"({group.source}) is more; for classes of groups with a covariance each write ({_left(group)} | gr({factor}, by=f))"
        )
    return sds[found]


def _products(group: Group) -> tuple[tuple[Expression, ...], ...]:
    return (*(((),) if group.intercept else ()), *group.products)


def _plain(group: Group) -> bool:
    """Return whether an intercept alone varies, by the levels of one column."""
    return group.intercept and not group.products and not group.shared and len(group.factor) == 1


def _left(group: Group) -> str:
    return " + ".join(label(product) for product in _products(group))


def _columns(own: Formula) -> tuple[Expression, ...]:
    """Return the columns of a formula that is a sum of some, with an intercept."""
    if own.groups:
        raise problem(own.text, own.groups[0].start, "groups of groups have no term here; write columns, ~ z")
    if own.specials:
        raise problem(own.text, own.specials[0].start, f"{own.specials[0].function}() cannot stand here; write columns, ~ z")
    if not own.intercept:
        raise problem(own.text, 0, "without an intercept the sd would be 1 where the columns are 0; leave 0 out")
    if not own.products:
        raise problem(own.text, 0, "no column is in it, as without a formula; leave it out")
    crossed = next((product for product in own.products if len(product) > 1), None)
    if crossed is not None:
        shown = label(crossed)
        raise problem(own.text, crossed[0].start, f"'{shown}' is a product; add a column of its values to the data")
    return tuple(product[0] for product in own.products)


