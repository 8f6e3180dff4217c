"""From the pieces microcanonical chains computed to arrays of draws, and what is wrong with them if something is."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.errors import FitError

from .._jax.kept_draws import kept_draws
from .mclmc_run import Row

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
        Where a chain left what can be computed.
    """
    rows: Row = kept_draws(groups, draws, Row, "mclmc")
    return rows


def moving(rows: Row) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return which chains moved ``(chain,)``, and what to say of those that did not.

    Raises
    ------
    FitError
        Where none moved.
    """
    if rows.lp.shape[1] < FEWEST:
        return np.ones(len(rows.lp), dtype=bool), ()
    shares = (np.diff(rows.position, axis=1) != 0).any(axis=-1).mean(axis=1)
    moved = shares >= LEAST_MOVED
    if moved.all():
        return moved, ()
    still = np.flatnonzero(~moved)
    names = ", ".join(
        f"{chain + 1} (steps of {rows.step_size[chain, -1]:.2g}, {shares[chain]:.0%} of the draws new)" for chain in still
    )
    subject = f"chain{'s' if len(still) > 1 else ''} {names} of {len(moved)} did not move"
    if not moved.any():
        raise FitError(f"mclmc: {subject}. Tune longer, begin with start='trained', or use method='nuts'")
    return moved, (
        f"{subject[0].upper()}{subject[1:]} and {'were' if len(still) > 1 else 'was'} left out: where it stood may be a part of "
        "the posterior that the others miss. Tune longer, or use method='nuts'.",
    )


def only(rows: Row, chains: np.ndarray) -> Row:
    """Return the rows of some chains, by a mask ``(chain,)``."""
    return Row(*(values[chains] for values in rows))


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
