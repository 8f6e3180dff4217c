"""An array column on the left of a formula: every number of it is a response, and all have this formula.

``y ~ x`` of arrays ``y (obs, 2)`` is ``mvbind(y_1, y_2) ~ x``: columns are numbered from 1, or named by the labels that an
``xarray.Dataset`` has for them.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import ArrayPart, Column, Frame
from bayesdeep.core.errors import BayesdeepError, DataError, FormulaError

from .frame import LazyColumns, column, read_frame

_LEFT = re.compile(r"^\s*(?:`(?P<quoted>[^`]*)`|(?P<plain>[^\W\d][\w.]*))\s*~(?P<right>.*)$", re.DOTALL)
_PLAIN = re.compile(r"[^\W\d][\w.]*")


@dataclass(frozen=True)
class Expanded:
    """Formulas of which each has one response.

    Attributes
    ----------
    formulas
        With one in the place of each that was given, or one a number of an array column.
    data
        The data, in which a column a number stands in the place of these arrays.
    parts
        What those columns are, by name.
    """

    formulas: tuple[Any, ...]
    data: Any
    parts: Mapping[str, ArrayPart] = field(default_factory=dict)

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """Return the responses that an array column has become, by its name."""
        found: dict[str, tuple[str, ...]] = {}
        for name, part in self.parts.items():
            found[part.column] = (*found.get(part.column, ()), name)
        return found


def has_array_response(text: str, data: Any) -> bool:
    """Return whether a formula's left side is an array column; what is wrong with either is for others to say."""
    return _array_column(text, _frame_or_none(data) if _LEFT.match(text) else None) is not None


def expand_responses(formulas: Sequence[Any], data: Any) -> Expanded:
    """Return formulas with one response each.

    Raises
    ------
    DataError
        For arrays that are no rows of numbers, or of one number.
    FormulaError
        Where a column would have the name of another, or one that cannot be written.
    """
    frame = _frame_or_none(data)
    arrays = {text: _array_column(text, frame) for text in formulas if isinstance(text, str)}
    if frame is None or not any(arrays.values()):
        return Expanded(tuple(formulas), data)
    texts: list[Any] = []
    parts: dict[str, ArrayPart] = {}
    columns: dict[str, Column] = {}
    for text in formulas:
        found = arrays.get(text) if isinstance(text, str) else None
        if found is None:
            texts.append(text)
            continue
        own = _parts(found)
        for name in own:
            if name in frame.columns or name in parts:
                raise FormulaError(
                    f"formula '{text}': '{found.name}' is an array of shape {found.shape} a row, so that its responses are "
                    f"{', '.join(own)}; there is another '{name}', so rename one of them"
                )
        match = _LEFT.match(text)
        assert match is not None
        texts += [f"{_written(name, text)} ~{match['right']}" for name in own]
        parts |= own
        columns |= {name: _taken(found, name, part.place) for name, part in own.items()}
    gone = {part.column for part in parts.values()}
    return Expanded(tuple(texts), _with_columns(frame, columns, gone), parts)


def with_part(frame: Frame, name: str, part: ArrayPart | None) -> Frame:
    """Return a frame with the response ``name``, read from the array column it is a part of where it is not there by itself.

    Raises
    ------
    DataError
        Where neither is there, or the column is no array of the width, or without the label, of that which was fitted.
    """
    if part is None or name in frame.columns:
        return frame
    if part.column not in frame.columns:
        raise DataError(
            f"data: no column '{part.column}', the array of {part.width} numbers a row of which '{name}' is one, and no column "
            f"'{name}'"
        )
    found = column(frame, part.column, "data")
    if found.kind != "array" or len(found.shape) != 1:
        shape = f"an array of shape {found.shape} a row" if found.kind == "array" else f"one {found.kind} a row"
        raise DataError(f"data: '{part.column}' is {shape}; the model was fitted to {part.width} numbers a row")
    place = part.place
    if part.label is not None and found.labels is not None:
        labels = [str(label) for label in found.labels]
        if labels.count(part.label) != 1:
            raise DataError(
                f"data: '{part.column}' has no column '{part.label}', which the model was fitted to; it has {', '.join(labels)}"
            )
        place = labels.index(part.label)
    elif found.shape != (part.width,):
        raise DataError(
            f"data: '{part.column}' has {found.shape[0]} numbers a row; the model was fitted to {part.width}, one a response"
        )
    return _with_columns(frame, {name: _taken(found, name, place)})


def _with_columns(frame: Frame, more: Mapping[str, Column], gone: Collection[str] = ()) -> Frame:
    names = [name for name in frame.columns if name not in gone]
    return replace(
        frame, columns=LazyColumns([*names, *more], lambda name: more[name] if name in more else frame.columns[name])
    )


def _frame_or_none(data: Any) -> Frame | None:
    try:
        return read_frame(data)
    except (BayesdeepError, TypeError):
        return None


def _array_column(text: str, frame: Frame | None) -> Column | None:
    match = _LEFT.match(text)
    if match is None or frame is None:
        return None
    name = match["plain"] or match["quoted"]
    found = frame.columns.get(name)
    return found if found is not None and found.kind == "array" else None


def _parts(found: Column) -> dict[str, ArrayPart]:
    """Return what the numbers of an array column are, by the names of the responses that they become."""
    if len(found.shape) != 1:
        raise DataError(
            f"data: '{found.name}' is an array of shape {found.shape} a row; as a response it is one number a column, so give it "
            "one axis beside the rows, or those numbers of it that are to be modelled"
        )
    width = found.shape[0]
    if width < 2:
        raise DataError(
            f"data: '{found.name}' is an array of shape {found.shape} a row, and several responses are two or more; give one "
            "number a row as a column without that axis, y[:, 0]"
        )
    labels = None if found.labels is None else [str(label) for label in found.labels]
    if labels is not None and len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise DataError(
            f"data: two columns of '{found.name}' are labelled '{twice}'; responses are named by these labels"
        )
    named = labels or [str(k) for k in range(1, width + 1)]
    own: Sequence[str | None] = labels or [None] * width
    return {
        f"{found.name}_{n}": ArrayPart(found.name, k, width, label)
        for k, (n, label) in enumerate(zip(named, own, strict=True))
    }


def _taken(found: Column, name: str, place: int) -> Column:
    values = np.array(found.values[:, place], dtype=np.float64)
    missing = np.isnan(values)
    for array in (values, missing):
        array.setflags(write=False)
    return Column(name, "number", values, missing=missing if missing.any() else None)


def _written(name: str, text: str) -> str:
    """Return a name as it is written in a formula."""
    if _PLAIN.fullmatch(name):
        return name
    if "`" in name or "~" in name:
        raise FormulaError(
            f"formula '{text}': a response would be called {name!r}, which a formula cannot have; rename its label"
        )
    return f"`{name}`"
