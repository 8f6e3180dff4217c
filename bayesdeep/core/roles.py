"""What the variables of a posterior are to a reader: quantities with a meaning, or only the means to a function.

A network's weights have no meaning of their own: units can be exchanged and signs turned without any change of the function.
They stay in the posterior, since predictions start from them, and out of every table and diagnosis. Their attribute ``role``
says so.
"""

from typing import Any

UNNAMED = frozenset({"weight", "held"})
"""Roles of variables that tables leave out: see :meth:`bayesdeep.core.terms.Scope.report`."""


def unnamed(posterior: Any) -> list[str]:
    """Return the names of a Dataset's variables that only a function's values give a meaning."""
    return [str(name) for name, value in posterior.data_vars.items() if value.attrs.get("role") in UNNAMED]


def shown(posterior: Any) -> Any:
    """Return a Dataset without these variables and their dimensions; the same one where there are none."""
    out = set(unnamed(posterior))
    return posterior[[name for name in posterior.data_vars if name not in out]] if out else posterior
