r"""Scales and correlations as unconstrained numbers in which a likelihood is smooth, also where they lie on a boundary.

The covariance of a group's coefficients is :math:`T T^\top` with a lower-triangular :math:`T`, whose entries are any numbers;
the likelihood does not change with the sign of a column (Bates, Maechler, Bolker and Walker 2015, doi:10.18637/jss.v067.i01). An
entry is :math:`u \sinh x` with a unit :math:`u` of about its size: linear near 0, where a standard deviation of 0 or a
correlation of 1 is a point like others, and logarithmic far out.
"""

from dataclasses import dataclass, replace

import numpy as np

from bayesdeep.core.linear import LinearSystem, plain


@dataclass(frozen=True)
class Row:
    """A row of ``T``: which one it is of, and the hyperparameters that are its scale and its partial correlations, in order."""

    block: int
    scale: int
    partials: tuple[int, ...]


@dataclass(frozen=True)
class ScaleCoordinates:
    """The way from coordinates ``x`` to the system's positions and back; there is a coordinate a hyperparameter.

    Attributes
    ----------
    system
        Whose hyperparameters they are.
    rows
        Rows of ``T`` whose entries are free; every other scale stands alone.
    alone
        Scales that stand alone.
    units
        ``(dim,)``.
    """

    system: LinearSystem
    rows: tuple[Row, ...]
    alone: tuple[int, ...]
    units: np.ndarray

    @classmethod
    def of(cls, system: LinearSystem, parameters: frozenset[int] = frozenset()) -> "ScaleCoordinates":
        """Return the coordinates of a system; those of ``parameters``, and of other kinds, are the positions themselves."""
        uses: dict[int, set[tuple[int, ...]]] = {}
        blocks: dict[int, tuple[int, ...]] = {}
        for factor in system.factors:
            inside: set[int] = set()
            for start, stop, first in factor.blocks:
                scales = [plain(factor.scales[k]).index for k in range(start, stop)]
                inside.update(range(start, stop))
                for i, index in enumerate(scales):
                    if index is not None:
                        uses.setdefault(index, set()).add((first, i))
                if None not in scales:
                    blocks[first] = tuple(index for index in scales if index is not None)
            for k, scale in enumerate(map(plain, factor.scales)):
                if k not in inside and scale.index is not None:
                    uses.setdefault(scale.index, set()).add(())
        rows = []
        for first, scales_of_block in blocks.items():
            # A scale that other coefficients have as well cannot move along with the correlations of one block.
            if len(set(scales_of_block)) == len(scales_of_block) and all(len(uses[index]) == 1 for index in scales_of_block):
                at = first
                for i, index in enumerate(scales_of_block):
                    rows.append(Row(first, index, tuple(range(at, at + i))))
                    at += i
        own = {row.scale for row in rows}
        scales_all = [k for k, h in enumerate(system.hyperparameters) if h.kind == "scale" and k not in parameters]
        return cls(system, tuple(rows), tuple(k for k in scales_all if k not in own), np.ones(system.dim))

    def with_units(self, positions: np.ndarray) -> "ScaleCoordinates":
        """Return coordinates in units of the scales at positions ``(dim,)``."""
        units = np.ones(self.system.dim)
        for index in (*self.alone, *(row.scale for row in self.rows)):
            units[index] = np.exp(positions[index])
        for row in self.rows:
            units[list(row.partials)] = units[row.scale]
        return replace(self, units=units)

    def positions(self, x: np.ndarray) -> np.ndarray:
        """Return the system's positions ``(batch, dim)`` of coordinates ``(batch, dim)``; infinite on a boundary."""
        found = x.copy()
        with np.errstate(all="ignore"):
            entries = self.units * np.sinh(x)
            for index in self.alone:
                found[:, index] = np.log(np.abs(entries[:, index]))
            for row in self.rows:
                left = entries[:, row.scale] ** 2
                for index in reversed(row.partials):
                    left = left + entries[:, index] ** 2
                    share = np.where(left > 0, entries[:, index] / np.sqrt(left), 0.0)
                    found[:, index] = np.arctanh(np.clip(share, -1.0, 1.0))
                found[:, row.scale] = 0.5 * np.log(left)
        return found

    def coordinates(self, positions: np.ndarray) -> np.ndarray:
        """Return the coordinates ``(batch, dim)`` of positions ``(batch, dim)``."""
        found = positions.copy()
        with np.errstate(all="ignore"):
            for index in self.alone:
                found[:, index] = np.arcsinh(np.exp(positions[:, index]) / self.units[index])
            for row in self.rows:
                left = np.exp(positions[:, row.scale])
                for index in row.partials:
                    partial = np.tanh(positions[:, index])
                    found[:, index] = np.arcsinh(left * partial / self.units[index])
                    left = left * np.sqrt(1.0 - partial**2)
                found[:, row.scale] = np.arcsinh(left / self.units[row.scale])
        return found

    def without(self, x: np.ndarray, scale: int) -> tuple[np.ndarray, tuple[int, ...]]:
        """Return coordinates ``(dim,)`` at which a scale is 0, and which of them have no meaning then."""
        found, row = x.copy(), next((row for row in self.rows if row.scale == scale), None)
        found[scale] = 0.0
        if row is None:
            return found, (scale,)
        gone = [scale, *row.partials]
        found[list(row.partials)] = 0.0
        # Rows below keep their length when the column of this scale is gone.
        column = len(row.partials)
        for other in self.rows:
            if other.block == row.block and len(other.partials) > column:
                index = other.partials[column]
                size = np.hypot(np.sinh(found[index]), np.sinh(found[other.scale]))
                found[other.scale], found[index] = np.arcsinh(size), 0.0
                gone.append(index)
        return found, tuple(gone)
