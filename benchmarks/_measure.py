"""The quality of draws, by the same ArviZ code for every tool, in one process."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._cards import is_effect

BLOCK = 200
"""Scalars at once."""
TAIL = (0.05, 0.95)


def measure(path: str) -> dict[str, Any]:
    """Return the quality of saved draws; see :func:`quality`."""
    with np.load(path, allow_pickle=False) as file:
        return quality([str(n) for n in file["names"]], file["values"])


def quality(names: Sequence[str], values: np.ndarray) -> dict[str, Any]:
    """Return the smallest ESS and largest R-hat over all parameters, and the parameters of all groups.

    Parameters
    ----------
    names
        Of the scalars.
    values
        Draws ``(scalar, chain, draw)``.

    Returns
    -------
    dict
        ``ess_bulk``, ``ess_tail``, ``rhat``, ``worst`` (the scalar of smallest bulk ESS), ``scalars``, and
        ``parameters`` by name with ``mean``, ``sd`` and ``ess``. Scalars that never move are left out; draws that
        are not finite give NaN.
    """
    moving = np.flatnonzero(np.ptp(values.reshape(len(values), -1), axis=1) != 0)
    values, names = values[moving], [names[i] for i in moving]
    bulk, tail, rhat = diagnostics(values)
    parameters = {
        name: {"mean": float(v.mean()), "sd": float(v.std(ddof=1)), "ess": float(e)}
        for name, v, e in zip(names, values, bulk, strict=True)
        if not is_effect(name)
    }
    return {
        "ess_bulk": float(bulk.min()),
        "ess_tail": float(tail.min()),
        "rhat": float(rhat.max()),
        "worst": names[int(np.argmin(bulk))],
        "scalars": len(names),
        "parameters": parameters,
    }


def diagnostics(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return bulk ESS, tail ESS and R-hat ``(scalar,)`` of draws ``(scalar, chain, draw)``."""
    from arviz_stats.base import array_stats

    axes = {"chain_axis": 1, "draw_axis": 2}
    parts = []
    for i in range(0, len(values), BLOCK):
        block = values[i : i + BLOCK]
        parts.append(
            (
                array_stats.ess(block, method="bulk", **axes),
                array_stats.ess(block, method="tail", prob=TAIL, **axes),
                array_stats.rhat(block, **axes),
            )
        )
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))  # type: ignore[return-value]


def disagreement(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, float]:
    """Return, by parameter, how far two posterior means are apart in Monte Carlo standard errors."""
    found = {}
    for name in ours:
        if name in theirs:
            a, b = ours[name], theirs[name]
            error = np.hypot(a["sd"] / np.sqrt(a["ess"]), b["sd"] / np.sqrt(b["ess"]))
            found[name] = float(abs(a["mean"] - b["mean"]) / error)
    return found
