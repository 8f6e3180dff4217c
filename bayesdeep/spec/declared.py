"""What the terms of a spec declare: their effects, how they are written, which levels rows have, and matrices."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.columns import Matrix
from bayesdeep.core.effects import Effect, Grouped, Law, Members
from bayesdeep.core.registry import TERMS
from bayesdeep.core.writing import Addend, from_effects

from .model_spec import ModelSpec, TermSpec


def effects_of(term: TermSpec) -> tuple[Effect, ...]:
    """Return the effects a term declares; none where it is a function that is not linear in its coefficients."""
    declare = TERMS[term.kind].effects
    return () if declare is None else declare(term.state)


def by_threshold(term: TermSpec) -> bool:
    """Return whether a term adds to each threshold something of its own, and is no addend of one predictor."""
    return "by_threshold" in TERMS[term.kind].words(term.state)


def addends_of(term: TermSpec, node: Any) -> tuple[Addend, ...]:
    """Return a term's addends as they are written for row i; ``node`` is what it was in the formula."""
    write, source = TERMS[term.kind].written, str(term.source).strip()
    found: tuple[Addend, ...] = from_effects(effects_of(term), source) if write is None else write(term.state, node)
    return found or (Addend(source),)


@dataclass(frozen=True)
class RowLevels:
    """A grouping factor of a term, and where the rows' levels are.

    Attributes
    ----------
    factor, labels
        Its name and its levels.
    codes
        Key of each row's level ``(obs,)`` among the model's arrays, or of its levels ``(obs, member)``.
    several
        Whether a row has several levels.
    law
        What effects of the levels are drawn from; None of a function.
    """

    factor: str
    labels: tuple[Any, ...]
    codes: str
    several: bool = False
    law: Law | None = None


def row_levels(term: TermSpec) -> Iterator[RowLevels]:
    """Yield the factors by whose levels a term's coefficients, or its function, vary."""
    for effect in effects_of(term):
        rows = effect.rows
        if isinstance(rows, Grouped | Members):
            yield RowLevels(rows.factor, rows.labels, f"{term.key}.{rows.codes}", isinstance(rows, Members), effect.law)
    record = TERMS[term.kind]
    for factor, key in record.codes(term.state).items():
        yield RowLevels(factor, record.groups(term.state)[factor], f"{term.key}.{key}")


def factors_of_rows(spec: ModelSpec) -> dict[str, bool]:
    """Return the grouping factors of a model, and whether a row has one level of them."""
    found: dict[str, bool] = {}
    for term in (term for predictor in spec.predictors for term in predictor.terms):
        several = {levels.factor for levels in row_levels(term) if levels.several}
        for factor in TERMS[term.kind].groups(term.state):
            found[factor] = found.get(factor, True) and factor not in several
    return found


def given_matrices(spec: ModelSpec) -> dict[str, Matrix]:
    """Return the matrices that a model was made with, by name."""
    terms = [term for predictor in spec.predictors for term in predictor.terms]
    found: dict[str, Matrix] = {}
    for term in terms:
        given = TERMS[term.kind].given
        found.update(given(term.state) if given is not None else {})
    return found
