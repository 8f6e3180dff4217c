"""Location and spread of the main predictor's scale, worked out from an observed response."""

import numpy as np

from bayesdeep.core.records import Link, Response
from bayesdeep.core.response_checks import observed

MAD_TO_SD = 1.4826
"""The median absolute deviation of a normal variable times this is its standard deviation."""

UNIT_SPREADS = {"logit": 1.0, "probit": 0.6, "cloglog": 0.7, "loglog": 0.7, "cauchit": 1.0, "tanh": 0.5}
"""Natural scale of a predictor behind a link onto the unit interval.

Gelman, Jakulin, Pittau and Su (2008) find 2.5 a good prior scale for logistic coefficients of standardised predictors;
default priors are 2.5 spreads wide (:data:`bayesdeep.core.priors.PRIOR_SCALE_IN_SPREADS`), so the logit's spread is 1. The
others are in proportion to the standard deviations of the links' distributions: the normal one is 1 / 1.7 of the
logistic in the middle, the extreme-value ones have sd π/√6 against π/√3; tanh(eta) is the logistic of 2 eta.
"""


def values(response: Response) -> tuple[np.ndarray, np.ndarray | None]:
    """Return values to take moments of, and their weights or None.

    The rows that hold a value; where every row is censored, bounds and the midpoints of intervals. Truncation
    bounds are never used.
    """
    value = np.asarray(response.value, dtype=np.float64)
    weights = None if response.weights is None else np.asarray(response.weights, dtype=np.float64)
    kept = observed(response)
    if not kept.any():
        value = value if response.upper is None else (value + np.asarray(response.upper, dtype=np.float64)) / 2
        kept = np.ones(len(value), dtype=bool)
    value, weights = value[kept], None if weights is None else weights[kept]
    return value, weights if weights is not None and weights.sum() > 0 else None


def moments(value: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Return mean and standard deviation; a deviation of 0 (a constant response) becomes 1, to scale priors by."""
    mean = float(np.average(value, weights=weights))
    sd = float(np.sqrt(np.average((value - mean) ** 2, weights=weights)))
    # A sum of equal numbers need not be a multiple of them: what is left over is rounding, not spread.
    return mean, sd if np.isfinite(sd) and sd > 1e-12 * abs(mean) else 1.0


def mean_sd(response: Response) -> tuple[float, float]:
    """Return the response's mean and (positive) standard deviation."""
    return moments(*values(response))


def median_mad(response: Response) -> tuple[float, float]:
    """Return the median and 1.4826 times the median absolute deviation; the sd where that is 0."""
    value, _ = values(response)
    median = float(np.median(value))
    spread = MAD_TO_SD * float(np.median(np.abs(value - median)))
    return median, spread if spread > 0 else mean_sd(response)[1]


def through(link: Link, mean: float, sd: float) -> tuple[float, float]:
    """Return location and spread on the scale of a link, given the response's mean and spread.

    ``identity`` and ``relu`` keep both. ``log`` has spread 1: a coefficient of 1 multiplies the mean by e. Scales of
    ``inverse`` and ``inverse_squared`` have the location for spread, so that a coefficient can double or halve it.
    ``tanh`` has spread 1, and a mean outside (-1, 1) is held inside. ``sqrt`` and ``softplus`` use the delta
    method, ``sd |d eta / d mu|`` at the mean.
    """
    if link.name in ("identity", "relu"):
        return mean, sd
    if link.name == "tanh":
        return float(np.arctanh(np.clip(mean, -0.95, 0.95))), 1.0
    mean = mean if mean > 0 else 1e-3 * sd
    location = float(link.forward(mean))
    if link.name == "log":
        return location, 1.0
    if link.name == "sqrt":
        return location, sd / (2 * location)
    if link.name == "softplus":
        return location, sd / -float(np.expm1(-mean))
    return location, abs(location)


def scale_mean(response: Response, link: Link) -> tuple[float, float]:
    """Return location and spread for families whose main parameter is the response's mean."""
    return through(link, *mean_sd(response))


def scale_count(response: Response, link: Link) -> tuple[float, float]:
    """Return location and spread for counts; half a count stands in for a mean of 0."""
    mean, sd = mean_sd(response)
    return through(link, mean or 0.5 / len(response.value), sd)


def scale_unit(link: Link) -> tuple[float, float]:
    """Return location (a probability of one half) and spread of a link onto the unit interval."""
    return float(link.forward(0.0 if link.name == "tanh" else 0.5)), unit_spread(link)


def unit_spread(link: Link) -> float:
    """Return the spread of a link onto the unit interval: as much of it changes a probability as far on every link."""
    return UNIT_SPREADS[link.name]
