"""The pass over the rows: sums of products of columns, about the first block's means, by labels as they are met.

Whatever can only be known at the end (which labels there are and in which order, means and standard deviations, which levels
of a factor have a column) enters linearly. So the sums are those of *full* products, one column for each combination of
labels that was met, and the design's own columns are linear combinations of these: see :mod:`bayesdeep.stream.finish`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame, Json
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.priors import Known
from bayesdeep.core.records import Family
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.design.context import FrameContext
from bayesdeep.design.convert import drop_unused_levels
from bayesdeep.design.factors import column_names, learn_and_evaluate
from bayesdeep.formula.nodes import Call, Expression, Name, Product
from bayesdeep.spec.make import check_known

from .block import Block, Gaps
from .label_tables import Combinations, Labels
from .moment_sums import PairTables, Tables, sums_by, times
from .read_plan import Plan
from .stream_response import ResponseSums

CHUNK = 8_192
"""Rows multiplied at a time: they stay in the processor's cache."""

ONES = 0
"""Number of the empty product."""


@dataclass(frozen=True)
class Full:
    """A product of factors with a column for each combination of labels: the columns the labels are of, and the rest."""

    product: Product
    columns: tuple[str, ...]
    numeric: tuple[Expression, ...]


@dataclass(frozen=True)
class _Numbers:
    """What one block's rows are, as arrays ``(obs,)``; None stands for ones, or for one label."""

    rows: int
    values: list[np.ndarray | None]
    codes: list[np.ndarray | None]
    groups: list[np.ndarray]
    precision: np.ndarray | None


class Scan:
    """Sums over all rows given so far.

    Attributes
    ----------
    products
        Products by number; the response comes after the last of them. Empty before the first row.
    sizes
        Columns of each product, and of the response.
    centres
        What was taken off each product's column, and off the response.
    """

    def __init__(self, plan: Plan, family: Family, known: Mapping[str, Known], missing: str) -> None:
        self.plan, self.family, self.known, self.missing = plan, family, known, missing
        self.gaps = Gaps()
        self.labels: dict[str, Labels] = {}
        self.combinations: dict[tuple[str, ...], Combinations] = {}
        self.states: dict[Expression, Json] = {}
        self.shifts: dict[Expression, float] = {}
        self.products: tuple[Full, ...] = ()
        self.centres: np.ndarray = np.zeros(0)
        self.gram, self.by_group, self.plain = Tables(), Tables(), Tables()
        self.between = PairTables()
        self.rows = 0
        self.response = ResponseSums()
        self.example: Frame | None = None
        check_known(family, known, {name: np.ones(1) for name, k in known.items() if isinstance(k.value, str)})

    def add(self, block: Block) -> None:
        """Add a block of rows."""
        first = self.gaps.rows + 1
        try:
            frame = self.gaps.complete(block, self.plan.used)
            refused = self.gaps.infinite_rows or (self.missing == "error" and self.gaps.missing_rows)
            if not refused and frame.rows:
                self._add(frame, block.declared)
        except (DataError, FormulaError) as error:
            rows = f"in rows {first:,} to {first + block.frame.rows - 1:,} of the data"
            raise type(error)(f"{error} ({rows})") from None

    def sizes(self) -> list[int]:
        """Return the number of columns of each product by now, and of the response, 1."""
        return [self._size(full.columns) for full in self.products] + [1]

    def response_mean(self) -> float:
        """Return the mean over rows of the response less what is added to the predictor as it is."""
        sums = self.plain.get("response", (1,)) if "response" in self.plain else self.gram.get((ONES, len(self.products)), (1, 1))
        return float(self.centres[-1] + sums.ravel()[0] / self.rows)

    def levels(self, names: tuple[str, ...]) -> int:
        """Return the number of groups by now."""
        return self._size(names)

    def _size(self, names: tuple[str, ...]) -> int:
        if not names:
            return 1
        if len(names) == 1:
            return len(self.labels[names[0]].numbered)
        return len(self.combinations[names].levels[-1])

    def _add(self, frame: Frame, declared: Mapping[str, tuple[Any, ...]]) -> None:
        if not self.products:
            self._start(frame)
        codes = {
            name: labels.codes(frame.columns[name], declared.get(name)) for name, labels in self.labels.items()
        }
        combined = {names: c.codes([codes[n] for n in names]) for names, c in self.combinations.items()}
        values = [self._value(full, frame) for full in self.products]
        y, precision = self.response.add(self.plan.response, frame, self.family, self.known, self.plan.where)
        y = self._shifted(y, frame)
        if not len(self.centres):
            means = [
                0.0 if v is None or full.columns else float(v.mean())
                for full, v in zip(self.products, values, strict=True)
            ]
            self.centres = np.array([*means, float(y.mean())])
        values = [
            v - c if v is not None and c else v for v, c in zip([*values, y], self.centres.tolist(), strict=True)
        ]
        own = [combined[full.columns] if full.columns else None for full in self.products]
        numbers = _Numbers(frame.rows, values, [*own, None], [combined[names] for names in self.plan.groups], precision)
        self._sum(numbers)
        self.rows += frame.rows

    def _start(self, frame: Frame) -> None:
        """Sort the factors into categories and numbers."""
        found = []
        for product in self.plan.products:
            columns: dict[str, None] = {}
            numeric = []
            for node in product:
                name = category_column(node, frame)
                if name is None:
                    numeric.append(node)
                else:
                    columns[name] = None
            found.append(Full(product, tuple(columns), tuple(numeric)))
        self.products = tuple(found)
        for names in [full.columns for full in found if full.columns] + list(self.plan.groups):
            self.combinations.setdefault(names, Combinations(len(names)))
            for name in names:
                self.labels.setdefault(name, Labels(name))
        columns_ = {n: _first_row(frame.columns[n]) for n in self.plan.used}
        self.example = Frame(columns_, 1)

    def _value(self, full: Full, frame: Frame) -> np.ndarray | None:
        parts = []
        for node in full.numeric:
            state, factor = learn_and_evaluate(node, frame, self.plan.where)
            if factor.categorical:
                raise DataError(
                    f"data: column '{getattr(node, 'name', node.source)}' holds numbers in some rows and text, categories or "
                    "true and false in others; give it one type in all files"
                )
            if factor.values.ndim != 1 or factor.labels is not None or self.states.setdefault(node, state) != state:
                raise FormulaError(
                    f"{self.plan.where}: {node.source}: it cannot be made row by row; add the column to the data beforehand"
                )
            parts.append(factor.values)
        return times(*parts)

    def _shifted(self, y: np.ndarray, frame: Frame) -> np.ndarray:
        """Return the response less what is added to the predictor with coefficient 1."""
        context = FrameContext(frame, self.plan.where)
        for expression in self.plan.shifts:
            shift = context.values(expression)
            self.shifts[expression] = self.shifts.get(expression, 0.0) + float(shift.sum())
            y = y - shift
        return y

    def _sum(self, block: _Numbers) -> None:
        sizes, weigh = self.sizes(), block.precision
        last = len(sizes) - 1
        for i in range(last + 1):
            for j in range(i, last + 1):
                if block.codes[i] is None and block.codes[j] is None:
                    continue
                pair = times(block.values[i], block.values[j], weigh)
                codes = [block.codes[i], block.codes[j]]
                self.gram.add((i, j), sums_by(codes, [sizes[i], sizes[j]], pair, block.rows))
        self._dense(block)
        if weigh is not None:
            y = block.values[-1]
            assert y is not None
            self.plain.add("response", np.array([y.sum()]))
            for i in range(last):
                for power in (1, 2):
                    value = times(*[block.values[i]] * power)
                    self.plain.add((i, power), sums_by([block.codes[i]], [sizes[i]], value, block.rows))
        for names, own, code in zip(self.plan.groups, self.varying, block.groups, strict=True):
            for i in own:
                for j in range(last + 1):
                    if j in own and j < i:
                        continue
                    pair = times(block.values[i], block.values[j], weigh)
                    codes = [code, block.codes[i], block.codes[j]]
                    shape = [self.levels(names), sizes[i], sizes[j]]
                    self.by_group.add((names, i, j), sums_by(codes, shape, pair, block.rows))
        for (f, first), (g, second) in combinations(enumerate(self.plan.groups), 2):
            pairs = [
                (i, a, j, b)
                for i in self.varying[f]
                for a in range(sizes[i])
                for j in self.varying[g]
                for b in range(sizes[j])
            ]
            weights = [times(_slot(block, i, a), _slot(block, j, b), weigh) for i, a, j, b in pairs]
            sizes2 = (self.levels(first), self.levels(second))
            keys = [(f, g, *pair) for pair in pairs]
            self.between.add(keys, (block.groups[f], block.groups[g]), sizes2, weights)

    def _dense(self, block: _Numbers) -> None:
        """Add the products of columns that are single ones, the response among them, by one matrix product."""
        single = [i for i, code in enumerate(block.codes) if code is None]
        found = np.zeros((len(single), len(single)))
        for start in range(0, block.rows, CHUNK):
            rows = slice(start, min(start + CHUNK, block.rows))
            matrix = np.ones((len(single), rows.stop - start))
            for k, i in enumerate(single):
                value = block.values[i]
                if value is not None:
                    matrix[k] = value[rows]
            found += matrix @ (matrix if block.precision is None else matrix * block.precision[rows]).T
        for k, i in enumerate(single):
            for m in range(k, len(single)):
                self.gram.add((i, single[m]), found[k : k + 1, m : m + 1])

    @property
    def varying(self) -> list[list[int]]:
        """Return by grouping factor the numbers of the products whose coefficients vary, and of the ones."""
        number = {frozenset(full.product): i for i, full in enumerate(self.products)}
        return [sorted({ONES, *(number[frozenset(p)] for p in own)}) for _, own in self.plan.groups.values()]


def _slot(block: _Numbers, product: int, label: int) -> np.ndarray | None:
    """Return one column of a product ``(obs,)``."""
    code, value = block.codes[product], block.values[product]
    return value if code is None else times((code == label).astype(np.float64), value)


def category_column(node: Expression, frame: Frame) -> str | None:
    """Return the column whose labels a factor has; None for a number."""
    if isinstance(node, Name):
        return None if frame.columns[node.name].kind == "number" else node.name
    if isinstance(node, Call) and node.function in TRANSFORMS and TRANSFORMS[node.function].categorical:
        return column_names(node)[0]
    return None


def _first_row(column: Column) -> Column:
    return drop_unused_levels(replace(column, values=column.values[:1], missing=None))
