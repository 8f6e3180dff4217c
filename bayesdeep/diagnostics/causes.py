"""Which of several faults explains the others: one is acted upon at a time, and what it explains is not.

A chain that stands still makes R-hat large and sizes small; a funnel does, and makes divergences; heavy tails do, and cost
energy. More draws, or more tuning, is advice for chains that have no other fault, and so it comes last.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .checks import Check

ORDER = (
    "numbers",  # draws that are no numbers
    "length",  # hardly any draws
    "method",  # the method itself says that it does not fit the model
    "stuck",  # a chain that stands still
    "function",  # a network's chains are different functions
    "divergences",
    "energy",  # heavy tails
    "depth",  # trajectories that are cut short
    "chains differ",
    "size",  # too few independent draws
    "chains",  # a single one
)
"""Causes, the first of which explains those after it."""


def leading(rows: Iterable[Check]) -> str:
    """Return the cause that explains the others; empty without one.

    It is the first in order, but a mild fault does not explain an alarming one, unless it is known well.
    """
    failed = [row for row in rows if row.cause and not row.passed]
    worst = max((row.severity for row in failed), default=0)
    able = [row.cause for row in failed if row.sure or row.severity == worst]
    return min(able, key=ORDER.index, default="")


def most_pressing(rows: Iterable[Check]) -> list[Check]:
    """Return what failed: the cause first, then what it leaves unexplained, the alarming first, and what it explains last."""
    rows = list(rows)
    cause = leading(rows)
    failed = [row for row in rows if not row.passed]

    def rank(row: Check) -> tuple[int, int, int]:
        place = ORDER.index(row.cause) if row.cause else 0
        return (0 if cause and row.cause == cause else 1, -row.severity, place)

    return sorted(failed, key=rank)


def advised(rows: Iterable[Check], said: Iterable[Any] = ()) -> tuple[str, ...]:
    """Return what to do: about the cause first, then about what stands for itself, then what the method said.

    What stands for itself and is about a prior waits where the draws do not represent the posterior, whose mean is not known
    then, and where the cause is about the same prior.
    """
    rows = list(rows)
    cause = leading(rows)
    first = [row for row in rows if row.cause and row.cause == cause and not row.passed]
    alarming, known = any(row.severity == 2 for row in first), {row.about for row in first}

    def speaks(row: Check) -> bool:
        return row.cause == cause if row.cause else not (row.about and (alarming or row.about in known))

    kept = (row for row in most_pressing(rows) if speaks(row))
    return tuple(dict.fromkeys([*(s for row in kept for s in row.advice), *map(str, said)]))
