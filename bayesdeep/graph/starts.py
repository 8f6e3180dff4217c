"""Where sampling starts: at the data's location and scale, however wide the priors are.

PyMC starts a variable at its prior's centre. Default priors have theirs where the data are; a user's wide prior need not: the
middle of ``Uniform(0, 100)`` for a coefficient, or of ``Uniform(-20, 20)`` for the logarithm of a count of thousands, can be so
far out that the log density is a cliff, and a chain stays there. A prior that says more than the data's scale keeps its start.
"""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.linear import LinearShift
from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.core.quantities import COEFFICIENT, INTERCEPT
from bayesdeep.core.registry import PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec

WITHIN = 2.0
"""Scales of a prior from its centre that a start may be away."""
EDGE, SMALL = 0.05, 0.25
"""How far from a bound a start stays at the least: a share of the room, or of the natural scale if that is less."""
STEEPEST = 4.0
"""Where log odds change fastest, between two bounds, they change by this over the distance of the bounds."""


def starting_places(spec: ModelSpec, arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return by slot where to start variables with a user's prior; those whose prior is a better guide are left out."""
    shift = 0.0
    for term in spec.predictors[0].terms:
        linear = TERMS[term.kind].linear
        part = None if linear is None else linear(term.state)
        if isinstance(part, LinearShift):
            shift += float(np.mean(arrays[f"{term.key}.{part.array}"]))
    natural = {"Intercept": spec.response.location - shift, "Intercept_raw": spec.response.location - shift}
    found = {}
    for chosen in spec.priors:
        value = {"intercept": natural.get(chosen.name), "coefficient": 0.0, "sd": chosen.unit}.get(chosen.role)
        place = None if chosen.origin == "default" or value is None else _allowed(chosen.prior, value, chosen.unit)
        if place is not None:
            found[chosen.name] = place
    return found


def _allowed(prior: PriorSpec, value: float, unit: float) -> float | None:
    """Return the value that is nearest to ``value`` and not at odds with the prior; None where that cannot be told."""
    plugin = PRIORS[prior.name]
    if plugin.support not in ("real", "positive", "bounded") or any(isinstance(v, PriorSpec) for _, v in prior.arguments):
        return None
    lower, upper = _bounds(prior)
    edge = min(EDGE * (upper - lower), SMALL * unit) if plugin.support == "bounded" else 0.0
    location = _number(prior, plugin.location) if plugin.location else 0.0
    scale = _number(prior, plugin.scale) if plugin.scale else None
    if scale is not None and location is not None:
        value = float(np.clip(value, location - WITHIN * scale, location + WITHIN * scale))
    elif plugin.proper and plugin.support != "bounded":
        return None
    return float(np.clip(value, lower + edge, upper - edge))


def _bounds(prior: PriorSpec) -> tuple[float, float]:
    support = PRIORS[prior.name].support
    if support == "bounded":
        found = [_number(prior, end) for end in ("lower", "upper")]
        return (-np.inf if found[0] is None else found[0]), (np.inf if found[1] is None else found[1])
    return (0.0 if support == "positive" else -np.inf), np.inf


def _number(prior: PriorSpec, name: str | None) -> float | None:
    value = prior.get(name) if name else None
    return float(value) if isinstance(value, float | int) else None


def starting_unit(chosen: ChosenPrior) -> float | None:
    """Return how far from there a coefficient may start: half its natural scale, in the units of what is sampled; else None.

    A unit step in the coefficient of a column of thousands would put the predictor where the likelihood is flat, and
    in that of a square-root link it could start a chain in the mirror image of the posterior. Between two bounds log odds are
    sampled, of which a unit is as much of the room between the bounds, however wide that is.
    """
    return 0.5 * chosen.unit * _stretch(chosen) if chosen.role in (COEFFICIENT, INTERCEPT) else None


def _stretch(chosen: ChosenPrior) -> float:
    """Return how much of a sampled unit one of the coefficient's own is, at the most."""
    if PRIORS[chosen.prior.name].support != "bounded":
        return 1.0
    lower, upper = _bounds(chosen.prior)
    room = upper - lower
    return min(STEEPEST / room, 2.0 / chosen.unit) if np.isfinite(room) and room > 0 else 1.0
