"""Rows' log likelihoods of ordered levels, with derivatives, in NumPy."""

import numpy as np
from scipy.special import log_ndtr

from bayesdeep.core.records import Response, RowTerms, RowValues
from bayesdeep.numerics.lane_loops import slices

LEAST_STEP = 1e-300
LOG_ROOT_2PI = 0.5 * float(np.log(2.0 * np.pi))


def of_slices(response: Response, link: str) -> RowTerms | None:
    """Return those of slices of a latent variable, ``log(F(u) - F(l))`` between thresholds less the predictor."""
    slice_terms = {"logit": slices, "probit": _normal}.get(link)
    if slice_terms is None:
        return None
    level = np.ascontiguousarray(response.value, dtype=np.int64)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        cuts = values["threshold"]
        end = np.full((len(cuts), 1), np.inf)
        return slice_terms(eta, np.concatenate([-end, cuts, end], axis=1).T, level, order)

    return terms


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
