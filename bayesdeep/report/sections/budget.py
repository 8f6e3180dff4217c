"""Where the uncertainty of predictions comes from: noise, population, groups, smooths, networks, chains."""

import numpy as np
import pandas as pd

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.effects.budget import budget as budget_of
from bayesdeep.plot.budget_bars import budget as budget_figure
from bayesdeep.plot.parts import family_words, thinned
from bayesdeep.results.fitted import Fitted

from ..document import Block, Figure, Paragraph, Table
from ..numbers import percent
from ..phrases import named
from ..section import Section, Subject

DRAWS = 400
MOST_ROWS = 20_000
WORDS = {
    "noise": "the noise between rows, which no amount of data removes",
    "population": "not knowing the population-level coefficients",
    "group": "not knowing the groups",
    "smooth": "not knowing the smooth functions",
    "network": "not knowing the network's function",
    "between": "chains that disagree",
}


def applies(subject: Subject) -> bool:
    """The response is one number a row about a sum of terms, and the rows are at hand and not too many."""
    fit = subject.fit
    words = FAMILIES[subject.fit.spec.family].words
    return fit.in_memory and not fit.spec.nonlinear and not (fit.rows.rows > MOST_ROWS or words & {"levels", "several_columns"})


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the parts of each fit's predictive variance, and the main fit's by group size."""
    rows: dict[str, dict[str, float]] = {}
    struck: dict[str, dict[str, float]] = {}
    for name, fit in subject.fits.items():
        try:
            (rows if subject.trusted(name) else struck)[name] = mean_budget(fit)
        except BayesdeepError:
            continue
    warned = [block for name in struck for block in subject.warning(name)]
    found: list[Block] = [*warned, Paragraph(_sentence(subject, rows))] if subject.main in rows else [*warned]
    for chosen, bad in ((rows, False), (struck, True)):
        if chosen:
            found.append(_table(pd.DataFrame.from_dict(chosen, orient="index"), bad))
    return (*found, *_figure(subject))


def mean_budget(fit: Fitted) -> dict[str, float]:
    """Return the parts of the predictive variance, the mean over rows, from at most 400 draws."""
    table = budget_of(thinned(fit, DRAWS))
    return {str(part): float(mean) for part, mean in table.mean().items()}


def _sentence(subject: Subject, rows: dict[str, dict[str, float]]) -> str:
    own = rows[subject.main]
    share = {part: own[part] / own["total"] for part in WORDS if part in own} if own["total"] > 0 else {}
    ordered = sorted((p for p in share if share[p] >= 0.005), key=lambda p: -share[p])
    of = named(subject.main) if len(subject.fits) > 1 else "the model"
    said = "; ".join(f"{percent(share[p])} {WORDS[p]}" for p in ordered)
    if not said:
        return f"The predictions of {of} have no variance."
    return f"Of the variance of a prediction by {of}, averaged over the rows: {said}."


def _table(frame: pd.DataFrame, struck: bool) -> Table:
    kept = [c for c in frame.columns if c in ("noise", "total") or (np.abs(frame[c]) > 0).any()]
    caption = (
        "Variance of a new response of each row, averaged over rows, as a sum of parts, in the response's units squared. A part "
        "that makes up for others may be negative; the same rows were used to fit, so that parts are those of known groups."
    )
    return Table(frame[kept], caption, dict.fromkeys(kept, ".3g"), "model", struck)


def _figure(subject: Subject) -> list[Block]:
    if not subject.trusted() or "two_levels" in family_words(subject.fit):
        return []
    try:
        figure = budget_figure(thinned(subject.fit, DRAWS), noise=False)
    except (BayesdeepError, ValueError):
        return []
    of = named(subject.main) if len(subject.fits) > 1 else "the model"
    alt = f"Stacked bars: parts of the variance of predictions by {of} that come from not knowing the model, the noise left out."
    caption = (
        f"What {of} does not know, the noise left out: bars are averages over rows, by the number of rows of their group where "
        "there are groups."
    )
    return [Figure.of(figure, alt, caption)]


SECTION = Section("Where does the uncertainty come from?", 83, applies, blocks, "fit")
