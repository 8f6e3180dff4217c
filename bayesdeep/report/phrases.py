"""Sentences that several places of a report need."""

import math

import pandas as pd

from bayesdeep.compare.compared import Compared

from .numbers import between, decimals, number

SMALL = 4.0
"""Differences in elpd below this say little, whatever their standard error (Sivula et al. 2025, arXiv:2008.10296)."""


def joined(items: list[str]) -> str:
    """Return items as a phrase: ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def capital(sentence: str) -> str:
    """Return a sentence that begins with a capital letter."""
    return sentence[:1].upper() + sentence[1:]


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


def comparison_sentence(comparison: Compared) -> str:
    """Return which model predicts best, by how much, and whether that difference means anything."""
    table, unit = comparison.table, _unit(comparison)
    table = table[table["elpd"].notna()]
    if len(table) < 2:
        return f"Only {named(table.index[0])} could be scored." if len(table) else "No model could be scored."
    best, others = str(table.index[0]), table.iloc[1:]
    gaps = {str(n): f"{abs(r['elpd_diff']):.1f} (standard error {r['dse']:.1f})" for n, r in others.iterrows()}
    worse = [str(n) for n, r in others.iterrows() if clearly_worse(r)]
    alike = [name for name in gaps if name not in worse]
    behind = joined([f"{named(n)} by {gaps[n]}" for n in worse])
    verb = "is" if len(worse) == 1 else "are"
    if not worse:
        near = joined([f"{named(n)} is behind {named(best)} by {gaps[n]}" for n in alike])
        return f"These data do not tell the models apart: {near} {unit}."
    if not alike:
        return f"{named(best)} predicts best; behind it {verb} {behind} {unit}."
    even = joined([named(n) for n in (best, *alike)])
    near = joined([gaps[n] for n in alike])
    return (
        f"{even} predict about equally well, the difference of {near} being too small to mean much; "
        f"behind {named(best)} {verb} {behind} {unit}."
    )


def certainty_sentence(comparison: Compared) -> str:
    """Return how sure it is that the best model is better than each other one, in words; "" with nothing to compare.

    The probability is that of a normal distribution of the difference with its standard error, which understates what is not
    known for fewer than about 100 rows, for models that predict nearly alike, and where one model is wrong about a few rows
    (Sivula et al. 2025, arXiv:2008.10296).
    """
    table = comparison.table[comparison.table["elpd"].notna()]
    others = [(str(n), float(r["elpd_diff"]), float(r["dse"])) for n, r in table.iloc[1:].iterrows() if r["dse"] > 0]
    if not others:
        return ""
    chances = joined([f"{_chance(abs(diff) / error)} for {named(n)}" for n, diff, error in others])
    said = (
        f"How sure is that? By the normal approximation, the chance that {named(table.index[0])} predicts such rows better than "
        f"another model is {chances}."
    )
    rows = _scored_rows(comparison, str(table.index[0]))
    few = f" With {rows:,} scored rows or groups the approximation is rough." if rows is not None and rows < 100 else ""
    doubted = [named(n) for n, w in table.get("warning", {}).items() if "not reliable" in str(w)]
    shaky = f" Some rows' scores are uncertain themselves, of {joined(doubted)}: see the comparison." if doubted else ""
    return said + few + shaky


def _chance(z: float) -> str:
    chance = 100 * (1 - math.erfc(z / math.sqrt(2)) / 2)
    return "over 99\u00a0%" if chance > 99 else f"{chance:.0f}\u00a0%"


def _scored_rows(comparison: Compared, name: str) -> int | None:
    one = comparison.assessed.get(name)
    return None if one is None else int(one.elpd.n_data_points)


def _unit(comparison: Compared) -> str:
    left_out = "rows" if comparison.target == "rows" else f"whole groups of `{comparison.by}`"
    return f"in expected log predictive density (elpd) of {left_out} not seen before"
