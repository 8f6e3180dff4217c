"""A fitted predictor as a function of its input columns, draw by draw."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.design.frame import read_frame
from bayesdeep.design.missing import check_missing
from bayesdeep.design.responses import response_gaps
from bayesdeep.formula.nodes import Call, Formula
from bayesdeep.formula.walk import columns as columns_of
from bayesdeep.results.aligned import aligned
from bayesdeep.results.data_columns import taken
from bayesdeep.results.fitted import Fitted, asked_rows, flat_draws, own_rows
from bayesdeep.results.prediction_blocks import blocks, check_kind
from bayesdeep.results.rows import Rows
from bayesdeep.spec.model_spec import ModelSpec

from .marginal_source import NO_COLUMNS
from .marginal_variables import CODED


@dataclass(frozen=True)
class Input:
    """One input of a predictor.

    Attributes
    ----------
    name
        The column's name; ``"a:b"`` for columns that a grouping factor joins and that therefore move together.
    columns
        The columns.
    kind
        ``"number"``, ``"category"``, or ``"group"`` for what only grouping factors use.
    """

    name: str
    columns: tuple[str, ...]
    kind: str


@dataclass(frozen=True, eq=False)
class Predictor:
    """The main predictor of a fit as a function of its inputs.

    Attributes
    ----------
    spec
        The fit's model.
    inputs
        What its formula is a function of.
    columns
        All columns the model reads, on the training rows.
    posterior
        Draws by name ``(draw, …)``.
    chains
        Each draw's chain ``(draw,)``.
    rows_of
        From a frame to rows to predict.
    """

    spec: ModelSpec
    inputs: tuple[Input, ...]
    columns: Mapping[str, Column]
    posterior: Mapping[str, np.ndarray]
    chains: np.ndarray
    rows_of: Callable[[Frame], Rows]

    @property
    def rows(self) -> int:
        """Return the number of training rows."""
        return len(next(iter(self.columns.values())).values)

    @property
    def draws(self) -> int:
        """Return the number of draws."""
        return len(self.chains)

    def input(self, name: str, where: str) -> Input:
        """Return an input by name; ``where`` begins the error text."""
        found = next((i for i in self.inputs if i.name == name), None)
        if found is None:
            known = [i.name for i in self.inputs]
            raise FitError(f"{where}: the predictor has no input '{name}'{nearest(name, known)}")
        return found

    def order(self, given: Input) -> np.ndarray:
        """Return the training rows ``(obs,)`` sorted by an input's values, ties as they stand."""
        return np.lexsort([self.columns[name].values for name in reversed(given.columns)])

    def frame(self, places: Mapping[str, np.ndarray], values: Mapping[str, Column] | None = None) -> Frame:
        """Return rows put together from training rows.

        Parameters
        ----------
        places
            By input: of each new row, the training row its value is taken from. Columns that are no inputs keep the
            first training row's value.
        values
            Columns to take as they are instead, by name.
        """
        count = len(next(iter(places.values())))
        at = {name: places[i.name] for i in self.inputs for name in i.columns}
        first = np.zeros(count, dtype=np.intp)
        made = {name: taken({name: c}, at.get(name, first))[name] for name, c in self.columns.items()}
        return Frame({**made, **(values or {})}, count)

    def evaluate(self, frames: Sequence[Frame], kind: str = "linear") -> list[np.ndarray]:
        """Return the predictor at the rows of each frame ``(draw, row[, level])``; new groups are average ones.

        ``kind`` is ``"linear"`` or ``"mean"``.
        """
        names, what = list(self.columns), check_kind(kind, self.spec)
        joined = {name: _joined([f.columns[name] for f in frames]) for name in names}
        rows = self.rows_of(Frame(joined, sum(f.rows for f in frames)))
        parts = [value for _, _, value in blocks(self.spec, self.posterior, rows, what, "average", 0)]
        whole = np.concatenate(parts, axis=1)
        return np.split(whole, np.cumsum([f.rows for f in frames])[:-1], axis=1)


def _joined(columns: Sequence[Column]) -> Column:
    """Return columns of one kind and the same levels one below the other."""
    return replace(columns[0], values=np.concatenate([c.values for c in columns]))


def predictor_of(fit: Fitted, where: str, draws: int, data: Any = None) -> Predictor:
    """Return a fit's predictor with about this many of its draws, evenly spaced in every chain.

    Parameters
    ----------
    fit
        The fit.
    where
        Begins error texts.
    draws
        How many draws in all, at most.
    data
        Rows whose columns to use; by default those the model was fitted to.

    Raises
    ------
    FitError
        Where the fit does not hold the columns, or the predictor has no inputs.
    """
    spec = fit.spec
    columns = columns_of_fit(fit, where, data)
    inputs = _inputs(spec.nodes[next(iter(spec.formulas))], columns)
    if not inputs:
        raise FitError(f"{where}: the predictor is a constant; it has no inputs to look at")
    posterior, (chains, length) = flat_draws(fit), fit.sizes
    own = np.unique(np.linspace(0, length - 1, max(1, min(length, draws // chains)), dtype=int))
    keep = (np.arange(chains)[:, None] * length + own).ravel()
    return Predictor(spec, inputs, columns, {k: v[keep] for k, v in posterior.items()}, keep // length, partial(asked_rows, fit))


def columns_of_fit(fit: Fitted, where: str, data: Any = None) -> dict[str, Column]:
    """Return the columns a model reads, by name, on its own rows or on those given."""
    spec, rows = fit.spec, own_rows(fit, where)
    needed = _needed(spec)
    if data is None:
        if any(name not in rows.columns for name in needed):
            raise FitError(f"{where}: {NO_COLUMNS}")
        return {name: rows.columns[name] for name in needed}
    frame = read_frame(data)
    for name in needed:
        if name not in frame.columns:
            raise FitError(f"{where}: no column '{name}' in the data, which the model needs{nearest(name, frame.columns)}")
    node = next(iter(spec.nodes.values())).response
    nodes = [replace(formula, response=None) for formula in spec.nodes.values()]
    others = [name for formula in nodes for name in columns_of(formula)]
    others += [known.value for known in spec.known.values() if isinstance(known.value, str)]
    frame, _, _ = check_missing(frame, needed, spec.missing, gaps=response_gaps(node, frame, others))
    inputs = {name for formula in nodes for name in columns_of(formula) if name in rows.columns}
    named = {name for formula in nodes for name in (*_coded(formula), *_grouping(formula))}
    own = {name: aligned(frame.columns[name], rows.columns[name], name in named) for name in inputs}
    return {name: own[name] if name in own else frame.columns[name] for name in needed}


def _needed(spec: ModelSpec) -> tuple[str, ...]:
    """Return the names of the columns that a model reads, its response's included."""
    names = [name for node in spec.nodes.values() for name in columns_of(node)]
    names += [known.value for known in spec.known.values() if isinstance(known.value, str)]
    return tuple(dict.fromkeys(names))


def _inputs(node: Formula, columns: Mapping[str, Column]) -> tuple[Input, ...]:
    """Return the inputs in the order in which the formula names them, those that only group rows last."""
    names = columns_of(replace(node, response=None))
    factors = [tuple(columns_of(Formula("", None, False, (g.factor,)))) for g in node.groups]
    others = set(columns_of(replace(node, response=None, groups=())))
    others |= {n for g in node.groups for n in columns_of(Formula("", None, False, g.products, (), g.specials))}
    coded = _coded(node)
    found: list[Input] = []
    for members in _together(names, factors):
        numbers = all(columns[name].kind in ("number", "bool") and name not in coded for name in members)
        used = any(name in others for name in members)
        kind = "group" if not used else ("number" if numbers and len(members) == 1 else "category")
        found.append(Input(":".join(members), members, kind))
    return tuple(sorted(found, key=lambda i: i.kind == "group"))


def _grouping(node: Formula) -> set[str]:
    """Return the columns right of a bar."""
    return {name for group in node.groups for name in columns_of(Formula("", None, False, (group.factor,)))}


def _coded(node: Formula) -> set[str]:
    """Return the columns whose numbers only name levels: those inside ``C()`` and ``embed()``."""
    calls = [*node.specials, *(call for group in node.groups for call in group.specials)]
    nested = [argument for call in calls for argument in call.arguments]
    factors = [factor for product in node.products for factor in product]
    factors += [factor for group in node.groups for product in group.products for factor in product]
    inside = [f for f in (*factors, *nested) if isinstance(f, Call) and f.function in CODED]
    return {name for call in inside for name in columns_of(call.arguments[0])}


def _together(names: Sequence[str], factors: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the names in sets that factors such as ``a:b`` join; both in the order of ``names``."""
    owner = {name: name for name in names}
    for factor in factors:
        joined = {owner[name] for name in factor}
        first = min(joined, key=list(names).index)
        owner = {name: first if own in joined else own for name, own in owner.items()}
    return [tuple(n for n in names if owner[n] == first) for first in dict.fromkeys(owner.values())]
