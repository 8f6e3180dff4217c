"""What the terms and the priors of a model declare, in words: an engine asks for these."""

from bayesdeep.core.registry import PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec


def words_of(spec: ModelSpec) -> frozenset[str]:
    """Return what the terms declare of a model, and laws of effects."""
    found: set[str] = set()
    for predictor in spec.predictors:
        for term in predictor.terms:
            found |= TERMS[term.kind].words(term.state)
    for chosen in spec.priors:
        law = PRIORS[chosen.prior.name].law
        found |= frozenset() if law is None else law.words
    return frozenset(found)
