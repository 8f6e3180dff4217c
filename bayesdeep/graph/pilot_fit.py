r"""A pilot fit of a multilevel model before sampling, by penalised quasi-likelihood: its mode, and shrinkage by effect.

Newton steps (Breslow and Clayton 1993, Journal of the American Statistical Association 88, 9-25) on the coefficients
:math:`\theta` of the main predictor :math:`\eta = Z\theta`, whose precision at the mode is

.. math:: H = Z^\top W Z + \operatorname{diag}(1/\sigma^2),

with the rows' expected information :math:`W`, and between the steps the standard deviations from
:math:`\sigma_k^2 = \sum_j u_{kj}^2 / \sum_j (1 - V_{kj} / \sigma_k^2)` (MacKay 1992, Neural Computation 4, 415-447), with
:math:`V` the posterior variances. Correlations between coefficients are left out. Nothing of this enters the model: it decides in
which coordinates it is sampled, so being right to a factor of two is enough.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayesdeep.core.effects import Columns, Effect, Grouped, Iid, Shift, Structured
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.spec.model_spec import ModelSpec

MOST_COLUMNS = 60
"""Population columns up to which it is worked out how the effects of groups follow them."""

LARGEST_PAIR = 2000
"""Effects of a term up to which it is worked out how those of another follow them."""

STEPS, STEPS_LARGE, MANY_ROWS = 25, 8, 200_000
CLOSE = 0.02
"""Relative change of the standard deviations at which they are good enough."""

MAX_PREDICTOR_STEP = 4.0
"""Largest change of the predictor in one step."""

RIDGE = 1e-3
MIN_SD, MAX_SD = 1e-3, 1e2
"""Limits of the standard deviations, in units of the predictor."""


@dataclass(frozen=True)
class Block:
    """Coefficients of one effect: the population's columns (``factor`` is None), or ``levels`` groups of ``width``.

    ``plain`` is whether they are effects of groups that rows meet one at a time, ``basis`` whether they are the coefficients of
    a basis, as many "groups".
    """

    key: str
    factor: str | None
    begin: int
    levels: int
    width: int
    plain: bool = True
    basis: bool = False

    @property
    def span(self) -> slice:
        """Return the block's places among all coefficients; of groups, all of one coefficient lie together."""
        return slice(self.begin, self.begin + self.levels * self.width)


@dataclass(frozen=True)
class PilotFit:
    """A pilot fit.

    Attributes
    ----------
    blocks
        What the coefficients are.
    sds
        By the term's key, ``(width,)``.
    shrinkage
        By the term's key, ``(width, level)``: the share of an effect's prior variance that the rows take away, 0 where
        they say nothing and 1 where they say everything.
    population
        Key of the population's term, None without one. Its coefficients below are those of the columns less their means,
        after the intercept where there is one, ``(column,)``.
    array
        Which of this term's arrays its columns are.
    centre
        The population's coefficients at the mode.
    follow
        By the term's key, ``(width, level, column)``: how much an effect falls, at the mode, when a coefficient of the
        population rises by one.
    between
        By pairs of terms' keys, the second before the first in the model: how much an effect of the first term falls when
        one of the second rises, ``(width * level, width * level)``; of pairs where this is no larger than the data.
        ``follow`` of the first term is then that with these effects given.
    effects
        By the term's key, effects at the mode, ``(width * level,)``.
    precision
        ``(column, column)`` of the population's coefficients, the effects integrated out.
    """

    blocks: tuple[Block, ...]
    sds: Mapping[str, np.ndarray]
    shrinkage: Mapping[str, np.ndarray]
    population: str | None = None
    array: str | None = None
    centre: np.ndarray = field(default_factory=lambda: np.zeros(0))
    follow: Mapping[str, np.ndarray] = field(default_factory=dict)
    between: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)
    effects: Mapping[str, np.ndarray] = field(default_factory=dict)
    precision: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))


def pilot_fit(spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response) -> PilotFit | None:
    """Return the pilot fit; None for models it does not know.

    It knows linear main predictors with effects of groups, of counts, of yes or no and of normal responses with known standard
    errors, without censoring or truncation.
    """
    curve = _curve(spec, response, arrays)
    if curve is None or response.modifiers - {"prop", "weighted"}:
        return None
    design = _design(spec, arrays, len(response.value))
    if design is None or not any(b.factor is not None for b in design[0]):
        return None
    with np.errstate(all="ignore"):
        normal = "gaussian" in FAMILIES[spec.family].words
        found = _iterate(*design, curve, spec.response.spread if normal else 1.0, np.inf if normal else MAX_PREDICTOR_STEP)
        return None if found is None else _following(spec, *found, len(response.value))


def _iterate(
    blocks: tuple[Block, ...], columns: Any, offset: np.ndarray, curve: "Curve", unit: float, longest: float
) -> tuple[PilotFit, Any, np.ndarray] | None:
    """Return the fit, the precision ``(coefficient, coefficient)`` and the coefficients.

    ``unit`` is the predictor's, and ``longest`` how far a step may change it.
    """
    from scipy import sparse

    size, transposed = columns.shape[1], columns.T.tocsr()
    grouped = [b for b in blocks if b.factor is not None]
    variances = {b.key: np.full(b.width, 0.25 * unit**2) for b in grouped}
    theta, shrinkage, precision = np.zeros(size), {}, None
    for _ in range(STEPS if len(offset) <= MANY_ROWS else STEPS_LARGE):
        eta = columns @ theta + offset
        slope, weight = curve(eta)
        prior = np.full(size, RIDGE / unit**2)
        for b in grouped:
            prior[b.span] = np.repeat(1.0 / variances[b.key], b.levels)
        gram = transposed @ sparse.diags(weight) @ columns
        precision = (gram + sparse.diags(prior)).tocsr()
        step = solve(precision, transposed @ slope - prior * theta)
        if not np.isfinite(step).all():
            return None
        theta = theta + step * min(1.0, longest / max(float(np.abs(columns @ step).max()), 1e-300))
        left = 1.0 / precision.diagonal()
        change = 0.0
        for b in grouped:
            effects, before = theta[b.span].reshape(b.width, b.levels), variances[b.key]
            share = np.clip(1.0 - left[b.span].reshape(b.width, b.levels) / before[:, None], 1e-6, 1.0)
            shrinkage[b.key] = share
            wanted = np.clip((effects**2).sum(axis=1) / share.sum(axis=1), (MIN_SD * unit) ** 2, (MAX_SD * unit) ** 2)
            # At most a factor of four at once: far from the mode the effects are not yet what they will be.
            variances[b.key] = np.clip(wanted, before / 4.0, before * 4.0)
            change = max(change, float(np.abs(np.log(variances[b.key] / before)).max()))
        if change < CLOSE:
            break
    sds = {key: np.sqrt(v) for key, v in variances.items()}
    return PilotFit(blocks, sds, shrinkage), precision, theta


def _following(spec: ModelSpec, pilot: PilotFit, precision: Any, theta: np.ndarray, rows: int) -> PilotFit:
    """Return the fit with how the effects follow the population's coefficients, where these are not too many."""
    block = next((b for b in pilot.blocks if b.factor is None), None)
    if block is None or block.width > MOST_COLUMNS:
        return pilot
    own, others = np.arange(block.begin, block.begin + block.width), np.ones(len(theta), dtype=bool)
    # From the columns as they are to the columns less their means: only the intercept's coefficient changes.
    change = np.eye(block.width)
    rows_of = next(
        e.rows
        for key, e in _effects(spec) or ()
        if key == block.key and isinstance(e.rows, Columns) and not isinstance(e.law, Iid)
    )
    if rows_of.intercept:
        change[0, 1:] = -np.asarray(rows_of.means)
    others[own] = False
    across = np.asarray(precision[others][:, own] @ change)
    within = precision[others][:, others]
    follow = np.stack([solve(within, column) for column in across.T], axis=1)
    if not np.isfinite(follow).all():
        return pilot
    left = change.T @ precision[own][:, own].toarray() @ change - across.T @ follow
    full = np.zeros((len(theta), block.width))
    full[others] = follow
    grouped = [b for b in pilot.blocks if b.factor is not None]
    between = _between(grouped, precision, rows)
    for first, second in between:
        # Given the second's effects, which follow the population themselves, this much is left for the first.
        spans = {b.key: b.span for b in grouped}
        full[spans[first]] += between[first, second] @ full[spans[second]]
    return replace(
        pilot,
        population=block.key,
        array=rows_of.array,
        centre=np.linalg.solve(change, theta[own]),
        follow={b.key: full[b.span].reshape(b.width, b.levels, block.width) for b in grouped},
        between=between,
        effects={b.key: theta[b.span] for b in grouped},
        precision=0.5 * (left + left.T),
    )


def _between(grouped: list[Block], precision: Any, rows: int) -> dict[tuple[str, str], np.ndarray]:
    """Return how the effects of the last term follow those of the one before, where that is cheap enough.

    Of more than two terms, only the last pair: the further ones would need the precision with the last integrated out.
    """
    if len(grouped) < 2 or not all(block.plain for block in grouped[-2:]):
        return {}
    second, first = grouped[-2:]
    sizes = first.levels * first.width, second.levels * second.width
    if sizes[0] * sizes[1] > rows or max(sizes) > LARGEST_PAIR:
        return {}
    within, across = precision[first.span, first.span], precision[first.span, second.span].toarray()
    found = np.stack([solve(within, column) for column in across.T], axis=1)
    return {(first.key, second.key): found} if np.isfinite(found).all() else {}


def solve(precision: Any, right: np.ndarray) -> np.ndarray:
    """Return ``precision⁻¹ right`` to four digits, by conjugate gradients: one thread, and no fill-in of crossed groups."""
    from scipy import sparse
    from scipy.sparse.linalg import cg

    scale = sparse.diags(1.0 / precision.diagonal())
    return cg(precision, right, rtol=1e-4, maxiter=300, M=scale)[0]


def _design(
    spec: ModelSpec, arrays: Mapping[str, np.ndarray], rows: int
) -> tuple[tuple[Block, ...], Any, np.ndarray] | None:
    """Return blocks, sparse columns ``(obs, coefficient)`` and offset ``(obs,)`` of the main predictor."""
    from scipy import sparse

    effects = _effects(spec)
    if effects is None:
        return None
    blocks: list[Block] = []
    parts: list[Any] = []
    offset, begin = np.zeros(rows), 0
    for key, effect in effects:
        own = {k.removeprefix(f"{key}."): array for k, array in arrays.items() if k.startswith(f"{key}.")}
        if isinstance(effect.rows, Shift):
            offset = offset + own[effect.rows.array]
            continue
        made = _columns(effect, own, rows)
        if made is None:
            continue
        blocks.append(_block(key, effect, begin, made.shape[1]))
        parts.append(made)
        begin += made.shape[1]
    return (tuple(blocks), sparse.hstack(parts).tocsr(), offset) if parts else None


def _effects(spec: ModelSpec) -> list[tuple[str, Effect]] | None:
    """Return the effects of the main predictor, each with its term's key; None where a term has others as well."""
    found: list[tuple[str, Effect]] = []
    for term in spec.predictors[0].terms:
        declare = TERMS[term.kind].effects
        if declare is None:
            return None
        found += [(term.key, effect) for effect in declare(term.state)]
    return found


def _columns(effect: Effect, arrays: Mapping[str, np.ndarray], rows: int) -> Any:
    """Return what an effect's coefficients are multiplied by, sparse ``(obs, coefficient)``; None without coefficients.

    Of groups, all levels of one coefficient lie together.
    """
    from scipy import sparse

    assert not isinstance(effect.rows, Shift)
    given = None if effect.rows.array is None else arrays[effect.rows.array]
    columns = [np.ones(rows)] * bool(effect.rows.intercept) + ([] if given is None else list(given.T))
    if not columns:
        return None
    if isinstance(effect.rows, Columns):
        return sparse.csr_matrix(np.stack(columns, axis=1))
    shares = effect.rows.incidence(arrays)
    if isinstance(effect.law, Structured):
        shares = sparse.csr_matrix(shares @ effect.law.root)
    return sparse.hstack([sparse.diags(column) @ shares for column in columns])


def _block(key: str, effect: Effect, begin: int, size: int) -> Block:
    if isinstance(effect.rows, Columns):
        if isinstance(effect.law, Iid):
            return Block(f"{key}.{effect.pieces[0].slot}", effect.pieces[0].slot, begin, size, 1, False, True)
        return Block(key, None, begin, 1, size)
    assert not isinstance(effect.rows, Shift)
    plain = isinstance(effect.rows, Grouped) and not isinstance(effect.law, Structured)
    levels = len(effect.rows.labels)
    return Block(key, effect.rows.factor, begin, levels, size // levels, plain)


Curve = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From the predictor ``(obs,)``: the log likelihood's slope and its expected information, both ``(obs,)``."""


def _curve(spec: ModelSpec, response: Response, arrays: Mapping[str, np.ndarray]) -> Curve | None:
    """Return slope and expected information of the rows as functions of the main predictor, as the family gives them."""
    information, link = FAMILIES[spec.family].information, spec.predictors[0].link
    known = {name: arrays.get(name, given.value) for name, given in spec.known.items()}
    if information is None or information(np.zeros(len(response.value)), response, link, known) is None:
        return None
    weights = 1.0 if response.weights is None else np.asarray(response.weights, dtype=np.float64)

    def curve(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope, certain = information(eta, response, link, known)
        return weights * slope, weights * certain

    return curve
