"""What a search by likelihood returns: the estimates as one draw, their standard errors, and what is said of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayesdeep.core.draws import Draws, Spread

SMALL = 1e-3
"""Share of a standard error that a displacement is, by which errors of functions of the estimates are found."""


@dataclass(frozen=True)
class Estimate:
    """The highest point of a likelihood.

    Attributes
    ----------
    positions
        Of the hyperparameters ``(dim,)``; infinite on a boundary.
    coefficients
        Of the columns ``(column,)``, then of each factor ``(level, width)``.
    moves
        Displacements that stand for a standard error: positions a little up and down ``(2, move, dim)`` and population
        coefficients there ``(2, move, column)``.
    log_likelihood
        With all constants.
    parameters
        How many were estimated.
    advice, doubtful
        What is to be said, and whether it is a doubt.
    """

    positions: np.ndarray
    coefficients: tuple[np.ndarray, ...]
    moves: tuple[np.ndarray, np.ndarray]
    log_likelihood: float
    parameters: int
    advice: tuple[str, ...] = ()
    doubtful: bool = False
    details: Mapping[str, float | str] = field(default_factory=dict)


def as_draws(estimate: Estimate, seconds: float, target: Any) -> Draws:
    """Return an estimate as one chain of one draw, with what summaries show of it."""
    return Draws(
        positions=estimate.positions[None, None],
        stats={"lp": np.full((1, 1), estimate.log_likelihood)},
        exact=False,
        status="doubtful" if estimate.doubtful else "ok",
        advice=(*estimate.advice, *target.notes),
        seconds_compile=target.seconds_compile,
        seconds_sample=seconds,
        details=estimate.details,
        coefficients=tuple(value[None, None] for value in estimate.coefficients),
        spread=_spread(estimate),
        criteria={
            "log_likelihood": estimate.log_likelihood,
            "aic": 2.0 * estimate.parameters - 2.0 * estimate.log_likelihood,
            "df": estimate.parameters,
        },
    )


def _spread(estimate: Estimate) -> Spread:
    positions, beta = estimate.moves
    unknown = [np.broadcast_to(np.nan, (*beta.shape[:2], *value.shape)) for value in estimate.coefficients[1:]]
    return Spread(positions, (beta, *unknown), SMALL)
