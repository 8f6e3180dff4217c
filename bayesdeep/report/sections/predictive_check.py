"""Whether the model could have produced the data."""

import pandas as pd

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.plot.predictive_plot import predictive_check

from ..document import Block, Figure, Paragraph, Table
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
    checks = subject.checks(subject.main)
    return (*found, *([_table(checks, name)] if checks is not None else []))


def _table(checks: pd.DataFrame, name: str) -> Table:
    """Return statistics of the response beside those of predicted data sets."""
    frame = checks.rename(columns={"lower": "5 %", "upper": "95 %"}).drop(columns="passed")
    caption = (
        f"Statistics of `{name}`, and what 90 % of predicted data sets have. p: the share of data sets at least as far out as "
        "the observed one, on its side; 1 % and less says that the model misses it."
    )
    return Table(frame, caption, {"observed": ".3g", "5 %": ".3g", "95 %": ".3g", "p": ".3f"}, "statistic")


SECTION = Section("Do the predictions look like the data?", 70, applies, blocks, "fit")
