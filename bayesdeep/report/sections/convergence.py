"""Whether the draws can be trusted: verdict, evidence and advice for every fit, and ranks of the worst quantities."""

from typing import Any

import pandas as pd

from bayesdeep.diagnostics.diagnose import Diagnosis
from bayesdeep.plot.rank_plot import ranks
from bayesdeep.results.fitted import Fitted

from ..document import Block, Callout, Figure, Heading, Listing, Paragraph, Table
from ..numbers import number
from ..phrases import capital, joined
from ..section import Section, Subject

KIND = {"trust": "good", "caution": "caution", "do not trust": "bad"}


def applies(subject: Subject) -> bool:
    """Every fit is diagnosed."""
    return bool(subject.fits)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return verdicts, evidence, advice, and rank plots for the main fit or those that failed."""
    several = len(subject.fits) > 1
    found: list[Block] = []
    for name, fit in subject.fits.items():
        found += [Heading(name)] if several else []
        found += _one(fit, subject.diagnoses[name])
        if name == subject.main or not subject.trusted(name):
            found += _worst(fit, subject.diagnoses[name])
    return tuple(found)


def _one(fit: Fitted, diagnosis: Diagnosis) -> list[Block]:
    evidence = diagnosis.evidence
    frame = pd.DataFrame(
        {
            "value": [_shown(v) for v in evidence["value"]],
            "limit": [str(x).replace(">= ", "≥\u00a0").replace("<= ", "≤\u00a0") for x in evidence["limit"]],
            "passed": ["yes" if p else "no" for p in evidence["passed"]],
            "meaning": evidence["meaning"].to_list(),
        },
        index=evidence["check"].to_list(),
    )
    found: list[Block] = [
        Callout(KIND.get(diagnosis.verdict, "note"), f"{capital(diagnosis.sentence)}."),
        Table(frame, "Evidence.", {"value": str}, "check"),
    ]
    return found + ([Paragraph("What to do:"), Listing(tuple(diagnosis.advice))] if diagnosis.advice else [])


def _shown(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int) or abs(float(value)) >= 100:
        return f"{float(value):,.0f}"
    return number(float(value), ".2f" if 0.5 < abs(float(value)) < 2 else ".3g")


def _worst(fit: Fitted, diagnosis: Diagnosis) -> list[Block]:
    """Return the rank plot of the three worst quantities, where there are chains to compare."""
    sizes = fit.idata["posterior"].sizes
    worst = [str(name) for name in diagnosis.worst.index[:3]]
    if not worst or sizes["chain"] < 2 or sizes["draw"] < 40:
        return []
    said = joined([f"`{name}`" for name in worst])
    alt = (
        f"Rank plots of {said.replace('`', '')}: one line a chain, around the level of equal shares if the chains "
        "agree."
    )
    caption = (
        f"The quantities that mix worst: {said}. Each line is a chain; in each twentieth of the ranks it should "
        "have its "
        "equal share of draws (dashed), give or take the grey band, a little more where draws are correlated."
    )
    return [Figure.of(ranks(fit, worst), alt, caption)]


SECTION = Section("Can the draws be trusted?", 80, applies, blocks, "fit")
