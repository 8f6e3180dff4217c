"""What the posterior of a linear model shows: names in their order, dimensions and labels, as its graph would have them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.linear import LinearColumns, LinearEffects
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.quantities import COEFFICIENT, CORRELATION, EFFECTS, ORDER, PARAMETER, SD, Entry, Quantity
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.posterior_names import free_dimension, taken_names


@dataclass(frozen=True)
class ShownNames:
    """The ledger of a linear model, in the posterior's order and without tensors, and labels by dimension."""

    reported: Mapping[str, Quantity]
    coords: Mapping[str, tuple[Any, ...]]


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
            names.columns(term.key, part)
        elif isinstance(part, LinearEffects):
            names.effects(term.key, part)
    if "sigma" not in spec.known:
        names.add("sigma", Entry(PARAMETER, "sigma", slot="sigma"))
    in_order = sorted(names.found.items(), key=lambda item: ORDER.index(item[1].role))
    return ShownNames(dict(in_order), names.coords)


class _Names:
    """Quantities and dimensions as they are met, in the order in which a graph meets them."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec, self.main = spec, FAMILIES[spec.family].main.name
        self.found: dict[str, Quantity] = {}
        self.coords: dict[str, tuple[Any, ...]] = {}
        self._taken = taken_names(spec, self.main)

    def add(self, name: str, entry: Entry, *dims: str) -> None:
        if name in self.found:
            raise FormulaError(f"formula: two quantities of the model would be called '{name}'; rename the column of that name")
        self.found[name] = Quantity(None, dims, replace(entry, response=self.spec.response.name))

    def dim(self, name: str, labels: tuple[Any, ...]) -> str:
        found = free_dimension(name, labels, self.coords, self._taken)
        self.coords[found] = tuple(labels)
        return found

    def columns(self, key: str, part: LinearColumns) -> None:
        for piece in part.slices:
            dims = () if piece.scalar else (self.dim(piece.dim, piece.labels),)
            self.add(piece.slot, Entry(COEFFICIENT, self.main, key, piece.slot), *dims)
        if part.intercept:
            chosen = self.spec.prior("Intercept_raw") or self.spec.prior("Intercept")
            assert chosen is not None
            self.add("Intercept", Entry(chosen.role, self.main, key, chosen.name))

    def effects(self, key: str, part: LinearEffects) -> None:
        group = self.dim(part.factor, part.labels)
        own = {p.slot: () if p.scalar else (self.dim(p.dim, p.labels),) for p in part.slices}
        for slot, dims in own.items():
            chosen = self.spec.prior(slot)
            if chosen is None:
                self.add(f"{slot}_sigma", Entry(SD, self.main, key, f"{slot}_sigma"), *dims)
                continue
            scale = str(PRIORS[chosen.prior.name].scale)
            name = f"{chosen.key}_{scale}"
            if isinstance(chosen.prior.get(scale), PriorSpec) and name not in self.found:
                self.add(name, Entry(SD, self.main, key, chosen.key))
        if part.correlation is not None:
            entry = Entry(CORRELATION, self.main, key, part.correlation)
            self.add(part.correlation, entry, self.dim(f"{part.factor}_pair", part.pairs))
        for slot, dims in own.items():
            self.add(slot, Entry(EFFECTS, self.main, key, slot, part.factor, len(dims)), *dims, group)
