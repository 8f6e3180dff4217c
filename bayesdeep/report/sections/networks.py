"""What the networks learned: their functions with bands, and how much each input and each pair of inputs matters."""

import pandas as pd

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.core.registry import TERMS
from bayesdeep.effects.explain import Explained, explained
from bayesdeep.effects.input_function import predictor_of
from bayesdeep.plot.network_plot import network
from bayesdeep.results.fitted import Fitted

from ..document import Block, Figure, Heading, Paragraph, Table
from ..numbers import percent
from ..phrases import joined, named
from ..section import Section, Subject

MOST_FITS = 3
MOST_INPUTS = 10
DRAWS = 60
MOST_TERMS = 10
MOST_DOTS = 2_000


def has_network(fit: Fitted) -> bool:
    """Return whether a fit's main predictor has a network and its rows are at hand."""
    if not fit.in_memory:
        return False
    return any("network" in TERMS[t.kind].words(t.state) for t in fit.spec.predictors[0].terms)


def applies(subject: Subject) -> bool:
    """A fit has a network."""
    return any(has_network(fit) for fit in subject.fits.values())


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the function and the shares of each network's predictor."""
    names = [name for name, fit in subject.fits.items() if has_network(fit)]
    found: list[Block] = [
        Paragraph(
            "Weights have no meaning by themselves; functions do. Curves average over the other inputs; shares say how much of "
            "the predictor's variance each input, and each pair beyond its two inputs, accounts for if inputs were independent."
        )
    ]
    for name in names[:MOST_FITS]:
        found += [Heading(name)] if len(subject.fits) > 1 else []
        if subject.trusted(name):
            found += _one(subject.fits[name], name)
        else:
            found += [*subject.warning(name), Paragraph("No function is drawn from these draws.")]
    left = names[MOST_FITS:]
    if left:
        found.append(Paragraph(f"Not shown, to keep this short: {joined([named(n) for n in left])}."))
    found.append(
        Paragraph(
            "Which terms a formula would have to gain to do as well is not tried here, since it means fitting again: "
            "`bd.explain(net, against=multilevel)` does it."
        )
    )
    return tuple(found)


def _one(fit: Fitted, name: str) -> list[Block]:
    try:
        inputs = [i.name for i in predictor_of(fit, "report", 1).inputs]
    except BayesdeepError as error:
        return [Paragraph(f"Not shown: {error}.")]
    if len(inputs) > MOST_INPUTS:
        return [
            Paragraph(f'It has {len(inputs)} inputs, too many to show; `bd.plot.network(fit, "…")` draws one of them.')
        ]
    return [*_curves(fit, name, inputs), *_shares(fit, name)]


def _curves(fit: Fitted, name: str, inputs: list[str]) -> list[Block]:
    try:
        figure = network(fit, draws=2 * DRAWS, data=fit.rows.rows <= MOST_DOTS)
    except BayesdeepError:
        return []
    alt = f"Curves of the function that {name} learned, one an input ({', '.join(inputs[:6])}), with bands."
    caption = (
        "Expected response along each input, the others averaged over their training rows. Bands hold 50 and 90 % of the "
        "posterior probability; dots are the data, shifted by what the other inputs do where the link is the identity."
    )
    if fit.sizes[0] * fit.sizes[1] < 2:
        caption = "Expected response along each input, the others averaged over. A point fit has no bands."
    return [Figure.of(figure, alt, caption)]


def _shares(fit: Fitted, name: str) -> list[Block]:
    try:
        found = explained(fit, draws=DRAWS, progress=False)
    except BayesdeepError as error:
        return [Paragraph(f"No shares: {error}.")]
    table = shares_table(found)
    said = [Paragraph(text) for text in (sentence(found), *(f"Mind that {note}." for note in found.notes))] if len(table) else []
    caption = (
        f"Shares of the variance of the predictor of {name}, largest first, from {DRAWS} draws; a colon joins a pair."
    )
    formats = dict.fromkeys(("share", "lower", "upper"), percent)
    return [*said, Table(table, caption, formats, "input")] if len(table) else []


def shares_table(found: Explained) -> pd.DataFrame:
    """Return main effects and interactions by size, columns ``what share lower upper``."""
    parts = [found.main_effects.assign(what="alone"), found.interactions.assign(what="pair")]
    whole = (
        pd.concat([p for p in parts if len(p)])
        if any(len(p) for p in parts)
        else pd.DataFrame(columns=["term", "share"])
    )
    if not len(whole):
        return whole
    whole = whole.sort_values("share", ascending=False, kind="stable").head(MOST_TERMS)
    return whole.set_index("term")[["what", "share", "lower", "upper"]]


def sentence(found: Explained) -> str:
    """Return how much of the predictor is additive, in words."""
    alone, pairs = float(found.main_effects["share"].sum()), found.interactions
    clear = pairs[pairs["lower"] > 0] if len(pairs) else pairs
    said = f"Inputs one at a time account for {percent(min(alone, 1.0))} of what the predictor does"
    if not len(pairs) or pairs["lower"].isna().all():
        return f"{said}."
    if not len(clear):
        return f"{said}; no pair has an interaction that stands out of its uncertainty, so that an additive formula would do."
    return f"{said}; interactions that stand out: {joined([f'`{t}`' for t in clear['term'].head(4)])}."


SECTION = Section("What the networks learned", 65, applies, blocks, "network")
