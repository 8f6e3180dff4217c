"""How well each model predicts what it has not seen."""

import pandas as pd

from bayesdeep.compare.compared import Compared
from bayesdeep.plot.forest import elpd_differences

from ..document import Block, Callout, Figure, Format, Paragraph, Table
from ..numbers import number, percent
from ..phrases import named
from ..section import Section, Subject
from ..sound import without

FORMATS: dict[str, Format] = {
    "elpd": ".1f",
    "elpd_diff": ".1f",
    "dse": ".1f",
    "p": ".1f",
    "weight": ".2f",
    "rmse": ".3g",
    "coverage_90": percent,
    "width_90": ".3g",
    "accuracy": percent,
    "calibration_error": ".3f",
}
"""The columns shown, and how."""
READING = (
    "Each model is asked for rows it was not fitted to, and scored by the density it gives to what was observed "
    "there. Differences "
    "below 4, or below twice their standard error, mean little."
)


def applies(subject: Subject) -> bool:
    """There is something to compare."""
    return subject.comparison is not None


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the answer in words, the differences as a picture, and the table; fits that cannot be trusted are apart."""
    comparison, bad = subject.comparison, subject.untrusted()
    assert comparison is not None
    sound = without(comparison, bad)
    found: list[Block] = [block for name in bad for block in subject.warning(name)]
    if sound is not None:
        found += [Paragraph(READING), *_figure(sound), _table(comparison, sound.table, False)]
    rest = comparison.table if sound is None else comparison.table.loc[[n for n in comparison.table.index if n in bad]]
    if len(rest):
        found.append(
            _table(comparison, rest.drop(columns=["rank", "elpd_diff", "dse", "weight"], errors="ignore"), bool(bad))
        )
    table = comparison.table
    warned = [(str(n), str(w)) for n, w in table["warning"].items() if w] if "warning" in table else []
    found += [Callout("caution", f"{named(name)}: {text}.") for name, text in warned]
    return (*found, *(Callout("note", str(note)) for note in comparison.notes))


def _table(comparison: Compared, table: pd.DataFrame, struck: bool) -> Table:
    kept = [c for c in FORMATS if c in table.columns and not table[c].isna().all()]
    caption = (
        f"Best first, {comparison.table.attrs.get('scored_on', 'scored on rows not seen')}. elpd: expected log predictive "
        "density, higher is better; elpd_diff: against the best, with standard error dse; p: effective number of parameters; "
        "weight: stacking; the errors are in the response's units; coverage and width are of 90 % intervals."
    )
    if struck:
        caption = (
            f"What cannot be trusted, {comparison.table.attrs.get('scored_on', 'scored on rows not seen')}; not ranked."
        )
    return Table(table[kept], caption, {c: FORMATS[c] for c in kept}, "model", struck)


def _figure(comparison: Compared) -> list[Block]:
    table = comparison.table[comparison.table["elpd"].notna()]
    if not {"elpd_diff", "dse"} <= set(table.columns) or len(table) < 2:
        return []
    behind = "; ".join(f"{n} {number(-abs(float(d)), '.1f')}" for n, d in table["elpd_diff"].items())
    alt = f"Difference in elpd from the best model, with two standard errors: {behind}."
    caption = (
        "How far each model's expected log predictive density lies behind the best one's (diamond), with two "
        "standard errors."
    )
    return [Figure.of(elpd_differences(table), alt, caption)]


SECTION = Section("Which model predicts best?", 40, applies, blocks, "comparison")
