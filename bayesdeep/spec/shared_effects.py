"""Effects of groups that are correlated with those of other terms: ``(1 |p| g)`` in several formulas."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bayesdeep.core.effects import Effect, Grouped, Varying
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.priors import Slot
from bayesdeep.core.records import Default
from bayesdeep.core.registry import FAMILIES

from .declared import effects_of
from .model_spec import ModelSpec, PredictorSpec


@dataclass(frozen=True, eq=False)
class Member:
    """One term's effects among those that are correlated.

    Attributes
    ----------
    response
        Number of the response.
    parameter, key, source
        The predictor, the term in it, and how that is written.
    effect
        As the term declares it.
    names
        What its coefficients are called, one name each.
    """

    response: int
    parameter: str
    key: str
    source: str
    effect: Effect
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SharedEffects:
    """Effects that are correlated with each other.

    Attributes
    ----------
    name
        That of the formula, ``p``.
    rows
        The levels, which all members have.
    members
        Terms in their order: coefficients of the first come first.
    """

    name: str
    rows: Grouped
    members: tuple[Member, ...]

    @property
    def width(self) -> int:
        """Return the number of a level's coefficients."""
        return sum(member.effect.width for member in self.members)

    @property
    def slot(self) -> str:
        """Return the slot of the correlations."""
        return f"{self.rows.factor}_corr"

    @property
    def pairs(self) -> tuple[str, ...]:
        """Return the label of each pair of coefficients, row by row below the diagonal."""
        names = [name for member in self.members for name in member.names]
        return tuple(f"{names[j]}, {names[i]}" for i in range(1, len(names)) for j in range(i))

    @property
    def place(self) -> Slot:
        """Return the place that takes the prior of the correlations."""
        return Slot(self.slot, "correlation", Default("LKJ(2)", "weakly towards no correlation"), "correlation")


def shared_effects(
    responses: Sequence[tuple[str, tuple[PredictorSpec, ...], str]], widths: Sequence[frozenset[str]] = ()
) -> tuple[SharedEffects, ...]:
    """Return what effects are correlated with each other.

    Parameters
    ----------
    responses
        Of each the prefix of its names, its predictors and its main parameter.
    widths
        Of each the parameters with a predictor for each level of the response.

    Raises
    ------
    FormulaError
        For a name that only one term gives, one that is given to terms of different factors, and two names for one factor.
    """
    found: dict[str, list[Member]] = {}
    for number, (prefix, predictors, main) in enumerate(responses):
        for predictor in predictors:
            inner = prefix if predictor.parameter == main else f"{prefix}{predictor.parameter}_"
            for key, source, effect in _declared(predictor):
                assert isinstance(effect.law, Varying)
                if widths and predictor.parameter in widths[number]:
                    raise FormulaError(
                        f"formula: ({source}): {predictor.parameter} has a predictor for each level of the response, whose "
                        f"effects have one set of correlations each; write ({source.replace(f'|{effect.law.shared}|', '|')})"
                    )
                names = tuple(f"{inner}{name}" for name in effect.names)
                found.setdefault(effect.law.shared, []).append(
                    Member(number, predictor.parameter, key, source, effect, names)
                )
    made = tuple(_together(name, members) for name, members in found.items())
    slots: dict[str, str] = {}
    for one in made:
        if one.slot in slots:
            raise FormulaError(
                f"formula: |{slots[one.slot]}| and |{one.name}| both correlate effects of '{one.rows.factor}'; give all of them "
                "one name, or correlate only one of the two"
            )
        slots[one.slot] = one.name
    return made


def _declared(predictor: PredictorSpec) -> Iterator[tuple[str, str, Effect]]:
    for term in predictor.terms:
        for effect in effects_of(term):
            if isinstance(effect.law, Varying) and effect.law.shared:
                yield term.key, term.source, effect


def _together(name: str, members: list[Member]) -> SharedEffects:
    first = members[0].effect.rows
    assert isinstance(first, Grouped)
    for member in members[1:]:
        rows = member.effect.rows
        assert isinstance(rows, Grouped)
        if rows.factor != first.factor or rows.labels != first.labels:
            raise FormulaError(
                f"formula: ({members[0].source}) and ({member.source}): |{name}| correlates effects of the same groups; those of "
                f"'{first.factor}' and of '{rows.factor}' are not"
            )
    if len(members) == 1:
        plain = members[0].source.replace(f"|{name}|", "|")
        raise FormulaError(
            f"formula: ({members[0].source}): |{name}| stands in no other term, with whose effects these could be correlated; "
            f"write ({plain}), or |{name}| in the formula of another parameter or response as well"
        )
    return SharedEffects(name, first, tuple(members))


def shared_of(spec: ModelSpec) -> tuple[SharedEffects, ...]:
    """Return what effects of one response's model are correlated across its predictors."""
    return shared_effects([("", spec.predictors, FAMILIES[spec.family].bare)])
