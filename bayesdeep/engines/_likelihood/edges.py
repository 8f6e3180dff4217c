"""Estimates that lie on a boundary, and likelihoods that have no highest point: found out, and said."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .climb import ENOUGH, LEAST_CURVATURE, Peak, climb, inverse
from .scale_coordinates import Row, ScaleCoordinates

LOST = 1e-7
"""Log likelihood that a scale may lose by being set to 0 when that is where it is headed."""
NEAR = 0.05
"""Coordinates up to which a scale is tried at 0."""
BOUND = 1e-5
"""From -1 or 1, of a partial correlation that is called so."""
FARTHEST = 20.0
"""Coordinates by which a likelihood is followed to see whether it falls."""
FLAT = 1e-3
"""Log likelihood that is lost over three standard errors where there is no highest point: usually it is 4.5."""


@dataclass(frozen=True)
class Settled:
    """A peak with what lies on a boundary put there.

    Attributes
    ----------
    x, value
        All coordinates ``(dim,)`` and the log likelihood.
    free
        Indices of the coordinates that vary about the peak ``(free,)``.
    unknown
        Indices of those that have no standard error.
    zero, tied
        Hyperparameters that are 0, and scales all of whose variation is that of others: correlations of -1 or 1.
    covariance
        Of the free ones; None where the curvature is not that of a highest point.
    flat
        Directions ``(free, direction)`` along which the likelihood does not fall.
    settled
        Whether the search came to an end.
    """

    x: np.ndarray
    value: float
    free: np.ndarray
    unknown: tuple[int, ...]
    zero: tuple[int, ...]
    tied: tuple[int, ...]
    covariance: np.ndarray | None
    flat: np.ndarray
    settled: bool


def settle(
    value: Callable[[np.ndarray], np.ndarray],
    base: np.ndarray,
    peak: Peak,
    free: np.ndarray,
    coordinates: ScaleCoordinates,
    *,
    dear: bool = False,
) -> Settled:
    """Return the peak with scales put to 0, and correlations to 1, where the likelihood is as high there.

    Parameters
    ----------
    value
        Of all coordinates ``(batch, size)``.
    base, free
        All coordinates ``(size,)``, and indices of those that were searched.
    """
    around = _Around(value, base, free)
    x, before = around.whole(np.stack([peak.x, peak.before]))
    trials = _trials(coordinates, x, set(free.tolist()))
    ways = _ways(peak.curvature)
    ends = around.whole(np.concatenate([peak.x + ways.T, peak.x - ways.T]))
    heights = value(np.stack([x, *(trial.x for trial in trials), *ends]))
    height, settled, curvature = float(heights[0]), peak.settled, peak.curvature
    if not height > peak.value - ENOUGH:
        x, height = before, peak.value
    likely = [trial for trial, own in zip(trials, heights[1 : 1 + len(trials)], strict=True) if own >= height - LOST]
    zero: list[int] = []
    tied: list[int] = []
    fixed: set[int] = set()
    unknown: set[int] = set()
    alike: list[int] = []
    for trial in likely:
        # One after another: where one scale is 0 another need not be.
        again = coordinates.without(x, trial.scale) if trial.zero else (_at_zero(x, trial.scale), (trial.scale,))
        if trial.scale in fixed:
            continue
        elsewhere = again[0].copy()
        elsewhere[trial.scale] = 1.0
        other, further = map(float, value(np.stack([again[0], elsewhere])))
        if trial.zero and further >= max(height, other) - FLAT:
            alike.append(trial.scale)
        elif other >= height - LOST:
            x, height = again[0], max(height, other)
            (zero if trial.zero else tied).append(trial.scale)
            fixed.update(again[1])
            unknown.update(again[1] if trial.zero else [_last_partial(coordinates, trial.scale)])
    if fixed:
        free = np.array([k for k in free if k not in fixed], dtype=np.int64)
        around = _Around(value, x, free)
        found = climb(around, x[free], np.eye(len(free)), dear=dear)
        x, settled, curvature = around.whole(found.x[None])[0], found.settled, found.curvature
        ways = _ways(curvature)
        heights = value(np.concatenate([x[None], around.whole(np.concatenate([found.x + ways.T, found.x - ways.T]))]))
        height = float(heights[0])
    ends_at = heights[len(heights) - 2 * ways.shape[1] :].reshape(2, -1)
    flat = ways[:, (ends_at > height - FLAT).any(axis=0)]
    flat = np.column_stack([flat, *((free == index).astype(np.float64) for index in alike)])
    for row, partial in _bound(coordinates, x):
        unknown.add(partial)
        tied += [row.scale] if row.scale not in tied and row.scale not in zero else []
    if flat.shape[1]:
        unknown.update(free[_involved(flat)].tolist())
    return Settled(x, height, free, tuple(sorted(unknown)), tuple(zero), tuple(tied), inverse(curvature), flat, settled)


def _bound(coordinates: ScaleCoordinates, x: np.ndarray) -> list[tuple[Row, int]]:
    """Return the partial correlations that are as good as -1 or 1, with their rows."""
    with np.errstate(all="ignore"):
        values = np.tanh(coordinates.positions(x[None, : coordinates.system.dim])[0])
    return [(row, k) for row in coordinates.rows for k in row.partials if abs(values[k]) > 1.0 - BOUND]


def _involved(flat: np.ndarray) -> np.ndarray:
    """Return which coordinates ``(dim,)`` flat directions ``(dim, direction)`` are of."""
    share = np.abs(flat).max(axis=1)
    return share >= 0.3 * share.max()


def _last_partial(coordinates: ScaleCoordinates, scale: int) -> int:
    return next(row.partials[-1] for row in coordinates.rows if row.scale == scale)


@dataclass(frozen=True)
class _Around:
    """A function of some of its arguments, the others as they are in ``base`` ``(size,)``."""

    value: Callable[[np.ndarray], np.ndarray]
    base: np.ndarray
    free: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return self.value(self.whole(points))

    def whole(self, points: np.ndarray) -> np.ndarray:
        """Return all arguments ``(batch, size)``."""
        x = np.repeat(self.base[None], len(points), axis=0)
        x[:, self.free] = points
        return x


@dataclass(frozen=True)
class _Trial:
    """A scale to be tried at 0, or with all its variation that of the scales above it."""

    scale: int
    zero: bool
    x: np.ndarray


def _trials(coordinates: ScaleCoordinates, x: np.ndarray, free: set[int]) -> list[_Trial]:
    scales = [index for index in (*coordinates.alone, *(row.scale for row in coordinates.rows)) if index in free]
    tied = [row.scale for row in coordinates.rows if row.partials and row.scale in free and abs(x[row.scale]) < NEAR]
    return [
        *(_Trial(index, True, coordinates.without(x, index)[0]) for index in scales),
        *(_Trial(index, False, _at_zero(x, index)) for index in tied),
    ]


def _at_zero(x: np.ndarray, index: int) -> np.ndarray:
    found = x.copy()
    found[index] = 0.0
    return found


def _ways(curvature: np.ndarray) -> np.ndarray:
    """Return directions ``(dim, direction)`` of three standard errors each, independent of one another."""
    if not len(curvature):
        return np.zeros((0, 0))
    values, vectors = np.linalg.eigh(curvature)
    ways = 3.0 * vectors / np.sqrt(np.maximum(values, LEAST_CURVATURE))
    return ways * np.minimum(1.0, FARTHEST / np.abs(ways).max(axis=0))


def edges_of(settled: Settled, coordinates: ScaleCoordinates, names: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Return what is to be said of boundaries and of a likelihood without a highest point, and whether it is a doubt."""
    advice = []
    if settled.zero:
        shown = _listed([names[k] for k in settled.zero])
        advice.append(
            f"{shown} {'is' if len(settled.zero) == 1 else 'are'} estimated to be 0, the boundary of what a standard deviation "
            "can be: the data do not tell these groups apart beyond chance. Standard errors of others take it for known."
        )
    if settled.tied:
        shown = _listed([names[k] for k in settled.tied])
        advice.append(
            f"A correlation that belongs to {shown} is estimated to be -1 or 1, the boundary of what it can be: the data do not "
            "tell these effects apart. Leave one out, or make them independent by ||."
        )
    doubtful = False
    if settled.flat.shape[1]:
        which = [names[k] for k in settled.free[_involved(settled.flat)]]
        advice.append(
            f"The likelihood is flat: along {_listed(which)} it does not fall, so that there is no one estimate. So it is where "
            "columns separate the responses, where there is an effect for each row, and where a parameter runs off to its limit. "
            "Take a term out, or use a method with priors."
        )
        doubtful = True
    elif not settled.settled or settled.covariance is None:
        advice.append("The search for the highest likelihood did not come to an end; the numbers are those of where it stopped.")
        doubtful = True
    return tuple(advice), doubtful


def _listed(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in dict.fromkeys(names)]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"



