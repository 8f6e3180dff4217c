r"""The function a network is, layer by layer, as tensors.

With standardised inputs :math:`h_0`, :math:`n_l` of them into layer :math:`l`, and independent standardised weights :math:`z`,

.. math:: h_l = a_l(h_{l-1} W_l + b_l), \qquad W_l = \frac{s_l z_l}{v_{l-1} \sqrt{n_l}}, \qquad b_l = \tfrac12 s_l z^b_l, \qquad
    f = h_L w, \qquad w = \frac{\sigma_f z_f}{v_L \sqrt{n_{L+1}}}

so that every layer is a linear predictor and an inverse link. :math:`v_l` is how widely the units of a layer vary, see
:func:`reach`; without it the functions of a prior would grow or fade from layer to layer with most activations, and with biases
as large as the weights they would fade with all bounded ones (Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli 2016,
arXiv:1606.05340). The rows of :math:`W_1` are also multiplied by a scale for each input where there are such scales (automatic
relevance determination: MacKay 1995, Network: Computation in Neural Systems 6, 469-505; Neal 1996, Bayesian Learning for Neural
Networks).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.links import activation_of
from bayesdeep.core.quantities import COEFFICIENT, WEIGHT
from bayesdeep.core.terms import Scope

from ._net_design import scales
from ._net_fills import filled_inputs
from ._net_groups import every_layer, last_layer, spread_out
from ._net_missing import INDICATOR_SPREAD, indicators
from ._net_options import NetOptions
from ._packing import unpack

FIXED = frozenset({"normal"})
"""Priors without learned scales of layers."""
FIXED_SCALE = 1.5
BIAS = 0.5
"""Scale of biases beside that of weights."""


def reach(activation: str, units: int) -> float:
    """Return how far all units of a layer together reach: its length times how widely one varies beside a tanh.

    The units of a softmax layer share one unit between them, whatever their number.
    """
    found = activation_of(activation, "net()", FormulaError)
    return found.reach if found.shared else float(found.reach * np.sqrt(units))


def input_labels(state: Json) -> tuple[str, ...]:
    """Return a label for each input: columns, levels of categories, dimensions of embeddings."""
    found: list[str] = []
    for term in unpack(state["columns"]).terms:
        found += [term.name] if term.labels is None else [f"{term.name}[{label}]" for label in term.labels]
    found += [f"{name} missing" for name in indicators(state)]
    for embed in state["embeds"]:
        found += [f"{embed['factor']}[{k}]" for k in range(embed["size"])]
    return tuple(found)


def input_units(state: Json) -> np.ndarray:
    """Return what a unit of each standardised input is on the input's own scale ``(input,)``."""
    said = np.full(len(indicators(state)), INDICATOR_SPREAD)
    return np.concatenate([scales(unpack(state["columns"])), said, *(np.ones(embed["size"]) for embed in state["embeds"])])


def body_name(state: Json) -> str:
    """Return what a network's inputs and hidden layers are called: as itself, or as what it shares them as."""
    return state["options"].get("share") or state["name"]


def description(state: Json) -> str:
    """Return inputs and hidden layers in words: networks that share them must have the same."""
    options, columns = NetOptions.from_json(state["options"]), [term.name for term in unpack(state["columns"]).terms]
    columns += [f"embed({embed['factor']}, {embed['size']})" for embed in state["embeds"]]
    columns += [f"{name} missing" for name in indicators(state)]
    sizes = f"hidden={list(options.hidden)}, activation={list(options.activation)}"
    return f"net({', '.join(columns)}, {sizes}, prior={options.prior!r}, bayes={options.bayes!r})"


@dataclass(frozen=True)
class Body:
    """Inputs ``(obs, input)`` and the last hidden units ``(obs, unit)`` of a network, or its inputs again.

    ``before`` is the units' dimension and ``length`` how far they reach together, see :func:`reach`.
    """

    inputs: Any
    units: Any
    before: str
    length: float


def network(scope: Scope, state: Json) -> Any:
    """Return the function at the rows ``(obs,)`` or ``(obs, width)``, before anything is taken off it."""
    options, name, labels = NetOptions.from_json(state["options"]), state["name"], input_labels(state)
    outer = scope.staged() if options.bayes == "none" else scope

    def make(own: Scope) -> Body:
        return _body(own if options.bayes == "all" else own.staged(), state)

    body = scope.shared(options.share, make) if options.share else make(scope.alone())
    h, before, length, units, rows = body.units, body.before, body.length, None, None
    if options.hidden:
        last = len(options.hidden)
        scope.mask(f"layer{last}", options.hidden[-1], _after(state, options, last), options.share)
    else:
        units = input_units(state)
        rows = outer.alone().variable(f"{name}_input_sigma", (before,)) if by_input(state, options) else None
    out = _last(outer, state, f"{name}_w{len(options.hidden) + 1}", f"{name}_sigma", h, before, length, units, rows)
    if "factor" in state:
        count = options.hidden[-1] if options.hidden else len(labels)
        out = out + last_layer(outer, state, h, (before, count), length, units)
    if options.skip and options.hidden:
        place = scope.dim(f"{body_name(state)}_input", labels)
        length = float(np.sqrt(len(labels)))
        skip = f"{name}_skip"
        out = out + _last(outer, state, skip, f"{skip}_sigma", body.inputs, place, length, input_units(state), None)
    return out


def _body(scope: Scope, state: Json) -> Body:
    """Return inputs and hidden layers."""
    options, name, labels = NetOptions.from_json(state["options"]), body_name(state), input_labels(state)
    inputs, rows = _inputs(scope, state), None
    h, before, length = inputs, scope.dim(f"{name}_input", labels), float(np.sqrt(len(labels)))
    relative = scope.variable(f"{name}_hidden|{state['factor']}_sigma") if by_weight(state, options) else None
    # Inputs that are data are not repeated for each draw.
    scope.per_row(len(labels) if state["embeds"] or state.get("fills") else 1)
    if options.hidden and by_input(state, options):
        rows = scope.variable(f"{name}_input_sigma", (before,))
    for k, size in enumerate(options.hidden, start=1):
        scale = FIXED_SCALE if options.prior in FIXED else scope.variable(f"{name}_layer{k}_sigma")
        unit = scope.dim(f"{name}_unit{k}", tuple(range(1, size + 1)))
        standard, z = _standard(scope, f"{name}_weights", f"{name}_w{k}", (before, unit), rows)
        weights = scope.report(f"{name}_w{k}", scale / length * standard, (before, unit), WEIGHT, standard=z)
        standard, z = _standard(scope, f"{name}_weights", f"{name}_b{k}", (unit,))
        bias = scope.report(f"{name}_b{k}", BIAS * scale * standard, (unit,), WEIGHT, standard=z)
        if relative is not None:
            own = (relative * scale / length * (1.0 if rows is None else rows[:, None, None]), relative * BIAS * scale)
            h = every_layer(scope, state, k, h, (weights, bias), relative, own, (before, unit))
        else:
            h = scope.layer(h, weights, bias, options.activation[k - 1])
        after = _after(state, options, k) if k < len(options.hidden) else ()
        mask = scope.mask(f"layer{k}", size, after, options.share)
        h = h if mask is None else h * mask
        before, length, rows = unit, reach(options.activation[k - 1], size), None
        scope.per_row(size)
    return Body(inputs, h, before, length)


def by_input(state: Json, options: NetOptions) -> bool:
    """Return whether each input has a scale; of a single one, the layer's says the same."""
    return options.prior == "horseshoe" or (options.prior == "ard" and len(input_labels(state)) > 1)


def by_weight(state: Json, options: NetOptions) -> bool:
    """Return whether the weights of hidden layers vary by group."""
    return "factor" in state and options.pool == "weights" and bool(options.hidden)


def _after(state: Json, options: NetOptions, layer: int) -> tuple[str, ...]:
    """Return the names of the hidden variables with the weights that go out from a layer."""
    name = body_name(state) if layer < len(options.hidden) else state["name"]
    found = [f"{name}_w{layer + 1}_z"]
    if "factor" in state and layer == len(options.hidden):
        found.append(f"{name}|{state['factor']}_z")
    elif "factor" in state and options.pool == "weights":
        found.append(f"{name}_w{layer + 1}|{state['factor']}_z")
    return tuple(found)


def _inputs(scope: Scope, state: Json) -> Any:
    """Return the inputs ``(obs, input)``."""
    columns = unpack(state["columns"])
    parts = [filled_inputs(scope, state, scales(columns), columns.means)] if columns.width else []
    for embed in state["embeds"]:
        parts.append(_embedding(scope, state, embed)[:, scope.data(f"codes_{embed['factor']}")].T)
    return parts[0] if len(parts) == 1 else pt.concatenate(parts, axis=1)


def _embedding(scope: Scope, state: Json, embed: Json) -> Any:
    """Return the place of each level ``(dimension, level)``: about 0, with a learned scale."""
    name = f"{body_name(state)}_{embed['factor']}"
    place = scope.dim(f"{name}_place", tuple(range(embed["size"])))
    level = scope.dim(embed["factor"], tuple(embed["labels"]), embed["factor"])
    effects, standard = spread_out(scope, name, (place, level), "weight")
    return scope.report(name, effects, (place, level), WEIGHT, standard=standard)


def _standard(scope: Scope, slot: str, name: str, dims: tuple[str, ...], rows: Any = None) -> tuple[Any, Any]:
    """Return standardised weights with the prior of a slot, each row times its input's scale, and the variable they are of."""
    chosen, plain = scope.prior(slot), scope.alone()
    assert chosen is not None
    arguments = {key: _double(plain.argument(slot, key)) for key, value in chosen.prior.arguments if value is not None}
    z = scope.hidden(f"{name}_z", chosen.prior.name, arguments, dims, "weight")
    return (z if rows is None else rows.reshape((-1, *(1 for _ in range(z.ndim - 1)))) * z), z


def _double(value: Any) -> Any:
    """Return a number in 64 bits, in which PyTensor would not keep a short one."""
    return np.asarray(value, dtype=np.float64) if isinstance(value, float) else value


def _last(
    scope: Scope, state: Json, name: str, scale: str, h: Any, before: str, length: float, units: np.ndarray | None, rows: Any
) -> Any:
    """Return the sum of units ``(obs,)`` or ``(obs, width)``; that of inputs is reported as coefficients a unit of them."""
    size = scope.variable(scale) / length
    standard, z = _standard(scope, f"{state['name']}_weights", name, (before,), rows)
    if units is None:
        return scope.dot(h, scope.report(name, size * standard, (before,), WEIGHT, standard=z))
    turned = units if scope.width is None else units[:, None]
    return scope.dot(h, turned * scope.report(name, size * standard / turned, (before,), COEFFICIENT, standard=z))
