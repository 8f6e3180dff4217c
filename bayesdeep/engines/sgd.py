"""The point estimate of a network, trained by mini-batches, as most networks are."""

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Engine, Progress

from ._train_coordinates import coordinates
from ._train_loop import refreshing, train
from ._train_noise import tuned_noise
from ._train_settings import TrainSettings, recipe
from ._train_split import split


def run(settings: TrainSettings, target: BatchTarget, seed: int, progress: Progress) -> Draws:
    """Train one network; one chain of one draw, ``(1, 1, dim)``."""
    chosen = recipe(settings, target.rows)
    parts = split(target.rows, settings.held_out, 1, np.random.default_rng((seed, 1)))
    found = train(target, chosen, parts, seed, progress, "sgd")
    where = coordinates(target, settings.penalty)
    positions = found.positions.copy()
    values, scores = tuned_noise(target, where.tuned, positions[:, None], parts.held_out, refreshing(target.rows, seed), parts.together)
    positions[:, where.tuned] = values
    return Draws(positions[list(parts.wanted)][None], {}, exact=False, seconds_compile=target.seconds_compile + found.seconds_compile,
      seconds_sample=found.seconds, details={"score": float(scores[0]), "epochs": float(found.epochs.max()), "best": float(found.best[0])})


ENGINE = Engine("sgd", "network trained by mini-batches", exact=False, settings=TrainSettings, run=run, needs=frozenset({"batches"}))
