"""Models that are linear in Gaussian coefficients but whose response is anything: which they are, and their rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.linear import Hyperparameter
from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES, PRIORS
from bayesdeep.core.rowwise import FamilyParameter, RowLikelihood, RowSystem
from bayesdeep.spec.model_spec import ModelSpec

from .eligibility import _nested, _scale, terms_reason
from .linear_layout import Layout, layout_of
from .moments import _columns, _effects, moments_of
from .system import SystemTarget, system_of

FARTHEST = 1e8
"""A prior's median beyond this, or its inverse, is no place to start from."""
LOG_2 = float(np.log(2.0))


@dataclass(frozen=True)
class RowTarget(SystemTarget):
    """What an engine sees of such a model: its rows too, whose ``system`` it is."""

    rows: RowSystem = field(kw_only=True)


def why_not_marginal(spec: ModelSpec) -> str | None:
    """Return why the coefficients cannot be integrated out by Laplace's method, in a clause; None if they can."""
    family = FAMILIES[spec.family]
    reason = why_not_by_row(spec) or terms_reason(spec)
    if reason is not None:
        return reason
    for parameter in family.parameters[1:]:
        if parameter.name in spec.known:
            continue
        chosen = spec.prior(parameter.name)
        reason = _probability(chosen) if parameter.support == "unit" else _positive(chosen, parameter.support)
        if reason is not None:
            return reason
    return None


def why_not_by_row(spec: ModelSpec) -> str | None:
    """Return why a row's likelihood is no function of one predictor and a few numbers, in a clause; None if it is."""
    family = FAMILIES[spec.family]
    main = family.main
    if main.shape == "contrast":
        return f"a {spec.family} response has a predictor for each level"
    if "counts_by_level" in family.words:
        return f"a {spec.family} response is several counts a row"
    others = [p.parameter for p in spec.predictors if p.parameter != main.name]
    if others:
        return f"{', '.join(others)} has a formula of its own, so that it differs between rows"
    cuts = [p.name for p in family.parameters if p.shape == "cut"]
    if cuts:
        return f"the {cuts[0]}s of a {spec.family} response are a vector of parameters beside the predictor"
    return None


def _positive(chosen: ChosenPrior | None, support: str) -> str | None:
    assert chosen is not None
    if support != "positive":
        return f"the parameter {chosen.name} is neither positive nor a probability"
    return _scale(chosen)


def _probability(chosen: ChosenPrior | None) -> str | None:
    assert chosen is not None
    if PRIORS[chosen.prior.name].log_density is None:
        return f"the prior of {chosen.name}, {chosen.prior}, has no density on arrays"
    return f"the prior of {chosen.name}, {chosen.prior}, has a hyperprior" if _nested(chosen.prior) else None


def row_system_of(
    spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response, likelihood: RowLikelihood
) -> tuple[Layout, RowSystem]:
    """Return the layout and the rows of a model that :func:`why_not_marginal` has nothing against.

    Parameters
    ----------
    arrays
        By ``"term key.array"``, first axis ``obs``.
    response
        Of the same rows.
    likelihood
        Of the same rows, as a function of the predictor.
    """
    layout = replace(layout_of(spec), standard_error=1.0)
    count = len(response.value)
    alone = Response(response.name, np.zeros(count))
    plain = replace(layout, standard_error=None, shifts=())
    system = system_of(spec, layout, moments_of(plain, arrays, alone, 0.0), 0.0)
    found, parameters = list(system.hyperparameters), []
    for name in likelihood.parameters:
        parameters.append(FamilyParameter(name, len(found), _kind(spec, name)))
        found.append(_hyperparameter(spec, name))
    whole = slice(0, count)
    offset = np.zeros(count)
    for key in layout.shifts:
        offset = offset + arrays[key]
    columns = _columns(layout, arrays, whole, offset)[:, :-1]
    codes, effects = _effects(layout, arrays, whole)
    rows = RowSystem(
        replace(system, hyperparameters=tuple(found)),
        columns,
        tuple(np.asarray(code, dtype=np.int64) for code in codes),
        tuple(tuple(None if z is None else np.asarray(z, dtype=np.float64) for z in by) for by in effects),
        offset + columns @ system.origin,
        tuple(parameters),
        likelihood,
    )
    return layout, rows


def _kind(spec: ModelSpec, name: str) -> str:
    parameter = FAMILIES[spec.family].parameter(name)
    assert parameter is not None
    return "unit" if parameter.support == "unit" else "scale"


def _hyperparameter(spec: ModelSpec, name: str) -> Hyperparameter:
    chosen = spec.prior(name)
    assert chosen is not None
    arguments = {k: v for k, v in chosen.prior.arguments if v is not None}
    if _kind(spec, name) == "unit":
        return Hyperparameter(name, "partial", _unit_density(chosen), 2.0 * _likely(spec, name, 0.5, 0.02, 0.98) - 1.0)
    log_density = PRIORS[chosen.prior.name].log_density
    assert log_density is not None
    return Hyperparameter(name, "scale", partial(log_density, **arguments), _likely(spec, name, 1.0, 0.0, np.inf))


def _likely(spec: ModelSpec, name: str, default: float, lowest: float, highest: float) -> float:
    """Return a value to start from: the prior's median, where it has one that is a number like others."""
    chosen = spec.prior(name)
    assert chosen is not None
    median = PRIORS[chosen.prior.name].median
    arguments = {k: v for k, v in chosen.prior.arguments if isinstance(v, float)}
    value = default if median is None else float(median(**arguments))
    # That of a prior made to be vague, InverseGamma(0.001, 0.001), is beyond all that a parameter can be.
    value = value if FARTHEST**-1 < value < FARTHEST else default
    return float(min(max(value, lowest), highest))


def _unit_density(chosen: ChosenPrior) -> Callable[[np.ndarray], np.ndarray]:
    """Return the log density of ``2 p - 1`` for a probability ``p`` with this prior."""
    log_density: Any = PRIORS[chosen.prior.name].log_density
    arguments = {k: v for k, v in chosen.prior.arguments if v is not None}

    def density(value: np.ndarray) -> np.ndarray:
        return log_density(0.5 * (1.0 + value), **arguments) - LOG_2

    return density
