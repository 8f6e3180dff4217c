"""From the pieces microcanonical chains computed to arrays of draws, and what is wrong with them if something is."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.errors import FitError

from ._kept_draws import kept_draws
from ._mclmc_run import Row

FEWEST = 20
"""Draws from which a chain can be said to stand still."""
LEAST_MOVED = 0.05
"""Share of draws that differ from the one before in a chain that moves."""
WIDE, NARROW, SHIFTED = 1.25, 0.8, 0.5
"""Ratios of standard deviations, and differences of means in standard deviations, that are called a bias."""
NOISE = ("parameter", "sd")
"""Roles of the coordinates in which a bias shows first."""


def collected(groups: Sequence[Any], draws: int) -> Row:
    """Return what was kept, each ``(chain, draw, …)``; of a run that was cut short, the largest block.

    Raises
    ------
    KeyboardInterrupt
        Where no draw was made.
    FitError
        Where a chain left what can be computed, or stood still.
    """
    rows: Row = kept_draws(groups, draws, Row, "mclmc")
    _check_moved(rows)
    return rows


def _check_moved(rows: Row) -> None:
    if rows.lp.shape[1] < FEWEST:
        return
    moved = (np.diff(rows.position, axis=1) != 0).any(axis=-1).mean(axis=1)
    for chain in np.flatnonzero(moved < LEAST_MOVED):
        raise FitError(
            f"mclmc: chain {chain} did not move (steps of {rows.step_size[chain, -1]:.2g}, {moved[chain]:.0%} of the draws "
            "new). Tune longer, begin with start='trained', or use method='nuts'"
        )


def bias(rows: Row, exact: Row, names: Sequence[str], roles: np.ndarray) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return how far draws without a Metropolis test are from those with one, and what to say of it.

    Parameters
    ----------
    rows, exact
        Draws without and with the test, of the same chains.
    names, roles
        Of the coordinates, ``(dim,)`` each.

    Returns
    -------
    tuple
        The largest and smallest ratio of standard deviations over family parameters, group sds and the log density
        (``bias_sd``, the one that is further from 1), the largest difference of means in standard deviations
        (``bias_mean``), and sentences.
    """
    chosen = [i for i, role in enumerate(roles) if role in NOISE]
    columns = [(names[i], rows.position[..., i], exact.position[..., i]) for i in chosen]
    columns.append(("the log density", rows.lp.astype(float), exact.lp.astype(float)))
    found = []
    for name, mine, theirs in columns:
        spread = max(float(theirs.std()), np.finfo(float).tiny)
        found.append((name, float(mine.std()) / spread, float(mine.mean() - theirs.mean()) / spread))
    widest = max(found, key=lambda f: abs(np.log(max(f[1], 1e-12))))
    furthest = max(found, key=lambda f: abs(f[2]))
    biased = not NARROW <= widest[1] <= WIDE or abs(furthest[2]) > SHIFTED
    text = (
        f"The draws were not corrected by a Metropolis test (adjust=False). Against {exact.lp.size} draws that were, the sd of "
        f"{widest[0]} is {widest[1]:.2f} times as wide and the mean of {furthest[0]} {abs(furthest[2]):.2f} sd away"
    )
    ending = ": they are biased; leave adjust=True." if biased else ": no bias that such a short run would show."
    return {"bias_sd": widest[1], "bias_mean": furthest[2], "biased": float(biased)}, (text + ending,)
