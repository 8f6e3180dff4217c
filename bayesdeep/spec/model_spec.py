"""The record of a model: printable, comparable, JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bayesdeep.core.columns import ArrayPart, Json
from bayesdeep.core.priors import ChosenPrior, Known
from bayesdeep.core.registry import PRIORS, TERMS
from bayesdeep.formula.expand import expand
from bayesdeep.formula.group_sds import is_group_sd, with_group_sds
from bayesdeep.formula.nodes import Formula
from bayesdeep.formula.parser import parse, parse_parameter

from .as_json import from_json, to_json


@dataclass(frozen=True)
class TermSpec:
    """One addend of a predictor: the plug-in's name, what it learned, and where its arrays are kept."""

    kind: str
    key: str
    source: str
    state: Json


@dataclass(frozen=True)
class PredictorSpec:
    """The predictor of one parameter: of the family, or of a non-linear formula."""

    parameter: str
    link: str
    terms: tuple[TermSpec, ...]


@dataclass(frozen=True)
class ResponseSpec:
    """What is remembered of the response: its name, levels and modifiers, and its scale for default priors.

    ``failures`` are the labels that all count as failure, where the formula names the success; ``part`` is which number of an
    array column it is, where it is one.
    """

    name: str
    levels: tuple[Any, ...] | None = None
    ordered: bool = False
    modifiers: tuple[str, ...] = ()
    location: float = 0.0
    spread: float = 1.0
    failures: tuple[Any, ...] | None = None
    part: ArrayPart | None = None


@dataclass(frozen=True)
class ModelSpec:
    """A model without its data.

    Attributes
    ----------
    formulas
        Text by parameter; the main parameter's comes first and has the response.
    others
        The columns that ``.`` stands for.
    family
        Name of the family.
    links
        Link by parameter of the family, for those that have a formula.
    known
        Parameters that are given instead of estimated.
    predictors
        What each formula's terms learned from the training rows.
    response
        What is remembered of the response.
    priors
        The prior of every slot.
    missing
        What to do with missing values, ``"error"`` or ``"drop"``.
    """

    formulas: Mapping[str, str]
    others: tuple[str, ...]
    family: str
    links: Mapping[str, str]
    known: Mapping[str, Known]
    predictors: tuple[PredictorSpec, ...]
    response: ResponseSpec
    priors: tuple[ChosenPrior, ...]
    missing: str = "error"

    @cached_property
    def nodes(self) -> Mapping[str, Formula]:
        """Return the formulas multiplied out; read again from their texts, so that nothing but text is saved."""
        main, *others = (name for name in self.formulas if not is_group_sd(name))
        sds = {name: text for name, text in self.formulas.items() if is_group_sd(name)}
        parsed = with_group_sds(parse(self.formulas[main], unknowns=self.nonlinear), sds, parse_parameter)
        read = expand(parsed, self.others)
        return {main: read} | {name: expand(parse(self.formulas[name], response="none"), self.others) for name in others}

    @property
    def nonlinear(self) -> tuple[str, ...]:
        """Return the parameters of a non-linear formula, in their order; none of a sum of terms."""
        terms = [term for predictor in self.predictors[:1] for term in predictor.terms]
        read = {name for term in terms for name in TERMS[term.kind].reads(term.state)}
        return tuple(name for name in self.formulas if name in read)

    def prior(self, name: str) -> ChosenPrior | None:
        """Return the prior of a slot by its posterior name."""
        return next((p for p in self.priors if p.name == name), None)

    def shares_dimension(self, name: str) -> str:
        """Return what the dimension of a family's shares is called."""
        return f"{self.response.name}_{name}"

    def _stated_priors(self) -> dict[str, str]:
        """Return priors in words by name; a budget of variance once, where the first comes that has a share of it."""
        found: dict[str, str] = {}
        for chosen in self.priors:
            if PRIORS[chosen.prior.name].support != "budget":
                found[chosen.name] = str(chosen.prior)
            elif chosen.key not in found:
                sharing = [p.name for p in self.priors if p.key == chosen.key]
                found[chosen.key] = f"{chosen.prior}, shared by {', '.join(sharing)}"
        return found

    def __str__(self) -> str:
        lines = [f"{self.formulas[next(iter(self.formulas))]}"]
        lines += [f"{name} {text}" for name, text in list(self.formulas.items())[1:]]
        lines += [f"{name} = {k.value}" for name, k in self.known.items()]
        links = ", ".join(f"{name}: {link}" for name, link in self.links.items())
        lines.append(f"family {self.family} (link of {links})")
        if self.response.levels is not None and len(self.response.levels) == 2:
            failures = ", ".join(map(str, self.response.failures or ()))
            also = f", failure is {failures}" if len(self.response.failures or ()) > 1 else ""
            lines.append(f"success is {self.response.name} = {self.response.levels[1]}{also}")
        lines += [said for p in self.predictors for term in p.terms if (said := TERMS[term.kind].told(term.state))]
        stated = self._stated_priors()
        width = max(map(len, stated), default=0)
        lines += ["priors", *(f"  {name:<{width}} ~ {text}" for name, text in stated.items())]
        return "\n".join(lines)

    def to_json(self) -> Json:
        """Return the record as JSON (dicts, lists, strings and numbers), by the names of its fields."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: Json) -> "ModelSpec":
        """Return the record a :meth:`to_json` came from; ValueError for anything else."""
        return from_json(data, cls)
