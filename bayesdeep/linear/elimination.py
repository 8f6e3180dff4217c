"""One factor eliminated from a linear system, group by group, for many values of the hyperparameters at once."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dtrtrs

from .hyperparameters import Entries, support
from .levels import Level

LOG_2PI = float(np.log(2 * np.pi))
FEWEST_BY_LAPACK = 12
"""Columns from which triangular systems are solved one by one: NumPy solves many at once, but as if they were full."""


@dataclass(frozen=True)
class Eliminated:
    """A factor after elimination: its small Cholesky factors, and ``L⁻¹ T' (…)`` of what it is coupled to."""

    lower: list[list[np.ndarray]]
    rest: np.ndarray
    parents: dict[int, np.ndarray]
    log_det: np.ndarray


def along(entry: np.ndarray, axes: int) -> np.ndarray:
    """Return an entry of a root so that it multiplies what has these axes: the batch first, levels last."""
    middle = axes - entry.ndim if entry.ndim == 2 else axes - 1
    return entry.reshape(len(entry), *([1] * middle), *entry.shape[1:])


def transposed_times(root: Entries, k: int, terms: list[np.ndarray]) -> np.ndarray:
    """Return row ``k`` of ``T'`` times rows that each are ``(batch, …)``."""
    total = None
    for m in range(k, len(root)):
        entry = root[m][k]
        if entry is None:
            break
        product = along(entry, terms[m].ndim) * terms[m]
        total = product if total is None else total + product
    assert total is not None
    return total


def eliminate(root: Entries, products: "Pending") -> Eliminated:
    """Factorise ``I + T' A T`` for every group and turn the couplings."""
    a, width = products.own, len(root)
    # Columns of A T, then T' (A T); only the lower triangle is needed.
    at = [[transposed_times(root, m, a[k]) for m in range(width)] for k in range(width)]
    lower: list[list[np.ndarray]] = []
    for k in range(width):
        row: list[np.ndarray] = []
        for m in range(k + 1):
            value = transposed_times(root, k, [at[n][m] for n in range(width)])
            for n in range(m):
                value = value - row[n] * (lower[m][n] if m < k else row[n])
            row.append(value / lower[m][m] if m < k else np.sqrt(1.0 + value))
        lower.append(row)
    log_det = np.asarray(sum(np.log(lower[k][k]).sum(axis=1) for k in range(width)))
    parents = {place: solved(lower, root, coupled) for place, coupled in products.parents.items()}
    return Eliminated(lower, solved(lower, root, products.rest), parents, log_det)


def solved(lower: list[list[np.ndarray]], root: Entries, coupled: np.ndarray) -> np.ndarray:
    """Return ``L⁻¹ T' C`` for ``C`` ``(batch, width, column, level)``, as ``(batch, column, width, level)``."""
    width = len(lower)
    found = np.empty((coupled.shape[0], coupled.shape[2], width, coupled.shape[3]))
    for k in range(width):
        row = transposed_times(root, k, [coupled[:, m] for m in range(width)])
        for m in range(k):
            row = row - lower[k][m][:, None] * found[:, :, m]
        np.divide(row, lower[k][k][:, None], out=found[:, :, k])
    return found


@dataclass
class Pending:
    """What is left of a factor's products when factors nested in it are gone; each with a first axis of the batch."""

    own: list[list[np.ndarray]]
    rest: np.ndarray
    parents: dict[int, np.ndarray]


def whole(level: Level, inverse: np.ndarray) -> Pending:
    """Return a factor's products before anything is eliminated, divided by the residual variance.

    ``inverse`` is ``(batch,)``, or of several responses the weights ``(batch, product)``.
    """
    if inverse.ndim == 2:
        width = level.own.shape[1]
        every = weighted(level.own, inverse)
        own = [[every[:, k, m] for m in range(width)] for k in range(width)]
        return Pending(own, weighted(level.rest, inverse), {k: weighted(v, inverse) for k, (_, v) in level.parents.items()})
    width = level.own.shape[0]
    own = [[level.own[k, m][None] * inverse[:, None] for m in range(width)] for k in range(width)]
    by = inverse[:, None, None, None]
    return Pending(own, level.rest[None] * by, {k: v[None] * by for k, (_, v) in level.parents.items()})


def weighted(products: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the sum of products ``(product, …)`` under weights ``(batch, product)``, ``(batch, …)``."""
    return np.asarray(weights @ products.reshape(len(products), -1)).reshape(len(weights), *products.shape[1:])


def update(level: Level, gone: Eliminated, parent: int, above: Pending) -> None:
    """Take what an eliminated factor explains off the products of a factor it is nested in."""
    nesting, coupling = level.parents[parent][0], gone.parents[parent]
    width = len(above.own)
    for k in range(width):
        for m in range(k + 1):
            above.own[k][m] = above.own[k][m] - nesting.sum((coupling[:, k] * coupling[:, m]).sum(axis=1))
            above.own[m][k] = above.own[k][m]
        above.rest[:, k] -= nesting.sum(np.einsum("bwj,bcwj->bcj", coupling[:, k], gone.rest))
        for further, other in gone.parents.items():
            if further > parent:
                above.parents[further][:, k] -= nesting.sum(np.einsum("bwj,bcwj->bcj", coupling[:, k], other))


def scale_inner(rest: np.ndarray, root: Entries, start: int, levels: int) -> None:
    """Turn the columns of a factor in the rest from effects to standardised ones, in place: ``M' S M``."""
    width = len(root)
    if all(root[k][k - 1] is None for k in range(1, width)):
        diagonal = [entry for row in root if (entry := row[-1]) is not None]
        own = diagonal[0] if diagonal[0].ndim == 2 else np.tile(np.stack(diagonal, axis=1), (1, levels))
        rest[:, start : start + levels * width] *= own[:, :, None]
        rest[:, :, start : start + levels * width] *= own[:, None]
        return
    for side in (1, 2):
        view = rest if side == 2 else rest.transpose(0, 2, 1)
        span = view[:, :, start : start + levels * width]
        columns = [span[:, :, m::width].copy() for m in range(width)]
        for k in range(width):
            span[:, :, k::width] = transposed_times(root, k, columns)


def scale_related(rest: np.ndarray, roots: np.ndarray, start: int) -> None:
    """Do what :func:`scale_inner` does for a factor of one level with ``roots`` ``(batch, width, width)``."""
    span = slice(start, start + roots.shape[1])
    for one, root in zip(rest, roots, strict=True):
        # BLAS reads columns first: our rows are its columns, and our lower triangle its upper one.
        one[span] = dtrmm(1.0, root.T, one[span].T, side=1, trans_a=1, overwrite_b=1).T
        one[:, span] = dtrmm(1.0, root.T, np.asfortranarray(one[:, span]), side=1, trans_a=1, overwrite_b=1)


def cholesky(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lower factors, and which of the batch have one."""
    good = np.isfinite(matrix).all(axis=(1, 2))
    safe = np.where(good[:, None, None], matrix, np.eye(matrix.shape[1]))
    try:
        return np.linalg.cholesky(safe), good
    except np.linalg.LinAlgError:
        lower = np.empty_like(safe)
        for i, one in enumerate(safe):
            try:
                lower[i] = np.linalg.cholesky(one)
            except np.linalg.LinAlgError:
                lower[i], good[i] = np.eye(len(one)), False
        return lower, good


def back_substituted(lower: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return ``L^-T r`` of lower factors ``(batch, n, n)`` and vectors ``(batch, n)``."""
    count = lower.shape[1]
    if count < FEWEST_BY_LAPACK:
        return np.linalg.solve(lower.transpose(0, 2, 1), right[..., None])[..., 0] if count else right
    return np.stack([dtrtrs(one.T, own)[0] for one, own in zip(lower, right, strict=True)])


def forward_substituted(lower: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return ``L^-1 r`` of lower factors ``(batch, n, n)`` and vectors ``(batch, n)``."""
    count = lower.shape[1]
    if count < FEWEST_BY_LAPACK:
        return np.linalg.solve(lower, right[..., None])[..., 0] if count else right
    return np.stack([dtrtrs(one.T, own, lower=0, trans=1)[0] for one, own in zip(lower, right, strict=True)])


def effects_of(root: Entries, b: list[np.ndarray]) -> list[np.ndarray]:
    """Return ``T b`` by coefficient, each ``(batch, level)``."""
    found = []
    for k in range(len(root)):
        total: np.ndarray | float = 0.0
        for m in support(root[k]):
            total = total + along(np.asarray(root[k][m]), 2) * b[m]
        found.append(np.asarray(total))
    return found
