"""What a basis of smooth functions is: features of rows, which of their sums are basis functions, and how rough these are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.columns import Json


@dataclass(frozen=True, eq=False)
class Learned:
    r"""A basis on the training rows.

    Its functions are :math:`f = \phi(t) W \delta` with the features :math:`\phi` and any :math:`\delta`, beside constants and
    straight lines where these are not penalised; how rough one is, is :math:`\delta^\top S \delta`.

    Attributes
    ----------
    state
        What the features of other rows need.
    weights
        :math:`W`, ``(feature, function)``.
    penalty
        :math:`S`, ``(function, function)``.
    rank
        Rank of the penalty: what it leaves out are constants, and straight lines where these are not penalised.
    """

    state: Json
    weights: np.ndarray
    penalty: np.ndarray
    rank: int


@dataclass(frozen=True)
class Basis:
    """A kind of basis; one file of ``_bases/`` defines one as ``BASIS``.

    Attributes
    ----------
    name
        What ``bs=`` calls it.
    title
        In words.
    least
        Fewest basis functions.
    knots
        ``knots(k, given) -> str``: what is wrong with so many knots for ``k`` functions, and what would be right; empty where
        nothing is.
    count
        ``count(given) -> k`` where so many knots are given and ``k`` is not.
    learn
        ``learn(t, k, knots) -> Learned`` from the standardised variables ``(obs, variable)`` and the standardised knots
        ``(knot, variable)``, None where they are to be chosen.
    columns
        ``columns(state, t, weights) -> (obs, column)``: features of rows, known to the basis alone, times weights
        ``(feature, column)``.
    straight
        Whether straight lines are not penalised.
    variables
        Of how many variables its functions can be.
    """

    name: str
    title: str
    least: int
    knots: Callable[[int, int], str]
    count: Callable[[int], int]
    learn: Callable[[np.ndarray, int, np.ndarray | None], Learned]
    columns: Callable[[Json, np.ndarray, np.ndarray], np.ndarray]
    straight: bool
    variables: int = 1


@dataclass(frozen=True)
class LevelPart:
    """Coefficients that every level of a category has, with a standard deviation, or one each, of their own.

    Attributes
    ----------
    suffix
        What follows the smooth's name in theirs.
    size
        How many a level has.
    labels
        What they are called; None for a single one without.
    unit
        Standard deviation of what they are multiplied by, which the default prior of theirs is per.
    spreads, reason
        The width of that prior in spreads of the predictor, and why.
    times
        What each is multiplied by in row i; of a basis what all are.
    basis
        Whether only the function they make has a meaning, and they share one standard deviation.
    """

    suffix: str
    size: int
    labels: tuple[str, ...] | None
    unit: float
    spreads: float
    reason: str
    times: tuple[str, ...]
    basis: bool = False


@dataclass(frozen=True)
class LevelBasis:
    """Functions of which every level of a category has its own; one file of ``_level_bases/`` defines one as ``BASIS``.

    Attributes
    ----------
    name
        What ``bs=`` calls it.
    title
        In words.
    options
        Which of ``k`` and ``knots`` it takes.
    variables
        Of how few and of how many numbers its functions can be.
    constant
        ``constant(state)``: whether each level has a constant, the first of its coefficients.
    learn
        ``learn(x, names, k, knots, where) -> Json`` from the variables ``(obs, variable)`` and what they are called; ``where``
        begins error texts.
    columns
        ``columns(state, x) -> (obs, column)``: what the coefficients are multiplied by, the constant's left out.
    parts
        ``parts(state)``: which coefficients there are, in their order.
    """

    name: str
    title: str
    options: tuple[str, ...]
    variables: tuple[int, int]
    constant: Callable[[Json], bool]
    learn: Callable[[np.ndarray, tuple[str, ...], int, tuple[float, ...], str], Json]
    columns: Callable[[Json, np.ndarray], np.ndarray]
    parts: Callable[[Json], tuple[LevelPart, ...]]


FUNCTIONS = 10
"""Basis functions where nothing is said, the constant counted."""


def as_many(given: int) -> int:
    """Return ``k`` of a basis with a function a knot."""
    return given
