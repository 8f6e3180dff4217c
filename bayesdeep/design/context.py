"""The data as terms see them, while they learn and on new rows."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from bayesdeep.core.columns import Category, Filled, Frame, Json, LearnedColumns, Matrix
from bayesdeep.core.errors import DataError, FormulaError, close_to, nearest
from bayesdeep.core.labels import AVERAGE
from bayesdeep.formula.nodes import Expression, Formula, Name, Product, label

from .coding import design_matrix, learn_columns
from .design_warnings import Doubt, doubts
from .factors import column_names, evaluate_column, factor_column, learn_and_evaluate, learn_names
from .frame import column, complete
from .group_levels import learn_levels, learn_shared_levels, new_levels
from .nonlinear_tree import read_arithmetic
from .term_gaps import filled, stand_ins


class FrameContext:
    """One frame, as :class:`~bayesdeep.core.terms.DesignContext`.

    Attributes
    ----------
    rows
        Number of rows.
    population
        Intercept and products of the population-level columns that stand in the same predictor.
    factors
        The grouping factors of the same predictor.
    where
        Begins error texts.
    unseen
        After :meth:`codes`: the labels of groups that the model was not fitted to, by factor name.
    rows_unseen
        Likewise, how many rows are of such groups, where there are any.
    doubts
        After :meth:`learn_columns`: what is odd about columns that the rows say little about, each once.
    """

    def __init__(
        self, frame: Frame, where: str, formula: Formula | None = None, matrices: Mapping[str, Matrix] | None = None
    ) -> None:
        self._frame, self._where, self._matrices = frame, where, matrices or {}
        self.rows, self.where = frame.rows, where
        self.population: tuple[bool, tuple[Product, ...]] = (False, ())
        if formula is not None:
            self.population = (formula.intercept, formula.products)
        self.factors: tuple[Product, ...] = () if formula is None else tuple(g.factor for g in formula.groups)
        self.unseen: dict[str, tuple[Any, ...]] = {}
        self.rows_unseen: dict[str, int] = {}
        self.doubts: dict[Doubt, None] = {}
        self._known: dict[str, tuple[Any, ...]] = {}
        self._of_unseen: dict[str, np.ndarray] = {}

    def learn_columns(self, intercept: bool, products: Any) -> LearnedColumns:
        """Code products of factors as columns."""
        learned = learn_columns(intercept, products, self._frame, self._where)
        self.doubts.update(dict.fromkeys(doubts(learned, self.rows)))
        return learned

    def design_matrix(self, columns: LearnedColumns, products: Any) -> np.ndarray:
        """Return the same columns on these rows ``(obs, column)``."""
        return design_matrix(columns, products, self._frame, self._where)

    def learn_levels(self, factor: Any) -> tuple[Any, ...]:
        """Return the labels of a grouping factor."""
        return learn_levels(factor, self._frame, self._where)

    def levels(self, *factors: Any) -> tuple[Any, ...]:
        """Return the labels of several grouping factors as those of one."""
        return learn_shared_levels(factors, self._frame, self._where)

    def codes(self, factor: Any, name: str, labels: Sequence[Any], closed: str = "") -> np.ndarray:
        """Return each row's level ``(obs,)``; unseen levels count on from the known ones, and from those met under the name."""
        known = self._known.setdefault(name, tuple(labels))
        if known != tuple(labels):
            raise FormulaError(
                f"{self._where}: two grouping factors with different levels are called '{name}'; for one of them copy the column "
                f"under another name, data.assign({name}_2=data['{name}'])"
            )
        met = self.unseen.get(name, ())
        further, codes = new_levels(factor, (*known, *met), self._frame, self._where)
        if closed and any(str(label) != AVERAGE for label in further):
            raise DataError(_lacking(factor, further, known, closed))
        self.unseen[name] = (*met, *further)
        if self.unseen[name]:
            of_unseen = (codes >= len(known)) | self._of_unseen.get(name, False)
            self._of_unseen[name], self.rows_unseen[name] = of_unseen, int(np.count_nonzero(of_unseen))
        return codes

    def matrix(self, name: str) -> Matrix:
        """Return one of the labelled matrices that were given with the data."""
        if name not in self._matrices:
            close = nearest(name, self._matrices) if self._matrices else ""
            raise FormulaError(
                f"{self._where}: there is no matrix '{name}'{close}; give it as bd.Model(…, arrays={{\"{name}\": table}})"
            )
        return self._matrices[name]

    def values(self, expression: Any) -> np.ndarray:
        """Return one numeric, elementwise expression of columns ``(obs,)``; nothing is learned."""
        found = evaluate_column(expression, self._frame, self._where)
        if found.kind != "number":
            raise FormulaError(f"{self._where}: '{found.name}' is not numeric")
        return np.asarray(found.values, dtype=np.float64)

    def gaps(self, column: Any) -> np.ndarray:
        """Return in which rows ``(obs,)`` a column is missing whose own model says what it may be there."""
        found = self._frame.columns[column.name].gaps if column.name in self._frame.columns else None
        return np.zeros(self.rows, dtype=bool) if found is None else found

    def arithmetic(self, expression: Expression) -> tuple[Json, tuple[np.ndarray, ...]]:
        """Return arithmetic of columns and parameters as JSON, and the columns ``(obs,)`` in it."""
        return read_arithmetic(expression, self._frame, self._where, self.values)

    def filled(self, expressions: Sequence[Any], learned: Json = None) -> Filled:
        """Return the rows with any values where the columns of these expressions are missing."""
        frame, own = self._frame, [column_names(one) for one in expressions]
        masks = {name: frame.columns[name].missing for names in own for name in names if name in frame.columns}
        missing = {name: mask for name, mask in masks.items() if mask is not None}
        none = np.zeros(frame.rows, dtype=bool)
        by_expression = tuple(
            np.logical_or.reduce([none, *(missing[name] for name in names if name in missing)]) for names in own
        )
        if not missing:
            return Filled(self, {}, by_expression, learned or {})
        known = stand_ins(frame, missing, self._where) if learned is None else learned
        other = copy(self)  # What is odd about columns, and which levels are new, both note in one place.
        other._frame = filled(frame, expressions, self._where, learned)
        return Filled(other, missing, by_expression, known)

    def category(self, expression: Expression, learned: Json = None, *, names: bool = False) -> Category:
        """Return a column, or an expression such as ``C(g)``, as a category; with ``names`` numbers name levels."""
        if learned is None and names and isinstance(expression, Name):
            learned, found = learn_names(expression, self._frame, self._where)
        elif learned is None:
            learned, found = learn_and_evaluate(expression, self._frame, self._where)
        else:
            found = factor_column(expression, learned, self._frame, self._where)
        source = getattr(expression, "name", None) or getattr(expression, "source", "")
        if not found.categorical:
            raise FormulaError(f"{self._where}: '{source}' holds numbers, and this needs a category; write C({source})")
        levels, ordered, declared = found.labels or (), found.ordered, None
        if isinstance(expression, Name):
            own = self._frame.columns[expression.name]
            ordered, declared = own.ordered, own.declared
        return Category(found.values, levels, ordered, declared or levels, learned)

    def array(self, expression: Expression, shape: Sequence[int] | None = None) -> np.ndarray:
        """Return an array column ``(obs, …)``, whose rows have the shape of the training rows where it is given."""
        if not isinstance(expression, Name):
            source = getattr(expression, "source", "")
            raise FormulaError(f"{self._where}: '{source}' is not a column of arrays; name one")
        found = complete(column(self._frame, expression.name, self._where))
        error = DataError if self._where.startswith("data") else FormulaError
        if found.kind != "array":
            raise error(
                f"{self._where}: column '{found.name}' holds one value a row, and this needs an array a row, such as an image or "
                "a series: arrays (obs, …), or lists of one length"
            )
        if shape is not None and found.shape != tuple(shape):
            raise error(
                f"{self._where}: column '{found.name}' is an array of shape {found.shape} a row, but the model was fitted to "
                f"arrays of shape {tuple(shape)}"
            )
        return found.values


MOST_SHOWN = 5


def _lacking(factor: Product, labels: Sequence[Any], known: Sequence[Any], closed: str) -> str:
    """Say which labels of a column are not among those there can be."""
    shown = ", ".join(repr(one) for one in labels[:MOST_SHOWN]) + (", …" if len(labels) > MOST_SHOWN else "")
    count = "a level" if len(labels) == 1 else f"{len(labels)} levels"
    meant = close_to(str(labels[0]), map(str, known))
    return f"data: column '{label(factor)}' has {count} that {closed} has not: {shown}{meant}"
