"""Estimates that lie on a boundary, and likelihoods that have no highest point: found out, and said."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .climb import LEAST_CURVATURE, Peak, climb, inverse
from .scale_coordinates import ScaleCoordinates

LOST = 1e-7
"""Log likelihood that a scale may lose by being set to 0 when that is where it is headed."""
NEAR = 0.05
"""Coordinates up to which a scale is tried at 0."""
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
    fixed
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
    fixed: tuple[int, ...]
    zero: tuple[int, ...]
    tied: tuple[int, ...]
    covariance: np.ndarray | None
    flat: np.ndarray
    settled: bool


def settle(
    value: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    peak: Peak,
    free: np.ndarray,
    coordinates: ScaleCoordinates,
    on: Callable[[np.ndarray, np.ndarray], Any],
    *,
    dear: bool = False,
) -> Settled:
    """Return the peak with scales put to 0, and correlations to 1, where the likelihood is as high there."""
    zero: list[int] = []
    tied: list[int] = []
    fixed: set[int] = set()
    height, searched = peak.value, free
    candidates = [index for index in (*coordinates.alone, *(row.scale for row in coordinates.rows)) if index in set(free.tolist())]
    for index in candidates:
        trial, gone = coordinates.without(x, index)
        other = float(value(trial[None])[0])
        if other >= height - LOST:
            x, height = trial, max(height, other)
            zero.append(index)
            fixed.update(gone)
    for row in coordinates.rows:
        if row.partials and row.scale not in fixed and abs(x[row.scale]) < NEAR:
            trial = x.copy()
            trial[row.scale] = 0.0
            other = float(value(trial[None])[0])
            if other >= height - LOST:
                x, height = trial, max(height, other)
                tied.append(row.scale)
                fixed.add(row.scale)
    settled, curvature = peak.settled, peak.curvature
    if fixed:
        searched = np.array([k for k in free if k not in fixed], dtype=np.int64)
        again = climb(on(x, searched), x[searched], np.eye(len(searched)), dear=dear)
        x = x.copy()
        x[searched], height = again.x, again.value
        settled, curvature = again.settled, again.curvature
    covariance = inverse(curvature)
    flat = _flat(on(x, searched), x[searched], height, curvature)
    return Settled(
        x, height, searched, tuple(sorted(fixed)), tuple(zero), tuple(tied), covariance, flat, settled
    )


def _flat(function: Any, x: np.ndarray, height: float, curvature: np.ndarray) -> np.ndarray:
    """Return directions ``(dim, direction)`` along which the function does not fall on one side or the other."""
    if not len(x):
        return np.zeros((0, 0))
    scale = np.sqrt(np.maximum(np.abs(np.diagonal(curvature)), 1e-12))
    values, vectors = np.linalg.eigh(curvature / np.outer(scale, scale))
    ways = vectors / np.sqrt(np.maximum(values, LEAST_CURVATURE)) / scale[:, None]
    steps = np.clip(3.0 * ways, -20.0, 20.0)
    heights = function(np.concatenate([x + steps.T, x - steps.T])).reshape(2, -1)
    return ways[:, (heights > height - FLAT).any(axis=0)]


def edges_of(settled: Settled, coordinates: ScaleCoordinates, names: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Return what is to be said of boundaries and of a likelihood without a highest point, and whether it is a doubt."""
    advice = []
    if settled.zero:
        shown = _listed([names[k] for k in settled.zero])
        advice.append(
            f"{shown} {'is' if len(settled.zero) == 1 else 'are'} estimated to be 0: the boundary of what a standard deviation can "
            "be. The data do not tell these groups apart beyond chance; standard errors of others take it for known."
        )
    if settled.tied:
        shown = _listed([names[k] for k in settled.tied])
        advice.append(
            f"A correlation that belongs to {shown} is estimated to be -1 or 1, the boundary of what it can be: the data do not say "
            "more than one of these effects apart. Leave one out, or make them independent by ||."
        )
    doubtful = False
    if settled.flat.shape[1]:
        share = np.abs(settled.flat).max(axis=1)
        which = [names[k] for k in settled.free[share >= 0.3 * share.max()]]
        advice.append(
            f"The likelihood is flat: along {_listed(which)} it does not fall, so that there is no one estimate. Where as many effects "
            "as rows are asked for, or a parameter runs off to its limit, data cannot tell; take a term out, or a method with priors."
        )
        doubtful = True
    elif not settled.settled or settled.covariance is None:
        advice.append("The search for the highest likelihood did not come to an end; the numbers are those of where it stopped.")
        doubtful = True
    return tuple(advice), doubtful


def _listed(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in dict.fromkeys(names)]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"



