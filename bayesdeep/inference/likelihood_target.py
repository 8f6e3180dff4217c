"""A model without its priors, for engines that search the likelihood."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.collapse import layout_of, why_not
from bayesdeep.collapse.eligibility import terms_reason
from bayesdeep.core.draws import Draws
from bayesdeep.core.effects import Process, Scaled
from bayesdeep.core.errors import FitError
from bayesdeep.core.names import quantity_name
from bayesdeep.core.registry import ENGINES, PRIORS
from bayesdeep.results.rows import TrainingRows
from bayesdeep.spec.declared import effects_of
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.without_priors import without_priors

from .linear_target import linear_source
from .row_target import row_source

DEPENDENT = 1e-11
"""Share of a column's squares that are its own, beside the columns before it, below which it is a combination of these."""


def likelihood_source(
    spec: ModelSpec, rows: TrainingRows, method: str
) -> tuple[Any, Any, Callable[[Draws], dict[str, np.ndarray]]]:
    """Return what is shown of a model, its likelihood as a linear system or by rows, and the way back from coefficients.

    Raises
    ------
    FitError
        Where it is neither, or where columns are combinations of each other.
    """
    flat = without_priors(spec)
    reason = why_not(flat)
    _refuse_functions(flat, method)
    if reason is None:
        shown, target, named = linear_source(flat, rows, method)
        gram = target.system.moments.gram[:-1, :-1]
    elif "linear" in ENGINES[method].needs:
        raise FitError(f"fit: method '{method}' does not apply: {reason}; use method='ml'")
    else:
        _refuse_several(flat, method)
        shown, target, named = row_source(flat, rows, method)
        columns = target.rows.columns
        gram = columns.T @ columns
    names = _names(flat)
    _refuse_dependent(names, gram)
    start = np.array([_likely(spec, name) for name in names])
    return shown, replace(target, columns=names, start=start, notes=_notes(spec, flat, method)), named


def _refuse_several(spec: ModelSpec, method: str) -> None:
    """Raise where effects of more than one predictor would have to be integrated out together."""
    if terms_reason(spec) is not None:
        return
    found = [p.parameter for k, p in enumerate(spec.predictors) if layout_of(spec, k).factors]
    if len(found) > 1:
        raise FitError(
            f"fit: method '{method}' does not apply: there are effects of groups, or smooths, in the formulas of "
            f"{' and '.join(found)}, and they are integrated out of one alone; use method='nuts'"
        )


def _refuse_functions(spec: ModelSpec, method: str) -> None:
    """Raise where standard deviations are made of several numbers: without priors the likelihood hardly tells them apart."""
    for predictor in spec.predictors:
        for term in predictor.terms:
            law = next((effect.law for effect in effects_of(term) if isinstance(effect.law, Scaled | Process)), None)
            if law is not None:
                raise FitError(
                    f"fit: method '{method}' does not apply: the covariance of the coefficients of {term.source} is made "
                    f"of {' and '.join(law.slots)}, which the likelihood hardly tells apart without their priors; use "
                    "method='auto', or 'map' for one estimate"
                )


def _likely(spec: ModelSpec, name: str) -> float:
    """Return where the default or given prior of an intercept is, at the columns' means; 0 of other columns."""
    chosen = spec.prior(name) or spec.prior(f"{name}_raw")
    if chosen is None or chosen.role != "intercept":
        return 0.0
    location = PRIORS[chosen.prior.name].location
    value = None if location is None else chosen.prior.get(location)
    return value if isinstance(value, float) else 0.0


def _notes(spec: ModelSpec, flat: ModelSpec, method: str) -> tuple[str, ...]:
    """Return a sentence where priors that somebody gave have no say."""
    given = [
        f"'{own.name}'"
        for own, other in zip(spec.priors, flat.priors, strict=True)
        if own.origin == "user" and (own.prior != other.prior or own.role == "parameter")
    ]
    return (f"{method} uses no priors: those given for {', '.join(given)} have no say.",) if given else ()


def _names(spec: ModelSpec) -> tuple[str, ...]:
    """Return a name a population column, as a summary shows it, one predictor after another."""
    found: list[str] = []
    for layout in (layout_of(spec, number) for number in range(len(spec.predictors))):
        names = ["Intercept"] * len(layout.means)
        for place in layout.columns:
            for piece in place.effect.pieces:
                for k in range(piece.size):
                    label = "" if piece.labels is None else f"[{piece.labels[k]}]"
                    names[place.start + piece.start + k] = f"{quantity_name(piece.slot)}{label}"
        found += [f"{layout.prefix}{name}" for name in names]
    return tuple(found)


def _refuse_dependent(names: tuple[str, ...], gram: np.ndarray) -> None:
    """Raise where a population column is a combination of others, from their products ``(column, column)``."""
    left, lengths = gram.astype(np.float64).copy(), np.diagonal(gram).copy()
    for k in range(len(gram)):
        if not left[k, k] > DEPENDENT * lengths[k]:
            raise FitError(
                f"fit: without priors the likelihood has no one highest point: the column '{names[k]}' is a combination of "
                "others on these rows; leave it out, or use a method with priors"
            )
        left[k + 1 :, k + 1 :] -= np.outer(left[k + 1 :, k], left[k, k + 1 :]) / left[k, k]
