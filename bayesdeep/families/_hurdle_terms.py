"""Rows' log likelihoods of numbers some of which have a probability of their own, in NumPy, from those of the others.

A row at such an atom says nothing of the law of the others; so these are worked out for the others alone.
"""

from collections.abc import Callable

import numpy as np

from bayesdeep.core.records import ParameterTerms, Response, RowTerms, RowValues

OfRows = Callable[[Response, str], RowTerms | None]
OfParameters = Callable[[Response, str], ParameterTerms | None]


def of_others(law: OfRows, share: str, atoms: tuple[float, ...] = (0.0,)) -> OfRows:
    """Return the terms of a family: an atom has ``log share``, another value ``log(1 - share)`` and the law's."""

    def terms_of(response: Response, link: str) -> RowTerms | None:
        some = ~np.isin(response.value, atoms)
        own = law(Response(response.name, np.asarray(response.value)[some]), link)
        if own is None:
            return None

        def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
            inside = own(eta[some], rows_of(values, some), order)
            shape = np.broadcast_shapes(eta.shape, values[share].shape, (1, inside[0].shape[1]))
            found = [np.zeros(shape) for _ in range(order + 1)]
            found[0][:] = np.where(some[:, None], np.log1p(-values[share]), np.log(values[share]))
            for whole, part in zip(found, inside, strict=True):
                whole[some] += part
            return tuple(found)

        return terms

    return terms_of


def parameters_of_others(law: OfParameters, share: str, atoms: tuple[float, ...] = (0.0,)) -> OfParameters:
    """Return derivatives by a parameter: by ``share`` they are ``1 / share`` and ``1 / (share - 1)``, else the law's."""

    def terms_of(response: Response, link: str) -> ParameterTerms | None:
        some = ~np.isin(response.value, atoms)
        own = law(Response(response.name, np.asarray(response.value)[some]), link)
        if own is None:
            return None

        def terms(eta: np.ndarray, values: RowValues, name: str) -> tuple[np.ndarray, np.ndarray]:
            if name == share:
                return of_share(values[share], ~some, eta.shape)
            first, second = own(eta[some], rows_of(values, some), name)
            return scattered(first, some, eta.shape), scattered(second, some, eta.shape)

        return terms

    return terms_of


def of_share(share: np.ndarray, hit: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return two derivatives of ``log share`` where it was ``hit (obs,)``, of ``log(1 - share)`` where not."""
    slope = np.broadcast_to(1.0 / (share - ~hit[:, None]), shape)
    return slope, -(slope**2)


def rows_of(values: RowValues, some: np.ndarray) -> dict[str, np.ndarray]:
    """Return parameters of some rows: those of a value a row are cut to them, others stay as they are."""
    by_row = {name: len(v) == len(some) and len(some) > 1 for name, v in values.items()}
    return {name: v[some] if by_row[name] else v for name, v in values.items()}


def scattered(part: np.ndarray, some: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return values of some rows among those of all, which are 0 elsewhere."""
    found = np.zeros((len(some), np.broadcast_shapes(shape, (1, part.shape[1]))[1]))
    found[some] = part
    return found
