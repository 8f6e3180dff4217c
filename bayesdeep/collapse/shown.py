"""What the posterior of a linear model shows: names in their order, dimensions and labels, as its graph would have them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.linear import LinearColumns, LinearEffects
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.posterior_names import free_dimension, in_order, taken_names


@dataclass(frozen=True)
class ShownNames:
    """Dimensions by name in the posterior's order, and labels by dimension; no name has a special role."""

    dims: Mapping[str, tuple[str, ...]]
    coords: Mapping[str, tuple[Any, ...]]
    roles: Mapping[str, str] = field(default_factory=dict)


def shown_names(spec: ModelSpec) -> ShownNames:
    """Return what is shown of a model that :func:`~bayesdeep.collapse.applies.why_not` has nothing against.

    Raises
    ------
    FormulaError
        Where two quantities would have one name.
    """
    names = _Names(spec)
    for term in spec.predictors[0].terms:
        declare = TERMS[term.kind].linear
        assert declare is not None
        part = declare(term.state)
        if isinstance(part, LinearColumns):
            names.columns(part)
        elif isinstance(part, LinearEffects):
            names.effects(part)
    if "sigma" not in spec.known:
        names.add("sigma")
    return ShownNames({name: names.dims[name] for name in in_order(names.dims, spec)}, names.coords)


class _Names:
    """Names and dimensions as they are met, in the order in which a graph meets them."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.dims: dict[str, tuple[str, ...]] = {}
        self.coords: dict[str, tuple[Any, ...]] = {}
        self._taken = taken_names(spec, FAMILIES[spec.family].main.name)

    def add(self, name: str, *dims: str) -> None:
        if name in self.dims:
            raise FormulaError(f"formula: two quantities of the model would be called '{name}'; rename the column of that name")
        self.dims[name] = dims

    def dim(self, name: str, labels: tuple[Any, ...]) -> str:
        found = free_dimension(name, labels, self.coords, self._taken)
        self.coords[found] = tuple(labels)
        return found

    def columns(self, part: LinearColumns) -> None:
        for piece in part.slices:
            self.add(piece.slot, *(() if piece.scalar else (self.dim(piece.dim, piece.labels),)))
        if part.intercept:
            self.add("Intercept")

    def effects(self, part: LinearEffects) -> None:
        group = self.dim(part.factor, part.labels)
        own = {p.slot: () if p.scalar else (self.dim(p.dim, p.labels),) for p in part.slices}
        for slot, dims in own.items():
            chosen = self.spec.prior(slot)
            if chosen is None:
                self.add(f"{slot}_sigma", *dims)
                continue
            scale = str(PRIORS[chosen.prior.name].scale)
            name = f"{chosen.key}_{scale}"
            if isinstance(chosen.prior.get(scale), PriorSpec) and name not in self.dims:
                self.add(name)
        if part.correlation is not None:
            self.add(part.correlation, self.dim(f"{part.factor}_pair", part.pairs))
        for slot, dims in own.items():
            self.add(slot, *dims, group)
