"""Sentences that several places of a report need."""

from typing import Any

import pandas as pd

from .numbers import between, decimals, number

SMALL = 4.0
"""Differences in elpd below this say little, whatever their standard error (Sivula et al. 2025, arXiv:2008.10296)."""


def joined(items: list[str]) -> str:
    """Return items as a phrase: ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def named(name: object) -> str:
    """Return a model's name in quotation marks, as it stands in a sentence."""
    return f"“{name}”"


def plural(count: int, word: str, many: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{count:,} {word if count == 1 else (many or word + 's')}"


def estimate(row: pd.Series) -> str:
    """Return an estimate with its 90 % interval in words."""
    places = decimals(float(row["sd"]))
    return f"{number(row['mean'], f'.{places}f')} (90 % interval {between(row['lower'], row['upper'], places)})"


def clearly_worse(row: pd.Series) -> bool:
    """Return whether a model predicts worse than the best by more than chance and by more than nothing."""
    return abs(row["elpd_diff"]) > max(SMALL, 2 * row["dse"])


def comparison_sentence(comparison: Any) -> str:
    """Return which model predicts best, by how much, and whether that difference means anything."""
    table = comparison.table
    best, others = str(table.index[0]), table.iloc[1:]
    alike = [str(n) for n, row in others.iterrows() if not clearly_worse(row)]
    worse = [(str(n), row) for n, row in others.iterrows() if clearly_worse(row)]
    if not worse:
        return f"These data do not tell the models apart: {_gaps(others)} {_unit(comparison)}."
    said = f"{named(best)} predicts best" if not alike else f"{joined([named(n) for n in (best, *alike)])} predict about equally well"
    gaps = joined([f"{named(n)} by {abs(r['elpd_diff']):.1f} (standard error {r['dse']:.1f})" for n, r in worse])
    said += f"; behind {'it' if not alike else named(best)} {'is' if len(worse) == 1 else 'are'} {gaps} {_unit(comparison)}."
    if alike:
        near = joined([f"{abs(others.loc[n, 'elpd_diff']):.1f} (standard error {others.loc[n, 'dse']:.1f})" for n in alike])
        said += f" The difference between {named(best)} and {joined([named(n) for n in alike])}, {near}, is too small to mean much."
    return said


def _gaps(others: pd.DataFrame) -> str:
    gaps = [f"{named(n)} is {abs(r['elpd_diff']):.1f} behind (standard error {r['dse']:.1f})" for n, r in others.iterrows()]
    return joined(gaps)


def _unit(comparison: Any) -> str:
    left_out = "rows" if getattr(comparison, "target", "rows") == "rows" else f"whole groups of `{comparison.by}`"
    return f"in expected log predictive density (elpd) of {left_out} not seen before"
