"""How many columns a transform may make of one: known, and refused, before anything of that size is made."""

import numpy as np

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import FormulaError

MOST_COLUMNS = 1_000
"""Columns of one call. Far fewer serve: of a thousand, rounding leaves little of a polynomial."""


def check_size(column: Column, columns: int, said: str) -> None:
    """Raise where a column would become more columns than are possible, or than its different values can tell apart.

    Parameters
    ----------
    column
        What is transformed.
    columns
        How many columns it would become.
    said
        What asks for them, as written: ``"degree 7"``, ``"df=7"``.
    """
    distinct = len(np.unique(column.values))
    if distinct <= columns:
        raise FormulaError(f"column '{column.name}' has {distinct} different values, too few for {said}")
    if columns > MOST_COLUMNS:
        raise FormulaError(
            f"{said} would make {columns:,} columns of '{column.name}', more than the {MOST_COLUMNS:,} that are possible"
        )
