"""What was assumed: formula, family, link, the equations, and every prior with its reason."""

import json
from dataclasses import replace

import pandas as pd

from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.records import Family
from bayesdeep.core.registry import ENGINES, FAMILIES, RESPONSES
from bayesdeep.formula.nodes import Call
from bayesdeep.results.fitted import Fitted
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shares_of_budget import budgets_of, is_share

from ..document import Block, Code, Heading, Paragraph, Table
from ..mathematics import equations
from ..phrases import named
from ..section import Section, Subject

BUDGET = "the share of variance that all terms explain together, and how it is divided among them"


def applies(subject: Subject) -> bool:
    """Every fit has a model."""
    return bool(subject.fits)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return each model's formulas, equations and priors."""
    several = len(subject.fits) > 1
    found: list[Block] = []
    told: dict[str, str] = {}
    for name, fit in subject.fits.items():
        found += [Heading(name)] if several else []
        about = subject.extra.get("about", {}).get(name)
        found += [Paragraph(str(about))] if about else []
        same = told.setdefault(json.dumps(fit.spec.to_json(), sort_keys=True, default=str), name)
        if same != name:
            found += [
                Code(_formulas(fit.spec)),
                Paragraph(f"The same model as {named(same)}, fitted by {fit.idata.attrs['method']}."),
            ]
        else:
            found += _one(fit)
    return tuple(found)


def _formulas(spec: ModelSpec) -> str:
    main, *others = spec.formulas.items()
    return "\n".join([main[1], *(f"{name} {text}" for name, text in others)])


def _one(fit: Fitted) -> list[Block]:
    spec, method = fit.spec, str(fit.idata.attrs["method"])
    used = method not in ENGINES or ENGINES[method].priors
    # The distribution of groups' effects is part of the model, whatever it is fitted by.
    shown = spec if used else replace(spec, priors=tuple(p for p in spec.priors if p.role == "effects"))
    family = FAMILIES[spec.family]
    links = ", ".join(f"{link} link for `{name}`" for name, link in spec.links.items())
    levels = spec.response.levels
    success = f" Success is `{spec.response.name}` = {levels[1]}." if levels is not None and len(levels) == 2 else ""
    return [
        Code(_formulas(spec)),
        Paragraph(f"The response follows {_article(_title(family))}{_modified(spec)}; {links}.{success}"),
        Code(equations(shown)),
        _priors(spec) if used else Paragraph(f"Fitted by {ENGINES[method].title}, without priors."),
    ]


def _article(title: str) -> str:
    return f"{'an' if title[0].lower() in 'aeiou' else 'a'} {title}"


def _modified(spec: ModelSpec) -> str:
    """Return what was done to the response, so that nobody takes the distribution for all there is."""
    node, called = spec.nodes[next(iter(spec.formulas))].response, []
    while isinstance(node, Call) and node.function in RESPONSES:
        called.append(node.source)
        node = node.arguments[0]
    return f" as `{called[0]}` says" if called else ""


def _title(family: Family) -> str:
    return family.title if "distribution" in family.title else f"{family.title} distribution"


def _row(chosen: ChosenPrior, prior: str, reason: str) -> list[str]:
    return [prior.replace(", ", ",\u00a0"), chosen.origin, reason]


def _priors(spec: ModelSpec) -> Table:
    rows = {p.key: _row(p, str(p.prior), BUDGET) for p in budgets_of(spec.priors)}
    rows |= {p.name: _row(p, f"its share of {p.key}" if is_share(p) else str(p.prior), p.reason) for p in spec.priors}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["prior", "from", "reason"])
    caption = (
        "Priors. The one on `Intercept` is on its value at the predictors' means."
        if "Intercept" in frame.index
        else "Priors."
    )
    return Table(frame, caption, {}, "parameter")


SECTION = Section("The models", 20, applies, blocks, "fit")
