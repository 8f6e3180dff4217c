"""Hyperparameters of a linear system: coordinates to scales and factors, and their log prior density, many at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bayesdeep.core.linear import Derived, Factor, Hyperparameter, LinearSystem, Noise, Related, Scale, Several

from .corners import Corner, corners_of

NATURAL: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"scale": np.exp, "partial": np.tanh, "real": np.asarray}
"""By kind of hyperparameter, from its coordinate to its natural value."""

Entries = list[list[np.ndarray | None]]
"""A lower-triangular matrix written out: entry ``[k][m]`` is ``(batch,)``, None where it is always 0; ``(batch, level)`` of
the one coefficient of levels that have an sd each.

What is not 0 in a row, or in a column, has no gaps: it goes from the diagonal to the end of a block.
"""

LEAST_SCALE = 1e-100
"""What a scale of 0 counts as where effects are divided by it."""


@dataclass(frozen=True, eq=False)
class Dense:
    """Roots of the covariance of a factor's only group, made when they are needed: many at once would not fit in memory.

    ``values`` are the natural values ``(batch,)`` of the hyperparameters of ``of``.
    """

    of: Related
    values: tuple[np.ndarray, ...]

    def take(self, part: slice) -> "Dense":
        """Return some of them."""
        return Dense(self.of, tuple(value[part] for value in self.values))

    @cached_property
    def roots(self) -> np.ndarray:
        """Return lower-triangular matrices ``(batch, width, width)``; not a number where there is no root."""
        return self.of.root(self.values)


@dataclass(frozen=True)
class Scales:
    """The values of a batch of hyperparameters.

    Attributes
    ----------
    sigma
        Residual standard deviation ``(batch,)``.
    roots
        For each grouping factor the lower-triangular ``T`` with ``T T'`` the covariance of a group's coefficients; nothing for
        those that are in ``dense``.
    weights
        Of several responses: by what each of the products of rows is multiplied ``(batch, product)``; None of one.
    log_volume
        Of these: the sum over rows of the logarithm of the root of the residuals' determinant ``(batch,)``.
    dense
        By factor, ``T`` of those whose coefficients have a covariance made of several numbers.
    """

    sigma: np.ndarray
    roots: tuple[Entries, ...]
    weights: np.ndarray | None = None
    log_volume: np.ndarray | None = None
    dense: Mapping[int, Dense] = field(default_factory=dict)

    @property
    def batch(self) -> int:
        """Return how many there are."""
        return len(self.sigma)

    def take(self, part: slice) -> "Scales":
        """Return some of them."""
        if part.indices(self.batch) == (0, self.batch, 1):
            return self
        roots = tuple([_part(row, part) for row in entries] for entries in self.roots)
        dense = {number: own.take(part) for number, own in self.dense.items()}
        if self.weights is None or self.log_volume is None:
            return Scales(self.sigma[part], roots, dense=dense)
        return Scales(self.sigma[part], roots, self.weights[part], self.log_volume[part], dense)


def support(row: list[np.ndarray | None]) -> range:
    """Return the columns of a row of :data:`Entries` that are not always 0."""
    first = len(row) - 1
    while first > 0 and row[first - 1] is not None:
        first -= 1
    return range(first, len(row))


def _part(row: list[np.ndarray | None], part: slice) -> list[np.ndarray | None]:
    own = support(row)
    return [*row[: own.start], *(np.asarray(row[m])[part] for m in own)]


def scales_of(system: LinearSystem, points: np.ndarray) -> Scales:
    """Return the scales at coordinates ``(batch, dim)``: logarithms, and inverse hyperbolic tangents."""
    roots = tuple([] if factor.related is not None else _root(factor, points) for factor in system.factors)
    dense = {k: _dense(f.related, points) for k, f in enumerate(system.factors) if f.related is not None}
    if system.noise is None:
        return Scales(_value(system.sigma, points), roots, dense=dense)
    return Scales(np.ones(len(points)), roots, *_residuals(system.noise, points), dense)


def _dense(related: Related, points: np.ndarray) -> Dense:
    with np.errstate(over="ignore"):
        return Dense(related, tuple(np.exp(points[:, k]) for k in related.indices))


def _residuals(noise: Noise, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of products ``(batch, product)`` and the log volume ``(batch,)`` of several responses' residuals."""
    size = len(noise.scales)
    block = () if noise.first is None else ((0, size, noise.first),)
    entries = _root(Factor("", 1, size, noise.scales, block), points)
    root = np.zeros((len(points), size, size))
    for i, row in enumerate(entries):
        for j, entry in enumerate(row):
            if entry is not None:
                root[:, i, j] = entry
    covariance = root @ root.swapaxes(1, 2)
    weights, volume = np.empty((len(points), len(noise.products))), np.zeros(len(points))
    for number, (kind, rows) in enumerate(zip(noise.kinds, noise.rows, strict=True)):
        own = covariance[np.ix_(np.arange(len(points)), kind, kind)]
        good = np.isfinite(own).all(axis=(1, 2))
        sign, log_det = np.linalg.slogdet(np.where(good[:, None, None], own, np.eye(len(kind))))
        good &= (sign > 0) & np.isfinite(log_det)
        precision = np.linalg.inv(np.where(good[:, None, None], own, np.eye(len(kind))))
        volume += np.where(good, 0.5 * rows * log_det, np.nan)
        for place, (of, i, j) in enumerate(noise.products):
            if of == number:
                weights[:, place] = precision[:, kind.index(i), kind.index(j)]
    return weights, volume


def log_prior(system: LinearSystem, points: np.ndarray) -> np.ndarray:
    """Return the log prior density of natural values at coordinates ``(batch, dim)``, without any Jacobian."""
    total = np.zeros(len(points))
    with np.errstate(all="ignore"):
        for k, hyper in enumerate(system.hyperparameters):
            total += hyper.log_density(NATURAL[hyper.kind](points[:, k]))
        for joint in system.joint:
            total += joint.log_prior(points)
    return np.where(np.isnan(total), -np.inf, total)


@dataclass(frozen=True)
class Coordinates:
    r"""Where proposals are made.

    A scale :math:`s` is :math:`u \sinh |x|` with a unit :math:`u` of about its size: linear near 0, where the posterior of a
    scale is smooth and even in it, and logarithmic far out, where it is skew. Correlations stay as they are. With no units
    scales are on the log scale.

    Attributes
    ----------
    units
        ``(dim,)``, not a number where the coordinate is the system's own.
    corners
        Scales whose density is infinite where all of them are 0.
    """

    units: np.ndarray
    corners: tuple[Corner, ...] = ()

    def to_system(self, points: np.ndarray) -> np.ndarray:
        """Return the system's coordinates of points ``(batch, dim)``; minus infinity where a scale is 0."""
        own = np.isnan(self.units)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            found = np.where(own, points, np.log(self.units * np.sinh(np.abs(points))))
            logs = found - np.log(self.units)
            for corner in self.corners:
                found[:, corner.places] += corner.log_shrink(logs)[:, None]
        return found

    def from_system(self, points: np.ndarray) -> np.ndarray:
        """Return the points at the system's coordinates ``(batch, dim)``."""
        logs = points - np.log(self.units)
        moved = logs.reshape(-1, logs.shape[-1]).copy()
        for corner in self.corners:
            moved[:, corner.places] -= corner.log_unshrunk(moved)[:, None]
        return np.where(np.isnan(self.units), points, np.arcsinh(np.exp(moved.reshape(logs.shape))))

    def log_jacobian(self, system: LinearSystem, points: np.ndarray) -> np.ndarray:
        """Return the log derivative of natural values by coordinates, ``(batch,)``."""
        total = np.zeros(len(points))
        for k, (hyper, unit) in enumerate(zip(system.hyperparameters, self.units, strict=True)):
            x = points[:, k]
            far = np.abs(x) + np.log1p(np.exp(-2.0 * np.abs(x))) - np.log(2.0)  # log cosh x
            if hyper.kind == "partial":
                total -= 2.0 * far
            elif hyper.kind == "scale":
                total += x if np.isnan(unit) else far + np.log(unit)
        for corner in self.corners:
            with np.errstate(divide="ignore"):
                total += corner.log_jacobian(np.log(np.sinh(np.abs(points))))
        return total


def in_units(system: LinearSystem, units: np.ndarray) -> Coordinates:
    """Return the coordinates in which scales have these units ``(dim,)``, not a number where they are the system's own."""
    return Coordinates(units, corners_of(system, units))


def start_of(system: LinearSystem) -> np.ndarray:
    """Return the coordinates ``(dim,)`` of the hyperparameters' likely values, where their priors allow them."""
    found = np.empty(system.dim)
    for k, hyper in enumerate(system.hyperparameters):
        if hyper.kind != "scale":
            found[k] = hyper.start if hyper.kind == "real" else np.arctanh(hyper.start)
            continue
        found[k] = _allowed(hyper)
    return found


def _allowed(hyper: Hyperparameter) -> float:
    """Return the logarithm of the nearest value which the prior thinks possible with something to either side."""
    likely = np.log(max(hyper.start, 1e-300))
    for step, margin in ((0.5, 0.2), (0.02, 0.02), (0.0005, 0.0005)):  # Uniform(5, 9) lies between two coarse steps.
        values = likely + np.concatenate([[0.0], np.repeat(np.arange(step, 30.0, step), 2)])
        values[2::2] = 2 * values[0] - values[1::2]
        with np.errstate(all="ignore"):
            allowed = [np.isfinite(hyper.log_density(np.exp(values + shift))) for shift in (-margin, 0.0, margin)]
        inside = np.flatnonzero(np.all(allowed, axis=0))
        if len(inside):
            return float(values[inside[0]])
    return float(likely)


def bounded_at_zero(hyper: Hyperparameter) -> bool:
    """Return whether a scale's prior density stays bounded towards 0, so that the scale itself is a good coordinate there.

    That of a gamma with a shape below 1 does not; its logarithm has a density all the same.
    """
    with np.errstate(all="ignore"):
        near, nearer = hyper.log_density(hyper.start * np.array([1e-6, 1e-10]))
    return not nearer > near + 1.0


def values_of(several: Several, points: np.ndarray) -> list[np.ndarray]:
    """Return the numbers ``(batch,)`` from which several scales are made, at coordinates ``(batch, dim)``."""
    kinds = zip(several.indices, several.kinds, strict=True)
    natural = ((kind, NATURAL[kind](points[:, k])) for k, kind in kinds)
    return [0.5 * (1.0 + value) if kind == "partial" else value for kind, value in natural]


def _together(several: Several, points: np.ndarray) -> np.ndarray:
    """Return scales that are made together ``(batch, scale)``."""
    with np.errstate(all="ignore"):
        made = several.sds([value[:, None] for value in values_of(several, points)], np)
    return np.broadcast_to(made, (len(points), several.count))


def _value(scale: Scale, points: np.ndarray) -> np.ndarray:
    return np.full(len(points), scale.value) if scale.index is None else np.exp(points[:, scale.index])


def _taken(made: np.ndarray, place: int | None) -> np.ndarray:
    return made if place is None else made[:, place]


def _root(factor: Factor, points: np.ndarray) -> Entries:
    entries: Entries = [[None] * (k + 1) for k in range(factor.width)]
    # Each once: as many scales as there are coefficients may be made together, or be one.
    together = {of: _together(of, points) for of in {s.of for s in factor.scales if isinstance(s, Derived)}}
    alone = {scale: _value(scale, points) for scale in {s for s in factor.scales if isinstance(s, Scale)}}
    sds = [alone[s] if isinstance(s, Scale) else _taken(together[s.of], s.place) for s in factor.scales]
    for k, sd in enumerate(sds):
        entries[k][k] = sd
    for start, stop, first in factor.blocks:
        at = first
        for i in range(1, stop - start):
            left = np.ones(len(points))
            for j in range(i):
                partial = np.tanh(points[:, at])
                entries[start + i][start + j] = sds[start + i] * partial * left
                left = left * np.sqrt(1.0 - partial**2)
                at += 1
            entries[start + i][start + i] = sds[start + i] * left
    return entries
