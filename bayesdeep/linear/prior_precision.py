"""The prior precision of a linear system's coefficients, entry by entry, for many hyperparameter values at once."""

from collections.abc import Sequence

import numpy as np

from bayesdeep.core.linear import LinearSystem

from .hyperparameters import LEAST_SCALE, Entries, Scales, support
from .leaning import Leaning


def prior_entries(system: LinearSystem, scales: Scales) -> np.ndarray:
    """Return the entries of the prior precision ``P`` ``(entry, lane)``.

    By factor they are the pairs of a lower triangle, row by row, then those of population coefficients.
    """
    found: list[np.ndarray] = []
    for root in scales.roots:
        found += precision_entries(root, scales.batch)
    constants = system.precision[np.tril_indices(system.columns)]
    return np.concatenate([np.array(found).reshape(-1, scales.batch), np.repeat(constants[:, None], scales.batch, axis=1)])


def precision_entries(root: Entries, batch: int) -> list[np.ndarray]:
    """Return the lower triangle of ``(T T')^-1``, row by row, each ``(batch,)``; of levels with an sd each their diagonal."""
    first_entry = np.asarray(root[0][0])
    if first_entry.ndim == 2:
        return list(1.0 / np.maximum(first_entry.T, LEAST_SCALE) ** 2)
    width, nothing = len(root), np.zeros(batch)
    # Row k of the inverse, from where it is not always 0: a wide basis has nothing but its diagonal.
    firsts, inverse = [support(row).start for row in root], list[list[np.ndarray]]()
    found = [nothing] * (width * (width + 1) // 2)
    with np.errstate(all="ignore"):
        for k, first in enumerate(firsts):
            own = 1.0 / np.maximum(np.asarray(root[k][k]), LEAST_SCALE)
            row = []
            for m in range(first, k):
                known = [np.asarray(root[k][j]) * inverse[j][m - firsts[j]] for j in range(m, k) if m >= firsts[j]]
                row.append(-own * sum(known, start=nothing))
            inverse.append([*row, own])
            for i in range(first, k + 1):
                for m in range(first, i + 1):
                    place = i * (i + 1) // 2 + m
                    found[place] = found[place] + inverse[k][i - first] * inverse[k][m - first]
    return found


def prior_places(
    system: LinearSystem, starts: Sequence[int], leaning: Sequence[Leaning]
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Return where the entries of ``P``, and after these the numbers of coefficients that lean on neighbours, stand.

    Parameters
    ----------
    starts
        By number of a factor where its coefficients begin; population coefficients come after all of them.

    Returns
    -------
    tuple
        Rows, columns and which number, of the entries below the diagonal; and which number each of the diagonal's is ``(size,)``.
    """
    rows, columns, places = [], [], []
    population = sum(factor.levels * factor.width for factor in system.factors)
    spans = [(start, (f.levels, f.width), f.each) for start, f in zip(starts, system.factors, strict=True)]
    spans.append((population, (1, system.columns), False))
    diagonal, at = np.full(population + system.columns, -1, dtype=np.int64), 0
    for start, (levels, width), each in spans:
        if each:
            diagonal[start : start + levels] = at + np.arange(levels)
            at += levels
            continue
        begins = start + np.arange(levels) * width
        for k in range(width):
            for m in range(k + 1):
                if k == m:
                    diagonal[begins + k] = at
                else:
                    rows.append(begins + k)
                    columns.append(begins + m)
                    places.append(np.full(levels, at))
                at += 1
    for own in leaning:
        below, left, which = own.below
        rows.append(np.maximum(below, left))
        columns.append(np.minimum(below, left))
        places.append(at + which)
        diagonal[own.places] = at + own.own
        at += len(own.numbers)
    nothing = [np.zeros(0, dtype=np.int64)]
    return tuple(np.concatenate([*nothing, *own]) for own in (rows, columns, places)), diagonal
