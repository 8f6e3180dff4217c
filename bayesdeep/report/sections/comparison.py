"""How well each model predicts what it has not seen."""

from bayesdeep.plot.forest import elpd_differences

from ..blocks import Block, Callout, Figure, Format, Paragraph, Table
from ..numbers import number, percent
from ..section import Section, Subject
from ..words import named

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
    """Return the answer in words, the differences as a picture, and the table."""
    comparison = subject.comparison
    table = comparison.table
    trusted = {str(n): subject.trusted(str(n)) if str(n) in subject.fits else True for n in table.index}
    found: list[Block] = [block for n, ok in trusted.items() if not ok for block in subject.warning(n)]
    if all(trusted.values()):
        found += [Paragraph(READING), *_figure(subject)]
    kept = [c for c in FORMATS if c in table.columns and not table[c].isna().all()]
    caption = (
        f"Best first, {table.attrs.get('scored_on', 'scored on rows not seen')}. elpd: expected log predictive "
        "density, higher is better; "
        "elpd_diff: against the best, with standard error dse; p: effective number of parameters; weight: stacking; "
        "the errors are in the response's units; coverage and width are of 90 % intervals."
    )
    found.append(Table(table[kept], caption, {c: FORMATS[c] for c in kept}, "model", not all(trusted.values())))
    warned = [(str(n), str(w)) for n, w in table["warning"].items() if w] if "warning" in table else []
    found += [Callout("caution", f"{named(name)}: {text}.") for name, text in warned]
    return (*found, *(Callout("note", str(note)) for note in getattr(comparison, "notes", ())))


def _figure(subject: Subject) -> list[Block]:
    table = subject.comparison.table
    if not {"elpd_diff", "dse"} <= set(table.columns):
        return []
    behind = "; ".join(f"{n} {number(-abs(float(d)), '.1f')}" for n, d in table["elpd_diff"].items())
    alt = f"Difference in elpd from the best model, with two standard errors: {behind}."
    caption = (
        "How far each model's expected log predictive density lies behind the best one's (diamond), with two "
        "standard errors."
    )
    return [Figure.of(elpd_differences(table), alt, caption)]


SECTION = Section("Which model predicts best?", 40, applies, blocks)
