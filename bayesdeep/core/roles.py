"""What the variables of a posterior are to a reader: quantities with a meaning, or only the means to a function.

A network's weights have no meaning of their own: units can be exchanged and signs turned without any change of the
function. They stay in the posterior, since predictions start from them, and out of every table and diagnosis. The
coefficients of a basis are no more to a reader, but each is one number of a normal distribution, so that diagnoses
look at it. Their attribute ``role`` says so.
"""

from typing import Any

from .quantities import BASIS, FREEDOM, ROW_STATISTIC, WEIGHT

UNNAMED = frozenset({WEIGHT, ROW_STATISTIC})
"""Roles of variables that tables and diagnoses leave out: see :meth:`bayesdeep.core.terms.Scope.report`."""
UNLISTED = UNNAMED | {BASIS}
"""Roles of variables that tables leave out."""
UNJUDGED = UNNAMED | {FREEDOM}
"""Roles of variables that diagnoses leave out: the last is worked out afterwards, perhaps from every few draws only."""


def unnamed(posterior: Any) -> list[str]:
    """Return the names of a Dataset's variables that only a function's values give a meaning."""
    return [str(name) for name, value in posterior.data_vars.items() if value.attrs.get("role") in UNNAMED]


def shown(posterior: Any) -> Any:
    """Return a Dataset of the variables that are judged, and their dimensions; the same one where there are no others."""
    return _without(posterior, UNJUDGED)


def listed(posterior: Any) -> Any:
    """Return a Dataset without what tables leave out; the same one where there is nothing of that kind."""
    return _without(posterior, UNLISTED)


def _without(posterior: Any, roles: frozenset[str]) -> Any:
    kept = [name for name, value in posterior.data_vars.items() if value.attrs.get("role") not in roles]
    return posterior if len(kept) == len(posterior.data_vars) else posterior[kept]
