r"""Rows' log likelihoods of neighbouring levels by their odds, with derivatives, in NumPy.

With the log odds :math:`o_k = o(z_k)` of level :math:`k + 1` against :math:`k` at :math:`z_k = d (\tau_k - \eta)` and their sums
:math:`S_r = \sum_{k < r} o_k`, a row at level :math:`y` has :math:`S_y - \log \sum_r e^{S_r}`. Along a direction :math:`v` (see
:mod:`._sequential_terms`) its derivatives are :math:`S'_y - \operatorname{E} S'` and
:math:`S''_y - \operatorname{E} S'' - \operatorname{Var} S'`, over levels with their probabilities.
"""

import numpy as np

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues

from ._log_tails import TAILS

LINKS = ("logit", "probit")
"""Links under which log odds are written down."""


def of_neighbours(response: Response, link: str) -> RowTerms | None:
    """Return those of the adjacent category model."""
    if link not in LINKS:
        return None
    level = np.asarray(response.value, dtype=np.int64)
    return lambda eta, values, order: tuple(_along(eta, values, level, link, order, by_disc=False))


def disc_of_neighbours(response: Response, link: str) -> ParameterTerms | None:
    """Return derivatives by ``disc``."""
    if link not in LINKS:
        return None
    level = np.asarray(response.value, dtype=np.int64)

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        del name
        _, slope, bend = _along(eta, values, level, link, 2, by_disc=True)
        return slope, bend

    return terms


def log_odds(z: np.ndarray, link: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the log odds at ``z`` of the next level against each, with two derivatives by ``z``."""
    if link == "logit":
        return -z, np.full_like(z, -1.0), np.zeros_like(z)
    below, above = TAILS[link].below(-z), TAILS[link].above(-z)
    return below[0] - above[0], above[1] - below[1], below[2] - above[2]


def _along(
    eta: np.ndarray, values: RowValues, level: np.ndarray, link: str, order: int, *, by_disc: bool
) -> list[np.ndarray]:
    at, disc = values["threshold"], values.get("disc")
    apart = at.T[:, None, :] - eta  # (cut, row, lane)
    own = np.ones((1, 1)) if disc is None else disc
    odds, slope, bend = log_odds(own * apart, link)
    place, rows = level, np.arange(len(level))
    sums = _summed(odds)
    largest = sums.max(axis=0)
    share = np.exp(sums - largest)
    whole = share.sum(axis=0)
    found = [sums[place, rows] - largest - np.log(whole)]
    if order == 0:
        return found
    share /= whole
    along = apart if by_disc else -own
    first = _summed(along * slope)
    middle = (share * first).sum(axis=0)
    found.append(first[place, rows] - middle)
    if order > 1:
        spread = (share * (first - middle) ** 2).sum(axis=0)
        if link == "logit":  # a log odds has no curvature
            found.append(-spread)
        else:
            second = _summed(along**2 * bend)
            found.append(second[place, rows] - (share * second).sum(axis=0) - spread)
    return found


def _summed(steps: np.ndarray) -> np.ndarray:
    """Return sums over the steps before each level ``(level, row, lane)``."""
    found = np.zeros((len(steps) + 1, *steps.shape[1:]))
    np.cumsum(steps, axis=0, out=found[1:])
    return found
