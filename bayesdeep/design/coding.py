"""Products of factors as columns of a design matrix: as many as the products span, and no more."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from bayesdeep.core.columns import Frame, Json, LearnedColumns, TermColumns
from bayesdeep.core.errors import FormulaError
from bayesdeep.formula.nodes import Expression, Name, Product, label

from .factors import Factor, factor_column, learn_and_evaluate, refuse_large
from .label_comparisons import refuse_absent_labels
from .redundancy import pieces

CHUNK = 8_192
"""Rows at a time: a chunk of the matrix stays in the processor's cache while its columns are written."""


def learn_columns(intercept: bool, products: Sequence[Product], frame: Frame, where: str) -> LearnedColumns:
    """Return the columns of ``products`` as learned from the training rows.

    Parameters
    ----------
    intercept
        Whether the predictor has an intercept; it decides which factors leave their first level out.
    products
        In R's order, without the intercept.
    frame
        The training rows.
    where
        Begins the error text.
    """
    nodes = _distinct_factors(products)
    learned = {node: learn_and_evaluate(node, frame, where) for node in nodes}
    refuse_absent_labels(tuple(nodes), frame, where)
    for node, (_, factor) in learned.items():
        refuse_one_level(node, factor, where)
    state, terms, matrix = code_factors(intercept, products, learned, frame.rows, where)
    means, sds = _moments(matrix)
    return LearnedColumns(intercept, terms, means, sds, state)


def code_factors(
    intercept: bool, products: Sequence[Product], learned: Mapping[Expression, tuple[Json, Factor]], rows: int, where: str
) -> tuple[Json, tuple[TermColumns, ...], np.ndarray]:
    """Return the state, the terms and the matrix ``(row, column)`` of factors that are learned already.

    Parameters
    ----------
    intercept, products
        As for :func:`learn_columns`.
    learned
        What was learned of each factor, and its values on ``rows`` rows.
    where
        Begins the error text.
    """
    nodes = _distinct_factors(products)
    factors = [learned[node][1] for node in nodes]
    coded = _coded(intercept, products, nodes, factors)
    for term in coded:
        width = sum(prod(_sizes(piece, factors)) for piece in term["pieces"])
        refuse_large(label(products[term["product"]]), rows, width, where)
    state = {"factors": [learned[node][0] for node in nodes], "terms": coded}
    return state, _terms(state, products, factors), _filled(state, factors, rows)


def design_matrix(columns: LearnedColumns, products: Sequence[Product], frame: Frame, where: str) -> np.ndarray:
    """Return the matrix ``(obs, column)`` of the learned columns on the rows of ``frame``.

    ``products`` are those the columns were learned from. The matrix is float64 in C order.
    """
    coding, nodes = columns.state, _distinct_factors(products)
    learned = zip(nodes, coding["factors"], strict=True)
    factors = [factor_column(node, state, frame, where) for node, state in learned]
    return _filled(coding, factors, frame.rows)


def _distinct_factors(products: Sequence[Product]) -> list[Expression]:
    return list(dict.fromkeys(factor for product in products for factor in product))


def refuse_one_level(node: Expression, factor: Factor, where: str) -> None:
    """Raise for a categorical factor that does not vary."""
    if factor.categorical and factor.labels is not None and len(factor.labels) == 1:
        source = node.name if isinstance(node, Name) else node.source
        raise FormulaError(
            f"{where}: '{source}' has only one level, {factor.labels[0]!r}, in the data, so it has no effect "
            "that could be learned; leave it out"
        )


def _coded(intercept: bool, products: Sequence[Product], nodes: list[Expression], factors: list[Factor]) -> list[Json]:
    """Return for each product with columns its number, and its pieces as ``[[factor, all levels], …]``.

    The factors of a piece are in the product's order; numeric ones are in every piece.
    """
    number = {node: i for i, node in enumerate(nodes)}
    # Products with different numeric parts cannot span each other; the intercept spans the empty subset.
    spanned: dict[frozenset[int], set[frozenset[int]]] = {frozenset(): {frozenset()} if intercept else set()}
    terms = []
    for position, product in enumerate(products):
        order = [number[node] for node in product]
        categorical = [i for i in order if factors[i].categorical]
        numeric = frozenset(order) - frozenset(categorical)
        found = pieces(categorical, spanned.setdefault(numeric, set()))
        coded = []
        for piece in found:
            full = dict(piece)
            coded.append([[i, full.get(i, True)] for i in order if i in numeric or i in full])
        if coded:
            terms.append({"product": position, "pieces": coded})
    return terms


def _sizes(piece: Json, factors: Sequence[Factor]) -> list[int]:
    """Return how many columns each factor of a piece contributes."""
    return [1 if (names := factors[i].labels) is None else len(names) - (not full) for i, full in piece]


def _terms(state: Json, products: Sequence[Product], factors: Sequence[Factor]) -> tuple[TermColumns, ...]:
    terms, start = [], 0
    for term in state["terms"]:
        product = products[term["product"]]
        members = {i for piece in term["pieces"] for i, _ in piece}
        labelled = sum(factors[i].labels is not None for i in members)
        kind = "categorical" if any(factors[i].categorical for i in members) else "numeric"
        parts = [parts for piece in term["pieces"] for parts in _labels(piece, factors)]
        # One factor's own labels may be numbers; joined ones are text, also where a piece lacks a factor.
        names = tuple(p[0] for p in parts) if labelled == 1 else tuple(", ".join(map(str, p)) for p in parts)
        stop = start + len(parts)
        terms.append(TermColumns(label(product), start, stop, names if labelled else None, kind))
        start = stop
    return tuple(terms)


def _labels(piece: Json, factors: Sequence[Factor]) -> list[tuple[Any, ...]]:
    """Return the labels of each column's factors, the first factor's running fastest, as in R."""
    names: list[tuple[Any, ...]] = [()]
    for i, full in piece:
        own = factors[i].labels
        if own is not None:
            contrast = factors[i].contrast
            kept = own if full else own[1:] if contrast is None else contrast[1]
            names = [(*left, right) for right in kept for left in names]
    return names


def _filled(state: Json, factors: Sequence[Factor], rows: int) -> np.ndarray:
    coded = [piece for term in state["terms"] for piece in term["pieces"]]
    widths = [prod(_sizes(piece, factors)) for piece in coded]
    matrix = np.zeros((rows, sum(widths)))
    for begin in range(0, rows, CHUNK):
        some = slice(begin, begin + CHUNK)
        values = [factor.values[some] for factor in factors]
        start = 0
        for piece, width in zip(coded, widths, strict=True):
            _fill(matrix[some, start : start + width], piece, factors, values)
            start += width
    return matrix


def _fill(block: np.ndarray, piece: Json, factors: Sequence[Factor], values: list[np.ndarray]) -> None:
    """Write a piece's columns into ``block (row, width)``, which is zero, from the factors' values there.

    The levels of all categorical factors together give the column of the row's one non-zero entry (one for
    each combination of the numeric factors' columns), so the work does not grow with the number of levels.
    """
    strides = np.cumprod([1, *_sizes(piece, factors)])
    at = np.zeros(len(block), dtype=np.int64)
    present = np.ones(len(block), dtype=bool)
    numeric: list[tuple[int, Any]] = [(0, None)]
    categorical = False
    for (i, full), stride in zip(piece, strides[:-1].tolist(), strict=True):
        contrast = None if full else factors[i].contrast
        if contrast is not None:
            numeric = _times(numeric, contrast[0][values[i]], stride)
        elif factors[i].categorical:
            categorical = True
            code = values[i] if full else values[i] - 1
            present &= code >= 0
            at += code * stride
        else:
            numeric = _times(numeric, values[i], stride)
    if not categorical:
        for offset, product in numeric:
            block[:, offset] = product
        return
    at, kept = (at, np.arange(len(block))) if present.all() else (at[present], np.flatnonzero(present))
    for offset, product in numeric:
        block[kept, at + offset] = 1.0 if product is None else product[kept]


def _times(numeric: list[tuple[int, Any]], values: np.ndarray, stride: int) -> list[tuple[int, Any]]:
    own = values[:, None] if values.ndim == 1 else values
    return [
        (offset + j * stride, own[:, j] if product is None else product * own[:, j])
        for j in range(own.shape[1])
        for offset, product in numeric
    ]


def _moments(matrix: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return means and standard deviations (n below the line) of the columns."""
    means = matrix.mean(axis=0)
    squares = np.zeros(matrix.shape[1])
    for start in range(0, len(matrix), CHUNK):
        deviations = matrix[start : start + CHUNK] - means
        squares += np.einsum("ij,ij->j", deviations, deviations)
    return tuple(means.tolist()), tuple(np.sqrt(squares / len(matrix)).tolist())
