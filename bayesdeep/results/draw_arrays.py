"""Draws of a posterior as plain arrays by name, chains one after another."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.spec.model_spec import ModelSpec


def flat_posterior(posterior: Any, spec: ModelSpec) -> dict[str, np.ndarray]:
    """Return a posterior Dataset as arrays ``(chain * draw, …)`` by name."""
    del spec
    return {
        str(name): np.asarray(v.transpose("chain", "draw", ...)).reshape(-1, *v.shape[2:])
        for name, v in posterior.data_vars.items()
    }


def enough_draws(posterior: Mapping[str, np.ndarray], least: int) -> dict[str, np.ndarray]:
    """Return draws by name, each repeated until there are ``least``: a few, as of a point estimate, predict smoothly then.

    Draws of a chain stay together.
    """
    count = len(next(iter(posterior.values()))) if posterior else least
    times = -(-least // count)
    return {name: np.repeat(value, times, axis=0) if times > 1 else value for name, value in posterior.items()}
