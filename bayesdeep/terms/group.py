r"""``(1 + x | g)``: coefficients that vary by group and are shrunk towards a common distribution.

For coefficient :math:`k` and group :math:`j` the effect is :math:`u_{kj} = m_k + \sigma_k \sum_l L_{kl} z_{lj}` with
independent standard :math:`z`, :math:`L` the Cholesky factor of the coefficients' correlation matrix, :math:`\sigma_k`
their standard deviations and :math:`m_k` their location, 0 unless the user's prior says otherwise. Sampled are the standardised
:math:`z` (the non-centred form) or, where the data say much of each group, something nearer to the effects themselves, see
:meth:`~bayesdeep.core.terms.Scope.centring`; the user sees the effects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.linear import LinearEffects, Slice
from bayesdeep.core.names import posterior_name
from bayesdeep.core.priors import Slot
from bayesdeep.core.quantities import EFFECTS
from bayesdeep.core.records import Default
from bayesdeep.core.registry import PRIORS
from bayesdeep.core.terms import DesignContext, Scope, Term

from ._packing import pack, unit_of, unpack


def _factor_name(node: Any) -> str:
    return posterior_name(":".join(getattr(f, "name", f.source) for f in node.factor))


def learn(node: Any, context: DesignContext) -> Json:
    """Learn the coding of the varying coefficients and the labels of the groups."""
    columns = context.learn_columns(node.intercept, node.products)
    if not columns.intercept and not columns.terms:
        raise FormulaError(f"formula: ({node.source}): nothing varies by group; write (1 | …) or (x | …)")
    return {
        "factor": _factor_name(node),
        "columns": pack(columns),
        "labels": list(context.learn_levels(node.factor)),
        "correlated": node.correlated,
    }


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's group ``(obs,)`` and the varying columns ``(obs, column)``."""
    columns = unpack(state["columns"])
    found = {"codes": context.codes(node.factor, state["factor"], tuple(state["labels"]))}
    if columns.width:
        found["X"] = context.design_matrix(columns, node.products)
    return found


def _coefficients(state: Json) -> list[tuple[str, int, int, tuple[Any, ...] | None, float]]:
    """Return name, first, last + 1, labels and unit of each varying coefficient; the intercept comes first."""
    columns = unpack(state["columns"])
    first = int(columns.intercept)
    found: list[tuple[str, int, int, tuple[Any, ...] | None, float]] = (
        [("1", 0, 1, None, 1.0)] if first else []
    )
    for term in columns.terms:
        found.append((term.name, term.start + first, term.stop + first, term.labels, unit_of(columns, term)))
    return found


def _labels(state: Json) -> list[str]:
    """Return one label a scalar coefficient: ``1``, ``x``, ``period[2]``."""
    return [
        name if labels is None else f"{name}[{labels[i]}]"
        for name, start, stop, labels, _ in _coefficients(state)
        for i in range(stop - start)
    ]


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for each sd, one for the effects themselves, and one for the correlations."""
    factor, found = state["factor"], []
    support = "correlated" if _is_correlated(state) else "effects"
    for name, start, stop, _, unit in _coefficients(state):
        scale = spread / unit
        default = Default(
            f"HalfStudentT(3, {scale:.4g})",
            "one spread of the predictor" + ("" if name == "1" or unit == 1.0 else " per sd of the column"),
        )
        found.append(Slot(f"{name}|{factor}_sigma", "positive", default, "sd", stop - start, scale))
        found.append(Slot(f"{name}|{factor}", support, None, "effects", stop - start, scale))
    if _is_correlated(state):
        found.append(
            Slot(
                f"{factor}_corr",
                "correlation",
                Default("LKJ(2)", "weakly towards no correlation"),
                "correlation",
            )
        )
    return tuple(found)


def _is_correlated(state: Json) -> bool:
    return bool(state["correlated"]) and len(_labels(state)) > 1


def cholesky_rows(pairs: Any, size: int) -> list[list[Any]]:
    """Return the Cholesky factor of a correlation matrix, scalar by scalar, from its ``(pair,)`` correlations.

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


def eta(scope: Scope, state: Json) -> Any:
    """Return each row's group effect ``(obs,)``, or ``(obs, width)``.

    Every quantity below ends in the width dimension where there is one, and the arithmetic broadcasts over it.
    """
    intercept, effects = bool(state["columns"]["intercept"]), _effects(scope, state)
    if scope.width is None:
        return scope.gather(effects, "codes", "X" if unpack(state["columns"]).width else None, intercept)
    codes, total = scope.data("codes"), 0.0
    for k, effect in enumerate(effects):
        value, column = effect[codes], k - intercept
        if column >= 0:
            value = value * scope.data("X")[:, column, None]
        total = total + value
    return total


def _effects(scope: Scope, state: Json) -> list[Any]:
    """Return one ``(group,)`` tensor a scalar coefficient, and report them by name."""
    group = scope.dim(state["factor"], tuple(state["labels"]), state["factor"])
    varying = _varying(scope, state, group)
    rows = cholesky_rows(_correlations(scope, state), len(varying)) if _is_correlated(state) else None
    standard: list[Any] = []
    effects: list[Any] = []
    for k, v in enumerate(varying):
        # Given the effects of the coefficients before, this one has the distribution `base` with these two.
        location = 0.0 if rows is None else v.sd * sum((rows[k][m] * standard[m] for m in range(k)), start=0.0)
        scale = v.sd if rows is None else v.sd * rows[k][k]
        standard.append(v.standard(location, scale))
        effects.append(v.mean + location + scale * standard[k])
    for own in [varying] if rows is not None else [[v] for v in varying]:
        sampled = [v.sampled for v in own if v.sampled is not None]
        if len(sampled) == len(own):
            scope.spread([v.sd for v in own], rows, sampled, own[0].prior)
    return _report(scope, state, effects, group)


def _report(scope: Scope, state: Json, effects: list[Any], group: str) -> list[Any]:
    factor, shown = state["factor"], []
    for name, start, stop, levels, _ in _coefficients(state):
        if levels is None:
            shown.append(scope.report(f"{name}|{factor}", effects[start], (group,), EFFECTS, slot=f"{name}|{factor}"))
        else:
            dim = scope.dim(f"{name}_level", levels)
            own = pt.stack(effects[start:stop])
            block = scope.report(f"{name}|{factor}", own, (dim, group), EFFECTS, slot=f"{name}|{factor}")
            shown.extend(block[i] for i in range(stop - start))
    return shown


@dataclass(frozen=True)
class _Varying:
    """One scalar coefficient: its sd, location and prior, and ``standard(location, scale)``.

    The latter returns the standardised effects ``(group,)``, whether these or less standardised ones are sampled. Where it is
    these, ``sampled`` is the variable that has them, and the place along its first axis or None.
    """

    sd: Any
    mean: Any
    prior: str
    standard: Callable[[Any, Any], Any]
    sampled: tuple[Any, int | None] | None = None


def _varying(scope: Scope, state: Json, group: str) -> list[_Varying]:
    """Return the coefficients, in the order of the Cholesky factor's rows."""
    factor, found, centring = state["factor"], [], scope.centring()
    for name, start, stop, levels, _ in _coefficients(state):
        key = f"{name}|{factor}"
        chosen = scope.prior(key)
        dims = () if levels is None else (scope.dim(f"{name}_level", levels),)
        sd = scope.variable(f"{key}_sigma", dims) if chosen is None else scope.argument(key, "scale")
        mean = 0.0 if chosen is None else scope.argument(key, "location")
        base = "Normal" if chosen is None else chosen.prior.name
        extra = {name: scope.argument(key, name) for name in PRIORS[base].arguments if name not in _unit(base)}
        draw = partial(scope.hidden, prior=base)
        block = None
        if centring is None and levels is not None:
            block = draw(f"{key}_z", arguments={**_unit(base), **extra}, shape=(*dims, group))
        for k in range(start, stop):
            own = sd if levels is None or chosen is not None else sd[k - start]
            if centring is not None:
                label = key if levels is None else f"{key}_{k - start}"
                weight, shift = centring[0][k], 0.0 if centring[1] is None else centring[1][k]
                standard = partial(_between, partial(draw, f"{label}_z", shape=(group,)), base, extra, weight, shift)
                found.append(_Varying(own, mean, base, standard))
            elif block is not None:
                found.append(_Varying(own, mean, base, partial(_taken, block[k - start]), (block, k - start)))
            else:
                one = draw(f"{key}_z", arguments={**_unit(base), **extra}, shape=(group,))
                found.append(_Varying(own, mean, base, partial(_taken, one), (one, None)))
    return found


def _taken(standard: Any, location: Any, scale: Any) -> Any:
    del location, scale
    return standard


def _between(
    draw: Any, base: str, extra: Mapping[str, Any], weight: np.ndarray, shift: Any, location: Any, scale: Any
) -> Any:
    """Return standardised effects ``(group,)`` of partly centred and shifted ones."""
    own_location, own_scale = weight * location + shift, pt.exp(weight * pt.log(scale))
    names = _unit(base)
    partly = draw(arguments={**dict(zip(names, (own_location, own_scale), strict=True)), **extra})
    return (partly - own_location) / own_scale


def _unit(base: str) -> Mapping[str, float]:
    """Return location and scale of the standardised distribution, in this order, by their arguments' names."""
    standard = PRIORS[base].standard
    assert standard is not None, base
    return standard


def _correlations(scope: Scope, state: Json) -> Any:
    labels, factor = _labels(state), state["factor"]
    pairs = tuple(f"{labels[j]}, {labels[i]}" for i in range(1, len(labels)) for j in range(i))
    return scope.correlation(f"{factor}_corr", len(labels), scope.dim(f"{factor}_pair", pairs))


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the grouping factor with its labels."""
    return {state["factor"]: tuple(state["labels"])}


def words(state: Json) -> frozenset[str]:
    """Group effects are linear and hierarchical."""
    del state
    return frozenset({"linear", "hierarchical"})


def linear(state: Json) -> LinearEffects:
    """Return the effects as part of a linear system."""
    slices = tuple(
        Slice(f"{name}|{state['factor']}", start, stop, labels is None)
        for name, start, stop, labels, _ in _coefficients(state)
    )
    return LinearEffects(
        factor=state["factor"],
        levels=len(state["labels"]),
        codes="codes",
        array="X" if unpack(state["columns"]).width else None,
        intercept=bool(state["columns"]["intercept"]),
        slices=slices,
        correlation=f"{state['factor']}_corr" if _is_correlated(state) else None,
    )


TERM = Term(
    "group", learn, arrays, slots, eta, groups, words, linear=linear,
    example="(1 + x | g)",
)
