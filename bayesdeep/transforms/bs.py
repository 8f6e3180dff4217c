"""``bs(x, df=5)``: a B-spline basis without its first column, the same columns as R's ``splines::bs``.

Inner knots stand at quantiles of the training rows unless they are given. Rows beyond the boundary knots
continue the outermost polynomial pieces, as in R.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Json, Transform
from bayesdeep.core.errors import FormulaError

from ._knots import boundary, given_knots, quantile_knots, whole
from ._sizes import check_size


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return ``{"degree": …, "knots": [inner knots], "lower": …, "upper": …}``."""
    if len(arguments) > 1 or (arguments and "df" in options):
        raise FormulaError("it takes a column, one df, and degree, knots, lower, upper by name")
    df = whole("df", arguments[0] if arguments else options.get("df"), 1)
    degree = whole("degree", options.get("degree", 3), 1) or 3
    x = column.values.astype(np.float64)
    lower, upper = boundary(column.name, x, options)
    if "knots" in options:
        if df is not None:
            raise FormulaError("df and knots say the same thing; give one of them")
        knots = given_knots(options["knots"], lower, upper)
        check_size(column, degree + len(knots), f"degree={degree} and {len(knots)} knots")
    else:
        check_size(column, max(degree, df or 0), f"degree={degree}" if (df or 0) <= degree else f"df={df}")
        knots = [] if df is None else quantile_knots(column.name, x, _inner(df, degree), lower, upper)
    return {"degree": degree, "knots": knots, "lower": lower, "upper": upper}


def _inner(df: int, degree: int) -> int:
    if df < degree:
        raise FormulaError(f"df={df} is too small for degree={degree}; it should be {degree} or more")
    return df - degree


def apply(state: Json, column: Column) -> np.ndarray:
    """Return ``(obs, inner knots + degree)``."""
    from scipy.interpolate import BSpline

    degree = state["degree"]
    knots = [state["lower"]] * (degree + 1) + state["knots"] + [state["upper"]] * (degree + 1)
    x = column.values.astype(np.float64)
    basis = BSpline.design_matrix(x, np.array(knots), degree, extrapolate=True)
    # The first column goes: together with the intercept all of them would add up to one.
    return np.ascontiguousarray(basis.toarray()[:, 1:])


def labels(state: Json) -> tuple[str, ...]:
    """Return ``"1"`` to the number of columns."""
    return tuple(str(k + 1) for k in range(len(state["knots"]) + state["degree"]))


TRANSFORM = Transform(
    "bs", learn, apply, labels, options=("df", "degree", "knots", "lower", "upper"),
    example="bs(x, df=5)",
)
