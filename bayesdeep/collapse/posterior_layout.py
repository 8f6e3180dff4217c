"""What the posterior of a model with one linear predictor shows: names in order, dimensions and labels, as its graph has them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bayesdeep.core.effects import Columns, Effect, Grouped, Iid, Members, Piece, Shift
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.quantities import COEFFICIENT, CORRELATION, ORDER, PARAMETER, SD, Entry, Quantity
from bayesdeep.core.registry import FAMILIES, PRIORS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.posterior_names import free_dimension, taken_names

from .linear_layout import effects_of


@dataclass(frozen=True)
class ShownNames:
    """The ledger of a linear model, in the posterior's order and without tensors, and labels by dimension."""

    reported: Mapping[str, Quantity]
    coords: Mapping[str, tuple[Any, ...]]


def shown_names(spec: ModelSpec) -> ShownNames:
    """Return what is shown of a model whose predictor is linear, and whose other parameters are numbers: that
    :func:`~bayesdeep.collapse.row_system.why_not_marginal` has nothing against.

    Raises
    ------
    FormulaError
        Where two quantities would have one name.
    """
    names = _Names(spec)
    for key, effect in effects_of(spec):
        rows = effect.rows
        if isinstance(rows, Grouped | Members):
            names.by_level(key, effect, rows)
        elif isinstance(effect.law, Iid):
            names.basis(key, effect)
        elif not isinstance(rows, Shift):
            names.columns(key, effect, rows)
    for parameter in FAMILIES[spec.family].parameters[1:]:
        if parameter.name not in spec.known:
            names.add(parameter.name, Entry(PARAMETER, parameter.name, slot=parameter.name))
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

    def dims(self, piece: Piece) -> tuple[str, ...]:
        return () if piece.labels is None else (self.dim(piece.dim, piece.labels),)

    def columns(self, key: str, effect: Effect, rows: Columns) -> None:
        for piece in effect.pieces:
            name = quantity_name(piece.slot)
            self.add(name, Entry(COEFFICIENT, self.main, key, name), *self.dims(piece))
        if rows.intercept:
            chosen = self.spec.prior("Intercept_raw") or self.spec.prior("Intercept")
            assert chosen is not None
            self.add("Intercept", Entry(chosen.role, self.main, key, chosen.name))

    def basis(self, key: str, effect: Effect) -> None:
        for piece in effect.pieces:
            dims = self.dims(piece)
            self.add(piece.sd, Entry(SD, self.main, key, piece.sd))
            self.add(piece.slot, Entry(effect.role, self.main, key, piece.sd), *dims)

    def by_level(self, key: str, effect: Effect, rows: Grouped | Members) -> None:
        group = self.dim(rows.factor, rows.labels)
        own = {piece: self.dims(piece) for piece in effect.pieces}
        for piece, dims in own.items():
            chosen = self.spec.prior(piece.slot)
            if chosen is None:
                self.add(piece.sd, Entry(SD, self.main, key, piece.sd), *dims)
                continue
            scale = str(PRIORS[chosen.prior.name].scale)
            name = f"{chosen.key}_{scale}"
            if isinstance(chosen.prior.get(scale), PriorSpec) and name not in self.found:
                self.add(name, Entry(SD, self.main, key, chosen.key))
        correlation = getattr(effect.law, "correlation", None)
        if correlation is not None:
            self.add(correlation, Entry(CORRELATION, self.main, key, correlation), self.dim(f"{rows.factor}_pair", effect.pairs))
        for piece, dims in own.items():
            self.add(piece.slot, Entry(effect.role, self.main, key, piece.slot, rows.factor, len(dims)), *dims, group)
