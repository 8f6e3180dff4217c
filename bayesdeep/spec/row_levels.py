"""Which grouping factors give each row one level, and which several; and the matrices that relate levels."""

from bayesdeep.core.columns import Matrix
from bayesdeep.core.effects import Members
from bayesdeep.core.registry import TERMS

from .model_spec import ModelSpec


def factors_of_rows(spec: ModelSpec) -> dict[str, bool]:
    """Return the grouping factors of a model, and whether a row has one level of them."""
    found: dict[str, bool] = {}
    for term in (term for predictor in spec.predictors for term in predictor.terms):
        declare = TERMS[term.kind].effects
        several = {e.rows.factor for e in (declare(term.state) if declare else ()) if isinstance(e.rows, Members)}
        for factor in TERMS[term.kind].groups(term.state):
            found[factor] = found.get(factor, True) and factor not in several
    return found


def given_matrices(spec: ModelSpec) -> dict[str, Matrix]:
    """Return the matrices that a model was made with, by name."""
    terms = [term for predictor in spec.predictors for term in predictor.terms]
    found: dict[str, Matrix] = {}
    for term in terms:
        given = TERMS[term.kind].given
        found.update(given(term.state) if given is not None else {})
    return found
