"""What the terms of a spec declare: their effects, how they are written, and which levels rows have."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.effects import Effect, Grouped
from bayesdeep.core.registry import TERMS
from bayesdeep.core.writing import Addend, from_effects

from .model_spec import TermSpec


def effects_of(term: TermSpec) -> tuple[Effect, ...]:
    """Return the effects a term declares; none where it is a function that is not linear in its coefficients."""
    declare = TERMS[term.kind].effects
    return () if declare is None else declare(term.state)


def addends_of(term: TermSpec, node: Any) -> tuple[Addend, ...]:
    """Return a term's addends as they are written for row i; ``node`` is what it was in the formula."""
    write, source = TERMS[term.kind].written, str(term.source).strip()
    found: tuple[Addend, ...] = from_effects(effects_of(term), source) if write is None else write(term.state, node)
    return found or (Addend(source),)


@dataclass(frozen=True)
class RowLevels:
    """A grouping factor, its labels, and the key of each row's level ``(obs,)`` among the model's arrays."""

    factor: str
    labels: tuple[Any, ...]
    codes: str


def row_levels(term: TermSpec) -> Iterator[RowLevels]:
    """Yield the factors of which each row has one level, in a term whose coefficients vary by them."""
    for effect in effects_of(term):
        rows = effect.rows
        if isinstance(rows, Grouped):
            yield RowLevels(rows.factor, rows.labels, f"{term.key}.{rows.codes}")
    record = TERMS[term.kind]
    for factor, key in record.codes(term.state).items():
        yield RowLevels(factor, record.groups(term.state)[factor], f"{term.key}.{key}")
