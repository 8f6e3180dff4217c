"""The model under construction, as terms and priors see it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.effects import Effect, Grouped, Members
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import find_activation
from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.core.quantities import COEFFICIENT, CORRELATION, EFFECTS, HYPERPARAMETER, SD, Entry, Quantity
from bayesdeep.core.registry import PRIORS, TERMS
from bayesdeep.core.terms import Coordinates
from bayesdeep.ops.gather import gather
from bayesdeep.ops.layer import layer
from bayesdeep.ops.matvec import matrix_vector, times
from bayesdeep.ops.product import product
from bayesdeep.spec.slots import prefixed, read_name

from .budget_sds import allotted_sds, told
from .builder import Builder, Root
from .centring import Centring
from .lagged import Lagged
from .linear_effects import effects_by_level
from .pilot_information import Follow
from .sd_coordinate import sd_coordinate
from .starts import starting_unit


class TermScope:
    """The scope of one term of one predictor."""

    def __init__(
        self, builder: Builder, parameter: str, key: str, width: tuple[str, int] | None, staged: bool = False
    ) -> None:
        self._b, self._parameter, self._key, self.width, self._staged = builder, parameter, key, width, staged

    @property
    def sampled(self) -> bool:
        """Return whether the graph is sampled from."""
        return bool(self._b.sampled_rows)

    def _full(self, name: str) -> str:
        return prefixed(self._parameter, self._b.bare, name)

    def _with_width(self, dims: tuple[Any, ...]) -> tuple[Any, ...]:
        return dims if self.width is None else (*dims, self.width[0])

    def data(self, key: str) -> Any:
        """Return one of the term's arrays."""
        return self._b.data[f"{self._key}.{key}"]

    def predictor(self, parameter: str) -> Any:
        """Return the predictor of another parameter."""
        return self._b.predictors[parameter]

    def alone(self) -> "TermScope":
        """Return the same scope without ``width``."""
        return TermScope(self._b, self._parameter, self._key, None, self._staged)

    def staged(self) -> "TermScope":
        """Return the same scope for variables pretrained to a point estimate and then fixed."""
        return TermScope(self._b, self._parameter, self._key, self.width, True)

    def shared(self, name: str, make: Callable[["TermScope"], Any]) -> Any:
        """Return what ``make`` makes, once for all terms that give the same ``name``."""
        if name not in self._b.shared:
            self._b.shared[name] = make(TermScope(self._b, self._b.bare, self._key, None, self._staged))
        return self._b.shared[name]

    def once(self, name: str, make: Callable[["TermScope"], Any]) -> Any:
        """Return what ``make`` makes of this scope, once for all terms of the predictor that give the same ``name``."""
        full = self._full(name)
        if full not in self._b.once:
            self._b.once[full] = make(self)
        return self._b.once[full]

    def lift(self, value: Any) -> None:
        """Say by how much this term lifts the predictor of all rows."""
        self._b.lifts[self._parameter] = self._b.lifts.get(self._parameter, 0.0) + value

    def at_means(self, value: Any) -> None:
        """Say what the term adds at the mean of its columns."""
        self._b.means[self._parameter] = self._b.means.get(self._parameter, 0.0) + value

    def observe(self, name: str, log_density: Any) -> None:
        """Add a log density ``()`` of what the term's own columns say, where the model is fitted to rows."""
        if self._b.copied:
            raise FormulaError(
                "formula: what a term says of its own columns counts once a row, and rows with missing yes or no, or counts, are "
                "summed out over copies of them; leave me() or mi() out"
            )
        if self._b.observed:
            pm.Potential(self._b.unused(self._full(name)), log_density)

    def noise(self, variance: Any) -> None:
        """Add a variance ``(obs,)`` to that of a normal response."""
        self._b.noise.append(variance)

    def lagged(self, coefficients: Sequence[Any]) -> None:
        """Let the response's mean go with what was left over at the rows before."""
        self._b.lagged.append(Lagged(self._key, tuple(coefficients)))

    def by_level(self, effect: Effect) -> list[Any]:
        """Return the coefficients of an effect's levels, ``(level,)`` each, and report them."""
        assert isinstance(effect.rows, Grouped | Members)
        return effects_by_level(self, effect.rows, effect)

    def filled(self, column: str) -> Any:
        """Return the values ``(missing,)`` that the model of a column has where it is missing; None without such a model."""
        return self._b.filled.get(column)

    def together(self) -> list[Any]:
        """Return the term's effects, which are correlated with those of other terms."""
        return self._b.together(self._parameter, self._key)

    def naming(self, make: Callable[[], Any]) -> Any:
        """Return what ``make`` makes within the response's part of the model."""
        with self._b.model:
            return make()

    def per_row(self, numbers: int) -> None:
        """Say how many numbers a row needs at a time."""
        self._b.numbers = max(self._b.numbers, numbers)

    def layer(self, units: Any, weights: Any, bias: Any, activation: str) -> Any:
        """Return a layer's units ``(obs, unit)``."""
        inverse = find_activation(activation, "net()", FormulaError)
        return layer(units, weights, bias, activation, inverse, single=self._b.single)

    def dot(self, a: Any, b: Any, *, turned: bool = False) -> Any:
        """Return ``a @ b``, of a matrix ``b`` or a vector; with ``turned`` ``a.T @ b``."""
        b = pt.as_tensor(b)
        return type(matrix_vector())(turned)(a, b) if b.ndim == 1 else product(a, b, turn_a=turned)

    def mask(self, name: str, size: int, outgoing: tuple[str, ...], shared: str = "") -> Any:
        """Return a layer's mask ``(obs, size)``; None in graphs without."""
        if not self._b.masked:
            return None
        full = f"{shared or self._key}.{name}_mask"
        if full not in self._b.masks:
            self._b.masks[full], self._b.mask_sizes[full], self._b.outgoing[full] = pt.matrix(full), size, ()
        self._b.outgoing[full] += tuple(self._full(own) for own in outgoing)
        return self._b.masks[full]

    def product(self, key: str, coefficients: Any) -> Any:
        """Return one of the term's matrices times coefficients."""
        matrix = self.data(key)
        width = None if self.width is None else self.width[1]
        pilot = self._b.pilot
        if pilot is not None and any((self._key, key) == (p.key, p.array) for p in pilot.populations):
            self._b.population.setdefault(self._key, {})["slopes"] = coefficients
        return times(matrix, coefficients, matrix.get_value(borrow=True).size, width)

    def gather(self, effects: Any, codes: str, array: str | None, intercept: bool) -> Any:
        """Return each row's sum of its group's effects times its columns."""
        self._b.effects[self._key] = list(effects)
        return gather(effects, self.data(codes), None if array is None else self.data(array), intercept)

    def centring(self, basis: str = "") -> Coordinates | None:
        """Return in which coordinates the term's effects, or coefficients of a basis, are sampled; None for non-centred."""
        found = None if self.width is not None else self._b.centring.get(f"{self._key}.{basis}" if basis else self._key)
        return None if found is None else Coordinates(found.information, found.usual, partial(self._pull, found))

    def _pull(self, found: Centring, k: int, before: Sequence[Any]) -> Any:
        """Return ``(group,)``, information times what the rows alone would have a coefficient's effects be."""
        pilot, made = self._b.pilot, self._b.population
        assert pilot is not None
        pull: Any = pt.constant(found.pull[k])
        matrix = found.population[k]
        if matrix.size and made:
            parts, begin = [], 0
            for p in pilot.populations:
                own, centre = made.get(p.key), pilot.centre[begin : begin + p.width]
                # Columns that are made later, of another parameter's smooth, are taken to be where the pilot fit has them.
                parts += [] if own is None else [pt.atleast_1d(own[part]) for part in ("level", "slopes") if part in own]
                parts += [pt.constant(centre)] if own is None else []
                begin += p.width
            coefficients = pt.concatenate(parts)
            pull = pull - times(pt.constant(matrix), coefficients - pilot.centre, matrix.size, None)
        apart = [
            (self._b.effects[key][at] - pilot.effects[key][at], follow)
            for (own, key, at), follow in found.others.items()
            if own == k and key in self._b.effects
        ]
        apart += [(before[at] - found.effects[at], follow) for (own, at), follow in found.within.items() if own == k]
        if apart:
            pull = pull - _followed(apart)
        return pull

    def dim(self, name: str, labels: tuple[Any, ...], factor: str = "") -> str:
        """Declare a labelled dimension, of a grouping factor's levels if one is named, and return the name it got."""
        return self._b.dim(name, labels, factor)

    def prior(self, slot: str) -> ChosenPrior | None:
        """Return the prior chosen for a slot."""
        return self._b.spec.prior(self._full(slot))

    def report(
        self, name: str, value: Any, dims: tuple[str, ...] = (), role: str = "", *, slot: str = "", standard: Any = None
    ) -> Any:
        """Name a derived quantity."""
        full = self._full(name)
        if standard is not None:
            self._b.made_of[full] = standard.name
        return self._report(full, value, self._with_width(dims), role, self._full(slot) if slot else "")

    def _report(self, full: str, value: Any, dims: tuple[str, ...], role: str, slot: str = "") -> Any:
        if full in self._b.reported:
            raise FormulaError(f"formula: two quantities of the model would be called '{full}'; rename the column of that name")
        return self._enter(full, pm.Deterministic(full, value, dims=dims), dims, role, slot)

    def _enter(self, full: str, value: Any, dims: tuple[str, ...], role: str, slot: str = "") -> Any:
        """Write a quantity into the ledger."""
        of_term = self._key in self._b.terms
        # Sds and correlations may differ by classes of groups, whose levels group rows in another term: they gain no levels.
        common = role in (SD, CORRELATION)
        axis = None if common else next((k for k, dim in enumerate(dims) if dim in self._b.factors), None)
        entry = Entry(
            role,
            self._parameter if of_term else self._key,
            self._key if of_term else "",
            slot,
            "" if axis is None else self._b.factors[dims[axis]],
            axis,
            self._b.spec.response.name,
        )
        self._b.reported[full] = Quantity(value, dims, entry)
        return value

    def _shown(
        self, chosen: ChosenPrior, full: str, prior: PriorSpec, arguments: Mapping[str, Any], dims: Any, **options: Any
    ) -> Any:
        """Return a random variable that the posterior shows under its own name."""
        variable = self._free(chosen, full, prior, arguments, dims, **options)
        return self._enter(full, variable, dims, chosen.role, chosen.name)

    def _free(
        self, chosen: ChosenPrior, name: str, prior: PriorSpec, arguments: Mapping[str, Any], dims: Any, **options: Any
    ) -> Any:
        """Return a random variable with the role and the natural scale of a slot."""
        self._b.roles[name] = chosen.role
        if (unit := self._b.apart.get(chosen.name, starting_unit(chosen))) is not None:
            self._b.units[name] = unit
        return _random(name, prior, arguments, dims, **options)

    def hidden(
        self, name: str, prior: str, arguments: Mapping[str, Any], shape: Any, role: str = "effect", start: float | None = None
    ) -> Any:
        """Return an auxiliary variable; ``shape`` mixes dimension names and lengths."""
        shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
        sizes = [len(self._b.coords[s]) if isinstance(s, str) else s for s in self._with_width(shape)]
        arguments = dict(arguments)
        if self.width is not None:
            arguments = {k: np.asarray(v)[..., None] if np.ndim(v) else v for k, v in arguments.items()}
        own = self._b.unused(self._full(name))
        self._b.roles[own] = role
        self._b.auxiliary.add(own)
        if self._staged and own in self._b.fixed:
            return pt.constant(self._b.fixed[own], dtype="float64")
        places = {} if start is None else {"initval": np.full(sizes, start)}
        variable = distribution(prior)(own, **arguments, shape=tuple(sizes), **places)
        if self._staged:
            self._b.staged[own] = variable
        return variable

    def joint_sds(
        self, name: str, count: int, made: Callable[[], Any], log_density: Callable[[Any], Any], likely: float
    ) -> Any:
        """Return standard deviations ``(count,)`` with a joint prior."""
        if not self._b.sampled_rows:
            return made()
        own = self._b.unused(self._full(name))
        self._b.roles[own] = SD
        usual = np.full(count, likely)
        sds = distribution("HalfFlat")(own, shape=(count,), default_transform=sd_coordinate(usual), initval=usual)
        pm.Potential(f"{own}_prior", log_density(sds))
        return sds

    def register_covariance_factor(
        self, sds: Sequence[Any], rows: Sequence[Sequence[Any]] | None, standard: Sequence[tuple[Any, int | None]], prior: str
    ) -> None:
        """Register the Cholesky factor of the group effects' covariance."""
        if all(variable.owner is not None for variable, _ in standard):
            names = tuple((variable.name, at) for variable, at in standard)
            self._b.covariance_factors.append(Root(tuple(sds), rows, names, prior, None if self.width is None else self.width[1]))

    def shows(self, variable: Any, log_stretch: Any = 0.0) -> None:
        """Say that the posterior shows a hidden variable, up to a function with this log determinant of its Jacobian."""
        self._b.auxiliary.discard(variable.name.removeprefix(self._b.prefix))
        self._b.stretches.append(log_stretch)

    def argument(self, slot: str, name: str) -> Any:
        """Return an argument of a slot's prior by role (``"location"``, ``"scale"``) or by its own name."""
        chosen = self.prior(slot)
        assert chosen is not None
        plugin = PRIORS[chosen.prior.name]
        own = {"location": plugin.location, "scale": plugin.scale}.get(name, name)
        return self._value(chosen.key, str(own), chosen.prior.get(str(own)))

    def _value(self, key: str, name: str, value: Any) -> Any:
        """Return a number, or the variable of a nested prior, made once for all who share the key."""
        if not isinstance(value, PriorSpec):
            return value
        if (key, name) not in self._b.nested:
            full, dims = f"{key}_{name}", self._with_width(())
            if self._staged and full in self._b.fixed:
                fixed = pt.constant(self._b.fixed[full], dtype="float64")
                self._b.nested[key, name] = self._report(full, fixed, dims, self._nested_role(key), key)
                return self._b.nested[key, name]
            arguments = {k: self._value(full, k, v) for k, v in value.arguments}
            variable = self._enter(full, _random(full, value, arguments, dims), dims, self._nested_role(key), key)
            self._b.nested[key, name] = variable
            if self._staged:
                self._b.staged[full] = variable
        return self._b.nested[key, name]

    def _nested_role(self, key: str) -> str:
        """Return what the variable of a nested prior is: a scale of effects is their sd."""
        effects = any(p.key == key and p.role == EFFECTS for p in self._b.spec.priors)
        return SD if effects else HYPERPARAMETER

    def variable(
        self, slot: str, dims: tuple[str, ...] = (), *, times: Any = None, order: Sequence[int] | None = None
    ) -> Any:
        """Return the variable of a slot with its chosen prior, sampled as its product with ``times``, shares in an ``order``."""
        full, chosen = self._full(slot), self.prior(slot)
        assert chosen is not None, full
        plugin, dims = PRIORS[chosen.prior.name], self._with_width(dims)
        if self._staged:
            if full in self._b.fixed:
                return self._report(full, pt.constant(self._b.fixed[full], dtype="float64"), dims, chosen.role, full)
            free = TermScope(self._b, self._parameter, self._key, self.width)
            self._b.staged[full] = free.variable(slot, dims[: len(dims) - (self.width is not None)])
            return self._b.staged[full]
        if plugin.support == "block":
            found = self._from_block(chosen, full, plugin)
            found = found[None] if found.ndim < len(dims) else found
            return self._report(full, found, dims, chosen.role, full)
        if plugin.support == "budget":
            return self._from_budget(chosen, full, dims)
        if plugin.support == "simplex":
            shares = plugin.block(self, slot, dict(chosen.prior.arguments), len(self._b.coords[dims[0]]))
            # Which share is worked out first is a matter of coordinates: the prior is the same for all.
            shares = shares if order is None else shares[np.argsort(order)]
            return self._report(full, shares, dims, chosen.role, full)
        arguments = {k: self._value(chosen.key, k, v) for k, v in chosen.prior.arguments}
        nested = any(isinstance(v, PriorSpec) for _, v in chosen.prior.arguments)
        if times is not None and plugin.location and plugin.scale:
            return self._multiplied(chosen, full, arguments, dims, times)
        if nested and plugin.location and plugin.scale:
            location, scale = arguments[plugin.location], arguments[plugin.scale]
            standard = {**arguments, plugin.location: 0.0, plugin.scale: 1.0}
            own = self._b.unused(f"{full}_z")
            self._b.roles[own] = chosen.role
            z = _random(own, PriorSpec(chosen.prior.name), standard, dims)
            return self._report(full, location + scale * z, dims, chosen.role, full)
        return self._shown(chosen, full, chosen.prior, arguments, dims, **self._start(chosen, dims), **self._coordinate(chosen))

    def shared_variable(self, slot: str) -> Any:
        """Return the variable of a slot, made when first asked for."""
        name = read_name(self._b.spec, self._full(""), slot)
        key = f"slot {name}"
        if key not in self._b.shared:
            own = name == self._full(slot)
            scope = self if own else TermScope(self._b, self._b.bare, self._key, None, self._staged)
            self._b.shared[key] = scope.variable(slot)
        return self._b.shared[key]

    def _multiplied(self, chosen: ChosenPrior, full: str, arguments: Mapping[str, Any], dims: Any, times: Any) -> Any:
        """Return a variable whose product with ``times`` is sampled: this has the variable's prior, moved and stretched."""
        plugin = PRIORS[chosen.prior.name]
        moved = {plugin.location: arguments[plugin.location] * times, plugin.scale: arguments[plugin.scale] * times}
        product = self._free(chosen, self._b.unused(f"{full}_seen"), chosen.prior, {**arguments, **moved}, dims)
        self._b.stretches.append(-pt.broadcast_to(pt.log(times), product.shape).sum())
        return self._report(full, product / times, dims, chosen.role, full)

    def _coordinate(self, chosen: ChosenPrior) -> dict[str, Any]:
        """Return the option that says in which coordinate a variable is sampled, empty for the usual one."""
        likely = self._b.likely_sds.get(chosen.name)
        return {} if likely is None else {"default_transform": sd_coordinate(likely)}

    def _start(self, chosen: ChosenPrior, dims: tuple[str, ...]) -> dict[str, Any]:
        """Return the option that says where a variable starts, empty for its prior's centre."""
        place = self._b.places.get(chosen.name)
        return {} if place is None else {"initval": np.full([len(self._b.coords[d]) for d in dims], place)}

    def _from_block(self, chosen: ChosenPrior, full: str, plugin: Any) -> Any:
        """Return this slot's coefficients of a joint prior, making the whole block when first asked."""
        key = chosen.key
        if key not in self._b.blocks:
            members = [p for p in self._b.spec.priors if p.key == key]
            sizes = {p.name: self._slot_size(p.name) for p in members}
            units = np.concatenate([np.full(sizes[p.name] or 1, p.unit) for p in members])
            units = units if self.width is None else units[:, None]
            beta = plugin.block(self, _plain(key), dict(chosen.prior.arguments), units, len(units))
            made, start = {}, 0
            for p in members:
                size = sizes[p.name]
                made[p.name] = beta[start] if size is None else beta[start : start + size]
                start += size or 1
            self._b.blocks[key] = made
        return self._b.blocks[key][full]

    def _from_budget(self, chosen: ChosenPrior, full: str, dims: tuple[str, ...]) -> Any:
        """Return a coefficient or standard deviation that has a share of a budget."""
        if chosen.key not in self._b.budgets:
            root = TermScope(self._b, self._b.bare, self._b.main, None)
            self._b.budgets[chosen.key] = allotted_sds(root, self._b.spec, chosen)
        sd = self._b.budgets[chosen.key][full]
        if chosen.role != COEFFICIENT:
            return self._report(full, sd if dims else sd[0], dims, chosen.role, full)
        own = self._b.unused(f"{full}_z")
        self._b.roles[own] = chosen.role
        # As much of the coefficient itself is sampled as the rows, were it the only one, tell of it.
        rows = self._b.sampled_rows
        width: Any = pt.sqrt(1.0 + told(self._b.spec, chosen, rows) * sd[0] ** 2) if rows else 1.0
        z = _random(own, PriorSpec("Normal"), {"mu": 0.0, "sigma": width}, dims)
        return self._report(full, sd[0] / width * z, dims, chosen.role, full)

    def parameter(self, name: str) -> Any:
        """Return a parameter of the family without a formula, made once."""
        if name not in self._b.parameters:
            self._b.parameters[name] = self.variable(name)
        return self._b.parameters[name]

    def _slot_size(self, full: str) -> int | None:
        """Return the number of a term's columns, None for a single numeric one."""
        for predictor in self._b.spec.predictors:
            for term in predictor.terms:
                declare = TERMS[term.kind].effects
                for piece in [p for e in (declare(term.state) if declare else ()) for p in e.pieces]:
                    if prefixed(predictor.parameter, self._b.bare, piece.slot) == full:
                        return None if piece.labels is None else piece.size
                for slot in () if declare else TERMS[term.kind].slots(term.state, 1.0):
                    if prefixed(predictor.parameter, self._b.bare, slot.name) == full:
                        return None if slot.size == 1 else slot.size
        return None

    def intercept(self, at_means: Any) -> Any:
        """Return the uncentred intercept, with the prior on whichever intercept the user meant."""
        if self._parameter in self._b.means:
            at_means = at_means + self._b.means[self._parameter]
        intercept = self._intercept(at_means)
        if self._b.pilot is not None and self._b.pilot.places(self._key) is not None:
            self._b.population.setdefault(self._key, {})["level"] = intercept + at_means
        return intercept

    def _intercept(self, at_means: Any) -> Any:
        if not self._b.family.has_intercept(self._parameter):
            if self._parameter == self._b.main:
                self._b.thresholds_shift = at_means
            return 0.0
        full, lift = self._full("Intercept"), self._b.lifts.get(self._parameter, 0.0)
        trivial = isinstance(at_means, float) and isinstance(lift, float)
        raw = self.prior("Intercept_raw")
        chosen = raw or self.prior("Intercept")
        assert chosen is not None
        dims = self._with_width(())
        if trivial:
            arguments = {k: self._value(chosen.key, k, v) for k, v in chosen.prior.arguments}
            return self._shown(chosen, full, chosen.prior, arguments, dims, **self._start(chosen, dims))
        beside = (at_means if raw else 0.0) + lift
        centred = self.shifted(chosen, f"{full}_at_means", beside, dims, **self._start(chosen, dims))
        if centred is None:
            arguments = {k: self._value(chosen.key, k, v) for k, v in chosen.prior.arguments}
            return self._shown(chosen, full, chosen.prior, arguments, dims, **self._start(chosen, dims))
        return self._report(full, centred - at_means - lift, dims, chosen.role, chosen.name)

    def shifted(
        self, chosen: ChosenPrior, name: str, shift: Any, dims: tuple[str, ...], **options: Any
    ) -> Any:
        """Return a hidden variable with the prior moved by ``shift``.

        A prior on ``a`` and the same prior, moved by ``m``, on ``a + m`` are one model; the second is sampled more
        easily when ``a + m`` is what the data determine. None when the family has no location to move.
        """
        plugin = PRIORS[chosen.prior.name]
        arguments = {k: self._value(chosen.key, k, v) for k, v in chosen.prior.arguments}
        moved = not (isinstance(shift, float) and shift == 0.0)
        if moved and chosen.prior.name != "Flat":
            if plugin.location is None:
                return None
            arguments[plugin.location] = arguments[plugin.location] + shift
        return self._free(chosen, self._b.unused(name), chosen.prior, arguments, dims, **options)

    def correlation(self, slot: str, size: int, dim: str, strata: str = "") -> Any:
        """Return the ``(pair,)`` correlations of a slot, or ``(class, pair)``."""
        chosen = self.prior(slot)
        assert chosen is not None
        block, arguments = PRIORS[chosen.prior.name].block, dict(chosen.prior.arguments)
        if not strata:
            return self.report(slot, block(self, slot, arguments, size), (dim,), CORRELATION, slot=slot)
        each = [block(self, f"{slot}_{k}", arguments, size) for k in range(len(self._b.coords[strata]))]
        return self.report(slot, pt.stack(each), (strata, dim), CORRELATION, slot=slot)


def _plain(key: str) -> str:
    return key.replace(", ", "_").replace(",", "_")


def _random(
    name: str, prior: PriorSpec, arguments: Mapping[str, Any], dims: tuple[str, ...], **options: Any
) -> Any:
    """Register a random variable with the model in context."""
    # PyTensor keeps a bare 3.0 in 32 bits, and what it works out from that, such as 1 / 3.0, has 8 digits only.
    double = {k: np.asarray(v, dtype=np.float64) if isinstance(v, float) else v for k, v in arguments.items()}
    return distribution(prior.name)(name, **double, dims=dims or None, **options)


def distribution(name: str) -> Any:
    """Return the class of a prior's distribution."""
    own = PRIORS[name].rv
    return getattr(pm, name) if own is None else own()


def _followed(apart: Sequence[tuple[Any, Follow]]) -> Any:
    """Return ``(group,)``: the pull that effects ``(level,)``, each so far from the pilot fit's, have together."""
    begins = np.cumsum([0, *(follow.levels for _, follow in apart)])
    index = np.concatenate([follow.index + begin for (_, follow), begin in zip(apart, begins, strict=False)], axis=1)
    value = np.concatenate([follow.value for _, follow in apart], axis=1)
    effects = pt.concatenate([effect for effect, _ in apart]) if len(apart) > 1 else apart[0][0]
    # One pass over all of them: an operation for each would take longer than what it computes.
    pulls = gather([effects], pt.constant(index.ravel()), pt.constant(value.reshape(-1, 1)), False)
    return pulls.reshape(index.shape).sum(axis=1) if index.shape[1] > 1 else pulls


def as_rows(value: Any, rows: Any) -> Any:
    """Return a predictor with a first axis of length ``rows``."""
    value = pt.as_tensor(value)
    return value if value.ndim else pt.full((rows,), value)
