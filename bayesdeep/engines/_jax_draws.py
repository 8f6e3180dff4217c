"""From the pieces the JAX sampler computed to arrays of draws."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bayesdeep.core.errors import FitError


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
    parts: list[Row] = []
    for group in groups:
        if group.kept:
            whole = Row(*(np.concatenate(v, axis=int(group.batched)) for v in zip(*group.kept, strict=True)))
            parts += [Row(*(v[i] for v in whole)) for i in range(len(group.chains))] if group.batched else [whole]
    lengths = sorted((len(p.lp) for p in parts), reverse=True)
    if not lengths:
        raise KeyboardInterrupt("nuts was interrupted before the first draw after tuning")
    # The chains that, cut to a common length, keep the most draws.
    length = max(range(len(lengths)), key=lambda k: (k + 1) * lengths[k])
    common = min(lengths[length], draws)
    cut = [Row(*(v[:common] for v in p)) for p in parts if len(p.lp) >= common]
    rows = Row(*(np.stack(v) for v in zip(*cut, strict=True)))
    positions = rows.position.astype(np.float64)
    kinds = {"f": np.float64, "b": np.bool_, "i": np.int64}
    stats = {name: v.astype(kinds[v.dtype.kind]) for name, v in rows._asdict().items() if name != "position"}
    if not np.isfinite(positions).all() or not np.isfinite(stats["lp"]).all():
        raise FitError("nuts: a chain reached a log density that is not finite; check the priors and the data's scale")
    return positions, stats
