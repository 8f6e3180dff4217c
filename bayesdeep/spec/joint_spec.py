"""The record of a model of several responses: a model for each, and what they have in common."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bayesdeep.core.columns import Json
from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.core.registry import FAMILIES, TERMS

from .as_json import from_json, to_json
from .model_spec import ModelSpec, PredictorSpec
from .shared_effects import Member, SharedEffects, shared_effects

RESIDUAL = "residual_corr"
"""Posterior name of the correlations of what is left over of several responses."""


@dataclass(frozen=True)
class JointSpec:
    """A model of several responses without its data.

    Attributes
    ----------
    responses
        The model of each, under names without the response's.
    priors
        Of what they have in common: correlations.
    """

    responses: tuple[ModelSpec, ...]
    priors: tuple[ChosenPrior, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the responses."""
        return tuple(spec.response.name for spec in self.responses)

    @property
    def correlated(self) -> bool:
        """Return whether what is left over of the responses is correlated."""
        return self.prior(RESIDUAL) is not None

    def prior(self, name: str) -> ChosenPrior | None:
        """Return the prior of something that responses have in common; None if there is no such thing."""
        return next((p for p in self.priors if p.name == name), None)

    @cached_property
    def shared(self) -> tuple[SharedEffects, ...]:
        """Return what effects of groups are correlated across formulas."""
        return shared_effects(
            [(prefix_of(s), s.predictors, FAMILIES[s.family].bare) for s in self.responses],
            [frozenset(p.name for p in FAMILIES[s.family].parameters if p.shape == "contrast") for s in self.responses],
        )

    def own_priors(self, number: int) -> tuple[ChosenPrior, ...]:
        """Return the priors of one response; correlated ones of heavy tails have the first one's degrees of freedom."""
        spec = self.responses[number]
        degrees = FAMILIES[spec.family].degrees if self.correlated and number else ""
        return tuple(p for p in spec.priors if p.name != degrees)

    def view(self, number: int) -> ModelSpec:
        """Return the model of one response alone, which has its marginal posterior.

        A block of a correlation matrix with the distribution LKJ(eta) is LKJ again, with eta raised by half the number of rows
        that are left out (Joe 2006, doi:10.1016/j.jmva.2005.05.010).
        """
        spec = self.responses[number]
        for one in self.shared:
            own = [member for member in one.members if member.response == number]
            width = sum(member.effect.width for member in own)
            if len(own) == 1:
                spec = _alone(spec, own[0])
            if width > 1:
                whole = self.prior(one.slot)
                assert whole is not None
                eta = whole.prior.get("eta")
                assert isinstance(eta, float)
                single = f"{own[0].parameter}_" if len(own) == 1 and own[0].parameter != _main(spec) else ""
                marginal = PriorSpec("LKJ", (("eta", eta + (one.width - width) / 2),))
                chosen = replace(whole, name=f"{single}{one.slot}", prior=marginal)
                spec = replace(spec, priors=(*spec.priors, chosen))
        return spec

    def __str__(self) -> str:
        parts = [str(self.view(k)).split("\npriors")[0] for k in range(len(self.responses))]
        each = enumerate(self.responses)
        lines = [f"{prefix_of(s)}{p.name} ~ {p.prior}" for k, s in each for p in self.own_priors(k)]
        lines += [f"{p.name} ~ {p.prior}" for p in self.priors]
        return "\n".join([*parts, "priors", *(f"  {line}" for line in lines)])

    def to_json(self) -> Json:
        """Return the record as JSON."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: Json) -> "JointSpec":
        """Return the record a :meth:`to_json` came from; ValueError for anything else."""
        return from_json(data, cls)


def in_order(names: Sequence[str], needs: Sequence[Sequence[str]]) -> list[int]:
    """Return places of responses so that each comes after those whose missing values it needs; ValueError with their names."""
    left, found = list(range(len(names))), list[int]()
    while left:
        waiting = {names[k] for k in left}
        ready = [k for k in left if not waiting & set(needs[k])]
        if not ready:
            raise ValueError(" and ".join(names[k] for k in left))
        found += ready
        left = [k for k in left if k not in ready]
    return found


def needs_of(spec: ModelSpec) -> tuple[str, ...]:
    """Return the columns whose missing values a response's model has as predictors."""
    terms = (term for predictor in spec.predictors for term in predictor.terms)
    found = (fills.columns(t.state) for t in terms if (fills := TERMS[t.kind].fills) is not None)
    return tuple(dict.fromkeys(name for names in found for name in names))


def prefix_of(spec: ModelSpec) -> str:
    """Return what the names of a response's quantities begin with in the posterior of several."""
    return f"{spec.response.name}_"


def _main(spec: ModelSpec) -> str:
    name: str = FAMILIES[spec.family].bare
    return name


def _alone(spec: ModelSpec, member: Member) -> ModelSpec:
    """Return the spec with a term whose effects are correlated with no other's."""

    def changed(predictor: PredictorSpec) -> PredictorSpec:
        if predictor.parameter != member.parameter:
            return predictor
        terms = (
            replace(t, state={k: v for k, v in t.state.items() if k != "shared"}) if t.key == member.key else t
            for t in predictor.terms
        )
        return replace(predictor, terms=tuple(terms))

    law = member.effect.law.shared
    formulas: Mapping[str, str] = {
        name: re.sub(rf"\|\s*{re.escape(law)}\s*\|", "|", text) if name == member.parameter else text
        for name, text in spec.formulas.items()
    }
    return replace(spec, predictors=tuple(changed(p) for p in spec.predictors), formulas=formulas)
