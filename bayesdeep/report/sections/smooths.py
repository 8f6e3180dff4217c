"""The smooths: what each adds to its predictor, where it rises and falls, how much it bends, and whether it is a line."""

import pandas as pd

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.effects.smooth_curves import SmoothTerm, smooth_curves, smooth_terms
from bayesdeep.effects.smooth_table import smooth_table
from bayesdeep.plot.smooth_plot import smooths
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.smooth_parts import SmoothPart, parts_of

from ..document import Block, Figure, Heading, Listing, Paragraph, Table
from ..numbers import between, number
from ..phrases import joined
from ..section import INTERVAL, Section, Subject
from ..smooth_phrases import SURELY, line_sentence, odds_text, shape_sentence

MOST_FITS = 3
MOST_CURVES = 12
"""Curves of which a sentence says where they rise and fall."""


def applies(subject: Subject) -> bool:
    """A fit has a smooth, and its rows are at hand."""
    return any(_has(fit) for fit in subject.fits.values())


def _has(fit: Fitted) -> bool:
    return fit.in_memory and any(len(one.along) in (1, 2) for one in smooth_terms(fit))


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the curves of each fit's smooths, and what is to be said of them."""
    found: list[Block] = []
    named = [name for name, fit in subject.fits.items() if _has(fit)]
    for name in named[:MOST_FITS]:
        found += [Heading(name)] if len(subject.fits) > 1 else []
        if not subject.trusted(name):
            found += [*subject.warning(name), Paragraph("No curve is drawn from these draws.")]
            continue
        try:
            found += _of_fit(subject.fits[name])
        except BayesdeepError as error:
            found.append(Paragraph(f"Not shown: {error}."))
    return tuple(found)


def _of_fit(fit: Fitted) -> list[Block]:
    terms = [one for one in smooth_terms(fit) if len(one.along) in (1, 2)]
    shown = joined([f"{one.source} along {' and '.join(one.along)}" for one in terms])
    percent = f"{100 * INTERVAL:.0f}\u00a0%"
    caption = (
        "What each smooth adds to its predictor, on the predictor's scale: 0 on average over the rows, which are marked at "
        f"the bottom. Bands hold {percent} of the posterior probability at each point."
    )
    if any(len(one.along) == 2 for one in terms):
        caption += " A surface is hatched where it is not sure (95\u00a0%) whether it lies above 0 or below; under it is its sd."
    curves = smooth_curves(fit, interval=INTERVAL)
    if any(curve.residuals is not None for curve in curves):
        caption += " Dots are responses less the rest of the predictor."
    found: list[Block] = [Figure.of(smooths(fit, interval=INTERVAL), f"Curves with bands: {shown}.", caption)]
    table = smooth_table(fit, INTERVAL)
    if curves:
        found.append(Listing(tuple(shape_sentence(curve) for curve in curves[:MOST_CURVES])))
        found.append(Paragraph(SURELY))
    lines = {part.name: _line(part, terms) for part in parts_of(fit.spec)}
    why = table.attrs["no_test"]
    found.append(Listing(tuple(line_sentence(str(n), row, lines[str(n)], why.get(n, "")) for n, row in table.iterrows())))
    found.append(_numbers(table, percent))
    return found


def _line(part: SmoothPart, terms: list[SmoothTerm]) -> str:
    """Return what a smooth is without its departure, in words."""
    own = [one for one in terms if (one.number, one.term.key) == (part.predictor, part.term)]
    if not own:
        return "nothing but what is not penalised"
    along, times = len(own[0].along), len(own[0].times)
    if len(part.free) - times < along:
        return "a constant"
    return "a straight line" if along == 1 else "a plane"


def _numbers(table: pd.DataFrame, percent: str) -> Table:
    """Return degrees of freedom, departures and Bayes factors as a table of texts."""
    rows = {}
    for name, row in table.iterrows():
        edf, size = ([row[f"{what}{end}"] for end in ("", "_lower", "_upper")] for what in ("edf", "departure"))
        places = 1 if size[0] >= 10 else 2 if size[0] >= 1 else 3
        known = [pd.notna(edf[0]), pd.notna(size[0]), pd.notna(row["bayes_factor"])]
        rows[str(name)] = [
            f"{number(edf[0], '.1f')} ({between(edf[1], edf[2], 1)})" if known[0] else "–",
            f"{row['most']:.0f}",
            f"{number(size[0], f'.{places}f')} ({between(size[1], size[2], places)})" if known[1] else "–",
            ("≤ " if row["bayes_factor"] <= row["least_factor"] else "") + odds_text(row["bayes_factor"]) if known[2] else "–",
        ]
    columns = ["degrees of freedom", "at most", "departure", "Bayes factor for none"]
    caption = (
        f"Effective degrees of freedom of each smooth, with {percent} interval, a straight line counting 1, and what it could "
        "have without a penalty (averaged over how smooth the curve may be: those of a straight line lie above 1, with an "
        "interval that begins near 1); the root mean square over the rows of its departure from what is not penalised, on the "
        "predictor's scale; and the Bayes factor for no departure, which depends on the prior of its sd."
    )
    return Table(pd.DataFrame.from_dict(rows, orient="index", columns=columns), caption, index="smooth")


SECTION = Section("Smooths", 57, applies, blocks, "smooth")
