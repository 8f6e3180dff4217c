"""Sums over all rows to a model spec and its moments: labels in order, columns centred, scaled and combined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from bayesdeep.collapse.layout import Layout
from bayesdeep.core.columns import Columns, Frame, Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.linear import Moments
from bayesdeep.design.coding import code_factors, refuse_one_level
from bayesdeep.design.factors import Factor, learn_and_evaluate
from bayesdeep.design.groups import codes as group_codes
from bayesdeep.design.groups import learn_levels
from bayesdeep.formula.nodes import Expression, Product

from .labels import Labels
from .scan import ONES, Scan


@dataclass(frozen=True)
class _Category:
    """A factor of categories: its state, its labels, and each label's code by the number the scan gave it."""

    state: Json
    labels: tuple[Any, ...]
    codes: np.ndarray


class Finished:
    """What a scan has learned, as terms ask for it while they learn (:class:`~bayesdeep.core.terms.DesignContext`).

    Parameters
    ----------
    scan
        The sums.
    early
        Whether more rows may come, so that one level of a factor is no error yet.
    """

    def __init__(self, scan: Scan, early: bool = False) -> None:
        self._scan, self._early = scan, early
        self.rows = scan.rows
        self._sizes = scan.sizes()
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)]).astype(int)
        self._number = {frozenset(full.product): i for i, full in enumerate(scan.products)}
        self._categories: dict[Expression, _Category] = {}
        self._coded: dict[Any, tuple[Columns, np.ndarray]] = {}
        self._groups: dict[tuple[str, ...], tuple[tuple[Any, ...], np.ndarray]] = {}

    def learn_columns(self, intercept: bool, products: Any) -> Columns:
        """Return products of factors as columns."""
        return self._columns(intercept, tuple(products))[0]

    def design_matrix(self, columns: Columns, products: Any) -> np.ndarray:
        """Not offered: there are no rows."""
        raise FormulaError(f"{self._scan.plan.where}: a term has to see all rows, and they stay on disk")

    def learn_levels(self, factor: Any) -> tuple[Any, ...]:
        """Return the labels of a grouping factor."""
        return self._group(tuple(part.name for part in factor), factor)[0]

    def codes(self, factor: Any, name: str, labels: tuple[Any, ...]) -> np.ndarray:
        """Not offered: there are no rows."""
        raise FormulaError(f"{self._scan.plan.where}: a term has to see all rows, and they stay on disk")

    def values(self, expression: Any) -> np.ndarray:
        """Return the first row's value: terms ask when they learn, to check the expression."""
        from bayesdeep.design.context import FrameContext

        assert self._scan.example is not None
        return FrameContext(self._scan.example, self._scan.plan.where).values(expression)

    def moments(self, layout: Layout, terms: Sequence[tuple[str, Any]], centre: float) -> Moments:
        """Return the sufficient statistics under a layout.

        Parameters
        ----------
        terms
            Key and node of each of the predictor's terms.
        centre
            What is taken off the response.
        """
        nodes = dict(terms)
        columns = self._population(layout, nodes, centre)
        gram = columns.T @ self._gram() @ columns
        factors = list(layout.factors)
        varying = [self._varying(layout, nodes, f) for f in range(len(factors))]
        own, with_columns = [], []
        for (_, levels, width), (names, z) in zip(factors, varying, strict=True):
            square, mixed = self._by_group(names, z, columns)
            order = self._groups[names][1]
            own.append(_placed(square, order, (levels, width, width)))
            with_columns.append(_placed(mixed, order, (levels, width, columns.shape[1])))
        between = {
            (f, g): self._between(varying[f], varying[g])
            for f in range(len(factors))
            for g in range(f + 1, len(factors))
        }
        sums = self._scan.response
        return Moments(sums.exponents, sums.constant, gram, tuple(own), tuple(with_columns), between)

    def _category(self, node: Expression, labels: Labels) -> _Category:
        if node not in self._categories:
            column, numbers = labels.column()
            frame = Frame({labels.name: column}, len(numbers))
            state, factor = learn_and_evaluate(node, frame, self._scan.plan.where)
            names = factor.labels or ()
            if self._early and len(names) == 1:
                names = (*names, f"not {names[0]}")
            refuse_one_level(node, Factor(factor.values, names, True), self._scan.plan.where)
            codes = np.full(len(labels.numbered), -1, dtype=np.int64)
            codes[numbers] = factor.values
            self._categories[node] = _Category(state, names, codes)
        return self._categories[node]

    def _members(self, names: tuple[str, ...]) -> np.ndarray:
        """Return the numbers of the labels of each combination ``(combination, column)``."""
        return self._scan.combinations[names].members(self._scan.levels(names))

    def _group(self, names: tuple[str, ...], factor: Product) -> tuple[tuple[Any, ...], np.ndarray]:
        """Return a factor's labels, and each group's place among them by the number the scan gave it, or -1."""
        if names not in self._groups:
            members = self._members(names)
            columns, there = {}, np.ones(len(members), dtype=bool)
            rows = []
            for k, name in enumerate(names):
                column, numbers = self._scan.labels[name].column()
                row = np.full(len(self._scan.labels[name].numbered), -1, dtype=np.int64)
                row[numbers] = np.arange(len(numbers))
                rows.append(row[members[:, k]])
                there &= rows[-1] >= 0
                columns[name] = column
            frame = Frame(
                {n: _taken(columns[n], row[there]) for n, row in zip(names, rows, strict=True)}, int(there.sum())
            )
            labels = learn_levels(factor, frame, self._scan.plan.where)
            places = np.full(len(members), -1, dtype=np.int64)
            places[there] = group_codes(factor, labels, frame, self._scan.plan.where)
            self._groups[names] = (labels, places)
        return self._groups[names]

    def _columns(self, intercept: bool, products: tuple[Product, ...]) -> tuple[Columns, np.ndarray]:
        """Return learned columns, and the matrix ``(full column, column)`` that makes them of the full products'."""
        key = (intercept, products)
        if key not in self._coded:
            learned, rows = self._on_full_columns(products)
            total = sum(stop - start for start, stop in rows)
            state, terms, matrix = code_factors(intercept, products, learned, total)
            combine = np.zeros((self._starts[-2], matrix.shape[1]))
            for term, coded in zip(terms, state["terms"], strict=True):
                product = products[coded["product"]]
                begin, end = rows[coded["product"]]
                start = self._starts[self._number[frozenset(product)]]
                combine[start : start + end - begin, term.start : term.stop] = matrix[begin:end, term.start : term.stop]
            means, sds = self._means_sds(combine)
            self._coded[key] = (Columns(intercept, terms, means, sds, state), combine)
        return self._coded[key]

    def _on_full_columns(
        self, products: tuple[Product, ...]
    ) -> tuple[dict[Expression, tuple[Json, Factor]], list[tuple[int, int]]]:
        """Return the factors' values on rows that stand for the full columns of the products, numbers being 1.

        Also the first such row and the last + 1 of each product.
        """
        spans, members = [], []
        start = 0
        for product in products:
            full = self._scan.products[self._number[frozenset(product)]]
            own = self._members(full.columns) if full.columns else np.zeros((1, 0), dtype=np.int64)
            spans.append((start, start + len(own)))
            members.append((full.columns, own))
            start += len(own)
        learned: dict[Expression, tuple[Json, Factor]] = {}
        for node in dict.fromkeys(factor for product in products for factor in product):
            name = self._label_column(node)
            if name is None:
                learned[node] = (self._scan.states[node], Factor(np.ones(start)))
                continue
            category = self._category(node, self._scan.labels[name])
            values = np.zeros(start, dtype=np.int64)
            for (begin, end), (columns, own) in zip(spans, members, strict=True):
                if name in columns:
                    # Labels that no row has (any more) have no rows in any sum either.
                    values[begin:end] = np.maximum(category.codes[own[:, columns.index(name)]], 0)
            learned[node] = (category.state, Factor(values, category.labels, True))
        return learned, spans

    def _label_column(self, node: Expression) -> str | None:
        from .scan import category_column

        assert self._scan.example is not None
        return category_column(node, self._scan.example)

    def _means_sds(self, combine: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return means and standard deviations over rows, likelihood weights left out of account."""
        first, second = [], []
        for i, size in enumerate(self._sizes[:-1]):
            if self._scan.plain.keys():
                first.append(self._scan.plain.get((i, 1), (size,)))
                second.append(self._scan.plain.get((i, 2), (size,)))
            else:
                first.append(self._scan.gram.get((ONES, i), (1, size))[0])
                second.append(np.diag(self._scan.gram.get((i, i), (size, size))))
        # Full columns of one product are never non-zero together, so squares add up as values do.
        mean = combine.T @ np.concatenate(first) / self.rows
        square = (combine**2).T @ np.concatenate(second) / self.rows
        sds = np.sqrt(np.maximum(square - mean**2, 0.0))
        means = mean + combine.T @ self._offsets()[:-1]
        return tuple(means.tolist()), tuple(sds.tolist())

    def _offsets(self) -> np.ndarray:
        """Return what was taken off each full column, and off the response."""
        return np.repeat(self._scan.centres, self._sizes)

    def _gram(self) -> np.ndarray:
        total = np.zeros((self._starts[-1], self._starts[-1]))
        for i, n in enumerate(self._sizes):
            for j in range(i, len(self._sizes)):
                table = self._scan.gram.get((i, j), (n, self._sizes[j]))
                a, b = self._starts[i], self._starts[j]
                total[a : a + n, b : b + self._sizes[j]] = table
                total[b : b + self._sizes[j], a : a + n] = table.T
        return total

    def _population(self, layout: Layout, nodes: Mapping[str, Any], centre: float) -> np.ndarray:
        """Return the matrix ``(full column, column + 1)`` that makes the system's columns and response."""
        count, last = len(layout.means), self._starts[-1] - 1
        found = np.zeros((last + 1, count + 1))
        offsets = self._offsets()
        if layout.intercept:
            found[ONES, 0] = 1.0
        for place in layout.columns:
            node = nodes[place.key]
            combine = self._columns(node.intercept, tuple(node.products))[1]
            for k in range(combine.shape[1]):
                at = place.start + k
                found[:last, at] = combine[:, k]
                found[ONES, at] += combine[:, k] @ offsets[:-1] - layout.means[at]
                found[:, at] /= layout.sds[at]
        found[last, count] = 1.0
        found[ONES, count] += offsets[-1] - centre
        return found

    def _varying(self, layout: Layout, nodes: Mapping[str, Any], factor: int) -> tuple[tuple[str, ...], np.ndarray]:
        """Return a factor's columns of labels, and the matrix ``(full column, coefficient)`` that makes what varies."""
        names: tuple[str, ...] = ()
        found = np.zeros((self._starts[-1], layout.factors[factor][2]))
        offsets = self._offsets()
        for place in layout.effects:
            if place.factor != factor:
                continue
            node = nodes[place.key]
            names = tuple(part.name for part in node.factor)
            start = place.start
            if place.part.intercept:
                found[ONES, start] = 1.0
                start += 1
            combine = self._columns(node.intercept, tuple(node.products))[1]
            found[: len(combine), start : start + combine.shape[1]] = combine
            found[ONES, start : start + combine.shape[1]] += combine.T @ offsets[:-1]
        return names, found

    def _by_group(self, names: tuple[str, ...], z: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of a factor by the scan's numbers, ``(level, width, width)`` and ``(level, width, column + 1)``."""
        place = list(self._scan.plan.groups).index(names)
        own, levels = self._scan.varying[place], self._scan.levels(names)
        square, mixed = np.zeros((levels, z.shape[1], z.shape[1])), np.zeros((levels, z.shape[1], columns.shape[1]))
        for i in own:
            left = z[self._span(i)]
            for j in range(len(self._sizes)):
                key, shape = ((i, j), (self._sizes[i], self._sizes[j]))
                turned = j in own and j < i
                key, shape = ((j, i), shape[::-1]) if turned else (key, shape)
                table = self._scan.by_group.get((names, *key), (levels, *shape))
                table = table.transpose(0, 2, 1) if turned else table
                rows = np.einsum("lab,ak->lkb", table, left)
                mixed += rows @ columns[self._span(j)]
                square += rows @ z[self._span(j)]
        return square, mixed

    def _span(self, product: int) -> slice:
        return slice(self._starts[product], self._starts[product + 1])

    def _between(
        self, first: tuple[tuple[str, ...], np.ndarray], second: tuple[tuple[str, ...], np.ndarray]
    ) -> sparse.csr_array:
        """Return the sums of two factors by pair of levels, ``(level * width, level * width)``."""
        names = list(self._scan.plan.groups)
        f, g = names.index(first[0]), names.index(second[0])
        turned = f > g
        (row_names, z_rows), (column_names, z_columns) = (second, first) if turned else (first, second)
        f, g = min(f, g), max(f, g)
        sizes = self._scan.levels(row_names), self._scan.levels(column_names)
        places = self._groups[row_names][1], self._groups[column_names][1]
        widths = z_rows.shape[1], z_columns.shape[1]
        shape = tuple(len(self._groups[n][0]) * w for n, w in zip((row_names, column_names), widths, strict=True))
        total = sparse.csr_array(shape)
        for i in self._scan.varying[f]:
            for a in range(self._sizes[i]):
                for j in self._scan.varying[g]:
                    for b in range(self._sizes[j]):
                        table = self._scan.between.get((f, g, i, a, j, b), sizes).tocoo()
                        left, right = z_rows[self._starts[i] + a], z_columns[self._starts[j] + b]
                        for k in np.flatnonzero(left):
                            for m in np.flatnonzero(right):
                                at = (places[0][table.row] * widths[0] + k, places[1][table.col] * widths[1] + m)
                                values = table.data * left[k] * right[m]
                                total = total + sparse.coo_array((values, at), shape=shape).tocsr()
        return sparse.csr_array(total.T) if turned else total


def _placed(table: np.ndarray, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    found = np.zeros(shape)
    there = places >= 0
    found[places[there]] = table[there]
    return found


def _taken(column: Any, rows: np.ndarray) -> Any:
    from dataclasses import replace

    return replace(column, values=column.values[rows])
