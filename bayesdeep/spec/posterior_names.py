"""What names and dimensions the posterior of a spec has: the same with a graph and without."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.core.names import DIMENSIONS
from bayesdeep.core.registry import TERMS

from .assign_priors import hyperparameters
from .model_spec import ModelSpec
from .slots import slot_name


def taken_names(spec: ModelSpec, main: str) -> frozenset[str]:
    """Return the names of everything the posterior may show, and the response's."""
    names = {spec.response.name, *hyperparameters(spec.priors)} | {p.name for p in spec.priors}
    for predictor in spec.predictors:
        for term in predictor.terms:
            names |= {slot_name(predictor.parameter, main, slot) for slot in TERMS[term.kind].slots(term.state, 1.0)}
    return frozenset(names)


def free_dimension(name: str, labels: tuple[Any, ...], coords: Mapping[str, tuple[Any, ...]], taken: frozenset[str]) -> str:
    """Return what a dimension is called: a name that is taken gets the suffix ``_level``, then a number.

    Parameters
    ----------
    labels
        Its labels; a dimension with the same ones is the same dimension.
    coords
        The dimensions there are, with their labels.
    taken
        Names of quantities.
    """
    candidate = f"{name}_level" if name in taken or name in DIMENSIONS else name
    unique, count = candidate, 1
    while unique in coords and coords[unique] != tuple(labels):
        count += 1
        unique = f"{candidate}_{count}"
    return unique
