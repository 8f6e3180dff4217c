"""Names of quantities in the posterior."""

from collections.abc import Iterable
from typing import Any


def posterior_name(text: str) -> str:
    """Return a term's or column's text as a name in a DataTree, where ``/`` separates groups: it becomes ``÷``."""
    return text.replace("/", "÷")


DIMENSIONS = ("obs", "chain", "draw")
"""Dimensions of every tree; in one dataset a variable and a dimension cannot have one name."""


def quantity_name(text: str) -> str:
    """Return the name of a quantity of its own: that of a column called like a dimension of every tree gets a ``_``."""
    name = posterior_name(text)
    return f"{name}_" if name in DIMENSIONS else name


def named(given: Any, known: Iterable[str]) -> str | None:
    """Return which of the known names a user means, who may write it as in the data or as in a formula; None if none.

    Of a column ``mg/L`` that is ``"mg/L"``, ``"`mg/L`"`` or, as the posterior has it, ``"mg÷L"``.
    """
    options = {str(name): str(name) for name in known}
    plain = str(given).replace("`", "")
    ways = (str(given), plain, posterior_name(plain), quantity_name(plain))
    return next((options[name] for name in ways if name in options), None)
