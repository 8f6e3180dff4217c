"""The smooths: what each adds to the predictor along its column, with a band."""

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.effects.smooth_curves import smooths_of
from bayesdeep.plot.smooth_plot import smooths

from ..document import Block, Figure, Heading, Paragraph
from ..phrases import joined
from ..section import Section, Subject

MOST_FITS = 3


def applies(subject: Subject) -> bool:
    """A fit has a smooth, and its rows are at hand."""
    return any(fit.in_memory and smooths_of(fit) for fit in subject.fits.values())


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the curves of each fit's smooths."""
    found: list[Block] = []
    named = [name for name, fit in subject.fits.items() if fit.in_memory and smooths_of(fit)]
    for name in named[:MOST_FITS]:
        found += [Heading(name)] if len(subject.fits) > 1 else []
        if not subject.trusted(name):
            found += [*subject.warning(name), Paragraph("No curve is drawn from these draws.")]
            continue
        fit = subject.fits[name]
        try:
            figure = smooths(fit)
        except BayesdeepError as error:
            found.append(Paragraph(f"Not shown: {error}."))
            continue
        shown = joined([f"{term} along {column}" for term, column in smooths_of(fit).values()])
        caption = (
            "What each smooth adds to the predictor, on the predictor's scale: 0 on average over the rows, which are marked at "
            "the bottom. Bands hold 90 % of the posterior probability at each point."
        )
        found.append(Figure.of(figure, f"Curves with bands: {shown}.", caption))
    return tuple(found)


SECTION = Section("Smooths", 57, applies, blocks, "smooth")
