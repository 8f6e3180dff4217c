r"""Products of one-dimensional bases, in blocks with a standard deviation each.

The functions of variable :math:`j` are split into :math:`N_j`, what its penalty does not see, 1 and the standardised variable
(1 alone of a cyclic basis), and :math:`R_j`, the rest, orthogonal to these over the rows, with coefficients of one standard
deviation (:mod:`bayesdeep.terms._smooth_split`). Products of a choice from each are all products of functions of the variables:

.. math:: (N_1 \oplus R_1) \otimes (N_2 \oplus R_2) = N_1 N_2 \oplus R_1 N_2 \oplus N_1 R_2 \oplus R_1 R_2 .

The first, planes with a twist, is not penalised; each of the others is a block. The block of :math:`x` is what bends along
:math:`x` and is straight along the other variables, that of :math:`x` and :math:`z` what bends along both. Since 1 and the
standardised variable have mean squares of 1 over the rows, neither the units nor the origin of a variable matters. What lies in
the span of the first is taken off each block over the rows, so that a block is 0 on average, and blocks are scaled to a mean
variance of 1 for coefficients of variance 1.

Wood, Scheipl and Faraway (2013), Straightforward intermediate rank tensor product smoothing in mixed models, Statistics and
Computing 23(3), 341-360, doi:10.1007/s11222-012-9314-z.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import product as choices

import numpy as np

from bayesdeep.core.columns import Json

from ._smooth_bases import BASES
from ._smooth_split import penalised, split


def blocks_of(margins: Sequence[Json]) -> list[tuple[int, ...]]:
    """Return which variables' functions bend in each block, those of one variable first."""
    found = [tuple(np.flatnonzero(which)) for which in choices((0, 1), repeat=len(margins)) if any(which)]
    return sorted((tuple(map(int, block)) for block in found), key=lambda block: (len(block), block))


def free_of(margins: Sequence[Json]) -> list[tuple[int, ...]]:
    """Return which variables each column that is not penalised is a product of; none of the first, the constant."""
    able = [k for k, margin in enumerate(margins) if BASES[margin["basis"]].straight]
    found = [tuple(k for k, on in zip(able, which, strict=True) if on) for which in choices((0, 1), repeat=len(able))]
    return sorted(found, key=lambda columns: (len(columns), columns))


def learn_margin(
    basis: str, x: np.ndarray, k: int, knots: Sequence[float], centre: float, scale: float, parts: Sequence[np.ndarray]
) -> Json:
    """Return a variable's basis split in two, over the rows of each part; None where it is singular.

    Parameters
    ----------
    x
        ``(obs,)``.
    parts
        The columns ``(obs,)`` by which the functions are multiplied.
    """
    t = ((x - centre) / scale)[:, None]
    at = (np.asarray(knots)[:, None] - centre) / scale if len(knots) else None
    found = split(BASES[basis], t, k, at, parts)
    if found is None:
        return None
    return {"basis": basis, "k": k, "centre": centre, "scale": scale, "units": [_unit(t[:, 0], own) for own in parts], **found}


def _unit(t: np.ndarray, times: np.ndarray) -> list[float]:
    """Return where a variable's middle is over a part's rows, and its standard deviation there."""
    weights = times**2 / (times**2).sum()
    middle = float(weights @ t)
    return [middle, float(np.sqrt(weights @ (t - middle) ** 2))]


def learn_part(margins: Sequence[Json], x: np.ndarray, place: int, times: np.ndarray) -> Json:
    """Return what is taken off the columns of a part, and what they are divided by.

    Parameters
    ----------
    x
        ``(obs, variable)``.
    place, times
        Which part, and the column ``(obs,)`` by which its functions are multiplied.
    """
    order = np.lexsort((times, *x.T[::-1]))
    order = order[times[order] != 0]
    x, own = x[order], times[order, None]
    free, blocks = _products(margins, x, bent(margins, x)[place], place)
    middle = [0.0, *(own[:, 0] ** 2 @ free[:, 1:] / (own**2).sum()).tolist()]
    free = free - middle
    less, sizes = [], []
    for block in blocks:
        took = np.linalg.lstsq(free * own, block * own)[0]
        size = np.sqrt((((block - free @ took) * own) ** 2).sum() / len(x))
        less.append((took / size).tolist())
        sizes.append(float(size))
    return {"middle": middle, "less": less, "sizes": sizes}


def bent(margins: Sequence[Json], x: np.ndarray) -> list[list[np.ndarray]]:
    """Return by part and variable what its penalty sees ``(obs, column)`` at rows ``x`` ``(obs, variable)``."""
    found = []
    for margin, own in zip(margins, x.T, strict=True):
        t = (own - margin["centre"]) / margin["scale"]
        found.append(list(penalised(BASES[margin["basis"]], margin, t[:, None])))
    return [list(part) for part in zip(*found, strict=True)]


def columns_of(
    margins: Sequence[Json], part: Json, x: np.ndarray, curves: Sequence[np.ndarray], place: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a part's columns that are not penalised, the constant first, and those of its blocks, both ``(obs, column)``.

    ``curves`` are the part's own of :func:`bent`.
    """
    free, blocks = _products(margins, x, curves, place)
    free = free - np.asarray(part["middle"])
    less, sizes = part["less"], part["sizes"]
    found = [block / size - free @ np.asarray(took) for block, took, size in zip(blocks, less, sizes, strict=True)]
    return free, np.concatenate(found, axis=1)


def _products(
    margins: Sequence[Json], x: np.ndarray, curves: Sequence[np.ndarray], place: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the products that are not penalised ``(obs, column)``, and those of each block."""
    lines = []
    for margin, own in zip(margins, x.T, strict=True):
        middle, sd = margin["units"][place]
        lines.append(((own - margin["centre"]) / margin["scale"] - middle) / sd)
    ones = np.ones(len(x))
    free = np.stack([reduce(np.multiply, (lines[k] for k in which), ones) for which in free_of(margins)], axis=1)
    straight = [
        np.stack([ones, line], axis=1) if BASES[margin["basis"]].straight else ones[:, None]
        for margin, line in zip(margins, lines, strict=True)
    ]
    sides = [(straight[k], curves[k]) for k in range(len(margins))]
    return free, [_each_with_each([sides[k][k in block] for k in range(len(margins))]) for block in blocks_of(margins)]


def _each_with_each(tables: Sequence[np.ndarray]) -> np.ndarray:
    """Return the products of a column of each table ``(obs, column)``, the last one's columns running fastest."""
    found = tables[0]
    for other in tables[1:]:
        found = (found[:, :, None] * other[:, None, :]).reshape(len(found), -1)
    return found
