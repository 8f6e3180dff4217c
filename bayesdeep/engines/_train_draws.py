"""From training to draws: members, each with the noise that rows it has not seen ask for."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Progress

from ._train_coordinates import coordinates
from ._train_loop import refreshing, train
from ._train_noise import tuned_noise
from ._train_settings import recipe
from ._train_split import LEAST_HELD_OUT, split
from ._train_units import idle_advice, idle_units

Spread = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""From a trained network ``(dim,)`` to those whose predictions are averaged, ``(network, dim)``."""


def trained(
    settings: Any,
    target: BatchTarget,
    seed: int,
    progress: Progress,
    method: str,
    members: int = 1,
    spread: Spread | None = None,
    shown: Spread | None = None,
) -> Draws:
    """Train and return one chain of draws, ``(1, member, dim)``, or those that ``shown`` makes of one network.

    Parameters
    ----------
    settings
        :class:`~bayesdeep.engines._train_settings.TrainSettings`.
    target, seed, progress, method
        The model, and how it is said what is done.
    members
        Of an ensemble.
    spread
        What is averaged when the noise is found; None for the network itself.
    shown
        The draws of a network; None for the network itself.
    """
    began = time.perf_counter()
    chosen = recipe(settings, target.rows)
    parts = split(target.rows, settings.held_out, members, np.random.default_rng((seed, 1)))
    found = train(target, chosen, parts, seed, progress, method)
    where, rng = coordinates(target, settings.penalty), np.random.default_rng((seed, 2))
    positions, scores = found.positions.copy(), found.scores
    if parts.judged:
        networks = [p[None] if spread is None else spread(p, rng) for p in positions]
        values, scores = tuned_noise(
            target, where.tuned, networks, parts.held_out, refreshing(target.rows, seed), parts.together
        )
        positions[:, where.tuned] = values
    kept = positions[list(parts.wanted)]
    idle = idle_units(target, kept[0], np.random.default_rng((seed, 3)))
    draws = kept if shown is None else shown(kept[0], rng)
    advice = (*_advice(parts.judged, found.interrupted, found.epochs.max(), chosen.epochs), *idle_advice(idle))
    seconds = time.perf_counter() - began - found.seconds_compile
    return Draws(
        positions=draws[None],
        stats={},
        exact=False,
        status="interrupted" if found.interrupted else "ok",
        advice=advice,
        seconds_compile=target.seconds_compile + found.seconds_compile,
        seconds_sample=seconds,
        details={
            "held_out_log_score": float(np.mean(scores)),
            "held_out_rows": float(parts.judged),
            "epochs": float(found.epochs.max()),
            "best_epoch": float(np.median(found.best)),
            "batch_size": float(chosen.batch_size),
            "learning_rate": float(chosen.learning_rate),
            "ended_by": "early stopping" if found.epochs.max() < chosen.epochs else "the limit of epochs",
            "idle_units": float(sum(count for count, _ in idle.values())),
        },
    )


def _advice(judged: int, interrupted: bool, made: int, most: int) -> tuple[str, ...]:
    said = []
    if interrupted:
        said.append(f"Training was interrupted after {made} of at most {most} epochs; the best network so far is kept.")
    if not judged:
        said.append("No rows were held out, so that the noise is what the prior says: predictive intervals mean nothing.")
    elif judged < LEAST_HELD_OUT:
        said.append(f"Only {judged} rows were held out to stop training and to learn the noise from; both are rough.")
    return tuple(said)
