"""Whether the model could have produced the data."""

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.plot.predictive import predictive_check

from ..blocks import Block, Figure, Paragraph
from ..section import Section, Subject

DRAWS = 50


def applies(subject: Subject) -> bool:
    """Responses are there, one number or level a row."""
    data, name = subject.fit.idata["observed_data"], subject.fit.spec.response.name
    return name in data and data[name].ndim == 1


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the overlay of observed and predicted responses."""
    if not subject.trusted():
        return (*subject.warning(), Paragraph("No predictions are drawn from these draws."))
    name = subject.fit.spec.response.name
    found: list[Block] = []
    try:
        figure = predictive_check(subject.fit, draws=DRAWS)
        alt = (
            f"Distribution of {name} as observed, over those of {DRAWS} data sets predicted by the model for the same "
            "rows."
        )
        caption = (
            f"`{name}` as observed, and {DRAWS} data sets that the model predicts for the same rows. Where the "
            "observed one leaves "
            "the bundle, the model misses something about the response: its tails, a second hump, values that pile up."
        )
        found.append(Figure.of(figure, alt, caption))
    except BayesdeepError as error:
        found.append(Paragraph(f"No overlay: {error}."))
    return tuple(found)


SECTION = Section("Do the predictions look like the data?", 70, applies, blocks)
