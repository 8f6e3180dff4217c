"""From the pieces the JAX sampler computed to arrays of draws, and what there is to say about them."""

from collections.abc import Mapping, Sequence
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


def advice(settings: Any, stats: Mapping[str, np.ndarray], interrupted: bool) -> tuple[str, ...]:
    """Return what the user should know or do."""
    found = []
    diverging, deep = int(stats["diverging"].sum()), float(stats["reached_max_treedepth"].mean())
    if interrupted:
        chains, draws = stats["lp"].shape
        found.append(f"Sampling was interrupted; {chains} chains of {draws} draws after tuning are kept.")
    if diverging:
        higher = min(0.99, 1 - (1 - settings.target_accept) / 4)
        found.append(
            f"There were {diverging} divergences: parts of the posterior may be missing. Fit again with "
            f"target_accept={higher:.2f}; if they stay, use narrower priors or a simpler model."
        )
    if deep > 0.05:
        found.append(
            f"{deep:.0%} of the draws reached max_treedepth={settings.max_treedepth}: sampling is slow, not wrong. "
            "Standardise the predictors."
        )
    return tuple(found)
