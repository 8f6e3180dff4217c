"""A factor of a linear system as it is eliminated, and how its groups lie in those of another."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Level:
    """A factor that is eliminated group by group.

    Attributes
    ----------
    factor
        Its number in the system.
    own
        ``A``, ``(width, width, level)``.
    rest
        Products with the rest and, last, the response: ``(width, rest + 1, level)``.
    parents
        For each later eliminated factor, by its place among them: which group each group lies in, and the products with
        its coefficients ``(width, width there, level)``.

    Of several responses all products have a first axis more, over those that get weights of their own.
    """

    factor: int
    own: np.ndarray
    rest: np.ndarray
    parents: "dict[int, tuple[Nesting, np.ndarray]]"


@dataclass(frozen=True)
class Nesting:
    """The group ``at`` ``(level,)`` of another factor in which each group lies, ``count`` of them in all."""

    at: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    count: int

    @classmethod
    def of(cls, at: np.ndarray, count: int) -> "Nesting":
        """Return the nesting with its groups brought into runs."""
        order = np.argsort(at, kind="stable")
        run = at[order]
        return cls(at, order, np.flatnonzero(np.r_[True, run[1:] != run[:-1]]), count)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Return sums over groups ``(…, level)`` by the group they lie in ``(…, count)``."""
        found = np.zeros((*values.shape[:-1], self.count))
        found[..., self.at[self.order][self.starts]] = np.add.reduceat(values[..., self.order], self.starts, axis=-1)
        return found
