"""Derivatives of expected responses, averaged over rows or at chosen values."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import FitError
from bayesdeep.results.fitted import Fitted

from .contrasts import compared, sides_of
from .marginal_effects import Effects, effects_table
from .marginal_grid import Base, base_of, names_of
from .marginal_source import Source, source_of
from .marginal_values import slope_means
from .marginal_variables import Variable, rough_columns

STEP = 1e-4
"""Half of a central difference, in standard deviations of the column in the data the model was fitted to."""


def slopes(
    fits: Sequence[Fitted],
    variables: str | Sequence[str] | None,
    data: Any,
    by: str | Sequence[str] | None,
    kind: str,
    at: Any,
    interval: float,
    new_groups: str | None,
    seed: int | None,
) -> pd.DataFrame:
    """Return :meth:`bayesdeep.effects.marginal_methods.Marginal.slopes`, of several fits of one model those of their mixture."""
    every = []
    for fit in fits:
        source = source_of(fit, "slopes", data, new_groups, seed)
        base = base_of(source, at, by)
        every.append(Effects(source, base, _named(source, base, variables, kind)))
    return effects_table(every, kind, interval)


def _named(
    source: Source, base: Base, variables: str | Sequence[str] | None, kind: str
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield what each effect is and its draws ``(draw, group[, level])``."""
    what = source.check_kind(kind)
    for variable in _chosen(source, variables, kind, base):
        if variable.labels is None and not variable.two_values:
            low, high = _sides(variable, base.columns[variable.name])
            effects = [("dY/dX", slope_means(source, base, low, high, what))]
        else:
            sides, pairs = sides_of(source, variable, "reference", base)
            effects = list(compared(source, base, sides, pairs, what, "difference"))
        for name, draws in effects:
            if variables is None and not variable.main and not draws.any():
                continue  # It has a part in other parameters, on which the mean does not depend.
            yield {"term": variable.name, "contrast": name}, draws


def _chosen(source: Source, variables: str | Sequence[str] | None, kind: str, base: Base) -> list[Variable]:
    """Return the variables asked for; by default those that do more than group rows, less levels that rows are held at."""
    if variables is not None:
        chosen = [source.variable(name) for name in names_of(variables, source.where)]
        without = next((v.name for v in chosen if v.name in rough_columns(source.spec)), None)
        if without is not None:
            raise FitError(
                f"slopes: '{without}' is in a process with an exponential covariance, whose function has no slope anywhere; "
                "compare values by contrasts, or take cov='matern32' or smoother"
            )
        return chosen
    rough = rough_columns(source.spec)
    smooth = [v.name for v in source.variables.values() if v.labels is None and not v.two_values]
    free = [v for v in source.variables.values() if v.name in smooth or not base.grid or v.name not in base.labels]
    return [v for v in free if v.name not in rough and not v.grouping and v.predictor and (v.main or kind == "mean")]


def _sides(variable: Variable, column: Column) -> tuple[Column, Column]:
    """Return values a little below and above each row's own, not beyond the data's range for rows inside it."""
    own, known = np.asarray(column.values, dtype=np.float64), variable.column.values
    least, most = float(known.min()), float(known.max())
    step = STEP * float(np.std(known)) or STEP * max(1.0, abs(most))
    low, high = own - step, own + step
    if least < most:
        inside = (own >= least) & (own <= most)
        low, high = np.where(inside, np.maximum(low, least), low), np.where(inside, np.minimum(high, most), high)
    return variable.values(low), variable.values(high)
