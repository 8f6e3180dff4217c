"""What the smooths of two columns add to their predictors, over the plane."""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.errors import FitError
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.new_places import processes_of
from bayesdeep.results.prediction_blocks import several_predictors

from .marginal_source import source_of
from .smooth_curves import function_values, levels_of, smooth_terms

PLACES = 200
"""Points at which a process is drawn at a time."""
TOO_FAR = 0.12
"""Share of the columns' ranges beyond which a place is too far from every row to be shown."""


@dataclass(frozen=True, eq=False)
class SmoothSurface:
    """One function of two columns, as it is added to a predictor.

    Attributes
    ----------
    name
        What the posterior calls it.
    columns
        The two columns.
    at
        Their values ``(point,)`` along the sides of a grid.
    estimate, sd
        Posterior mean and sd of the function ``(first, second)``; not a number far from the rows.
    prob_positive
        Probability that it is above 0, its average over the rows.
    rows
        The columns' values in the training rows ``(obs, 2)``.
    term
        Number of the predictor, and key of the term.
    level
        Of which level it is; empty for all rows.
    source
        The term as the formula has it.
    """

    name: str
    columns: tuple[str, str]
    at: tuple[np.ndarray, np.ndarray]
    estimate: np.ndarray
    sd: np.ndarray
    prob_positive: np.ndarray
    rows: np.ndarray
    term: str
    level: str
    source: str


def smooth_surfaces(fit: Fitted, points: int = 40) -> list[SmoothSurface]:
    """Return the surface of each smooth of two columns on a grid of ``points`` by ``points``, one a level where it has several.

    Raises
    ------
    FitError
        For fits that do not hold their columns, and for responses with a predictor a level.
    """
    source = source_of(fit, "smooths", None, "average", 1)
    if several_predictors(fit.spec):
        raise FitError("smooths: the response has a predictor for each of its levels; use fit.curve(…) instead")
    # Of each point by itself there is something to say, so that they need not be drawn together.
    step = PLACES if any(processes_of(source.spec)) else points**2
    found = []
    for one in smooth_terms(fit):
        if len(one.along) != 2:
            continue
        first, second = one.along
        rows = np.stack([np.asarray(source.columns[name].values, dtype=np.float64) for name in one.along], axis=1)
        low, high = rows.min(axis=0), rows.max(axis=0)
        at = (np.linspace(low[0], high[0], points), np.linspace(low[1], high[1], points))
        grid = [side.ravel() for side in np.meshgrid(*at, indexing="ij")]
        apart = _apart(np.stack(grid, axis=1), rows, high - low)
        for chosen in levels_of(source, one):
            made_of = [
                function_values(source, one, {first: grid[0][k : k + step], second: grid[1][k : k + step]}, chosen)
                for k in range(0, len(grid[0]), step)
            ]
            values, name = np.concatenate([part for part, _ in made_of], axis=1), made_of[0][1]
            shown = [
                np.where(apart > TOO_FAR, np.nan, made).reshape(points, points)
                for made in (values.mean(axis=0), values.std(axis=0), (values > 0).mean(axis=0))
            ]
            level = ", ".join(str(label) for label in chosen.values())
            key = f"{one.number}.{one.term.key}"
            mean, sd, positive = shown
            found.append(SmoothSurface(name, (first, second), at, mean, sd, positive, rows, key, level, one.source))
    return found


def _apart(places: np.ndarray, rows: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Return how far each place ``(place, 2)`` is from the nearest row, in shares of the ranges."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(rows / ranges).query(places / ranges)[0])
