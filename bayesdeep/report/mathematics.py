"""A model written the way a paper writes it, in plain characters.

What a family's distribution looks like its record says (``density``), what a function on the left of ``~`` does to it the
function's (``mathematics``); nothing here knows a family or a function by name.
"""

import re
from dataclasses import replace
from typing import Any

from bayesdeep.core.effects import Grouped, Members
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.links import find_link
from bayesdeep.core.records import Family, Parameter
from bayesdeep.core.registry import FAMILIES, RESPONSES
from bayesdeep.design.learn import term_nodes
from bayesdeep.formula.nodes import Call, Expression, Name, Number, Unary
from bayesdeep.spec.declared import by_threshold, effects_of
from bayesdeep.spec.model_spec import ModelSpec, PredictorSpec
from bayesdeep.spec.slots import prefixed

from .addends import Place, laws, written
from .budgets import budgets
from .letters import letter_of

MOST_LEVELS = 8


def equations(spec: ModelSpec) -> str:
    """Return the response's distribution, every predictor, the other parameters, and the distributions of group effects."""
    family = FAMILIES[spec.family]
    lines = _distribution(spec, family)
    below: list[str] = []
    for predictor in spec.predictors:
        own, more = _predictor(spec, family, predictor)
        lines += own
        below += more
    modelled = {p.parameter for p in spec.predictors}
    lines += [line for p in family.parameters if p.name not in modelled for line in _plain(spec, p)]
    below += budgets(spec)
    return "\n".join([*(line for line in lines if line), *(["", *below] if below else [])])


def _distribution(spec: ModelSpec, family: Family) -> list[str]:
    """Return the distribution of row i, and what censoring, truncation and weights do to it."""
    found = _response(spec)
    names = {p.name: _written(spec, p) if p.fixed is None else _factor(spec, p) for p in family.parameters}
    names |= {f"{p.name}_k": f"{letter_of(p.name)}ₖᵢ" for p in family.parameters if p.shape == "contrast"}
    link = find_link(spec.predictors[0].link, "link", FormulaError)
    inverse = link.formula.partition(" = ")[2].replace("eta", "x")
    levels = [str(level) for level in spec.response.levels or ()]
    shown = (" < " if "ordered" in family.words else ", ").join(_few(levels))
    template = family.density or "{y} ~ " + f"{_title(family)}({', '.join(names[p.name] for p in family.parameters)})"
    eta = "ηᵢ[k]" if any(map(by_threshold, spec.predictors[0].terms)) else "ηᵢ"
    for name in (p.name for p in family.parameters if p.fixed is not None and not names[p.name]):
        template = re.sub(rf"\{{{name}\}}\(([^()]*)\)", r"\1", template)  # without its factor a bracket is none
    text = template.format(y=found["y"], n=found["n"], eta=eta, inverse=inverse, levels=shown, **names)
    success = [f"    1 is {spec.response.name} = {levels[1]}"] if "two_levels" in family.words and len(levels) == 2 else []
    return [*text.split("\n"), *success, *found["lines"]]


def _few(levels: list[str]) -> list[str]:
    return levels if len(levels) <= MOST_LEVELS else [*levels[: MOST_LEVELS - 2], "…", levels[-1]]


def _response(spec: ModelSpec) -> dict[str, Any]:
    """Return the response and its trials as they are written for row i, and the lines of what was done to it."""
    found: dict[str, Any] = {"y": f"{spec.response.name}ᵢ", "n": "nᵢ", "lines": []}
    node = spec.nodes[next(iter(spec.formulas))].response
    while isinstance(node, Call) and node.function in RESPONSES:
        function, arguments = RESPONSES[node.function].mathematics, tuple(_row(a) for a in node.arguments[1:])
        said = function(found["y"], arguments, {k: _row(v) for k, v in node.options}) if function else {}
        # What stands inside is said first.
        found["lines"] = [*said.get("line", "").split("\n"), *found["lines"]]
        found |= {key: said[key] for key in ("y", "n") if key in said}
        node = node.arguments[0]
    return found


def _row(node: Expression) -> str:
    """Return an argument as it is written for row i: a number is the same in all rows."""
    number = isinstance(node, Number) or (isinstance(node, Unary) and isinstance(node.operand, Number))
    text = node.name if isinstance(node, Name) else node.source
    return text if number else f"{text}ᵢ"


def _written(spec: ModelSpec, parameter: Parameter) -> str:
    """Return a parameter as the distribution shows it: with a row's index where rows differ in it."""
    known = spec.known.get(parameter.name)
    by_row = any(p.parameter == parameter.name for p in spec.predictors) or (known and isinstance(known.value, str))
    return letter_of(parameter.name) + ("ᵢ" if by_row else "")


def _factor(spec: ModelSpec, parameter: Parameter) -> str:
    """Return a parameter that is fixed at 1 unless the model says otherwise as it stands before a bracket."""
    said = parameter.name in spec.known or any(p.parameter == parameter.name for p in spec.predictors)
    return f"{_written(spec, parameter)} · " if said else ""


def _title(family: Family) -> str:
    title = family.title.removesuffix(" distribution")
    return title[:1].upper() + title[1:]


def _predictor(spec: ModelSpec, family: Family, predictor: PredictorSpec) -> tuple[list[str], list[str]]:
    """Return the lines of a parameter's link and predictor, and those of its terms below."""
    record, main = family.parameter(predictor.parameter), family.main.name
    is_main, contrast = predictor.parameter == main, record is not None and record.shape == "contrast"
    index = "ₖᵢ" if contrast else "ᵢ"
    letter = letter_of(predictor.parameter) + index
    formula = find_link(predictor.link, "link", FormulaError).formula
    formula = (family.inverse.get(predictor.link) if is_main else None) or formula
    inside = is_main and "{eta}" in family.density
    # The identity needs no letter of its own, unless the distribution is written with the predictor's.
    same = formula == "mu = eta" and not inside
    beside = "[k]" if any(map(by_threshold, predictor.terms)) else ""
    eta = letter if same else f"η{index}{beside}" if is_main else f"η({letter_of(predictor.parameter)}){index}"
    lines = [] if same or inside else [_link(formula, letter, eta)]
    place = Place(
        prefixed(predictor.parameter, family.bare, ""),
        contrast,
        intercept=family.has_intercept(predictor.parameter),
        alone=_one_factor(spec),
        priors={p.name: p for p in spec.priors},
    )
    nodes = [node for _, _, node in term_nodes(spec.nodes[predictor.parameter])]
    parts, below = [], []
    for term, node in zip(predictor.terms, nodes, strict=True):
        found, notes = written(term, node, replace(place, contrast=True) if by_threshold(term) else place)
        parts += found
        below += [*notes, *laws(term, place)]
    lines.append(f"{eta} = " + f"\n{' ' * len(eta)} + ".join(_gathered(parts)))
    if contrast:
        levels = [str(level) for level in spec.response.levels or ()]
        lines.append(f"    for k = {', '.join(_few(levels[1:]))}; it is 0 for {levels[0] if levels else 'the first level'}")
    return lines, below


def _link(formula: str, letter: str, eta: str) -> str:
    """Return a link's inverse with the letters of a parameter and its predictor."""
    for own, name in (("mu_k", letter), ("mu", letter), ("eta_k", eta), ("eta_j", eta.replace("ₖ", "ⱼ")), ("eta", eta)):
        formula = formula.replace(own, name)
    return formula.replace("sum_j", "Σⱼ")


def _one_factor(spec: ModelSpec) -> bool:
    """Return whether all group effects are of one factor and one parameter: their letters then need say no more."""
    effects = [e for p in spec.predictors for t in p.terms for e in effects_of(t)]
    return sum(isinstance(e.rows, Grouped | Members) for e in effects) < 2


def _gathered(parts: list[str], width: int = 58) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 3 <= width:
            lines[-1] += f" + {part}"
        else:
            lines.append(part)
    return lines or ["0"]


def _plain(spec: ModelSpec, parameter: Parameter) -> list[str]:
    """Return the value or the prior of a parameter without a formula."""
    letter, known, chosen = letter_of(parameter.name), spec.known.get(parameter.name), spec.prior(parameter.name)
    if known is not None:
        column = isinstance(known.value, str)
        return [f"{letter}ᵢ = {known.value}ᵢ (given)" if column else f"{letter} = {known.value:.12g} (given)"]
    if chosen is None:
        return []
    if parameter.shape == "cut":
        return [f"{letter}[k] ~ {chosen.prior}" + (", increasing with k" if parameter.support == "ordered" else "")]
    if parameter.shape == "shares":
        return [f"{letter} ~ {chosen.prior}: {len(parameter.labels)} shares, positive, with sum 1"]
    return [f"{letter} ~ {chosen.prior}"]
