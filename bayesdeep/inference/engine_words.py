"""What the terms of a model declare, in words: an engine asks for these."""

from bayesdeep.core.registry import TERMS
from bayesdeep.spec.model_spec import ModelSpec


def words_of(spec: ModelSpec) -> frozenset[str]:
    """Return what the terms declare of a model."""
    found: set[str] = set()
    for predictor in spec.predictors:
        for term in predictor.terms:
            found |= TERMS[term.kind].words(term.state)
    return frozenset(found)
