"""Could the model have produced the data? Statistics of the responses beside those of data sets it predicts.

References
----------
Gelman, Meng and Stern (1996), Posterior predictive assessment of model fitness via realized discrepancies, Statistica Sinica
6(4), 733-760.
"""

from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.core.registry import FAMILIES
from bayesdeep.results.fitted import Fitted, flat_draws, own_rows
from bayesdeep.results.prediction_blocks import blocks

MAX_DRAWS, MIN_DRAWS, MAX_NUMBERS = 500, 50, 10_000_000
"""Data sets predicted, at most and at least, and how many numbers in all."""
LIMIT = 0.01
"""Share of data sets beyond the observed one, at either side, from which a statistic is said to be missed."""
SHARE = "share of zeros"
SHARES = {0.0: SHARE, 1.0: "share of ones"}
"""Of values that have a probability of their own beside a density."""


def applies(fit: Fitted) -> bool:
    """Return whether a fit's responses are at hand, one number a row, and not all of them known by bounds alone."""
    if not fit.in_memory:
        return False
    words, response = FAMILIES[fit.spec.family].words, own_rows(fit, "predictive check").response
    if words & {"levels", "two_levels"} or np.ndim(response.value) != 1:
        return False
    return bool(recorded(fit).any())


def recorded(fit: Fitted) -> np.ndarray:
    """Return of which rows ``(obs,)`` the value is what a prediction would be recorded as: all but those known by an interval."""
    response = own_rows(fit, "predictive check").response
    return np.ones(len(response.value), dtype=bool) if response.status is None else np.asarray(response.status) != 2


def predictive_checks(fit: Fitted, draws: int = MAX_DRAWS, seed: int | None = None) -> pd.DataFrame:
    """Return statistics of the responses, and of data sets that the model predicts for the same rows.

    Parameters
    ----------
    fit
        A fit of a response that is one number a row.
    draws
        Number of data sets; fewer where rows are many.
    seed
        Of the data sets; by default derived from the fit's own.

    Returns
    -------
    pandas.DataFrame
        A row a statistic: of counts the share of zeros, the largest and the variance; of other numbers the smallest, the
        largest, the variance, and the share of zeros where there are some (of predictions, of what would be recorded as zero:
        what is nearer to it than to any other value that is recorded); where values have a probability of their own, 0 and 1 of
        some proportions, the share of each in place of the extreme that it is. ``observed``; ``lower`` and ``upper``, which hold
        90 % of those of the predicted data sets; ``p``, the share of data sets with one as far out at least, on the side of the
        fewer; and ``passed``, whether that is more than 1 %.
    """
    if not applies(fit):
        raise FitError("predictive check: it takes responses of one number a row, which are at hand")
    rows = own_rows(fit, "predictive check")
    known = recorded(fit)
    y = np.asarray(rows.response.value, dtype=float)[known]
    posterior = flat_draws(fit)
    total = len(next(iter(posterior.values()))) if posterior else 1
    wanted = min(draws, max(MIN_DRAWS, MAX_NUMBERS // max(1, rows.rows)))
    # Of fewer draws than are wanted each is used several times: data sets differ also where parameters do not.
    keep = np.linspace(0, total - 1, wanted).round().astype(int)
    chosen = {name: value[keep] for name, value in posterior.items()}
    seed = derive(fit.idata.attrs["seed"], "predictive checks") if seed is None else seed
    made = [v for _, _, v in blocks(fit.spec, chosen, rows, "predictive", "sample", seed)]
    predicted = np.concatenate(made, axis=1)[:, known].astype(float)
    family = FAMILIES[fit.spec.family]
    return _table(y, predicted, "discrete" in family.words, family.atoms)


def _table(y: np.ndarray, predicted: np.ndarray, counts: bool, atoms: tuple[float, ...] = ()) -> pd.DataFrame:
    statistics: dict[str, Any] = {} if counts else {"smallest": np.min}
    statistics |= {"largest": np.max, "variance": np.var}
    if atoms:
        extremes = ("smallest", np.min(predicted)), ("largest", np.max(predicted))
        statistics = {n: f for n, f in statistics.items() if all(n != own or at not in atoms for own, at in extremes)}
        shares = {SHARES.get(at, f"share of {at:g}"): at for at in atoms}
        each: dict[str, Any] = {name: (lambda v, axis, at=at: np.mean(v == at, axis=axis)) for name, at in shares.items()}
        statistics = {**each, **statistics}
    elif counts or (y == 0).any():
        lowest, highest = (0.0, 0.0) if counts else _recorded_as_zero(y)
        statistics = {SHARE: lambda v, axis: np.mean((lowest <= v) & (v <= highest), axis=axis), **statistics}
    found = {}
    for name, function in statistics.items():
        own, theirs = float(function(y, axis=0)), function(predicted, axis=1)
        lower, upper = np.quantile(theirs, [0.05, 0.95])
        p = min(float(np.mean(theirs >= own)), float(np.mean(theirs <= own)))
        found[name] = {"observed": own, "lower": float(lower), "upper": float(upper), "p": p, "passed": p > LIMIT}
    return pd.DataFrame.from_dict(found, orient="index")


def _recorded_as_zero(y: np.ndarray) -> tuple[float, float]:
    """Return between which values zero is the nearest of the values that responses have; both 0 where they have no other."""
    above, below = y[y > 0], y[y < 0]
    if not len(above) and not len(below):
        return 0.0, 0.0
    # Where no response is on one side of it, zero reaches as far there as on the other.
    highest = float(np.min(above if len(above) else -below)) / 2
    return (float(np.max(below)) / 2 if len(below) else -highest), highest


def missed_sentence(table: pd.DataFrame, response: str) -> str:
    """Return what the model misses about the response, in words; nothing where it misses none of the statistics."""
    missed = [_one(str(name), row) for name, row in table[~table["passed"].astype(bool)].iterrows()]
    if not missed:
        return ""
    return f"The model does not produce data like these: of `{response}` {'; '.join(missed)}"


def _one(name: str, row: pd.Series) -> str:
    scale, unit = (100.0, " %") if name.startswith("share of ") else (1.0, "")
    own, low, high = (_short(scale * float(row[c]), unit) for c in ("observed", "lower", "upper"))
    return f"the {name} is {own}, where 90 % of predicted data sets have {low} to {high}"


def _short(value: float, unit: str) -> str:
    return f"{value:.1f}{unit}" if unit else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
