"""Training, from Python: some epochs at a time, so that progress can be shown and an interruption keeps the best so far."""

import time
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Progress
from bayesdeep.core.errors import FitError

from .train_compiled import compiled
from .train_coordinates import coordinates, first
from .train_program import Todo, first_carry, precision, program, program_inputs
from .train_settings import Recipe
from .train_split import Slots, Split, slots
from .train_steps import rates

PIECE_STEPS = 300
"""About how many steps one call makes."""
MOST_EPOCHS = 20
"""Epochs of one call at most."""
MOST_REFRESHED = 20_000
"""Rows at most from which, while training, what depends on all of them is worked out."""


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Attributes
    ----------
    positions
        The best parameters of each member, ``(member, dim)``.
    scores
        Their held-out log scores a row ``(member,)``.
    best, epochs
        After how many epochs they were reached, and how many were made, ``(member,)``.
    losses, curves
        The training loss in each epoch and the held-out log score before it ``(epoch, member)``.
    stopped
        Whether early stopping ended it, ``(member,)``.
    interrupted
        Whether the user cut it short.
    seconds_compile, seconds
        Time spent before the first step and after.
    """

    positions: np.ndarray
    scores: np.ndarray
    best: np.ndarray
    epochs: np.ndarray
    losses: np.ndarray
    curves: np.ndarray
    stopped: np.ndarray
    interrupted: bool
    seconds_compile: float
    seconds: float


def train(target: BatchTarget, recipe: Recipe, parts: Split, seed: int, progress: Progress, method: str) -> Trained:
    """Train the members of a split.

    Raises
    ------
    FitError
        Where the loss of a member is not finite, or grows.
    """
    import jax

    began = time.perf_counter()
    where, places = coordinates(target, recipe.penalty), slots(parts.training, recipe.batch_size)
    streams = [np.random.default_rng((seed, member)) for member in range(len(parts.training))]
    w, v = where.split(first(target, recipe.initialisation, streams), target.start)
    planner = Planner(recipe, parts, places, streams)
    losses, curves, interrupted, done = [], [], False, 0
    with precision(recipe.precision):
        data = jax.device_put(program_inputs(target, recipe, where, parts, places, refreshing(target.rows, seed)))
        carry, todo = first_carry(recipe, w, v), planner.plan(0)
        run = compiled(jax.jit(program(target, recipe, where, parts, places)).lower(carry, todo, data), carry, todo, data)
        ready = time.perf_counter()
        try:
            while done <= recipe.epochs:
                carry, (loss, score) = run(carry, todo, data)
                count = int(todo.active.sum())
                done += count
                todo = planner.plan(done)
                losses.append(np.asarray(loss, dtype=np.float64)[:count])
                curves.append(np.asarray(score, dtype=np.float64)[:count])
                if not np.asarray(carry.live).any():
                    break
                progress.update(min(done, recipe.epochs), recipe.epochs, f"held-out log score {np.max(carry.score):.3f}")
        except KeyboardInterrupt:
            if not losses:
                raise
            interrupted = True
        w, v, score, at = (np.asarray(a, dtype=np.float64) for a in (carry.best_w, carry.best_v, carry.score, carry.at))
    found = Trained(
        positions=where.whole(w, v, target.start),
        scores=score,
        best=at.astype(int),
        epochs=np.minimum((~np.isnan(np.concatenate(losses))).sum(axis=0), recipe.epochs),
        losses=np.concatenate(losses),
        curves=np.concatenate(curves),
        stopped=~np.asarray(carry.live),
        interrupted=interrupted,
        seconds_compile=ready - began,
        seconds=time.perf_counter() - ready,
    )
    refuse_divergence(found, recipe, method, parts.judged > 0)
    return found


def refreshing(rows: int, seed: int) -> np.ndarray:
    """Return the rows from which what all rows decide is worked out."""
    if rows <= MOST_REFRESHED:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:MOST_REFRESHED])


@dataclass(frozen=True)
class Planner:
    """Makes the plan of the epochs of one call."""

    recipe: Recipe
    parts: Split
    places: Slots
    streams: list[np.random.Generator]

    @property
    def length(self) -> int:
        """Return the number of epochs of a call."""
        return min(MOST_EPOCHS, self.recipe.epochs, max(1, PIECE_STEPS // self.places.batches))

    def plan(self, done: int) -> Todo:
        """Return the epochs after the first ``done``.

        There is one more than are trained, in which the step size is 0: it judges what the last one reached.
        """
        number = np.arange(done, done + self.length, dtype=np.int32)
        rate = rates(self.recipe, self.places.batches, number).astype(self.recipe.precision)
        rows = np.stack([self.places.shuffled(self.parts.training, self.streams) for _ in number])
        words = [[rng.integers(0, 2**32, 2, dtype=np.uint32) for rng in self.streams] for _ in number]
        return Todo(number, number <= self.recipe.epochs, rows, rate, np.array(words))


def refuse_divergence(found: Trained, recipe: Recipe, method: str, judged: bool) -> None:
    """Raise a FitError where a member's loss is not a number, or where it only ever got worse, and much."""
    wrong = ""
    if np.isinf(found.losses).any() or np.isinf(found.curves).any() or not np.isfinite(found.positions).all():
        wrong = "the loss is not a finite number"
    else:
        curves = found.curves if judged else -found.losses
        last = np.array([c[~np.isnan(c)][-1] for c in curves.T])
        worse = (last < curves[0] - np.maximum(1.0, np.abs(curves[0]))) & ((found.best == 0) if judged else True)
        if worse.any():
            wrong = f"the log score of a row went from {curves[0][worse][0]:.3g} to {last[worse][0]:.3g}"
    if wrong:
        raise FitError(
            f"{method}: training diverged: {wrong}. Lower learning_rate (it is {recipe.learning_rate:g}), or set clip=1 to "
            "limit the gradient"
        )
