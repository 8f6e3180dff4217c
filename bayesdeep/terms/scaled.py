r"""``(1 | scaled(g, by=z))``: group effects whose standard deviation goes with what is known of the group.

With :math:`z_j` a column, or several, ``by=[z1, z2]``, that is the same in all rows of group :math:`j`,

.. math:: u_j \sim \operatorname{Normal}(0, \sigma_j^2), \qquad \sigma_j = \sigma \exp((z_j - z_0)' \beta) :

a location-scale model of the groups. It is what the formula of an sd, ``**{"1|g_sigma": "~ z"}`` beside ``(1 | g)``, says.
The posterior has :math:`\sigma` as ``1|g_sigma``, the sd of groups at the origin :math:`z_0`, which is a number's mean among
groups and a category's first level, and :math:`\beta` as ``1|g_sigma_z``: :math:`e^\beta` is the factor by which the sd of groups
grows with a unit of ``z``, or from the first level of a category to another. A new group is drawn with the sd that its own rows'
``z`` says.
Where ``z`` is a category this is ``(1 | gr(g, by=z))`` with other priors.

Hedeker, Mermelstein and Demirtas (2008), An application of a mixed-effects location scale model for analysis of ecological
momentary assessment data, Biometrics 64, 627-634, doi:10.1111/j.1541-0420.2007.00924.x: the between-subject variance as a
log-linear function of covariates of subjects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Effect, Grouped, Piece, Scaled
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.names import posterior_name
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot
from bayesdeep.core.quantities import EFFECTS, HYPERPARAMETER, SD
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Term
from bayesdeep.core.writing import Addend, Product

from ._packing import pack, unit_of, unpack
from ._varying import call_options

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
    # A number is looked at from its mean among groups, a level of a category from the first one.
    numbers = [term.kind != "categorical" for term in learned.terms for _ in range(term.start, term.stop)]
    return {
        "factor": posterior_name(factor[0].name), "labels": list(labels), "columns": pack(learned), "values": values.tolist(),
        "origin": np.where(numbers, means, 0.0).tolist(),
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
    """Return a slot for the sd where the columns are at their origins, and one for what each of them changes its log by."""
    learned, sd = unpack(state["columns"]), _sd(state)
    reason = f"one spread of the predictor, of groups with {_origin(state)}"
    found = [Slot(sd, "positive", Default(f"HalfStudentT(3, {spread:.4g})", reason), SD, 1, spread)]
    for term in learned.terms:
        unit = LOG_SPREAD / unit_of(learned, term)
        per = "between levels" if term.kind == "categorical" else "per sd of the column among groups"
        own = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", f"times up to e either way {per}")
        found += [Slot(f"{sd}_{name}", "real", own, HYPERPARAMETER, 1, unit) for name in _names_of_term(term)]
    # Effects whose sds differ are no draws of one law, and have no prior but that of the sds.
    return (*found, Slot(f"1|{state['factor']}", "stratified", None, EFFECTS, unit=spread, own_law=False))


def effects(state: Json) -> tuple[Effect, ...]:
    """Return the effects of the groups, each with an sd of its own."""
    sd, names = _sd(state), _names_of(unpack(state["columns"]))
    rows = Grouped(state["factor"], tuple(state["labels"]), "codes", None, True)
    law = Scaled(
        (sd,),
        partial(_sds, _from_origin(state)),
        text=f"{{0}} exp({' + '.join(f'{{{k}}} {_times(state, k - 1)}' for k in range(1, len(names) + 1))})",
        reals=tuple(f"{sd}_{name}" for name in names),
        each=True,
    )
    return (Effect(rows, law, (Piece(f"1|{state['factor']}", 0, 1, sd=sd, name="1"),), EFFECTS),)


def _sds(columns: np.ndarray, values: Sequence[Any], xp: Any) -> Any:
    """Return the sd of each level, from that at the origin and what each of the columns ``(level, column)`` multiplies it by."""
    log = sum((own * columns[:, k] for k, own in enumerate(values[1:])), start=np.zeros(len(columns)))
    return values[0] * xp.exp(log)


def _from_origin(state: Json) -> np.ndarray:
    """Return how far each level's columns are from where the sd is that of the slot, ``(level, column)``."""
    values = np.asarray(state["values"], dtype=np.float64).reshape(len(state["labels"]), -1)
    return values - np.asarray(state["origin"])


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the grouping factor with its labels."""
    return {state["factor"]: tuple(state["labels"])}


def codes(state: Json) -> Mapping[str, str]:
    """Return where the rows' levels are."""
    return {state["factor"]: "codes"}


def relabel(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    """Return the state with other groups, of which nothing is known yet: their columns are what those of groups average."""
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
    """Group effects are linear and hierarchical."""
    del state
    return frozenset({"linear", "hierarchical"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the effect that a row's level adds."""
    del node
    return (Addend(f"1|{state['factor']}", (Product(),)),)


def _origin(state: Json) -> str:
    """Return where the sd is that of the slot, in words."""
    learned = unpack(state["columns"])
    at = (
        f"{term.name} = {state['origin'][term.start]:.4g}" if term.kind != "categorical" else f"the first level of {term.name}"
        for term in learned.terms
    )
    return " and ".join(at)


def _times(state: Json, column: int) -> str:
    """Return how far a level is from the origin in one column, in words; braces are doubled, as for ``str.format``."""
    name, origin = _names_of(unpack(state["columns"]))[column], state["origin"][column]
    sign = "-" if origin > 0 else "+"
    shown = name if origin == 0.0 else f"({name} {sign} {abs(origin):.4g})"
    return shown.replace("{", "{{").replace("}", "}}")


def _sd(state: Json) -> str:
    return f"1|{state['factor']}_sigma"


def _products(by: Any) -> tuple[tuple[Any, ...], ...]:
    """Return what stands after ``by=`` as products of one factor each."""
    return tuple((node,) for node in getattr(by, "items", (by,)))


def _names_of(learned: Any) -> list[str]:
    """Return the name of each column: ``z``, ``f[low]``."""
    return [name for term in learned.terms for name in _names_of_term(term)]


def _names_of_term(term: Any) -> list[str]:
    return [term.name] if term.labels is None else [f"{term.name}[{label}]" for label in term.labels]


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
    "scaled", learn, arrays, slots, groups=groups, words=words, effects=effects, relabel=relabel, unseen=unseen, written=written,
    grouping=True, sd_formula=True, example='(1 | scaled(g, by=I(g == "g1")))',
)
