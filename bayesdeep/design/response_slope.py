r"""How fast a response written as an expression, such as ``log(y)``, grows with the column it is made of.

A density of :math:`z = f(y)` is one of :math:`y` times :math:`|f'(y)|`. With its logarithm log scores are in the units of the
data, whatever scale the model is on.
"""

import numpy as np

from bayesdeep.core.columns import Frame
from bayesdeep.formula.nodes import Call, Expression, Name, Number, Text, Unary
from bayesdeep.formula.walk import every_node

from .arithmetic import FUNCTIONS, OPERATORS, partials
from .factors import column_names


def log_slope(node: Expression, frame: Frame) -> np.ndarray | None:
    """Return the log of the absolute derivative of an expression by its column ``(obs,)``.

    Returns
    -------
    numpy.ndarray or None
        None where there is nothing to say: of a plain column; and where a density of the column does not follow from one of
        the expression, since two values of the column give the same (the slope changes its sign, as that of ``abs(y)``), since
        the slope is 0 or infinite in some row, or since there are several columns with different slopes.
    """
    if isinstance(node, Name) or any(isinstance(part, Text) for part in every_node(node)):
        return None
    found = [_slope(node, name, frame)[1] for name in column_names(node)]
    with np.errstate(divide="ignore"):
        logs = [np.log(np.abs(np.broadcast_to(slope, (frame.rows,)))) for slope in found]
    one_way = all((np.asarray(slope) > 0).all() or (np.asarray(slope) < 0).all() for slope in found)
    if not one_way or not all(np.isfinite(log).all() for log in logs):
        return None
    return logs[0] if all(np.allclose(log, logs[0], rtol=1e-12, atol=1e-12) for log in logs[1:]) else None


def _slope(node: Expression, name: str, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Return an expression and its derivative by a column, ``(obs,)`` or single numbers."""
    if isinstance(node, Number):
        return np.asarray(node.value, dtype=np.float64), np.zeros(())
    if isinstance(node, Name):
        values = np.asarray(frame.columns[node.name].values, dtype=np.float64)
        return values, np.asarray(1.0 if node.name == name else 0.0)
    if isinstance(node, Call):
        key, inside = node.function, node.arguments
    elif isinstance(node, Unary):
        key, inside = node.operator, (node.operand,)
    else:
        key, inside = node.operator, (node.left, node.right)  # type: ignore[union-attr]
    made = [_slope(part, name, frame) for part in inside]
    operands = [value for value, _ in made]
    with np.errstate(all="ignore"):
        function = FUNCTIONS[key] if isinstance(node, Call) else OPERATORS[key, len(operands)]
        total = np.zeros(())
        for partial, (_, slope) in zip(partials(key, operands), made, strict=True):
            # A part that does not depend on the column has no share, whatever its own slope is.
            total = total + np.where(slope == 0, 0.0, partial * slope)
        return np.asarray(function(*operands), dtype=np.float64), total
