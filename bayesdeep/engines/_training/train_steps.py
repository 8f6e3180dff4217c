"""The optimiser, and its step sizes."""

from typing import Any

import numpy as np

from .train_settings import Recipe

MOMENTUM = 0.9
LOWEST = 0.01
"""Where an exponential schedule ends, as a share of where it starts."""


def optimiser(recipe: Recipe) -> Any:
    """Return the optax transformation of gradients; its steps are to be multiplied by the learning rate."""
    import optax

    parts = [] if recipe.clip is None else [optax.clip_by_global_norm(recipe.clip)]
    parts.append(optax.trace(MOMENTUM) if recipe.optimizer == "sgd" else optax.scale_by_adam())
    return optax.chain(*parts)


def rates(recipe: Recipe, batches: int, epochs: np.ndarray) -> np.ndarray:
    """Return the learning rate of every step of some epochs ``(epoch, batch)``."""
    total = recipe.epochs * batches
    step = epochs[:, None] * batches + np.arange(batches)
    rising = round(recipe.warm_up * total)
    share = np.clip((step - rising) / max(1, total - rising), 0.0, 1.0)
    shapes = {"constant": np.ones(step.shape), "cosine": 0.5 * (1 + np.cos(np.pi * share)), "exponential": LOWEST**share}
    down = shapes[recipe.schedule] * (step < total)
    return recipe.learning_rate * np.minimum(1.0, (step + 1) / (rising + 1)) * down
