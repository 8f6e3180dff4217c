"""What rows hold of the rows before them, for responses that lean on what was left over there (:mod:`bayesdeep.core.lags`)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bayesdeep.core.errors import DataError
from bayesdeep.core.lags import SERIES, STEP, array_at, is_there, response_at
from bayesdeep.core.registry import TERMS
from bayesdeep.spec.model_spec import ModelSpec, TermSpec

if TYPE_CHECKING:
    from .rows import Rows

Steps = Mapping[tuple[int, int], int]
"""By series and step, a row's position."""


def with_lags(spec: ModelSpec, rows: "Rows", earlier: "Rows | None" = None) -> "Rows":
    """Return rows with the rows before them beside their own arrays.

    Parameters
    ----------
    earlier
        The training rows, where ``rows`` are others; None where they are these themselves. Rows with responses are also each
        other's rows before.

    A row some steps after the last of its series leans on the rows between, which have to be there, too: :attr:`Rows.ahead` says
    where, and :mod:`bayesdeep.results.paths_ahead` draws what is left over at them.

    Raises
    ------
    DataError
        For a row whose series goes on before it where there is no row.
    """
    term = lagged_term(spec)
    if term is None:
        return rows
    key, count = term.key, TERMS[term.kind].lags(term.state)
    own = _places(rows, key)
    known = own if earlier is None else _places(earlier, key)
    _refuse_twice(term, rows, own, given=earlier is not None)
    table: dict[tuple[int, int], int] = {}
    if earlier is not None:
        table |= {place: i for i, place in enumerate(known)}
    begin = 0 if earlier is None else earlier.rows
    if earlier is None or rows.observed:
        table |= {place: begin + i for i, place in enumerate(own)}
    starts, ends = _ends(known)
    new, _ = _ends([place for place in own if rows.observed and place[0] not in starts])
    found = np.full((rows.rows, count), -1, dtype=np.int64)
    ahead, to_come = found.copy(), _to_come(rows, own, ends, given=earlier is not None)
    for i, (series, step) in enumerate(own):
        for k in range(count):
            at = table.get((series, step - 1 - k), -1)
            if at < 0 and (series, step - 1 - k) in to_come:
                ahead[i, k] = to_come[series, step - 1 - k]
                continue
            if at < 0 and series in starts and (step < starts[series] or step - 1 - k > ends[series]):
                raise DataError(_unknown(term, i, step, starts[series], ends[series]))
            if at < 0 and step - 1 - k >= new.get(series, step):
                raise DataError(f"data: {term.source}: row {i + 1} has no row {k + 1} steps before it in its series; fill it in")
            found[i, k] = at
    sources = [rows] if earlier is None else [earlier, rows]
    arrays = {**rows.arrays, **_beside(spec, term, rows, sources, found)}
    return replace(rows, arrays=arrays, ahead=ahead if (ahead >= 0).any() else None)


def without_lags(spec: ModelSpec, rows: "Rows") -> "Rows":
    """Return rows as if no row before them were known: their mean is the predictor."""
    term = lagged_term(spec)
    if term is None:
        return rows
    none = np.full((rows.rows, TERMS[term.kind].lags(term.state)), -1, dtype=np.int64)
    return replace(rows, arrays={**rows.arrays, **_beside(spec, term, rows, [rows], none)})


def one_step(where: str, source: str) -> str:
    """Return what there is to say where rows are left out whose neighbours in time stay."""
    return (
        f"{where}: with {source} a row is foretold from the responses before it, and those after it stay where it is left out; "
        "that is not how well the future is foretold: fit to the rows up to a time, and score later ones with log_score()"
    )


def lagged_term(spec: ModelSpec) -> TermSpec | None:
    """Return the term by which a response leans on the rows before it; None where none does."""
    every = (term for predictor in spec.predictors for term in predictor.terms)
    return next((term for term in every if TERMS[term.kind].lags(term.state)), None)


def _places(rows: "Rows", key: str) -> list[tuple[int, int]]:
    return list(zip(rows.arrays[f"{key}.{SERIES}"].tolist(), rows.arrays[f"{key}.{STEP}"].tolist(), strict=True))


def _to_come(rows: "Rows", own: list[tuple[int, int]], ends: Mapping[int, int], *, given: bool) -> Steps:
    """Return where the rows are that come after the last of their series, of new rows without responses.

    Rows of one step have one thing left over in common; the first of them stands for it.
    """
    if not given or rows.observed:
        return {}
    found: dict[tuple[int, int], int] = {}
    for i, (series, step) in enumerate(own):
        if series in ends and step > ends[series]:
            found.setdefault((series, step), i)
    return found


def _ends(places: list[tuple[int, int]]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the first and the last step of each series."""
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for series, step in places:
        starts[series] = min(step, starts.get(series, step))
        ends[series] = max(step, ends.get(series, step))
    return starts, ends


def _beside(
    spec: ModelSpec, term: TermSpec, rows: "Rows", sources: "list[Rows]", found: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the arrays of the rows at positions ``found`` ``(obs, lag)`` in all ``sources``, -1 for none."""
    keys = tuple(f"{other.key}." for other in spec.predictors[0].terms if other.key != term.key)
    names = [name for name in rows.arrays if name.startswith(keys)]
    every = {name: np.concatenate([source.arrays[name] for source in sources]) for name in names}
    values = np.concatenate([np.asarray(source.response.value, dtype=np.float64) for source in sources])
    arrays: dict[str, np.ndarray] = {}
    # A row without one before it stands for that itself, and counts nothing.
    itself = np.arange(rows.rows) + sum(source.rows for source in sources[:-1])
    for k in range(found.shape[1]):
        there = found[:, k] >= 0
        at = np.where(there, found[:, k], itself)
        arrays[is_there(term.key, k + 1)] = there.astype(np.float64)
        arrays[response_at(term.key, k + 1)] = np.where(there, values[at], 0.0)
        arrays |= {array_at(term.key, k + 1, name): array[at] for name, array in every.items()}
    return arrays


def _refuse_twice(term: TermSpec, rows: "Rows", own: list[tuple[int, int]], *, given: bool) -> None:
    """Raise where two new rows with responses have one step."""
    if not given or not rows.observed or len(set(own)) == len(own):
        return
    seen: set[tuple[int, int]] = set()
    at = next(i for i, place in enumerate(own) if place in seen or seen.add(place))  # type: ignore[func-returns-value]
    raise DataError(f"data: {term.source}: row {at + 1} has the time of another row of its series; keep one of them")


def _unknown(term: TermSpec, row: int, step: int, start: int, end: int) -> str:
    begin = f"data: {term.source}: row {row + 1} "
    if step < start:
        return f"{begin}lies before the first row of its series; a series is not predicted backwards"
    return (
        f"{begin}lies {step - end} steps after the last row of its series that the model was fitted to, and leans on what is "
        "left over in between; give the rows of all steps from the last one on, too: they are drawn one after another"
    )
