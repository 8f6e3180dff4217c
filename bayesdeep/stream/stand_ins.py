"""What terms get in place of arrays whose rows stay on disk.

A term that is linear in its coefficients passes on what it is given: columns, codes, values. So it needs no array, only
something that says which one it would be: before the rows are read, what was asked for (:class:`AskedColumns` and so on);
afterwards, how it is made of sums (:class:`SummedColumns` and so on). A term that computes with one needs its rows, and is
refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from bayesdeep.core.columns import Category, Filled, Json, Matrix
from bayesdeep.core.errors import FormulaError
from bayesdeep.formula.nodes import Expression, Product


def needs_rows(where: str) -> FormulaError:
    """Return the error for a term that looks at rows."""
    return FormulaError(f"{where}: a term has to see all rows, and they stay on disk")


@dataclass(frozen=True, eq=False)
class StandIn(NDArrayOperatorsMixin):
    """An array ``(obs, …)`` that is not there; ``where`` begins the error text for whoever computes with it."""

    where: str

    def __array__(self, *args: Any, **options: Any) -> np.ndarray:
        raise needs_rows(self.where)

    def __array_ufunc__(self, *args: Any, **options: Any) -> Any:
        raise needs_rows(self.where)

    def __array_function__(self, *args: Any, **options: Any) -> Any:
        raise needs_rows(self.where)

    def __getitem__(self, rows: Any) -> Any:
        raise needs_rows(self.where)

    def __len__(self) -> int:
        raise needs_rows(self.where)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise needs_rows(self.where)


class WithoutRows:
    """What contexts without rows refuse; ``where`` begins the error text."""

    where: str

    def levels(self, *factors: Any) -> tuple[Any, ...]:
        """Not known of sums."""
        raise needs_rows(self.where)

    def matrix(self, name: str) -> Matrix:
        """Not used with sums: it ties levels together."""
        raise needs_rows(self.where)

    def gaps(self, column: Any) -> np.ndarray:
        """Not known of sums."""
        raise needs_rows(self.where)

    def arithmetic(self, expression: Any) -> tuple[Json, tuple[np.ndarray, ...]]:
        """Not known of sums."""
        raise needs_rows(self.where)

    def category(self, expression: Any, learned: Json = None, *, names: bool = False) -> Category:
        """Not known of sums."""
        raise needs_rows(self.where)

    def filled(self, expressions: Sequence[Any], learned: Json = None) -> Filled:
        """Not known of sums."""
        raise needs_rows(self.where)

    def array(self, expression: Any, shape: Sequence[int] | None = None) -> np.ndarray:
        """Not known of sums."""
        raise needs_rows(self.where)


@dataclass(frozen=True, eq=False)
class AskedColumns(StandIn):
    """Columns of products of factors, asked for."""

    products: tuple[Product, ...]


@dataclass(frozen=True, eq=False)
class AskedCodes(StandIn):
    """Codes of a grouping factor, asked for."""

    factor: Product


@dataclass(frozen=True, eq=False)
class AskedValues(StandIn):
    """Values of an expression, asked for."""

    expression: Expression


@dataclass(frozen=True, eq=False)
class SummedColumns(StandIn):
    """Columns as combinations ``(full column, column)`` of what was summed, the response's column with weight 0."""

    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class SummedCodes(StandIn):
    """A grouping factor: its columns, each group's place among the labels by the scan's number, or -1, and how many there are."""

    names: tuple[str, ...]
    places: np.ndarray
    levels: int


@dataclass(frozen=True, eq=False)
class SummedValues(StandIn):
    """Values of which the mean over rows is known."""

    average: float

    def mean(self) -> float:
        """Return the mean over rows."""
        return self.average
