r"""Scores of right-censored lifetimes: who outlives whom, and how far stated survival is from what happened.

Concordance is Harrell's: of the pairs of which it is known who lived longer, the share whose expected lifetimes, as far as a
horizon, are in that order; ties of expected lifetimes count one half. Rows of which a model knows the same are tied: what draws,
or leaving one of them out, put between their expected lifetimes is not the model's. 0.5 is chance, higher is better. The
integrated Brier score is the mean over time, up to the horizon, of :math:`(1\{T > t\} - S(t))^2`, in which rows censored before
:math:`t` are made up for by those that are not, with weights one over the probability of not being censored (Kaplan-Meier): 0 is
perfect, a survival of one half for all has 0.25, lower is better.

References
----------
Harrell, Lee and Mark (1996), Multivariable prognostic models, Statistics in Medicine 15(4),
https://doi.org/10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4
Graf, Schmoor, Sauerbrei and Schumacher (1999), Assessment and comparison of prognostic classification schemes for survival data,
Statistics in Medicine 18, https://doi.org/10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayesdeep.core.records import Response

TIMES = 50
LEAST_AT_RISK = 0.1
"""Share of the rows that are still at risk at the horizon: later there are too few to say how well survival is foretold."""


def grid_of(response: Response) -> np.ndarray | None:
    """Return times ``(time,)`` to score at, from 0 to the horizon, the last event with a tenth of the rows still at risk.

    None where lifetimes are not all observed or right-censored, none is censored, none observed, or rows enter late.
    """
    status = response.status
    if status is None or response.lower_bound is not None or response.upper_bound is not None:
        return None
    if not np.isin(status, (0, 1)).all() or (status == 0).all() or (status == 1).all():
        return None
    time = np.asarray(response.value, dtype=np.float64)
    if (time <= 0).any():
        return None
    events = np.sort(time[status == 0])
    at_risk = 1.0 - np.searchsorted(np.sort(time), events, side="left") / len(time)
    return np.linspace(0.0, float(events[at_risk >= LEAST_AT_RISK].max(initial=events[0])), TIMES + 1)


@dataclass(frozen=True, eq=False)
class LifetimeScores:
    """What is stated of rows' lifetimes, and what is known of them.

    Attributes
    ----------
    times
        ``(time,)``, the first 0, the last the horizon.
    value, event
        Observed times ``(obs,)``, and whether they ended in an event.
    expected
        Expected lifetimes as far as the horizon ``(obs,)``.
    survival
        Probabilities ``(obs, time)`` of living longer than the times.
    """

    times: np.ndarray
    value: np.ndarray
    event: np.ndarray
    expected: np.ndarray
    survival: np.ndarray

    def take(self, order: np.ndarray) -> "LifetimeScores":
        """Return some rows, or all in another order."""
        return LifetimeScores(self.times, self.value[order], self.event[order], self.expected[order], self.survival[order])

    def tied(self, same: np.ndarray) -> "LifetimeScores":
        """Return expected lifetimes that are the mean of theirs in rows with one code ``same`` ``(obs,)``."""
        total = np.bincount(same, weights=self.expected)
        return replace(self, expected=(total / np.maximum(np.bincount(same), 1))[same])

    @property
    def concordance(self) -> float:
        """Return Harrell's concordance."""
        return concordance(self.value, self.event, self.expected)

    @property
    def integrated_brier(self) -> float:
        """Return the mean Brier score over time as far as the horizon."""
        return float(np.trapezoid(brier(self.value, self.event, self.survival, self.times), self.times) / self.times[-1])


def scored(draws: np.ndarray, response: Response, times: np.ndarray, weights: np.ndarray | None) -> LifetimeScores:
    """Return what predictive draws ``(draw, obs)``, not cut off where rows are censored, state of lifetimes.

    ``weights`` are those of draws ``(draw, obs)``, of sum 1; None: all alike.
    """
    weight = np.full(draws.shape, 1.0 / len(draws)) if weights is None else weights
    expected = (weight * np.minimum(draws, times[-1])).sum(axis=0)
    survival = np.column_stack([(weight * (draws > time)).sum(axis=0) for time in times])
    assert response.status is not None
    value = np.asarray(response.value, dtype=np.float64)
    return LifetimeScores(times, value, np.asarray(response.status) == 0, expected, np.clip(survival, 0.0, 1.0))


def join(parts: Sequence[LifetimeScores]) -> LifetimeScores:
    """Return several blocks of rows as one."""
    value, event, expected, survival = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("value", "event", "expected", "survival")
    )
    return LifetimeScores(parts[0].times, value, event, expected, survival)


def same_rows(arrays: Mapping[str, np.ndarray], rows: int) -> np.ndarray:
    """Return codes ``(obs,)`` of rows, one for all that have the same in every array of their terms."""
    found = np.zeros(rows, dtype=np.int64)
    for array in arrays.values():
        own = np.unique(np.asarray(array).reshape(rows, -1), axis=0, return_inverse=True)[1].ravel()
        found = np.unique(found * (own.max(initial=0) + 1) + own, return_inverse=True)[1].ravel()
    return found


def concordance(time: np.ndarray, event: np.ndarray, expected: np.ndarray) -> float:
    """Return Harrell's concordance; not a number where no pair can be compared.

    A row censored at the time of another's event lived longer than that; two events at one time are no pair.
    """
    longer: list[float] = []
    agree = ties = pairs = 0
    for at in np.unique(time)[::-1]:
        here = time == at
        for value in expected[here & ~event]:
            insort(longer, float(value))
        for value in expected[here & event]:
            left, right = bisect_left(longer, float(value)), bisect_right(longer, float(value))
            agree, ties, pairs = agree + len(longer) - right, ties + right - left, pairs + len(longer)
        for value in expected[here & event]:
            insort(longer, float(value))
    return (agree + 0.5 * ties) / pairs if pairs else float("nan")


def brier(time: np.ndarray, event: np.ndarray, survival: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the Brier score at each of ``times`` ``(time,)``, from probabilities ``(obs, time)`` of living longer."""
    places, free = uncensored(time, event)

    def probability(at: np.ndarray, *, before: bool) -> np.ndarray:
        return np.concatenate([[1.0], free])[np.searchsorted(places, at, side="left" if before else "right")]

    own, at = probability(time, before=True)[:, None], probability(times, before=False)
    died, alive = (time[:, None] <= times) & event[:, None], time[:, None] > times
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(died, survival**2 / own, 0.0) + np.where(alive, (1.0 - survival) ** 2 / at, 0.0)
    return np.asarray(found.mean(axis=0))


def uncensored(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return censoring times and the Kaplan-Meier probability of not being censored up to and at each; events come first."""
    places = np.unique(time[~event])
    at_risk = np.array([(time >= place).sum() - ((time == place) & event).sum() for place in places], dtype=float)
    lost = np.array([((time == place) & ~event).sum() for place in places], dtype=float)
    return places, np.cumprod(1.0 - lost / np.maximum(at_risk, 1.0))
