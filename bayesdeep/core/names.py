"""Names of quantities in the posterior."""


def posterior_name(text: str) -> str:
    """Return a term's or column's text as a name in a DataTree, where ``/`` separates groups: it becomes ``÷``."""
    return text.replace("/", "÷")
