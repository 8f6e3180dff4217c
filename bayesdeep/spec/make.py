"""A design, a family and the user's priors to a model spec."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayesdeep.core.effects import Grouped, Members, Scaled
from bayesdeep.core.errors import DataError, FormulaError, PriorError, nearest
from bayesdeep.core.links import LINKS, find_link
from bayesdeep.core.priors import ChosenPrior, Known, Slot
from bayesdeep.core.records import Family, Response
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.design.learn import Design, LearnedTerm

from .assign_priors import choose, hyperparameters
from .declared import by_threshold, effects_of
from .model_spec import ModelSpec, PredictorSpec, ResponseSpec, TermSpec
from .nonlinear_scales import scales as scales_of_nonlinear
from .residual import residual_of
from .shared import check_shared
from .shared_effects import shared_effects
from .shares_of_budget import owners
from .slots import all_slots, slot_name
from .threshold_terms import refuse_by_threshold, refuse_joint, refuse_nothing


def resolve_links(family: Family, link: Any, modelled: tuple[str, ...]) -> dict[str, str]:
    """Return the link of every parameter that has a formula.

    ``link`` is None, the main parameter's link, or links by parameter.
    """
    given = {family.main.name: link} if isinstance(link, str) else dict(link or {})
    for name in given:
        if name not in modelled:
            raise FormulaError(f"formula: link '{name}' has no formula{nearest(name, modelled)}")
    found = {}
    for name in modelled:
        parameter = family.parameter(name)
        assert parameter is not None
        # One link is that of all components of a mixture; links by parameter say which.
        shared = link if isinstance(link, str) and parameter.follows == family.main.name else parameter.links[0]
        chosen = given.get(name, shared)
        if chosen not in parameter.links:
            known = "" if chosen in LINKS else nearest(str(chosen), LINKS)
            raise FormulaError(
                f"formula: link '{chosen}' does not fit {name} of family '{family.name}'; "
                f"it takes {', '.join(parameter.links)}{known}"
            )
        found[name] = chosen
    return found


def make_spec(
    design: Design,
    texts: Mapping[str, str],
    family: Family,
    links: Mapping[str, str],
    known: Mapping[str, Known],
    priors: Mapping[str, Any],
    response: Response,
    missing: str,
    *,
    one_of_several: bool = False,
) -> ModelSpec:
    """Return the spec; ``response`` is the design's, coded by the family.

    Of ``one_of_several`` responses effects may be correlated with those of others, which is not looked at here.
    """
    nonlinear = [name for name in design.terms if family.parameter(name) is None]
    about = {
        name: "about" in family.words and name == family.main.name and links[name] == "identity"
        and not set(response.modifiers) - {"weighted"}
        for name in design.terms
    }  # fmt: skip
    predictors = tuple(
        PredictorSpec(name, links.get(name, "identity"), tuple(_placed(t, about[name]) for t in terms))
        for name, terms in design.terms.items()
    )
    refuse_extreme(family, response)
    main_link = find_link(links[family.main.name], "link", FormulaError)
    location, spread = family.scale(response, main_link)
    offsets = mean_offsets(design)
    check_shared(predictors)
    _refuse_two_laws(predictors)
    _refuse_noise(family, predictors, links)
    _refuse_lags(predictors)
    refuse_by_threshold(family, predictors)
    refuse_nothing(family, predictors)
    slots = all_slots(
        family, predictors, response, known, offsets, scales_of_nonlinear(predictors, nonlinear, family.main.name, priors)
    )
    if not one_of_several:
        contrasts = frozenset(p.name for p in family.parameters if p.shape == "contrast")
        together = shared_effects([("", predictors, family.bare)], [contrasts])
        slots = (*slots, *(one.place for one in together))
    main = all_slots(family, predictors[:1], response, known, offsets)
    _refuse_parameters(family, predictors, known, slots, priors)

    def residual(where: str, number: float | None) -> tuple[float | None, str]:
        modelled = frozenset(p.parameter for p in predictors)
        return residual_of(family, links[family.main.name], response, known, design.arrays, modelled, number, where)

    apart = {s.name for t in predictors[0].terms if by_threshold(t) for s in TERMS[t.kind].slots(t.state, 1.0)}
    population = [s.name for s in main if s.role == "coefficient" and s.name not in apart]
    refuse_joint(apart, priors)
    able = owners(predictors[0], family.bare)
    chosen = choose(slots, priors, design.rows, population, able, residual)
    # A nested scale of group effects stands in the place of their sd, under the same name.
    sds = {s.name for s in slots if s.role == "sd"}
    nested = [name for name in hyperparameters(chosen) if name not in sds]
    _refuse_laws_by_level(family, chosen)
    _refuse_improper(predictors, family.bare, chosen)
    _refuse_improper_cuts(family, response, chosen)
    _refuse_namesakes(slots)
    _refuse_twins(predictors)
    _refuse_clashes([*(s.name for s in slots), *nested], response.name)
    return ModelSpec(
        formulas=dict(texts),
        others=design.others,
        family=family.name,
        links=dict(links),
        known=dict(known),
        predictors=predictors,
        response=ResponseSpec(
            response.name,
            response.levels,
            response.ordered,
            tuple(sorted(response.modifiers)),
            float(location),
            float(spread),
            response.failures,
        ),
        priors=chosen,
        missing=missing,
    )


def _refuse_laws_by_level(family: Family, chosen: Sequence[ChosenPrior]) -> None:
    """Refuse laws of groups' effects where every level of the response has effects of its own."""
    for one in chosen:
        if family.main.shape == "contrast" and PRIORS[one.prior.name].law is not None:
            raise PriorError(
                f"prior '{one.name}': {one.prior} is a law of one effect a group; a {family.name} response has a predictor for "
                "each level, and so several; use Normal(0, HalfNormal(1))"
            )


EXTREME = 75
"""Powers of ten beyond which a response's fourth powers, of which variances of variances are made, leave double precision."""


def refuse_extreme(family: Family, response: Response) -> None:
    """Refuse a response that is so small or so large that arithmetic with its squares would not be right."""
    if "discrete" in family.words:
        return
    largest = float(np.max(np.abs(np.asarray(response.value, dtype=np.float64)), initial=0.0))
    if largest == 0 or 10.0**-EXTREME < largest < 10.0**EXTREME:
        return
    words = "no larger than" if largest < 1 else "as large as"
    raise DataError(
        f"data: column '{response.name}' has values {words} {largest:.3g}, whose squares do not fit the numbers of a computer; "
        f"use a unit in which they are nearer to 1, as in I({response.name} * 1e{-round(np.log10(largest))})"
    )


def _refuse_parameters(
    family: Family, predictors: tuple[PredictorSpec, ...], known: Mapping[str, Known], slots: tuple[Slot, ...],
    priors: Mapping[str, Any],
) -> None:
    """Refuse a prior for a parameter that has none, because it has a formula or is given."""
    names = {slot.name for slot in slots}
    for name in priors:
        parameter = family.parameter(name)
        if name in names or parameter is None:
            continue
        if name in known:
            raise PriorError(f"prior '{name}': {name} is given, {name}=known({known[name].value!r}), and needs no prior")
        if name in {p.parameter for p in predictors}:
            prefix = "" if name == family.bare else f"{name}_"
            own = ", ".join(s.name for s in slots if s.role != "parameter" and s.name.startswith(prefix))
            raise PriorError(f"prior '{name}': {name} has a formula, and priors are on what it is made of: {own}")
        if parameter.fixed is not None:
            raise PriorError(
                f"prior '{name}': {name} is {parameter.fixed:g} and needs no prior, unless it has a formula, {name}='~ x', whose "
                "coefficients then take priors"
            )


LEAST_GROUPS = 3


def _refuse_improper(predictors: tuple[PredictorSpec, ...], main: str, chosen: tuple[ChosenPrior, ...]) -> None:
    """Refuse an improper prior on a standard deviation of fewer than three groups: the posterior would be improper too.

    Gelman (2006), Prior distributions for variance parameters in hierarchical models, doi:10.1214/06-BA117A.
    """
    by_name = {p.name: p for p in chosen}
    for predictor in predictors:
        for term in predictor.terms:
            for factor, count in _fewest(term).items():
                for slot in TERMS[term.kind].slots(term.state, 1.0):
                    prior = by_name.get(slot_name(predictor.parameter, main, slot))
                    if slot.role == "sd" and prior and not PRIORS[prior.prior.name].proper and count < LEAST_GROUPS:
                        raise PriorError(
                            f"prior '{prior.name}': {prior.prior} with {count} group(s) of '{factor}' leaves the "
                            f"posterior improper; use a proper prior such as HalfNormal(1), or at least {LEAST_GROUPS} groups"
                        )


def _fewest(term: TermSpec) -> dict[str, int]:
    """Return by grouping factor how few groups an sd is of: all of them, or those of the smallest class."""
    found = {factor: len(labels) for factor, labels in TERMS[term.kind].groups(term.state).items()}
    for effect in effects_of(term):
        if effect.strata is not None and isinstance(effect.rows, Grouped):
            counts = np.bincount(effect.strata.of, minlength=len(effect.strata.labels))
            found[effect.rows.factor] = min(found[effect.rows.factor], int(counts.min()))
    return found


def _refuse_improper_cuts(family: Family, response: Response, chosen: tuple[ChosenPrior, ...]) -> None:
    """Refuse an improper prior on thresholds around a level that no row has: nothing would hold them."""
    cuts = {p.name: p for p in family.parameters if p.shape == "cut"}
    for prior in chosen:
        if prior.name in cuts and not PRIORS[prior.prior.name].proper:
            codes, names = cuts[prior.name].cells(response)
            counts = np.bincount(codes, weights=response.weights, minlength=len(names))
            if not counts.all():
                empty = names[int(np.argmin(counts))]
                own = cuts[prior.name].cuts is not None
                lacks = f"no '{response.name}' is {empty}" if own else f"no row has the level {empty!r} of '{response.name}'"
                raise PriorError(
                    f"prior '{prior.name}': {prior.prior} leaves the posterior improper, since {lacks}; use a proper prior such "
                    f"as Normal(0, 5){'' if own else ', or leave the level out of the categories'}"
                )


def _refuse_two_laws(predictors: tuple[PredictorSpec, ...]) -> None:
    """Refuse one grouping factor whose levels are independent in one term and related in another, or related in two ways.

    Their effects would have one name and run over different levels. Those of a law that several numbers make have names of their
    own, and may stand beside others of the same levels.
    """
    seen: dict[str, tuple[str, Any]] = {}
    levels: dict[str, tuple[str, tuple[Any, ...], bool]] = {}
    for term in (term for predictor in predictors for term in predictor.terms):
        declare = TERMS[term.kind].effects
        laws = {e.rows.factor: e.law for e in (declare(term.state) if declare else ()) if isinstance(e.rows, Grouped | Members)}
        for factor, labels in TERMS[term.kind].groups(term.state).items():
            law = laws.get(factor)
            named = isinstance(law, Scaled)
            first, known, other = levels.setdefault(factor, (term.source, labels, named))
            if known != labels and (named or other):
                raise FormulaError(
                    f"formula: {first} and {term.source} have different levels of '{factor}'; {_copied(factor)}"
                )
            if named:
                continue
            root = getattr(law, "root", None)
            source, before = seen.setdefault(factor, (term.source, root))
            alike = root is before or (root is not None and before is not None and np.array_equal(root, before))
            if not alike:
                raise FormulaError(
                    f"formula: the effects of {source} and {term.source} would both be called '…|{factor}', and they have "
                    f"different distributions; {_copied(factor)}"
                )


def _copied(factor: str) -> str:
    return f"copy the column under another name, data.assign({factor}_2=data['{factor}']), and write that in one of the two"


def _refuse_noise(family: Family, predictors: tuple[PredictorSpec, ...], links: Mapping[str, str]) -> None:
    """Refuse terms that add to the variance of a normal response where this is not one about its predictor."""
    plain = "gaussian" in family.words and links[family.main.name] == "identity"
    for predictor in predictors:
        for term in predictor.terms:
            if "noise" in TERMS[term.kind].words(term.state) and not (plain and predictor.parameter == family.main.name):
                raise FormulaError(
                    f"formula: {term.source}: without groups this is for normal responses with the identity link and "
                    "their mean, whose variance has room for what the measurements leave open; name groups that have one "
                    "true value each, gr=g (a column that numbers the rows, where each row has its own)"
                )


def _placed(term: LearnedTerm, about: bool) -> TermSpec:
    """Return a term as it is where it stands."""
    try:
        state = TERMS[term.kind].placed(term.state, about)
    except FormulaError as error:
        raise FormulaError(f"formula: {term.source}: {error}") from None
    return TermSpec(term.kind, term.key, term.source, state)


def _refuse_lags(predictors: tuple[PredictorSpec, ...]) -> None:
    """Refuse two terms by which a response leans on the rows before it, and one beside noise that these rows would share."""
    every = [term for predictor in predictors for term in predictor.terms]
    lagged = [term for term in every if TERMS[term.kind].lags(term.state)]
    if len(lagged) > 1:
        raise FormulaError(
            f"formula: {lagged[0].source} and {lagged[1].source} both say how a response leans on those before it; one of them "
            "has to go (p=2 leans on two rows before)"
        )
    noisy = [term for term in every if "noise" in TERMS[term.kind].words(term.state)]
    if lagged and noisy:
        raise FormulaError(
            f"formula: {lagged[0].source} beside {noisy[0].source}: what measurements leave open would be left over in several "
            "rows at once; give the measured column groups that have one true value each, gr=g"
        )


def _refuse_namesakes(slots: tuple[Slot, ...]) -> None:
    """Refuse two networks of one name."""
    names = [slot.name.removesuffix("_weights") for slot in slots if slot.role == "weights"]
    for name in names:
        if names.count(name) > 1:
            raise FormulaError(
                f"formula: two networks would be called '{name}'; give one of them another name, as in net(x, name=\"trend\") "
                "(one that varies by group, (net(x) | g), has the function of all groups in it already; (… | a/b) makes two)"
            )


def _refuse_twins(predictors: tuple[PredictorSpec, ...]) -> None:
    """Refuse two terms of one formula that are written as calls and would have names in common, as with other options only."""
    for predictor in predictors:
        owners: dict[str, str] = {}
        for term in (t for t in predictor.terms if TERMS[t.kind].call):
            names = [slot.name for slot in TERMS[term.kind].slots(term.state, 1.0) if slot.shared is None]
            twin = next((owners[name] for name in names if name in owners), None)
            if twin is not None:
                shared = next(name for name in names if name in owners)
                raise FormulaError(
                    f"formula: both {twin} and {term.source} would have a '{shared}'; a name leaves options out, so that one of "
                    "them has to go"
                )
            owners |= dict.fromkeys(names, term.source)


def _refuse_clashes(names: list[str], response: str) -> None:
    """Refuse columns whose coefficients would have the name of a parameter, of another term or of the response."""
    seen: set[str] = {response}
    for name in names:
        if name in seen:
            raise FormulaError(
                f"formula: two quantities of the model would be called '{name}'; rename the column of that name"
            )
        seen.add(name)


def mean_offsets(design: Design) -> dict[str, float]:
    """Return the mean over rows of what is added to each predictor with coefficient 1."""
    return {
        parameter: float(sum(design.arrays[f"{t.key}.value"].mean() for t in terms if "offset" in _words(t)))
        for parameter, terms in design.terms.items()
    }


def _words(term: LearnedTerm) -> frozenset[str]:
    words: frozenset[str] = TERMS[term.kind].words(term.state)
    return words


def check_modifiers(family: Family, response: Response) -> None:
    """Raise when the family cannot be combined with what stands left of ``~``."""
    for word in sorted(response.modifiers - {"prop"} if "prop" in family.modifiers else response.modifiers):
        if word not in family.modifiers:
            can = ", ".join(sorted(family.modifiers)) or "none"
            raise DataError(
                f"data: family '{family.name}' cannot be combined with a {word} response (it can with: {can})"
            )
    if response.failures is not None and "two_levels" not in family.words:
        assert response.levels is not None
        known = " or ".join(f"family='{name}'" for name in FAMILIES if "two_levels" in FAMILIES[name].words)
        raise DataError(
            f"data: column '{response.name}': family '{family.name}' has no success, as which the formula names "
            f"{response.levels[1]!r}; take {known}, or leave the level out"
        )


WITHIN = {"positive": (0.0, np.inf), "unit": (0.0, 1.0), "one_to_two": (1.0, 2.0)}
"""Between what a parameter that is given must lie, by its support."""


def check_known(family: Family, known: Mapping[str, Known], arrays: Mapping[str, np.ndarray]) -> None:
    """Raise when a parameter that is given lies outside its support; columns are in ``arrays`` by its name."""
    for name, given in known.items():
        parameter = family.parameter(name)
        assert parameter is not None
        values = np.atleast_1d(arrays[name] if name in arrays else np.float64(given.value))
        low, high = WITHIN.get(parameter.support, (-np.inf, np.inf))
        inside = (values > low) & (values < high)
        if not inside.all():
            what = f"column '{given.value}'" if isinstance(given.value, str) else "the number"
            needs = "positive" if parameter.support == "positive" else f"between {low:g} and {high:g}"
            first = values[int(np.argmin(inside))]
            raise DataError(f"data: {what} given as {name} must be {needs}; one of its values is {first:g}")
