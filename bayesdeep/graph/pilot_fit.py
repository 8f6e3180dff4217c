r"""A pilot fit of a multilevel model before sampling, by penalised quasi-likelihood: its mode, and what rows say of each effect.

Newton steps (Breslow and Clayton 1993, Journal of the American Statistical Association 88, 9-25) on the coefficients
:math:`\theta` of the main predictor :math:`\eta = Z\theta`, whose precision at the mode is

.. math:: H = Z^\top W Z + \operatorname{diag}(1/\sigma^2),

with the rows' expected information :math:`W`, and between the steps the standard deviations from
:math:`\sigma_k^2 = \sum_j u_{kj}^2 / \sum_j (1 - V_{kj} / \sigma_k^2)` (MacKay 1992, Neural Computation 4, 415-447), with
:math:`V` the posterior variances. Correlations between coefficients are left out. Nothing of this enters the model: it decides in
which coordinates it is sampled, so being right to a factor of two is enough.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayesdeep.core.effects import Columns, Effect, Given, Grouped, Places, Process, Scaled, Shift, Structured, root_of
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.numerics.processes import process_roots
from bayesdeep.spec.model_spec import ModelSpec, TermSpec

from .pilot_information import Told, told

MOST_COLUMNS = 60
"""Population columns up to which it is worked out how the effects of groups follow them."""

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
    a basis, as many "groups"; ``sds`` says which of the standard deviations each of the ``width * levels`` coefficients has.
    """

    key: str
    factor: str | None
    begin: int
    levels: int
    width: int
    plain: bool = True
    basis: bool = False
    sds: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def span(self) -> slice:
        """Return the block's places among all coefficients; of groups, all of one coefficient lie together."""
        return slice(self.begin, self.begin + self.levels * self.width)

    def summed(self, values: np.ndarray) -> np.ndarray:
        """Return sums of values ``(width * level,)`` over the coefficients that share a standard deviation ``(sd,)``."""
        return np.bincount(self.sds, values)


@dataclass(frozen=True)
class Population:
    """Population-level coefficients: key of their term, which of its arrays their columns are, and how many there are.

    An intercept comes first, at the columns' means.
    """

    key: str
    array: str | None
    width: int


@dataclass(frozen=True)
class PilotFit:
    """A pilot fit.

    Attributes
    ----------
    blocks
        What the coefficients are.
    sds
        By the block's key, ``(sd,)``: likely values of the standard deviations, which are not 0 where the rows would have
        them so, but as large as the rows hardly tell from it.
    told
        By the term's key, coefficient by coefficient: what the rows say of its effects.
    populations
        The population's coefficients: one term's, or of a non-linear formula one for each of its parameters; none where there
        are too many. Below they are those of the columns less their means, one term after another, ``(column,)``.
    centre
        The population's coefficients at the mode.
    effects
        By the term's key, effects at the mode, ``(width, level)``.
    precision
        ``(column, column)`` of the population's coefficients, the effects integrated out.
    """

    blocks: tuple[Block, ...]
    sds: Mapping[str, np.ndarray]
    told: Mapping[str, tuple[Told, ...]]
    populations: tuple[Population, ...] = ()
    centre: np.ndarray = field(default_factory=lambda: np.zeros(0))
    effects: Mapping[str, np.ndarray] = field(default_factory=dict)
    precision: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def each_sd(self, key: str) -> np.ndarray:
        """Return the standard deviation of each of a block's effects ``(width, level)``."""
        block = next(b for b in self.blocks if b.key == key)
        return np.asarray(self.sds[key][block.sds].reshape(block.width, block.levels))

    def places(self, key: str) -> slice | None:
        """Return the places of a term's coefficients among the population's; None for other terms."""
        begin = 0
        for one in self.populations:
            if one.key == key:
                return slice(begin, begin + one.width)
            begin += one.width
        return None


def pilot_fit(spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response) -> PilotFit | None:
    """Return the pilot fit; None for models it does not know.

    It knows linear main predictors with effects of groups, of counts, of yes or no and of normal responses with known standard
    errors, without censoring or truncation.
    """
    curve = curve_of(spec, response, arrays)
    if curve is None or response.modifiers - {"prop", "weighted"}:
        return None
    design = design_of(spec.predictors[0].terms, arrays, len(response.value))
    if design is None or not any(b.factor is not None for b in design[0]):
        return None
    with np.errstate(all="ignore"):
        normal = "gaussian" in FAMILIES[spec.family].words
        found = _iterate(*design, curve, spec.response.spread if normal else 1.0, np.inf if normal else MAX_PREDICTOR_STEP)
        return None if found is None else finished(spec, design[0], *found, len(response.value))


def _iterate(
    blocks: tuple[Block, ...], columns: Any, offset: np.ndarray, curve: "Curve", unit: float, longest: float
) -> tuple[dict[str, np.ndarray], Any, np.ndarray, np.ndarray] | None:
    """Return variances, the precision ``(coefficient, coefficient)``, the prior's share of its diagonal, and coefficients.

    ``unit`` is the predictor's, and ``longest`` how far a step may change it.
    """
    from scipy import sparse

    size, transposed = columns.shape[1], columns.T.tocsr()
    grouped = [b for b in blocks if b.factor is not None]
    variances = {b.key: np.full(b.sds.max() + 1, 0.25 * unit**2) for b in grouped}
    theta, prior, precision = np.zeros(size), np.full(size, RIDGE / unit**2), None
    for _ in range(STEPS if len(offset) <= MANY_ROWS else STEPS_LARGE):
        eta = columns @ theta + offset
        slope, weight = curve(eta)
        for b in grouped:
            prior[b.span] = 1.0 / variances[b.key][b.sds]
        gram = transposed @ sparse.diags(weight) @ columns
        precision = (gram + sparse.diags(prior)).tocsr()
        step = solve(precision, transposed @ slope - prior * theta)
        if not np.isfinite(step).all():
            return None
        theta = theta + step * min(1.0, longest / max(float(np.abs(columns @ step).max()), 1e-300))
        information = gram.diagonal()
        change = 0.0
        for b in grouped:
            before = variances[b.key]
            variances[b.key] = likely_variances(b, before, theta, information, unit)
            change = max(change, float(np.abs(np.log(variances[b.key] / before)).max()))
        if change < CLOSE:
            break
    return variances, precision, prior, theta


def likely_variances(
    block: Block, before: np.ndarray, theta: np.ndarray, information: np.ndarray, unit: float
) -> np.ndarray:
    """Return the variances of a block's effects ``(sd,)``, from the coefficients and what rows say of each by themselves."""
    known = information[block.span]
    share = np.clip(1.0 - 1.0 / (1.0 + known * before[block.sds]), 1e-6, 1.0)
    # What the rows hardly tell from 0: of a variance that is 0 they know the sum of squared informations, halved.
    hardly = 1.0 / np.sqrt(np.maximum(0.5 * block.summed(known**2), 1e-300))
    likely = np.maximum(block.summed(theta[block.span] ** 2) / block.summed(share), hardly)
    wanted = np.clip(likely, (MIN_SD * unit) ** 2, (MAX_SD * unit) ** 2)
    # At most a factor of four at once: far from the mode the effects are not yet what they will be.
    found: np.ndarray = np.clip(wanted, before / 4.0, before * 4.0)
    return found


def finished(
    spec: ModelSpec,
    blocks: tuple[Block, ...],
    variances: Mapping[str, np.ndarray],
    precision: Any,
    prior: np.ndarray,
    theta: np.ndarray,
    rows: int,
) -> PilotFit:
    """Return the fit with what the rows say of each effect; of the population's columns where these are not too many."""
    grouped = [b for b in blocks if b.factor is not None]
    spans = [slice(begin, begin + b.levels) for b in grouped for begin in b.begin + b.levels * np.arange(b.width)]
    common = [b for b in blocks if b.factor is None]
    fixed = np.concatenate([np.arange(b.begin, b.begin + b.width) for b in common] or [np.zeros(0, dtype=int)])
    few = 0 < len(fixed) <= MOST_COLUMNS
    found, own = told(precision, prior, theta, fixed if few else fixed[:0], spans, rows)
    by_key, begin = {}, 0
    for b in grouped:
        by_key[b.key] = tuple(found[begin : begin + b.width])
        begin += b.width
    pilot = PilotFit(
        blocks,
        {key: np.sqrt(v) for key, v in variances.items()},
        by_key,
        effects={b.key: theta[b.span].reshape(b.width, b.levels) for b in grouped},
    )
    if not few or not np.isfinite(own).all():
        return pilot
    # From the columns as they are to the columns less their means: only the intercept's coefficient changes.
    change, begin, populations = np.eye(len(fixed)), 0, []
    for b in common:
        rows_of = _columns_of(spec, b.key)
        if rows_of.intercept:
            change[begin, begin + 1 : begin + b.width] = -np.asarray(rows_of.means)
        populations.append(Population(b.key, rows_of.array, b.width))
        begin += b.width
    turned = change.T @ own @ change
    return replace(
        pilot,
        told={key: tuple(replace(t, population=t.population @ change) for t in of) for key, of in by_key.items()},
        populations=tuple(populations),
        centre=np.linalg.solve(change, theta[fixed]),
        precision=0.5 * (turned + turned.T),
    )


def solve(precision: Any, right: np.ndarray) -> np.ndarray:
    """Return ``precision⁻¹ right`` to four digits, by conjugate gradients: one thread, and no fill-in of crossed groups."""
    from scipy import sparse
    from scipy.sparse.linalg import cg

    scale = sparse.diags(1.0 / precision.diagonal())
    return cg(precision, right, rtol=1e-4, maxiter=300, M=scale)[0]


def _columns_of(spec: ModelSpec, key: str) -> Columns:
    """Return the population's columns of a term."""
    effects = (e for p in spec.predictors for k, e in _effects(p.terms) or () if k == key)
    return next(e.rows for e in effects if isinstance(e.rows, Columns) and isinstance(e.law, Given))


def design_of(
    terms: Sequence[TermSpec], arrays: Mapping[str, np.ndarray], rows: int, begin: int = 0
) -> tuple[tuple[Block, ...], Any, np.ndarray] | None:
    """Return blocks, sparse columns ``(obs, coefficient)`` and offset ``(obs,)`` of a predictor; None if it is not linear.

    ``begin`` is the place of its first coefficient among those of a model.
    """
    from scipy import sparse

    effects = _effects(terms)
    if effects is None:
        return None
    blocks: list[Block] = []
    parts: list[Any] = []
    offset = np.zeros(rows)
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


def _effects(terms: Sequence[TermSpec]) -> list[tuple[str, Effect]] | None:
    """Return the effects of a predictor, each with its term's key; None where a term has others as well."""
    found: list[tuple[str, Effect]] = []
    for term in terms:
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
    if isinstance(effect.rows, Columns):
        given = None if effect.rows.array is None else arrays[effect.rows.array]
        columns = [np.ones(rows)] * bool(effect.rows.intercept) + ([] if given is None else list(given.T))
        return sparse.csr_matrix(np.stack(columns, axis=1)) if columns else None
    if isinstance(effect.rows, Places):
        assert isinstance(effect.law, Process)
        # At likely values of the other numbers the process is one sd times independent coefficients.
        roots = process_roots(effect.law, [np.ones(1), *(np.full(1, value) for value in effect.law.likely)])
        return sparse.csr_matrix(effect.rows.incidence(arrays) @ (effect.law.counting @ roots[0]))
    products, root = effect.rows.products(arrays), root_of(effect.law)
    return sparse.hstack(products if root is None else [sparse.csr_matrix(own @ root) for own in products])


def _block(key: str, effect: Effect, begin: int, size: int) -> Block:
    if isinstance(effect.rows, Columns) and isinstance(effect.law, Given):
        return Block(key, None, begin, 1, size)
    assert not isinstance(effect.rows, Shift)
    made = isinstance(effect.law, Scaled | Process)
    if isinstance(effect.rows, Columns | Places) or (isinstance(effect.law, Scaled) and effect.law.root is not None):
        sds = np.zeros(size, dtype=np.int64) if made else _sds(effect)
        return Block(f"{key}.{effect.pieces[0].slot}", effect.pieces[0].slot, begin, size, 1, False, True, sds)
    plain = isinstance(effect.rows, Grouped) and not isinstance(effect.law, Structured)
    levels = len(effect.rows.labels)
    return Block(key, effect.rows.factor, begin, levels, size // levels, plain, sds=np.repeat(_sds(effect), levels))


def _sds(effect: Effect) -> np.ndarray:
    """Return which of an effect's standard deviations each coefficient has ``(coefficient,)``."""
    if isinstance(effect.law, Scaled):  # of what several numbers make together there is one sd for all
        return np.zeros(effect.width, dtype=np.int64)
    found, count = list[int](), 0
    for piece in effect.pieces:
        own = effect.sds(piece)
        found += [count + k for k in own.of]
        count += own.count
    return np.array(found)


Curve = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From the predictor ``(obs,)``: the log likelihood's slope and its expected information, both ``(obs,)``."""


def curve_of(spec: ModelSpec, response: Response, arrays: Mapping[str, np.ndarray]) -> Curve | None:
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
