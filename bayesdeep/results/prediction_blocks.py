"""Predictions in blocks of rows, so that draws times rows never sit in memory at once."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from bayesdeep.collapse.row_values import is_linear
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.random import derive
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.build import units_of
from bayesdeep.graph.evaluate import row_function
from bayesdeep.spec.model_spec import ModelSpec

from .graph_cache import evaluation_graph
from .linear_rows import linear_function
from .new_groups import with_new_groups
from .nonlinear_values import refuse_without_value
from .paths_ahead import paths_of, put
from .rows import Rows, containers
from .written_rows import written_function

KINDS = {"response": "predictive", "mean": "mean", "linear": "linear"}
ROUNDS = 2_000
"""How often a truncated draw is tried; enough for bounds that hold one part in a hundred of the probability."""

BLOCK = 4_000_000
"""Numbers in one block of draws times rows; a predictive draw needs a handful of such blocks."""


def check_kind(kind: str, spec: ModelSpec) -> str:
    """Return the graph's name for a kind of prediction."""
    if kind not in KINDS:
        raise FitError(f"predict: unknown kind '{kind}'{nearest(kind, KINDS)}")
    if kind == "mean" and "truncated" in spec.response.modifiers and FAMILIES[spec.family].truncated_mean is None:
        raise FitError(
            f"predict: the mean of a truncated {spec.family.partition('(')[0]} response has no closed form here; ask for "
            "kind='response' and average the draws, or for kind='linear'"
        )
    return KINDS[kind]


def several_predictors(spec: ModelSpec) -> bool:
    """Return whether a row has a predictor for each level but the first."""
    return FAMILIES[spec.family].main.shape == "contrast"


def block_rows(draws: int, levels: int = 1) -> int:
    """Return how many rows go into one block."""
    return max(1, BLOCK // max(1, draws * levels))


def blocks(
    spec: ModelSpec,
    posterior: Mapping[str, np.ndarray],
    rows: Rows,
    what: str,
    new_groups: str,
    seed: int,
    together: int = 1,
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield first row, last row + 1 and an array ``(draw, rows of the block[, level])`` for all the rows.

    Every ``together`` rows, counted from the first, are in one block.
    """
    draws = with_new_groups(spec, posterior, rows, new_groups, seed)
    refuse_without_value(spec, draws, rows)
    written = written_function(spec, rows, what, derive(seed, what))
    if is_linear(spec):
        function: Callable[..., list[np.ndarray]] = linear_function(spec, what, derive(seed, what))
        levels = 1
    elif written is not None:
        function, levels = written, len(spec.response.levels or ()) or 1
    else:
        graph = evaluation_graph(spec, rows)
        function = row_function(graph, [what], derive(seed, what))
        levels = max(len(spec.response.levels or ()) or 1, units_of(graph))
    count = len(next(iter(posterior.values()))) if posterior else 1
    paths = paths_of(spec, rows, draws) if what in ("mean", "predictive") else None
    if paths is not None:
        seeded = row_function(evaluation_graph(spec, paths.rows), [what], derive(seed, f"{what} ahead"))
        alone = seeded(draws, containers(paths.rows, 0, paths.rows.rows))[0]
        carried = paths.carried(_full(alone, count, paths.rows.rows))
    step = max(1, block_rows(count, levels) // together) * together
    for start in range(0, rows.rows, step):
        stop = min(start + step, rows.rows)
        value = function(draws, containers(rows, start, stop))[0]
        if what == "predictive":
            value = inside_bounds(value, partial(_again, function, draws, rows, start), rows, start, stop)
        value = _full(value, count, stop - start)
        yield start, stop, value if paths is None else put(paths, carried, start, stop, value)


def _again(
    function: Callable[..., list[np.ndarray]], draws: Mapping[str, np.ndarray], rows: Rows, start: int, at: np.ndarray
) -> np.ndarray:
    return function(draws, containers(rows.take(start + at), 0, len(at)))[0]


def inside_bounds(
    value: np.ndarray, again: Callable[[np.ndarray], np.ndarray], rows: Rows, start: int, stop: int
) -> np.ndarray:
    """Return draws ``(draw, row)`` as they would be recorded: what fell outside a truncated row's bounds is drawn again until
    it is inside, and then cut off where a censored row is.

    ``again`` returns other draws ``(draw, row)`` of some rows, given by their positions in the block from ``start``.
    """
    lower, upper = rows.response.lower_bound, rows.response.upper_bound
    if lower is None and upper is None:
        return cut_off(value, rows, start, stop)
    low = np.full(stop - start, -np.inf) if lower is None else lower[start:stop]
    high = np.full(stop - start, np.inf) if upper is None else upper[start:stop]
    value = value.copy()
    for _ in range(ROUNDS):
        outside = (value < low) | (value > high)
        at = np.flatnonzero(outside.any(axis=0))
        if not len(at):
            return cut_off(value, rows, start, stop)
        value[:, at] = np.where(outside[:, at], again(at), value[:, at])
    raise FitError(
        f"predict: for {len(at)} rows almost no probability lies between the truncation bounds, so that they cannot be "
        "drawn from; check the bounds of these rows"
    )


def cut_off(value: np.ndarray, rows: Rows, start: int, stop: int) -> np.ndarray:
    """Return draws ``(draw, row)`` no further than a censored row's bound, where one is known."""
    status = rows.response.status
    if status is None or not np.isin(status[start:stop], (-1, 1)).any():
        return value
    bound, own = np.asarray(rows.response.value)[start:stop], status[start:stop]
    return np.clip(value, np.where(own == -1, bound, -np.inf), np.where(own == 1, bound, np.inf))


def _full(value: np.ndarray, draws: int, rows: int) -> np.ndarray:
    """Return a block with both axes even where nothing varies over draws."""
    if value.ndim and value.shape[0] == draws and value.ndim >= 2:
        return value
    return np.broadcast_to(value, (draws, rows, *value.shape[1:]))
