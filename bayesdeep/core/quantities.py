"""The ledger of a model: every quantity the posterior shows, and what it is.

What a quantity means is written down where it is made and asked for ever after; no stage reads it off the spelling of a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

INTERCEPT, COEFFICIENT, SD, CORRELATION = "intercept", "coefficient", "sd", "correlation"
EFFECTS, BASIS, PARAMETER, SCALE = "effects", "basis", "parameter", "scale"
HYPERPARAMETER, WEIGHT, ROW_STATISTIC, SIMPLEX = "hyperparameter", "weight", "held", "simplex"
FREEDOM = "freedom"

ORDER = (
    INTERCEPT, COEFFICIENT, PARAMETER, SD, CORRELATION, HYPERPARAMETER, SCALE, SIMPLEX, FREEDOM, "",
    EFFECTS, BASIS, WEIGHT, ROW_STATISTIC,
)
"""Roles as a person reads a posterior: population effects first, effects of groups last."""


@dataclass(frozen=True)
class Entry:
    """What one quantity of a posterior is.

    Attributes
    ----------
    role
        ``"intercept" "coefficient" "sd" "correlation" "parameter" "scale" "hyperparameter"``; ``"simplex"``: shares that
        sum to 1; ``"effects"`` of groups;
        ``"basis"``: coefficients of a basis, which only the function they make gives a meaning; ``"weight"`` of a network;
        ``"held"``: what all rows together decide; ``"freedom"``: effective degrees of freedom, worked out from the draws.
    parameter
        The family's parameter whose predictor it belongs to, or that it is.
    term
        Key of the term that made it; empty for what belongs to no term.
    slot
        The slot whose prior it has, or serves, by its full name; empty for derived quantities.
    factor
        The grouping factor along whose levels it runs; empty for none.
    factor_axis
        Which of its own axes that is, draws not counted; None for none.
    response
        Name of the response.
    """

    role: str = ""
    parameter: str = ""
    term: str = ""
    slot: str = ""
    factor: str = ""
    factor_axis: int | None = None
    response: str = ""

    def attributes(self) -> dict[str, Any]:
        """Return it as attributes of a saved variable, what is empty left out."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) not in ("", None)}

    @classmethod
    def read(cls, attributes: Mapping[Any, Any]) -> "Entry":
        """Return the entry that :meth:`attributes` wrote; what is not there is empty."""
        known = {f.name: attributes[f.name] for f in fields(cls) if f.name in attributes}
        if "factor_axis" in known:
            known["factor_axis"] = int(known["factor_axis"])
        return cls(**known)


@dataclass(frozen=True, eq=False)
class Quantity:
    """A quantity the posterior shows: its tensor in the graph, its dimensions, and what it is."""

    tensor: Any
    dims: tuple[str, ...]
    entry: Entry

    @property
    def role(self) -> str:
        """Return what it is to a reader."""
        return self.entry.role


def of_role(posterior: Any, *roles: str) -> list[str]:
    """Return the names of a Dataset's variables that have one of the roles."""
    return [str(name) for name, value in posterior.data_vars.items() if value.attrs.get("role", "") in roles]
