r"""What a column with missing values adds, by itself and times other columns: ``mi(x) * z``, ``mi(f):g``.

Of numbers the slope is :math:`b + z_i' b_z`. Of levels every coefficient is one of a level, as the coding of columns has it: the
first level has none where what it is multiplied with stands in the formula by itself, too, and one of its own otherwise.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import COEFFICIENT
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Scope
from bayesdeep.core.writing import Product

from ._mi_columns import column_arrays
from ._packing import pack
from ._written import column_products, times_columns


def products_of(node: Any) -> tuple[Any, ...]:
    """Return the products of columns that the column is multiplied with."""
    return tuple(product for product in node.by if product)


def learn_products(own: Json, node: Any, context: DesignContext) -> Json:
    """Return the blocks of coefficients: which columns each is multiplied with, its labels, and what it adds to rows.

    Raises
    ------
    FormulaError
        For a product of the column with itself, and of levels for products whose columns follow from one another.
    """
    products, alone = products_of(node), not node.by or () in node.by
    _check(own, node, context, products, alone)
    x = column_arrays(own, node, context)["x"]
    there = ~context.gaps(node.arguments[0])
    blocks = [_block(own, own["name"], None, (0, 1), False, x[there], np.ones((len(x), 1))[there])] if alone else []
    if not products:
        return {"blocks": blocks}
    coded = context.learn_columns(alone, products)
    matrix = context.design_matrix(coded, products)[there]
    standing = {frozenset(product) for product in context.population[1]}
    for term, made in zip(coded.terms, coded.state["terms"], strict=True):
        full = "levels" in own and frozenset(products[made["product"]]) not in standing
        name, columns = f"{own['name']}:{term.name}", (term.start + 1, term.stop + 1)
        blocks.append(_block(own, name, term.labels, columns, full, x[there], matrix[:, term.start : term.stop], term.kind))
    return {"by": pack(coded), "blocks": blocks}


def _check(own: Json, node: Any, context: DesignContext, products: tuple[Any, ...], alone: bool) -> None:
    where, name = f"{context.where}: {node.source}", own["column"]
    if any(node.arguments[0] in product for product in products):
        raise FormulaError(f"{where}: a column with missing values is not multiplied by itself; leave that product out")
    if "levels" not in own:
        return
    intercept, standing = context.population
    if not intercept:
        raise FormulaError(
            f"{where}: the effects of levels are differences from the first one, which the intercept has; leave 0 + out"
        )
    apart = {frozenset(product) for product in standing}
    for product in products:
        coded = context.learn_columns(False, (product,))
        if not alone and frozenset(product) not in apart and any(t.kind == "categorical" for t in coded.terms):
            text = ":".join(getattr(factor, "name", factor.source) for factor in product)
            raise FormulaError(
                f"{where}: mi({name}):{text} by itself has a coefficient for every pair of levels and one more than can be told "
                f"apart from the intercept; write mi({name})*{text}"
            )


def _block(
    own: Json, name: str, labels: Any, columns: tuple[int, int], full: bool, x: np.ndarray, by: np.ndarray, kind: str = "numeric"
) -> Json:
    """Return a block of coefficients; ``x`` and ``by`` ``(row, column)`` are of the rows in which the column is there."""
    if "levels" in own:
        kept = own["levels"] if full else own["levels"][1:]
        here = x[:, None] == np.arange(not full, len(own["levels"]))
        made = np.concatenate([by[:, [j]] * here for j in range(by.shape[1])], axis=1)
        joined = [f"{level}, {label}" for label in labels or () for level in kept]
        labels = list(kept) if labels is None else joined
        sd = 1.0 if kind == "categorical" or columns[0] == 0 else float(by.std(axis=0).max()) or 1.0
    else:
        made = x[:, None] * by
        labels = None if labels is None else list(labels)
        sd = own["sd"] if kind == "categorical" else float(made.std(axis=0).max()) or own["sd"]
    return {
        "name": name, "labels": labels, "columns": list(columns), "full": full, "sd": sd,
        "means": made.mean(axis=0).tolist(), "adds": made.std(axis=0).tolist(),
    }  # fmt: skip


def blocks_of(state: Json) -> list[Json]:
    """Return the blocks of coefficients, also of fits that earlier versions saved, which have a slope alone."""
    mean, sd = [state.get("mean")], state.get("sd")
    slope = {"name": state["name"], "labels": None, "columns": [0, 1], "full": False, "sd": sd, "means": mean, "adds": [sd]}
    found: list[Json] = state.get("blocks", [slope])
    return found


def product_slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return the slot of each block."""
    found = []
    for block in blocks_of(state):
        unit = spread / block["sd"]
        per = "between levels" if "levels" in state and block["sd"] == 1.0 else "per sd of the column"
        why = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor {per}"
        default = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", why)
        size = len(block["labels"] or (1,))
        found.append(Slot(block["name"], "real", default, COEFFICIENT, size, unit, adds=tuple(block["adds"])))
    return tuple(found)


def product_eta(scope: Scope, state: Json, x: Any) -> Any:
    """Return what a column ``(obs,)`` of numbers or codes adds ``(obs,)`` or ``(obs, width)``, and tell what it is at means."""
    made = []
    for block in blocks_of(state):
        labels = block["labels"]
        dims = () if labels is None else (scope.dim(f"{block['name']}_level", tuple(labels)),)
        beta = scope.variable(block["name"], dims)
        made.append(beta[None] if labels is None else beta)
        scope.at_means(pt.dot(np.asarray(block["means"], dtype=np.float64), made[-1]))
    if "levels" in state:
        each = zip(blocks_of(state), made, strict=True)
        return sum((_of_levels(scope, state, block, beta, x) for block, beta in each), start=0.0)
    alone = blocks_of(state)[0]["columns"][0] == 0
    slope: Any = made[0][0] if alone else 0.0
    if "by" in state:
        slope = slope + scope.product("X", pt.concatenate(made[alone:], axis=0))
    return slope * (x if scope.width is None else x[:, None])


def _of_levels(scope: Scope, state: Json, block: Json, beta: Any, codes: Any) -> Any:
    """Return what the coefficients of a block add at rows whose levels have these codes."""
    width = () if scope.width is None else (scope.width[1],)
    total: Any = 0.0
    kept = len(state["levels"]) - (not block["full"])
    for k, column in enumerate(range(*block["columns"])):
        own = beta[k * kept : (k + 1) * kept]
        table = own if block["full"] else pt.concatenate([np.zeros((1, *width)), own], axis=0)
        value = table[codes]
        if column:
            by = scope.data("X")[:, column - 1]
            value = value * (by[:, None] if width else by)
        total = total + value
    return total


def products_written(state: Json, node: Any, prefix: str, level: str) -> tuple[str, str]:
    """Return what multiplies the column in row i, or of levels what it adds, and at which level that is 0, if at one."""
    own = column_products(state["by"], products_of(node)) if "by" in state else []
    blocks = blocks_of(state)
    first: list[tuple[Product, ...]] = [(Product(),)] if blocks[0]["columns"][0] == 0 else []
    slots = [(block["name"], products) for block, products in zip(blocks, [*first, *own], strict=True)]
    if "levels" not in state:
        return times_columns(slots, prefix, level), ""
    text = times_columns(slots, prefix, level, (f"{state['column']}ᵢ",))
    zero = "" if any(block["full"] for block in blocks) else f"0 at {state['column']} = {state['levels'][0]}"
    return text.removeprefix("(").removesuffix(")") if text.startswith("(") else text, zero


