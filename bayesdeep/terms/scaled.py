r"""``(1 | scaled(g, by=z))``: group effects whose standard deviation goes with what is known of the group.

With :math:`z_j` a column, or several, ``by=[z1, z2]``, that is the same in all rows of group :math:`j`,

.. math:: u_j \sim \operatorname{Normal}(0, \sigma_j^2), \qquad \log \sigma_j = \alpha + z_j' \beta :

a location-scale model of the groups. It is what the formula of an sd, ``**{"1|g_sigma": "~ z"}`` beside ``(1 | g)``, says.
The posterior has :math:`\alpha` as ``1|g_sigma_Intercept`` and :math:`\beta` as ``1|g_sigma_z``; :math:`e^\beta` is the factor by
which the sd of groups grows with a unit of ``z``, or from the first level of a category to another. A new group is drawn with the
sd that its own rows' ``z`` says. Where ``z`` is a category this is ``(1 | gr(g, by=z))`` with other priors.

Sampled are independent standard normal numbers, which times the sds are the effects that the posterior shows. Given
:math:`\alpha` and :math:`\beta` the effects are normal, but the words of effects (:mod:`bayesdeep.core.effects`) have no law with
sds that are a function of a predictor, so that the term writes its own part of the predictor.

Hedeker, Mermelstein and Demirtas (2008), An application of a mixed-effects location scale model for analysis of ecological
momentary assessment data, Biometrics 64, 627-634, doi:10.1111/j.1541-0420.2007.00924.x: the between-subject variance as a
log-linear function of covariates of subjects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.names import posterior_name
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import EFFECTS, HYPERPARAMETER
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Scope, Term
from bayesdeep.core.writing import Addend

from ._packing import pack, unit_of, unpack
from ._varying import call_options
from ._written import column_products

MEDIAN_OF_HALF_T = 0.7649
"""Median of a HalfStudentT(3, 1), which an sd without a formula has in units of the predictor's spread."""
LOG_SPREAD = 0.4
"""Natural scale of the sd's logarithm: a coefficient of 2.5 times as much multiplies the sd by e per sd of the column."""


def learn(node: Any, context: DesignContext) -> Json:
    """Learn the levels of the groups, how the columns are coded, and their values in each group."""
    where = f"{context.where}: ({node.source})"
    options = call_options(node, ("by",))
    if "by" not in options or len(node.call.arguments) != 1:
        raise FormulaError(
            f"{where}: scaled() takes one column, and what the sd of its levels goes with, as in scaled(g, by=z); for "
            "levels that are all alike write (1 | g)"
        )
    if not node.intercept or node.products or node.specials:
        raise FormulaError(
            f"{where}: the sd of an intercept alone can go with columns, as in (1 | scaled(g, by=z)); for slopes there is "
            "(1 + x | gr(g, by=f)), a covariance for each class of groups"
        )
    factor = node.call.arguments
    labels = context.learn_levels(factor)
    products = _products(options["by"])
    learned = context.learn_columns(True, products)
    codes = context.codes(factor, posterior_name(factor[0].name), labels)
    values = _each(context.design_matrix(learned, products), codes, labels, _names_of(learned), node)
    # The law is one of groups: what is usual of a column is what is usual among them.
    means, sds = values.mean(axis=0), values.std(axis=0)
    learned = replace(learned, means=tuple(means.tolist()), sds=tuple(sds.tolist()))
    for name, sd in zip(_names_of(learned), sds, strict=True):
        if sd == 0.0:
            raise DataError(f"data: ({node.source}): '{name}' is the same in all groups of '{factor[0].name}'; leave it out")
    return {
        "factor": posterior_name(factor[0].name), "labels": list(labels), "columns": pack(learned), "values": values.tolist(),
    }


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's group ``(obs,)``, and its columns of the sd ``(obs, column)``."""
    labels, products = tuple(state["labels"]), _products(dict(node.call.options)["by"])
    codes = context.codes(node.call.arguments, state["factor"], labels)
    values = context.design_matrix(unpack(state["columns"]), products)
    names, known = _names_of(unpack(state["columns"])), codes < len(labels)
    own = np.asarray(state["values"]).reshape(len(labels), -1)[codes[known]]
    apart = np.argwhere(own != values[known])
    if len(apart):
        row, column = apart[0].tolist()
        raise DataError(
            f"data: ({node.source}): {labels[codes[known][row]]!r} of '{node.call.arguments[0].name}' has {names[column]} = "
            f"{values[known][row, column]:g} here, and {own[row, column]:g} in the rows that the model was fitted to; what the "
            "sd of groups goes with stays as it is, and with another value it is another level"
        )
    _each(values[~known], codes[~known] - len(labels), None, names, node)
    return {"codes": codes, "Z": values}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the log sd at the columns' means over groups, and one for what it changes by with each column."""
    learned, sd = unpack(state["columns"]), _sd(state)
    middle = float(np.log(MEDIAN_OF_HALF_T * spread))
    width = PRIOR_SCALE_IN_SPREADS * LOG_SPREAD
    reason = "about the median of an sd without a formula, on the log scale, at the columns' means"
    default = Default(f"Normal({middle:.4g}, {width:.4g})", reason)
    found = [Slot(f"{sd}_Intercept", "real", default, HYPERPARAMETER, unit=LOG_SPREAD)]
    for term in learned.terms:
        unit = LOG_SPREAD / unit_of(learned, term)
        per = "between levels" if term.kind == "categorical" else "per sd of the column among groups"
        own = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", f"times up to e either way {per}")
        found.append(Slot(f"{sd}_{term.name}", "real", own, HYPERPARAMETER, term.stop - term.start, unit))
    # Effects whose sds differ are no draws of one law, and have no prior but that of the sds.
    return (*found, Slot(f"1|{state['factor']}", "stratified", None, EFFECTS, unit=spread, own_law=False))


def eta(scope: Scope, state: Json) -> Any:
    """Return the effects of the rows' groups."""
    learned, sd, slot = unpack(state["columns"]), _sd(state), f"1|{state['factor']}"
    parts = []
    for term in learned.terms:
        name = f"{sd}_{term.name}"
        dims = () if term.labels is None else (scope.dim(f"{name}_level", term.labels),)
        own = scope.variable(name, dims)
        parts.append(own if dims else own[None])
    beta = pt.concatenate(parts, axis=0)
    means, wide = np.asarray(learned.means), scope.width is not None
    intercept = scope.at_centre(f"{sd}_Intercept", ((means[:, None] if wide else means) * beta).sum(axis=0))
    labels = tuple(state["labels"])
    level = scope.dim(state["factor"], labels, state["factor"])
    values = np.asarray(state["values"], dtype=np.float64).reshape(len(labels), -1)
    sds = pt.exp(intercept + pt.dot(pt.constant(values), beta))
    standard = scope.hidden(f"{slot}_z", "Normal", {"mu": 0.0, "sigma": 1.0}, (level,))
    effects = scope.report(slot, sds * standard, (level,), EFFECTS, standard=standard)
    return effects[scope.data("codes")] if wide else scope.gather([effects], "codes", None, True)


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the grouping factor with its labels."""
    return {state["factor"]: tuple(state["labels"])}


def codes(state: Json) -> Mapping[str, str]:
    """Return where the rows' levels are."""
    return {state["factor"]: "codes"}


def relabel(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    """Return the state with other groups, of whose columns nothing is known yet: they are at the means."""
    if state["factor"] not in labels:
        return state
    own = labels[state["factor"]]
    return {**state, "labels": list(own), "values": [list(state["columns"]["means"])] * len(own)}


def unseen(state: Json, arrays: Mapping[str, np.ndarray], known: int) -> Json:
    """Return the state with the columns that rows of new groups have."""
    new = arrays["codes"] >= known
    values = np.asarray(state["values"]).reshape(len(state["labels"]), -1)
    values[arrays["codes"][new] - known] = arrays["Z"][new]
    return {**state, "values": values.tolist()}


def words(state: Json) -> frozenset[str]:
    """Group effects are hierarchical."""
    del state
    return frozenset({"hierarchical"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the effect that a row's level adds, with its law below."""
    name, sd = f"u(1|{state['factor']})", _sd(state)
    own = zip(state["columns"]["terms"], column_products(state["columns"], _products(dict(node.call.options)["by"])), strict=True)
    factors = [(term, product) for (term, *_), products in own for product in products]

    def body(called: str, level: str) -> tuple[str, ...]:
        prefix = called.partition(name)[0] + sd
        parts = [f"{prefix}_Intercept{level}"]
        for term, product in factors:
            index = "".join(f"[{at}]" for at in product.levels)
            parts.append(" · ".join((f"{prefix}_{term}{index}{level}", *product.times)))
        zeros = dict.fromkeys(f"    {prefix}_{term} is 0 at {at}" for term, product in factors for at in product.zero)
        law = f"{called} ~ Normal(0, sᵢ), one for each {state['factor']}ᵢ"
        return (law, f"    log sᵢ = {' + '.join(parts)}", *zeros)

    return (Addend(name, body=body),)


def _sd(state: Json) -> str:
    return f"1|{state['factor']}_sigma"


def _products(by: Any) -> tuple[tuple[Any, ...], ...]:
    """Return what stands after ``by=`` as products of one factor each."""
    return tuple((node,) for node in getattr(by, "items", (by,)))


def _names_of(learned: Any) -> list[str]:
    """Return the name of each column: ``z``, ``f[low]``."""
    return [
        term.name if term.labels is None else f"{term.name}[{term.labels[k]}]"
        for term in learned.terms for k in range(term.stop - term.start)
    ]  # fmt: skip


def _each(
    values: np.ndarray, codes: np.ndarray, labels: Sequence[Any] | None, names: Sequence[str], node: Any
) -> np.ndarray:
    """Return the columns of each level ``(level, column)``; raise where they differ between rows of one."""
    count = int(codes.max(initial=-1)) + 1 if labels is None else len(labels)
    found = np.zeros((count, values.shape[1]))
    found[codes] = values
    apart = np.argwhere(found[codes] != values)
    if len(apart):
        row, column = apart[0].tolist()
        level = "a new level" if labels is None else f"level {labels[codes[row]]!r}"
        factor = node.call.arguments[0].name
        raise DataError(
            f"data: ({node.source}): {level} of '{factor}' has rows with {names[column]} = {values[row, column]:g} and "
            f"{found[codes[row], column]:g}; the sd of groups goes with what is the same in all rows of a group. For effects "
            f"that differ within one write (x | {factor}), for noise that does sigma=\"~ x\""
        )
    return found


TERM = Term(
    "scaled", learn, arrays, slots, eta, groups=groups, codes=codes, words=words, relabel=relabel, unseen=unseen, written=written,
    grouping=True, apart="has effects whose sd has a formula of its own", example='(1 | scaled(g, by=I(g == "g1")))',
)
