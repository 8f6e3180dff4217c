"""Joint priors of a whole predictor, which allow each addend a share of a budget of variance: who has one, and in what unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.effects import Columns, Effect, Given, Iid, Piece, Sds
from bayesdeep.core.errors import PriorError
from bayesdeep.core.priors import ChosenPrior, PriorSpec, Slot
from bayesdeep.core.quantities import COEFFICIENT, SCALE, SD
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS

from .model_spec import ModelSpec, PredictorSpec
from .prior_text import read_prior
from .slots import slot_name

OWNERS = frozenset({COEFFICIENT, SD, SCALE})
"""Roles of slots that may say how large an addend of the predictor is."""


@dataclass(frozen=True)
class Owner:
    """A slot that says how large an addend of the main predictor is.

    Attributes
    ----------
    name, role
        The slot's.
    adds
        As :attr:`bayesdeep.core.priors.Slot.adds`; one number for coefficients, which have a share together.
    labels
        What each share is called.
    """

    name: str
    role: str
    adds: tuple[float, ...]
    labels: tuple[str, ...]


def owners(predictor: PredictorSpec, main: str) -> tuple[Owner, ...]:
    """Return the slots of the main predictor that may have shares of a budget, in the formula's order."""
    found = []
    for term in predictor.terms:
        record = TERMS[term.kind]
        effects = () if record.effects is None else record.effects(term.state)
        for slot in record.slots(term.state, 1.0):
            effect, piece = _piece_of(slot, effects)
            adds = slot.adds or _as_effects_say(slot, effect, piece)
            if slot.role not in OWNERS or not adds or not min(adds) > 0:
                continue
            if slot.role == COEFFICIENT:
                adds = (float(np.sqrt(np.sum(np.square(adds)))),)
            name = slot_name(predictor.parameter, main, slot)
            labels: Sequence[Any] = range(1, len(adds) + 1)
            if effect is not None and piece is not None and not isinstance(effect.law, Given):
                labels = effect.sds(piece).labels or labels
            several = tuple(f"{name}[{label}]" for label in labels)
            found.append(Owner(name, slot.role, adds, several if len(adds) > 1 else (name,)))
    return tuple(found)


def _piece_of(slot: Slot, effects: Sequence[Effect]) -> tuple[Effect | None, Piece | None]:
    """Return the coefficients that have a slot's prior, or whose standard deviation has it."""
    for effect in effects:
        for piece in effect.pieces:
            if slot.name == (piece.slot if isinstance(effect.law, Given) else piece.sd):
                return effect, piece
    return None, None


def _as_effects_say(slot: Slot, effect: Effect | None, piece: Piece | None) -> tuple[float, ...]:
    """Return what a slot's coefficients add where they, or their standard deviation, are 1; nothing if they add nothing."""
    if effect is None or piece is None or effect.strata is not None:  # each class of levels adds to rows of its own
        return ()
    if isinstance(effect.rows, Columns) and isinstance(effect.law, Given | Iid):
        squares = np.square(effect.rows.sds[piece.start : piece.stop])
        own = effect.sds(piece) if isinstance(effect.law, Iid) else Sds((0,) * piece.size)
        return tuple(np.sqrt(np.bincount(own.of, squares, own.count)).tolist())
    # A slot's unit is a spread of the predictor, here 1, for a spread of the column.
    return (1.0 / slot.unit,) * slot.size


def is_share(chosen: ChosenPrior | None) -> bool:
    """Return whether a slot's prior is its share of a budget."""
    return chosen is not None and PRIORS[chosen.prior.name].support == "budget"


def budgets_of(priors: Sequence[ChosenPrior]) -> tuple[ChosenPrior, ...]:
    """Return the prior of the first slot that has a share of each budget, by which the budget is known."""
    return tuple({p.key: p for p in reversed(priors) if is_share(p)}.values())


def shares(spec: ModelSpec, key: str) -> tuple[Owner, ...]:
    """Return the slots that have shares of the budget given under a key."""
    own = {p.name for p in spec.priors if p.key == key and is_share(p)}
    return tuple(o for o in owners(spec.predictors[0], FAMILIES[spec.family].bare) if o.name in own)


def budget_names(priors: Sequence[ChosenPrior]) -> tuple[str, ...]:
    """Return the names under which the posterior has what budgets report."""
    found = {p.key: PRIORS[p.prior.name].reports for p in priors if is_share(p)}
    return tuple(f"{key}{one.suffix}" for key, reports in found.items() for one in reports)


def dimension(key: str) -> str:
    """Return the name of the dimension of a budget's shares."""
    return f"{key}_term"


def budget_at(key: str) -> str | None:
    """Return the name of the joint prior of a whole predictor that is given under a key; None for other keys."""
    return next((name for name in PRIORS if key and PRIORS[name].key == key), None)


def read_budget(value: Any, key: str, where: str) -> PriorSpec:
    """Return the joint prior that a user gives under its key.

    Raises
    ------
    PriorError
        For another one.
    """
    prior, wanted = read_prior(value, where), PRIORS[str(budget_at(key))]
    if prior.name == wanted.name:
        return prior
    if PRIORS[prior.name].whole == wanted.name:
        given = [number for _, number in prior.arguments]
        left = [wanted.defaults.get(name) for name in wanted.arguments[len(given) :]]
        return PriorSpec(wanted.name, tuple(zip(wanted.arguments, [*given, *left], strict=True)))
    known = [name for name in PRIORS if PRIORS[name].whole == wanted.name]
    raise PriorError(
        f"{where}: {prior} is a prior of one quantity, and '{key}' is the share of variance that all terms explain together; "
        f"write {known[0]}(mean=0.5, precision=2)"
    )


def allotted(
    prior: PriorSpec, key: str, able: Sequence[Owner], taken: Sequence[str], units: Mapping[str, Slot], residual: str
) -> dict[str, ChosenPrior]:
    """Return the prior of every slot that has a share of a budget.

    Parameters
    ----------
    prior, key
        The joint prior, and under which key it was given.
    able
        Slots that may have a share.
    taken
        Names of those that have a prior of their own.
    units
        Slots by name.
    residual
        What the residual standard deviation is, in a reader's words.

    Raises
    ------
    PriorError
        Where nothing is left to share it.
    """
    left = [owner for owner in able if owner.name not in taken]
    if not left:
        why = "all terms have a prior of their own" if able else "the formula has none of which this could be said"
        raise PriorError(
            f"prior '{key}': there is no term to share the variance among: {why}; leave '{key}' out"
            + (f", or one of {', '.join(dict.fromkeys(owner.name for owner in able))}" if able else "")
        )
    return {
        owner.name: ChosenPrior(
            owner.name, prior, "user", _reason(owner, key, residual), key, owner.role, units[owner.name].unit
        )
        for owner in left
    }


def _reason(owner: Owner, key: str, residual: str) -> str:
    """Return how a slot's standard deviation, or that of its coefficients, follows from its share."""
    several = dict.fromkeys(f"{adds:.4g}" for adds in owner.adds)
    per = "" if list(several) == ["1"] else f" / {', '.join(several)} (root mean square over rows of what 1 of it adds)"
    return f"{'sd ' if owner.role == COEFFICIENT else ''}√({key}_share · {key} / (1 − {key})) · {residual}{per}"
