"""Draws by name from a posterior whose variables already have the common names: bayesdeep's and Bambi's."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from benchmarks._cards import indexed


def scalars(posterior: Any, keep: Callable[[str], bool] = lambda name: True) -> dict[str, np.ndarray]:
    """Return draws ``(chain, draw)`` of every scalar, named ``variable[label, label]``."""
    found: dict[str, np.ndarray] = {}
    for name, variable in posterior.data_vars.items():
        if not keep(str(name)):
            continue
        dims = [d for d in variable.dims if d not in ("chain", "draw")]
        values = variable.transpose("chain", "draw", *dims).to_numpy()
        labels = [[str(x) for x in variable[d].to_numpy()] for d in dims]
        flat = values.reshape(*values.shape[:2], -1)
        for i, where in enumerate(product(*labels)):
            found[indexed(str(name), ", ".join(where) or None)] = flat[..., i]
    return found
