"""Prior and data in conflict: posterior means that lie in the tail of their own prior.

References
----------
Evans and Moshonov (2006), Checking for prior-data conflict, Bayesian Analysis 1(4), https://doi.org/10.1214/06-BA129
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import xr
from bayesdeep.core.registry import PRIORS

from .checks import Check

LIMIT = 2.0
UNJUDGED = frozenset({"intercept", "effects", "correlation", "scale", "weights"})


def conflict_checks(posterior: xr.Dataset, priors: Iterable[Mapping[str, Any]]) -> list[Check]:
    """Return a row for each parameter whose posterior mean is more than two prior scales from the prior's location.

    Parameters
    ----------
    posterior
        Draws ``(chain, draw, …)``.
    priors
        As in a spec's JSON: records of :class:`~bayesdeep.core.priors.ChosenPrior` by the names of its fields. Only
        distributions with a location or scale count, such as Normal, StudentT or HalfNormal. The prior on an intercept
        is on its value at the predictors' means, which is not in the posterior; it is left out. So are the scales of
        networks' layers and inputs, which make up for each other.

    Notes
    -----
    Read a distance of 2 to 3 as: look again at the prior's units. Beyond 4 the prior pulls the estimate visibly, unless
    its tails are heavy.
    """
    rows = []
    for chosen in priors:
        name, distribution = chosen["name"], chosen["prior"]["name"]
        if name not in posterior or chosen["role"] in UNJUDGED or distribution not in PRIORS:
            continue
        measured = location_scale(distribution, dict(chosen["prior"]["arguments"]))
        if measured is None:
            continue
        location, scale = measured
        mean = np.asarray(posterior[name].mean(("chain", "draw")), dtype=float).ravel()
        if mean.size == 0 or not np.isfinite(mean).all():
            continue
        distance = float(np.abs((mean - location) / scale).max())
        if distance > LIMIT:
            rows.append(_row(name, distribution, location, scale, distance, chosen["origin"]))
    return rows


def location_scale(distribution: str, arguments: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return a prior's location and scale as numbers, or None where it has no such pair."""
    prior = PRIORS[distribution]
    location = 0.0 if prior.location is None else arguments.get(prior.location, prior.defaults.get(prior.location))
    scale = None if prior.scale is None else arguments.get(prior.scale, prior.defaults.get(prior.scale))
    numbers = all(isinstance(v, int | float) for v in (location, scale))
    return (float(location), float(scale)) if numbers and scale > 0 else None  # type: ignore[arg-type, operator]


def _row(name: str, distribution: str, location: float, scale: float, distance: float, origin: str) -> Check:
    meaning = (
        f"the posterior mean of '{name}' lies {distance:.1f} scales from the centre of its {origin} prior "
        f"({distribution}, location {location:.3g}, scale {scale:.3g}): prior and data disagree, or the prior's units "
        "are wrong"
    )
    wider = f"{distance * scale:.2g}"
    advice = f"Check the prior of '{name}': if it was not meant to be that narrow, widen its scale to {wider}."
    return Check(f"prior of {name}", distance, f"<= {LIMIT:g}", False, meaning, 1, (advice,))
