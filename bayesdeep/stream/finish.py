"""What terms learn from sums over rows: labels in order, and columns as combinations of full products' columns."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Frame, Json, LearnedColumns
from bayesdeep.design.coding import code_factors, refuse_one_level
from bayesdeep.design.factors import Factor, learn_and_evaluate
from bayesdeep.design.group_levels import codes as group_codes
from bayesdeep.design.group_levels import learn_levels
from bayesdeep.formula.nodes import Expression, Product

from .label_tables import Labels
from .read_plan import names_of
from .scan import ONES, Scan, category_column


@dataclass(frozen=True)
class _Category:
    """A factor of categories: its state, its labels, and each label's code by the number the scan gave it."""

    state: Json
    labels: tuple[Any, ...]
    codes: np.ndarray
    contrast: Any = None


class Finished:
    """What sums over rows say of the columns and groups that terms ask for.

    Parameters
    ----------
    scan
        The sums.
    early
        Whether more rows may come, so that one level of a factor is no error yet.
    """

    def __init__(self, scan: Scan, early: bool = False) -> None:
        self.scan, self._early = scan, early
        self.rows = scan.rows
        self._where = scan.plan.where
        self.sizes = scan.sizes()
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)]).astype(int)
        self._number = {frozenset(full.product): i for i, full in enumerate(scan.products)}
        self._categories: dict[Expression, _Category] = {}
        self._coded: dict[Any, tuple[LearnedColumns, np.ndarray]] = {}
        self._groups: dict[tuple[str, ...], tuple[tuple[Any, ...], np.ndarray]] = {}

    def _category(self, node: Expression, labels: Labels) -> _Category:
        if node not in self._categories:
            column, numbers = labels.column()
            frame = Frame({labels.name: column}, len(numbers))
            state, factor = learn_and_evaluate(node, frame, self._where)
            names = factor.labels or ()
            if self._early and len(names) == 1:
                names = (*names, f"not {names[0]}")
            refuse_one_level(node, Factor(factor.values, names, True), self._where)
            codes = np.full(len(labels.numbered), -1, dtype=np.int64)
            codes[numbers] = factor.values
            self._categories[node] = _Category(state, names, codes, factor.contrast)
        return self._categories[node]

    def _members(self, names: tuple[str, ...]) -> np.ndarray:
        """Return the numbers of the labels of each combination ``(combination, column)``."""
        return self.scan.combinations[names].members(self.scan.levels(names))

    def group(self, factor: Product) -> tuple[tuple[Any, ...], np.ndarray]:
        """Return a factor's labels, and each group's place among them by the number the scan gave it, or -1."""
        names = names_of(factor, self._where)
        if names not in self._groups:
            members = self._members(names)
            columns, there = {}, np.ones(len(members), dtype=bool)
            rows = []
            for k, name in enumerate(names):
                column, numbers = self.scan.labels[name].column()
                row = np.full(len(self.scan.labels[name].numbered), -1, dtype=np.int64)
                row[numbers] = np.arange(len(numbers))
                rows.append(row[members[:, k]])
                there &= rows[-1] >= 0
                columns[name] = column
            frame = Frame(
                {n: _taken(columns[n], row[there]) for n, row in zip(names, rows, strict=True)}, int(there.sum())
            )
            labels = learn_levels(factor, frame, self._where)
            places = np.full(len(members), -1, dtype=np.int64)
            places[there] = group_codes(factor, labels, frame, self._where)
            self._groups[names] = (labels, places)
        return self._groups[names]

    def columns(self, intercept: bool, products: tuple[Product, ...]) -> tuple[LearnedColumns, np.ndarray]:
        """Return learned columns, and the matrix ``(full column, column)`` that makes them of the full products'."""
        key = (intercept, products)
        if key not in self._coded:
            learned, rows = self._on_full_columns(products)
            total = sum(stop - start for start, stop in rows)
            state, terms, matrix = code_factors(intercept, products, learned, total, self._where)
            combine = np.zeros((self.starts[-2], matrix.shape[1]))
            for term, coded in zip(terms, state["terms"], strict=True):
                product = products[coded["product"]]
                begin, end = rows[coded["product"]]
                start = self.starts[self._number[frozenset(product)]]
                combine[start : start + end - begin, term.start : term.stop] = matrix[begin:end, term.start : term.stop]
            means, sds = self._means_sds(combine)
            self._coded[key] = (LearnedColumns(intercept, terms, means, sds, state), combine)
        return self._coded[key]

    def of_full_columns(self, combine: np.ndarray) -> np.ndarray:
        """Return columns as combinations of all that was summed, ``(full column and response, column)``.

        ``combine`` is as from :meth:`columns`. What was summed had constants taken off, which the column of ones puts back.
        """
        found = np.zeros((self.starts[-1], combine.shape[1]))
        found[: len(combine)] = combine
        found[ONES] += combine.T @ self.offsets()[:-1]
        return found

    def _on_full_columns(
        self, products: tuple[Product, ...]
    ) -> tuple[dict[Expression, tuple[Json, Factor]], list[tuple[int, int]]]:
        """Return the factors' values on rows that stand for the full columns of the products, numbers being 1.

        Also the first such row and the last + 1 of each product.
        """
        spans, members = [], []
        start = 0
        for product in products:
            full = self.scan.products[self._number[frozenset(product)]]
            own = self._members(full.columns) if full.columns else np.zeros((1, 0), dtype=np.int64)
            spans.append((start, start + len(own)))
            members.append((full.columns, own))
            start += len(own)
        learned: dict[Expression, tuple[Json, Factor]] = {}
        for node in dict.fromkeys(factor for product in products for factor in product):
            name = self._label_column(node)
            if name is None:
                learned[node] = (self.scan.states[node], Factor(np.ones(start)))
                continue
            category = self._category(node, self.scan.labels[name])
            values = np.zeros(start, dtype=np.int64)
            for (begin, end), (columns, own) in zip(spans, members, strict=True):
                if name in columns:
                    # Labels that no row has (any more) have no rows in any sum either.
                    values[begin:end] = np.maximum(category.codes[own[:, columns.index(name)]], 0)
            learned[node] = (category.state, Factor(values, category.labels, True, category.contrast))
        return learned, spans

    def _label_column(self, node: Expression) -> str | None:
        assert self.scan.example is not None
        return category_column(node, self.scan.example)

    def _means_sds(self, combine: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return means and standard deviations over rows, likelihood weights left out of account."""
        first, second = [], []
        for i, size in enumerate(self.sizes[:-1]):
            if "response" in self.scan.plain:
                first.append(self.scan.plain.get((i, 1), (size,)))
                second.append(self.scan.plain.get((i, 2), (size,)))
            else:
                first.append(self.scan.gram.get((ONES, i), (1, size))[0])
                second.append(np.diag(self.scan.gram.get((i, i), (size, size))))
        # Full columns of one product are never non-zero together, so squares add up as values do.
        mean = combine.T @ np.concatenate(first) / self.rows
        square = (combine**2).T @ np.concatenate(second) / self.rows
        sds = np.sqrt(np.maximum(square - mean**2, 0.0))
        means = mean + combine.T @ self.offsets()[:-1]
        return tuple(means.tolist()), tuple(sds.tolist())

    def offsets(self) -> np.ndarray:
        """Return what was taken off each full column, and off the response."""
        return np.repeat(self.scan.centres, self.sizes)


def _taken(column: Any, rows: np.ndarray) -> Any:
    return replace(column, values=column.values[rows])
