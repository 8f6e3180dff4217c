r"""Moves that make effects and their standard deviations larger or smaller together.

Where a group's rows say little of a normal kind, as one yes or no does, effects, their sds and population coefficients are known
up to a common factor only, and move along that ridge slowly when by turns. With standardised effects :math:`b` held, the sds
of a factor are multiplied by :math:`c`, :math:`\log c \sim N(0, s^2)`, or those of all factors and the population coefficients;
the density of :math:`b` does not change, so that only the rows and the priors speak. A try costs one look at the rows.

References
----------
Liu and Wu (1999), Parameter expansion for data augmentation, Journal of the American Statistical Association 94, 1264-1274,
doi:10.1080/01621459.1999.10473879.
"""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.linear import LinearSystem
from bayesdeep.linear.hyperparameters import Coordinates

from .._laplace.by_columns import ByColumns
from .moves import State
from .moving_map import MovingMap

SIZE = 0.14
"""Standard deviation of the logarithm of the factor."""


@dataclass(frozen=True)
class Scaled:
    """What is multiplied: hyperparameters, factors by number, and whether population coefficients are."""

    hyperparameters: np.ndarray
    factors: tuple[int, ...]
    columns: bool


def kinds_of(system: LinearSystem) -> tuple[Scaled, ...]:
    """Return all factors and columns together, then each factor that shares no standard deviation with others."""
    used = [{scale.index for scale in f.scales} for f in system.factors]
    if not used or any(None in own for own in used):
        return ()
    every = sorted({int(k) for own in used for k in own if k is not None})
    found = [Scaled(np.array(every), tuple(range(len(used))), True)]
    for number, own in enumerate(used):
        if not any(own & other for k, other in enumerate(used) if k != number):
            found.append(Scaled(np.array(sorted(k for k in own if k is not None)), (number,), False))
    return tuple(found)


def scaled(moving: MovingMap, state: State, tries: int, rng: np.random.Generator) -> State:
    """Return the lanes after some tries; where there are no loops in C to come back to ``z`` by, as they are."""
    gaussian = moving.gaussian
    if not tries or not isinstance(gaussian, ByColumns):
        return state
    kinds = kinds_of(moving.inner.rows.system)
    if not kinds:
        return state
    placed, layout, system = moving.placed(state.theta), gaussian.layout, moving.inner.rows.system
    u, theta, offset = moving.effects(placed, state.z), state.theta.copy(), moving.inner.rows.offset[:, None]
    shift = offset if offset.any() else None
    parts = [layout.predictor_of(number, u) for number in range(len(layout.shapes))]
    beta = u[layout.columns :]
    coordinates = moving.marginal.coordinates

    def height(theta: np.ndarray, eta: np.ndarray, beta: np.ndarray) -> np.ndarray:
        rows = moving.total(moving.inner.rows.likelihood.value(eta if shift is None else eta + shift, placed.values))
        return rows + moving.log_prior(theta) - 0.5 * np.einsum("pc,pq,qc->c", beta, system.precision, beta)

    with np.errstate(all="ignore"):
        eta = sum(parts, start=layout.population @ beta)
        now = height(theta, eta, beta)
        for _ in range(tries):
            kind = kinds[int(rng.integers(len(kinds)))]
            log_c = SIZE * rng.standard_normal(len(theta))
            c = np.exp(log_c)
            new, jacobian = _multiplied(theta, kind.hyperparameters, coordinates, system, log_c)
            if kind.columns:  # and all factors: the whole predictor
                new_eta, new_beta = c * eta, c * beta
            else:
                new_eta, new_beta = sum(((c - 1.0) * parts[f] for f in kind.factors), start=eta), beta
            found = height(new, new_eta, new_beta)
            ratio = found - now + jacobian + (len(beta) * log_c if kind.columns else 0.0)
            taken = np.log(rng.random(len(theta))) < np.where(np.isnan(ratio), -np.inf, ratio)
            factor = np.where(taken, c, 1.0)
            theta, eta = np.where(taken[:, None], new, theta), np.where(taken, new_eta, eta)
            now = np.where(taken, found, now)
            for f in kind.factors:
                parts[f] *= factor
                start, (levels, width) = layout.starts[f], layout.shapes[f]
                u[start : start + levels * width] *= factor
            if kind.columns:
                beta = beta * factor
        u[layout.columns :] = beta
        placed = moving.placed(theta)
        z = gaussian.noise(placed.factored, u, moving.stretch)
        density = moving.log_density(placed, z)
    # What rounding makes impossible stays where it was.
    fine = np.isfinite(density)
    return State(
        np.where(fine[:, None], theta, state.theta), np.where(fine, z, state.z), np.where(fine, density, state.log_density)
    )


def _multiplied(
    theta: np.ndarray, which: np.ndarray, coordinates: Coordinates, system: LinearSystem, log_c: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates with some scales multiplied, and the log derivative of the new coordinates by the old ``(lane,)``."""
    positions = coordinates.to_system(theta)
    positions[:, which] += log_c[:, None]
    new = np.where(_touched(which, coordinates, theta.shape[1]), coordinates.from_system(positions), theta)
    # Natural values are multiplied, whose derivative by the coordinates is known at both ends.
    jacobian = coordinates.log_jacobian(system, theta) - coordinates.log_jacobian(system, new)
    return new, jacobian + len(which) * log_c


def _touched(which: np.ndarray, coordinates: Coordinates, dim: int) -> np.ndarray:
    """Return the coordinates ``(dim,)`` that move with some scales."""
    found = np.zeros(dim, dtype=bool)
    found[which] = True
    for corner in coordinates.corners:
        found[list(corner.places)] |= found[list(corner.places)].any()
    return found
