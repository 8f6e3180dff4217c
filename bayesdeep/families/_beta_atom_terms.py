"""Rows' log likelihoods of proportions some of which are 0 or 1, with derivatives, in NumPy."""

import numpy as np
from scipy.special import expit, log_expit

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues

from . import _hurdle_terms, _precision_terms

ENDS = (0.0, 1.0)


def of_inflated_ends(response: Response, link: str) -> RowTerms | None:
    """Return those of 0 or 1 with probability ``zoi``, 1 with ``coi`` of these, else of a beta distribution."""
    own = _hurdle_terms.of_others(_precision_terms.of_proportions, "zoi", ENDS)(response, link)
    if own is None:
        return None
    zero, one = (np.asarray(response.value) == end for end in ENDS)

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        value, *rest = own(eta, values, order)
        coi = np.broadcast_to(values["coi"], value.shape)
        value[zero] += np.log1p(-coi[zero])
        value[one] += np.log(coi[one])
        return (value, *rest)

    return terms


def parameters_of_inflated_ends(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``kappa``, ``zoi`` and ``coi``, of which only rows at an end know."""
    own = _hurdle_terms.parameters_of_others(_precision_terms.kappa_of_proportions, "zoi", ENDS)(response, link)
    if own is None:
        return None
    at_end, one = np.isin(response.value, ENDS), np.asarray(response.value) == 1.0

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        if name != "coi":
            return own(eta, values, name)
        first, second = _hurdle_terms.of_share(values["coi"], one, eta.shape)
        return first * at_end[:, None], second * at_end[:, None]

    return terms


def of_ordered_ends(response: Response, link: str) -> RowTerms | None:
    r"""Return those of ends that lie beyond thresholds :math:`a < b` on the predictor's scale, and of a beta between them.

    With the logistic function :math:`F` a 0 has :math:`F(a - \eta)`, a 1 has :math:`F(\eta - b)`, and what lies between
    :math:`F(\eta - a) F(b - \eta) (1 - e^{a - b})`, in which nothing cancels.
    """
    zero, one = (np.asarray(response.value)[:, None] == end for end in ENDS)
    some = ~(zero | one)[:, 0]
    own = _precision_terms.of_proportions(Response(response.name, np.asarray(response.value)[some]), link)
    if own is None:
        return None

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        low, high = values["threshold"].T
        above, beyond = eta - low, eta - high
        between = log_expit(above) + log_expit(-beyond) + np.log(-np.expm1(low - high))
        found = [np.where(zero, log_expit(-above), np.where(one, log_expit(beyond), between))]
        if order > 0:
            up, down = expit(-above), expit(beyond)
            found.append(np.where(zero, -expit(above), np.where(one, expit(-beyond), up - down)))
        if order > 1:
            first, second = up * expit(above), down * expit(-beyond)
            found.append(-np.where(zero, first, np.where(one, second, first + second)))
        kappa = _hurdle_terms.rows_of({"kappa": values["kappa"]}, some)
        for whole, part in zip(found, own(eta[some], kappa, order), strict=True):
            whole[some] += part
        return tuple(found)

    return terms


def kappa_of_ordered_ends(response: Response, link: str) -> ParameterTerms | None:
    """Return their derivatives by ``kappa``, of which only rows between the ends know."""
    some = ~np.isin(response.value, ENDS)
    own = _precision_terms.kappa_of_proportions(Response(response.name, np.asarray(response.value)[some]), link)
    if own is None:
        return None

    def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
        kappa = _hurdle_terms.rows_of({name: values[name]}, some)
        first, second = own(eta[some], kappa, name)
        return _hurdle_terms.scattered(first, some, eta.shape), _hurdle_terms.scattered(second, some, eta.shape)

    return terms
