r"""``net(x1, x2, hidden=[32, 32])``: a neural network of columns as a term of the predictor.

The network is a generalised linear model applied again and again; :mod:`bayesdeep.terms._net_layers` has the formula. By
default the function :math:`f` is kept orthogonal to the population-level columns :math:`X` of its formula over the training
rows: what is added to the predictor is

.. math:: f^\perp = f - Q\gamma, \qquad \gamma = Q^\top f,

with :math:`Q` an orthonormal basis of the columns of :math:`X`, the intercept's among them. Coefficients beside a network
thus keep their meaning, the best linear description of what the predictor does. The posterior keeps :math:`\gamma`, so that
the same function is predicted at other rows (Rügamer, Kolb and Klein 2024, Semi-Structured Distributional Regression, The
American Statistician 78, 88-99, doi:10.1080/00031305.2022.2164054).
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from bayesdeep.core.columns import Json
from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import Slot
from bayesdeep.core.records import Default
from bayesdeep.core.terms import Cost, Scope, Term

from ._net_design import arrays, learn
from ._net_layers import BY_INPUT, FIXED, input_labels, network
from ._net_options import NetOptions

WEIGHTS = {
    "student_t": ("StudentT(4, 0, 1)", "standardised weights, with heavy tails"),
    "laplace": ("Laplace(0, 0.7071)", "standardised weights, many of them small"),
    "spike_slab": ("SpikeSlab(0.5, 0.05, 1)", "standardised weights: half of them near 0, half standard normal"),
}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the standardised weights, and one for each scale."""
    options, name = NetOptions.from_json(state["options"]), state["name"]
    text, why = WEIGHTS.get(options.prior, ("Normal(0, 1)", "standardised weights"))
    found = [Slot(f"{name}_weights", "real", Default(text, why), "weights")]

    def scale(label: str, prior: str, reason: str, role: str = "scale", size: int = 1, unit: float = 1.0) -> None:
        found.append(Slot(f"{name}{label}_sigma", "positive", Default(prior, reason), role, size, unit))

    if options.prior in BY_INPUT:
        heavy = options.prior == "horseshoe"
        scale("_input", "HalfCauchy(1)" if heavy else "HalfNormal(1)", "how much an input matters, beside the layer's scale")
    for k in range(1, len(options.hidden) + 1) if options.prior not in FIXED else ():
        scale(f"_layer{k}", "HalfNormal(2)", "sd of the layer's linear predictors, for standardised inputs")
    scale("", f"HalfStudentT(3, {spread:.4g})", "one spread of the predictor: the function's size", unit=spread)
    if options.skip and options.hidden:
        scale("_skip", f"HalfStudentT(3, {spread:.4g})", "one spread of the predictor", unit=spread)
    for embed in state["embeds"]:
        scale(f"_{embed['factor']}", "HalfNormal(1)", "how far levels lie apart, beside standardised inputs", "sd")
        found.append(Slot(f"{name}_{embed['factor']}", "effects", None, "effects", embed["size"]))
    if "factor" in state:
        own = f"|{state['factor']}"
        scale(own, f"HalfStudentT(3, {0.5 * spread:.4g})", "half a spread: how far groups' functions differ", "sd", unit=spread)
        found.append(Slot(f"{name}{own}", "effects", None, "effects", 1))
    return tuple(found)


def eta(scope: Scope, state: Json) -> Any:
    """Return the function at the rows ``(obs,)`` or ``(obs, width)``, orthogonal to the population's columns."""
    total, name = network(scope, state), state["name"]
    if "basis" not in state:
        return total
    basis = scope.data("Q")
    # A mean, so that some of the rows estimate what all of them give.
    share = state["rows"] * (basis[:, :, None] * total[:, None, :] if scope.width else basis * total[:, None]).mean(axis=0)
    direction = scope.dim(f"{name}_direction", tuple(range(1, len(state["basis"]["map"][0]) + 1)))
    return total - pt.dot(basis, scope.report(f"{name}_removed", share, (direction,), "held"))


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the factor by which the network varies, and those of embeddings, with their labels."""
    found = {embed["factor"]: tuple(embed["labels"]) for embed in state["embeds"]}
    return found | ({state["factor"]: tuple(state["labels"])} if "factor" in state else {})


def words(state: Json) -> frozenset[str]:
    """A network's value at one row depends on all rows where something is taken off it."""
    found = {"network"} | ({"whole"} if "basis" in state else set())
    return frozenset(found | ({"hierarchical"} if groups(state) else set()))


def cost(state: Json) -> Cost:
    """Return what the network takes."""
    sizes = [len(input_labels(state)), *NetOptions.from_json(state["options"]).hidden, 1]
    products = sum(a * b for a, b in pairwise(sizes))
    return Cost(products, sum(sizes[1:-1]), products + sum(sizes[1:-1]) + sum(len(v) for v in groups(state).values()) * sizes[-2])


TERM = Term("net", learn, arrays, slots, eta, groups, words, call=True, cost=cost)
