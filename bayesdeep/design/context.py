"""The data as terms see them, while they learn and on new rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.columns import Columns, Frame
from bayesdeep.core.errors import FormulaError
from bayesdeep.formula.nodes import Formula, Product

from .coding import design_matrix, learn_columns
from .doubts import Doubt, doubts
from .factors import evaluate_column
from .group_levels import learn_levels, new_levels


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

    def __init__(self, frame: Frame, where: str, formula: Formula | None = None) -> None:
        self._frame, self._where = frame, where
        self.rows, self.where = frame.rows, where
        self.population: tuple[bool, tuple[Product, ...]] = (False, ())
        if formula is not None:
            self.population = (formula.intercept, formula.products)
        self.factors: tuple[Product, ...] = () if formula is None else tuple(g.factor for g in formula.groups)
        self.unseen: dict[str, tuple[Any, ...]] = {}
        self.rows_unseen: dict[str, int] = {}
        self.doubts: dict[Doubt, None] = {}

    def learn_columns(self, intercept: bool, products: Any) -> Columns:
        """Code products of factors as columns."""
        learned = learn_columns(intercept, products, self._frame, self._where)
        self.doubts.update(dict.fromkeys(doubts(learned, self.rows)))
        return learned

    def design_matrix(self, columns: Columns, products: Any) -> np.ndarray:
        """Return the same columns on these rows ``(obs, column)``."""
        return design_matrix(columns, products, self._frame, self._where)

    def learn_levels(self, factor: Any) -> tuple[Any, ...]:
        """Return the labels of a grouping factor."""
        return learn_levels(factor, self._frame, self._where)

    def codes(self, factor: Any, name: str, labels: Sequence[Any]) -> np.ndarray:
        """Return each row's level ``(obs,)``; unseen levels count on from the known ones."""
        unseen, codes = new_levels(factor, labels, self._frame, self._where)
        self.unseen[name] = tuple(unseen)
        if unseen:
            self.rows_unseen[name] = int(np.count_nonzero(codes >= len(labels)))
        return codes

    def values(self, expression: Any) -> np.ndarray:
        """Return one numeric, elementwise expression of columns ``(obs,)``; nothing is learned."""
        found = evaluate_column(expression, self._frame, self._where)
        if found.kind != "number":
            raise FormulaError(f"{self._where}: '{found.name}' is not numeric")
        return np.asarray(found.values, dtype=np.float64)
