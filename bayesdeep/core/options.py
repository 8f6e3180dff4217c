"""Options of calls in formulas as Python values: a node is what stands there, and may be anything that can be written."""

from typing import Any


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
