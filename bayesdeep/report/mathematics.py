"""A model written the way a paper writes it, in plain characters."""

from typing import Any

from bayesdeep.core.links import LINKS
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.spec.model_spec import ModelSpec, PredictorSpec

GREEK = {"mu": "μ", "sigma": "σ", "nu": "ν", "alpha": "α", "zi": "π", "hu": "π", "eta": "η"}


def equations(spec: ModelSpec) -> str:
    """Return the response's distribution, every predictor, the distributions of group effects, and the priors."""
    family = FAMILIES[spec.family]
    modelled = {p.parameter for p in spec.predictors}
    arguments = ", ".join(_letter(p.name) + ("ᵢ" if p.name in modelled else "") for p in family.parameters)
    lines = [f"{spec.response.name}ᵢ ~ {_title(family)}({arguments})"]
    groups: list[str] = []
    for predictor in spec.predictors:
        lines.append(_link(predictor))
        parts = [part for term in predictor.terms for part in _addends(term)]
        lines.append(f"{_eta(predictor)} = " + f"\n{' ' * len(_eta(predictor))} + ".join(_gathered(parts)))
        groups += [line for term in predictor.terms for line in (*_network(term), *_groups(term))]
    lines += [f"{_letter(name)} = {known.value} (given)" for name, known in spec.known.items()]
    return "\n".join([*(line for line in lines if line), *(["", *groups] if groups else [])])


def _gathered(parts: list[str], width: int = 58) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 3 <= width:
            lines[-1] += f" + {part}"
        else:
            lines.append(part)
    return lines or ["0"]


def _title(family: Any) -> str:
    title = family.title.removesuffix(" distribution")
    return title[:1].upper() + title[1:]


def _letter(name: str) -> str:
    return GREEK.get(name, name)


def _eta(predictor: PredictorSpec) -> str:
    letter = _letter(predictor.parameter)
    return f"{letter}ᵢ" if predictor.link == "identity" else f"η({letter})ᵢ" if predictor.parameter != "mu" else "ηᵢ"


def _link(predictor: PredictorSpec) -> str:
    if predictor.link == "identity" or predictor.link not in LINKS:
        return ""
    text = LINKS[predictor.link].formula or f"mu = inverse {predictor.link}(eta)"
    letter, eta = f"{_letter(predictor.parameter)}ᵢ", _eta(predictor)
    return text.replace("mu", letter, 1).replace("eta", eta)


def _addends(term: Any) -> list[str]:
    """Return the addends a term brings to row i."""
    state = term.state
    if term.kind == "population":
        first = ["Intercept"] if state["intercept"] else []
        return first + [_coefficient(t) for t in state["terms"]]
    if term.kind == "group":
        factor, columns = state["factor"], state["columns"]
        place = f"[{factor}ᵢ]"
        first = [f"u₁{place}"] if columns["intercept"] else []
        return first + [
            f"u({t[0]}){place} · {t[0]}ᵢ" if t[3] is None else f"u({t[0]}){place}[{t[0]}ᵢ]" for t in columns["terms"]
        ]
    return [f"{term.source.strip()}ᵢ"]


def _coefficient(term: Any) -> str:
    name, _, _, labels, _ = term
    return f"β({name}) · {name}ᵢ" if labels is None else f"β({name})[{name}ᵢ]"


SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _network(term: Any) -> list[str]:
    """Return the layers of a network: each a linear predictor and an inverse link, like a model's own."""
    if TERMS[term.kind].cost is None:
        return []
    options = term.state["options"]
    hidden, activation = options["hidden"], options["activation"]
    body = f", hidden layers those of all networks with share='{options['share']}'" if options.get("share") else ""
    lines, last = [f"{term.state['name']}ᵢ, with xᵢ its standardised inputs{body}:"], "xᵢ"
    for k, size in enumerate(hidden, start=1):
        name = activation[min(k, len(activation)) - 1]
        mark = str(k).translate(SUBSCRIPTS)
        lines.append(f"    h{mark} = {name}(W{mark} {last} + b{mark})    {size} units")
        last = f"h{mark}"
    skip = " + s · xᵢ" if options.get("skip") and hidden else ""
    lines.append(f"    w · {last}{skip}" + (f"    w differs by {term.state['factor']}" if _by_group(term) else ""))
    return lines


def _by_group(term: Any) -> bool:
    return "|" in term.source and bool(term.state.get("factor"))


def _groups(term: Any) -> list[str]:
    """Return the distribution of a term's group effects."""
    if term.kind != "group":
        return []
    state = term.state
    factor, columns = state["factor"], state["columns"]
    names = [("u₁", f"1|{factor}")] if columns["intercept"] else []
    names += [(f"u({t[0]})", f"{t[0]}|{factor}") for t in columns["terms"]]
    count = f"    for each of the {len(state['labels'])} levels j of {factor}"
    if len(names) == 1 or not state["correlated"]:
        return [*(f"{u}[j] ~ Normal(0, {key}_sigma)" for u, key in names), count]
    scales = ", ".join(f"{key}_sigma" for _, key in names)
    vector = ", ".join(f"{u}[j]" for u, _ in names)
    scale, matrix = f"    D = diag({scales})", f"    R: correlations {factor}_corr"
    return [f"({vector}) ~ MultivariateNormal(0, D R D)", count, scale, matrix]
