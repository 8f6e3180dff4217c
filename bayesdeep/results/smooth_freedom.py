r"""Effective degrees of freedom of smooth functions: how many coefficients without a penalty one is worth.

With the columns :math:`X` of a predictor's coefficients (all that is linear in them), their prior precision :math:`\Lambda`,
which depends on standard deviations, and the information :math:`W` that each row has on the predictor, the estimates
are :math:`F = (X^\top W X + \Lambda)^{-1} X^\top W X` times those without a prior, and a smooth :math:`j` has

.. math:: \text{edf}_j = \sum_{k \in j} F_{kk} = \sum_{k \in j} \bigl(1 - \Lambda_{kk} V_{kk}\bigr), \qquad
    V = (X^\top W X + \Lambda)^{-1},

summed over its coefficients, also those without a penalty, which count 1 each: a straight line has 1, beside the intercept.
This is what mgcv reports (Wood 2017, Generalized Additive Models: An Introduction with R, 2nd edition, sections 5.4.2, 6.1.2 and
6.10), at the one value of the standard deviations that REML estimates. Here it is worked out for each posterior draw of them, so
that it has a distribution. Where the rows know nothing of a departure from a straight line, REML puts its sd at 0 and the edf at
1, while the posterior of the sd reaches from 0 to what the rows do not rule out: the edf then lies between 1 and a few, with its
mean above 1 and its lower quantile near it. That is no bias but how little is known. Of normal responses
:math:`W` is :math:`1 / \sigma^2` of the same draw, times weights; of others minus the second derivative of a row's log likelihood
by the predictor, averaged over draws. Effects of groups, other smooths and population-level coefficients of the predictor are
estimated beside the smooth; what is not linear in its coefficients, and other predictors, are taken as known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.collapse.linear_layout import prefix_of
from bayesdeep.collapse.row_system import why_not_predictors
from bayesdeep.collapse.row_values import correlated, effect_sds, is_linear, noise_sd, predictor
from bayesdeep.core.effects import Columns, Effect, Given, Grouped, Members, Places, Process, Scaled, Shift, root_of
from bayesdeep.core.names import quantity_name
from bayesdeep.core.quantities import FREEDOM
from bayesdeep.core.registry import FAMILIES, PRIORS
from bayesdeep.graph.row_likelihood import row_likelihood
from bayesdeep.linear.elimination import scale_related
from bayesdeep.numerics.processes import process_roots
from bayesdeep.spec.declared import by_threshold, effects_of
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.slots import read_name

from .labelled import SAMPLE, Array
from .prediction_blocks import blocks
from .rows import Rows, TrainingRows
from .smooth_parts import SmoothPart, parts_of

Draws = Mapping[str, np.ndarray]

PRODUCTS = 400_000_000
"""Products that inverting may take in all: a tenth of a second. Where draws are more, each stands for those after it."""
FEWEST = 40
"""Draws that are worked out whatever they cost."""
INFORMATION = 2_000_000
"""Rows times draws from which the rows' information is averaged."""
MOST_INFORMATION = 50
MOST_AXES = 400
"""Of a map, regions up to which smooths beside it have their degrees of freedom told."""
MOST_DENSE = 150
"""Effects of groups up to which they are treated as other coefficients."""
SMALLEST = 1e-100
"""An sd below this is one of 0."""
RIDGE = 1e-10
"""Share of a column's information that is added to it, so that columns that are sums of others do no harm."""



def freedom_arrays(spec: ModelSpec, rows: TrainingRows, draws: Draws, sizes: tuple[int, int]) -> dict[str, Array]:
    """Return what :func:`freedom` does as variables of a posterior, by name: ``s(x)_edf``."""
    found = freedom(spec, rows, draws, sizes)
    return {f"{name}_edf": Array(SAMPLE, values, attrs={"role": FREEDOM}) for name, values in found.items()}


def freedom(spec: ModelSpec, rows: TrainingRows, draws: Draws, sizes: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return the effective degrees of freedom of each smooth by draw ``(chain, draw)``, by the smooth's name.

    Where there are many coefficients every few draws are worked out, and each stands for those after it. What cannot be said is
    left out: of responses with a predictor for each level, of rows that were only summed up, of smooths in a predictor beside
    a main one that is not linear, and beside maps of many regions.

    Parameters
    ----------
    spec, rows
        The model and its training rows.
    draws
        Posterior arrays ``(chain * draw, …)`` by name, chain by chain.
    sizes
        Numbers of chains, and of draws of each.
    """
    parts, found = parts_of(spec), dict[str, np.ndarray]()
    if not parts or not isinstance(rows, Rows) or FAMILIES[spec.family].main.shape == "contrast":
        return found
    for number in sorted({part.predictor for part in parts}):
        information = _information(spec, draws, rows, number)
        related = sum(_axes(effect) for term in spec.predictors[number].terms for effect in effects_of(term))
        if information is not None and related <= MOST_AXES:
            own = [part for part in parts if part.predictor == number]
            found |= _of_predictor(spec, draws, rows, number, own, *information, sizes)
    return found


def _information(spec: ModelSpec, draws: Draws, rows: Rows, number: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the rows' information on a predictor ``(obs,)``, and by how much each draw's differs from it ``(draw,)``."""
    count = len(next(iter(draws.values())))
    weights = np.ones(rows.rows) if rows.response.weights is None else np.asarray(rows.response.weights, dtype=np.float64)
    if is_linear(spec):
        sd = noise_sd(spec, draws, rows.arrays)
        by_row, by_draw = (1.0, 1.0 / sd[:, 0] ** 2) if sd.shape[1] == 1 else (1.0 / sd[0] ** 2, np.ones(1))
        return weights * by_row, np.broadcast_to(by_draw, (count,))
    if number and why_not_predictors(spec) is not None:
        return None
    if any(map(by_threshold, spec.predictors[0].terms)):
        return None
    some = np.unique(np.linspace(0, count - 1, int(np.clip(INFORMATION // rows.rows, 4, MOST_INFORMATION))).astype(int))
    few = {name: value[some] for name, value in draws.items()}
    likelihood = row_likelihood(spec, rows.arrays, rows.response)
    main = np.concatenate([value for *_, value in blocks(spec, few, rows, "linear", "sample", 0)], axis=1)
    others = [predictor(spec, few, rows.arrays, rows.rows, k) for k in range(1, len(spec.predictors))]
    etas = np.ascontiguousarray(np.concatenate([eta.T for eta in (main, *others)]))
    with np.errstate(all="ignore"):
        second = likelihood.derivatives(etas, {name: few[name] for name in likelihood.parameters})[2]
    own = -second[number * rows.rows : (number + 1) * rows.rows]
    return np.maximum(np.nan_to_num(own.mean(axis=1)), 0.0), np.ones(count)


@dataclass(frozen=True, eq=False)
class _Block:
    """Columns of one effect, and where they lie among those that are inverted; ``place`` is the effect's number in its term."""

    term: str
    place: int
    effect: Effect
    columns: np.ndarray
    start: int


def _of_predictor(
    spec: ModelSpec,
    draws: Draws,
    rows: Rows,
    number: int,
    parts: list[SmoothPart],
    information: np.ndarray,
    by_draw: np.ndarray,
    sizes: tuple[int, int],
) -> dict[str, np.ndarray]:
    """Return the degrees of freedom ``(chain, draw)`` of a predictor's smooths, by name."""
    prefix = prefix_of(spec, number)
    dense, grouped = _blocks(spec, rows, number)
    root = np.sqrt(information)[:, None]
    columns = root * np.concatenate([block.columns for block in dense], axis=1)
    gram = columns.T @ columns
    unit = 1.0 / np.sqrt(np.where(np.diag(gram) > 0, np.diag(gram), 1.0))
    gram = gram * np.outer(unit, unit) + RIDGE * np.eye(len(unit))
    chosen, stands = _thinned(sizes, len(unit), crossed=bool(grouped))
    few = {name: value[chosen] for name, value in draws.items()}
    times = by_draw[chosen]
    prior = np.concatenate([_precision(spec, block.effect, few, prefix, len(chosen)) for block in dense], axis=1) * unit**2
    processes = [(block.start, block.effect.law) for block in dense if isinstance(block.effect.law, Process)]
    for begin, law in processes:  # in coordinates in which their values are independent
        prior[:, begin : begin + len(law.places)] = 1.0
    beside = None if not grouped else _beside(spec, grouped, columns * unit, root[:, 0], few, prefix, times)
    variance = np.empty_like(prior)
    step = max(1, 2_000_000 // len(unit) ** 2)
    for start in range(0, len(chosen), step):
        some = slice(start, start + step)
        whole = times[some, None, None] * gram
        if beside is not None:
            whole = whole - beside[some]
        for begin, law in processes:
            roots = process_roots(law, [few[read_name(spec, prefix, slot)][some] for slot in law.slots])
            scale_related(whole, roots / unit[begin : begin + len(law.places), None], begin)
        whole[:, np.arange(len(unit)), np.arange(len(unit))] += prior[some]
        good = np.isfinite(whole).all(axis=(1, 2))
        inverse = np.linalg.inv(np.where(good[:, None, None], whole, np.eye(len(unit))))
        variance[some] = np.where(good[:, None], np.diagonal(inverse, axis1=1, axis2=2), np.nan)
    kept = np.clip(1.0 - prior * variance, 0.0, 1.0)
    first = {(block.term, block.place): block.start for block in dense}
    found = {}
    for part in parts:
        spans = [(first[part.term, k] + start, first[part.term, k] + stop) for k, start, stop in (*part.free, *part.penalised)]
        # A coefficient without a penalty counts 1: its prior is none that shrinks a curve.
        own = np.sum([kept[:, a:b].sum(axis=1) for a, b in spans[len(part.free) :]], axis=0)
        found[part.name] = (own + len(part.free))[stands].reshape(sizes)
    return found


def _thinned(sizes: tuple[int, int], coefficients: int, *, crossed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return which draws are worked out, and by which of them each draw is stood for ``(chain * draw,)``."""
    chains, count = sizes
    # LAPACK takes about as long over the overhead of a small matrix as over one of ten columns.
    most = FEWEST if crossed else max(PRODUCTS // (2 * (coefficients + 10) ** 3), FEWEST)
    step = max(1, -(-chains * count // most))
    per_chain = -(-count // step)
    chosen = (np.arange(chains)[:, None] * count + np.arange(per_chain) * step).ravel()
    stands = (np.arange(chains)[:, None] * per_chain + np.arange(count) // step).ravel()
    return chosen, stands


def _blocks(spec: ModelSpec, rows: Rows, number: int) -> tuple[list[_Block], list[tuple[Effect, Any]]]:
    """Return the predictor's columns, and the effects of groups where these are many or correlated, each with a sparse matrix."""
    dense: list[_Block] = []
    groups: list[tuple[str, int, Effect, Any]] = []
    begin = 0
    for term in spec.predictors[number].terms:
        for place, effect in enumerate(effects_of(term)):
            if isinstance(effect.rows, Shift):
                continue
            own = {k.removeprefix(f"{term.key}."): v for k, v in rows.arrays.items() if k.startswith(f"{term.key}.")}
            made = _columns(effect, own, rows.rows)
            if not isinstance(effect.rows, Columns | Places) and not _axes(effect):
                groups.append((term.key, place, effect, made))
            elif not isinstance(effect.rows, Columns):
                dense.append(_Block(term.key, place, effect, made.toarray(), begin))
                begin += made.shape[1]
            elif made.shape[1]:
                # The intercept is a column before those that are counted.
                shift = made.shape[1] - effect.width
                dense.append(_Block(term.key, place, effect, made, begin + shift))
                begin += made.shape[1]
    related = any(effect.law.correlation is not None for _, _, effect, _ in groups)
    if related or sum(made.shape[1] for *_, made in groups) > MOST_DENSE:
        return dense, [(effect, made) for _, _, effect, made in groups]
    for key, place, effect, made in groups:
        dense.append(_Block(key, place, effect, made.toarray(), begin))
        begin += made.shape[1]
    return dense, []


def _columns(effect: Effect, arrays: Mapping[str, np.ndarray], rows: int) -> Any:
    """Return what an effect's coefficients are multiplied by ``(obs, coefficient)``; of groups sparse, level by level.

    Levels whose covariance is known, or made of several numbers, are in coordinates in which they are independent; values of a
    process are as they are.
    """
    from scipy import sparse

    assert not isinstance(effect.rows, Shift)
    if isinstance(effect.rows, Places):
        assert isinstance(effect.law, Process)
        return effect.rows.incidence(arrays) @ sparse.csr_matrix(effect.law.counting)
    given = None if effect.rows.array is None else np.asarray(arrays[effect.rows.array], dtype=np.float64)
    columns = ([np.ones(rows)] if effect.rows.intercept else []) + ([] if given is None else list(given.T))
    if isinstance(effect.rows, Columns):
        return np.stack(columns, axis=1) if columns else np.zeros((rows, 0))
    shares = effect.rows.incidence(arrays)
    related = root_of(effect.law)
    if related is not None:
        shares = sparse.csr_matrix(shares @ related)
    width = len(columns)
    made = sparse.hstack([sparse.diags(column) @ shares for column in columns]).tocsc()
    order = np.arange(made.shape[1]).reshape(width, -1).T.ravel()
    return made[:, order]


def _axes(effect: Effect) -> int:
    """Return how many coefficients levels that lean on one another have together; 0 where they do not."""
    law = effect.law
    return len(law.places) if isinstance(law, Process) else law.axes if isinstance(law, Scaled) else 0


def _each(effect: Effect) -> bool:
    """Return whether every level has an sd of its own."""
    return isinstance(effect.law, Scaled) and effect.law.each


def _precision(spec: ModelSpec, effect: Effect, draws: Draws, prefix: str, count: int) -> np.ndarray:
    """Return the prior precision of an effect's own columns ``(draw, column)``, which have no correlations."""
    if isinstance(effect.law, Given):
        found = np.zeros(effect.width)
        for piece in effect.pieces:
            chosen = spec.prior(prefix + quantity_name(piece.slot))
            gaussian = None if chosen is None else PRIORS[chosen.prior.name].gaussian
            if chosen is not None and gaussian is not None:
                arguments = {k: v for k, v in chosen.prior.arguments if v is not None}
                found[piece.start : piece.stop] = gaussian(**arguments)[1]
        own = np.broadcast_to(found, (count, effect.width))
        intercept = isinstance(effect.rows, Columns) and effect.rows.intercept
        return np.concatenate([np.zeros((count, 1)), own], axis=1) if intercept else own
    if effect.strata is not None:
        by_level = effect_sds(spec, effect, draws, prefix, effect.strata.of)
        own_class: np.ndarray = 1.0 / np.maximum(np.swapaxes(by_level, 1, 2).reshape(count, -1), SMALLEST) ** 2
        return own_class
    sds = effect_sds(spec, effect, draws, prefix)
    if _each(effect):
        return np.asarray(1.0 / np.maximum(sds[:, 0], SMALLEST) ** 2)
    precision: np.ndarray = 1.0 / np.maximum(sds[..., 0], SMALLEST) ** 2
    if isinstance(effect.rows, Grouped | Members) and not _axes(effect):
        return np.tile(precision, (1, len(effect.rows.labels)))
    return precision


def _beside(
    spec: ModelSpec,
    grouped: list[tuple[Effect, Any]],
    columns: np.ndarray,
    root: np.ndarray,
    draws: Draws,
    prefix: str,
    times: np.ndarray,
) -> np.ndarray:
    """Return what eliminating the effects of groups takes off the columns' precision ``(draw, column, column)``."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    scale = sparse.diags(root)
    made = sparse.hstack([scale @ own for _, own in grouped]).tocsc()
    own, across = (made.T @ made).tocsc(), made.T @ columns
    laws = [_group_precision(spec, effect, draws, prefix) for effect, _ in grouped]
    found = np.empty((len(times), columns.shape[1], columns.shape[1]))
    for k, factor in enumerate(times):
        prior = sparse.block_diag([_by_level(law[k][of]) for law, of in laws], format="csc")
        found[k] = factor**2 * across.T @ splu((factor * own + prior).tocsc()).solve(np.ascontiguousarray(across))
    return found


def _by_level(precisions: np.ndarray) -> Any:
    """Return the levels' precisions ``(level, coefficient, coefficient)`` side by side, a SciPy sparse matrix."""
    from scipy import sparse

    levels, width = precisions.shape[:2]
    return sparse.bsr_matrix((precisions, np.arange(levels), np.arange(levels + 1)), shape=(levels * width, levels * width))


def _group_precision(spec: ModelSpec, effect: Effect, draws: Draws, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    """Return prior precisions ``(draw, class, coefficient, coefficient)``, and each level's class; all are of one where there are
    no classes."""
    assert isinstance(effect.rows, Grouped | Members)
    strata, smallest = effect.strata, 1e-6 * max(spec.response.spread, 1e-100)
    if _each(effect):
        own_sds = np.maximum(effect_sds(spec, effect, draws, prefix)[:, 0], smallest)
        return (1.0 / own_sds**2)[..., None, None], np.arange(own_sds.shape[1])
    found = []
    for own in (None,) if strata is None else range(len(strata.labels)):
        sds = np.maximum(effect_sds(spec, effect, draws, prefix, None if own is None else (own,)), smallest)
        count, width = sds.shape[:2]
        unit = np.broadcast_to(np.eye(width), (count, width, width))
        factor = sds * correlated(effect, draws, unit, prefix, None if own is None else (own,) * width)
        found.append(np.linalg.inv(factor @ np.swapaxes(factor, 1, 2)))
    of = np.zeros(len(effect.rows.labels), dtype=np.int64) if strata is None else np.asarray(strata.of)
    return np.stack(found, axis=1), of
