"""Population-level effects, standard deviations and correlations of group effects, with intervals."""

import pandas as pd

from bayesdeep.plot.forest import draw_intervals
from bayesdeep.plot.parts import estimates

from ..document import Block, Figure, Heading, Paragraph, Table
from ..estimates import estimates_of, estimates_table, has_errors
from ..numbers import between, decimals, number
from ..phrases import joined, named
from ..section import Section, Subject

MAX_COEFFICIENTS = 24


def applies(subject: Subject) -> bool:
    """There are parameters with a name."""
    return bool(subject.fits)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the forest plot and table of the main fit, its spreads, and the shared coefficients of all fits."""
    struck = not subject.trusted()
    fit = subject.fit
    found: list[Block] = [*subject.warning()]
    if len(subject.fits) > 1:
        found.append(
            Paragraph(f"Estimates of {named(subject.main)}, the model looked at closely; means and 90 % intervals.")
        )
    table = estimates_of(fit, ("intercept", "coefficient"))
    if not table.empty:
        found += _population(subject, table, struck)
    spreads = estimates_of(fit, ("sd", "correlation", "parameter"))
    if not spreads.empty:
        caption = (
            "How much groups differ (`_sigma`), how their effects go together (`_corr`), and the other parameters of "
            "the response."
        )
        found += [
            Heading("Spreads and correlations"),
            estimates_table(spreads.head(MAX_COEFFICIENTS * 2), caption, "parameter", struck, errors=has_errors(fit)),
        ]
    return (*found, *_side_by_side(subject))


def _population(subject: Subject, table: pd.DataFrame, struck: bool) -> list[Block]:
    found: list[Block] = [Heading("Population-level effects")]
    slopes = estimates_of(subject.fit, ("coefficient",)).head(MAX_COEFFICIENTS)
    if not struck and len(slopes) > 1:
        half = estimates(subject.fit, ("coefficient",), 0.5).loc[slopes.index]
        alt = (
            "Point and interval for each of "
            f"{joined([str(n) for n in slopes.index[:6]])}{' and others' if len(slopes) > 6 else ''}."
        )
        caption = "Posterior means; thick lines hold half, thin lines 90 % of the posterior probability."
        if has_errors(subject.fit):
            caption = "Estimates; thick lines are 50 %, thin lines 90 % intervals by standard errors."
        found.append(Figure.of(draw_intervals(slopes, half, "estimate, on the scale of the predictor"), alt, caption))
    left = len(table) - MAX_COEFFICIENTS
    what = "Estimate, standard error" if has_errors(subject.fit) else "Mean, standard deviation"
    caption = f"{what} and 90 % interval of each coefficient" + (
        f"; {left} more are left out." if left > 0 else "."
    )
    return [*found, estimates_table(table.head(MAX_COEFFICIENTS), caption, "coefficient", struck, errors=has_errors(subject.fit))]


def _side_by_side(subject: Subject) -> list[Block]:
    """Return the coefficients that several models share, a column a model."""
    if len(subject.fits) < 2:
        return []
    tables = {n: estimates_of(f, ("coefficient", "parameter")) for n, f in subject.fits.items() if subject.trusted(n)}
    counts = pd.Series([label for t in tables.values() for label in t.index]).value_counts()
    order = [label for label in next(iter(tables.values())).index if counts[label] > 1] if tables else []
    if not order or len(tables) < 2:
        return []

    def text(row: pd.Series) -> str:
        if not float(row["sd"]) > 0:
            return f"{number(row['mean'], '.3g')} (a point)"
        places = decimals(float(row["sd"]))
        whole = between(row["lower"], row["upper"], places).replace(" ", "\u00a0")
        return f"{number(row['mean'], f'.{places}f')} ({whole})"

    frame = pd.DataFrame(
        {n: [text(t.loc[label]) if label in t.index else "–" for label in order[:MAX_COEFFICIENTS]] for n, t in tables.items()},
        index=order[:MAX_COEFFICIENTS],
    )
    caption = "The same parameter in each model: mean and 90 % interval."
    return [Heading("Beside the other models"), Table(frame, caption, {}, "parameter")]


SECTION = Section("Effects", 50, applies, blocks, "fit")
