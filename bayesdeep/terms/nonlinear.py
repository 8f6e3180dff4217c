"""A non-linear formula, ``y ~ a * (1 - exp(-t / b))``: arithmetic of columns and of parameters that have formulas of their own.

``bd.Model("y ~ a * (1 - exp(-t / b))", data, nonlinear={"a": "~ 1 + (1 | g)", "b": "~ 1"}, priors=…)``. The whole right side is
this one term; what it reads are the predictors of the parameters. It is data: an expression of numbers, columns, parameters and
functions of an allow-list (:mod:`bayesdeep.core.expressions`).
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.elementwise import HINTS
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.expressions import first_failure, on_arrays, on_tensors, unknowns
from bayesdeep.core.priors import Slot
from bayesdeep.core.terms import DesignContext, Scope, Term
from bayesdeep.core.writing import Addend

_WORDS = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|[^\W\d]\w*(?!\w*\()")
"""Quoted text, quoted names, and names of what is not called."""


def learn(node: Any, context: DesignContext) -> Json:
    """Return the expression and how many columns it has."""
    tree, columns = context.arithmetic(node.arguments[0])
    return {"tree": tree, "columns": len(columns)}


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the columns ``(obs,)`` by place."""
    del state
    return {f"x{k}": values for k, values in enumerate(context.arithmetic(node.arguments[0])[1])}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return no slot: what is estimated is in the formulas of the parameters."""
    del state, spread
    return ()


def eta(scope: Scope, state: Json) -> Any:
    """Return the expression ``(obs,)``, or ``()`` where nothing in it differs between rows."""
    columns = [scope.data(f"x{k}") for k in range(state["columns"])]
    return on_tensors(state["tree"], columns, {name: scope.predictor(name) for name in reads(state)})


def reads(state: Json) -> tuple[str, ...]:
    """Return the names of the parameters."""
    return unknowns(state["tree"])


def combined(
    state: Json, arrays: Mapping[str, np.ndarray], predictors: Mapping[str, Any], *, strict: bool = False
) -> Any:
    """Return the expression's value on arrays; if ``strict``, raise FormulaError where it has none."""
    columns = [arrays[f"x{k}"] for k in range(state["columns"])]
    failure = first_failure(state["tree"], columns, predictors) if strict else None
    if failure is not None:
        why = HINTS.get(failure.operator, "an overflow, or an infinite value")
        raise FormulaError(f"'{failure.text}' has no finite value in row {failure.row + 1} ({why})")
    return on_arrays(state["tree"], columns, predictors)


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the expression with a row's index at what differs between rows."""
    del state

    def indexed(match: re.Match[str]) -> str:
        word = match.group()
        return word if word[0] in "\"'" else f"{word}ᵢ"

    return (Addend(_WORDS.sub(indexed, node.source), by_row=True),)


TERM = Term(
    "nonlinear", learn, arrays, slots, eta=eta, reads=reads, combined=combined, written=written,
    example="p * exp(-x**2 / q)", example_reads={"p": ("~ 1 + z + (1 | g)", "Normal(1, 0.5)"), "q": ("~ 1", "LogNormal(0, 0.5)")},
)
