r"""From declared effects (:mod:`bayesdeep.core.effects`) to a term's part of the predictor.

For coefficient :math:`k` and level :math:`j` the effect is :math:`u_{kj} = m_k + \sigma_k \sum_l L_{kl} z_{lj}` with
independent standard :math:`z`, :math:`L` the Cholesky factor of the coefficients' correlation matrix, :math:`\sigma_k`
their standard deviations and :math:`m_k` their location, 0 unless the user's prior says otherwise. Sampled are the standardised
:math:`z` (the non-centred form) or, where the data say much of each group, something nearer to the effects themselves, see
:meth:`~bayesdeep.core.terms.Scope.centring`; the user sees the effects. Where levels have classes with a covariance each
(:class:`~bayesdeep.core.effects.Strata`), :math:`\sigma_k` and :math:`L` are those of the level's class.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.effects import (
    Columns,
    Effect,
    Given,
    Grouped,
    Members,
    Piece,
    Places,
    Process,
    Scaled,
    Shift,
    Structured,
    root_of,
)
from bayesdeep.core.lazy import pt
from bayesdeep.core.registry import PRIORS
from bayesdeep.core.terms import Coordinates, Scope


def eta_of(scope: Scope, effects: Sequence[Effect]) -> Any:
    """Return what a term's effects add to the predictor ``(obs,)`` or ``(obs, width)``, or an intercept alone."""
    total: Any = 0.0
    for effect in effects:
        total = total + _addend(scope, effect)
    return total


def _addend(scope: Scope, effect: Effect) -> Any:
    rows = effect.rows
    if isinstance(rows, Shift):
        value = scope.data(rows.array)
        return value if scope.width is None else value[:, None]
    if isinstance(rows, Places):
        return _process(scope, rows, effect)
    if isinstance(rows, Columns):
        given = isinstance(effect.law, Given)
        return _population(scope, rows, effect.pieces) if given else _penalised(scope, rows, effect)
    return _by_level(scope, rows, effect)


def _population(scope: Scope, rows: Columns, pieces: Sequence[Piece]) -> Any:
    """Return ``Intercept + X @ beta``."""
    parts = [
        scope.variable(p.slot)[None] if p.labels is None else scope.variable(p.slot, (scope.dim(p.dim, p.labels),))
        for p in pieces
    ]
    beta = pt.concatenate(parts, axis=0) if len(parts) > 1 else (parts[0] if parts else None)
    at_means: Any = 0.0
    if beta is not None:
        means = np.asarray(rows.means)
        at_means = ((means if scope.width is None else means[:, None]) * beta).sum(axis=0)
    intercept = scope.intercept(at_means) if rows.intercept else 0.0
    if beta is None:
        return intercept
    assert rows.array is not None
    return intercept + scope.product(rows.array, beta)


def _penalised(scope: Scope, rows: Columns, effect: Effect) -> Any:
    """Return a basis times coefficients whose standard deviations are not given: one, a few, or made of several numbers."""
    assert rows.array is not None
    law, first = effect.law, effect.pieces[0]
    sd = several_sds(scope, law, effect.width) if isinstance(law, Scaled) else _sds(scope, effect, first)
    coefficients = sd * _standard(scope, first.slot, effect.width, sd)
    shown = []
    for p in effect.pieces:
        own = coefficients[p.start] if p.labels is None else coefficients[p.start : p.stop]
        dims = () if p.labels is None else (scope.dim(p.dim, p.labels),)
        found = scope.report(p.slot, own, dims, p.role or effect.role, slot=_slot_of(effect, p))
        shown.append(found[None] if p.labels is None else found)
    return scope.product(rows.array, pt.concatenate(shown) if len(shown) > 1 else shown[0])


def _process(scope: Scope, rows: Places, effect: Effect) -> Any:
    """Return each row's value of a function that is a Gaussian process, times the row's number."""
    law, (piece,) = effect.law, effect.pieces
    assert isinstance(law, Process)
    assert piece.labels is not None
    standard = scope.hidden(f"{piece.slot}_z", "Normal", _unit("Normal"), (effect.width,))
    values = [pt.as_tensor(scope.shared_variable(slot)) for slot in law.slots]
    if scope.width is None:
        counted = _values_of(scope, law, values, standard)
    else:
        each = range(scope.width[1])
        counted = pt.stack([_values_of(scope, law, [v[k] for v in values], standard[:, k]) for k in each], axis=1)
    shown = scope.report(piece.slot, counted, (scope.dim(piece.dim, piece.labels),), effect.role, slot=law.sd)
    found = shown[scope.data(rows.codes)]
    if rows.array is None:
        return found
    by = scope.data(rows.array)
    return found * (by[:, 0] if scope.width is None else by)


def _values_of(scope: Scope, law: Process, values: Sequence[Any], standard: Any) -> Any:
    """Return a process at its places, counted from its average ``(place,)``.

    Its root is taken in the principal axes that the covariance has at likely values, the smoothest first: rows tell of each of
    these nearly by itself, while of places they tell of many together, in a direction that moves with every number.
    """
    from pytensor.tensor.linalg import cholesky

    axes = np.ascontiguousarray(np.linalg.eigh(law.correlations(law.likely, np))[1][:, ::-1])
    turned = scope.dot(pt.constant(axes), scope.dot(law.correlations(values[1:], pt), pt.constant(axes)), turned=True)
    root = cholesky(turned, lower=True, on_error="nan")
    found = values[0] * scope.dot(pt.constant(axes), scope.dot(root, standard))
    return found - (found * law.average).sum() if law.average.any() else found


def _slot_of(effect: Effect, piece: Piece) -> str:
    """Return the slot that coefficients have their standard deviation of."""
    return piece.sd or (effect.law.slots[0] if isinstance(effect.law, Scaled) else piece.slot)


def _standard(scope: Scope, slot: str, count: int, sd: Any) -> Any:
    """Return standardised coefficients ``(coefficient,)`` that have this ``sd``, one or one each."""
    centring = scope.centring(slot)
    draw = partial(scope.hidden, f"{slot}_z", "Normal", shape=(count,))
    if centring is None:
        return draw(_unit("Normal"))
    return _between(draw, "Normal", {}, centring, 0, centring.pull(0, []), 0.0, sd)


def several_sds(scope: Scope, law: Scaled, count: int) -> Any:
    """Return the sds ``(coefficient,)``, or ``(coefficient, width)``, that several numbers make."""
    values = [pt.as_tensor(scope.shared_variable(slot))[..., None] for slot in law.slots]
    made = pt.as_tensor(law.sds(values, pt)) * np.ones(count)
    return made.T if scope.width is not None else made


def _sds(scope: Scope, effect: Effect, piece: Piece) -> Any:
    """Return the standard deviation of a piece's coefficients: a scalar or one each ``(coefficient,)``, by class of levels."""
    found, strata = effect.sds(piece), _strata(scope, effect)
    if found.labels is None:
        return scope.variable(piece.sd, strata)
    own = scope.variable(piece.sd, (scope.dim(found.dim, found.labels), *strata))
    return own if found.of == tuple(range(found.count)) else own[np.array(found.of)]


def _by_level(scope: Scope, rows: Grouped | Members, effect: Effect) -> Any:
    """Return each row's effects of its levels.

    Every quantity below ends in the width dimension where there is one, and the arithmetic broadcasts over it.
    """
    effects = effects_by_level(scope, rows, effect)
    if isinstance(rows, Grouped) and scope.width is None:
        return scope.gather(effects, rows.codes, rows.array, rows.intercept)
    codes, total = scope.data(rows.codes), 0.0
    for k, own in enumerate(effects):
        value, column = own[codes], k - rows.intercept
        by = scope.data(rows.array)[..., column] if column >= 0 and rows.array is not None else None
        if isinstance(rows, Members):
            weights = scope.data(rows.weights)
            if by is not None and by.ndim == weights.ndim:  # A member's own column.
                weights, by = weights * by, None
            value = ((weights if scope.width is None else weights[:, :, None]) * value).sum(axis=1)
        if by is not None:
            value = value * (by if scope.width is None else by[:, None])
        total = total + value
    return total


def effects_by_level(scope: Scope, rows: Grouped | Members, effect: Effect) -> list[Any]:
    """Return one ``(level,)`` tensor a scalar coefficient, and report them by name."""
    law: Any = effect.law
    level = scope.dim(rows.factor, rows.labels, rows.factor)
    if isinstance(law, Scaled) and law.axes:
        sd = several_sds(scope, law, law.axes)
        axes = sd * _standard(scope, effect.pieces[0].slot, law.axes, sd)
        return _report(scope, effect, [scope.dot(pt.constant(root_of(law)), axes)], level)
    if law.shared:
        return _report(scope, effect, scope.together(), level)
    varying = _varying(scope, effect, level)
    correlated = law.correlation is not None
    factor = cholesky_rows(_pairs(scope, effect, rows.factor), len(varying)) if correlated else None
    effects = _mixed(scope, varying, factor, law.root if isinstance(law, Structured) else None)
    if not isinstance(law, Structured) and effect.strata is None and isinstance(rows, Grouped):
        for own in [varying] if factor is not None else [[v] for v in varying]:
            sampled = [v.sampled for v in own if v.sampled is not None]
            if len(sampled) == len(own):
                scope.register_covariance_factor([v.sd for v in own], factor, sampled, own[0].prior)
    shown = _report(scope, effect, effects, level)
    for piece in effect.pieces:
        v = varying[piece.start]
        if v.law is not None:
            plugin = PRIORS[v.prior].law
            assert plugin is not None
            plugin.shows(scope, piece.slot, v.law, (shown[piece.start] - v.mean) / v.sd)
    return shown


def _mixed(scope: Scope, varying: Sequence["_Varying"], factor: Any, root: np.ndarray | None) -> list[Any]:
    """Return effects ``(level,)`` by coefficient.

    ``factor`` is the Cholesky factor of their correlations, ``root`` that of the levels' covariance.
    """
    standard: list[Any] = []
    effects: list[Any] = []
    for k, v in enumerate(varying):
        # Given the effects of the coefficients before, this one has the distribution `base` with these two.
        location = 0.0 if factor is None else v.sd * sum((factor[k][m] * standard[m] for m in range(k)), start=0.0)
        scale = v.sd if factor is None else v.sd * factor[k][k]
        standard.append(v.standard(location, scale, effects))
        own = location + scale * standard[k]
        effects.append(v.mean + (own if root is None else scope.dot(pt.constant(root), own)))
    return effects


def correlated_effects(
    members: Sequence[tuple[Scope, Effect]], owner: Scope, slot: str, factor: str, pairs: tuple[str, ...]
) -> list[list[Any]]:
    """Return by member its effects ``(level,)`` a coefficient, all of them correlated with each other.

    Parameters
    ----------
    members
        Effects of the same levels, each with the scope of its term.
    owner, slot, factor, pairs
        Whose correlations they are, under which slot, of which grouping factor, and the label of each.
    """
    varying, ends = list[_Varying](), list[int]()
    for scope, effect in members:
        rows = effect.rows
        assert isinstance(rows, Grouped)
        level = scope.dim(rows.factor, rows.labels, rows.factor)
        varying += scope.naming(partial(_varying, scope, effect, level))
        ends.append(len(varying))
    pair = owner.dim(f"{factor}_pair", pairs)
    correlations = owner.naming(partial(owner.correlation, slot, len(varying), pair))
    effects = _mixed(owner, varying, cholesky_rows(correlations, len(varying)), None)
    return [effects[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def cholesky_rows(pairs: Any, size: int) -> list[list[Any]]:
    """Return the Cholesky factor of a correlation matrix, scalar by scalar, from its ``(pair,)`` correlations.

    With further axes it is that of several matrices, entry by entry.

    The pairs go row by row below the diagonal. The floor under the square root only matters where a correlation is 1
    to the last digit, where the density is 0.
    """
    rows: list[list[Any]] = [[1.0]]
    k = 0
    for i in range(1, size):
        row: list[Any] = []
        for j in range(i):
            dot = sum((row[m] * rows[j][m] for m in range(j)), start=0.0)
            row.append((pairs[k] - dot) / rows[j][j])
            k += 1
        rows.append([*row, pt.sqrt(pt.maximum(1.0 - sum(r**2 for r in row), 1e-14))])
    return rows


def _report(scope: Scope, effect: Effect, effects: list[Any], level: str) -> list[Any]:
    shown = []
    for p in effect.pieces:
        if p.labels is None:
            shown.append(scope.report(p.slot, effects[p.start], (level,), p.role or effect.role, slot=p.slot))
        else:
            dim = scope.dim(p.dim, p.labels)
            values = pt.stack(effects[p.start : p.stop])
            block = scope.report(p.slot, values, (dim, level), p.role or effect.role, slot=p.slot)
            shown.extend(block[i] for i in range(p.size))
    return shown


@dataclass(frozen=True)
class _Varying:
    """One coefficient: its sd, one for all or ``(level,)``, location, prior, and ``standard(location, scale, effects before)``.

    The latter returns the standardised effects ``(level,)``, whether these or less standardised ones are sampled. Where it is
    these, ``sampled`` is the variable that has them, and the place along its first axis or None. ``law`` has the parameters of a
    prior that is a law with such.
    """

    sd: Any
    mean: Any
    prior: str
    standard: Callable[[Any, Any, Sequence[Any]], Any]
    sampled: tuple[Any, int | None] | None = None
    law: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Law:
    """A law of effects: their sd, the further parameters of the standardised ones, and mean and sd of what is sampled."""

    sd: Any
    parameters: Mapping[str, Any]
    middle: Any
    root: Any


def law_of(scope: Scope, effect: Effect, piece: Piece) -> _Law | None:
    """Return the law that a piece's effects have, made once; None where their prior has no parameters of its own."""
    chosen = scope.prior(piece.slot)
    law = None if chosen is None else PRIORS[chosen.prior.name].law
    if chosen is None or law is None:
        return None

    def make(own: Scope) -> _Law:
        sd = _sds(own, effect, piece)
        parameters, (middle, root) = law.parameters(own, piece.slot, dict(chosen.prior.arguments), sd)
        if isinstance(effect.rows, Grouped) and effect.rows.intercept and piece.start == 0:
            own.lift(-sd * middle / root)
        return _Law(sd, parameters, middle, root)

    return scope.once(f"{piece.slot} law", make)


def make_laws(scope: Scope, effects: Sequence[Effect]) -> None:
    """Make the laws of effects that have parameters of their own: an intercept's coordinate depends on them."""
    for effect in effects:
        if isinstance(effect.rows, Grouped | Members):
            for piece in effect.pieces:
                law_of(scope, effect, piece)


def _varying(scope: Scope, effect: Effect, level: str) -> list[_Varying]:
    """Return the coefficients, in the order of the Cholesky factor's rows."""
    found: list[_Varying] = []
    law = effect.law
    centring = None if isinstance(law, Structured) or law.shared else scope.centring()
    each = isinstance(law, Scaled) and law.each
    several = several_sds(scope, law, 1 if each else effect.width) if isinstance(law, Scaled) else None
    for p in effect.pieces:
        chosen = scope.prior(p.slot)
        dims = () if p.labels is None else (scope.dim(p.dim, p.labels),)
        base = "Normal" if chosen is None else chosen.prior.name
        own_law = law_of(scope, effect, p)
        sd: Any = None if own_law is None else own_law.sd
        if several is None and own_law is None:
            sd = _sds(scope, effect, p) if chosen is None else scope.argument(p.slot, "scale")
        mean = 0.0 if chosen is None or own_law is not None else scope.argument(p.slot, "location")
        extra = {a: scope.argument(p.slot, a) for a in PRIORS[base].arguments if a not in _unit(base)}
        extra = extra if own_law is None else dict(own_law.parameters)
        draw = partial(scope.hidden, prior=base)
        block = None
        if centring is None and p.labels is not None:
            block = draw(f"{p.slot}_z", arguments={**_unit(base), **extra}, shape=(*dims, level))
        for k in range(p.start, p.stop):
            own = sd if chosen is not None or effect.sds(p).labels is None else sd[k - p.start]
            own = own if several is None else several if each else several[k]
            if effect.strata is not None and chosen is None:
                own = own[np.asarray(effect.strata.of)]
            if centring is not None:
                label = p.slot if p.labels is None else f"{p.slot}_{k - p.start}"
                made = partial(draw, f"{label}_z", shape=(level,))
                standard = partial(_moving, made, base, extra, centring, k, mean)
                found.append(_Varying(own, mean, base, standard, law=extra if own_law else None))
            elif block is not None:
                found.append(_Varying(own, mean, base, partial(_taken, block[k - p.start]), (block, k - p.start)))
            elif own_law is not None and scope.sampled:
                units = dict(zip(_unit(base), (own_law.middle, own_law.root), strict=True))
                seen = draw(f"{p.slot}_z", arguments={**units, **extra}, shape=(level,))
                found.append(_Varying(own, mean, base, partial(_taken, (seen - own_law.middle) / own_law.root), law=extra))
            else:
                one = draw(f"{p.slot}_z", arguments={**_unit(base), **extra}, shape=(level,))
                found.append(_Varying(own, mean, base, partial(_taken, one), (one, None), extra if own_law else None))
    return found


def _taken(standard: Any, location: Any, scale: Any, before: Sequence[Any]) -> Any:
    del location, scale, before
    return standard


def _moving(
    draw: Any,
    base: str,
    extra: Mapping[str, Any],
    centring: Coordinates,
    k: int,
    mean: Any,
    location: Any,
    scale: Any,
    before: Sequence[Any],
) -> Any:
    """Return standardised effects ``(level,)`` of a coefficient whose effects have this ``mean``."""
    pull = centring.pull(k, before)
    if not (isinstance(mean, float) and mean == 0.0):
        pull = pull - centring.information[k] * mean
    return _between(draw, base, extra, centring, k, pull, location, scale)


def _between(
    draw: Any, base: str, extra: Mapping[str, Any], centring: Coordinates, k: int, pull: Any, location: Any, scale: Any
) -> Any:
    """Return standardised effects ``(level,)`` of what is sampled, see :mod:`bayesdeep.graph.centring`."""
    information, square = centring.information[k], scale**2
    root = pt.sqrt(1.0 + centring.usual[k] * square)
    towards = -pull if isinstance(location, float) and location == 0.0 else information * location - pull
    own = scale * root * towards / (1.0 + information * square)
    # Where the rows would have the effects be lies at 0: a start near the mode.
    partly = draw(arguments={**dict(zip(_unit(base), (own, root), strict=True)), **extra}, start=0.0)
    return (partly - own) / root


def _unit(base: str) -> Mapping[str, float]:
    """Return location and scale of the standardised distribution, in this order, by their arguments' names."""
    standard = PRIORS[base].standard
    assert standard is not None, base
    return standard


def _strata(scope: Scope, effect: Effect) -> tuple[str, ...]:
    """Return the dimension of the classes of levels, if there are any."""
    strata = effect.strata
    return () if strata is None else (scope.dim(strata.name, strata.labels),)


def _pairs(scope: Scope, effect: Effect, factor: str) -> Any:
    """Return the coefficients' correlations ``(pair,)``, or those of each level ``(pair, level)``."""
    law: Any = effect.law
    found = scope.correlation(
        law.correlation, effect.width, scope.dim(f"{factor}_pair", effect.pairs), *_strata(scope, effect)
    )
    return found if effect.strata is None else found[np.asarray(effect.strata.of)].swapaxes(0, 1)
