"""A model and its sufficient statistics to the linear system an engine works on."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.effects import Iid, Piece
from bayesdeep.core.linear import Factor, Hyperparameter, JointScales, LinearSystem, Moments, Scale
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.core.registry import PRIORS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shares_of_budget import is_share, shares

from .linear_layout import Layout

LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class SystemTarget:
    """What an engine sees of a linear Gaussian model: its system, in the place of a log density; a ``Structure``.

    ``units`` ``(column,)`` is what the population columns were divided by: an integral over coefficients is in units of these.
    ``columns`` are their names, for messages, ``start`` ``(column,)`` coefficients to start from, and ``notes`` what is to be
    said beside what comes out. All are empty where nobody asks.
    """

    system: LinearSystem
    words: frozenset[str]
    seconds_compile: float = 0.0
    units: np.ndarray = field(default_factory=lambda: np.ones(0))
    columns: tuple[str, ...] = ()
    start: np.ndarray = field(default_factory=lambda: np.zeros(0))
    notes: tuple[str, ...] = ()

    @property
    def dim(self) -> int:
        """Return the number of hyperparameters."""
        return self.system.dim

    @property
    def names(self) -> tuple[str, ...]:
        """Return a label for each hyperparameter."""
        return tuple(h.name for h in self.system.hyperparameters)


@dataclass
class _Hyper:
    """Hyperparameters as they are met; those that share a prior's key are one.

    ``sharing`` has of slots with a share of a budget which hyperparameters their scales are, and what they are multiplied by.
    """

    found: list[Hyperparameter] = field(default_factory=list)
    shared: dict[str, int] = field(default_factory=dict)
    sharing: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def share(self, name: str, times: float, start: float) -> Scale:
        """Return a new scale that has a share of a budget: its prior is that of all of them together."""
        self.found.append(Hyperparameter(name, "scale", np.zeros_like, start))
        self.sharing.setdefault(name, []).append((len(self.found) - 1, times))
        return Scale(len(self.found) - 1)

    def scale(self, name: str, prior: PriorSpec, start: float, key: str | None = None) -> Scale:
        """Return a new scale, or the one that ``key`` stands for already."""
        if key is not None and key in self.shared:
            return Scale(self.shared[key])
        log_density = PRIORS[prior.name].log_density
        assert log_density is not None
        arguments = {k: v for k, v in prior.arguments if v is not None}
        self.found.append(Hyperparameter(name, "scale", partial(log_density, **arguments), start))
        if key is not None:
            self.shared[key] = len(self.found) - 1
        return Scale(len(self.found) - 1)

    def correlations(self, name: str, eta: float, size: int) -> int:
        """Return the index of the first of ``size (size - 1) / 2`` partial correlations under an LKJ prior."""
        first = len(self.found)
        for i in range(1, size):
            for j in range(i):
                density = _partial_density(eta + (size - 2 - j) / 2)
                self.found.append(Hyperparameter(f"{name}[{j}, {i}]", "partial", density, 0.0))
        return first


def _partial_density(shape: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return the log density of ``2 B - 1`` with ``B ~ Beta(shape, shape)``."""
    from scipy.special import betaln

    constant = float(-betaln(shape, shape) - (2 * shape - 1) * np.log(2.0))

    def density(value: np.ndarray) -> np.ndarray:
        return constant + (shape - 1) * np.log1p(-(value**2))

    return density


def system_of(spec: ModelSpec, layout: Layout, moments: Moments, centre: float) -> LinearSystem:
    """Return the linear system of a model whose statistics were taken about ``centre``."""
    hyper = _Hyper()
    spread = spec.response.spread
    factors = _factors(spec, layout, hyper, spread)
    if layout.standard_error is None:
        chosen = spec.prior("sigma")
        assert chosen is not None
        sigma = hyper.scale("sigma", chosen.prior, spread)
    else:
        sigma = Scale(None, 1.0)
    prior = _population(spec, layout, centre)
    # About the prior's mean the system has no shift. With one, the response's product with itself would have to be the
    # difference of large numbers under a prior that is narrow and far from 0.
    return LinearSystem(
        _moved(moments, prior.origin), factors, sigma, tuple(hyper.found), prior.precision, prior.constant, prior.origin,
        _apart(layout), _joint(spec, hyper, sigma),
    )


def _joint(spec: ModelSpec, hyper: _Hyper, sigma: Scale) -> tuple[JointScales, ...]:
    """Return the joint priors of scales that have shares of a budget; of sigma, unless the prior says a number."""
    found = []
    for key in dict.fromkeys(p.key for p in spec.priors if p.name in hyper.sharing):
        prior = next(p.prior for p in spec.priors if p.key == key)
        own = [place for owner in shares(spec, key) for place in hyper.sharing[owner.name]]
        scales, times = zip(*own, strict=True)
        arguments, number = dict(prior.arguments), prior.get("residual_sd")
        over = Scale(None, number) if isinstance(number, float) else sigma
        log_density = PRIORS[prior.name].log_density
        assert log_density is not None
        found.append(JointScales(key, scales, times, over, partial(log_density, **arguments)))
    return tuple(found)


def _apart(layout: Layout) -> dict[int, np.ndarray]:
    """Return what was taken off bases to set them apart, in terms of the system's columns."""
    found = {}
    for place in layout.effects:
        if place.effect.apart is None:
            continue
        own = next(part for part in layout.columns if part.key == place.key)
        if own.effect.width != len(place.effect.apart):
            continue  # their coefficients have a prior that a likelihood leaves out
        span = slice(own.start, own.start + own.effect.width)
        width = layout.factors[place.factor][2]
        found[place.factor] = np.zeros((len(layout.means), width))
        columns = slice(place.start, place.start + place.effect.width)
        found[place.factor][span, columns] = place.effect.apart * layout.sds[span, None]
    return found


def _moved(moments: Moments, origin: np.ndarray) -> Moments:
    """Return the statistics of the response less what the columns add to it with the coefficients ``origin``."""
    if not origin.any():
        return moments
    gram, last = moments.gram.copy(), len(origin)
    # y - X m = [X y] (-m, 1)
    change = np.eye(last + 1)
    change[:-1, -1] = -origin
    gram = change.T @ gram @ change
    return replace(moments, gram=(gram + gram.T) / 2, with_columns=tuple(w @ change for w in moments.with_columns))


def _factors(spec: ModelSpec, layout: Layout, hyper: _Hyper, spread: float) -> tuple[Factor, ...]:
    found = [Factor(name, levels, width, ()) for name, levels, width in layout.factors]
    for place in layout.effects:
        law, scales, copies = place.effect.law, list[Scale](), max(place.copies, 1)
        for piece in place.effect.pieces:
            if place.share:
                scales += [hyper.share(layout.prefix + quantity_name(place.share), 1.0, 0.3 * spread)] * piece.size
                continue
            scales += _scales(spec, layout.prefix, piece, hyper, spread, together=isinstance(law, Iid))
        blocks, size = found[place.factor].blocks, len(scales)
        slot = getattr(law, "correlation", None)
        if slot is not None:
            chosen = spec.prior(layout.prefix + slot)
            assert chosen is not None
            eta = chosen.prior.get("eta")
            assert isinstance(eta, float)
            first = hyper.correlations(chosen.name, eta, size)
            starts = [place.start + copy * size for copy in range(copies)]
            blocks = (*blocks, *((start, start + size, first) for start in starts))
        scales *= copies
        found[place.factor] = replace(
            found[place.factor], scales=(*found[place.factor].scales, *scales), blocks=blocks
        )
    return tuple(found)


def _scales(spec: ModelSpec, prefix: str, piece: Piece, hyper: _Hyper, spread: float, together: bool) -> list[Scale]:
    """Return the scale of each of a piece's coefficients; ``together`` where it is the same for all."""
    effects, size = spec.prior(prefix + piece.slot), piece.size
    if effects is None:
        chosen = spec.prior(prefix + piece.sd)
        assert chosen is not None
        start = 0.3 * spread / _per_unit(chosen, spread)
        if is_share(chosen):
            adds = next(owner.adds for owner in shares(spec, chosen.key) if owner.name == chosen.name)
            found = [hyper.share(chosen.name, times, start) for times in adds]
            return found * size if together else found
        if together:
            return [hyper.scale(chosen.name, chosen.prior, start)] * size
        return [hyper.scale(chosen.name, chosen.prior, start) for _ in range(size)]
    own = str(PRIORS[effects.prior.name].scale)
    scale = effects.prior.get(own)
    if not isinstance(scale, PriorSpec):
        assert isinstance(scale, float)
        return [Scale(None, scale)] * size
    name = f"{effects.key}_{own}"
    return [hyper.scale(name, scale, 0.3 * spread / _per_unit(effects, spread), name)] * size


def _per_unit(chosen: ChosenPrior, spread: float) -> float:
    """Return the standard deviation of the column that an effect belongs to."""
    return spread / chosen.unit if chosen.unit > 0 else 1.0


@dataclass(frozen=True)
class PopulationPrior:
    """The prior of centred and scaled population columns: precision, mean, and the log density there."""

    precision: np.ndarray
    origin: np.ndarray
    constant: float


def _population(spec: ModelSpec, layout: Layout, centre: float) -> PopulationPrior:
    count = len(layout.means)
    precision, constant = np.zeros((count, count)), 0.0
    directions, means = [np.zeros(count)], [0.0]

    def put(direction: np.ndarray, mean: float, weight: float) -> None:
        nonlocal constant
        precision[...] += weight * np.outer(direction, direction)
        if weight > 0:
            constant += 0.5 * (np.log(weight) - LOG_2PI)
            directions.append(direction)
            means.append(mean)

    for place in layout.columns:
        if place.rows.intercept and layout.intercept:
            raw = spec.prior(f"{layout.prefix}Intercept_raw")
            mean, weight = _gaussian(spec.prior(f"{layout.prefix}Intercept") if raw is None else raw)
            put(intercept_direction(layout, raw=raw is not None), mean - centre, weight)
        for piece in place.effect.pieces:
            mean, weight = _gaussian(spec.prior(layout.prefix + quantity_name(piece.slot)))
            for k in range(place.start + piece.start, place.start + piece.stop):
                direction = np.zeros(count)
                direction[k] = 1.0
                put(direction, mean * layout.sds[k], weight / layout.sds[k] ** 2)
    origin = np.linalg.lstsq(np.array(directions), np.array(means))[0]
    return PopulationPrior(precision, origin, float(constant))


def intercept_direction(layout: Layout, *, raw: bool) -> np.ndarray:
    """Return the intercept, at the columns' means or at 0, as a combination of the system's coefficients ``(column,)``."""
    direction = np.zeros(len(layout.means))
    direction[0] = 1.0
    if raw:
        direction[1:] = -layout.means[1:] / layout.sds[1:]
    return direction


def _gaussian(chosen: ChosenPrior | None) -> tuple[float, float]:
    """Return mean and precision; 0 of a prior that is not normal, which :mod:`.prior_rows` has as a row."""
    assert chosen is not None
    gaussian = PRIORS[chosen.prior.name].gaussian
    if gaussian is None:
        return 0.0, 0.0
    arguments: dict[str, Any] = {k: v for k, v in chosen.prior.arguments if v is not None}
    return gaussian(**arguments)
