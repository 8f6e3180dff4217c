"""Group-level terms: which factor they vary by, and that no coefficient is written twice."""

from collections.abc import Iterator
from dataclasses import replace

from .calls import misplaced
from .nodes import Binary, Call, Expression, Formula, Group, Name, Number, label
from .problems import problem, quote
from .vocabulary import allowed
from .walk import columns

_MAX_COEFFICIENTS = 5_000


def check_factor(text: str, root: Expression) -> None:
    """Raise when what stands right of ``|`` is neither made of names with ``:``, ``/`` and ``*`` nor a call of a grouping."""
    groupings = allowed().groupings
    if isinstance(root, Call) and root.function in groupings:
        for node in root.arguments:
            if not isinstance(node, Name):
                raise problem(text, node.start, f"{root.function}() takes columns that group rows, not {quote(node.source)}")
        return
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Name):
            continue
        if not isinstance(node, Binary) or node.operator not in (":", "/", "*"):
            raise problem(text, node.start, _refusal(node, groupings))
        stack += [node.right, node.left]


def _refusal(node: Expression, groupings: frozenset[str]) -> str:
    """Say what to write instead."""
    what = "right of '|' stands a column, or columns joined by ':' or '/'"
    if isinstance(node, Call) and node.function in groupings:
        return f"{node.function}() stands alone right of '|'; for combinations of columns add a column of them to the data"
    if isinstance(node, Call) and len(node.arguments) == 1 and isinstance(node.arguments[0], Name):
        return f"{what}; instead of {quote(node.source)} write {node.arguments[0].source}"
    if isinstance(node, Call):
        return f"{what}, not {quote(node.source)}; add a column of its values to the data"
    if isinstance(node, Binary) and node.operator == "+":
        return f"{what}; write one bracket for each: (… | a) + (… | b)"
    if isinstance(node, Number):
        return f"{what}, not a number"
    return f"{what}, not {quote(node.source)}"


def check_coefficients(text: str, group: Group, factors: int) -> None:
    """Raise when a group-level term has nothing that could vary, or too much over all its factors."""
    if factors * (len(group.products) + len(group.specials) + group.intercept) > _MAX_COEFFICIENTS:
        raise problem(text, group.start, f"more than {_MAX_COEFFICIENTS:,} group-level coefficients")
    words, grouping = allowed(), None if group.call is None else group.call.function
    for node in (factor for product in group.products for factor in product):
        if isinstance(node, Call) and node.function in words.members and words.members[node.function] != grouping:
            raise problem(text, node.start, misplaced(node.function, words))
    for special in group.specials:
        if special.function not in allowed().varying:
            instead = f"write {quote(special.source)} outside of the bracket, for all groups"
            if special.arguments and not columns(special):  # cs(1), which there is none of outside either
                instead = f"write {special.arguments[0].source} in its place, which moves all thresholds of a group alike"
            raise problem(text, special.start, f"{special.function}() cannot vary by group; {instead}")
        if group.call is not None:
            what = f"{special.function}() varies by the levels of columns, not by {quote(group.call.source)}"
            raise problem(text, special.start, what)
    if group.shared:
        _check_shared(text, group, factors)
    if not (group.intercept or group.products or group.specials):
        raise problem(text, group.start, f"nothing varies by group in {quote(group.source)}")


def _check_shared(text: str, group: Group, factors: int) -> None:
    """Raise when effects that are to be correlated with those of other terms cannot be."""
    where = f"|{group.shared}|"
    if factors > 1:
        raise problem(text, group.start, f"{quote(where)} correlates effects of one factor; write a bracket for each factor")
    if group.call is not None or group.specials:
        what = group.call.source if group.call is not None else group.specials[0].source
        raise problem(text, group.start, f"{quote(where)} correlates coefficients that vary by the levels of columns, not {what}")


def check_joined(text: str, formula: Formula) -> None:
    """Raise when a term's coefficient varies by group and the term does not stand outside of the bracket as well."""
    joining, outside = allowed().joining, {replace(call, by=()) for call in formula.specials}
    for group in formula.groups:
        joined = [call for call in group.specials if call.function in joining]
        for call in joined:
            if call not in outside:
                what = f"{quote(call.source)} varies by group about what it is for all of them"
                raise problem(text, call.start, f"{what}; write {call.source} outside of the bracket as well")
            if call.function != joined[0].function:
                message = f"{quote(joined[0].source)} and {quote(call.source)} cannot vary in one bracket; write one for each"
                raise problem(text, call.start, message)


def unique(text: str, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Return the groups without repetitions.

    A term written twice counts once. The same coefficient in two different terms of one factor, as in
    ``(1 | g) + (1 + x | g)``, cannot be estimated and is refused.
    """
    kept: dict[tuple[object, ...], Group] = {}
    seen: set[tuple[object, ...]] = set()
    total = 0
    for group in groups:
        total += len(group.products) + len(group.specials) + group.intercept
        if total > _MAX_COEFFICIENTS:
            raise problem(text, group.start, f"more than {_MAX_COEFFICIENTS:,} group-level coefficients")
        factor = frozenset(group.factor)
        what = frozenset(key for key, _ in _coefficients(group))
        # With an intercept alone there is nothing to be correlated with.
        key = (factor, what, group.correlated or not (group.products or group.specials))
        if key in kept:
            continue
        for coefficient, shown in _coefficients(group):
            if (factor, coefficient) in seen:
                raise problem(text, group.start, _twice(group, shown))
            seen.add((factor, coefficient))
        kept[key] = group
    return tuple(kept.values())


def _coefficients(group: Group) -> Iterator[tuple[object, str]]:
    """Yield what identifies each coefficient, and its name."""
    if group.intercept:
        yield frozenset[Expression](), "1"
    for product in group.products:
        yield frozenset(product), label(product)
    for special in group.specials:
        yield special, special.source


def _twice(group: Group, shown: str) -> str:
    """Say which coefficient is written twice, and how to write it once."""
    factor = label(group.factor)
    advice = f"write all of them in one bracket, or begin this one with 0 +: (0 + x | {factor})"
    other = f"write it in one of the brackets for {factor} only"
    return f"{quote(f'{shown}|{factor}')} would appear twice; {advice if shown == '1' else other}"
