"""From slots and the user's priors to the prior of every slot, each an explicit number with its reason."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bayesdeep.core.errors import PriorError, nearest
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import ChosenPrior, PriorSpec, Slot
from bayesdeep.core.registry import PRIORS

from .prior_text import read_prior
from .shares_of_budget import Owner, allotted, budget_at, budget_names, read_budget

POPULATION = "population"
"""Key of a prior over all population-level coefficients of the main predictor, the intercept left out."""

OUTSIDE = re.compile(r",(?![^()]*\))")
"""A comma between names, and not inside the brackets of one."""

_ACCEPTED = {
    "real": {"real", "positive", "unit", "bounded"},
    "positive": {"positive", "unit"},
    "unit": {"unit"},
    "signed_unit": {"unit"},
    "one_to_two": set(),
    "ordered": {"real"},
    "correlation": {"correlation"},
    "simplex": {"simplex"},
    "weights": {"real"},
    "stratified": set(),
}

_BOUNDS = {"positive": (0.0, None), "unit": (0.0, 1.0), "signed_unit": (-1.0, 1.0), "one_to_two": (1.0, 2.0)}
"""What a prior with bounds of its own must lie between."""

_ADVICE = {
    "positive": "a positive one such as HalfNormal(1), HalfStudentT(3, 1), Exponential(1), TruncatedNormal(mu, sigma, lower=0)",
    "unit": "one on (0, 1) such as Beta(1, 1)",
    "signed_unit": "one on (-1, 1) such as Uniform(-1, 1) or TruncatedNormal(0, 0.5, lower=-1, upper=1)",
    "one_to_two": "one on (1, 2) such as Uniform(1, 2) or TruncatedNormal(1.5, 0.2, lower=1, upper=2)",
    "ordered": "a distribution on the real line such as Normal(0, 2.5)",
    "effects": "one that is symmetric about a location and has a scale, as Normal, StudentT, Laplace, Logistic or Cauchy: "
    "Normal(0, HalfNormal(1))",
    "correlated": "a Normal, since its effects are correlated with others; (… || group) makes them independent",
    "stratified": "none: the sds of its effects differ by classes of groups or by a formula, and have the priors of '…_sigma'",
    "correlation": "LKJ(eta)",
    "simplex": "Dirichlet(a), with one number for all shares",
    "real": "a distribution such as Normal(0, 1)",
    "weights": "a proper distribution on the whole real line such as Normal(0, 1), StudentT(3, 0, 1), Laplace(0, 1), SpikeSlab()",
}


def choose(
    slots: Sequence[Slot], given: Mapping[str, Any], rows: int, population: Sequence[str],
    able: Sequence[Owner] = (), residual: Callable[[str, float | None], tuple[float | None, str]] | None = None,
) -> tuple[ChosenPrior, ...]:
    """Return the prior of every slot.

    Parameters
    ----------
    slots
        With their full names, the parameter's prefix included.
    given
        What the user passed as ``priors``: text or :class:`PriorSpec` by name. A key may join several names by
        commas, or be ``"population"``: one prior for each of them, with any nested scale shared, or one joint
        prior (``Horseshoe``, ``R2D2``) over them all.
    rows
        Number of rows, for block priors whose default depends on it.
    population
        Names of the main predictor's population-level coefficients.
    able
        The main predictor's slots that may have a share of a budget of variance.
    residual
        ``residual(where, number)``: the residual standard deviation as a number, the user's if there is one, or None where it is
        a parameter; and what it is, in words.

    Raises
    ------
    PriorError
        For a name that is not in the model, a prior that cannot stand there, or two priors for one thing.
    """
    slots = _with_intercepts(slots, given)
    by_name = {slot.name: slot for slot in slots}
    user: dict[str, ChosenPrior] = {}
    budgets: dict[str, Any] = {}
    for key, value in given.items():
        where = f"prior '{key}'"
        key = quantity_name(str(key))
        if key not in by_name and budget_at(key) is not None:
            budgets[key] = value
            continue
        members = _members(key, by_name, population)
        prior = read_prior(value, where)
        prior = _filled(prior, sum(by_name[m].size for m in members), rows, where)
        if len(members) > 1 and PRIORS[prior.name].support == "effects":
            raise PriorError(f"{where}: {prior.name} is a law of one kind of effects; give each of {', '.join(members)} its own")
        for member in members:
            if member in user:
                raise PriorError(
                    f"{where}: '{member}' already has the prior {user[member].prior} from '{user[member].key}'"
                )
            slot = by_name[member]
            _check(prior, slot, where)
            user[member] = ChosenPrior(member, prior, "user", "given", key, slot.role, slot.unit)
    for key, value in budgets.items():
        where = f"prior '{key}'"
        prior = read_budget(value, key, where)
        assert residual is not None
        given_sd = prior.get("residual_sd")
        number, words = residual(where, given_sd if isinstance(given_sd, float) else None)
        taken = [*user, *(f"{name}_sigma" for name in user)]
        user |= allotted(prior.with_(residual_sd=number), key, able, taken, by_name, words)
    return tuple(_collected(slots, user))


def _with_intercepts(slots: Sequence[Slot], given: Mapping[str, Any]) -> list[Slot]:
    """Replace ``Intercept`` by ``Intercept_raw`` where the user's prior is on that one."""
    changed = []
    for slot in slots:
        raw = f"{slot.name}_raw"
        if slot.role == "intercept" and raw in given:
            if slot.name in given:
                raise PriorError(
                    f"prior '{raw}': '{slot.name}' has a prior too; give one of the two: {slot.name} is the predictor at "
                    f"the columns' means, {raw} the predictor where all columns are 0"
                )
            slot = Slot(raw, slot.support, slot.default, slot.role, slot.size, slot.unit)
        changed.append(slot)
    return changed


def hyperparameters(priors: Sequence[ChosenPrior]) -> tuple[str, ...]:
    """Return the names that the posterior gives to nested priors, and to what budgets report, each once."""
    found: dict[str, None] = {}
    for chosen in priors:
        stack = [(chosen.key, chosen.prior)]
        while stack:
            key, prior = stack.pop()
            nested = [(f"{key}_{name}", v) for name, v in prior.nested.items()]
            found.update(dict.fromkeys(name for name, _ in nested))
            stack += nested
    return (*found, *budget_names(priors))


def _members(key: str, by_name: Mapping[str, Slot], population: Sequence[str]) -> list[str]:
    if key in by_name:
        return [key]
    if key == POPULATION:
        if not population:
            raise PriorError("prior 'population': the model has no population-level coefficients")
        return list(population)
    parts = [quantity_name(part.strip()) for part in OUTSIDE.split(key)]
    for part in parts:
        if part not in by_name:
            known = [
                *by_name,
                *(f"{s.name}_raw" for s in by_name.values() if s.role == "intercept"),
                POPULATION,
                *(PRIORS[name].key for name in PRIORS if PRIORS[name].key),
            ]
            raise PriorError(f"prior '{part}': nothing in the model has this name{nearest(part, known)}")
    return parts


def _filled(prior: PriorSpec, columns: int, rows: int, where: str) -> PriorSpec:
    fill = PRIORS[prior.name].fill
    if fill is None:
        return prior
    try:
        return PriorSpec(prior.name, tuple(fill(dict(prior.arguments), columns, rows).items()))
    except PriorError as error:
        raise PriorError(f"{where}: {prior.name}: {error}") from None


def _check(prior: PriorSpec, slot: Slot, where: str) -> None:
    plugin = PRIORS[prior.name]
    if plugin.support == "budget":
        raise PriorError(
            f"{where}: {prior} is a joint prior of all terms, and not one of '{slot.name}' alone; its key is '{plugin.key}'"
        )
    if plugin.support == "block" and slot.role != "coefficient":
        raise PriorError(
            f"{where}: {prior.name} is a joint prior over population-level coefficients, '{slot.name}' is none"
        )
    if plugin.support == "effects":
        if not slot.own_law:
            raise PriorError(
                f"{where}: {prior.name} is a law of one effect a group, independent of others, as of (1 | g) or (1 + x || g); "
                f"'{slot.name}' is none"
            )
        return
    if slot.support in ("effects", "correlated"):
        # Effects are standardised ones, moved and stretched; those that correlations mix must stay what they are: normal.
        fits = plugin.support == "real" and plugin.standard is not None and plugin.symmetric
        fits = fits and (slot.support == "effects" or plugin.gaussian is not None)
    else:
        accepted = _ACCEPTED[slot.support] | ({"block"} if slot.role == "coefficient" else set())
        fits = plugin.support in accepted or _bounds_fit(prior, slot.support)
        fits = fits and (plugin.proper or slot.support != "weights")
    if fits:
        return
    raise PriorError(f"{where}: {prior} does not fit '{slot.name}', which needs {_ADVICE[slot.support]}")


def _bounds_fit(prior: PriorSpec, support: str) -> bool:
    if PRIORS[prior.name].support != "bounded" or support not in _BOUNDS:
        return False
    lower, upper = prior.get("lower"), prior.get("upper")
    least, most = _BOUNDS[support]
    low_enough = isinstance(lower, float) and lower >= least
    return low_enough and (most is None or (isinstance(upper, float) and upper <= most))


def _collected(slots: Sequence[Slot], user: Mapping[str, ChosenPrior]) -> list[ChosenPrior]:
    """Put defaults where the user said nothing; a prior on group effects stands in place of the one on their sd."""
    found = []
    for slot in slots:
        effects = slot.name.removesuffix("_sigma")
        if slot.role == "sd" and effects in user and PRIORS[user[effects].prior.name].law is None:
            if slot.name in user:
                raise PriorError(
                    f"prior '{slot.name}': the prior of '{effects}' has a scale already; give one of the two"
                )
            continue
        if slot.name in user:
            found.append(user[slot.name])
        elif slot.default is not None:
            prior = read_prior(slot.default.text, f"prior '{slot.name}'")
            found.append(
                ChosenPrior(slot.name, prior, "default", slot.default.reason, slot.name, slot.role, slot.unit)
            )
    return found
