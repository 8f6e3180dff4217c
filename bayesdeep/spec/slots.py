"""All places of a model that take a prior, with their default priors, from what the design has learned."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.links import find_link
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, PriorSpec, Slot, rounded
from bayesdeep.core.records import Default, Family, Response
from bayesdeep.core.registry import PRIORS, TERMS

from .model_spec import ModelSpec, PredictorSpec
from .prior_text import read_prior

AUXILIARY_SPREAD = 0.4
"""Natural scale of the predictor of an auxiliary parameter that says no other: a coefficient of 2.5 times as much
multiplies a standard deviation by e per standard deviation of the column."""


def prefixed(parameter: str, main: str, name: str) -> str:
    """Return a name as the posterior shows it: the main parameter's have no prefix."""
    return quantity_name(name) if parameter == main else f"{parameter}_{name}"


def read_name(spec: ModelSpec, prefix: str, slot: str) -> str:
    """Return the full name of a slot that a law reads: with its parameter's prefix, or as it is where terms share it."""
    return slot if spec.prior(prefix + slot) is None else prefix + slot


def slot_name(parameter: str, main: str, slot: Slot) -> str:
    """Return the name of a slot as the posterior shows it: what several terms share has no parameter's prefix."""
    return slot.name if slot.shared else prefixed(parameter, main, slot.name)


def all_slots(
    family: Family, predictors: tuple[PredictorSpec, ...], response: Response, known: Mapping[str, Any],
    offsets: Mapping[str, float], scales: Mapping[str, float] | None = None,
) -> tuple[Slot, ...]:
    """Return the slots of every predictor, then those of parameters that have neither formula nor known value.

    ``offsets`` are the mean offsets by parameter: the default intercept is what the predictor needs beside them. ``scales`` has
    those of the parameters of a non-linear formula.
    """
    main, found = family.main.name, []
    links = {p.parameter: find_link(p.link, "link", FormulaError) for p in predictors}
    for predictor in predictors:
        own = (scales or {}).get(predictor.parameter)
        location, spread = _scale(family, predictor.parameter, links, response) if own is None else (0.0, own)
        location -= offsets.get(predictor.parameter, 0.0)
        for term in predictor.terms:
            for slot in TERMS[term.kind].slots(term.state, spread):
                if slot.role == "intercept":
                    if not family.has_intercept(predictor.parameter):
                        continue
                    record = family.parameter(predictor.parameter)
                    main_like = predictor.parameter == main or (record is not None and record.follows != "")
                    default = _intercept(main_like, location, spread)
                    slot = replace(slot, default=default, unit=spread)
                found.append(replace(slot, name=slot_name(predictor.parameter, family.bare, slot)))
    modelled = {p.parameter for p in predictors}
    for parameter in family.plain(modelled | set(known)):
        if parameter.prior is None:
            continue
        default = parameter.prior(response, links[main])
        role = "simplex" if parameter.shape == "shares" else "parameter"
        found.append(Slot(parameter.name, parameter.support, default, role, max(len(parameter.labels), 1)))
    return tuple({slot.name if slot.shared else k: slot for k, slot in enumerate(found)}.values())


def _intercept(main: bool, location: float, spread: float) -> Default:
    what = (
        "the response's location on the link's scale"
        if main
        else "the parameter's prior median on the link's scale"
    )
    text = f"Normal({rounded(location, spread)}, {PRIOR_SCALE_IN_SPREADS * spread:.4g})"
    return Default(text, f"{what}, {PRIOR_SCALE_IN_SPREADS} spreads wide, at the columns' means")


def _scale(
    family: Family, parameter: str, links: Mapping[str, Any], response: Response
) -> tuple[float, float]:
    record = family.parameter(parameter)
    assert record is not None
    if parameter == family.main.name or record.follows:
        return family.scale(response, links[parameter])
    spread = AUXILIARY_SPREAD if record.spread is None else record.spread(links[parameter])
    if record.fixed is not None:
        return float(np.asarray(links[parameter].forward(record.fixed))), spread
    assert record.prior is not None
    plain = read_prior(record.prior(response, links[family.main.name]).text, f"prior '{parameter}'")
    return float(np.asarray(links[parameter].forward(prior_median(plain)))), spread


def prior_median(prior: PriorSpec) -> float:
    """Return the median of a default prior of a family's parameter (numbers only)."""
    median = PRIORS[prior.name].median
    if median is None:
        raise FormulaError(
            f"formula: the default prior {prior} of a family's parameter has no median, which the default prior of its formula's "
            "intercept is put at; give the family one that has"
        )
    return float(median(**{name: value for name, value in prior.arguments if isinstance(value, float)}))
