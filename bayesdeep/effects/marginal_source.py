"""What slopes, contrasts and curves are made from: a fit's draws, its variables, and rows."""

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.registry import RESPONSES
from bayesdeep.design.frame import column as column_of
from bayesdeep.design.frame import read_frame
from bayesdeep.design.missing import check_missing
from bayesdeep.design.responses import response_gaps
from bayesdeep.formula.nodes import Call, Expression
from bayesdeep.formula.walk import columns as columns_of
from bayesdeep.results.aligned import aligned
from bayesdeep.results.fitted import Fitted, flat_draws, own_rows, seed_for
from bayesdeep.results.prediction_blocks import check_kind
from bayesdeep.spec.model_spec import ModelSpec

from .marginal_variables import Variable, variables_of

NO_COLUMNS = "the fit does not hold the columns its rows were made of; pass the data it was fitted to as data=…"
KINDS = ("mean", "linear")


@dataclass(frozen=True, eq=False)
class Source:
    """A fit, and rows.

    Attributes
    ----------
    where
        Begins error texts.
    spec
        The model.
    posterior
        Draws by name ``(draw, …)``.
    variables
        What the predictors read, by name.
    columns
        What a prediction needs of the rows, by name.
    others
        All columns of the rows, by name.
    rows
        How many rows.
    own
        Whether they are the rows the model was fitted to.
    new_groups, seed
        For groups the model was not fitted to.
    asked
        Whether the user said what becomes of these.
    """

    where: str
    spec: ModelSpec
    posterior: Mapping[str, np.ndarray]
    variables: Mapping[str, Variable]
    columns: Mapping[str, Column]
    others: Mapping[str, Column]
    rows: int
    own: bool
    new_groups: str
    seed: int
    asked: bool = True

    @property
    def draws(self) -> int:
        """Return the number of draws."""
        return len(next(iter(self.posterior.values()))) if self.posterior else 1

    def variable(self, name: Any) -> Variable:
        """Return a variable by name, or raise."""
        if name in self.variables:
            return self.variables[name]
        response = self.spec.nodes[next(iter(self.spec.formulas))].response
        if response is not None and name in columns_of(response):
            raise FitError(f"{self.where}: '{name}' is of the response; name a column of the predictor")
        near = nearest(str(name), self.variables)
        if name in self.others:
            raise FitError(f"{self.where}: the model does not use column '{name}', which therefore has no effect{near}")
        raise FitError(f"{self.where}: the model has no column '{name}'{near}")

    def check_kind(self, kind: str, known: tuple[str, ...] = KINDS) -> str:
        """Return the graph's name for a kind of prediction, or raise."""
        if kind not in known:
            raise FitError(f"{self.where}: unknown kind '{kind}'{nearest(str(kind), known)}")
        return check_kind(kind, self.spec)


def source_of(fit: Fitted, where: str, data: Any, new_groups: str | None, seed: int | None) -> Source:
    """Return a fit and the rows asked about; its own where ``data`` is None.

    Raises
    ------
    FitError
        Where the fit does not hold its columns and there are no data.
    DataError
        For data that lack a column of the model, or have missing values in one.
    """
    spec = fit.spec
    needed = needed_columns(spec)
    kept = dict(fit.columns)
    held = all(name in kept for name in needed)
    if data is None:
        own_rows(fit, where)
        if not held:
            raise FitError(f"{where}: {NO_COLUMNS}")
        frame = Frame(kept, fit.rows.rows)
    else:
        frame = read_frame(data)
        node = next(iter(spec.nodes.values())).response
        inputs = [name for formula in spec.nodes.values() for name in columns_of(replace(formula, response=None))]
        gaps = response_gaps(node, frame, inputs)
        check_missing(frame, needed, advice="leave these rows out or fill them in", gaps=gaps)
    columns = {name: column_of(frame, name, "data") for name in needed}
    variables = variables_of(spec, kept if held else columns)
    if data is not None and held:
        named = {name for name, variable in variables.items() if variable.labels is not None}
        columns = {name: aligned(column, kept[name], name in named) for name, column in columns.items()}
    seed, posterior = seed_for(fit, seed, where), flat_draws(fit)
    others = ChainMap(columns, cast("dict[str, Column]", frame.columns))
    how = "average" if new_groups is None else new_groups
    own, asked = data is None, new_groups is not None
    return Source(where, spec, posterior, variables, columns, others, frame.rows, own, how, seed, asked)


def needed_columns(spec: ModelSpec) -> tuple[str, ...]:
    """Return the names of the columns that a prediction needs: not those of the response alone."""
    nodes = list(spec.nodes.values())
    names = [name for node in nodes for name in columns_of(replace(node, response=None))]
    names += [known.value for known in spec.known.values() if isinstance(known.value, str)]
    response = nodes[0].response
    names += [] if response is None else _of_response(response)
    return tuple(dict.fromkeys(names))


def _of_response(node: Expression) -> Iterable[str]:
    """Return the columns that trials and bounds are made of."""
    if not isinstance(node, Call) or node.function not in RESPONSES:
        return []
    positions = RESPONSES[node.function].needed_for_prediction
    parts = [node.arguments[i] for i in positions if i < len(node.arguments)]
    parts += [value for _, value in node.options] if positions else []
    inner = _of_response(node.arguments[0]) if node.arguments else []
    return [*inner, *(name for part in parts for name in columns_of(part))]
