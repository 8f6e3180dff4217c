"""Reading the left side of a formula into a :class:`~bayesdeep.core.records.Response`."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame, Gaps, ResponseFunction
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.records import Response
from bayesdeep.core.registry import RESPONSES
from bayesdeep.formula.nodes import Call, Expression, Name, Number, Text, Unary

from .convert import with_declared_levels
from .factors import column_names, constant, evaluate_column
from .response_slope import log_slope


def read_response(node: Expression, frame: Frame, where: str) -> Response:
    """Return the response of rows that have one.

    Parameters
    ----------
    node
        A column, an elementwise expression such as ``log(y)``, or a call of a response function.
    frame
        The rows.
    where
        Begins the error text.

    Returns
    -------
    Response
        Text, categories and true/false are codes with ``levels``, those included that categories declare and no row has; the
        family makes of them what it needs.
    """
    response = _read(node, frame, where, predicting=False)
    _check_bounds(response)
    return response


def response_gaps(node: Expression | None, frame: Frame, others: Collection[str] = ()) -> dict[str, Gaps]:
    """Return what columns of a response may lack, by name: values that no row reads, and bounds that do not bound.

    Parameters
    ----------
    node
        The left side of a formula.
    frame
        The rows, which may have missing values.
    others
        Columns that are used elsewhere too, and may lack nothing.
    """
    found: dict[str, Gaps] = {}
    while isinstance(node, Call) and node.function in RESPONSES:
        context = _Context(node, RESPONSES[node.function], frame, "data", predicting=False, gaps={})
        allowed = _allowed(context, RESPONSES[node.function])
        inner = node.arguments[0] if node.arguments else None
        nested = isinstance(inner, Call) and inner.function in RESPONSES
        arguments: list[tuple[int | str, Expression]] = [*enumerate(node.arguments), *node.options]
        for key, argument in arguments:
            for name in () if nested and key == 0 else column_names(argument):
                own = allowed.get(key, Gaps())
                found[name] = _both(found[name], own) if name in found else own
        node = inner
    for name in column_names(node) if node is not None else ():
        found.setdefault(name, Gaps())
    return {name: gaps for name, gaps in found.items() if name not in others}


def _allowed(context: "_Context", function: ResponseFunction) -> Mapping[int | str, Gaps]:
    return {} if function.gaps is None else function.gaps(context)


def _both(one: Gaps, other: Gaps) -> Gaps:
    """Return what a column may lack that has two uses."""
    missing = None if one.missing is None or other.missing is None else one.missing & other.missing
    return Gaps(missing, one.infinite and other.infinite, one.hint or other.hint)


def _check_bounds(response: Response) -> None:
    """Raise where what is known of a value lies outside the bounds within which values can be recorded."""
    if response.lower_bound is None or response.upper_bound is None:
        return
    low, high, value = response.lower_bound, response.upper_bound, np.asarray(response.value, dtype=np.float64)
    first = last = value
    if response.status is not None:
        first = np.where(response.status == -1, -np.inf, value)
        last = np.where(response.status == 1, np.inf, value if response.upper is None else response.upper)
    bad = (last < low) | (first > high)
    if bad.any():
        i, count = int(np.argmax(bad)), int(np.count_nonzero(bad))
        raise DataError(
            f"data: truncated(): '{response.name}' should lie within the bounds; in {count} of {len(bad)} rows it does not "
            f"(the first is row {i + 1}: {response.name} = {value[i]:g}, bounds {low[i]:g} to {high[i]:g})"
        )
    if response.status is None:
        return
    beyond = ((1, value < low, "right-censored below the lower"), (-1, value > high, "left-censored above the upper"))
    for code, nothing, which in beyond:
        bad = (response.status == code) & nothing
        if bad.any():
            i, count = int(np.argmax(bad)), int(np.count_nonzero(bad))
            raise DataError(
                f"data: truncated(): '{response.name}' is {which} bound in {count} of {len(bad)} rows, which then say nothing; "
                f"of lifetimes, they ended before they entered (the first is row {i + 1}: {response.name} = {value[i]:g}, bounds "
                f"{low[i]:g} to {high[i]:g})"
            )


def read_prediction_parts(node: Expression, frame: Frame, where: str) -> Response:
    """Return what the predictive distribution of new rows depends on; the response itself may be absent.

    Trials and truncation bounds must be there. Censoring is read if all its columns are, value included;
    weights are left out. Where the value is not needed, ``value`` is NaN. Parameters are those of
    :func:`read_response`.
    """
    blamed = where if where.startswith("data") else "data"
    return _read(node, frame, blamed, predicting=True).with_(weights=None)


def _read(node: Expression, frame: Frame, where: str, predicting: bool) -> Response:
    if not isinstance(node, Call) or node.function not in RESPONSES:
        if predicting:
            return _plain(_blank(node, frame))
        return _plain(evaluate_column(node, frame, where)).with_(log_slope=log_slope(node, frame))
    function: ResponseFunction = RESPONSES[node.function]
    context = _Context(node, function, frame, where, predicting)
    try:
        response = function.read(context)
    except FormulaError as error:
        if str(error).startswith(("formula", where)):
            raise
        raise FormulaError(f"{where}: {node.source}: {error}") from None
    context.refuse_unread()
    return response


def _plain(column: Column) -> Response:
    column = with_declared_levels(column)
    values = column.values.astype(np.int64) if column.kind == "bool" else column.values
    levels = (False, True) if column.kind == "bool" else column.levels
    return Response(column.name, values, levels=levels, ordered=column.ordered)


def _source(node: Expression) -> str:
    return node.name if isinstance(node, Name) else node.source


def _blank(node: Expression, frame: Frame) -> Column:
    missing = np.ones(frame.rows, dtype=bool)
    return Column(_source(node), "number", np.full(frame.rows, np.nan), missing=missing)


def _is_number(node: Expression) -> bool:
    return isinstance(node, Number) or (isinstance(node, Unary) and isinstance(node.operand, Number))


class _Context:
    """What a response function asks its arguments through.

    It notes which were asked for, so that an option or argument that nobody reads is an error. When
    predicting, arguments the prediction does not need come with the values that the data happen to have.
    """

    def __init__(
        self,
        node: Call,
        function: ResponseFunction,
        frame: Frame,
        where: str,
        predicting: bool,
        gaps: Mapping[int | str, Gaps] | None = None,
    ) -> None:
        self._node, self._frame, self._where, self._predicting = node, frame, where, predicting
        self.new = where.startswith("data")
        self._options = dict(node.options)
        self._read: set[int | str] = set()
        needed = set(function.needed_for_prediction)
        every = set(range(len(node.arguments)))
        if not predicting:
            self._blank: set[int] = set()
        elif needed:
            self._blank = every - needed
        else:
            self._blank = set() if _available(node, frame) else every
        # While it is asked what may be missing, anything may be; so may what a prediction does not need.
        self._tolerant = gaps is not None or (predicting and not needed)
        self._gaps = gaps
        self._function = function

    def has(self, index: int) -> bool:
        return index < len(self._node.arguments)

    def column(self, index: int) -> Column:
        self._read.add(index)
        node = self._node.arguments[index]
        if _is_number(node):
            value = constant(node, self._where)
            return Column(_source(node), "number", np.full(self._frame.rows, value))
        return self._evaluated(index, node)

    def _evaluated(self, key: int | str, node: Expression) -> Column:
        if key in self._blank:
            return _blank(node, self._frame)
        if self._tolerant:
            if any(name not in self._frame.columns for name in column_names(node)):
                return _blank(node, self._frame)
            return _where_complete(node, self._frame, self._origin(), _absent(node, self._frame))
        spared = self._spared(key)
        if spared is None or not spared.any():
            return evaluate_column(node, self._frame, self._origin())
        return _where_complete(node, self._frame, self._origin(), spared)

    def _spared(self, key: int | str) -> np.ndarray | None:
        """Return the rows ``(obs,)`` in which an argument may be missing, or None."""
        if self._gaps is None:
            asked = _Context(self._node, self._function, self._frame, self._where, self._predicting, gaps={})
            self._gaps = _allowed(asked, self._function)
        return self._gaps[key].missing if key in self._gaps else None

    def inner(self) -> Response:
        self._read.add(0)
        node = self._node.arguments[0]
        if isinstance(node, Call) and node.function in RESPONSES:
            return _read(node, self._frame, self._where, self._predicting)
        if self._predicting:
            return _plain(_as_known(node, self._frame, self._where))
        return _read(node, self._frame, self._where, predicting=False)

    def option(self, name: str) -> Any:
        self._read.add(name)
        node = self._options.get(name)
        if node is None:
            return None
        if _is_number(node) or isinstance(node, Text) or not column_names(node):
            return constant(node, self._where)
        return self._evaluated(name, node)

    def refuse_unread(self) -> None:
        """Raise if the formula gives something that the function does not know."""
        for name in self._options:
            if name not in self._read:
                raise FormulaError(f"{self._where}: {self._node.source}: unknown option '{name}'")
        if any(index not in self._read for index in range(len(self._node.arguments))):
            count = len(self._node.arguments)
            raise FormulaError(f"{self._where}: {self._node.source}: {count} arguments are too many")

    def _origin(self) -> str:
        # New rows that lack a column should hear what it is needed for.
        return f"{self._where}: {self._node.source}" if self._predicting else self._where


def _available(node: Call, frame: Frame) -> bool:
    """Return whether every column of a call is there, and says something."""
    names = [name for argument in node.arguments for name in column_names(argument)]
    return all(name in frame.columns for name in names)


def _absent(node: Expression, frame: Frame) -> np.ndarray:
    """Return the rows ``(obs,)`` in which a column of an expression is missing."""
    found = np.zeros(frame.rows, dtype=bool)
    for name in column_names(node):
        missing = frame.columns[name].missing if name in frame.columns else None
        found = found if missing is None else found | missing
    return found


def _where_complete(node: Expression, frame: Frame, where: str, spared: np.ndarray) -> Column:
    """Return a column with ``spared`` rows ``(obs,)`` marked as missing, whatever the data have there; others must be there."""
    if not spared.any():
        return evaluate_column(node, frame, where)
    if spared.all():
        return _blank(node, frame)
    stand_in = int(np.argmin(spared))
    names = [name for name in column_names(node) if name in frame.columns]
    columns = {name: _filled(frame.columns[name], spared, stand_in) for name in names}
    found = evaluate_column(node, Frame(columns, frame.rows, frame.index), where)
    if found.levels is not None:
        return replace(found, values=np.where(spared, -1, found.values), missing=spared)
    return replace(found, kind="number", values=np.where(spared, np.nan, found.values), missing=spared)


def _filled(column: Column, spared: np.ndarray, stand_in: int) -> Column:
    """Return a column whose spared rows hold what another row holds, so that arithmetic on them does not fail."""
    if column.kind == "array":  # Refused where it is read.
        return column
    missing = None if column.missing is None else column.missing & ~spared
    values = np.where(spared, column.values[stand_in], column.values)
    return replace(column, values=values, missing=missing if missing is not None and missing.any() else None)


def _as_known(node: Expression, frame: Frame, where: str) -> Column:
    """Return a response of new rows where they have one; nothing is wrong with rows that have none, or no valid one."""
    if not all(name in frame.columns for name in column_names(node)):
        return _blank(node, frame)
    try:
        found = _where_complete(node, frame, where, _absent(node, frame))
    except DataError:
        return _blank(node, frame)
    return found if found.kind == "number" else _blank(node, frame)
