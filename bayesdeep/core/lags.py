"""Names of what a row holds of the rows before it, by which a response leans on what was left over there.

Everything that is asked of a model is asked of rows, in blocks, in folds and in any order. So a row does not point at the row
before it: it has that row's arrays and response beside its own (:mod:`bayesdeep.results.lagged_rows` puts them there).
"""

STEP, SERIES = "step", "series"
"""Keys of the arrays of a term that has lags: each row's place ``(obs,)`` in its series, in whole steps, and its series; one that
the model was not fitted to has a negative number of its own."""


def is_there(key: str, lag: int) -> str:
    """Return the name of the array ``(obs,)`` that is 1 for rows whose row so many steps before is known, else 0."""
    return f"{key}.lag{lag}_there"


def response_at(key: str, lag: int) -> str:
    """Return the name of the responses ``(obs,)`` so many steps before."""
    return f"{key}.lag{lag}_response"


def array_at(key: str, lag: int, name: str) -> str:
    """Return the name under which a row has another array of the row so many steps before."""
    return f"{key}.lag{lag}_of_{name}"
