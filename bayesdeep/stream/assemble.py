"""Sums over full products to the sufficient statistics of a linear system: all of it is linear."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse

from bayesdeep.collapse.linear_layout import Layout
from bayesdeep.core.linear import Moments

from .finish import Finished
from .scan import ONES

Varying = tuple[tuple[str, ...], np.ndarray]
"""Names of the columns that group rows, and the matrix ``(full column, coefficient)`` that makes what varies."""


def moments_of_scan(learned: Finished, layout: Layout, terms: Sequence[tuple[str, Any]], centre: float) -> Moments:
    """Return the sufficient statistics under a layout.

    Parameters
    ----------
    terms
        Key and node of each of the predictor's terms.
    centre
        What is taken off the response.
    """
    scan, nodes = learned.scan, dict(terms)
    columns = _population(learned, layout, nodes, centre)
    varying = [_varying(learned, layout, nodes, f) for f in range(len(layout.factors))]
    own, with_columns = [], []
    for (_, levels, width), (names, z) in zip(layout.factors, varying, strict=True):
        square, mixed = _by_group(learned, names, z, columns)
        places = _places(learned, names)
        own.append(_placed(square, places, (levels, width, width)))
        with_columns.append(_placed(mixed, places, (levels, width, columns.shape[1])))
    count = len(varying)
    between = {
        (f, g): _between(learned, varying[f], varying[g]) for f in range(count) for g in range(f + 1, count)
    }
    gram = columns.T @ _gram(learned) @ columns
    return Moments(scan.response.exponents, scan.response.constant, gram, tuple(own), tuple(with_columns), between)


def _places(learned: Finished, names: tuple[str, ...]) -> np.ndarray:
    return learned.group(names, learned.scan.plan.groups[names][0])[1]


def _gram(learned: Finished) -> np.ndarray:
    total = np.zeros((learned.starts[-1], learned.starts[-1]))
    for i, n in enumerate(learned.sizes):
        for j in range(i, len(learned.sizes)):
            table = learned.scan.gram.get((i, j), (n, learned.sizes[j]))
            a, b = learned.starts[i], learned.starts[j]
            total[a : a + n, b : b + learned.sizes[j]] = table
            total[b : b + learned.sizes[j], a : a + n] = table.T
    return total


def _population(learned: Finished, layout: Layout, nodes: Mapping[str, Any], centre: float) -> np.ndarray:
    """Return the matrix ``(full column, column + 1)`` that makes the system's columns and response."""
    count, last = len(layout.means), learned.starts[-1] - 1
    found = np.zeros((last + 1, count + 1))
    offsets = learned.offsets()
    if layout.intercept:
        found[ONES, 0] = 1.0
    for place in layout.columns:
        node = nodes[place.key]
        combine = learned.columns(node.intercept, tuple(node.products))[1]
        for k in range(combine.shape[1]):
            at = place.start + k
            found[:last, at] = combine[:, k]
            found[ONES, at] += combine[:, k] @ offsets[:-1] - layout.means[at]
            found[:, at] /= layout.sds[at]
    found[last, count] = 1.0
    found[ONES, count] += offsets[-1] - centre
    return found


def _varying(learned: Finished, layout: Layout, nodes: Mapping[str, Any], factor: int) -> Varying:
    names: tuple[str, ...] = ()
    found = np.zeros((learned.starts[-1], layout.factors[factor][2]))
    offsets = learned.offsets()
    for place in layout.effects:
        if place.factor != factor:
            continue
        node = nodes[place.key]
        names = tuple(part.name for part in node.factor)
        start = place.start
        if place.rows.intercept:
            found[ONES, start] = 1.0
            start += 1
        combine = learned.columns(node.intercept, tuple(node.products))[1]
        found[: len(combine), start : start + combine.shape[1]] = combine
        found[ONES, start : start + combine.shape[1]] += combine.T @ offsets[:-1]
    return names, found


def _by_group(
    learned: Finished, names: tuple[str, ...], z: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of a factor by the scan's numbers, ``(level, width, width)`` and ``(level, width, column + 1)``."""
    place = list(learned.scan.plan.groups).index(names)
    own, levels = learned.scan.varying[place], learned.scan.levels(names)
    square, mixed = np.zeros((levels, z.shape[1], z.shape[1])), np.zeros((levels, z.shape[1], columns.shape[1]))
    for i in own:
        left = z[_span(learned, i)]
        for j in range(len(learned.sizes)):
            key, shape = ((i, j), (learned.sizes[i], learned.sizes[j]))
            turned = j in own and j < i
            key, shape = ((j, i), shape[::-1]) if turned else (key, shape)
            table = learned.scan.by_group.get((names, *key), (levels, *shape))
            table = table.transpose(0, 2, 1) if turned else table
            rows = np.einsum("lab,ak->lkb", table, left)
            mixed += rows @ columns[_span(learned, j)]
            square += rows @ z[_span(learned, j)]
    return square, mixed


def _span(learned: Finished, product: int) -> slice:
    return slice(learned.starts[product], learned.starts[product + 1])


def _between(learned: Finished, first: Varying, second: Varying) -> sparse.csr_array:
    """Return the sums of two factors by pair of levels, ``(level * width, level * width)``."""
    names = list(learned.scan.plan.groups)
    (row_names, z_rows), (column_names, z_columns) = first, second
    f, g = names.index(row_names), names.index(column_names)
    assert f < g, "factors are in the order of the terms"
    sizes = learned.scan.levels(row_names), learned.scan.levels(column_names)
    places = _places(learned, row_names), _places(learned, column_names)
    widths = z_rows.shape[1], z_columns.shape[1]
    levels = [len(learned.group(n, learned.scan.plan.groups[n][0])[0]) for n in (row_names, column_names)]
    rows, across, values = [], [], []
    for k, m in product(range(widths[0]), range(widths[1])):
        table = _combined(learned, (f, g), sizes, z_rows[:, k], z_columns[:, m]).tocoo()
        rows.append(places[0][table.row] * widths[0] + k)
        across.append(places[1][table.col] * widths[1] + m)
        values.append(table.data)
    shape = (levels[0] * widths[0], levels[1] * widths[1])
    joined = (np.concatenate(values), (np.concatenate(rows), np.concatenate(across)))
    return sparse.coo_array(joined, shape=shape).tocsr()


def _combined(
    learned: Finished, pair: tuple[int, int], sizes: tuple[int, int], left: np.ndarray, right: np.ndarray
) -> sparse.csr_array:
    """Return the sums by pair of groups of one combination of full columns each, in the scan's numbers."""
    total = None
    varying = learned.scan.varying
    for i, j in product(varying[pair[0]], varying[pair[1]]):
        for a, b in product(range(learned.sizes[i]), range(learned.sizes[j])):
            weight = left[learned.starts[i] + a] * right[learned.starts[j] + b]
            if weight:
                table = weight * learned.scan.between.get((*pair, i, a, j, b), sizes)
                total = table if total is None else total + table
    return sparse.csr_array(sizes) if total is None else total


def _placed(table: np.ndarray, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    found = np.zeros(shape)
    there = places >= 0
    found[places[there]] = table[there]
    return found
