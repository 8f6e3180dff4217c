"""Options of calls in formulas as Python values: a node is what stands there, and may be anything that can be written."""

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import FormulaError, nearest


def options_of(call: Any, known: Iterable[str], where: str, elsewhere: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a call's options, nodes by name; raise for a name that is not ``known``. ``where`` begins the error's text.

    ``elsewhere`` are names that other packages have for options.
    """
    for name, _ in call.options:
        if name not in known:
            meant = (elsewhere or {}).get(name)
            said = nearest(name, known) if meant is None else f"; here it is {meant}"
            raise FormulaError(f"{where}: {call.function}() has no option '{name}'{said}")
    return dict(call.options)


def left_open(node: Any) -> bool:
    """Return whether nothing is said: no node, or ``None`` as it is written."""
    return node is None or getattr(node, "name", None) == "None"


def number_of(node: Any) -> float | None:
    """Return a number as it is written, with its sign; None for anything else, such as a name or a text.

    Parameters
    ----------
    node
        The value of an option: ``dict(node.options)["at"]`` of a call ``step(x, at=-1)``.
    """
    sign = -1.0 if getattr(node, "operator", "") == "-" else 1.0
    value = getattr(getattr(node, "operand", node), "value", None)
    return None if isinstance(value, bool | str) or not isinstance(value, int | float) else sign * value


def truth_of(node: Any) -> bool | None:
    """Return whether ``True`` or ``False`` is written; None for anything else."""
    return {"True": True, "TRUE": True, "False": False, "FALSE": False}.get(getattr(node, "name", None) or "")
