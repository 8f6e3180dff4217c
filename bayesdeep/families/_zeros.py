"""Rows' log likelihoods of counts with extra zeros, or with zeros of their own, from those of the counts themselves.

With ``base`` the log probability of a count and ``none`` that of a zero, both with their derivatives, a zero of an inflated
response has ``log(zi + (1 - zi) exp(none))`` and another count ``log(1 - zi) + base``; behind a hurdle these are ``log hu`` and
``log(1 - hu) + base - log(1 - exp(none))``.
"""

from collections.abc import Callable

import numpy as np

from bayesdeep.core.records import ParameterTerms, Response, RowLaw, RowTerms, RowValues

OfRows = Callable[[Response, str], RowTerms | None]
OfParameter = Callable[[Response, str], ParameterTerms | None]
OfLaw = Callable[[str], RowLaw | None]
LEAST_PREDICTOR = -300.0
"""Below it the mean of counts that are cut off at 0 is 1 to the last digit, and how small theirs was leaves no trace."""


def inflated_rows(base: OfRows) -> OfRows:
    """Return the ``row_terms`` of counts with extra zeros, with probability ``zi``."""

    def of_rows(response: Response, link: str) -> RowTerms | None:
        own = base(response, link)
        if own is None:
            return None
        zero = (np.asarray(response.value) == 0)[:, None]

        def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
            zi = values["zi"]
            value, *found = own(eta, values, order)
            plain = np.log1p(-zi) + value
            whole = np.where(zero, np.logaddexp(np.log(zi), plain), plain)
            if order == 0:
                return (whole,)
            # The probability that a zero is no extra one; other counts are none.
            share = np.where(zero, np.exp(plain - whole), 1.0)
            return (whole, *_shared(share, *found))

        return terms

    return of_rows


def inflated_parameters(base: OfRows, others: OfParameter | None = None) -> OfParameter:
    """Return the ``parameter_terms`` of the same: those by ``zi``, and by the counts' own other parameters."""

    def of_parameter(response: Response, link: str) -> ParameterTerms | None:
        own, theirs = base(response, link), None if others is None else others(response, link)
        if own is None or (others is not None and theirs is None):
            return None
        zero = (np.asarray(response.value) == 0)[:, None]

        def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
            zi, (value,) = values["zi"], own(eta, values, 0)
            if name == "zi":
                slope = np.where(zero, -np.expm1(value) / (zi - zi * np.exp(value) + np.exp(value)), -1.0 / (1.0 - zi))
                return slope, -(slope**2)
            assert theirs is not None
            plain = np.log1p(-zi) + value
            share = np.where(zero, np.exp(plain - np.logaddexp(np.log(zi), plain)), 1.0)
            first, second = _shared(share, *theirs(eta, values, name))
            return first, second

        return terms

    return of_parameter


def _shared(share: np.ndarray, *derivatives: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return derivatives of ``log(zi + (1 - zi) exp(value))`` from those of ``value``, which has this share of the sum."""
    slope = derivatives[0]
    found = (share * slope,)
    return found if len(derivatives) == 1 else (*found, share * (derivatives[1] + (1.0 - share) * slope**2))


def hurdle_rows(base: OfRows) -> OfRows:
    """Return the ``row_terms`` of counts behind a hurdle, of which a share ``hu`` is 0."""

    def of_rows(response: Response, link: str) -> RowTerms | None:
        own, none = base(_at_least_one(response), link), base(_zeros(response), link)
        if own is None or none is None:
            return None
        zero = (np.asarray(response.value) == 0)[:, None]

        def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
            eta, hu = np.maximum(eta, LEAST_PREDICTOR), values["hu"]
            value, *found = own(eta, values, order)
            nothing, *by = none(eta, values, order)
            whole = np.where(zero, np.log(hu), np.log1p(-hu) + value - np.log(-np.expm1(nothing)))
            return (whole, *(np.where(zero, 0.0, one) for one in _cut(nothing, found, by)))

        return terms

    return of_rows


def hurdle_parameters(base: OfRows, others: OfParameter | None = None) -> OfParameter:
    """Return the ``parameter_terms`` of the same: those by ``hu``, and by the counts' own other parameters."""

    def of_parameter(response: Response, link: str) -> ParameterTerms | None:
        zero = (np.asarray(response.value) == 0)[:, None]
        none = base(_zeros(response), link)
        theirs, at_zero = (
            None if others is None else others(r, link) for r in (_at_least_one(response), _zeros(response))
        )
        if none is None or (others is not None and theirs is None):
            return None

        def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
            if name == "hu":
                slope = np.broadcast_to(1.0 / (values["hu"] - np.where(zero, 0.0, 1.0)), eta.shape)
                return slope, -(slope**2)
            assert theirs is not None
            assert at_zero is not None
            eta = np.maximum(eta, LEAST_PREDICTOR)
            (nothing,) = none(eta, values, 0)
            first, second = _cut(nothing, theirs(eta, values, name), at_zero(eta, values, name))
            return np.where(zero, 0.0, first), np.where(zero, 0.0, second)

        return terms

    return of_parameter


def _cut(
    nothing: np.ndarray,
    derivatives: tuple[np.ndarray, ...] | list[np.ndarray],
    by: tuple[np.ndarray, ...] | list[np.ndarray],
) -> tuple[np.ndarray, ...]:
    """Return derivatives of ``base - log(1 - exp(none))`` from those of ``base`` and of ``none``."""
    if not derivatives:
        return ()
    odds = 1.0 / np.expm1(-nothing)  # of a zero against other counts
    turn = odds * by[0]
    found = (derivatives[0] + turn,)
    return found if len(derivatives) == 1 else (*found, derivatives[1] + odds * by[1] + turn * by[0] + turn**2)


def _zeros(response: Response) -> Response:
    return response.with_(value=np.zeros_like(response.value))


def _at_least_one(response: Response) -> Response:
    """Return the response with 1 for 0, whose own terms are not those of a count."""
    return response.with_(value=np.maximum(response.value, 1))


def inflated_law(base: OfLaw) -> OfLaw:
    """Return the ``row_law`` of counts with extra zeros."""

    def of_law(link: str) -> RowLaw | None:
        own = base(link)
        if own is None or own.variance is None:
            return None
        spread = own.variance

        def mean(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
            return np.asarray((1.0 - params["zi"]) * own.mean(params, trials))

        def draw(rng: np.random.Generator, params: RowValues, trials: np.ndarray | None) -> np.ndarray:
            count = own.draw(rng, params, trials)
            return np.where(rng.random(count.shape) < params["zi"], 0, count)

        def variance(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
            zi = params["zi"]
            return np.asarray((1.0 - zi) * (spread(params, trials) + zi * own.mean(params, trials) ** 2))

        return RowLaw(mean, draw, variance)

    return of_law
