"""One model of several data sets that differ in what was filled in for missing values, and the rows of each."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Frame
from bayesdeep.core.errors import BayesdeepError, DataError, FormulaError
from bayesdeep.core.notices import warn
from bayesdeep.design.frame import read_frame
from bayesdeep.design.stacked import stack
from bayesdeep.results.lagged_rows import lagged_term
from bayesdeep.results.rows import Rows
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.stream.stream_source import open_source

from .propriety import check_propriety
from .specify import specify


@dataclass(frozen=True, eq=False)
class SpecifiedOfSeveral:
    """A model that can be fitted to several data sets.

    Attributes
    ----------
    spec
        The model, learned from the rows of all data sets one below another, so that none of them comes first: levels that any
        data set has, and the same codings, knots, scales and default priors for all. A parameter then means the same in
        every fit.
    each
        The rows of each data set.
    """

    spec: ModelSpec
    each: tuple[Rows, ...]


def specify_imputed(formula: str, data: Sequence[Any], **options: Any) -> SpecifiedOfSeveral:
    """Return the model of a formula and several data sets; ``options`` are those of :func:`~bayesdeep.inference.specify.specify`.

    Rows that are left out for missing values in one data set are left out in all.

    Warns
    -----
    UserWarning
        What :func:`~bayesdeep.inference.specify.specify` warns of, once where it is so in all data sets.

    Raises
    ------
    BayesdeepError
        Where there are fewer than two data sets, they are not of the same rows and columns, or the model fits one of them not.
    """
    frames = _frames(data)
    whole = stack(frames)

    def alone(frame: Frame, **others: Any) -> Any:
        return specify(formula, frame, **{**options, **others})

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the stacked rows; each data set's own are told below
            made = alone(whole)
    except BayesdeepError as error:
        _each(frames, alone)  # What is wrong with one of them is said of that one.
        _refuse_lags(formula, alone(frames[0]).spec)
        raise type(error)(f"{error} (of all {len(frames)} data sets, one below another)") from None
    _refuse_lags(formula, made.spec)
    assert isinstance(made.rows, Rows)
    # Without the user's priors: one may be of a level that this data set lacks.
    found = _each(frames, lambda frame: alone(frame, priors=None))
    rows = _rows(made.rows, frames)
    for k, one in enumerate(rows, start=1):
        try:
            doubts = check_propriety(made.spec, one.arrays, one.response)
        except BayesdeepError as error:
            raise type(error)(f"data set {k}: {error}") from None
        for text in doubts:
            found.setdefault(text, []).append(k)
    for text, where in found.items():
        every = sorted(set(where))
        warn(text if len(every) == len(frames) else f"data set {', '.join(map(str, every))}: {text}")
    return SpecifiedOfSeveral(made.spec, rows)


def _refuse_lags(formula: str, spec: ModelSpec) -> None:
    """Refuse terms that look at the rows before a row: of rows one below another each series is there several times."""
    if (term := lagged_term(spec)) is not None:
        raise FormulaError(
            f"formula '{formula}': {term.source} leans on the rows before a row, which is not available for several data sets "
            "at once; fit each by itself, [bd.Model(formula, d).fit(seed=1) for d in data]"
        )


def _frames(data: Sequence[Any]) -> list[Frame]:
    if len(data) < 2:
        counted = "one data set" if len(data) else "no data set"
        raise DataError(
            f"data: a list of {counted}; a list is for several imputations of one, give a single table by itself"
        )
    frames = []
    for k, one in enumerate(data, start=1):
        with_number = f"data set {k}: "
        try:
            if not isinstance(one, Mapping | Frame) and open_source(one) is not None:
                raise DataError("data: several data sets are tables in memory; read this one first")
            frames.append(read_frame(one))
        except BayesdeepError as error:
            raise type(error)(f"{with_number}{error}") from None
    return frames


def _each(frames: Sequence[Frame], make: Callable[[Frame], Any]) -> dict[str, list[int]]:
    """Return what each data set by itself is warned of: numbers of data sets by text. What is wrong is said of the first such."""
    found: dict[str, list[int]] = {}
    for k, frame in enumerate(frames, start=1):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                make(frame)
            except BayesdeepError as error:
                raise type(error)(f"data set {k}: {error}") from None
        for text in dict.fromkeys(str(one.message) for one in told):
            found.setdefault(text, []).append(k)
    return found


def _rows(whole: Rows, frames: Sequence[Frame]) -> tuple[Rows, ...]:
    """Return the rows of each data set: those that are used in all of them, labelled as the first one's."""
    size, used = frames[0].rows, np.asarray(whole.index, dtype=np.int64)
    there = np.zeros((len(frames), size), dtype=bool)
    there.ravel()[used] = True
    kept = np.flatnonzero(there.all(axis=0))
    if not len(kept):
        raise DataError("data: every row has missing values in some data set; no row is left")
    fewer = int(there.any(axis=0).sum()) - len(kept)
    if fewer:
        warn(f"left out {fewer} of {size} rows that have missing values in some data sets and in others not")
    place = np.cumsum(there.ravel()) - 1
    index = frames[0].index
    labels = None if index is None else index[kept]
    return tuple(replace(whole.take(place[k * size + kept]), index=labels) for k in range(len(frames)))
