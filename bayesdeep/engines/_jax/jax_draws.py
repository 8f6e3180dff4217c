"""From the pieces the JAX sampler computed to arrays of draws."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .kept_draws import kept_draws


class Row(NamedTuple):
    """What is kept of one iteration."""

    position: Any
    lp: Any
    diverging: Any
    energy: Any
    tree_depth: Any
    n_steps: Any
    step_size: Any
    acceptance_rate: Any
    reached_max_treedepth: Any


def collected(groups: Sequence[Any], draws: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return positions ``(chain, draw, dim)`` and statistics ``(chain, draw)``; of a broken run, the largest block."""
    rows = kept_draws(groups, draws, Row, "nuts")
    kinds = {"f": np.float64, "b": np.bool_, "i": np.int64}
    stats = {name: v.astype(kinds[v.dtype.kind]) for name, v in rows._asdict().items() if name != "position"}
    return rows.position, stats
