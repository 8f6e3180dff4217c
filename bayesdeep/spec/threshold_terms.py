"""Where terms that add to each threshold may stand, and what the formula of a fixed parameter has to say."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.errors import FormulaError, PriorError
from bayesdeep.core.names import quantity_name
from bayesdeep.core.records import Family
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS

from .assign_priors import OUTSIDE
from .declared import by_threshold
from .model_spec import PredictorSpec
from .prior_text import read_prior


def refuse_joint(apart: set[str], priors: Mapping[str, Any]) -> None:
    """Refuse a joint prior on coefficients of which there is one for each threshold."""
    for key, value in priors.items():
        where = f"prior '{key}'"
        members = sorted(apart & {quantity_name(part.strip()) for part in OUTSIDE.split(str(key))})
        if members and PRIORS[read_prior(value, where).name].support == "block":
            raise PriorError(
                f"{where}: '{members[0]}' has a coefficient for each threshold, which no joint prior knows; give it one of its "
                "own, as in Normal(0, 1), or Normal(0, HalfNormal(1)) with an sd for each threshold"
            )


def refuse_by_threshold(family: Family, predictors: tuple[PredictorSpec, ...]) -> None:
    """Refuse terms that add to each threshold something of its own where thresholds cannot differ between rows."""
    cuts = [p for p in family.parameters if p.shape == "cut"]
    for predictor in predictors:
        for term in filter(by_threshold, predictor.terms):
            able = [n for n in FAMILIES if any(p.shape == "cut" and p.support == "real" for p in FAMILIES[n].parameters)]
            take = f"families with such effects: {', '.join(sorted(able))}"
            if not cuts:
                raise FormulaError(f"formula: {term.source}: family '{family.name}' has no thresholds; {take}")
            if predictor.parameter != family.main.name:
                raise FormulaError(
                    f"formula of {predictor.parameter}: {term.source} is an effect on each threshold, and belongs in the formula "
                    f"of the response; write its columns themselves here"
                )
            if any(p.support == "ordered" for p in cuts):
                raise FormulaError(
                    f"formula: {term.source}: the thresholds of family '{family.name}' have to increase in every row, and with "
                    f"an effect on each of them they would not in some: probabilities of levels would be negative; {take}"
                )


def refuse_nothing(family: Family, predictors: tuple[PredictorSpec, ...]) -> None:
    """Refuse the formula of a fixed parameter that has an intercept alone, which there is none of."""
    for predictor in predictors:
        parameter = family.parameter(predictor.parameter)
        if parameter is None or parameter.fixed is None:
            continue
        slots = [s for t in predictor.terms for s in TERMS[t.kind].slots(t.state, 1.0) if s.role != "intercept"]
        if not slots and not any("offset" in TERMS[t.kind].words(t.state) for t in predictor.terms):
            name = predictor.parameter
            raise FormulaError(
                f"formula of {name}: it has an intercept alone, and {name} has none: it is {parameter.fixed:g} where its columns "
                f"are 0, since the rest of the model has a scale already; leave {name} out, or write columns that it differs by"
            )
