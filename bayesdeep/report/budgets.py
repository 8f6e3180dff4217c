"""Budgets of variance in mathematics: what all terms explain together, and what each of them gets of it."""

from bayesdeep.core.quantities import COEFFICIENT
from bayesdeep.core.registry import FAMILIES, PRIORS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shares_of_budget import Owner, budgets_of, shares

from .letters import letter_of


def budgets(spec: ModelSpec) -> list[str]:
    """Return the law of each budget, and how what has a share of it follows."""
    found: list[str] = []
    for chosen in budgets_of(spec.priors):
        owners, arguments = shares(spec, chosen.key), dict(chosen.prior.arguments)
        write = PRIORS[chosen.prior.name].written
        if write is None:
            continue
        found += write(chosen.key, tuple(label for owner in owners for label in owner.labels), **arguments)
        residual = _residual(spec, arguments.get("residual_sd"))
        found += [f"    {line}" for owner in owners for line in _allotted(owner, residual)]
    return found


def _residual(spec: ModelSpec, number: object) -> str:
    """Return the residual standard deviation: the letter of a parameter, or a number."""
    if isinstance(number, int | float):
        return f"{number:.4g}"
    family = FAMILIES[spec.family]
    name = None if family.residual is None else family.residual(spec.links[family.main.name])
    return letter_of(name) if isinstance(name, str) else "the residual sd"


def _allotted(owner: Owner, residual: str) -> list[str]:
    """Return the law of the coefficients that have a share, or what standard deviations follow from theirs."""
    found = []
    for adds, label in zip(owner.adds, owner.labels, strict=True):
        sd = f"s[{label}] · {residual}" + ("" if f"{adds:.4g}" == "1" else f" / {adds:.4g}")
        found.append(f"β({label}) ~ Normal(0, {sd})" if owner.role == COEFFICIENT else f"{label} = {sd}")
    return found
