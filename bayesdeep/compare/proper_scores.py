"""Scores of predictive draws against what was observed: error, sharpness and calibration, a row at a time.

All functions take draws ``(draw, obs)``, observations ``(obs,)`` and, optionally, weights ``(draw, obs)`` such as those
of leave-one-out importance sampling; weights need not sum to one.

References
----------
Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation, Journal of the American
Statistical Association 102(477), https://doi.org/10.1198/016214506000001437
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from bayesdeep.core.errors import FitError

NOMINAL = (0.5, 0.8, 0.9, 0.95)
WIDTH_AT = 0.9


def inside(below: np.ndarray, upto: np.ndarray, nominal: float) -> np.ndarray:
    """Return which part ``(obs,)`` of the probability from ``below`` to ``upto`` is in the central one of ``nominal``."""
    tail = (1 - nominal) / 2
    lump = upto - below
    part = np.minimum(upto, 1 - tail) - np.maximum(below, tail)
    whole = (upto >= tail) & (below <= 1 - tail)
    return np.where(lump > 0, np.clip(part, 0.0, None) / np.where(lump > 0, lump, 1.0), whole)


@dataclass(frozen=True, eq=False)
class RowScores:
    """Scores of each row, ``(obs,)`` each.

    Attributes
    ----------
    y, mean, median
        What was observed, and the centre of the predictive distribution.
    crps
        Continuous ranked probability score, in the units of the response: 0 is perfect, lower is better; for a
        prediction that is one number it is the absolute error.
    below, upto
        Predictive probability of a value less than, and of at most, the observed one.
    widths
        Widths of the central intervals of the probabilities :data:`NOMINAL`, ``(obs, nominal)``.
    """

    y: np.ndarray
    mean: np.ndarray
    median: np.ndarray
    crps: np.ndarray
    below: np.ndarray
    upto: np.ndarray
    widths: np.ndarray

    @property
    def width(self) -> np.ndarray:
        """Return widths of the central 90 % intervals ``(obs,)``."""
        return np.asarray(self.widths[:, NOMINAL.index(WIDTH_AT)])

    @property
    def pit(self) -> np.ndarray:
        """Return probability integral transforms ``(obs,)``: uniform on 0 to 1 when predictions are calibrated.

        Many near 0 and 1: intervals are too narrow; many near 0.5: too wide; a slope: predictions are biased. Ties, of
        counts, are split in the middle.
        """
        return (self.below + self.upto) / 2

    def coverage(self, nominal: float) -> float:
        """Return the share of rows inside their central interval of probability ``nominal``.

        Less than ``nominal``: overconfident; more: too cautious, though intervals of counts always hold a little more.
        With ``n`` rows differences below ``sqrt(nominal * (1 - nominal) / n)`` mean nothing.
        """
        tail = (1 - nominal) / 2
        return float(((self.upto >= tail) & (self.below < 1 - tail)).mean())

    def expected_coverage(self, nominal: float) -> float:
        """Return the share of rows inside their central interval of probability ``nominal``, those at its ends in part.

        The probability of a count comes in lumps: of one at the end of an interval that part is inside which makes the interval
        hold what it promises. So counts of a right model lie on the diagonal, and without ties it is :meth:`coverage`.
        """
        return float(inside(self.below, self.upto, nominal).mean())

    @property
    def rmse(self) -> float:
        """Return the root mean squared error of the predictive means; lower is better, in the response's units."""
        return rmse(self.mean, self.y)

    @property
    def mae(self) -> float:
        """Return the mean absolute error of the predictive medians; unlike ``rmse`` hardly moved by a few odd rows."""
        return mae(self.median, self.y)


def join(parts: Sequence[RowScores]) -> RowScores:
    """Return the scores of several blocks of rows as one."""
    return RowScores(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(RowScores)})


def take(scores: RowScores, order: np.ndarray) -> RowScores:
    """Return the scores of some rows, or of all in another order."""
    return RowScores(**{f.name: getattr(scores, f.name)[order] for f in fields(RowScores)})


def row_scores(draws: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, *, fair: bool = False) -> RowScores:
    """Return all scores of a block of rows from one sorting of the draws."""
    values, weight = _sorted(draws, weights)
    y = np.asarray(y, dtype=float)
    cumulative = np.cumsum(weight, axis=0)
    middle = _quantile(values, cumulative, 0.5)
    ends = [[_quantile(values, cumulative, p) for p in ((1 - n) / 2, (1 + n) / 2)] for n in NOMINAL]
    below = np.minimum((weight * (values < y)).sum(axis=0), 1.0)
    upto = np.minimum((weight * (values <= y)).sum(axis=0), 1.0)
    mean = (weight * values).sum(axis=0)
    widths = np.stack([high - low for low, high in ends], axis=1)
    return RowScores(y, mean, middle, _crps(values, weight, cumulative, y, fair), below, upto, widths)


def crps(draws: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, *, fair: bool = False) -> np.ndarray:
    """Return the continuous ranked probability score ``(obs,)``: ``E|X - y| - E|X - X'| / 2``, by sorting.

    Parameters
    ----------
    draws, y, weights
        As for the module.
    fair
        Divide the second term by ``S (S - 1)`` instead of ``S²``: unbiased for a few members of an ensemble, where the
        usual estimator favours ensembles that are too narrow.
    """
    values, weight = _sorted(draws, weights)
    return _crps(values, weight, np.cumsum(weight, axis=0), np.asarray(y, dtype=float), fair)


def coverage(draws: np.ndarray, y: np.ndarray, nominal: float = 0.9, weights: np.ndarray | None = None) -> float:
    """Return the share of rows inside the central interval; see :meth:`RowScores.coverage`."""
    return row_scores(draws, y, weights).coverage(nominal)


def mean_width(draws: np.ndarray, nominal: float = 0.9, weights: np.ndarray | None = None) -> float:
    """Return the mean width of central intervals: of two models with the same coverage the narrower one knows more."""
    values, weight = _sorted(draws, weights)
    cumulative, tail = np.cumsum(weight, axis=0), (1 - nominal) / 2
    return float((_quantile(values, cumulative, 1 - tail) - _quantile(values, cumulative, tail)).mean())


def pit(draws: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return probability integral transforms ``(obs,)``; see :attr:`RowScores.pit`."""
    return row_scores(draws, y, weights).pit


def rmse(predicted: np.ndarray, y: np.ndarray) -> float:
    """Return the root mean squared error of point predictions ``(obs,)``."""
    return float(np.sqrt(np.mean((np.asarray(predicted) - y) ** 2)))


def mae(predicted: np.ndarray, y: np.ndarray) -> float:
    """Return the mean absolute error of point predictions ``(obs,)``."""
    return float(np.mean(np.abs(np.asarray(predicted) - y)))


def accuracy(probabilities: np.ndarray, codes: np.ndarray) -> float:
    """Return the share of rows whose most probable level ``(obs, level)`` is the observed one; compare with chance."""
    return float((probabilities.argmax(axis=1) == codes).mean())


def calibration_error(probabilities: np.ndarray, codes: np.ndarray, bins: int = 10) -> float:
    """Return the expected calibration error of the most probable level: how far confidence is from accuracy.

    0 is perfect; 0.05 means that stated probabilities are off by five points on average. It is biased upwards when bins
    hold few rows. Guo et al. (2017), arXiv:1706.04599.
    """
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(float(hit[place == b].mean() - confidence[place == b].mean())) * np.mean(place == b) for b in set(place)
    ]
    return float(sum(gaps))


def pit_error(scores: RowScores) -> float:
    r"""Return the calibration error of a response that is a number: how far PIT values are from uniform, on average.

    :math:`\frac{1}{n} \sum_i |u_{(i)} - \tfrac{i - 0.5}{n}|` of the sorted values: 0 is perfect, 0.25 is as far as a
    prediction goes that always lies below, or always above, half of the responses. Of ``n`` rows of a calibrated prediction
    it is about ``0.3 / sqrt(n)``.
    """
    values = np.sort(scores.pit)
    return float(np.abs(values - (np.arange(values.size) + 0.5) / values.size).mean())


def calibration(scores: RowScores, nominal: Iterable[float]) -> np.ndarray:
    """Return the coverage at each nominal probability."""
    return np.array([scores.coverage(p) for p in nominal])


def _sorted(draws: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return draws sorted by row and the weights that go with them, summing to one."""
    by_row = _across(draws)
    if weights is None:
        return np.moveaxis(np.sort(by_row, axis=-1), -1, 0), np.full(np.shape(draws), 1 / len(draws))
    order = np.argsort(by_row, axis=-1)
    values, weight = (np.take_along_axis(a, order, axis=-1) for a in (by_row, _across(weights)))
    weight /= weight.sum(axis=-1, keepdims=True)
    return np.moveaxis(values, -1, 0), np.moveaxis(weight, -1, 0)


def _across(array: np.ndarray) -> np.ndarray:
    """Return an array with draws on the last axis and a row's draws beside each other, which sorting needs to be fast."""
    return np.ascontiguousarray(np.moveaxis(np.asarray(array, dtype=float), 0, -1))


def _quantile(values: np.ndarray, cumulative: np.ndarray, p: float) -> np.ndarray:
    """Return the smallest draw whose cumulative weight reaches ``p``, ``(obs,)``."""
    place = np.minimum((cumulative < p - 1e-12).sum(axis=0), len(values) - 1)
    return np.take_along_axis(values, place[None], axis=0)[0]


def _crps(values: np.ndarray, weight: np.ndarray, cumulative: np.ndarray, y: np.ndarray, fair: bool) -> np.ndarray:
    error = (weight * np.abs(values - y)).sum(axis=0)
    half_spread = (weight * values * (2 * cumulative - weight - 1)).sum(axis=0)
    if fair:
        if len(values) < 2:
            raise FitError("crps: the fair CRPS needs at least two draws")
        half_spread = half_spread / (1 - (weight**2).sum(axis=0))
    return error - half_spread
