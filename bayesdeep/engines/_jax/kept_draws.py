"""From the pieces that chains in JAX computed to arrays of draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.errors import FitError


def kept_draws(groups: Sequence[Any], draws: int, row: Any, method: str) -> Any:
    """Return what was kept as one ``row``, each field ``(chain, draw, …)``; of a run that was cut short, the largest block.

    Parameters
    ----------
    groups
        With ``kept``, a list of such rows over iterations, ``chains``, and whether these are ``batched``, the first axis.
    draws
        Of each chain at the most.
    row
        A named tuple with ``position`` and ``lp`` among its fields.
    method
        For messages.

    Raises
    ------
    KeyboardInterrupt
        Where no draw was made.
    FitError
        Where a chain left what can be computed.
    """
    parts: list[Any] = []
    for group in groups:
        if group.kept:
            whole = row(*(np.concatenate(v, axis=int(group.batched)) for v in zip(*group.kept, strict=True)))
            parts += [row(*(v[i] for v in whole)) for i in range(len(group.chains))] if group.batched else [whole]
    lengths = sorted((len(p.lp) for p in parts), reverse=True)
    if not lengths:
        raise KeyboardInterrupt(f"{method} was interrupted before the first draw after tuning")
    # The chains that, cut to a common length, keep the most draws.
    most = max(range(len(lengths)), key=lambda k: (k + 1) * lengths[k])
    common = min(lengths[most], draws)
    cut = [[v[:common] for v in p] for p in parts if len(p.lp) >= common]
    rows = row(*(np.stack(v) for v in zip(*cut, strict=True)))
    rows = rows._replace(position=rows.position.astype(np.float64))
    if not (np.isfinite(rows.position).all() and np.isfinite(rows.lp).all()):
        raise FitError(f"{method}: a chain reached a log density that is not finite; check the priors and the data's scale")
    return rows
