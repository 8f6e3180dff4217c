"""A model's likelihood alone: the same model under flat priors, effects of groups as they are."""

from dataclasses import replace

from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.core.registry import FAMILIES, PRIORS

from .model_spec import ModelSpec

FLAT = {
    "intercept": PriorSpec("Flat"),
    "coefficient": PriorSpec("Flat"),
    "sd": PriorSpec("HalfFlat"),
    "scale": PriorSpec("HalfFlat"),
    "correlation": PriorSpec("LKJ", (("eta", 1.0),)),
    "simplex": PriorSpec("Dirichlet", (("a", 1.0),)),
}
ANYWHERE = PriorSpec("Normal", (("mu", 0.0), ("sigma", 1.0)))
"""Of thresholds, counted from the columns' means: it says no more than that these are real numbers."""
BY_SUPPORT = {
    "unit": PriorSpec("Beta", (("alpha", 1.0), ("beta", 1.0))),
    "positive": PriorSpec("HalfFlat"),
    "one_to_two": PriorSpec("Uniform", (("lower", 1.0), ("upper", 2.0))),
}


def without_priors(spec: ModelSpec) -> ModelSpec:
    """Return a model with flat priors.

    The distribution of groups' effects is part of the likelihood, and stays. Priors of a family's own parameters that are plain
    numbers stay too: they tell where a search may begin.
    """
    return replace(spec, priors=tuple(_flat(spec, chosen) for chosen in spec.priors))


def _flat(spec: ModelSpec, chosen: ChosenPrior) -> ChosenPrior:
    if chosen.role in FLAT:
        return replace(chosen, prior=FLAT[chosen.role], key=chosen.name)
    parameter = FAMILIES[spec.family].parameter(chosen.name)
    if parameter is not None and parameter.shape == "cut":
        return replace(chosen, prior=ANYWHERE, origin="default", key=chosen.name)
    if parameter is None or _plain(chosen.prior):
        return chosen
    return replace(chosen, prior=BY_SUPPORT.get(parameter.support, PriorSpec("Flat")), key=chosen.name)


def _plain(prior: PriorSpec) -> bool:
    return not prior.nested and PRIORS[prior.name].log_density is not None
