"""Which refits a comparison does, how long they will take by what the fits took, and what is said of those it does not do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.arguments import shown
from bayesdeep.core.errors import FitError
from bayesdeep.inference.refit import Refit
from bayesdeep.results.fitted import Fitted

AT_MOST = 60.0
"""Estimated seconds up to which refits are done without being asked for."""
MOST_NAMED = 5


def check_refits(value: Any, where: str, name: str) -> None:
    """Allow ``"auto"``, true, false and a whole number from 0."""
    number = isinstance(value, int | np.integer) and value >= 0
    if not (number or isinstance(value, bool | np.bool_) or (isinstance(value, str) and value == "auto")):
        raise FitError(
            f"{where}: {name} is {shown(value)}; give 'auto' (while they take under a minute), True, False or how many there "
            "may be"
        )


def seconds_each(fit: Fitted) -> float:
    """Return how long a refit will take: as long as the fit, whose machine code is kept."""
    attrs = fit.held.attrs
    return max(0.0, float(attrs["seconds_total"]) - float(attrs.get("seconds_compile", 0.0)))


@dataclass(frozen=True)
class Cost:
    """A number of refits, and their estimated seconds."""

    count: int
    seconds: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.count + other.count, self.seconds + other.seconds)

    def __str__(self) -> str:
        return f"{self.count:,} refit{'s' * (self.count != 1)}, about {in_words(self.seconds)}"


def cost_of(fits: Mapping[str, Fitted], tasks: Mapping[str, Sequence[Refit]], workers: int) -> Cost:
    """Return what refits cost; so many ``workers`` do them side by side."""
    count = sum(map(len, tasks.values()))
    seconds = sum(seconds_each(fits[name]) * len(own) for name, own in tasks.items())
    return Cost(count, seconds / max(1, min(workers, count)))


def in_words(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 1.5:
        return "a second"
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


@dataclass
class Allowance:
    """What is left of the refits that may be done: ``"auto"``, true, false or a number of them."""

    refits: str | bool | int
    spent: Cost = Cost(0, 0.0)

    def grants(self, cost: Cost) -> bool:
        """Return whether refits of this cost may be done beside those before, and count them if so."""
        after = self.spent + cost
        if isinstance(self.refits, str):
            may = after.seconds < AT_MOST
        else:
            may = bool(self.refits) if isinstance(self.refits, bool | np.bool_) else after.count <= self.refits
        self.spent = after if may else self.spent
        return may


def demanded(refits: str | bool | int, cost: Cost, what: str) -> None:
    """Raise where refits that a score asks for may not be done; ``"auto"`` allows them, since they were asked for."""
    if not isinstance(refits, str) and not Allowance(refits).grants(cost):
        raise FitError(
            f"compare: {what} takes {cost}, and refits={refits} does not allow them; leave refits out, or compare by "
            "score='loo', which takes none"
        )


def how_to(cost: Cost) -> str:
    """Return how refits are asked for, in a clause."""
    return f"that takes {cost}, which refits=True does"


def rows_in_words(rows: np.ndarray) -> str:
    """Return the first few rows by number."""
    some = ", ".join(f"{row:,}" for row in rows[:MOST_NAMED])
    more = len(rows) - MOST_NAMED
    return f"row{'s' * (len(rows) > 1)} {some}" + (f" and {more:,} more" if more > 0 else "")
