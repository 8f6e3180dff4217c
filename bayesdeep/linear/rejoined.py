r"""A linear system with the parts of population columns put back that were taken off the columns of a basis.

The columns :math:`Z` of a basis and :math:`Z + X M` with population columns :math:`X` make the same model, with
:math:`X (\beta + M b)` in the place of :math:`X \beta`. Where :math:`\beta` is integrated out they have the same likelihood, but
not where it is at its best: there :math:`b` alone is random, and what it brings about along :math:`X` counts.
"""

from dataclasses import replace

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import LinearSystem


def rejoined(system: LinearSystem) -> LinearSystem:
    """Return the system of the bases as they were before anything was taken off them."""
    for number, matrix in system.apart.items():
        moments = system.moments
        with_columns, own, between = list(moments.with_columns), list(moments.own), dict(moments.between)
        before = with_columns[number][0]
        with_columns[number] = (before + matrix.T @ moments.gram[:-1])[None]
        # (Z + X M)'(Z + X M) = Z'Z + Z'X M + (…)' + M'X'X M
        cross = before[:, :-1] @ matrix
        square = own[number][0] + cross + cross.T + matrix.T @ moments.gram[:-1, :-1] @ matrix
        own[number] = ((square + square.T) / 2)[None]
        for (first, second), table in moments.between.items():
            if number in (first, second):
                other = second if number == first else first
                levels, width = moments.with_columns[other].shape[:2]
                flat = moments.with_columns[other][:, :, :-1].reshape(levels * width, -1) @ matrix
                between[first, second] = sparse.csr_array(table + (flat.T if number == first else flat))
        system = replace(
            system, moments=replace(moments, with_columns=tuple(with_columns), own=tuple(own), between=between)
        )
    return system


def set_apart(system: LinearSystem, coefficients: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Return coefficients of the rejoined system, ``(…, column)`` and ``(…, level, width)``, as the system's own."""
    beta = coefficients[0]
    for number, matrix in system.apart.items():
        beta = beta + coefficients[1 + number][..., 0, :] @ matrix.T
    return (beta, *coefficients[1:])
