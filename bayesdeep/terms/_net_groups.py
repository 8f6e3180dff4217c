r"""Networks that vary by group: deviations from the population's weights, and the places of embedded categories.

Group :math:`g` has its own last layer :math:`w + \delta_g` on hidden units that all groups share,

.. math:: f_g(x) = h_L(x) (w + \delta_g), \qquad \delta_g = \frac{\sigma_g z_g}{v_L \sqrt{n_{L+1}}}

or, with ``pool="weights"``, all its own weights, :math:`W_l + \rho s_l z_{lg} / (v_{l-1} \sqrt{n_l})` with one :math:`\rho` for
all hidden layers. Where the scales are 0 every group has the population's function.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.links import find_activation
from bayesdeep.core.quantities import EFFECTS, WEIGHT
from bayesdeep.core.registry import PRIORS
from bayesdeep.core.terms import Scope


def spread_out(scope: Scope, name: str, dims: tuple[str, ...], role: str = "effect") -> tuple[Any, Any]:
    """Return effects of groups with the prior of their slot, and the standardised ones that they are made of.

    The default is a normal distribution about 0 with the scale ``name_sigma``; ``role`` is that of the standardised ones.
    """
    chosen = scope.prior(name)
    if chosen is None:
        standard = scope.hidden(f"{name}_z", "Normal", {"mu": 0.0, "sigma": 1.0}, dims, role)
        sd = scope.variable(f"{name}_sigma")
        scope.register_covariance_factor([sd], None, [(standard, None)], "Normal")
        return sd * standard, standard
    plugin = PRIORS[chosen.prior.name]
    arguments = {**plugin.standard, **{k: scope.argument(name, k) for k in plugin.arguments if k not in plugin.standard}}
    standard = scope.hidden(f"{name}_z", chosen.prior.name, arguments, dims, role)
    sd = scope.argument(name, "scale")
    scope.register_covariance_factor([sd], None, [(standard, None)], chosen.prior.name)
    return scope.argument(name, "location") + sd * standard, standard


def last_layer(scope: Scope, state: Json, h: Any, before: tuple[str, int], length: float, units: np.ndarray | None) -> Any:
    """Return what each row's group adds: ``h`` times the group's own deviations of the last layer's weights.

    ``before`` are the dimension of the units and their number. Memory is rows by units.
    """
    name = f"{state['name']}|{state['factor']}"
    dims = (before[0], scope.dim(state["factor"], tuple(state["labels"]), state["factor"]))
    own, standard = spread_out(scope, name, dims)
    own = own / length
    if units is None:
        own = scope.report(name, own, dims, WEIGHT, standard=standard)
    else:
        turned = units.reshape((-1, *(1 for _ in range(own.ndim - 1))))
        own = turned * scope.report(name, own / turned, dims, EFFECTS, standard=standard)
    chosen = own[:, scope.data("codes")]
    scope.per_row(before[1] * (scope.width[1] if scope.width else 1))
    if scope.width is None:
        return (h.T * chosen).sum(axis=0)
    return (h.T[:, :, None] * chosen).sum(axis=0)


def every_layer(
    scope: Scope,
    state: Json,
    layer: int,
    h: Any,
    shared: tuple[Any, Any],
    sd: Any,
    scale: tuple[Any, Any],
    dims: tuple[str, str],
) -> Any:
    """Return the units ``(obs, unit)`` of a layer whose weights and biases vary by group about the ``shared`` ones.

    ``scale`` is what standardised deviations of weights and of biases are multiplied by, ``sd`` among it. Memory is rows by units
    by groups.
    """
    group = scope.dim(state["factor"], tuple(state["labels"]), state["factor"])

    def deviations(label: str, size: Any, own: tuple[str, ...]) -> Any:
        name = f"{state['name']}_{label}{layer}|{state['factor']}"
        z = scope.hidden(f"{name}_z", "Normal", {"mu": 0.0, "sigma": 1.0}, (*own, group))
        scope.register_covariance_factor([sd], None, [(z, None)], "Normal")
        return scope.report(name, size * z, (*own, group), WEIGHT, standard=z)

    weights, biases = deviations("w", scale[0], dims), deviations("b", scale[1], dims[1:])
    indicators, options = scope.data("indicators"), state["options"]
    scope.per_row(options["hidden"][layer - 1] * indicators.get_value(borrow=True).shape[1])
    by_group = pt.matmul(h, weights.transpose(2, 0, 1)) * indicators.T[:, :, None]
    eta = scope.dot(h, shared[0]) + by_group.sum(axis=0) + shared[1] + scope.dot(indicators, biases.T)
    return find_activation(options["activation"][layer - 1], "net()", FormulaError)(eta)
