"""Rows' log likelihoods of ordered levels, with derivatives, in NumPy."""

import numpy as np
from scipy.special import log_ndtr

from bayesdeep.core.records import Response, RowTerms, RowValues

LEAST_STEP = 1e-300
LOG_ROOT_2PI = 0.5 * float(np.log(2.0 * np.pi))


def of_slices(response: Response, link: str) -> RowTerms | None:
    """Return those of slices of a latent variable, ``log(F(u) - F(l))`` between thresholds less the predictor."""
    slices = {"logit": _logistic, "probit": _normal}.get(link)
    if slices is None:
        return None
    level = np.asarray(response.value, dtype=np.int64)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        cuts = values["threshold"]
        end = np.full((len(cuts), 1), np.inf)
        at = np.concatenate([-end, cuts, end], axis=1).T
        return slices(at[level + 1] - eta, at[level] - eta, order)

    return terms


def _logistic(upper: np.ndarray, lower: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return ``-log(1 + exp(-u)) - log(1 + exp(l)) + log(1 - exp(l - u))``, which is the same and cancels nowhere."""
    above, below = np.exp(-np.abs(upper)), np.exp(-np.abs(lower))
    step = np.minimum(lower - upper, -LEAST_STEP)
    value = np.log(-np.expm1(step)) - np.log1p(above) - np.log1p(below) + np.minimum(upper, 0.0) - np.maximum(lower, 0.0)
    if order == 0:
        return (value,)
    over, under = 1.0 / (1.0 + above), 1.0 / (1.0 + below)
    p, q = np.where(upper >= 0.0, over, above * over), np.where(lower >= 0.0, under, below * under)
    slope = p + q - 1.0
    return (value, slope) if order == 1 else (value, slope, -above * over**2 - below * under**2)


def _normal(upper: np.ndarray, lower: np.ndarray, order: int) -> tuple[np.ndarray, ...]:
    """Return the same of the normal distribution, in the half in which its tails are small."""
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
