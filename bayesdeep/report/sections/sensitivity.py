"""Whether conclusions hang on the prior: power scaling, without fitting again."""

import pandas as pd

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.diagnostics.prior_sensitivity import LIMIT, prior_sensitivity
from bayesdeep.results.fitted import Fitted

from ..document import Block, Callout, Heading, Paragraph, Table
from ..phrases import joined, named
from ..section import Section, Subject

MAX_PARAMETERS = 16
MOST_ROWS = 50_000
READING = (
    "The prior, and then the likelihood, are made a little weaker and stronger, and the posterior is reweighted to match. "
    f"A sensitivity to the prior of {LIMIT:g} or more says that another prior would give another answer; one to the likelihood "
    f"below {LIMIT:g}, that the data say little. Only the priors at the top are scaled, not the distribution of group effects."
)


def applies(subject: Subject) -> bool:
    """There is a fit with draws from the posterior whose rows are at hand."""
    return any(_can(fit) for fit in subject.fits.values())


def _can(fit: Fitted) -> bool:
    small = fit.in_memory and fit.rows.rows <= MOST_ROWS
    return small and bool(fit.idata.attrs.get("exact")) and fit.sizes[1] > 1


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return a table of sensitivities for each fit that has posterior draws, and what they mean."""
    found: list[Block] = [Paragraph(READING)]
    several = len(subject.fits) > 1
    for name, fit in subject.fits.items():
        if not _can(fit):
            continue
        found += [Heading(name)] if several else []
        if not subject.trusted(name):
            found += [
                *subject.warning(name),
                Paragraph("Draws that are not the posterior's cannot be reweighted to another."),
            ]
            continue
        try:
            found += _one(prior_sensitivity(fit), name if several else "")
        except BayesdeepError as error:
            found.append(Paragraph(f"Not worked out: {error}."))
    skipped = [name for name, fit in subject.fits.items() if not _can(fit)]
    if skipped:
        found.append(
            Paragraph(f"Not asked of {joined([named(n) for n in skipped])}: no posterior draws, or too many rows.")
        )
    return tuple(found)


def _one(table: pd.DataFrame, name: str) -> list[Block]:
    strong = [str(n) for n in table.index[table["prior"] >= LIMIT]]
    of = f" of {named(name)}" if name else ""
    listed = joined([f"`{n}`" for n in strong[:6]]) + (f" and {len(strong) - 6} others" if len(strong) > 6 else "")
    if strong:
        said = Callout("caution", f"The posterior{of} depends on the prior of, or on priors that bear on, {listed}.")
    else:
        said = Callout("good", f"No parameter{of} changes noticeably with the prior.")
    shown = table.sort_values("prior", ascending=False).head(MAX_PARAMETERS)
    left = len(table) - len(shown)
    caption = "Sensitivity to power scaling of the prior and of the likelihood, most sensitive to the prior first"
    caption += f"; {left} less sensitive ones are left out." if left else "."
    out = table.attrs.get("left_out", ())
    if out:
        caption += f" Not scaled: {', '.join(out[:6])}{' and others' if len(out) > 6 else ''}."
    return [said, Table(shown, caption, {"prior": ".3f", "likelihood": ".3f"}, "parameter")]


SECTION = Section("Do the conclusions hang on the prior?", 86, applies, blocks, "fit")
