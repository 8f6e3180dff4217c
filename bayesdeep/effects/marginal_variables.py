"""The columns a model's predictors read, as what can be moved: numbers by a little, categories from level to level."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.labels import match
from bayesdeep.core.registry import TERMS, TRANSFORMS
from bayesdeep.design.factors import constant
from bayesdeep.design.learn import term_nodes
from bayesdeep.formula.nodes import Call, Formula, Group, Name, Varying, label
from bayesdeep.formula.walk import columns as columns_of
from bayesdeep.formula.walk import factor_columns
from bayesdeep.spec.model_spec import ModelSpec

CODED = ("embed", *(name for name in TRANSFORMS if TRANSFORMS[name].categorical and not TRANSFORMS[name].of_numbers))
"""Calls to which a number is the name of a level."""


@dataclass(frozen=True, eq=False)
class Variable:
    """One column that some predictor reads.

    Attributes
    ----------
    column
        On the training rows.
    labels
        Of a category: its levels, the reference first; None for a number.
    grouping
        Whether it does nothing but group rows, ``g`` of ``(1 | g)``.
    predictor
        Whether some term reads it for itself, and not only for what it says of another column, as a standard error does, or of
        which rows come before which.
    main
        Whether the main parameter's formula has it other than to group rows.
    """

    column: Column
    labels: tuple[Any, ...] | None
    grouping: bool
    main: bool
    predictor: bool = True

    @property
    def name(self) -> str:
        """Return the column's name."""
        return self.column.name

    @property
    def two_values(self) -> tuple[float, float] | None:
        """Return the values of a number that has only two, as an indicator of 0 and 1; None for everything else.

        There is nothing between or beyond these that the data could speak of.
        """
        if self.labels is not None:
            return None
        known = np.unique(self.column.values)
        return (float(known[0]), float(known[1])) if len(known) == 2 else None

    def find(self, value: Any, where: str) -> Any:
        """Return a value as the model knows it: a finite number, or the level that is called so; raise if there is none."""
        if self.labels is None:
            number = isinstance(value, int | float | np.number | bool | np.bool_)
            if not number or not np.isfinite(value):
                raise FitError(f"{where}: '{self.name}' is a number, and {value!r} is not a finite one")
            return float(value)
        place = match([value], self.labels, f"{where}: '{self.name}'")[0]
        if place < 0:
            raise FitError(f"{where}: '{self.name}' has no level {value!r}{nearest(str(value), map(str, self.labels))}")
        return self.labels[place]

    def values(self, given: Any) -> Column:
        """Return numbers or levels, as :meth:`find` returns them, as a column."""
        if self.labels is None:
            return Column(self.name, "number", np.asarray(given, dtype=np.float64))
        if self.column.levels is None:
            return replace(self.column, values=np.asarray(list(given), dtype=self.column.values.dtype), missing=None)
        codes = {known: code for code, known in enumerate(self.column.levels)}
        return replace(self.column, values=np.array([codes[v] for v in given], dtype=np.int64), missing=None)


def variables_of(spec: ModelSpec, columns: Mapping[str, Column]) -> dict[str, Variable]:
    """Return the predictors' columns by name, in the order of the formulas.

    A number that a formula also uses as a label, in ``C()`` or to group rows, counts as a category: a little beside one of its
    values there is nothing.

    Parameters
    ----------
    spec
        The model.
    columns
        The training rows' columns by name.
    """
    nodes = [replace(node, response=None) for node in spec.nodes.values()]
    alone = [_ungrouped(node) for node in nodes]
    ordering = _ordering_calls(spec)
    read = {name for node in nodes for name in columns_of(_without_beside(node, ordering))}
    labelling = {name for factor in factors_of(spec).values() for name in factor}
    labelling |= {name for node in nodes for call in _coding(node) for name in columns_of(call.arguments[0])}
    found: dict[str, Variable] = {}
    for name in dict.fromkeys(n for node in nodes for n in columns_of(node)):
        column = columns[name]
        number = column.kind == "number" and name not in labelling
        grouping = not any(name in used for used in alone)
        labels = None if number else _labels(column, nodes)
        found[name] = Variable(column, labels, grouping, name in alone[0], name in read)
    return found


def factors_of(spec: ModelSpec) -> dict[str, tuple[str, ...]]:
    """Return the columns of each grouping factor, by its name."""
    found: dict[str, tuple[str, ...]] = {}
    for predictor in spec.predictors:
        for term, (_, _, node) in zip(predictor.terms, term_nodes(spec.nodes[predictor.parameter]), strict=True):
            if isinstance(node, Group | Varying):
                # A call says how its columns make a factor, and the term what that is called.
                called = isinstance(node, Group) and node.call is not None
                names = TERMS[term.kind].groups(term.state) if called else (label(node.factor),)
                found.update(dict.fromkeys(names, factor_columns(node.factor)))
    return found


def stepped_columns(spec: ModelSpec) -> frozenset[str]:
    """Return the columns of functions that have no values between those of the training rows."""
    return frozenset(name for node in _nodes_with(spec, "stepped") for name in columns_of(node))


def rough_columns(spec: ModelSpec) -> frozenset[str]:
    """Return the columns that functions without a slope anywhere are of; what they are multiplied by has one."""
    every = (argument for node in _nodes_with(spec, "rough") for argument in getattr(node, "arguments", (node,)))
    return frozenset(name for argument in every for name in columns_of(argument))


def _nodes_with(spec: ModelSpec, word: str) -> Iterator[Any]:
    """Return the nodes of terms that declare a word."""
    return (
        node
        for predictor in spec.predictors
        for term, (_, _, node) in zip(predictor.terms, term_nodes(spec.nodes[predictor.parameter]), strict=True)
        if word in TERMS[term.kind].words(term.state)
    )


def _ordering_calls(spec: ModelSpec) -> list[Call]:
    """Return the calls that say nothing but which rows come before which."""
    return [
        node
        for predictor in spec.predictors
        for term, (_, _, node) in zip(predictor.terms, term_nodes(spec.nodes[predictor.parameter]), strict=True)
        if isinstance(node, Call) and TERMS[term.kind].lags(term.state)
    ]


def _without_beside(node: Formula, ordering: list[Call]) -> Formula:
    """Return a formula without what its calls say of other columns, and of which rows come before which."""

    def less(call: Call) -> Call:
        beside = TERMS[call.function].beside
        arguments = tuple(argument for place, argument in enumerate(call.arguments) if place not in beside)
        return replace(call, arguments=arguments, options=tuple(own for own in call.options if own[0] not in beside))

    groups = tuple(replace(group, specials=tuple(map(less, group.specials))) for group in node.groups)
    return replace(node, groups=groups, specials=tuple(less(call) for call in node.specials if call not in ordering))


def _ungrouped(node: Formula) -> set[str]:
    """Return the columns a formula has other than right of a bar."""
    inside = [columns_of(replace(node, products=g.products, groups=(), specials=g.specials)) for g in node.groups]
    return {name for names in (columns_of(replace(node, groups=())), *inside) for name in names}


def _coding(node: Formula) -> Iterator[Call]:
    """Yield the calls of a formula in which numbers are names of levels."""
    calls = [*node.specials, *(call for group in node.groups for call in group.specials)]
    factors = [factor for product in node.products for factor in product]
    factors += [factor for group in node.groups for product in group.products for factor in product]
    factors += [factor for call in calls for product in call.by for factor in product]
    parts = [*factors, *(argument for call in calls for argument in call.arguments)]
    yield from (part for part in parts if isinstance(part, Call) and part.function in CODED)
    yield from (call for call in calls if TERMS[call.function].levels and not _of_numbers(call.arguments[0]))


def _of_numbers(node: Any) -> bool:
    """Return whether a call makes levels of numbers that stay numbers, as ``cut(x, 4)`` does."""
    return isinstance(node, Call) and node.function in TRANSFORMS and TRANSFORMS[node.function].of_numbers


def _labels(column: Column, nodes: list[Formula]) -> tuple[Any, ...]:
    """Return a column's levels as ``C()`` orders them, where a formula says how."""
    given = [call for node in nodes for call in _coding(node) if _is_of(call, column.name) and call.function == "C"]
    options = {name: constant(value, "formula") for name, value in given[0].options} if given else {}
    return tuple(TRANSFORMS["C"].learn(column, (), options)["levels"])


def _is_of(call: Call, name: str) -> bool:
    return isinstance(call.arguments[0], Name) and call.arguments[0].name == name
