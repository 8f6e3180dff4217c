"""What the posterior of a model with one linear predictor shows: names in order, dimensions and labels, as its graph has them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bayesdeep.core.effects import Columns, Effect, Given, Grouped, Members, Piece, Process, Scaled, Shift
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.names import quantity_name
from bayesdeep.core.quantities import COEFFICIENT, CORRELATION, ORDER, SD, Entry, Quantity
from bayesdeep.core.records import Parameter
from bayesdeep.core.registry import FAMILIES, PRIORS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.posterior_names import free_dimension, taken_names
from bayesdeep.spec.shares_of_budget import dimension, is_share, shares
from bayesdeep.spec.slots import prefixed, read_name

from .linear_layout import effects_of, has_intercept


@dataclass(frozen=True)
class ShownNames:
    """The ledger of a linear model, in the posterior's order and without tensors, and labels by dimension."""

    reported: Mapping[str, Quantity]
    coords: Mapping[str, tuple[Any, ...]]


def shown_names(spec: ModelSpec) -> ShownNames:
    """Return what is shown of a model whose predictors are linear, and whose other parameters are numbers: that
    :func:`~bayesdeep.collapse.row_system.why_not_rows` has nothing against.

    Raises
    ------
    FormulaError
        Where two quantities would have one name.
    """
    names = _Names(spec)
    for number, predictor in enumerate(spec.predictors):
        names.parameter, names.intercept = predictor.parameter, has_intercept(spec, number)
        for key, effect in effects_of(spec, number):
            rows = effect.rows
            if isinstance(rows, Grouped | Members):
                names.by_level(key, effect, rows)
            elif isinstance(rows, Columns) and isinstance(effect.law, Given):
                names.columns(key, effect, rows)
            elif not isinstance(rows, Shift):
                names.basis(key, effect)
    names.budgets()
    modelled = {p.parameter for p in spec.predictors}
    for parameter in FAMILIES[spec.family].plain(modelled | set(spec.known)):
        names.own(parameter)
    in_order = sorted(names.found.items(), key=lambda item: ORDER.index(item[1].role))
    return ShownNames(dict(in_order), names.coords)


class _Names:
    """Quantities and dimensions as they are met, in the order in which a graph meets them."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec, self.main = spec, FAMILIES[spec.family].main.name
        self.parameter, self.intercept = self.main, True
        self.found: dict[str, Quantity] = {}
        self.coords: dict[str, tuple[Any, ...]] = {}
        self._bare = FAMILIES[spec.family].bare
        self._taken = taken_names(spec, self._bare)

    def add(self, name: str, entry: Entry, *dims: str) -> None:
        if name in self.found:
            raise FormulaError(f"formula: two quantities of the model would be called '{name}'; rename the column of that name")
        self.found[name] = Quantity(None, dims, replace(entry, response=self.spec.response.name))

    @property
    def prefix(self) -> str:
        return prefixed(self.parameter, self._bare, "")

    def own(self, parameter: Parameter) -> None:
        """Add a parameter that has no formula."""
        chosen = self.spec.prior(parameter.name)
        assert chosen is not None
        dims: tuple[str, ...] = ()
        if parameter.shape == "cut":
            labels = parameter.cut_labels(self.spec.response.levels)
            dims = (self.dim(f"{self.spec.response.name}_threshold", labels),)
        if parameter.shape == "shares":
            dims = (self.dim(self.spec.shares_dimension(parameter.name), parameter.labels),)
        self.add(parameter.name, Entry(chosen.role, parameter.name, slot=parameter.name), *dims)

    def budgets(self) -> None:
        """Add what is shown of budgets."""
        for key, prior in {p.key: p.prior for p in self.spec.priors if is_share(p)}.items():
            labels = tuple(label for owner in shares(self.spec, key) for label in owner.labels)
            for one in PRIORS[prior.name].reports:
                dims = (self.dim(dimension(key), labels),) if one.each else ()
                self.add(f"{key}{one.suffix}", Entry(one.role, self.main), *dims)

    def dim(self, name: str, labels: tuple[Any, ...]) -> str:
        found = free_dimension(name, labels, self.coords, self._taken)
        self.coords[found] = tuple(labels)
        return found

    def dims(self, piece: Piece) -> tuple[str, ...]:
        return () if piece.labels is None else (self.dim(piece.dim, piece.labels),)

    def sd_dims(self, effect: Effect, piece: Piece) -> tuple[str, ...]:
        sds = effect.sds(piece)
        return () if sds.labels is None else (self.dim(sds.dim, sds.labels),)

    def columns(self, key: str, effect: Effect, rows: Columns) -> None:
        for piece in effect.pieces:
            name = self.prefix + quantity_name(piece.slot)
            self.add(name, Entry(COEFFICIENT, self.parameter, key, name), *self.dims(piece))
        if rows.intercept and self.intercept:
            name = f"{self.prefix}Intercept"
            chosen = self.spec.prior(f"{name}_raw") or self.spec.prior(name)
            assert chosen is not None
            self.add(name, Entry(chosen.role, self.parameter, key, chosen.name))

    def basis(self, key: str, effect: Effect) -> None:
        for piece in effect.pieces:
            dims = self.dims(piece)
            sd = self.prefix + piece.sd
            if isinstance(effect.law, Scaled | Process):
                self.read(key, effect.law)
                sd = read_name(self.spec, self.prefix, piece.sd or effect.law.slots[0])
            else:
                self.add(sd, Entry(SD, self.parameter, key, sd), *self.sd_dims(effect, piece))
            self.add(self.prefix + piece.slot, Entry(piece.role or effect.role, self.parameter, key, sd), *dims)

    def read(self, key: str, law: Scaled | Process) -> None:
        """Add the numbers that a law reads, which several effects may."""
        for slot in law.slots:
            name = read_name(self.spec, self.prefix, slot)
            if name not in self.found:
                chosen = self.spec.prior(name)
                assert chosen is not None, name
                self.add(name, Entry(chosen.role, self.parameter, key, name))

    def by_level(self, key: str, effect: Effect, rows: Grouped | Members) -> None:
        group = self.dim(rows.factor, rows.labels)
        own = {piece: self.dims(piece) for piece in effect.pieces}
        strata = () if effect.strata is None else (self.dim(effect.strata.name, effect.strata.labels),)
        if isinstance(effect.law, Scaled):
            self.read(key, effect.law)
        for piece in () if isinstance(effect.law, Scaled) else own:
            chosen = self.spec.prior(self.prefix + piece.slot)
            if chosen is None:
                sd = self.prefix + piece.sd
                self.add(sd, Entry(SD, self.parameter, key, sd), *self.sd_dims(effect, piece), *strata)
                continue
            scale = str(PRIORS[chosen.prior.name].scale)
            name = f"{chosen.key}_{scale}"
            if scale in chosen.prior.nested and name not in self.found:
                self.add(name, Entry(SD, self.parameter, key, chosen.key))
        correlation = effect.law.correlation
        if correlation is not None:
            name = self.prefix + correlation
            pairs = self.dim(f"{rows.factor}_pair", effect.pairs)
            self.add(name, Entry(CORRELATION, self.parameter, key, name), *strata, pairs)
        for piece, dims in own.items():
            name = self.prefix + piece.slot
            role = piece.role or effect.role
            self.add(name, Entry(role, self.parameter, key, name, rows.factor, len(dims)), *dims, group)
