"""What a network learns from the training rows, and the arrays it takes: inputs, codes, and what it is orthogonal to."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json, LearnedColumns
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.terms import DesignContext

from ._net_basis import basis_of, factor_name, learn_basis
from ._net_fills import column_of, fill_arrays, is_filled, learn_fills
from ._net_missing import INDICATOR_SPREAD, indicators, input_matrix, learn_inputs
from ._net_options import NetOptions, read_options
from ._packing import pack, unpack

ROUNDING = 1e-14
"""A column whose standard deviation is below this share of its mean does not vary: what is left is rounding."""
MOST_PLACES = 64
MOST_GROUPS = 30
"""So many groups may have a network of their own."""
MOST_WEIGHTS = 2_000_000


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
    columns, gaps = learn_inputs(options, plain, context)
    columns, fills = learn_fills(call, columns, plain, context)
    _check_spread(columns, context.where)
    embeds = [_embed(inner, context) for inner in embedded]
    state = {
        "name": options.name or _name(call),
        "options": options.to_json(),
        "columns": pack(columns),
        "embeds": embeds,
        "rows": context.rows,
    }
    state |= ({"gaps": gaps} if gaps else {}) | ({"fills": fills} if fills else {})
    _check_size(options, columns.width + len(indicators(state)) + sum(embed["size"] for embed in embeds), context.where)
    if factor is not None:
        labels = context.learn_levels(factor)
        _check_pool(options, factor_name(factor), len(labels), context.where)
        state |= {"factor": factor_name(factor), "labels": list(labels)}
    basis = learn_basis(options, context)
    return state if basis is None else {**state, "basis": basis}


def _name(call: Any) -> str:
    """Return what the posterior calls a network: its inputs as written, without its options."""
    by_place: dict[int, list[str]] = {}
    for node in call.arguments:
        by_place.setdefault(node.start, []).append(getattr(node, "name", node.source))
    # LearnedColumns that stand for a `.` stand where it stood.
    shown = ["." if len(sources) > 1 else sources[0] for sources in by_place.values()]
    return posterior_name(f"net({', '.join(shown)})")


def _inputs(call: Any, where: str) -> tuple[tuple[Any, ...], list[Any]]:
    """Return the inputs as products of one column each, and the embedded categories."""
    given = dict.fromkeys(call.arguments)
    embedded = [a for a in given if getattr(a, "function", "") == "embed"]
    plain = [a for a in given if getattr(a, "function", "") != "embed"]
    for node in plain:
        if hasattr(node, "operator"):
            raise FormulaError(
                f"{where}: net({node.source}): inputs are parted by commas, as in net(x, z); for arithmetic on columns "
                f"write I({node.source})"
            )
    seen: set[str] = set()
    for inner in embedded:
        size = getattr(inner.arguments[1], "value", None) if len(inner.arguments) == 2 else None
        whole = isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= MOST_PLACES
        if inner.options or not hasattr(inner.arguments[0], "name") or not whole:
            raise FormulaError(
                f"{where}: {inner.source}: write it as embed(g, 4), a column and a number of dimensions to {MOST_PLACES}"
            )
        if inner.arguments[0].name in seen:
            raise FormulaError(f"{where}: net() embeds '{inner.arguments[0].name}' twice; once, with more dimensions, is enough")
        seen.add(inner.arguments[0].name)
    columns = tuple(dict.fromkeys((column_of(node),) for node in plain))
    if len(columns) < len(plain):
        twice = next(column_of(node).source for node in plain if is_filled(node) and column_of(node) in plain)
        raise FormulaError(f"{where}: net() has '{twice}' by itself beside mi({twice}); leave one of the two out")
    return columns, embedded


def _embed(inner: Any, context: DesignContext) -> Json:
    factor = (inner.arguments[0],)
    labels = context.learn_levels(factor)
    return {"factor": factor_name(factor), "labels": list(labels), "size": int(inner.arguments[1].value)}


def _check_spread(columns: LearnedColumns, where: str) -> None:
    for term in columns.terms:
        if not np.isfinite(columns.sds[term.start : term.stop]).all():
            raise FormulaError(
                f"{where}: net(): the values of '{term.name}' are too large to be squared; measure it in other units"
            )


def _check_size(options: NetOptions, inputs: int, where: str) -> None:
    sizes = [inputs, *options.hidden, 1]
    weights = sum(a * b for a, b in pairwise(sizes))
    if weights > MOST_WEIGHTS:
        raise FormulaError(
            f"{where}: net() would have {weights:,} weights, of {inputs:,} inputs into {', '.join(map(str, sizes[1:]))}, "
            f"more than the {MOST_WEIGHTS:,} that are possible; take fewer inputs, such as leading principal components, or "
            "smaller layers"
        )


def _check_pool(options: NetOptions, factor: str, groups: int, where: str) -> None:
    if options.pool == "weights" and groups > MOST_GROUPS:
        raise FormulaError(
            f"{where}: net(): pool='weights' gives each of the {groups:,} groups of '{factor}' a network of its own, which is "
            f"for up to {MOST_GROUPS} groups; with pool='last' groups have their own last layer on shared hidden units"
        )


def scales(columns: LearnedColumns) -> np.ndarray:
    """Return what inputs are divided by ``(column,)``; a column that does not vary is only centred."""
    found = np.ones(columns.width)
    for term in columns.terms:
        for k in range(term.start, term.stop):
            spread = INDICATOR_SPREAD if term.kind == "categorical" else columns.sds[k]
            if spread > ROUNDING * abs(columns.means[k]):
                found[k] = spread
    return found


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return the standardised inputs ``(obs, input)``, codes ``(obs,)`` and the basis ``(obs, direction)``.

    Where all weights vary by group there are also indicators of the groups ``(obs, group)``, which are few.
    """
    call, columns, found = call_of(node), unpack(state["columns"]), {}
    plain, embedded = _inputs(call, context.where)
    if columns.width:
        found["X"] = input_matrix(state, columns, scales(columns), plain, context)
    found |= fill_arrays(state, call, context)
    for inner, embed in zip(embedded, state["embeds"], strict=True):
        factor = embed["factor"]
        found[f"codes_{factor}"] = context.codes((inner.arguments[0],), factor, tuple(embed["labels"]))
    if "factor" in state:
        found["codes"] = context.codes(factor_of(node), state["factor"], tuple(state["labels"]))
        if state["options"]["pool"] == "weights":
            found["indicators"] = _indicators(found["codes"], state["labels"])
    if "basis" in state:
        found["Q"] = basis_of(state["basis"], context)
    return found


def _indicators(codes: np.ndarray, labels: Sequence[Any]) -> np.ndarray:
    count = max(len(labels), int(codes.max(initial=-1)) + 1)
    return (codes[:, None] == np.arange(count)).astype(np.float64)
