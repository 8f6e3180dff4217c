"""Default priors that several families share."""

from collections.abc import Callable

from bayesdeep.core.records import Default, Link, Response

from ._scale import mean_sd, median_mad


def fixed(text: str, reason: str) -> Callable[[Response, Link], Default]:
    """Return a default prior that does not depend on the data."""

    def prior(response: Response, link: Link) -> Default:
        del response, link
        return Default(text, reason)

    return prior


def residual_sd(response: Response, link: Link) -> Default:
    """Return the prior of a residual standard deviation: it is rarely larger than the response's own."""
    del link
    return Default(f"HalfStudentT(4, {mean_sd(response)[1]:.4g})", "sd of the response")


def robust_sd(response: Response, link: Link) -> Default:
    """Return the prior of a residual scale from the median absolute deviation, which outliers do not inflate."""
    del link
    reason = "1.4826 times the median absolute deviation of the response"
    return Default(f"HalfStudentT(4, {median_mad(response)[1]:.4g})", reason)


DISPERSION = fixed("InverseGamma(0.4, 0.3)", "wide in both directions: from strong overdispersion to hardly any")
PROBABILITY = fixed("Beta(1, 1)", "every probability is equally likely")
