r"""The function a network is, layer by layer, as tensors.

With standardised inputs :math:`h_0`, :math:`n_l` of them into layer :math:`l`, and independent standardised weights :math:`z`,

.. math:: h_l = a_l(h_{l-1} W_l + b_l), \qquad W_l = s_l z_l / \sqrt{n_l}, \qquad b_l = s_l z^b_l, \qquad
    f = h_L w, \qquad w = \sigma_f z_f / \sqrt{n_{L+1}}

so that every layer is a linear predictor and an inverse link. The rows of :math:`W_1` are also multiplied by a scale for each
input where there are such scales (automatic relevance determination: MacKay 1995, Network: Computation in Neural Systems 6,
469-505; Neal 1996, Bayesian Learning for Neural Networks).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.lazy import pt
from bayesdeep.core.terms import Scope

from ._net_options import NetOptions
from ._packing import unpack

BY_INPUT = frozenset({"ard", "horseshoe"})
"""Priors with a scale for each input."""
FIXED = frozenset({"normal"})
"""Priors without learned scales of layers."""


def input_labels(state: Json) -> tuple[str, ...]:
    """Return a label for each input: columns, levels of categories, dimensions of embeddings."""
    found: list[str] = []
    for term in unpack(state["columns"]).terms:
        found += [term.name] if term.labels is None else [f"{term.name}[{label}]" for label in term.labels]
    for embed in state["embeds"]:
        found += [f"{embed['factor']}[{k}]" for k in range(embed["size"])]
    return tuple(found)


def network(scope: Scope, state: Json) -> Any:
    """Return the function at the rows ``(obs,)`` or ``(obs, width)``, before anything is taken off it."""
    options, name = NetOptions.from_json(state["options"]), state["name"]
    shared, inputs = scope.alone(), input_labels(state)
    before = shared.dim(f"{name}_input", inputs)
    h, rows = _inputs(shared, state), None
    if options.prior in BY_INPUT:
        rows = shared.variable(f"{name}_input_sigma", (before,))
    for k, size in enumerate(options.hidden, start=1):
        scale = 1.0 if options.prior in FIXED else shared.variable(f"{name}_layer{k}_sigma")
        unit = shared.dim(f"{name}_unit{k}", tuple(range(1, size + 1)))
        weights = scale * _standard(shared, state, f"{name}_w{k}", (before, unit), rows) / np.sqrt(_length(state, options, k))
        weights = shared.report(f"{name}_w{k}", weights, (before, unit), "weight")
        bias = scale * _standard(shared, state, f"{name}_b{k}", (unit,))
        bias = shared.report(f"{name}_b{k}", bias, (unit,), "weight")
        h = shared.layer(h, weights, bias, options.activation[k - 1])
        after = [f"{name}_w{k + 1}_z"]
        if k == len(options.hidden) and "factor" in state:
            after.append(f"{name}|{state['factor']}_z")
        mask = shared.mask(f"layer{k}", size, tuple(after))
        h = h if mask is None else h * mask
        before, rows = unit, None
    out = _output(scope, state, h, before, rows, len(options.hidden) + 1)
    if options.skip and options.hidden:
        out = out + _skip(scope, state, _inputs(shared, state), inputs)
    return out


def _length(state: Json, options: NetOptions, layer: int) -> int:
    """Return the number of inputs of a layer."""
    return len(input_labels(state)) if layer == 1 else options.hidden[layer - 2]


def _inputs(scope: Scope, state: Json) -> Any:
    """Return the inputs ``(obs, input)``."""
    parts = [scope.data("X")] if unpack(state["columns"]).width else []
    for k, embed in enumerate(state["embeds"]):
        parts.append(_embedding(scope, state, embed)[:, scope.data(f"embed{k}")].T)
    return parts[0] if len(parts) == 1 else pt.concatenate(parts, axis=1)


def _embedding(scope: Scope, state: Json, embed: Json) -> Any:
    """Return the place of each level ``(dimension, level)``: normal about 0 with a learned scale."""
    name, size = f"{state['name']}_{embed['factor']}", embed["size"]
    level = scope.dim(embed["factor"], tuple(embed["labels"]))
    place = scope.dim(f"{name}_place", tuple(range(size)))
    z = scope.hidden(f"{name}_z", "Normal", {"mu": 0.0, "sigma": 1.0}, (place, level), "weight")
    return scope.report(name, scope.variable(f"{name}_sigma") * z, (place, level), "weight")


def _standard(scope: Scope, state: Json, name: str, dims: tuple[str, ...], rows: Any = None) -> Any:
    """Return standardised weights with the network's prior, each row times its input's scale."""
    chosen = scope.prior(f"{state['name']}_weights")
    assert chosen is not None
    arguments: Mapping[str, Any] = {k: v for k, v in chosen.prior.arguments if v is not None}
    z = scope.hidden(f"{name}_z", chosen.prior.name, arguments, dims, "weight")
    return z if rows is None else rows.reshape((-1, *(1 for _ in range(z.ndim - 1)))) * z


def _output(scope: Scope, state: Json, h: Any, before: str, rows: Any, layer: int) -> Any:
    """Return the last layer's sum; its weights vary by group where the network does."""
    options, name = NetOptions.from_json(state["options"]), state["name"]
    length = np.sqrt(_length(state, options, layer))
    weights = scope.variable(f"{name}_sigma") * _standard(scope, state, f"{name}_w{layer}", (before,), rows) / length
    weights = scope.report(f"{name}_w{layer}", weights, (before,), "weight" if options.hidden else "")
    total = pt.dot(h, weights)
    if "factor" in state:
        total = total + _by_group(scope, state, h, before, length)
    return total


def _by_group(scope: Scope, state: Json, h: Any, before: str, length: float) -> Any:
    """Return what each row's group adds: ``h`` times the group's own deviations of the last layer's weights."""
    name, factor = state["name"], state["factor"]
    group = scope.dim(factor, tuple(state["labels"]))
    z = scope.hidden(f"{name}|{factor}_z", "Normal", {"mu": 0.0, "sigma": 1.0}, (before, group), "weight")
    own = scope.report(f"{name}|{factor}", scope.variable(f"{name}|{factor}_sigma") * z / length, (before, group), "weight")
    chosen = own[:, scope.data("codes")]
    if scope.width is None:
        return (h.T * chosen).sum(axis=0)
    return (h.T[:, :, None] * chosen).sum(axis=0)


def _skip(scope: Scope, state: Json, inputs: Any, labels: tuple[str, ...]) -> Any:
    name, before = f"{state['name']}_skip", scope.dim(f"{state['name']}_input", labels)
    weights = scope.variable(f"{name}_sigma") * _standard(scope, state, name, (before,)) / np.sqrt(len(labels))
    return pt.dot(inputs, scope.report(name, weights, (before,)))
