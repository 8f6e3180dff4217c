r"""Rows' log likelihoods of ordered levels, with derivatives, in NumPy.

With ``disc`` a row has :math:`\log(F(u) - F(l))` at :math:`u = d (\tau_y - \eta)` and :math:`l = d (\tau_{y-1} - \eta)`. Along a
direction :math:`(v_u, v_l)`, for the predictor :math:`(-d, -d)` and for ``disc`` :math:`(\tau_y - \eta, \tau_{y-1} - \eta)`,
its first derivative is :math:`(v_u f(u) - v_l f(l)) / (F(u) - F(l))` and its second
:math:`(v_u^2 f'(u) - v_l^2 f'(l)) / (F(u) - F(l))` less the first's square.
"""

import numpy as np
from scipy.special import log_ndtr

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues
from bayesdeep.numerics.lane_loops import slices

from ._log_tails import TAILS, Values

LEAST_STEP = 1e-300
LOG_ROOT_2PI = 0.5 * float(np.log(2.0 * np.pi))


def of_slices(response: Response, link: str) -> RowTerms | None:
    """Return those of slices of a latent variable, ``log(F(u) - F(l))`` between thresholds less the predictor."""
    slice_terms = {"logit": slices, "probit": _normal}.get(link)
    if slice_terms is None:
        return None
    level = np.ascontiguousarray(response.value, dtype=np.int64)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        if "disc" in values:
            return tuple(_scaled(eta, values, level, link, order, by_disc=False))
        cuts = values["threshold"]
        end = np.full((len(cuts), 1), np.inf)
        return slice_terms(eta, np.concatenate([-end, cuts, end], axis=1).T, level, order)

    return terms


def disc_of_slices(response: Response, link: str) -> ParameterTerms | None:
    """Return derivatives by ``disc``, under the same links."""
    if link not in ("logit", "probit"):
        return None
    level = np.asarray(response.value, dtype=np.int64)

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        del name
        _, slope, bend = _scaled(eta, values, level, link, 2, by_disc=True)
        return slope, bend

    return terms


def _scaled(
    eta: np.ndarray, values: RowValues, level: np.ndarray, link: str, order: int, *, by_disc: bool
) -> list[np.ndarray]:
    """Return value and derivatives along one of two directions; an end that is not there is far away and adds nothing."""
    cuts, disc, tails = values["threshold"].T, values["disc"], TAILS[link]
    last = len(cuts)
    apart = [cuts[np.clip(level - shift, 0, last - 1)] - eta for shift in (0, 1)]
    there = [(level < last)[:, None], (level > 0)[:, None]]
    below = [tails.below(disc * one) for one in apart]
    above = [tails.above(disc * one) for one in apart]
    low = there[0] & (~there[1] | (apart[0] + apart[1] < 0.0))
    larger = np.where(low, below[0][0], above[1][0])
    smaller = np.where(low, below[1][0], above[0][0])
    both = there[0] & there[1]
    value = larger + np.where(both, np.log(-np.expm1(np.where(both, np.minimum(smaller - larger, -LEAST_STEP), -1.0))), 0.0)
    found = [value]
    if order == 0:
        return found
    along = apart if by_disc else [-disc, -disc]
    # The density over the slice's probability, and its derivative, from those of the tail that an end lies in.
    densities = [_density(below[k], above[k], value, apart[k] < 0.0, there[k]) for k in (0, 1)]
    slopes = [v * density[0] for v, density in zip(along, densities, strict=True)]
    found.append(slopes[0] - slopes[1])
    if order > 1:
        bends = [v**2 * density[1] for v, density in zip(along, densities, strict=True)]
        found.append(bends[0] - bends[1] - found[1] ** 2)
    return found


def _density(
    below: Values, above: Values, value: np.ndarray, low: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a density and its slope at one end, over the probability whose logarithm is ``value``; 0 for no end."""
    share = np.where(there, np.exp(np.where(low, below[0], above[0]) - value), 0.0)
    slope = np.where(low, below[1], -above[1])
    bend = np.where(low, below[2] + below[1] ** 2, -above[2] - above[1] ** 2)
    return slope * share, bend * share


def _normal(eta: np.ndarray, at: np.ndarray, level: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return those of the normal distribution, in the half in which its tails are small."""
    upper, lower = at[level + 1] - eta, at[level] - eta
    turned = upper + np.where(np.isinf(upper) & np.isinf(lower), 0.0, lower) > 0.0
    high, low = np.where(turned, -lower, upper), np.where(turned, -upper, lower)
    larger = log_ndtr(high)
    value = larger + np.log(-np.expm1(np.minimum(log_ndtr(low) - larger, -LEAST_STEP)))
    if order == 0:
        return (value,)
    at_upper, at_lower = (np.exp(-0.5 * x**2 - LOG_ROOT_2PI - value) for x in (upper, lower))
    slope = at_lower - at_upper
    if order == 1:
        return value, slope
    bend = np.where(np.isinf(upper), 0.0, upper) * at_upper - np.where(np.isinf(lower), 0.0, lower) * at_lower
    return value, slope, -bend - slope**2
