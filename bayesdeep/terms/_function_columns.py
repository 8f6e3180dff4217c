"""What ``gp(…)``, ``s(…)`` and ``t2(…)`` have in common as calls: the columns they are functions of, ``by=``, and their names."""

from typing import Any

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import left_open

BY = "a column, as in by=g"


def called(node: Any) -> str:
    """Return a column's name, or an expression as it is written."""
    return str(getattr(node, "name", node.source))


def check_columns(call: Any, noun: str, where: str) -> None:
    """Raise where what a function is of is no column, or one column twice; ``noun`` says what the function is."""
    for variable in call.arguments:
        if hasattr(variable, "operator"):
            more = ", …" if len(call.arguments) > 1 else ""
            raise FormulaError(f"{where}: for arithmetic on columns write {call.function}(I({variable.source}){more})")
    if len(set(call.arguments)) < len(call.arguments):
        raise FormulaError(f"{where}: the columns of a {noun} are different ones")


def read_by(node: Any, where: str) -> Any:
    """Return what a function is multiplied by, as a node; None for nothing."""
    if left_open(node):
        return None
    if hasattr(node, "value") or hasattr(node, "items") or hasattr(node, "operator"):
        raise FormulaError(f"{where}: by={node.source} is not {BY}")
    return node


def columns_of(call: Any) -> str:
    """Return the columns as they are written."""
    return ", ".join(called(variable) for variable in call.arguments)


def name_of(call: Any, by: Any) -> str:
    """Return what the posterior calls a function: the call without its options, and what it is multiplied by."""
    own = f"{call.function}({columns_of(call)})"
    return posterior_name(own if by is None else f"{own}:{called(by)}")
