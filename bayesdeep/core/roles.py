"""What the variables of a posterior are to a reader: quantities with a meaning, or only the means to a function.

A network's weights have no meaning of their own: units can be exchanged and signs turned without any change of the function.
They stay in the posterior, since predictions start from them, and out of every table and diagnosis. The coefficients of a basis
are no more to a reader, but each has a posterior of its own, so that diagnoses look at them. Their attribute ``role`` says so.
"""

from typing import Any

from .quantities import BASIS, ROW_STATISTIC, WEIGHT

UNNAMED = frozenset({WEIGHT, ROW_STATISTIC})
"""Roles of variables that tables and diagnoses leave out: see :meth:`bayesdeep.core.terms.Scope.report`."""
UNLISTED = UNNAMED | {BASIS}
"""Roles of variables that tables leave out."""


def unnamed(posterior: Any) -> list[str]:
    """Return the names of a Dataset's variables that only a function's values give a meaning."""
    return [str(name) for name, value in posterior.data_vars.items() if value.attrs.get("role") in UNNAMED]


def shown(posterior: Any) -> Any:
    """Return a Dataset without these variables and their dimensions; the same one where there are none."""
    return _without(posterior, UNNAMED)


def listed(posterior: Any) -> Any:
    """Return a Dataset without what tables leave out; the same one where there is nothing of that kind."""
    return _without(posterior, UNLISTED)


def _without(posterior: Any, roles: frozenset[str]) -> Any:
    kept = [name for name, value in posterior.data_vars.items() if value.attrs.get("role") not in roles]
    return posterior if len(kept) == len(posterior.data_vars) else posterior[kept]
