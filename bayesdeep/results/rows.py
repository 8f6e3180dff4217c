"""The rows a model is fitted to or asked about, as arrays; and their graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import DataError, FitError, nearest
from bayesdeep.core.labels import match
from bayesdeep.core.linear import Moments
from bayesdeep.core.records import LIKELIHOOD_FIELDS, Response
from bayesdeep.core.registry import FAMILIES, RESPONSES, TERMS
from bayesdeep.design.array_response import with_part
from bayesdeep.design.context import FrameContext
from bayesdeep.design.learn import term_nodes
from bayesdeep.design.missing import check_missing
from bayesdeep.design.responses import read_prediction_parts, read_response, response_gaps
from bayesdeep.design.term_gaps import term_gaps
from bayesdeep.design.training_data import known_arrays
from bayesdeep.formula.expand import columns
from bayesdeep.formula.nodes import Call, Name
from bayesdeep.graph.build import ROWS, Graph, build
from bayesdeep.spec.make import check_known
from bayesdeep.spec.model_spec import ModelSpec

from .data_columns import taken
from .lagged_rows import without_lags

FIELDS = (*LIKELIHOOD_FIELDS, "log_slope")
"""Fields of a response that hold a value a row."""


@dataclass(frozen=True)
class Rows:
    """Rows as arrays.

    Attributes
    ----------
    arrays
        By ``"term key.array"``, first axis ``rows``.
    response
        Its parts; ``value`` counts only where ``observed``.
    rows
        How many.
    observed
        Whether the response is known.
    index
        The data frame's index of these rows, or None.
    unseen
        Labels of groups the model was not fitted to, by factor.
    columns
        Of training rows, the data's columns that the model reads, by name.
    fixed
        Values by name of variables that are held while the model is fitted to these rows.
    rows_unseen
        How many of the rows that were asked about are of such groups, by factor.
    ahead
        Of rows some steps after the last of their series whose responses are known: the positions ``(obs, lag)`` of those before
        among these rows, -1 for one that is known or for none. None where all that a row leans on is known.
    """

    arrays: Mapping[str, np.ndarray]
    response: Response
    rows: int
    observed: bool
    index: Any = None
    unseen: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    fixed: Mapping[str, np.ndarray] = field(default_factory=dict)
    rows_unseen: Mapping[str, int] = field(default_factory=dict)
    ahead: np.ndarray | None = None

    def take(self, keep: np.ndarray) -> "Rows":
        """Return some of the rows; ``keep`` is a mask or positions. What they lean on is then thought to be known."""
        parts = {f: getattr(self.response, f) for f in FIELDS}
        response = self.response.with_(**{f: None if v is None else v[keep] for f, v in parts.items()})
        arrays = {name: value[keep] for name, value in self.arrays.items()}
        index = None if self.index is None else self.index[keep]
        columns = taken(self.columns, keep)
        return Rows(arrays, response, len(response.value), self.observed, index, self.unseen, columns, self.fixed)

    def graph(self, spec: ModelSpec, *, sampled: bool = False, masked: bool = False, single: bool = False) -> Graph:
        """Return the model on these rows, in the coordinates it is best sampled in if it is to be ``sampled``.

        ``masked`` gives the hidden layers of networks masks; with ``single`` they are computed in single precision.
        """
        arguments = spec, self.arrays, self.response, self.rows
        return build(*arguments, observed=self.observed, sampled=sampled, masked=masked, fixed=self.fixed, single=single)


ABSENT = (
    "the rows are not in memory, only sums over them are; give rows as data=… to what takes them, or read the data into "
    "memory and make the model from that"
)
"""What is said where rows that were read once are asked for."""


@dataclass(frozen=True)
class StreamedRows:
    """Rows that were read once and summed up; there is no array of them.

    Attributes
    ----------
    rows
        How many.
    moments, centre
        Sufficient statistics of a linear Gaussian model, and what was taken off the response; None in a saved fit.
    example
        The first row; None in a saved fit.
    """

    rows: int
    moments: Moments | None = None
    centre: float = 0.0
    example: Frame | None = None

    @property
    def index(self) -> None:
        """Return no labels."""
        return

    @property
    def columns(self) -> Mapping[str, Column]:
        """Return no columns."""
        return {}


TrainingRows = Rows | StreamedRows
"""What there is of the rows a model is fitted to: their number, and the index and columns that are held."""


def rows_in_memory(rows: TrainingRows, where: str) -> Rows:
    """Return rows that are in memory.

    Raises
    ------
    FitError
        Where they were only summed up; ``where`` begins its text.
    """
    if isinstance(rows, StreamedRows):
        raise FitError(f"{where}: {ABSENT}")
    return rows


def containers(rows: Rows, start: int, stop: int) -> dict[str, np.ndarray]:
    """Return the arrays of rows ``start:stop`` by the names of the graph's data containers."""
    found = {name: value[start:stop] for name, value in rows.arrays.items()} or {ROWS: np.zeros(stop - start)}
    for f in FIELDS:
        value = getattr(rows.response, f)
        if value is not None:
            found[f"{rows.response.name}_{f}"] = value[start:stop]
    return found


def rows_of(spec: ModelSpec, frame: Frame, *, observed: bool) -> Rows:
    """Return a frame's rows under a spec: coded as in fitting, unseen groups numbered after the known ones.

    Of responses that lean on the rows before them these are rows before which nothing is known; see
    :func:`~bayesdeep.results.lagged_rows.with_lags`.

    Raises
    ------
    DataError
        For a missing column, missing values, or a category level the model was not fitted to.
    """
    nodes, main = spec.nodes, next(iter(spec.formulas))
    frame = with_part(frame, spec.response.name, spec.response.part) if observed else frame
    used = [c for f in nodes.values() for c in columns(replace(f, response=None))]
    used += [k.value for k in spec.known.values() if isinstance(k.value, str)]
    _check_columns(used, frame)
    response_node = nodes[main].response
    assert response_node is not None, "the main formula has a response"
    with_response = [*used, *columns(response_node)] if observed else used
    _check_columns(with_response, frame)
    given = [k.value for k in spec.known.values() if isinstance(k.value, str)]
    gaps = term_gaps([replace(node, response=None) for node in nodes.values()], frame, given)
    gaps |= response_gaps(response_node, frame, used) if observed else {}
    check_missing(frame, with_response, advice="leave these rows out or fill them in", gaps=gaps)
    arrays: dict[str, np.ndarray] = {}
    unseen: dict[str, tuple[Any, ...]] = {}
    rows_unseen: dict[str, int] = {}
    for predictor in spec.predictors:
        context = FrameContext(frame, "data", nodes[predictor.parameter])
        for term, (kind, _, node) in zip(
            predictor.terms, term_nodes(nodes[predictor.parameter]), strict=True
        ):
            made = TERMS[kind].arrays(term.state, node, context)
            arrays.update({f"{term.key}.{k}": v for k, v in made.items()})
        unseen.update({k: v for k, v in context.unseen.items() if v})
        rows_unseen.update(context.rows_unseen)
    arrays.update(known_arrays(spec.known, frame))
    check_known(FAMILIES[spec.family], spec.known, arrays)
    if observed:
        response = recode(spec, read_response(response_node, frame, "data")).with_(name=spec.response.name)
    else:
        response = read_prediction_parts(response_node, frame, "data")
        response = _placeholder(spec, response, frame.rows)
    made = Rows(arrays, response, frame.rows, observed, frame.index, unseen, rows_unseen=rows_unseen)
    return without_lags(spec, made)


def check_units(spec: ModelSpec, rows: Rows) -> None:
    """Raise where log densities of the response cannot be told in units of the column it was made of."""
    node: Any = next(iter(spec.nodes.values())).response
    words = FAMILIES[spec.family].words
    parts: tuple[Any, ...] = (node,)
    while isinstance(node, Call) and node.function in RESPONSES:
        parts = node.arguments if "several_columns" in words else node.arguments[:1]
        node = node.arguments[0]
    if all(isinstance(part, Name) for part in parts) or "discrete" in words or rows.response.log_slope is not None:
        return
    raise FitError(
        f"log_score: no density of one column follows from that of '{node.source}': it has several columns, or two values of "
        "the column give the same, or its slope is 0 or infinite in some row; make a column of it and model that"
    )


def _check_columns(names: Any, frame: Frame) -> None:
    for name in names:
        if name not in frame.columns:
            raise DataError(f"data: no column '{name}', which the model needs{nearest(name, frame.columns)}")


def _placeholder(spec: ModelSpec, response: Response, rows: int) -> Response:
    """Return the parts for prediction with a value only where censoring bounds are read from it."""
    several = "several_columns" in FAMILIES[spec.family].words
    shape = (rows, len(spec.response.levels or ())) if several else (rows,)
    value = response.value if response.status is not None else np.zeros(shape)
    return response.with_(name=spec.response.name, value=value, levels=spec.response.levels)


def recode(spec: ModelSpec, response: Response) -> Response:
    """Return a response coded as in fitting: its levels get the codes they had then, by what they read."""
    family, known = FAMILIES[spec.family], spec.response.levels
    if response.failures is not None and spec.response.failures is not None and known is not None:
        fitted = (*spec.response.failures, known[1])
        places = match(response.failures, fitted, f"data: column '{response.name}'")
        unseen = next((label for label, place in zip(response.failures, places, strict=True) if place < 0), None)
        if unseen is not None:
            raise _new_level(response.name, unseen, fitted)
        return response.with_(levels=known, failures=spec.response.failures)
    if known is None and response.levels is not None and "two_levels" in family.words:
        return recode(replace(spec, response=replace(spec.response, levels=(0, 1))), response).with_(levels=None)
    if known is None or "several_columns" in family.words:
        return family.code(response)
    labels, own = response.levels, np.asarray(response.value)
    if labels is None:
        distinct, own = np.unique(own, return_inverse=True)
        labels = tuple(distinct.tolist())
    used, code = np.unique(own), np.full(len(labels), -1, dtype=np.int64)
    code[used] = match([labels[i] for i in used], known, f"data: column '{response.name}'")
    codes = code[own]
    if (codes < 0).any():
        raise _new_level(response.name, labels[own[int(np.argmax(codes < 0))]], known)
    return response.with_(value=codes, levels=known)


def _new_level(name: str, level: Any, known: Sequence[Any]) -> DataError:
    close = nearest(str(level), map(str, known))
    return DataError(f"data: column '{name}' has level '{level}' that the model was not fitted to{close}")


def refuse_new_groups(unseen: Mapping[str, tuple[Any, ...]]) -> None:
    """Raise for ``new_groups="raise"``."""
    for factor, labels in unseen.items():
        if labels:
            shown = ", ".join(str(label) for label in labels[:5]) + (", …" if len(labels) > 5 else "")
            raise FitError(
                f"predict: '{factor}' has {len(labels)} groups the model was not fitted to: {shown}; "
                "new_groups='sample' draws their effects from the fitted distribution of groups"
            )
