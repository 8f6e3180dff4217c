"""What a design is learned from: rows in memory, or whatever else answers the same questions.

Learning asks three things in turn: which columns there are (:attr:`TrainingData.outline`), the rows that are complete in the ones
the formulas name (:meth:`TrainingData.complete`), and of these whatever terms and the response want to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from bayesdeep.core.columns import Column, Frame, Matrix
from bayesdeep.core.errors import DataError
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import Known
from bayesdeep.core.records import Response
from bayesdeep.core.terms import DesignContext
from bayesdeep.formula.nodes import Expression, Formula

from .context import FrameContext
from .design_warnings import Doubt
from .frame import column, single_values
from .missing import check_missing
from .numeric_as_text import refuse_almost_numbers
from .responses import read_response, response_gaps
from .term_gaps import term_gaps


@dataclass(frozen=True)
class Written:
    """A model's formulas multiplied out.

    Attributes
    ----------
    formulas
        By parameter, the main one's first.
    others
        The columns ``.`` stood for.
    response
        Left side of the main formula.
    known
        Parameters that are given.
    used
        Columns that are read, each once.
    beside
        Columns that are read for anything but the response.
    """

    formulas: Mapping[str, Formula]
    others: tuple[str, ...]
    response: Expression
    known: Mapping[str, Known]
    used: tuple[str, ...]
    beside: tuple[str, ...]


class LearningContext(DesignContext, Protocol):
    """The data as terms see them, and what was odd about the columns they learned."""

    doubts: dict[Doubt, None]


class CompleteRows(Protocol):
    """Training rows without gaps.

    Attributes
    ----------
    rows, dropped
        Rows there are, and rows left out for missing values.
    notice
        A sentence about rows left out, or "".
    index
        Labels of the rows, or None.
    columns
        The columns used, by name; none where the rows are not in memory.
    """

    @property
    def rows(self) -> int: ...

    @property
    def dropped(self) -> int: ...

    @property
    def notice(self) -> str: ...

    @property
    def index(self) -> Any: ...

    @property
    def columns(self) -> Mapping[str, Column]: ...

    def context(self, formula: Formula, where: str) -> LearningContext:
        """Return the rows as the terms of one formula see them."""
        ...

    def known_arrays(self) -> dict[str, np.ndarray]:
        """Return the columns of parameters that are given, ``(obs,)``."""
        ...

    def response(self, where: str) -> Response:
        """Return the response, not yet coded by the family."""
        ...


class TrainingData(Protocol):
    """What a design can be learned from."""

    @property
    def outline(self) -> Frame:
        """Return the data's columns; they may be without values."""
        ...

    def complete(self, written: Written, missing: str) -> CompleteRows:
        """Return the rows that are complete in the columns that formulas use; ``missing`` is ``"error"`` or ``"drop"``."""
        ...


@dataclass(frozen=True)
class InMemory:
    """A frame, as :class:`TrainingData`; ``matrices`` were given with it, by name."""

    outline: Frame
    matrices: Mapping[str, Matrix] = field(default_factory=dict)

    def complete(self, written: Written, missing: str) -> "FrameRows":
        """See :class:`TrainingData`."""
        frame = self.outline
        refuse_almost_numbers(written.formulas, written.known, frame)
        given = (known.value for known in written.known.values() if isinstance(known.value, str))
        gaps = {
            **response_gaps(written.response, frame, written.beside),
            **term_gaps(written.formulas.values(), frame, given),
        }
        return FrameRows(written, *check_missing(frame, written.used, missing, "data", gaps=gaps), matrices=self.matrices)


@dataclass(frozen=True)
class FrameRows:
    """Complete rows of a frame, as :class:`CompleteRows`."""

    written: Written
    frame: Frame
    dropped: int = 0
    notice: str = ""
    matrices: Mapping[str, Matrix] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """See :class:`CompleteRows`."""
        return self.frame.rows

    @property
    def index(self) -> Any:
        """See :class:`CompleteRows`."""
        return self.frame.index

    @property
    def columns(self) -> Mapping[str, Column]:
        """See :class:`CompleteRows`."""
        # Nothing can be moved where nothing is; who asks for a column that is not held is told to give rows that have it.
        held = {name: self.frame.columns[name] for name in self.written.used}
        lacking = term_gaps(self.written.formulas.values(), self.frame)
        known = {name: column for name, column in held.items() if column.gaps is None}
        return {name: column for name, column in known.items() if name not in lacking or column.missing is None}

    def context(self, formula: Formula, where: str) -> FrameContext:
        """See :class:`CompleteRows`."""
        return FrameContext(self.frame, where, formula, self.matrices)

    def known_arrays(self) -> dict[str, np.ndarray]:
        """See :class:`CompleteRows`."""
        return known_arrays(self.written.known, self.frame)

    def response(self, where: str) -> Response:
        """See :class:`CompleteRows`."""
        found = read_response(self.written.response, self.frame, where)
        return found.with_(name=quantity_name(found.name))


def known_arrays(known: Mapping[str, Known], frame: Frame) -> dict[str, np.ndarray]:
    """Return the columns of parameters that are given, ``(obs,)``."""
    found = {}
    for name, given in known.items():
        if isinstance(given.value, str):
            blamed = f"data: {name}=known('{given.value}')"
            read: Column = single_values(column(frame, given.value, blamed), blamed)
            if read.kind not in ("number", "bool"):
                raise DataError(f"data: column '{given.value}', given as {name}, is not numeric")
            values = np.asarray(read.values, dtype=np.float64)
            if not np.isfinite(values).all():
                raise DataError(
                    f"data: column '{given.value}', given as {name}, has missing or infinite values"
                )
            found[name] = values
    return found
