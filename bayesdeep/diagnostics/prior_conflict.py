r"""Prior and data in conflict: posterior means in the tail of their own prior, where that pulls them.

A prior whose tails are heavy, or data that say much more than it, leave the estimate where it is, however far out that lies.
How hard a prior :math:`p(\theta)` pulls is what raising it to a power :math:`\alpha` would do to the posterior mean: its
derivative by :math:`\log \alpha` at 1 is :math:`\operatorname{Cov}(\theta, \log p(\theta))` over the draws.

References
----------
Evans and Moshonov (2006), Checking for prior-data conflict, Bayesian Analysis 1(4), https://doi.org/10.1214/06-BA129. Kallioinen,
Paananen, Bürkner and Vehtari (2023), Detecting and diagnosing prior and likelihood sensitivity with power-scaling, Statistics
and Computing 34, 57, https://doi.org/10.1007/s11222-023-10366-5: a shift of 0.3 standard deviations for twice the weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import xr
from bayesdeep.core.registry import PRIORS

from .checks import Check

LIMIT = 2.0
"""Prior scales between the prior's location and the posterior mean."""
MIN_PULL = 0.3
"""Posterior standard deviations that the mean would move by if the prior counted twice: from here on it is said."""
DEFAULT_PULL = 1.0
"""The same, from where on a default prior is a caution. It is meant to shrink, and where effects are large (groups that differ
much on a logit) it does; less than the posterior's own sd is within what its interval says already."""
UNJUDGED = frozenset({"intercept", "effects", "correlation", "scale", "weights", "simplex"})


def conflict_checks(
    posterior: xr.Dataset, priors: Iterable[Mapping[str, Any]], endless: frozenset[str] = frozenset()
) -> list[Check]:
    """Return a row for each parameter whose prior pulls it, and has its mean more than two scales from the prior's location.

    Parameters
    ----------
    posterior
        Draws ``(chain, draw, …)``.
    priors
        As in a spec's JSON: records of :class:`~bayesdeep.core.priors.ChosenPrior` by the names of its fields. Only
        distributions with a location or scale count, such as Normal, StudentT or HalfNormal. The prior on an intercept
        is on its value at the predictors' means, which is not in the posterior; it is left out. So are the scales of
        networks' layers and inputs, which make up for each other.
    endless
        Names of coefficients that the data put no end to: how large they are only the prior says.

    Notes
    -----
    Read a distance of 2 to 3 as: look again at the prior's units. A default prior that pulls less than :data:`DEFAULT_PULL`
    has its row, and passes.
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
        away = np.abs((mean - location) / scale)
        pulled = pull(distribution, dict(chosen["prior"]["arguments"]), np.asarray(posterior[name], dtype=float))
        worst = int(np.argmax(np.where(pulled >= MIN_PULL, away, 0.0)))
        if away[worst] > LIMIT and pulled[worst] >= MIN_PULL:
            passed = chosen["origin"] == "default" and pulled[worst] < DEFAULT_PULL and name not in endless
            prior = f"its {chosen['origin']} prior ({distribution}, location {location:.3g}, scale {scale:.3g})"
            rows.append(_row(name, prior, float(away[worst]), scale, float(pulled[worst]), passed))
    return rows


def pull(distribution: str, arguments: Mapping[str, Any], draws: np.ndarray) -> np.ndarray:
    """Return by how many posterior standard deviations twice the prior's weight would move each mean ``(parameter,)``.

    Parameters
    ----------
    draws
        ``(chain, draw, …)``.
    """
    flat = draws.reshape(draws.shape[0] * draws.shape[1], -1)
    log_density = PRIORS[distribution].log_density
    if log_density is None or not all(isinstance(v, int | float) for v in arguments.values()):
        return np.full(flat.shape[1], np.inf)
    with np.errstate(all="ignore"):
        logs = np.asarray(log_density(flat, **arguments), dtype=float)
        apart, spread = flat - flat.mean(axis=0), flat.std(axis=0)
        found = np.log(2.0) * np.abs((apart * (logs - logs.mean(axis=0))).mean(axis=0)) / spread
    return np.where(np.isfinite(found), found, np.inf)


def location_scale(distribution: str, arguments: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return a prior's location and scale as numbers, or None where it has no such pair."""
    prior = PRIORS[distribution]
    location = 0.0 if prior.location is None else arguments.get(prior.location, prior.defaults.get(prior.location))
    scale = None if prior.scale is None else arguments.get(prior.scale, prior.defaults.get(prior.scale))
    numbers = all(isinstance(v, int | float) for v in (location, scale))
    return (float(location), float(scale)) if numbers and scale > 0 else None  # type: ignore[arg-type, operator]


def tail_power(distribution: str, arguments: Mapping[str, Any]) -> float:
    """Return the degrees of freedom of the Student t that falls off as the prior does; infinite for lighter tails.

    A density that falls off as a power ``x ** -(power + 1)`` has it as its slope on logarithmic axes.
    """
    prior, measured = PRIORS[distribution], location_scale(distribution, arguments)
    if prior.log_density is None or measured is None:
        return np.inf
    far = measured[0] + measured[1] * np.array([1e5, 1e6])
    with np.errstate(all="ignore"):
        first, second = np.asarray(prior.log_density(far, **arguments), dtype=float)
    power = -(second - first) / np.log(10.0) - 1.0
    return float(power) if np.isfinite(power) and power < 1e3 else np.inf


def _row(name: str, prior: str, distance: float, scale: float, pulled: float, passed: bool) -> Check:
    meaning = f"the posterior mean of '{name}' lies {distance:.1f} scales from the centre of {prior}"
    meaning += f", and would move by {pulled:.1g} of its sds if the prior counted twice" if np.isfinite(pulled) else ""
    if passed:
        meaning += ": as much as the default is meant to shrink; give a prior of your own where that matters"
        return Check(f"prior of {name}", distance, f"<= {LIMIT:g}, or a pull < {DEFAULT_PULL:g}", True, meaning, about=name)
    meaning += ": prior and data disagree, or the prior's units are wrong"
    advice = f"Check the prior of '{name}': if it was not meant to be that narrow, widen its scale to {distance * scale:.2g}."
    return Check(f"prior of {name}", distance, f"<= {LIMIT:g}", False, meaning, 1, (advice,), about=name)
