"""Values of processes at places that the model was not fitted to, beside those at the places it was."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bayesdeep.collapse.linear_layout import prefix_of
from bayesdeep.core.effects import Places, Process
from bayesdeep.core.errors import DataError
from bayesdeep.core.random import derive
from bayesdeep.numerics.processes import drawn_elsewhere
from bayesdeep.spec.declared import effects_of
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.slots import read_name

MOST_PLACES = 1_000
"""Places whose values are drawn together: for each draw a matrix of as many rows is factorised."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A process of a model: the term's key and text, the parameter's prefix, how rows meet it, its law and its name."""

    key: str
    source: str
    prefix: str
    rows: Places
    law: Process
    slot: str


def processes_of(spec: ModelSpec) -> Iterator[Placed]:
    """Return the processes of all predictors."""
    for number, predictor in enumerate(spec.predictors):
        for term in predictor.terms:
            for effect in effects_of(term):
                if isinstance(effect.rows, Places) and isinstance(effect.law, Process):
                    prefix, slot = prefix_of(spec, number), effect.pieces[0].slot
                    yield Placed(term.key, term.source, prefix, effect.rows, effect.law, slot)


def with_new_places(
    spec: ModelSpec, posterior: Mapping[str, np.ndarray], arrays: Mapping[str, np.ndarray], seed: int
) -> dict[str, np.ndarray]:
    """Return draws by name in which a process's values at other places stand after those at its own.

    Each draw's are from the process that this draw says, given its values where the model was fitted, and all together: rows
    next to each other have values next to each other.

    Parameters
    ----------
    posterior
        Draws by name, ``(draw, …)``.
    arrays
        The rows', by ``"term key.array"``.

    Raises
    ------
    DataError
        Where there are too many such places.
    """
    draws = dict(posterior)
    for one in processes_of(spec):
        name, known = one.prefix + one.slot, one.rows.count
        codes = np.asarray(arrays[f"{one.key}.{one.rows.codes}"])
        beyond = np.flatnonzero(codes >= known)
        if not len(beyond) or posterior[name].shape[1] > known:  # they may have been drawn already
            continue
        fresh, first = np.unique(codes[beyond], return_index=True)
        if len(fresh) > MOST_PLACES:
            raise DataError(
                f"data: {one.source}: the rows have {len(fresh):,} places that the model was not fitted to, and the values of a "
                f"process are drawn together at {MOST_PLACES:,} at most; predict fewer rows at a time, or leave exact=True out"
            )
        there = np.asarray(arrays[f"{one.key}.{one.rows.where}"])[beyond[first]]
        values = [draws[read_name(spec, one.prefix, slot)] for slot in one.law.slots]
        rng = np.random.default_rng(derive(seed, f"places of {name}"))
        draws[name] = _put(posterior[name], values, one, there, fresh, rng)
    return draws


def _put(
    at_known: np.ndarray,
    values: list[np.ndarray],
    one: Placed,
    there: np.ndarray,
    fresh: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return values at all places ``(draw, place, …)``; there may be further axes, of a response's levels."""
    count = len(at_known)
    found = np.zeros((count, int(fresh[-1]) + 1, *at_known.shape[2:]))
    found[:, : one.rows.count] = at_known
    for level in np.ndindex(at_known.shape[2:]):
        own, known = [value[(slice(None), *level)] for value in values], at_known[(slice(None), slice(None), *level)]
        found[(slice(None), fresh, *level)] = drawn_elsewhere(one.law, own, known, there, rng)
    return found
