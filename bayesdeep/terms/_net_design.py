"""What a network learns from the training rows, and the arrays it takes: inputs, codes, and what it is orthogonal to."""

import re
from typing import Any

import numpy as np

from bayesdeep.core.columns import Columns, Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.terms import DesignContext

from ._net_options import NetOptions, read_options
from ._packing import pack, unpack

LEAST_RANK = 1e-8
"""Directions whose singular value is below this share of the largest count as not there."""
INDICATOR_SPREAD = 0.5
"""Indicator columns are divided by this instead of their standard deviation, which is tiny for rare levels."""


def call_of(node: Any) -> Any:
    """Return the call ``net(…)``, also where it varies by group."""
    return getattr(node, "call", node)


def factor_of(node: Any) -> Any:
    """Return the grouping factor's columns; None where nothing varies by group."""
    return node.factor if hasattr(node, "call") else None


def learn(node: Any, context: DesignContext) -> Json:
    """Return everything that new rows need, as JSON."""
    call, factor = call_of(node), factor_of(node)
    options = read_options(call, context.where)
    plain, embedded = _inputs(call, context.where)
    columns = context.learn_columns(True, plain)
    embeds = [_embed(inner, context) for inner in embedded]
    state = {
        "name": options.name or _name(call),
        "options": options.to_json(),
        "columns": pack(columns),
        "centre": [float(m) for m in columns.means],
        "scale": _scales(columns),
        "embeds": embeds,
        "rows": context.rows,
    }
    if factor is not None:
        name = _factor_name(factor)
        state |= {"factor": name, "labels": list(context.learn_levels(factor))}
    basis = _basis(options, context)
    return state if basis is None else {**state, "basis": basis}


def _name(call: Any) -> str:
    """Return what the posterior calls a network: its inputs, without its options."""
    text: str = call.source
    if call.options:
        text = re.split(rf",\s*{call.options[0][0]}\s*=", text, maxsplit=1)[0] + ")"
    return posterior_name(text)


def _factor_name(factor: Any) -> str:
    return posterior_name(":".join(getattr(f, "name", f.source) for f in factor))


def _inputs(call: Any, where: str) -> tuple[tuple[Any, ...], list[Any]]:
    """Return the inputs as products of one column each, and the embedded categories."""
    embedded = [a for a in call.arguments if getattr(a, "function", "") == "embed"]
    plain = tuple((a,) for a in call.arguments if getattr(a, "function", "") != "embed")
    for inner in embedded:
        size = getattr(inner.arguments[1], "value", None) if len(inner.arguments) == 2 else None
        if inner.options or not hasattr(inner.arguments[0], "name") or not isinstance(size, int) or not 1 <= size <= 64:
            raise FormulaError(f"{where}: {inner.source}: write it as embed(g, 4), a column and a number of dimensions to 64")
    return plain, embedded


def _embed(inner: Any, context: DesignContext) -> Json:
    factor = (inner.arguments[0],)
    return {
        "factor": _factor_name(factor),
        "labels": list(context.learn_levels(factor)),
        "size": int(inner.arguments[1].value),
    }


def _scales(columns: Columns) -> list[float]:
    """Return what inputs are divided by; a column that does not vary stays 0 wherever it keeps its value."""
    found = [1.0] * columns.width
    for term in columns.terms:
        for k in range(term.start, term.stop):
            spread = INDICATOR_SPREAD if term.kind == "categorical" else columns.sds[k]
            found[k] = float(spread) if spread > 1e-12 * max(1.0, abs(columns.means[k])) else 1.0
    return found


def _basis(options: NetOptions, context: DesignContext) -> Json | None:
    """Return how to make an orthonormal basis of the columns the function is orthogonal to; None for nothing."""
    intercept, products = context.population
    factors = tuple(dict.fromkeys(context.factors)) if options.orthogonal == "groups" else ()
    if options.orthogonal is False or not (intercept or products or factors):
        return None
    columns = context.learn_columns(intercept, products)
    levels = [[_factor_name(factor), list(context.learn_levels(factor))] for factor in factors]
    found: Json = {"columns": pack(columns), "intercept": bool(intercept), "levels": levels}
    matrix = _population(found, context)
    if matrix.shape[1] == 0:
        return None
    # Columns of thousands beside columns of thousandths would lose the latter in the rank.
    size = np.sqrt((matrix**2).sum(axis=0))
    size[size == 0] = 1.0
    _, values, rotation = np.linalg.svd(matrix / size, full_matrices=False)
    kept = values > LEAST_RANK * values[0]
    return {**found, "map": ((rotation[kept] / values[kept, None]) / size).T.tolist()}


def _population(basis: Json, context: DesignContext) -> np.ndarray:
    """Return the columns the function is orthogonal to ``(obs, column)``, centred where there is an intercept."""
    columns = unpack(basis["columns"])
    parts = []
    if columns.width:
        design = context.design_matrix(columns, context.population[1])
        parts.append(design - np.asarray(columns.means) if basis["intercept"] else design)
    if basis["intercept"]:
        parts.append(np.ones((context.rows, 1)))
    for factor, (name, labels) in zip(dict.fromkeys(context.factors), basis["levels"], strict=False):
        codes = context.codes(factor, name, tuple(labels))
        parts.append((codes[:, None] == np.arange(len(labels))).astype(np.float64))
    return np.concatenate(parts, axis=1) if parts else np.zeros((context.rows, 0))


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the standardised inputs ``(obs, input)``, codes ``(obs,)`` and the basis ``(obs, direction)``."""
    call, columns, found = call_of(node), unpack(state["columns"]), {}
    plain, embedded = _inputs(call, context.where)
    if columns.width:
        found["X"] = (context.design_matrix(columns, plain) - np.asarray(state["centre"])) / np.asarray(state["scale"])
    for k, (inner, embed) in enumerate(zip(embedded, state["embeds"], strict=True)):
        found[f"embed{k}"] = context.codes((inner.arguments[0],), embed["factor"], tuple(embed["labels"]))
    if "factor" in state:
        found["codes"] = context.codes(factor_of(node), state["factor"], tuple(state["labels"]))
    if "basis" in state:
        found["Q"] = _population(state["basis"], context) @ np.asarray(state["basis"]["map"])
    return found
