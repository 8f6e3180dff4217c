"""Coefficients whose columns are combinations of one another over the rows, so that only priors tell them apart.

Looked at are the coefficients of a predictor that lean on no standard deviation in common: population-level columns, the straight
lines and constants of smooths. What stands twice in a formula by its text is refused where the formula is read; here is what
only the numbers show: ``x + I(2 * x)``, ``poly(x, 2) + s(x)``, ``s(x, by=w) + s(z, by=w)``, which both hold a multiple of ``w``.
Combinations of population-level columns of which some are of levels are a matter of cells without rows
(:mod:`bayesdeep.design.design_warnings`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.effects import Columns, Given
from bayesdeep.core.registry import FAMILIES
from bayesdeep.spec.declared import effects_of
from bayesdeep.spec.model_spec import ModelSpec, PredictorSpec

MAX_PRODUCTS = 2_000_000_000
"""Products of numbers up to which a predictor's columns are compared: about a second."""
ALONE = 1e-11
"""Share of a column's variance that is its own, below which it is a combination of others."""
TAKES_PART = 1e-5
"""Coefficients of standardised columns from which on one takes part in a combination."""
MOST_NAMED = 5


@dataclass(frozen=True, eq=False)
class _Block:
    """The columns ``(obs, column)`` of a slot, of which term they are, and whether one column a row at most is not 0."""

    term: str
    slot: str
    columns: np.ndarray
    levels: bool


def redundant_columns(spec: ModelSpec, arrays: Mapping[str, np.ndarray], rows: int) -> tuple[str, ...]:
    """Return in a sentence a predictor which of its coefficients are known together only.

    Parameters
    ----------
    spec, arrays, rows
        The model, its arrays by ``"term key.array"``, and how many rows there are.
    """
    found = []
    for predictor in spec.predictors:
        blocks = list(_blocks(predictor, arrays))
        width = sum(block.columns.shape[1] for block in blocks)
        # With more columns than rows each is a combination of others, and a prior has to decide.
        if not 1 < width < rows or rows * width**2 > MAX_PRODUCTS:
            continue
        intercept = any(_intercept(predictor)) or _has_thresholds(spec, predictor)
        slots = _combined(blocks, intercept)
        if len(slots) > 1:
            shown = ", ".join(slots[:MOST_NAMED]) + (", …" if len(slots) > MOST_NAMED else "")
            of = "formula" if predictor is spec.predictors[0] else f"formula of {predictor.parameter}"
            found.append(
                f"{of}: over these rows the columns of {shown} are combinations of one another, so that only priors tell their "
                "coefficients apart; leave one of them out"
            )
    return tuple(found)


def _intercept(predictor: PredictorSpec) -> Iterator[bool]:
    for term in predictor.terms:
        for effect in effects_of(term):
            yield isinstance(effect.rows, Columns) and effect.rows.intercept


def _has_thresholds(spec: ModelSpec, predictor: PredictorSpec) -> bool:
    """Return whether thresholds stand in the place of the main predictor's intercept."""
    return predictor is spec.predictors[0] and "no_intercept" in FAMILIES[spec.family].words


def _blocks(predictor: PredictorSpec, arrays: Mapping[str, np.ndarray]) -> Iterator[_Block]:
    """Yield the columns of coefficients that have no standard deviation in common, slot by slot."""
    for term in predictor.terms:
        for effect in effects_of(term):
            rows = effect.rows
            if not isinstance(rows, Columns) or rows.array is None or not isinstance(effect.law, Given):
                continue
            table = np.asarray(arrays[f"{term.key}.{rows.array}"], dtype=np.float64)
            for piece in effect.pieces:
                own = table[:, piece.start : piece.stop]
                levels = piece.labels is not None and bool((np.count_nonzero(own, axis=1) <= 1).all())
                yield _Block(term.key, piece.slot, own, levels)


def _combined(blocks: list[_Block], intercept: bool) -> list[str]:
    """Return the slots of the columns that take part in a combination, in the formula's order."""
    table = np.concatenate([block.columns for block in blocks], axis=1)
    owner = np.repeat(np.arange(len(blocks)), [block.columns.shape[1] for block in blocks])
    size = np.sqrt((table**2).mean(axis=0))
    if intercept:
        table = table - table.mean(axis=0)
    scale = np.sqrt((table**2).mean(axis=0))
    # What is constant, or 0 in all rows, is told of elsewhere.
    some = scale > 1e-9 * np.where(size > 0, size, 1.0)
    table, owner = table[:, some] / scale[some], owner[some]
    gram = table.T @ table / len(table)
    kept: list[int] = []
    taking = set[int]()
    for j in range(len(gram)):
        if kept:
            own = gram[np.ix_(kept, kept)]
            weights = np.linalg.solve(own, gram[kept, j])
            if gram[j, j] - gram[kept, j] @ weights < ALONE:
                part = {int(owner[j]), *owner[np.asarray(kept)[np.abs(weights) > TAKES_PART]].tolist()}
                own_blocks = [blocks[place] for place in part]
                if len({block.term for block in own_blocks}) > 1 or not any(block.levels for block in own_blocks):
                    taking |= part
                continue
        kept.append(j)
    return [blocks[place].slot for place in sorted(taking)]
