"""Missing values that a term can do without: which columns may have them, and the rows with something in their place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame, Gaps
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.registry import TERMS, TRANSFORMS
from bayesdeep.formula.nodes import Call, Expression, Formula
from bayesdeep.formula.walk import columns, every_node

from .factors import column_names


def term_gaps(formulas: Iterable[Formula], frame: Frame, known: Iterable[str] = ()) -> dict[str, Gaps]:
    """Return what columns may lack of which terms say so (``Term.lacks``), by name.

    Parameters
    ----------
    formulas
        Multiplied out.
    frame
        The rows, which may have missing values.
    known
        Columns of parameters that are given; as those that anything else reads they may lack nothing.
    """
    lacking: set[str] = set()
    needed = set(known)
    for formula in formulas:
        calls = [*formula.specials, *(call for group in formula.groups for call in group.specials)]
        if not any(_lacks(call) for call in calls):
            needed |= set(columns(formula))
            continue
        others = tuple(replace(g, specials=tuple(c for c in g.specials if not _lacks(c))) for g in formula.groups)
        kept = tuple(call for call in formula.specials if not _lacks(call))
        needed |= set(columns(replace(formula, groups=others, specials=kept)))
        for call in calls:
            own = {name for argument in _lacks(call) for name in column_names(argument)}
            rest = (argument for argument in call.arguments if argument not in _lacks(call))
            needed |= {name for argument in rest for name in column_names(argument)} if own else set()
            lacking |= own
    found = {}
    for name in lacking - needed:
        if name in frame.columns:
            missing = frame.columns[name].missing
            found[name] = Gaps(np.zeros(frame.rows, dtype=bool) if missing is None else missing)
    return found


def _lacks(call: Call) -> tuple[Any, ...]:
    lacks = TERMS[call.function].lacks
    return () if lacks is None else lacks(call)


def filled(frame: Frame, expressions: Sequence[Expression], where: str, learned: Mapping[str, Any] | None) -> Frame:
    """Return the rows with values that occur in the place of missing ones, in the columns of these expressions.

    Parameters
    ----------
    where
        Begins error texts.
    learned
        By column, what :func:`stand_ins` returned of the training rows; None for these themselves.

    Raises
    ------
    FormulaError
        For an expression in which what has to see all rows is made of missing values.
    """
    names = dict.fromkeys(name for one in expressions for name in column_names(one))
    gone = [name for name in names if name in frame.columns and frame.columns[name].missing is not None]
    if not gone:
        return frame
    for one in expressions:
        if learned is None and not set(gone).isdisjoint(column_names(one)):
            _refuse_learning(one, where)
    known = learned or {}
    made: dict[str, Column] = {name: _filled(frame.columns[name], known.get(name)) for name in gone}
    return replace(frame, columns={name: made.get(name) or frame.columns[name] for name in frame.columns})


def stand_ins(frame: Frame, names: Iterable[str], where: str) -> dict[str, Any]:
    """Return a value that occurs by column, as JSON; for rows of which none has one.

    Raises
    ------
    FormulaError
        For a column of which every value is missing.
    """
    found = {}
    for name in names:
        own = frame.columns[name]
        there = _first(own)
        if there is None:
            raise FormulaError(f"{where}: every value of '{name}' is missing; leave it out")
        value = own.levels[there] if own.levels is not None else there
        found[name] = value.item() if isinstance(value, np.generic) else value
    return found


def _refuse_learning(expression: Expression, where: str) -> None:
    for node in every_node(expression):
        transform = TRANSFORMS[node.function] if isinstance(node, Call) and node.function in TRANSFORMS else None
        if transform is not None and not transform.stateless and (not transform.categorical or transform.of_numbers):
            source = getattr(expression, "source", "")
            raise FormulaError(
                f"{where}: {source}: {transform.name}() has to see all values, and some are missing; write the column, whose "
                "values are standardised anyway, or a function of single values such as log(x)"
            )


def _first(column: Column) -> Any:
    """Return the first value, or code, that is there; None where there is none."""
    if column.missing is None:
        return column.values[0]
    there = np.flatnonzero(~column.missing)
    return column.values[there[0]] if len(there) else None


def _filled(column: Column, known: Any) -> Column:
    value, rows = _first(column), len(column.values)
    if value is not None:
        values = np.array(column.values)
        values[column.missing] = value
        return replace(column, values=values, missing=None)
    if isinstance(known, str):
        return Column(column.name, "text", np.zeros(rows, dtype=np.int64), (known,))
    kind = "bool" if isinstance(known, bool) else "number"
    return Column(column.name, kind, np.full(rows, known))
