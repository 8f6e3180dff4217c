r"""Rows' log likelihoods of levels that are reached one after another, with derivatives, in NumPy.

With :math:`z_k = d (\tau_k - \eta)` a row at level :math:`y` has :math:`\log s(z_y) + \sum_{k < y} \log(1 - s(z_k))`, a sum of
functions of one :math:`z_k` each: along a direction :math:`v` its derivatives are sums of theirs times :math:`v_k` and
:math:`v_k^2`, with :math:`v = -d` for the predictor and :math:`v_k = \tau_k - \eta` for ``disc``.
"""

from collections.abc import Callable

import numpy as np

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues

from ._log_tails import TAILS, Tails


def of_stops(response: Response, link: str) -> RowTerms | None:
    """Return those of the stopping ratio, ``s = F``; None for links without tails on arrays."""
    return _terms(response, TAILS[link]) if link in TAILS else None


def of_going_on(response: Response, link: str) -> RowTerms | None:
    """Return those of the continuation ratio, ``s(z) = 1 - F(-z)``."""
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
    cuts = len(response.levels or ()) - 1 if response.levels else int(level.max(initial=0))
    stopped, went = ([np.flatnonzero(f(level, k)) for k in range(cuts)] for f in (np.equal, np.greater))

    def found(eta: np.ndarray, values: RowValues, by_disc: bool) -> list[np.ndarray]:
        at, disc = values["threshold"], values.get("disc")
        total = [np.zeros(np.broadcast_shapes(eta.shape, (1, len(at)))) for _ in range(3)]
        for k in range(at.shape[1]):
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


def _terms(response: Response, tails: Tails) -> RowTerms:
    each = _each(response, tails)
    return lambda eta, values, order: tuple(each(eta, values, False)[: order + 1])


def _by_disc(response: Response, tails: Tails) -> ParameterTerms:
    each = _each(response, tails)

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        del name
        _, slope, bend = each(eta, values, True)
        return slope, bend

    return terms
