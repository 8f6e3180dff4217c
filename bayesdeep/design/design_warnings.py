"""What is odd about columns that can be made all the same: too many levels, cells without rows, a second intercept."""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.columns import LearnedColumns, TermColumns

MAX_SPARSE_SHARE = 0.5
"""Levels a row, and cells without rows, from which on a model says so."""

EQUAL = 1e-14
"""Values whose standard deviation is no more than this share of their mean are equal up to rounding."""


@dataclass(frozen=True)
class Doubt:
    """A sentence about a term whose coefficients the rows say little or nothing about.

    Attributes
    ----------
    text
        The sentence.
    constant
        Whether it is that a column is constant, which only matters where it has a coefficient of its own.
    """

    text: str
    constant: bool = False


def doubts(columns: LearnedColumns, rows: int) -> tuple[Doubt, ...]:
    """Return what is odd about each term of a predictor.

    Parameters
    ----------
    columns
        As learned from the rows.
    rows
        Number of rows.
    """
    found: list[Doubt | None] = []
    coding = columns.state
    for term, coded in zip(columns.terms, coding["terms"], strict=True):
        kinds = [coding["factors"][i]["kind"] for i in {i for piece in coded["pieces"] for i, _ in piece}]
        categories = kinds.count("categorical")
        own = slice(term.start, term.stop)
        means, sds = np.asarray(columns.means[own]), np.asarray(columns.sds[own])
        if categories == 0:
            found.append(_constant(term, means, sds) if columns.intercept and term.labels is None else None)
        elif categories == 1:
            found.append(_levels(term, rows))
        else:
            found.append(_cells(term, int(np.count_nonzero((means == 0) & (sds == 0)))))
    return tuple(doubt for doubt in found if doubt is not None)


def _constant(term: TermColumns, means: np.ndarray, sds: np.ndarray) -> Doubt | None:
    if sds[0] > EQUAL * abs(means[0]):
        return None
    return Doubt(
        f"'{term.name}' is constant (every value is {means[0]:g}), so that only priors tell its coefficient from the "
        "intercept; leave it out",
        constant=True,
    )


def _levels(term: TermColumns, rows: int) -> Doubt | None:
    count = term.stop - term.start
    if count <= MAX_SPARSE_SHARE * rows:
        return None
    return Doubt(
        f"'{term.name}' has {count} coefficients, one for a level, in {rows} rows, so that nearly every row has its own; "
        "if its values are numbers, make them numbers; if they are names of groups, write (1 | …)"
    )


def _cells(term: TermColumns, empty: int) -> Doubt | None:
    count = term.stop - term.start
    if empty <= MAX_SPARSE_SHARE * count:
        return None
    return Doubt(
        f"'{term.name}' has {count} coefficients, and for {empty} of them no row has that combination of levels, so that only "
        "priors say what they are; join levels, or leave the interaction out"
    )
