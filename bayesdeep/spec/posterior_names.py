"""What names and dimensions the posterior of a spec has, and in which order: the same with a graph and without."""

from collections.abc import Iterable, Mapping
from typing import Any

from bayesdeep.core.names import DIMENSIONS
from bayesdeep.core.registry import TERMS

from .assign_priors import hyperparameters
from .model_spec import ModelSpec
from .slots import slot_name

ORDER = ("intercept", "coefficient", "parameter", "sd", "correlation")


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


def in_order(names: Iterable[str], spec: ModelSpec) -> list[str]:
    """Return what the posterior shows as a person reads it: population effects first, effects of groups last."""
    rank = {p.name.removesuffix("_raw"): ORDER.index(p.role) for p in spec.priors if p.role in ORDER}
    hyper, effects = len(ORDER), len(ORDER) + 1

    def place(name: str) -> int:
        return rank.get(name, effects if "|" in name and not name.endswith("_sigma") else hyper)

    return sorted(names, key=place)
