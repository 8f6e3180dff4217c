r"""Rows' log likelihoods of levels that are reached one after another, with derivatives, in NumPy.

With :math:`z_k = d (\tau_k - \eta)` a row at level :math:`y` has :math:`\log s(z_y) + \sum_{k < y} \log(1 - s(z_k))`, a sum of
functions of one :math:`z_k` each: along a direction :math:`v` its derivatives are sums of theirs times :math:`v_k` and
:math:`v_k^2`, with :math:`v = -d` for the predictor and :math:`v_k = \tau_k - \eta` for ``disc``.
"""

from collections.abc import Callable

import numpy as np

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues
from bayesdeep.numerics.lane_loops import logistic

from ._log_tails import TAILS, Tails


def of_stops(response: Response, link: str) -> RowTerms | None:
    """Return those of the stopping ratio, ``s = F``; None for links without tails on arrays."""
    if link == "logit":
        return _logistic(response)
    return _terms(response, TAILS[link]) if link in TAILS else None


def of_going_on(response: Response, link: str) -> RowTerms | None:
    """Return those of the continuation ratio, ``s(z) = 1 - F(-z)``."""
    if link == "logit":
        return _logistic(response)
    return _terms(response, TAILS[link].mirrored) if link in TAILS else None


def disc_of_stops(response: Response, link: str) -> ParameterTerms | None:
    """Return derivatives of the stopping ratio by ``disc``."""
    return _by_disc(response, TAILS[link]) if link in TAILS else None


def disc_of_going_on(response: Response, link: str) -> ParameterTerms | None:
    """Return derivatives of the continuation ratio by ``disc``."""
    return _by_disc(response, TAILS[link].mirrored) if link in TAILS else None


Each = Callable[[np.ndarray, RowValues, bool], list[np.ndarray]]


def _each(response: Response, tails: Tails) -> Each:
    """Return a function of predictors and parameters: value and two derivatives along one of the two directions."""
    level = np.asarray(response.value, dtype=np.int64)
    cuts = _cuts(response)
    stopped, went = ([np.flatnonzero(f(level, k)) for k in range(cuts)] for f in (np.equal, np.greater))

    def found(eta: np.ndarray, values: RowValues, by_disc: bool) -> list[np.ndarray]:
        at, disc = values["threshold"], values.get("disc")
        total = [np.zeros(np.broadcast_shapes(eta.shape, (1, len(at)))) for _ in range(3)]
        for k in range(cuts):
            for rows, of in ((stopped[k], tails.below), (went[k], tails.above)):
                apart = at[:, k] - eta[rows]
                own = 1.0 if disc is None else disc[rows] if len(disc) > 1 else disc
                along = apart if by_disc else -own
                value, slope, bend = of(own * apart)
                total[0][rows] += value
                total[1][rows] += along * slope
                total[2][rows] += along**2 * bend
        return total

    return found


def _cuts(response: Response) -> int:
    """Return how many thresholds rows meet: none beyond the highest level that one of them has."""
    return min(int(np.max(response.value, initial=0)) + 1, len(response.levels or ()) - 1)


def _terms(response: Response, tails: Tails) -> RowTerms:
    each = _each(response, tails)
    return lambda eta, values, order: tuple(each(eta, values, False)[: order + 1])


def _logistic(response: Response) -> RowTerms:
    """Return those of the logit link, where each level that a row gets to is a logistic regression of going on."""
    level, each = np.asarray(response.value, dtype=np.int64), _each(response, TAILS["logit"])
    cuts = _cuts(response)
    reached = [np.flatnonzero(level >= k) for k in range(cuts)]
    goes = [(level[rows] > k).astype(np.float64) for k, rows in enumerate(reached)]
    ones, zeros = np.ones(len(level)), np.zeros(len(level))

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        if "disc" in values:
            return tuple(each(eta, values, False)[: order + 1])
        at, total = values["threshold"], list[np.ndarray]()
        for k, rows in enumerate(reached):
            apart = (eta if len(rows) == len(eta) else eta[rows]) - at[:, k]
            own = logistic(apart, goes[k], ones[: len(rows)], zeros[: len(rows)], order)
            if k == 0:  # every row gets to the first level
                total = list(own)
                continue
            for whole, part in zip(total, own, strict=True):
                whole[rows] += part
        return tuple(total)

    return terms


def _by_disc(response: Response, tails: Tails) -> ParameterTerms:
    each = _each(response, tails)

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        del name
        _, slope, bend = each(eta, values, True)
        return slope, bend

    return terms
