"""Whether a model's coefficients can be integrated out; read off what its family, terms and priors declare."""

import numpy as np

from bayesdeep.core.effects import Columns, Effect, Given, Process, Scaled, Shift
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.spec.declared import by_threshold
from bayesdeep.spec.declared import effects_of as effects_of_term
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shared_effects import shared_of
from bayesdeep.spec.shares_of_budget import is_share, shares
from bayesdeep.spec.slots import prefixed, read_name

from .linear_layout import can_be_sparse, copies_of, has_intercept, sparse_of

LARGEST_WIDTH = 2_000
"""Most coefficients that may have to be factorised together for one term."""
MOST_SHARES = 8
"""Most standard deviations that share a budget: of more, chains with gradients on all coefficients are quicker."""
MOST_ROUNDING = 0.1
"""Rounding error of a log density with which proposals can still be accepted and rejected."""


def why_not(spec: ModelSpec, *, sparse: bool = False) -> str | None:
    """Return why the coefficients cannot be integrated out exactly, in a clause; None if they can."""
    family = FAMILIES[spec.family]
    main = family.main.name
    if "gaussian" not in family.words:
        return f"the response is {spec.family}, not gaussian"
    if spec.links[main] != "identity":
        return f"the link of {main} is {spec.links[main]}, not identity"
    if spec.nonlinear:
        return terms_reason(spec, sparse=sparse)
    others = [p.parameter for p in spec.predictors if p.parameter != main]
    if others:
        return f"{', '.join(others)} has a formula of its own, so that it differs between rows"
    strange = set(spec.response.modifiers) - {"weighted"}
    if strange:
        return f"the response is {' and '.join(sorted(strange))}"
    reason = terms_reason(spec, sparse=sparse) or _many_shares(spec)
    if reason is not None:
        return reason
    return _scale(spec.prior("sigma")) if "sigma" not in spec.known else None


def is_sparse(spec: ModelSpec) -> bool:
    """Return whether coefficients can be integrated out by the graph of effects that lean on neighbours."""
    return why_not(spec, sparse=True) is None and can_be_sparse(spec)


def _many_shares(spec: ModelSpec) -> str | None:
    """Return that a budget is shared among too many for proposals to be close, in a clause; None if it is not."""
    for key in dict.fromkeys(p.key for p in spec.priors if is_share(p)):
        count = sum(len(owner.adds) for owner in shares(spec, key))
        if count > MOST_SHARES:
            return f"{key} is shared among {count} standard deviations; at most {MOST_SHARES} are explored together with ease"
    return None


def loses_precision(squares: float) -> str | None:
    """Return why known standard errors are too small, in a clause; None if they are not.

    ``squares`` is the sum over rows of the response, about its centre, over its standard error, squared: the log density is a
    difference of such sums, whose rounding would drown what is looked for.
    """
    if np.finfo(float).eps * squares <= MOST_ROUNDING:
        return None
    return "the known sigma is so small beside the response that sums of squares leave double precision"


def terms_reason(spec: ModelSpec, *, normal: bool = True, sparse: bool = False) -> str | None:
    """Return why the predictors are not linear in Gaussian coefficients, in a clause; None if they are.

    Without ``normal`` population coefficients may have other priors about a location, whose density is known on arrays. With
    ``sparse`` the graph of effects that lean on neighbours is made use of, which then may have any number of levels.
    """
    main = FAMILIES[spec.family].bare
    if (together := shared_of(spec)):
        return f"|{together[0].name}| correlates effects of several predictors"
    for number, predictor in enumerate(spec.predictors):
        prefix, alone = prefixed(predictor.parameter, main, ""), not has_intercept(spec, number)
        for term in predictor.terms:
            plugin = TERMS[term.kind]
            if by_threshold(term):
                return apart_reason(term.source)
            if plugin.effects is None:
                return f"the term {term.source or term.kind} is not linear in its coefficients"
            for effect in plugin.effects(term.state):
                reason = _reason(spec, prefix, term.source, effect, without_intercept=alone, normal=normal, sparse=sparse)
                if reason is not None:
                    return reason
    return None


def covariance_reason(spec: ModelSpec) -> str | None:
    """Return that coefficients have a covariance, not sds alone, made of several numbers, in a clause; None if none have."""
    for term in (term for predictor in spec.predictors for term in predictor.terms):
        law = next((effect.law for effect in effects_of_term(term) if isinstance(effect.law, Process)), None)
        if law is not None:
            return f"the values of {term.source} have a dense covariance that changes with {' and '.join(law.positive)}"
    return None


def apart_reason(source: str) -> str:
    """Return that a term is no addend of one predictor, in a clause."""
    return f"{source} adds to each threshold something of its own"


def _reason(
    spec: ModelSpec, prefix: str, source: str, effect: Effect, *, without_intercept: bool, normal: bool, sparse: bool
) -> str | None:
    """Return why one effect's coefficients cannot be integrated out."""
    rows = effect.rows
    if isinstance(rows, Shift):
        return None
    if isinstance(rows, Columns) and isinstance(effect.law, Given):
        names = [prefix + quantity_name(piece.slot) for piece in effect.pieces]
        raw = spec.prior(f"{prefix}Intercept_raw") is not None
        own = f"{prefix}Intercept_raw" if raw else f"{prefix}Intercept"
        intercept = own if rows.intercept and not without_intercept else ""
        sharing = [name for name in names if is_share(spec.prior(name))]
        if raw and intercept and sharing:
            return f"the prior of {own} is on the predictor where the column of {sharing[0]}, which shares a budget, is 0"
        return _columns(spec, [*(n for n in names if n not in sharing), *([intercept] if intercept else [])], normal)
    together = effect.width * max(copies_of(effect), 1)
    if together > LARGEST_WIDTH and (not sparse or sparse_of(effect) is None):
        return f"{source} has {together:,} coefficients together; at most {LARGEST_WIDTH:,} can be integrated out"
    return effects_reason(spec, effect, prefix)


def _columns(spec: ModelSpec, names: list[str], normal: bool) -> str | None:
    for name in names:
        chosen = spec.prior(name)
        assert chosen is not None, name
        if not normal and about_a_location(chosen):
            continue
        if PRIORS[chosen.prior.name].gaussian is None:
            return f"the prior of {name} is {chosen.prior}, not normal"
        if chosen.prior.nested:
            return f"the prior of {name}, {chosen.prior}, has a hyperprior"
    return None


def about_a_location(chosen: ChosenPrior) -> bool:
    """Return whether a coefficient's prior, not a normal one, has one peak and a density on arrays."""
    plugin = PRIORS[chosen.prior.name]
    known = plugin.log_density is not None and plugin.location is not None and plugin.scale is not None
    return plugin.gaussian is None and known and not chosen.prior.nested


def effects_reason(spec: ModelSpec, effect: Effect, prefix: str = "") -> str | None:
    """Return why coefficients that vary are not normal about 0 given their sds, in a clause; None if they are."""
    if isinstance(effect.law, Scaled | Process):
        reasons = (_scale(spec.prior(read_name(spec, prefix, slot))) for slot in effect.law.slots)
        return next((reason for reason in reasons if reason is not None), None)
    for piece in effect.pieces:
        chosen = spec.prior(prefix + piece.slot)
        reason = _scale(spec.prior(prefix + piece.sd)) if chosen is None else _given_effects(chosen)
        if reason is not None:
            return reason
    return None


def _given_effects(chosen: ChosenPrior) -> str | None:
    """Return why effects whose own prior the user gave cannot be integrated out."""
    plugin = PRIORS[chosen.prior.name]
    if plugin.gaussian is None or plugin.scale is None or plugin.location is None:
        return f"the prior of {chosen.name} is {chosen.prior}, not normal"
    if chosen.prior.get(plugin.location) != 0.0:
        return f"the prior of {chosen.name}, {chosen.prior}, is not centred on 0"
    scale = chosen.prior.nested.get(plugin.scale)
    if scale is not None:
        return _scale(ChosenPrior(f"{chosen.key}_{plugin.scale}", scale, "user", "", chosen.key))
    return None


def _scale(chosen: ChosenPrior | None) -> str | None:
    """Return why a scale with this prior cannot be a hyperparameter."""
    assert chosen is not None
    if PRIORS[chosen.prior.name].log_density is None:
        return f"the prior of {chosen.name}, {chosen.prior}, has no density on arrays"
    if chosen.prior.nested:
        return f"the prior of {chosen.name}, {chosen.prior}, has a hyperprior"
    return None
