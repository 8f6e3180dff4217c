"""Sums over full products to the sufficient statistics of a linear system: all of it is linear."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse

from bayesdeep.collapse.linear_layout import Layout
from bayesdeep.core.linear import Moments

from .finish import Finished
from .scan import ONES
from .stand_ins import SummedCodes, SummedColumns

Varying = tuple[SummedCodes, np.ndarray]
"""How rows are grouped, and the matrix ``(full column, coefficient)`` that makes what varies."""


def moments_of_scan(learned: Finished, layout: Layout, arrays: Mapping[str, Any], centre: float) -> Moments:
    """Return the sufficient statistics under a layout.

    Parameters
    ----------
    arrays
        What stands for the design's arrays, by ``"term key.array"``.
    centre
        What is taken off the response.
    """
    scan = learned.scan
    columns = _population(learned, layout, arrays, centre)
    varying = [_varying(learned, layout, arrays, f) for f in range(len(layout.factors))]
    own, with_columns = [], []
    for (_, levels, width), (codes, z) in zip(layout.factors, varying, strict=True):
        square, mixed = _by_group(learned, codes.names, z, columns)
        own.append(_placed(square, codes.places, (levels, width, width)))
        with_columns.append(_placed(mixed, codes.places, (levels, width, columns.shape[1])))
    count = len(varying)
    between = {
        (f, g): _between(learned, varying[f], varying[g]) for f in range(count) for g in range(f + 1, count)
    }
    gram = columns.T @ _gram(learned) @ columns
    return Moments(scan.response.exponents, scan.response.constant, gram, tuple(own), tuple(with_columns), between)


def _gram(learned: Finished) -> np.ndarray:
    total = np.zeros((learned.starts[-1], learned.starts[-1]))
    for i, n in enumerate(learned.sizes):
        for j in range(i, len(learned.sizes)):
            table = learned.scan.gram.get((i, j), (n, learned.sizes[j]))
            a, b = learned.starts[i], learned.starts[j]
            total[a : a + n, b : b + learned.sizes[j]] = table
            total[b : b + learned.sizes[j], a : a + n] = table.T
    return total


def _population(learned: Finished, layout: Layout, arrays: Mapping[str, Any], centre: float) -> np.ndarray:
    """Return the matrix ``(full column, column + 1)`` that makes the system's columns and response."""
    count, last = len(layout.means), learned.starts[-1] - 1
    found = np.zeros((last + 1, count + 1))
    if layout.intercept:
        found[ONES, 0] = 1.0
    for place in layout.columns:
        if place.part.array is None:
            continue
        weights = _weights(arrays[f"{place.key}.{place.part.array}"])
        span = slice(place.start, place.start + weights.shape[1])
        found[:, span] = weights
        found[ONES, span] -= layout.means[span]
        found[:, span] /= layout.sds[span]
    found[last, count] = 1.0
    found[ONES, count] += learned.offsets()[-1] - centre
    return found


def _varying(learned: Finished, layout: Layout, arrays: Mapping[str, Any], factor: int) -> Varying:
    codes: Any = None
    found = np.zeros((learned.starts[-1], layout.factors[factor][2]))
    for place in layout.effects:
        if place.factor != factor:
            continue
        codes, start = arrays[f"{place.key}.{place.part.codes}"], place.start
        if place.part.intercept:
            found[ONES, start] = 1.0
            start += 1
        if place.part.array is not None:
            weights = _weights(arrays[f"{place.key}.{place.part.array}"])
            found[:, start : start + weights.shape[1]] = weights
    assert isinstance(codes, SummedCodes), "a factor of the layout has effects"
    return codes, found


def _weights(columns: Any) -> np.ndarray:
    assert isinstance(columns, SummedColumns), "the plan takes columns as the context gave them"
    return columns.weights


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
    (row_codes, z_rows), (column_codes, z_columns) = first, second
    f, g = names.index(row_codes.names), names.index(column_codes.names)
    assert f < g, "factors are in the order of the terms"
    sizes = learned.scan.levels(row_codes.names), learned.scan.levels(column_codes.names)
    places, levels = (row_codes.places, column_codes.places), (row_codes.levels, column_codes.levels)
    widths = z_rows.shape[1], z_columns.shape[1]
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
