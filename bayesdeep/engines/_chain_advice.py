"""What there is to say about chains of NUTS, whoever made them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

MAX_TREEDEPTH_SHARE = 0.05
"""Share of draws at the longest trajectory that is not worth a word."""

MAX_DIVERGING_SHARE, MAX_DIVERGING_SHARE_NETWORK = 0.001, 0.1
"""Share of draws that may diverge in a run that is not doubtful: a few in 4,000 happen at the edge of sound posteriors, which a
diagnosis mentions. Those of networks are judged by their functions, in which these may not show."""


def status_of(stats: Mapping[str, np.ndarray], interrupted: bool, network: bool) -> str:
    """Return what the statistics make of the run: ``"ok"``, ``"interrupted"`` or ``"doubtful"``."""
    if interrupted:
        return "interrupted"
    most = MAX_DIVERGING_SHARE_NETWORK if network else MAX_DIVERGING_SHARE
    return "doubtful" if float(stats["diverging"].mean()) > most else "ok"


def cut_short(lp: np.ndarray, interrupted: bool) -> tuple[str, ...]:
    """Return what there is of chains ``(chain, draw)`` that were cut short, if they were."""
    chains, draws = lp.shape
    return (f"Sampling was interrupted; {chains} chains of {draws} draws after tuning are kept.",) if interrupted else ()


def advice(
    settings: Any, stats: Mapping[str, np.ndarray], remedy: str = "Standardise the predictors."
) -> tuple[str, ...]:
    """Return what the statistics say that the user should know or do.

    Parameters
    ----------
    settings
        With ``target_accept`` and ``max_treedepth``.
    stats
        ``diverging`` and ``reached_max_treedepth``, each ``(chain, draw)``.
    remedy
        What helps against long trajectories; empty where they are as long as they are meant to be.
    """
    diverging, deep = int(stats["diverging"].sum()), float(stats["reached_max_treedepth"].mean())
    found = []
    if diverging:
        higher = min(0.99, 1 - (1 - settings.target_accept) / 4)
        many, stay = ("was 1 divergence", "it stays") if diverging == 1 else (f"were {diverging} divergences", "they stay")
        found.append(
            f"There {many}: parts of the posterior may be missing. Fit again with "
            f"target_accept={higher:.2f}; if {stay}, use narrower priors or a simpler model."
        )
    if deep > MAX_TREEDEPTH_SHARE and remedy:
        found.append(
            f"{deep:.0%} of the draws reached max_treedepth={settings.max_treedepth}: sampling is slow, not wrong. {remedy}"
        )
    return tuple(found)
