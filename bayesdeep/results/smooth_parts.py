"""Which smooth functions a model has, and which of its coefficients, penalised and not, make each of them.

A term declares them: effects whose role is ``"basis"``. Pieces of such effects that are called the same are one function, so
that a term may have several (a curve for each level) and a function several standard deviations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bayesdeep.collapse.linear_layout import prefix_of
from bayesdeep.core.effects import Columns, Effect, Given
from bayesdeep.core.quantities import BASIS
from bayesdeep.spec.declared import effects_of
from bayesdeep.spec.model_spec import ModelSpec, TermSpec

Places = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class SmoothPart:
    """One smooth function of a predictor.

    Attributes
    ----------
    name
        What the posterior calls it: ``s(x)``, ``s(x):g[a]``, ``sigma_s(x)``.
    predictor
        Which of the model's predictors it is an addend of.
    term
        Key of the term.
    free, penalised
        ``(effect, start, stop)``: which coefficients of the term's effects, by their number, have no common sd, and which have.
    sds
        Posterior names of the sds of the latter, or of what the posterior has in their place.
    """

    name: str
    predictor: int
    term: str
    free: Places
    penalised: Places
    sds: tuple[str, ...]

    @property
    def straight(self) -> bool:
        """Return whether something of it is not penalised, such as a straight line."""
        return bool(self.free)

    @property
    def functions(self) -> int:
        """Return how many coefficients it has."""
        return sum(stop - start for _, start, stop in (*self.free, *self.penalised))


def parts_of(spec: ModelSpec) -> tuple[SmoothPart, ...]:
    """Return the smooth functions of all predictors, in the order of the formulas."""
    return tuple(
        part
        for number, predictor in enumerate(spec.predictors)
        for term in predictor.terms
        for part in _of_term(term, number, prefix_of(spec, number))
    )


def _of_term(term: TermSpec, number: int, prefix: str) -> Iterator[SmoothPart]:
    effects = effects_of(term)
    bases = [(k, effect) for k, effect in enumerate(effects) if effect.role == BASIS]
    names = dict.fromkeys(piece.name for _, effect in bases for piece in effect.pieces)
    for name in names:
        own = [(k, effect, piece) for k, effect in bases for piece in effect.pieces if piece.name == name]
        penalised = tuple((k, piece.start, piece.stop) for k, _, piece in own)
        sds = tuple(dict.fromkeys(prefix + piece.sd for *_, piece in own))
        free = _free(effects, [effect for _, effect, _ in own], alone=len(names) == 1)
        yield SmoothPart(prefix + name, number, term.key, free, penalised, sds)


def _free(effects: tuple[Effect, ...], own: list[Effect], *, alone: bool) -> Places:
    """Return the coefficients without a common sd that belong to these bases: those whose columns were taken off theirs."""
    found, count = [], 0
    touched = [np.asarray(effect.apart).any(axis=1) for effect in own if effect.apart is not None]
    for k, effect in enumerate(effects):
        if not (isinstance(effect.rows, Columns) and isinstance(effect.law, Given)):
            continue
        for place in range(effect.width):
            if alone or any(some[count + place] for some in touched):
                found.append((k, place, place + 1))
        count += effect.width
    return tuple(found)
