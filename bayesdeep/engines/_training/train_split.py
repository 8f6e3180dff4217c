r"""Which rows a member of an ensemble is trained on, which judge it, and which rows make a batch.

* Members of an ensemble have held-out rows of their own. Where these would be fewer than 25, or sds of groups are found from
  them, the rows are cut into folds instead, a member is trained without each, and what all members say of the rows they have
  not seen decides for all when to stop and what the noise is.
* Up to 2,000 rows, a single network is cross-validated in the same way, with 5 networks that do not count and are trained
  beside the one that does, which sees all rows. Above, it has held-out rows of its own.

Within an epoch each row is in one batch. Batches differ in size by one row at the most, and each row counts the same: with
:math:`K` batches the estimate of the sum over rows is :math:`K \sum_{i \in \text{batch}}`, whose mean over an epoch is the sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_HELD_OUT = 25
"""Held-out rows below which members are judged together."""
FOLDS = 5
FEW_ROWS = 2_000
"""Rows up to which a single network is cross-validated."""


@dataclass(frozen=True)
class Split:
    """Rows by member.

    Attributes
    ----------
    training
        Rows each member is trained on.
    held_out
        Rows that judge it; none for a member that is judged by what the others do.
    together
        Whether all members are judged together.
    wanted
        Members whose result counts.
    """

    training: tuple[np.ndarray, ...]
    held_out: tuple[np.ndarray, ...]
    together: bool
    wanted: tuple[int, ...]

    @property
    def judged(self) -> int:
        """Return the number of held-out rows a judgement rests on."""
        sizes = [len(h) for h in self.held_out]
        return sum(sizes) if self.together else min(sizes)


def split(rows: int, share: float, members: int, rng: np.random.Generator, together: bool = False) -> Split:
    """Return a split of ``rows`` rows for so many members.

    Parameters
    ----------
    rows
        Number of rows.
    share
        Of the rows, that are held out; 0 for none.
    members
        Of the ensemble; 1 for a point estimate.
    rng
        Decides which.
    together
        Whether members of an ensemble are to be judged together, however many rows there are.
    """
    every = np.arange(rows)
    count = round(share * rows)
    if share == 0 or rows < 2:
        return Split((every,) * members, (every[:0],) * members, False, tuple(range(members)))
    if count >= LEAST_HELD_OUT and (rows > FEW_ROWS if members == 1 else not together):
        held = tuple(np.sort(rng.permutation(rows)[:count]) for _ in range(members))
        return Split(tuple(np.setdiff1d(every, h) for h in held), held, False, tuple(range(members)))
    if members > 1:
        held = _folds(rows, members, rng)
        return Split(tuple(np.setdiff1d(every, h) for h in held), held, True, tuple(range(members)))
    held = _folds(rows, min(FOLDS, rows), rng)
    training = (*(np.setdiff1d(every, h) for h in held), every)
    return Split(training, (*held, every[:0]), True, (len(held),))


def _folds(rows: int, count: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return ``count`` of at least 5 parts of the rows; the first again where there are more than rows."""
    parts = np.array_split(rng.permutation(rows), min(max(count, FOLDS), rows))
    return tuple(np.sort(parts[k % len(parts)]) for k in range(count))


@dataclass(frozen=True)
class Slots:
    """Where the rows of an epoch go: ``(member, batch, place)``, 1 where there is a row and 0 where there is none."""

    filled: np.ndarray

    @property
    def batches(self) -> int:
        """Return the number of batches of an epoch."""
        return int(self.filled.shape[1])

    def shuffled(self, training: tuple[np.ndarray, ...], streams: Sequence[np.random.Generator]) -> np.ndarray:
        """Return the rows of an epoch's batches ``(member, batch, place)``; a place without a row has one all the same."""
        out = np.empty(self.filled.shape, dtype=np.int32)
        for member, (rows, rng) in enumerate(zip(training, streams, strict=True)):
            order = rng.permutation(rows)
            out[member] = order[0]
            out[member][self.filled[member] > 0] = order
        return out


def slots(training: tuple[np.ndarray, ...], size: int) -> Slots:
    """Return the places of the rows of each member in batches of at most ``size`` rows, of which all have as many."""
    most = max(len(rows) for rows in training)
    batches = -(-most // min(size, most))
    width = -(-most // batches)
    filled = np.zeros((len(training), batches, width))
    for member, rows in enumerate(training):
        sizes = np.full(batches, len(rows) // batches) + (np.arange(batches) < len(rows) % batches)
        filled[member] = np.arange(width) < sizes[:, None]
    return Slots(filled)
