"""A fit of several responses as a document: what is of all together, each response's own sections, and how to make it again."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.cards.write_card import prior_text
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.core.registry import SECTIONS
from bayesdeep.diagnostics.diagnose_joint import diagnose_joint
from bayesdeep.inference.joint_loo import loo_by_response
from bayesdeep.results.joint_fitted import JointFitted
from bayesdeep.spec.declared import given_matrices
from bayesdeep.spec.joint_spec import prefix_of

from .document import Block, Callout, Code, Listing, Paragraph, Table
from .estimates import estimates_table
from .how_fitted import how_fitted
from .phrases import capital, joined
from .render import Chapter, Document, document
from .section import INTERVAL, Subject

KIND = {"trust": "good", "caution": "caution", "do not trust": "bad"}
MOST_VALUES = 100_000_000
"""Draws times rows up to which rows are left out for a report."""


def joint_document(fit: JointFitted, title: str, extra: Mapping[str, Any]) -> Document:
    """Return the report: a section on all responses together, then the sections of each, then how to obtain it again.

    A section that says how a model was made (:attr:`~bayesdeep.report.section.Section.once`) is not written for each response.
    """
    own = {key: section for key, section in SECTIONS.items() if not section.once}
    about = {key: value for key, value in extra.items() if key != "question"}
    chapters = [Chapter("together", "All responses together", _together(fit, extra))]
    for number, (name, one) in enumerate(fit.each.items(), start=1):
        made = document(Subject({"model": one}, None, "model", about), title, own)
        chapters += [replace(c, key=f"{number}-{c.key}", title=f"{name}: {c.title}") for c in made.chapters]
    chapters.append(Chapter("again", "To obtain this again", _again(fit)))
    return Document(title, f"One model of {len(fit.each)} responses: {joined(list(fit.each))}", tuple(chapters))


def _together(fit: JointFitted, extra: Mapping[str, Any]) -> tuple[Block, ...]:
    question, diagnosis = extra.get("question"), diagnose_joint(fit)
    bad = diagnosis.verdict == "do not trust"
    found: list[Block] = [Paragraph(str(question))] if question else []
    found += [
        Code("\n".join(line for one in fit.spec.responses for line in _formulas(one.formulas))),
        _responses(fit),
        Callout(KIND.get(diagnosis.verdict, "note"), f"{capital(diagnosis.sentence)}."),
        *([Listing(tuple(diagnosis.advice))] if diagnosis.advice else []),
        *_correlations(fit, bad),
        *_left_out(fit, bad),
    ]
    said = (
        "What follows is about one response at a time: its marginal posterior, whatever the others are. A row's other responses "
        "are not used to predict it."
    )
    return (*found, Paragraph(said))


def _formulas(texts: Mapping[str, str]) -> list[str]:
    main, *others = texts.items()
    return [main[1], *(f"    {name} {text}" for name, text in others)]


def _responses(fit: JointFitted) -> Table:
    rows = {
        one.response.name: {
            "family": one.family,
            "link": ", ".join(f"{link} of {name}" for name, link in one.links.items()),
            "rows": len(place),
        }
        for one, place in zip(fit.spec.responses, fit.rows.places, strict=True)
    }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    some = any(len(place) < fit.rows.rows for place in fit.rows.places)
    caption = f"The responses, of {fit.rows.rows:,} rows in all" + ("; some rows lack some of them." if some else ".")
    return Table(frame, caption, {"rows": ",d"}, "response")


def _correlations(fit: JointFitted, struck: bool) -> list[Block]:
    """Return a table of every correlation that responses have in common."""
    posterior = fit.tree["posterior"].to_dataset()
    tail, found = (1 - INTERVAL) / 2, {}
    for prior in fit.spec.priors:
        array = posterior[prior.name]
        values = np.asarray(array).reshape(-1, array.sizes[array.dims[-1]])
        for label, draws in zip(array[array.dims[-1]].values.tolist(), values.T, strict=True):
            lower, upper = np.quantile(draws, [tail, 1 - tail])
            found[f"{prior.name}[{label}]"] = {"mean": draws.mean(), "sd": draws.std(ddof=1), "lower": lower, "upper": upper}
    if not found:
        return [Paragraph("Given the predictors the responses are independent: nothing in the model makes them go together.")]
    caption = (
        "How responses go together: `residual_corr` of what is left over in a row, others of the effects of a group; means and "
        f"90 % intervals. Priors: {joined([f'`{p.name}` ~ {p.prior}' for p in fit.spec.priors])}."
    )
    return [estimates_table(pd.DataFrame.from_dict(found, orient="index"), caption, "correlation", struck)]


def _left_out(fit: JointFitted, struck: bool) -> list[Block]:
    """Return how well rows that were left out with all their responses are foretold."""
    if int(np.prod(fit.sizes)) * fit.rows.rows > MOST_VALUES:
        return [Paragraph("Leave-one-out of whole rows is not worked out here for so many rows; `fit.loo()` does it.")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole, each = loo_by_response(fit)
    except BayesdeepError as error:
        return [Paragraph(f"Leave-one-out of whole rows is not worked out: {error}.")]
    every = {"whole rows": whole, **each}
    table = pd.DataFrame({name: {"elpd": one.elpd, "se": one.se, "p": one.p} for name, one in every.items()}).T
    caption = (
        "Leave-one-out of whole rows: the log density of a row that was left out with all its responses, and of each response in "
        "it. elpd: sum over rows, higher is better; se: its standard error; p: effective number of parameters."
    )
    if fit.spec.correlated:
        caption += " Residuals are correlated, so that responses do not add up to rows."
    advice = [Callout("caution", f"{capital(sentence)}.") for sentence in whole.advice]
    return [Table(table, caption, dict.fromkeys(table.columns, ".1f"), "left out", struck), *advice]


def _again(fit: JointFitted) -> tuple[Block, ...]:
    attrs = fit.tree.attrs
    why = [Paragraph(f"{capital(fit.explain_choice)}.")] if fit.explain_choice else []
    return (
        Paragraph(f"It took {attrs['seconds_total']:.1f} s. With the same data, seed and versions the same numbers come out:"),
        Code(call(fit)),
        *why,
        Listing(tuple(f"{name} {number}" for name, number in attrs.get("versions", {}).items())),
    )


def call(fit: JointFitted) -> str:
    """Return the calls that make the fit."""
    specs = fit.spec.responses
    parts = [repr([next(iter(one.formulas.values())) for one in specs]), "data", f"family={[one.family for one in specs]!r}"]
    links = [dict(one.links) for one in specs]
    parts += [f"link={links!r}"] if any(link != "identity" for own in links for link in own.values()) else []
    priors = {f"{prefix_of(one)}{p.key}": prior_text(p.prior) for one in specs for p in one.priors if p.origin == "user"}
    priors |= {p.name: prior_text(p.prior) for p in fit.spec.priors if p.origin == "user"}
    parts += [f"priors={priors!r}"] if priors else []
    tables = ", ".join(f"{name!r}: {name}" for name in dict.fromkeys(n for one in specs for n in given_matrices(one)))
    parts += [f"arrays={{{tables}}}"] if tables else []
    parts += [f"missing={specs[0].missing!r}"] if specs[0].missing != "error" else []
    parts += ["residual_correlation=True"] if fit.spec.correlated else []
    others: dict[str, dict[str, str]] = {}
    for one in specs:
        for name, text in list(one.formulas.items())[1:]:
            others.setdefault(name, {})[one.response.name] = repr(text)
        for name, known in one.known.items():
            others.setdefault(name, {})[one.response.name] = f"bd.known({known.value!r})"
    for name, own in others.items():
        parts.append(f"{name}={{{', '.join(f'{response!r}: {text}' for response, text in own.items())}}}")
    options = ", ".join(f"{k}={v!r}" for k, v in how_fitted(fit.tree).items())
    return f"bd.Model({', '.join(parts)}).fit({fit.tree.attrs['method']!r}, {options})"
