"""A model and its sufficient statistics to the linear system an engine works on."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.effects import Process, Scaled
from bayesdeep.core.linear import Derived, Factor, JointScales, LinearSystem, Moments, Related, Scale
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.registry import PRIORS
from bayesdeep.numerics.processes import process_roots
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shares_of_budget import shares

from .hyper import FIRST_SHARE, Hyper
from .linear_layout import EffectsPart, Layout

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


def system_of(spec: ModelSpec, layout: Layout, moments: Moments, centre: float) -> LinearSystem:
    """Return the linear system of a model whose statistics were taken about ``centre``."""
    hyper = Hyper()
    spread = spec.response.spread
    factors = factors_of(spec, layout, hyper, spread)
    if layout.standard_error is None:
        chosen = spec.prior("sigma")
        assert chosen is not None
        sigma = hyper.scale("sigma", chosen.prior, spread)
    else:
        sigma = Scale(None, 1.0)
    prior = population_prior(spec, layout, centre)
    # About the prior's mean the system has no shift. With one, the response's product with itself would have to be the
    # difference of large numbers under a prior that is narrow and far from 0.
    return LinearSystem(
        _moved(moments, prior.origin), factors, sigma, tuple(hyper.found), prior.precision, prior.constant, prior.origin,
        _apart(layout), joint_scales(spec, hyper, sigma),
    )


def joint_scales(spec: ModelSpec, hyper: Hyper, sigma: Scale) -> tuple[JointScales, ...]:
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


def factors_of(spec: ModelSpec, layout: Layout, hyper: Hyper, spread: float) -> tuple[Factor, ...]:
    found = [Factor(name, levels, width, ()) for name, levels, width in layout.factors]
    for place in layout.effects:
        law, scales, copies = place.effect.law, list[Scale | Derived](), max(place.copies, 1)
        if isinstance(law, Process):
            made = hyper.several(spec, layout.prefix, law, law.sd, place.effect.width, spread)
            related = Related(made[0].of.indices, partial(process_roots, law))
            found[place.factor] = replace(found[place.factor], scales=tuple(made), related=related)
            continue
        if isinstance(law, Scaled):
            found[place.factor] = _with_several(spec, layout.prefix, place, law, hyper, spread, found[place.factor])
            continue
        for piece in place.effect.pieces:
            if place.share:
                scales += [hyper.share(layout.prefix + quantity_name(place.share), 1.0, FIRST_SHARE * spread)] * piece.size
                continue
            scales += hyper.scales(spec, layout.prefix, piece, spread, place.effect.sds(piece))
        blocks, size = found[place.factor].blocks, len(scales)
        slot = law.correlation
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


def _with_several(
    spec: ModelSpec, prefix: str, place: EffectsPart, law: Scaled, hyper: Hyper, spread: float, factor: Factor
) -> Factor:
    """Return a factor with the scales of an effect that several numbers make."""
    if place.place is not None:
        law = replace(law, sds=place.sparse.sds)
        own = hyper.several(spec, prefix, law, place.effect.pieces[0].sd, place.sparse.width, spread)
        return replace(factor, scales=tuple(own), neighbours=place.neighbours)
    if law.each:
        (first, *_) = hyper.several(spec, prefix, law, place.effect.pieces[0].sd, factor.levels, spread)
        return replace(factor, scales=(replace(first, place=None),))
    copies = 1 if law.axes else max(place.copies, 1)
    count = law.axes or place.effect.width
    own = hyper.several(spec, prefix, law, place.effect.pieces[0].sd, count, spread)
    return replace(factor, scales=(*factor.scales, *(own * copies)))


@dataclass(frozen=True)
class PopulationPrior:
    """The prior of centred and scaled population columns: precision, mean, and the log density there."""

    precision: np.ndarray
    origin: np.ndarray
    constant: float


def population_prior(spec: ModelSpec, layout: Layout, centre: float) -> PopulationPrior:
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
