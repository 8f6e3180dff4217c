"""What the terms explain that share a budget of variance: all together, and each of them."""

import numpy as np
import pandas as pd

from bayesdeep.effects.explained import explained
from bayesdeep.plot.parts import thinned
from bayesdeep.results.fitted import Fitted
from bayesdeep.spec.shares_of_budget import budget_names, is_share

from ..document import Block, Paragraph, Table
from ..numbers import percent
from ..phrases import named
from ..section import INTERVAL, Section, Subject

DRAWS = 1000


def applies(subject: Subject) -> bool:
    """The main fit's terms share a budget, and it can be trusted."""
    return any(is_share(p) for p in subject.fit.spec.priors) and subject.trusted()


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the shares as the prior counts them and, with the rows at hand, as these have them."""
    fit = subject.fit
    of = named(subject.main) if len(subject.fits) > 1 else "the model"
    shares = of_budget(fit)
    total = shares.iloc[0]
    said = (
        f"All terms of {of} together explain {percent(total['mean'])} of the variance of a response "
        f"({percent(total['lower'])} to {percent(total['upper'])}), where the variance of a term is that of the distribution its "
        "coefficients come from; the rest is what is left about the predictor."
    )
    formats = dict.fromkeys(shares.columns, ".3f")
    found: list[Block] = [Paragraph(said)]
    caption = f"The share of all variance that is explained, and how it is divided; with {percent(INTERVAL)} intervals."
    found.append(Table(shares, caption, formats, "share"))
    if fit.in_memory:
        caption = (
            "Of the variance that the predictor has over these rows, what each term brings: its covariance with the predictor. A "
            f"term that takes back what another adds may be negative. With {percent(INTERVAL)} intervals."
        )
        found.append(Table(explained(thinned(fit, DRAWS), INTERVAL), caption, formats, "term"))
    return tuple(found)


def of_budget(fit: Fitted) -> pd.DataFrame:
    """Return mean and interval of everything that a budget reports, the share of all variance first."""
    rows = {}
    for name in budget_names(fit.spec.priors):
        own = fit.posterior[name].transpose("chain", "draw", ...)
        values = np.asarray(own, dtype=float).reshape(own.shape[0] * own.shape[1], -1)
        labels = [name] if own.ndim == 2 else [str(label) for label in own[own.dims[2]].values]
        for label, column in zip(labels, values.T, strict=True):
            lower, upper = np.quantile(column, (0.5 - INTERVAL / 2, 0.5 + INTERVAL / 2))
            rows[label] = {"mean": column.mean(), "lower": lower, "upper": upper}
    return pd.DataFrame.from_dict(rows, orient="index")


SECTION = Section("What do the terms explain?", 58, applies, blocks, "budget")
