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
    found: dict[str, list[tuple[str, str]]] = {}
    for predictor in predictors:
        for term in predictor.terms:
            for shared in {slot.shared for slot in TERMS[term.kind].slots(term.state, 1.0)} - {None}:
                found.setdefault(shared.name, []).append((shared.what, predictor.parameter))
    for name, terms in found.items():
        one, of = terms[0]
        for other, elsewhere in terms[1:]:
            if other != one:
                raise FormulaError(
                    f"formula of {elsewhere}: share='{name}' is {other} here and {one} in that of {of}; networks share hidden "
                    "layers only with the same inputs and options"
                )
    for name, terms in found.items():
        if len(terms) == 1:
            others = [other for other in found if other != name]
            raise FormulaError(
                f"formula of {terms[0][1]}: share='{name}' is given by this network alone; give it in the formula of another "
                f"parameter as well, or leave it out{nearest(name, others) if others else ''}"
            )
