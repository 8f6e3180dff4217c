"""What is given for a method's options, by the types that its settings declare."""

import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType
from typing import Any, get_args, get_type_hints

import numpy as np

from bayesdeep.core.draws import Engine
from bayesdeep.core.errors import FitError

WANTED = {bool: "True or False", int: "a whole number", float: "a finite number", str: "text"}


def checked(engine: Engine, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as Python's own numbers, texts and truth values.

    Raises
    ------
    FitError
        Where a value is of another type than the settings declare, or no finite number.
    """
    hints = get_type_hints(engine.settings)
    types = {f.name: get_args(hints[f.name]) or (hints[f.name],) for f in fields(engine.settings)}
    return {name: _one(engine.name, name, value, types[name]) for name, value in given.items()}


def _one(method: str, name: str, value: Any, types: tuple[type, ...]) -> Any:
    if value is None and NoneType in types:
        return None
    for kind in types:
        if kind in _READ and (found := _READ[kind](value)) is not None:
            return found
    wanted = " or ".join("None" if kind is NoneType else WANTED.get(kind, kind.__name__) for kind in types)
    raise FitError(f"{method}: {name} is {_shown(value)}; give {wanted}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _truth(value: Any) -> bool | None:
    return bool(value) if isinstance(value, bool | np.bool_) else None


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, Integral) and _truth(value) is None else None


def _number(value: Any) -> float | None:
    if not isinstance(value, Real) or _truth(value) is not None:
        return None
    return float(value) if math.isfinite(value) else None


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) else None


_READ = {bool: _truth, int: _whole, float: _number, str: _text}
