"""The part of a comparison that can be trusted: that of the fits whose draws can."""

import warnings
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pandas as pd

from bayesdeep.compare.rank import RANKED, shifted


def scored_names(comparison: Any) -> list[str]:
    """Return the names in a comparison's table that have a score, best first; those of fits that failed have none."""
    return [str(n) for n, value in comparison.table["elpd"].items() if pd.notna(value)]


def without(comparison: Any, names: Collection[str]) -> Any:
    """Return the comparison of all fits but these, ranked and weighed anew from the same scores.

    None where fewer than two scored fits are left, or the comparison does not hold the scores they are ranked by.
    """
    import arviz as az

    assessed = getattr(comparison, "assessed", None)
    if not names:
        return comparison
    kept = [n for n in scored_names(comparison) if n not in names]
    if len(kept) < 2 or not assessed or not hasattr(comparison, "errors") or any(n not in assessed for n in kept):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        ranked = az.compare(shifted({n: assessed[n].elpd for n in kept}), method="stacking", round_to="none")
    table = comparison.table.loc[list(ranked.index)].copy()
    for column in RANKED:
        table[column] = ranked[column]
    table.attrs = dict(comparison.table.attrs)
    shown = [c for c in comparison.calibration.columns if c in kept]
    return replace(
        comparison, table=table, calibration=comparison.calibration[shown], assessed={n: assessed[n] for n in kept}
    )


def only(comparison: Any, names: Collection[str]) -> Any:
    """Return the comparison's record of these fits alone, their numbers as they are."""
    kept = [n for n in comparison.table.index if n in names]
    assessed = {n: a for n, a in comparison.assessed.items() if n in names}
    return replace(comparison, table=comparison.table.loc[kept], assessed=assessed)
