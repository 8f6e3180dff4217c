r"""Moves of hyperparameters and coefficients in the coordinates of the moving map, many chains side by side.

Hyperparameters move with :math:`z` held, so that the coefficients move along: independence proposals from a distribution fitted
to Laplace's approximation, and steps of a random walk. The coefficients move by Hamiltonian dynamics: the standard normal part of
the density is followed exactly, by a rotation of position and momentum, and only what the likelihood adds is stepped (Shahbaba,
Lan, Johnson and Neal 2014, Split Hamiltonian Monte Carlo, Statistics and Computing 24, 339-349).
"""

from dataclasses import dataclass, replace

import numpy as np

from bayesdeep.linear.tilt import Proposal
from bayesdeep.numerics.turns import turn

from .moving_map import MovingMap, Placed

QUARTER, LEAST_TURN, MOST_TURN = 0.5 * np.pi, 0.8, 1.2
"""Mean angle of a trajectory: of a standard normal a quarter turn gives an independent draw; and shares of it between
which it is drawn, so that no direction is left where it was."""
SIZES = (1.0, 0.35)
"""Of the random walk's steps, by turns."""


@dataclass(frozen=True)
class State:
    """Where chains are: hyperparameters ``(chain, dim)``, ``z`` ``(coefficient, chain)`` and the log posterior ``(chain,)``."""

    theta: np.ndarray
    z: np.ndarray
    log_density: np.ndarray


@dataclass(frozen=True)
class Tuning:
    """What warm-up settles.

    Attributes
    ----------
    steps
        Of a trajectory.
    walk
        Factor ``(dim, dim)`` of the random walk's covariance.
    walks
        Random-walk tries an iteration.
    scalings
        Tries an iteration to make effects and their sds larger or smaller together.
    """

    steps: int
    walk: np.ndarray
    walks: int = 1
    scalings: int = 0


@dataclass(frozen=True)
class Accepted:
    """Acceptance probabilities of each block ``(chain,)``: independence proposals, walks, trajectories."""

    independent: np.ndarray
    walk: np.ndarray
    trajectory: np.ndarray


def move(
    moving: MovingMap, state: State, tuning: Tuning, proposal: Proposal | None, rng: np.random.Generator
) -> tuple[State, Placed, Accepted]:
    """Return where chains are after one iteration, the map there, and how likely each block's proposals were to be accepted."""
    chains = len(state.log_density)
    independent = walk = np.ones(chains)
    if proposal is not None:
        state, independent = _independent(moving, state, proposal, rng)
        for k in range(tuning.walks):
            state, walk = _walk(moving, state, SIZES[k % len(SIZES)] * tuning.walk, rng)
    placed = moving.placed(state.theta)
    state, trajectory = _trajectory(moving, placed, state, tuning.steps, rng)
    return state, placed, Accepted(independent, walk, trajectory)


def _independent(
    moving: MovingMap, state: State, proposal: Proposal, rng: np.random.Generator
) -> tuple[State, np.ndarray]:
    new = proposal.draw(len(state.theta), rng)  # of a scale near 0 from both sides, folded: where states are
    found = moving.log_density(moving.placed(new), state.z)
    ratio = found - proposal.log_density(new) - state.log_density + proposal.log_density(state.theta)
    return _settled(state, new, found, ratio, rng)


def _walk(moving: MovingMap, state: State, factor: np.ndarray, rng: np.random.Generator) -> tuple[State, np.ndarray]:
    new = state.theta + rng.standard_normal(state.theta.shape) @ factor.T
    found = moving.log_density(moving.placed(new), state.z)  # minus infinity beyond 0, where scales have no density
    return _settled(state, new, found, found - state.log_density, rng)


def _settled(
    state: State, theta: np.ndarray, log_density: np.ndarray, ratio: np.ndarray, rng: np.random.Generator
) -> tuple[State, np.ndarray]:
    with np.errstate(invalid="ignore", over="ignore"):
        probability = np.minimum(1.0, np.exp(np.where(np.isnan(ratio), -np.inf, ratio)))
    taken = rng.random(len(ratio)) < probability
    moved = State(
        np.where(taken[:, None], theta, state.theta), state.z, np.where(taken, log_density, state.log_density)
    )
    return moved, probability


def _trajectory(
    moving: MovingMap, placed: Placed, state: State, steps: int, rng: np.random.Generator
) -> tuple[State, np.ndarray]:
    """Move ``z`` along a trajectory of about a quarter turn in ``steps`` steps."""
    angle = QUARTER * rng.uniform(LEAST_TURN, MOST_TURN) / steps
    z, p = state.z.copy(order="C"), rng.standard_normal(state.z.shape)
    energy = _energy(state.log_density, p)
    # Kicks by what the density has beside the standard normal between rotations, the first and the last of which are half ones.
    turn(z, p, 0.5 * angle)
    for k in range(steps):
        turn(z, p, angle if k < steps - 1 else 0.5 * angle, angle, moving.gradient(placed, z)[1])
    new = moving.log_density(placed, z)
    with np.errstate(invalid="ignore", over="ignore"):
        ratio = _energy(new, p) - energy
        probability = np.minimum(1.0, np.exp(np.where(np.isnan(ratio), -np.inf, ratio)))
    taken = rng.random(len(ratio)) < probability
    return replace(state, z=np.where(taken, z, state.z), log_density=np.where(taken, new, state.log_density)), probability


def _energy(log_density: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the log density less the kinetic energy ``(chain,)``."""
    return log_density - 0.5 * np.einsum("ic,ic->c", p, p)
