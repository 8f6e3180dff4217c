"""Reading the left side of a formula into a :class:`~bayesdeep.core.records.Response`."""

from typing import Any

import numpy as np

from ..core.columns import Column, Frame, ResponseFunction
from ..core.errors import FormulaError
from ..core.records import Response
from ..core.registry import RESPONSES
from ..formula.nodes import Call, Expression, Name, Number, Text, Unary
from .convert import with_declared_levels
from .factors import column_names, constant, evaluate_column


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
    return _read(node, frame, where, predicting=False)


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
        return _plain(_blank(node, frame) if predicting else evaluate_column(node, frame, where))
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
    predicting, arguments the prediction does not need come as columns without values.
    """

    def __init__(self, node: Call, function: ResponseFunction, frame: Frame, where: str, predicting: bool) -> None:
        self._node, self._frame, self._where, self._predicting = node, frame, where, predicting
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

    def has(self, index: int) -> bool:
        return index < len(self._node.arguments)

    def column(self, index: int) -> Column:
        self._read.add(index)
        node = self._node.arguments[index]
        if _is_number(node):
            value = constant(node, self._where)
            return Column(_source(node), "number", np.full(self._frame.rows, value))
        if index in self._blank:
            return _blank(node, self._frame)
        return evaluate_column(node, self._frame, self._origin())

    def inner(self) -> Response:
        self._read.add(0)
        node = self._node.arguments[0]
        if isinstance(node, Call) and node.function in RESPONSES:
            return _read(node, self._frame, self._where, self._predicting)
        return _read(node, self._frame, self._where, predicting=0 in self._blank)

    def option(self, name: str) -> Any:
        self._read.add(name)
        node = self._options.get(name)
        if node is None:
            return None
        if _is_number(node) or isinstance(node, Text) or not column_names(node):
            return constant(node, self._where)
        return evaluate_column(node, self._frame, self._origin())

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
    """Return whether every column of a call is there and complete."""
    names = [name for argument in node.arguments for name in column_names(argument)]
    return all(name in frame.columns and frame.columns[name].missing is None for name in names)
