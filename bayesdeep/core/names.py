"""Names of quantities in the posterior."""


def posterior_name(text: str) -> str:
    """Return a term's or column's text as a name in a DataTree, where ``/`` separates groups: it becomes ``÷``."""
    return text.replace("/", "÷")


DIMENSIONS = ("obs", "chain", "draw")
"""Dimensions of every tree; in one dataset a variable and a dimension cannot have one name."""


def quantity_name(text: str) -> str:
    """Return the name of a quantity of its own: that of a column called like a dimension of every tree gets a ``_``."""
    name = posterior_name(text)
    return f"{name}_" if name in DIMENSIONS else name
