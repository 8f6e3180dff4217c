"""Rows that were read once, as what a design is learned from: sums answer in their place."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame, LearnedColumns
from bayesdeep.core.records import Response
from bayesdeep.design.design_warnings import Doubt, doubts
from bayesdeep.design.frame import LazyColumns
from bayesdeep.design.training_data import Written
from bayesdeep.formula.nodes import Formula, Product

from .finish import Finished
from .scan import Scan
from .stand_ins import SummedCodes, SummedColumns, SummedValues, WithoutRows, needs_rows


def outline_of(names: tuple[str, ...]) -> Frame:
    """Return a frame that has columns of these names and no rows."""
    return Frame(LazyColumns(names, _unread), 0)


def _unread(name: str) -> Column:
    return Column(name, "number", np.zeros(0))


@dataclass(frozen=True)
class ScannedData:
    """The sums so far, as :class:`~bayesdeep.design.training_data.TrainingData` and as its complete rows.

    Attributes
    ----------
    outline
        The data's columns, without rows.
    scan
        The sums.
    early
        Whether more rows may come, so that one level of a factor is no error yet, and a gap is not yet counted.
    """

    outline: Frame
    scan: Scan
    early: bool = False
    notice: str = ""
    index: Any = None

    @property
    def rows(self) -> int:
        """Return the number of rows that were summed."""
        return self.scan.rows

    @property
    def dropped(self) -> int:
        """Return the number of rows left out for missing values."""
        return self.scan.gaps.missing_rows

    @property
    def columns(self) -> Mapping[str, Column]:
        """Return no columns: their rows stay on disk."""
        return {}

    @cached_property
    def finished(self) -> Finished:
        """Return what the sums say of columns and groups."""
        return Finished(self.scan, self.early)

    def complete(self, written: Written, missing: str) -> "ScannedData":
        """Return this, with a sentence about rows left out; incomplete rows were left out while they were read."""
        del written
        if self.early:
            return self
        return ScannedData(self.outline, self.scan, notice=self.scan.gaps.check(missing))

    def context(self, formula: Formula, where: str) -> "SummedContext":
        """Return the sums as the terms of the formula see them."""
        return SummedContext(self.finished, formula, where)

    def known_arrays(self) -> dict[str, np.ndarray]:
        """Return nothing: known parameters are in the sums."""
        return {}

    def response(self, where: str) -> Response:
        """Return a response of two rows that has the mean and standard deviation of all of them."""
        del where
        return self.scan.response.stand_in()


class SummedContext(WithoutRows):
    """Sums over rows, as :class:`~bayesdeep.core.terms.DesignContext`."""

    def __init__(self, finished: Finished, formula: Formula, where: str) -> None:
        self._finished = finished
        self.rows, self.where = finished.scan.rows, where
        self.population: tuple[bool, tuple[Product, ...]] = (formula.intercept, formula.products)
        self.factors: tuple[Product, ...] = tuple(group.factor for group in formula.groups)
        self.doubts: dict[Doubt, None] = {}

    def learn_columns(self, intercept: bool, products: Any) -> LearnedColumns:
        """Code products of factors as columns."""
        learned = self._finished.columns(intercept, tuple(products))[0]
        self.doubts.update(dict.fromkeys(doubts(learned, self.rows)))
        return learned

    def design_matrix(self, columns: LearnedColumns, products: Any) -> Any:
        """Return how the columns are made of what was summed."""
        combine = self._finished.columns(columns.intercept, tuple(products))[1]
        return SummedColumns(self.where, self._finished.of_full_columns(combine))

    def learn_levels(self, factor: Any) -> tuple[Any, ...]:
        """Return the labels of a grouping factor."""
        return self._finished.group(factor)[0]

    def codes(self, factor: Any, name: str, labels: tuple[Any, ...], closed: str = "") -> Any:
        """Return each group's place among its labels."""
        del name, labels, closed
        own, places = self._finished.group(factor)
        return SummedCodes(self.where, tuple(part.name for part in factor), places, len(own))

    def values(self, expression: Any) -> Any:
        """Return the mean of an expression that was summed."""
        if expression not in self._finished.scan.shifts:
            raise needs_rows(self.where)
        return SummedValues(self.where, self._finished.scan.shifts[expression] / self.rows)
