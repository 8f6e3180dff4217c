"""The part of a comparison that can be trusted: that of the fits whose draws can."""

import warnings
from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from bayesdeep.compare.compared import Compared
from bayesdeep.compare.rank import RANKED, shifted


def scored_names(comparison: Compared) -> list[str]:
    """Return the names in a comparison's table that have a score, best first; those of fits that failed have none."""
    return [str(n) for n, value in comparison.table["elpd"].items() if pd.notna(value)]


def without(comparison: Compared, names: Collection[str]) -> Compared | None:
    """Return the comparison of all fits but these, ranked and weighed anew from the same scores.

    None where fewer than two scored fits are left, or the comparison does not hold the scores they are ranked by.
    """
    import arviz as az

    assessed = comparison.assessed
    if not names:
        return comparison
    kept = [n for n in scored_names(comparison) if n not in names]
    if len(kept) < 2 or any(n not in assessed for n in kept):
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


def only(comparison: Compared, names: Collection[str]) -> Compared:
    """Return the comparison's record of these fits alone, their numbers as they are."""
    kept = [n for n in comparison.table.index if n in names]
    assessed = {n: a for n, a in comparison.assessed.items() if n in names}
    return replace(comparison, table=comparison.table.loc[kept], assessed=assessed)
