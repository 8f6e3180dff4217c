"""How large a parameter of a non-linear formula may be: what the user's priors say, and what has to be said.

The data of a regression say where its predictor lies and how wide it is, from which default priors follow. Of a parameter in
the middle of an expression they say nothing before it is fitted. So the prior of its intercept is the user's to give, and the
width of that prior is the parameter's natural scale: a coefficient may change it, over a standard deviation of its column, by as
much.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayesdeep.core.errors import PriorError
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, PriorSpec, Slot
from bayesdeep.core.quantities import COEFFICIENT, INTERCEPT
from bayesdeep.core.registry import PRIORS, TERMS

from .assign_priors import OUTSIDE
from .model_spec import PredictorSpec
from .prior_text import read_prior
from .slots import slot_name

DROP = 0.5
"""By how much a log density has fallen one scale away from the median, as a normal one's has at its standard deviation."""
SMALLEST, LARGEST, HALVINGS = 1e-12, 1e12, 60
"""Shares of the median, or of 1, between which a scale is sought."""


def median_of(prior: PriorSpec) -> float | None:
    """Return a prior's median; None where it has none, or arguments that are not numbers."""
    plugin, numbers = PRIORS[prior.name], {k: v for k, v in prior.arguments if isinstance(v, float)}
    if plugin.median is None or prior.nested:
        return None
    return float(plugin.median(**numbers))


def reach_of(prior: PriorSpec) -> float | None:
    """Return how wide a prior is: how far from its median its log density has fallen by a half, the mean of both sides.

    That is a normal prior's standard deviation. None for a prior without a median or a density on arrays, and for one with
    arguments that are not numbers.
    """
    plugin, median = PRIORS[prior.name], median_of(prior)
    if median is None or plugin.log_density is None:
        return None
    sides = [_side(prior, median, sign) for sign in (-1.0, 1.0)]
    return float(np.mean(sides)) if np.isfinite(sides).all() else None


def log_density(prior: PriorSpec, x: np.ndarray) -> np.ndarray:
    """Return the log density on an array, minus infinity outside of the support."""
    plugin = PRIORS[prior.name]
    inside = {"positive": x > 0, "unit": (x > 0) & (x < 1)}.get(plugin.support, np.isfinite(x))
    numbers = {k: v for k, v in prior.arguments if isinstance(v, float)}
    assert plugin.log_density is not None
    with np.errstate(all="ignore"):
        found = np.broadcast_to(plugin.log_density(np.where(inside, x, 0.5), **numbers), x.shape)
    return np.where(inside & ~np.isnan(found), found, -np.inf)


def _side(prior: PriorSpec, median: float, sign: float) -> float:
    """Return the distance on one side of the median, by halving its logarithm; infinite where the density does not fall."""
    level, unit = float(log_density(prior, np.array([median]))[0]) - DROP, abs(median) or 1.0
    low, high = np.log(SMALLEST * unit), np.log(LARGEST * unit)

    def fallen(distance: float) -> bool:
        return bool(log_density(prior, np.array([median + sign * distance]))[0] < level)

    if not fallen(np.exp(high)):
        return np.inf
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if fallen(np.exp(middle)) else (middle, high)
    return float(np.exp(high))


def scales(
    predictors: Sequence[PredictorSpec], nonlinear: Sequence[str], main: str, given: Mapping[str, Any]
) -> dict[str, float]:
    """Return the natural scale of each parameter of a non-linear formula, as default priors of its formula take it.

    Parameters
    ----------
    predictors
        Of the whole model.
    nonlinear
        The parameters.
    main
        The family's main parameter.
    given
        The user's priors by key.

    Raises
    ------
    PriorError
        For an intercept without a prior, or coefficients without one where there is no intercept; where a default prior would
        need a scale that no prior says.
    """
    keys = {
        quantity_name(part.strip()): value for key, value in given.items() for part in (str(key), *OUTSIDE.split(str(key)))
    }
    own = [p for p in predictors if p.parameter in nonlinear]
    lacking = {p.parameter: [name for name in _decisive(p, main) if name not in keys and f"{name}_raw" not in keys] for p in own}
    if any(lacking.values()):
        raise _undecided({parameter: names for parameter, names in lacking.items() if names})
    return {p.parameter: _scale(p, main, keys) for p in own}


def _slots(predictor: PredictorSpec, main: str, spread: float) -> dict[str, Slot]:
    return {
        slot_name(predictor.parameter, main, slot): slot
        for term in predictor.terms
        for slot in TERMS[term.kind].slots(term.state, spread)
    }


def _decisive(predictor: PredictorSpec, main: str) -> dict[str, float]:
    """Return the slots that say how large a parameter is, and how many of its spreads one of each is."""
    slots = _slots(predictor, main, 1.0)
    found = {name: 1.0 for name, slot in slots.items() if slot.role == INTERCEPT}
    return found or {name: slot.unit for name, slot in slots.items() if slot.role == COEFFICIENT}


def _scale(predictor: PredictorSpec, main: str, keys: Mapping[str, Any]) -> float:
    reaches = []
    for name, unit in _decisive(predictor, main).items():
        key = name if name in keys else f"{name}_raw"
        found = reach_of(read_prior(keys[key], f"prior '{key}'"))
        reaches += [] if found is None else [found / unit]
    if reaches:
        return max(reaches) / PRIOR_SCALE_IN_SPREADS
    once, twice = (_slots(predictor, main, spread) for spread in (1.0, 2.0))
    for name, slot in once.items():
        if name not in keys and slot.role != INTERCEPT and slot.default != twice[name].default:
            raise PriorError(
                f"prior '{name}': its default follows from how wide the prior of {predictor.parameter}'s intercept is, and that "
                f"has no width; give '{name}' a prior of its own"
            )
    return 1.0


def _undecided(lacking: Mapping[str, Sequence[str]]) -> PriorError:
    first, names = next(iter(lacking.items()))
    every = [name for of in lacking.values() for name in of]
    shown = ", ".join(f'"{name}": "Normal(…, …)"' for name in every[1:4])
    return PriorError(
        f"prior '{names[0]}': it has to be given: {first} is a parameter of a non-linear formula, and the data cannot say what "
        f'it is like before they are fitted. Write priors={{"{names[0]}": "Normal(10, 5)"{", " + shown if shown else ""}}} with '
        f'your own numbers, in the units of {first}; of what is positive, "LogNormal(2, 1)" or "HalfNormal(10)"'
    )
