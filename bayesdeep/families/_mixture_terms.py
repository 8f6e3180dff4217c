"""Rows' log likelihoods of counts whose zeros have a probability of their own, with derivatives."""

import numpy as np
from scipy.special import gammaln

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues
from bayesdeep.numerics.mixture_rows import hurdle, inflated, inflation


def of_inflated_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of Poisson counts with extra zeros under the log link.

    A zero has ``log(zi + (1 - zi) exp(-mu))``, another count ``log(1 - zi) + y eta - mu - log y!``.
    """
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)
    base = gammaln(y + 1.0)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        return inflated(eta, values["zi"], y, base, order)

    return terms


def zi_of_inflated_counts(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``zi``."""
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        del name
        return inflation(eta, values["zi"], y)

    return terms


def of_hurdle_counts(response: Response, link: str) -> RowTerms | None:
    """Return those of counts behind a hurdle under the log link.

    A zero has ``log hu``, another count ``log(1 - hu) + y eta - mu - log y! - log(1 - exp(-mu))``.
    """
    if link != "log":
        return None
    y = np.asarray(response.value, dtype=np.float64)
    base = gammaln(y + 1.0)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        return hurdle(eta, values["hu"], y, base, order)

    return terms


def hu_of_hurdle_counts(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``hu``: ``1 / hu`` of a zero, ``1 / (hu - 1)`` of another count."""
    del link
    other = (np.asarray(response.value) != 0).astype(np.float64)[:, None]

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        del name
        slope = np.broadcast_to(1.0 / (values["hu"] - other), eta.shape)
        return slope, -(slope**2)

    return terms
