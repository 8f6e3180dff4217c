r"""Who is wrong where: the scores of a comparison by group size, region of the inputs and predicted uncertainty.

Scores are those of the comparison itself, row by row, so that none of them is in-sample. The risk of the rows that are kept
when the least certain predictions are left out, and the area under its curve, are those of Geifman and El-Yaniv: with rows
ordered from the most to the least certain and losses :math:`\ell_i`,

.. math:: r_k = \frac{1}{k} \sum_{i=1}^{k} \ell_i, \qquad \mathrm{AURC} = \frac{1}{n} \sum_{k=1}^{n} r_k .

References
----------
Geifman and El-Yaniv (2017), Selective classification for deep neural networks, arXiv:1705.08500. Geifman, Uziel and El-Yaniv
(2019), Bias-reduced uncertainty estimation for deep neural classifiers, arXiv:1805.08206 (AURC, and its least possible value).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError, nearest

from .assessed_fit import Assessed
from .compared import Compared
from .proper_scores import rmse
from .regions import Ground, bins, ground_of, thirds

BY = ("size", "range", "distance", "uncertainty")
KEPT = np.round(np.arange(1.0, 0.05, -0.1), 1)
"""Shares of the rows that are kept."""
SURE = ("surest third", "middle third", "least sure third")
PAIRED = ["log_score", "log_score_diff", "log_score_dse"]
NUMBER_COLUMNS = ["rows", "rmse", "rmse_se", "mae", "crps", *PAIRED, "coverage_90", "width_90"]
CLASS_COLUMNS = ["rows", "accuracy", *PAIRED]


@dataclass(frozen=True, eq=False)
class Selective:
    """How much better a fit does on the rows it is sure of.

    Attributes
    ----------
    curve
        Index ``kept``: share of rows kept, the most certain ones; a column a fit: their mean absolute error in the
        response's units, or for responses with levels their error rate. A fit whose uncertainty means something falls from
        left to right; one that does not know where it is wrong stays level.
    areas
        A row a fit: ``aurc``, the area under its curve over all numbers of rows (lower is better); ``random``, what it would
        be if rows were left out at random, which is the error of all rows; ``oracle``, if they were left out by their
        actual error. ``gained`` is ``(random - aurc) / (random - oracle)``: 1 knows exactly where it is wrong, 0 not at all.
    error
        What the error is, in words.
    """

    curve: pd.DataFrame
    areas: pd.DataFrame
    error: str

    def __repr__(self) -> str:
        head = f"{self.error} of the rows kept, the most certain ones"
        return "\n".join([head, "", self.curve.round(3).to_string(), "", self.areas.round(3).to_string()])


def errors(comparison: Compared, by: str | None = None, *, factor: str | None = None) -> pd.DataFrame:
    """Return the scores of each fit's predictions by where the rows lie.

    Parameters
    ----------
    comparison
        What :func:`bayesdeep.compare` returned.
    by
        ``"size"``: rows that the row's group has in its training part. ``"range"``: whether a number lies outside the range
        of the training part, or a level is none of its levels, one column at a time. ``"distance"``: thirds by Mahalanobis
        distance of the inputs that are numbers from the training mean. ``"uncertainty"``: thirds by the fit's own predicted
        uncertainty, that is the width of its 90 % interval, or 1 less the largest probability. None: all that can be had.
    factor
        The grouping factor of ``"size"``; by default what was left out, else the first of the first fit that has one.

    Returns
    -------
    pandas.DataFrame
        Index ``by``, ``where``, ``fit``; columns ``rows``, then ``rmse rmse_se mae crps`` or for responses with levels
        ``accuracy``, then ``log_score log_score_diff log_score_dse``, then ``coverage_90 width_90``, as in the comparison's own
        table. ``rmse_se`` is the standard error of ``rmse`` over rows; ``log_score_diff`` the difference in ``log_score`` on the
        same rows from the fit that is first in the comparison's table and ``log_score_dse`` its standard error, of pairs of
        rows (below twice that it means little; NaN for thirds by uncertainty, which are other rows for each fit). A share of
        ``n`` rows has a standard error of ``sqrt(p (1 - p) / n)``: 0.06 for a coverage of 0.9 of 25 rows. Regions without
        rows are left out, and so are rows whose response is censored.

    Raises
    ------
    FitError
        For an unknown ``by`` or ``factor``.

    Notes
    -----
    Where each row is left out alone, its training part is all other rows: a row is outside the range if it is the only one
    there, and new if it is its group's only row. Refits in folds leave out more, up to ``1 / k`` of the rows.
    """
    if by is not None and by not in BY:
        raise FitError(f"errors: unknown by='{by}'{nearest(by, BY)}")
    ground = ground_of(comparison)
    factor = factor or comparison.by
    first = next(comparison.assessed[n] for n in comparison.table.index if n in comparison.assessed)
    found = [
        {"by": kind, "where": where, "fit": name, **_scores(one, mask), **_paired(one, first, mask, kind)}
        for kind in (BY if by is None else (by,))
        for where, name, one, mask in _pieces(comparison, ground, kind, factor)
    ]
    columns = NUMBER_COLUMNS if any(a.scores is not None for a in comparison.assessed.values()) else CLASS_COLUMNS
    table = pd.DataFrame(found, columns=["by", "where", "fit", *columns]).set_index(["by", "where", "fit"])
    return table.astype({"rows": int})


def _pieces(
    comparison: Compared, ground: Ground, kind: str, factor: str | None
) -> Iterator[tuple[str, str, Assessed, np.ndarray]]:
    """Yield region, fit's name, its scores, and a mask over the rows these are of."""
    names = [str(name) for name in comparison.table.index if name in comparison.assessed]
    if kind == "uncertainty":
        masks = {n: thirds(uncertainty(comparison.assessed[n])) for n in names if _scored(comparison.assessed[n])}
        for place, where in enumerate(SURE):
            for name in masks:
                if masks[name][place].any():
                    yield where, name, comparison.assessed[name], masks[name][place]
        return
    for where, mask in bins(ground, kind, factor).items():
        for name in names:
            assessed = comparison.assessed[name]
            own = mask if assessed.places is None else mask[assessed.places]
            if own.any():
                yield where, name, assessed, own


def _scored(assessed: Assessed) -> bool:
    return assessed.scores is not None or assessed.probabilities is not None


def _scores(assessed: Assessed, mask: np.ndarray) -> dict[str, float]:
    """Return the scores of some of the rows."""
    count = int(mask.sum())
    found: dict[str, float] = {"rows": count}
    if assessed.log_scores is not None:
        known = assessed.log_scores if assessed.places is None else assessed.log_scores[assessed.places]
        found["log_score"] = float(known[mask].mean())
    if assessed.scores is not None:
        s = assessed.scores
        square = (s.mean[mask] - s.y[mask]) ** 2
        error = rmse(s.mean[mask], s.y[mask])
        spread = float(square.std(ddof=1)) / np.sqrt(count) if count > 1 else np.nan
        found |= {"rmse": error, "rmse_se": spread / (2 * error) if error > 0 else np.nan}
        found |= {"mae": float(np.abs(s.median[mask] - s.y[mask]).mean()), "crps": float(s.crps[mask].mean())}
        inside = (s.upto[mask] >= 0.05) & (s.below[mask] < 0.95)
        found |= {"coverage_90": float(inside.mean()), "width_90": float(s.width[mask].mean())}
    if assessed.probabilities is not None:
        found["accuracy"] = float(1.0 - losses(assessed)[mask].mean())
    return found


def _paired(assessed: Assessed, first: Assessed, mask: np.ndarray, kind: str) -> dict[str, float]:
    """Return the difference in log score from the first fit on the same rows, and its standard error."""
    if kind == "uncertainty" or assessed.log_scores is None or first.log_scores is None:
        return {}
    apart = assessed.log_scores - first.log_scores
    apart = (apart if assessed.places is None else apart[assessed.places])[mask]
    error = float(apart.std(ddof=1)) / np.sqrt(len(apart)) if len(apart) > 1 else np.nan
    return {"log_score_diff": float(apart.mean()), "log_score_dse": error}


def uncertainty(assessed: Assessed) -> np.ndarray:
    """Return a fit's own uncertainty about each scored row ``(obs,)``; only its order matters."""
    if assessed.scores is not None:
        return np.asarray(assessed.scores.width, dtype=float)
    return 1.0 - np.asarray(assessed.probabilities, dtype=float).max(axis=1)


def losses(assessed: Assessed) -> np.ndarray:
    """Return the absolute error of the predictive median, or 1 where the most probable level is wrong ``(obs,)``."""
    if assessed.scores is not None:
        return np.abs(assessed.scores.median - assessed.scores.y)
    assert assessed.probabilities is not None
    return (assessed.probabilities.argmax(axis=1) != assessed.codes).astype(float)


def selective(comparison: Compared) -> Selective:
    """Return the error of the rows that are kept when the fit's least certain predictions are left out.

    Parameters
    ----------
    comparison
        What :func:`bayesdeep.compare` returned.

    Returns
    -------
    Selective
        With ``curve`` and ``areas``; the error is absolute, or for responses with levels 0 or 1.

    Raises
    ------
    FitError
        Where no fit has scores by row, as for counts by level.

    Notes
    -----
    A model whose predictions are all equally uncertain, such as a point network with one noise scale, leaves out rows
    at random: its curve is level but for chance.
    """
    names = [str(n) for n in comparison.table.index if n in comparison.assessed and _scored(comparison.assessed[n])]
    if not names:
        raise FitError("selective: no fit of the comparison has scores by row, which counts by level do not have")
    curve, areas, levels = {}, {}, False
    for name in names:
        assessed = comparison.assessed[name]
        loss, levels = losses(assessed), assessed.scores is None
        risk = risks(loss, uncertainty(assessed))
        least, whole = float(risks(loss, loss).mean()), float(loss.mean())
        area = float(risk.mean())
        gained = (whole - area) / (whole - least) if whole > least else np.nan
        curve[name] = risk[np.maximum(np.ceil(KEPT * len(loss) - 1e-9).astype(int), 1) - 1]
        areas[name] = {"aurc": area, "random": whole, "oracle": least, "gained": gained}
    table = pd.DataFrame(curve, index=pd.Index(KEPT, name="kept"))
    frame = pd.DataFrame.from_dict(areas, orient="index")
    frame.index.name = "fit"
    return Selective(table, frame, "error rate" if levels else "mean absolute error")


def risks(loss: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """Return the mean loss of the ``k`` most certain rows for ``k`` from 1 ``(obs,)``; rows of equal doubt share their losses."""
    _, place = np.unique(doubt, return_inverse=True)
    even = (np.bincount(place, weights=loss) / np.bincount(place))[place]
    order = np.argsort(doubt, kind="stable")
    return np.cumsum(even[order]) / np.arange(1, len(loss) + 1)
