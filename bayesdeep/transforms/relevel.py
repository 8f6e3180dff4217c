"""``relevel(x, ref="b")``: a category of which the others are compared with level ``ref``."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.columns import Column, Json, Transform
from bayesdeep.core.errors import FormulaError

from . import _levels


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return ``{"levels": [...]}``, the reference level first."""
    if len(arguments) + len(options) != 1:
        raise FormulaError('it takes a column and a level, relevel(g, ref="b")')
    return _levels.learn(column, (), {"reference": arguments[0] if arguments else options["ref"]})


TRANSFORM = Transform(
    "relevel", learn, _levels.apply, _levels.labels, categorical=True, options=("ref",),
    example='relevel(g, ref="g2")',
)
