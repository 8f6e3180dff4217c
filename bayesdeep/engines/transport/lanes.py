"""Lanes, all in one batch of NumPy: how they are moved, and what warm-up sees of them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.rowwise import RowSystem

from .moves import Accepted, State, Tuning, move
from .moving_map import MovingMap
from .scalings import scaled

MAX_STRETCH = 6.0
"""Largest variance of a coordinate that the map is stretched to."""


@dataclass(frozen=True)
class Moved:
    """The lanes after an iteration.

    Attributes
    ----------
    state, accepted
        Where they are, and how likely their proposals were to be accepted.
    effects
        Population coefficients ``(lane, column)`` and effects by factor ``(lane, level, width)``; empty in warm-up.
    sums
        In warm-up, sums over lanes of the rows' weights, slopes and predictors ``(obs,)``.
    """

    state: State
    accepted: Accepted
    effects: tuple[np.ndarray, ...] = ()
    sums: tuple[np.ndarray, ...] = ()


def restarted(state: State, moving: MovingMap, before: MovingMap) -> State:
    """Return the lanes where they are in hyperparameters and unstretched ``z``, in another map."""
    z = state.z if before.stretch is None else state.z * before.stretch[:, None]
    return possible(moving, replace(state, z=z if moving.stretch is None else z / moving.stretch[:, None]))


def step(
    moving: MovingMap, state: State, tuning: Tuning, proposal: Any, rng: np.random.Generator, *, looking: bool = False
) -> Moved:
    """Move all lanes by one iteration; ``looking`` at their rows for the map, or keeping their coefficients."""
    state = scaled(moving, state, tuning.scalings, rng)
    state, placed, accepted = move(moving, state, tuning, proposal, rng)
    inner = moving.inner
    at = moving.effects(placed, state.z)
    if not looking:
        return Moved(state, accepted, moving.gaussian.layout.split(at))
    eta = moving.gaussian.layout.predictor(at)
    with np.errstate(all="ignore"):
        _, slope, weight = inner.look(eta, moving.marginal.coordinates.to_system(state.theta))
    one = np.ones(eta.shape[1])
    return Moved(state, accepted, sums=(weight @ one, slope @ one, eta @ one))


def possible(moving: MovingMap, state: State) -> State:
    """Return a state in a map, in which lanes that are not possible are put where the likeliest is."""
    found = moving.log_density(moving.placed(state.theta), state.z)
    lost = ~np.isfinite(found)
    if not lost.any() or lost.all():
        return replace(state, log_density=found)
    at = np.where(lost, int(np.argmax(np.where(lost, -np.inf, found))), np.arange(len(found)))
    return State(state.theta[at], state.z[:, at], found[at])


class Warm:
    """What a phase of warm-up saw: sums over all lanes and iterations."""

    def __init__(self, rows: RowSystem) -> None:
        count = len(rows.offset)
        self.weight, self.slope, self.eta = np.zeros(count), np.zeros(count), np.zeros(count)
        self.squares: np.ndarray | float = 0.0
        self.theta: list[np.ndarray] = []
        self.accepted: list[Accepted] = []
        self.count = 0

    def add(self, moving: MovingMap, moved: Moved) -> None:
        """Add the lanes' places after an iteration."""
        z = moved.state.z
        squares = np.einsum("ic,ic->i", z, z)
        self.squares = self.squares + (squares if moving.stretch is None else squares * moving.stretch**2)
        weight, slope, eta = moved.sums
        self.weight += weight
        self.slope += slope
        self.eta += eta
        self.count += len(moved.state.theta)
        self.theta.append(moved.state.theta)
        self.accepted.append(moved.accepted)

    def stretch(self) -> np.ndarray:
        """Return how much wider than standard normal the coordinates were ``(coefficient,)``, within limits."""
        return np.sqrt(np.clip(self.squares / self.count, 1.0, MAX_STRETCH))

    def acceptance(self, block: str) -> float:
        """Return the mean acceptance of a block of moves."""
        return float(np.mean([getattr(a, block) for a in self.accepted]))
