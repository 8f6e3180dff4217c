r"""``ns(x, df=4)``, ``ns(x, knots=[1, 2])``: a natural cubic spline, the same columns as R's ``splines::ns``.

Cubic between the knots, with second derivative 0 at the boundary knots and linear beyond them (Hastie, Tibshirani and Friedman,
*The Elements of Statistical Learning*, 2nd edition, section 5.2.1). Inner knots stand at quantiles of the training rows unless
they are given.

With :math:`C (2, K)` the second derivatives at the two ends of the cubic B-splines :math:`B (obs, K)` but the first, the columns
are :math:`B Q` with :math:`Q` an orthonormal basis of what :math:`C` takes to 0: the last columns of the product of the two
Householder reflections that make :math:`C^T` triangular, which is the basis R has.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Json, Transform
from bayesdeep.core.errors import FormulaError

from ._knots import boundary, given_knots, quantile_knots, whole
from ._sizes import check_size

DEGREE = 3


def learn(column: Column, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Json:
    """Return ``{"knots": [inner knots], "lower": …, "upper": …}``."""
    if len(arguments) > 1 or (arguments and "df" in options):
        raise FormulaError("it takes a column, one df, and knots, lower, upper by name")
    df = whole("df", arguments[0] if arguments else options.get("df"), 1)
    x = column.values.astype(np.float64)
    lower, upper = boundary(column.name, x, options)
    if "knots" not in options:
        check_size(column, df or 1, f"df={df or 1}")
        return {"knots": quantile_knots(column.name, x, (df or 1) - 1, lower, upper), "lower": lower, "upper": upper}
    if df is not None:
        raise FormulaError("df and knots say the same thing; give one of them")
    knots = given_knots(options["knots"], lower, upper)
    check_size(column, len(knots) + 1, f"{len(knots)} knots")
    return {"knots": knots, "lower": lower, "upper": upper}


def apply(state: Json, column: Column) -> np.ndarray:
    """Return ``(obs, inner knots + 1)``."""
    from scipy.interpolate import BSpline

    lower, upper = state["lower"], state["upper"]
    knots = np.array([lower] * (DEGREE + 1) + state["knots"] + [upper] * (DEGREE + 1))
    x = column.values.astype(np.float64)
    basis = BSpline.design_matrix(np.clip(x, lower, upper), knots, DEGREE).toarray()
    # Beyond the ends along the tangents there, of the two B-splines that have a slope at an end.
    first, last = knots[DEGREE + 1] - lower, upper - knots[-DEGREE - 2]
    below, above = DEGREE * np.minimum(x - lower, 0.0) / first, DEGREE * np.maximum(x - upper, 0.0) / last
    basis[:, :2] += np.column_stack([-below, below])
    basis[:, -2:] += np.column_stack([-above, above])
    return np.ascontiguousarray(_natural(basis[:, 1:], knots))


def _natural(basis: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return combinations of the B-splines but the first, ``(obs, K)``, that have no curvature at the ends, ``(obs, K - 2)``."""
    size = basis.shape[1] + 1
    ends = np.zeros((2, size))
    for row, places in ((0, (0, 1, 2)), (1, (-1, -2, -3))):
        near, far = (abs(knots[k] - knots[places[0]]) for k in ((4, 5) if row == 0 else (-5, -6)))
        # The second derivative at an end is 6 / near ((c2 - c1) / far - (c1 - c0) / near); only its direction matters.
        # Times the nearer distance, so that squares of them are numbers whatever the unit of the column is.
        ends[row, list(places)] += np.array([1.0, -1.0 - near / far, near / far])
    turned, rest = basis, ends[:, 1:].copy()
    for k in range(2):
        mirror = np.zeros(size - 1)
        mirror[k:] = rest[k, k:] / np.linalg.norm(rest[k, k:])
        mirror[k] += 1.0 if mirror[k] >= 0 else -1.0
        mirror *= np.sqrt(2.0) / np.linalg.norm(mirror)
        turned = turned - np.outer(turned @ mirror, mirror)
        rest = rest - np.outer(rest @ mirror, mirror)
    return turned[:, 2:]


def labels(state: Json) -> tuple[str, ...]:
    """Return ``"1"`` to the number of columns."""
    return tuple(str(k + 1) for k in range(len(state["knots"]) + 1))


TRANSFORM = Transform("ns", learn, apply, labels, options=("df", "knots", "lower", "upper"), example="ns(x, df=4)")
