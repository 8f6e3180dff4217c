"""What several terms share must be the same for all of them, and be shared."""

from bayesdeep.core.errors import FormulaError, nearest
from bayesdeep.core.registry import TERMS

from .model_spec import PredictorSpec


def check_shared(predictors: tuple[PredictorSpec, ...]) -> None:
    """Refuse terms that give one name to different things, and a name that only one of them gives.

    Raises
    ------
    FormulaError
        With both terms, or with the names that the others give.
    """
    found: dict[str, dict[str, str]] = {}
    count: dict[str, set[str]] = {}
    for predictor in predictors:
        for term in predictor.terms:
            for slot in TERMS[term.kind].slots(term.state, 1.0):
                if slot.shared:
                    name, _, what = slot.shared.partition(": ")
                    found.setdefault(name, {}).setdefault(what, predictor.parameter)
                    count.setdefault(name, set()).add(term.key)
    for name, terms in found.items():
        if len(terms) > 1:
            (one, of), (other, elsewhere) = list(terms.items())[:2]
            raise FormulaError(
                f"formula of {elsewhere}: share='{name}' is {other} here and {one} in that of {of}; networks share hidden layers "
                "only with the same inputs and options"
            )
    for name, keys in count.items():
        if len(keys) == 1:
            (parameter,) = found[name].values()
            others = [other for other in found if other != name]
            raise FormulaError(
                f"formula of {parameter}: share='{name}' is given by this network alone; give it in the formula of another "
                f"parameter as well, or leave it out{nearest(name, others) if others else ''}"
            )
