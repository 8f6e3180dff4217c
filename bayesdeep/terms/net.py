r"""``net(x1, x2, hidden=[32, 32])``: a neural network of columns as a term of the predictor.

The network is a generalised linear model applied again and again; :mod:`bayesdeep.terms._net_layers` has the formula. By
default the function :math:`f` is kept orthogonal to the population-level columns :math:`X` of its formula over the training
rows: what is added to the predictor is

.. math:: f^\perp = f - Q\gamma, \qquad \gamma = Q^\top f,

with :math:`Q` an orthonormal basis of the columns of :math:`X`, the intercept's among them. Coefficients beside a network
thus keep their meaning, the best linear description of what the predictor does. The posterior keeps :math:`\gamma`, so that
the same function is predicted at other rows (Rügamer, Kolb and Klein 2024, Semi-Structured Distributional Regression, The
American Statistician 78, 88-99, doi:10.1080/00031305.2022.2164054). With ``orthogonal="groups"`` the function's mean in each
group is 0 as well, so that the standard deviation of ``(1 | g)`` keeps its meaning too.

An input may be ``mi(x)``, ``net(mi(x), z)``, whose missing values come from ``x``'s own formula (:mod:`._net_fills`). With
``missing="indicator"`` rows may lack values of inputs, in training and later: :mod:`bayesdeep.terms._net_missing`.

Networks in formulas of different parameters may share their hidden layers, ``share="body"``: one representation of the
inputs, and what each parameter makes of it (multitask learning: Caruana 1997, Machine Learning 28, 41-75,
doi:10.1023/A:1007379606734).

Beside scales and the linear coefficients of networks without hidden layers, what the posterior shows of a network means nothing
weight by weight; see what it does to predictions instead.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Shared, Slot
from bayesdeep.core.quantities import ROW_STATISTIC
from bayesdeep.core.records import Default
from bayesdeep.core.terms import Cost, Fills, Scope, Term
from bayesdeep.core.writing import Addend

from ._net_design import arrays, learn, scales
from ._net_fills import FILLING, fill_codes, fill_columns, known_inputs, report_fills
from ._net_layers import FIXED, body_name, by_input, by_weight, description, input_labels, network
from ._net_missing import indicators
from ._net_options import NetOptions
from ._packing import unpack

WEIGHTS = {
    "student_t": ("StudentT(4, 0, 0.7071)", "standardised weights, with heavy tails"),
    "laplace": ("Laplace(0, 0.7071)", "standardised weights, many of them small"),
    "spike_slab": ("SpikeSlab(0.5, 0.05, 1.4)", "standardised weights: half of them near 0"),
}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the standardised weights, and one for each scale."""
    options, name = NetOptions.from_json(state["options"]), state["name"]
    body, shared = body_name(state), Shared(options.share, description(state)) if options.share else None
    text, why = WEIGHTS.get(options.prior, ("Normal(0, 1)", "standardised weights"))
    found = [Slot(f"{name}_weights", "weights", Default(text, why), "weights")]
    if shared:
        found.append(Slot(f"{body}_weights", "weights", Default(text, why), "weights", shared=shared))

    def scale(label: str, prior: str, reason: str, part: str, role: str = "scale", unit: float | None = None) -> None:
        # What has the predictor's unit is the size of an addend: of the function, or of how far groups' functions differ.
        own = (1.0, ()) if unit is None else (unit, (1.0,))
        found.append(Slot(f"{name}{label}_sigma", "positive", Default(prior, reason), role, 1, own[0], part=part, adds=own[1]))

    def hidden(label: str, prior: str, reason: str, part: str, role: str = "scale") -> None:
        found.append(Slot(f"{body}{label}_sigma", "positive", Default(prior, reason), role, shared=shared, part=part))

    if by_input(state, options):
        heavy = options.prior == "horseshoe"
        why = "how much an input matters, beside the layer's scale"
        hidden("_input", "HalfCauchy(1)" if heavy else "Gamma(2, 2)", why, "input")
    for k in range(1, len(options.hidden) + 1) if options.prior not in FIXED else ():
        why = "sd of the layer's linear predictors, for standardised inputs"
        hidden(f"_layer{k}", "LogNormal(0.7, 0.5)", why, f"layer {k}")
    size = f"HalfStudentT(3, {PRIOR_SCALE_IN_SPREADS * spread:.4g})"
    reason = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor: the function's size"
    scale("", size, reason, "output", unit=spread)
    if options.skip and options.hidden:
        scale("_skip", size, f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor: the linear part's size", "skip", unit=spread)
    for embed in state["embeds"]:
        own = f"_{embed['factor']}"
        hidden(own, "HalfNormal(1)", "how far levels lie apart, beside standardised inputs", embed["factor"], "sd")
        found.append(Slot(f"{body}{own}", "effects", None, "effects", embed["size"], shared=shared))
    if "factor" in state:
        own = f"|{state['factor']}"
        scale(own, f"HalfStudentT(3, {spread:.4g})", "one spread: how far groups' functions differ", own, "sd", unit=spread)
        found.append(Slot(f"{name}{own}", "effects", None, "effects", 1))
    if by_weight(state, options):
        own = f"hidden|{state['factor']}"
        scale(f"_{own}", "HalfNormal(0.5)", "how far groups' weights differ, beside the layers' scales", own, "sd")
    return tuple(found)


def eta(scope: Scope, state: Json) -> Any:
    """Return the function at the rows ``(obs,)`` or ``(obs, width)``, orthogonal to the population's columns."""
    total, name = network(scope, state), state["name"]
    if "basis" not in state:
        return total
    basis = scope.data("Q")
    # A mean, so that some of the rows estimate what all of them give.
    share = scope.dot(basis, total, turned=True) * (state["rows"] / basis.shape[0].astype("float64"))
    direction = scope.dim(f"{name}_direction", tuple(range(1, len(state["basis"]["map"][0]) + 1)))
    return total - scope.dot(basis, scope.report(f"{name}_removed", share, (direction,), ROW_STATISTIC))


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the factor by which the network varies, and those of embeddings, with their labels."""
    found = {embed["factor"]: tuple(embed["labels"]) for embed in state["embeds"]}
    return found | ({state["factor"]: tuple(state["labels"])} if "factor" in state else {})


def codes(state: Json) -> Mapping[str, str]:
    """Return where each row's level of the factor is by which the network varies."""
    return {state["factor"]: "codes"} if "factor" in state else {}


def words(state: Json) -> frozenset[str]:
    """Return the network's words: ``"whole"``, not row-separable, when projected orthogonal to the fixed columns."""
    options = NetOptions.from_json(state["options"])
    early = bool(options.hidden or state["embeds"])
    given = {
        "whole": "basis" in state,
        "hierarchical": bool(groups(state)),
        "staged": options.bayes == "none" or (options.bayes == "last" and early),
    }
    return frozenset({"network", *(word for word, there in given.items() if there)})


def cost(state: Json) -> Cost:
    """Return what the network takes; by each predictor of a response with several."""
    options, groups_of = NetOptions.from_json(state["options"]), len(state.get("labels", ()))
    sizes = [len(input_labels(state)), *options.hidden, 1]
    pairs = [a * b for a, b in pairwise(sizes)]
    copies = groups_of if by_weight(state, options) else 0
    skip = sizes[0] if options.skip and options.hidden else 0
    held = len(state["basis"]["map"][0]) if "basis" in state else 0
    places = sum(embed["size"] * len(embed["labels"]) for embed in state["embeds"])
    weights = sum(pairs) + sum(options.hidden) + skip
    if options.share:
        early = sum(pairs[:-1])
        body = Cost(early, sum(options.hidden), early + sum(options.hidden) + places)
        own = sizes[-2] * (1 + groups_of) + skip
        return Cost(pairs[-1] + skip + 2 * held, 0, own, ((options.share, body),))
    own = weights * copies if copies else sizes[-2] * groups_of
    return Cost(sum(pairs) * (1 + copies) + skip + 2 * held, sum(options.hidden), weights + own + places)


def relabel(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    """Return the state with other levels of the factor it varies by, and of those it embeds."""
    embeds = [{**e, "labels": list(labels[e["factor"]])} if e["factor"] in labels else e for e in state["embeds"]]
    own = {"labels": list(labels[state["factor"]])} if state.get("factor") in labels else {}
    return {**state, "embeds": embeds, **own}


def lacks(call: Any) -> tuple[Any, ...]:
    """Return the inputs of which values may be missing: none, unless the call has ``missing="indicator"``."""
    # A misspelt word is refused by name where options are read.
    asked = any(name == "missing" and getattr(value, "value", None) != "error" for name, value in call.options)
    return tuple(a for a in call.arguments if getattr(a, "function", "") != "embed") if asked else ()


def known(
    state: Json, arrays: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]
) -> tuple[Json, dict[str, np.ndarray]]:
    """Return the network on rows of which all values of some inputs are known."""
    columns = unpack(state["columns"])
    return known_inputs(state, arrays, values, scales(columns), columns.means)


MOST_TOLD = 12
"""Inputs that are told by name."""


def told(state: Json) -> str:
    """Return the inputs, as they are after categories have been coded and ``.`` is columns, and the number of weights."""
    inputs = input_labels(state)
    more = f", … ({len(inputs)} in all)" if len(inputs) > MOST_TOLD else ""
    count = cost(state).weights
    return f"{state['name']}: inputs {', '.join(inputs[:MOST_TOLD])}{more}; {count:,} weights"


SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the network, with its layers below: each a linear predictor and an inverse link, like a model's own."""
    del node
    options, factor = NetOptions.from_json(state["options"]), state.get("factor")

    def body(called: str, level: str) -> tuple[str, ...]:
        shared = f", hidden layers those of all networks with share='{options.share}'" if options.share else ""
        gone = indicators(state)
        said = f", 0 where missing, and whether {', '.join(gone)} is missing" if gone else ""
        lines, last = [f"{called}, with xᵢ its standardised inputs{said}{shared}:"], "xᵢ"
        for k, size in enumerate(options.hidden, start=1):
            mark = str(k).translate(SUBSCRIPTS)
            lines.append(f"    h{mark} = {options.activation[k - 1]}(W{mark} {last} + b{mark})    {size} units")
            last = f"h{mark}"
        skip = " + s · xᵢ" if options.skip and options.hidden else ""
        by_group = f"    w differs by {factor}" if factor else ""
        missing = ", ".join(f"{own['column']} ({own['missing']} rows)" for own in state.get("fills", ()))
        filled = (f"    xᵢ where it is missing: as its own formula says, {missing}",) if missing else ()
        return (*lines, f"    w{level} · {last}{skip}{by_group}", *filled)

    return (Addend(state["name"], None, (f"{factor}ᵢ",) if factor else (), body),)


TERM = Term(
    "net", learn, arrays, slots, eta, groups, words, call=True, varies=True, cost=cost, relabel=relabel, written=written,
    codes=codes, lacks=lacks, takes=(FILLING,), told=told, options=NetOptions,
    fills=Fills(fill_columns, known, fill_codes, report_fills, called=False), example="net(x, z, hidden=[3])",
)
