"""The response: its distribution, its log likelihood a row, and predictive draws, all from the family's one ``rv``.

Truncation changes the distribution. Censoring changes what is known of a row: left-censored rows contribute
``log P(Y <= y)``, right-censored ones ``log P(Y > y)``, interval-censored ones ``log P(y < Y <= upper)``. Weights multiply
a row's log likelihood. A predictive draw is what would be recorded, so it respects the same bounds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family

from .glm_likelihood import kind_of, observe_fused

LOG_HALF = math.log(0.5)
NOTHING = -1e4
"""Logarithm of a probability of 0, finite so that gradients stay finite."""


@dataclass(frozen=True)
class Parts:
    """The response's arrays as tensors, each ``(obs,)`` or None; see :class:`~bayesdeep.core.records.Response`."""

    value: Any = None
    trials: Any = None
    status: Any = None
    upper: Any = None
    lower_bound: Any = None
    upper_bound: Any = None
    weights: Any = None


def distribution(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return the distribution of the rows, truncated where they are, to draw from."""
    rv = family.rv(params, aux)
    if parts.lower_bound is None and parts.upper_bound is None:
        return rv
    return pm.Truncated.dist(rv, lower=parts.lower_bound, upper=parts.upper_bound)


def pointwise(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return each row's log likelihood ``(obs,)``."""
    rv = family.rv(params, aux)
    value = pm.logp(rv, parts.value)
    if parts.status is not None:
        value = _censored(family, params, aux, parts, rv, value)
    if parts.lower_bound is not None or parts.upper_bound is not None:
        value = _truncated(family, params, aux, parts, value)
    return value if parts.weights is None else parts.weights * value


def _censored(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts, rv: Any, observed: Any) -> Any:
    below = pm.logcdf(rv, parts.value)
    above = _survival(family, params, aux, below, parts.value)
    # Where a row is not interval-censored its ends may coincide; a distance of 0 there would give a NaN gradient
    # even though the branch is not taken, so those rows get ends that are apart.
    interval = pt.eq(parts.status, 2)
    upper = pt.where(interval, parts.upper, parts.value + 1.0)
    below_upper = pm.logcdf(rv, upper)
    beyond_upper = _survival(family, params, aux, below_upper, upper)
    between = _log_between(below, above, below_upper, beyond_upper)
    value = pt.switch(pt.eq(parts.status, 0), observed, pt.switch(pt.eq(parts.status, -1), below, above))
    return pt.switch(interval, between, value)


def _log_between(below_lower: Any, beyond_lower: Any, below_upper: Any, beyond_upper: Any) -> Any:
    """Return ``log P(lower < Y <= upper)`` from log probabilities on both sides of both ends.

    The difference is taken in the tail the interval lies in, where it does not cancel.
    """
    in_upper_tail = pt.gt(below_lower, LOG_HALF)
    larger = pt.where(in_upper_tail, beyond_lower, below_upper)
    smaller = pt.where(in_upper_tail, beyond_upper, below_lower)
    return larger + pm.math.log1mexp(pt.minimum(smaller - larger, -1e-300))


def _truncated(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts, value: Any) -> Any:
    """Divide by the probability between the bounds; outside them there is none."""
    inside = pt.ones_like(value, dtype=bool)
    if parts.lower_bound is not None:
        inside = inside & pt.ge(parts.value, parts.lower_bound)
    if parts.upper_bound is not None:
        inside = inside & pt.le(parts.value, parts.upper_bound)
    mass = log_mass(family, params, aux, parts.lower_bound, parts.upper_bound)
    return pt.switch(inside, value - mass, float("-inf"))


def log_mass(family: Family, params: Mapping[str, Any], aux: Aux, lower: Any, upper: Any) -> Any:
    """Return ``log P(lower <= Y <= upper)``, ``(obs,)``; an open side is None, or infinite for some of the rows."""
    rv, sides = family.rv(params, aux), []
    for bound, is_lower in ((lower, True), (upper, False)):
        nothing_there = (NOTHING, 0.0) if is_lower else (0.0, NOTHING)
        if bound is None:
            sides.append(nothing_there)
            continue
        there = pt.isinf(bound)
        # Whole numbers: the lower bound itself can occur, so what lies below it is Y <= bound - 1.
        end = bound - 1.0 if is_lower and "discrete" in family.words else bound
        # Any finite number in the place of an infinite one: the branch is not taken, but its gradient is computed.
        end = pt.where(there, 1.0, end)
        below = pm.logcdf(rv, end)
        beyond = _survival(family, params, aux, below, end)
        sides.append((pt.where(there, nothing_there[0], below), pt.where(there, nothing_there[1], beyond)))
    (below_lower, beyond_lower), (below_upper, beyond_upper) = sides
    if upper is None:
        return beyond_lower
    if lower is None:
        return below_upper
    return _log_between(below_lower, beyond_lower, below_upper, beyond_upper)


def mean(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return the expected response, given its bounds; None for a truncated one without a closed form."""
    if parts.lower_bound is None and parts.upper_bound is None:
        return family.mean(params, aux)
    if family.truncated_mean is None:
        return None
    lower = float("-inf") if parts.lower_bound is None else parts.lower_bound
    upper = float("inf") if parts.upper_bound is None else parts.upper_bound

    def mass(params: Mapping[str, Any], shift: float = 0.0) -> Any:
        bounds = (None if b is None else b - shift for b in (parts.lower_bound, parts.upper_bound))
        return log_mass(family, params, aux, *bounds)

    return family.truncated_mean(params, lower, upper, mass)


def _survival(family: Family, params: Mapping[str, Any], aux: Aux, below: Any, value: Any) -> Any:
    if family.log_survival is not None:
        return family.log_survival(params, aux, value)
    return pm.math.log1mexp(pt.minimum(below, -1e-300))


def needs_rejection(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> bool:
    """Return whether truncated draws have to be made by drawing again what fell outside the bounds.

    PyMC truncates the normal in one operation, which stretches over an axis of draws; its general construction does not.
    """
    if parts.lower_bound is None and parts.upper_bound is None:
        return False
    return type(distribution(family, params, aux, parts).owner.op).__name__ == "TruncatedRV"


def to_draw_from(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return what predictions draw: without the bounds where :func:`needs_rejection`."""
    if needs_rejection(family, params, aux, parts):
        return family.rv(params, aux)
    return predictive(family, params, aux, parts)


def predictive(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return the distribution of a new response for each row, as it would be recorded."""
    rv = distribution(family, params, aux, parts)
    if parts.status is None or parts.value is None:
        return rv
    at_most = pt.switch(pt.eq(parts.status, 1), parts.value, float("inf"))
    at_least = pt.switch(pt.eq(parts.status, -1), parts.value, float("-inf"))
    return pt.clip(rv, at_least, at_most)


def observe(
    name: str,
    family: Family,
    params: Mapping[str, Any],
    aux: Aux,
    parts: Parts,
    dims: tuple[str, ...],
    linear: Any = None,
) -> None:
    """Register the observed response with the model in context; ``linear`` is the main predictor."""
    model = pm.modelcontext(None)
    special = (parts.status, parts.weights, parts.lower_bound, parts.upper_bound)
    if all(part is None for part in special):
        kind = None if linear is None else kind_of(family, aux, parts.value)
        if kind is not None:
            observe_fused(name, kind, family, linear, aux, parts.value, dims)
            return
        model.register_rv(family.rv(params, aux), name, observed=parts.value, dims=dims)
        return
    packed = _Packed(params, aux, parts)

    def logp(value: Any, *inputs: Any) -> Any:
        return pointwise(family, *packed.unpack(inputs, value))

    def dist(*inputs: Any) -> Any:
        given = inputs[:-1]  # the last one is the size, which the parameters say already
        return predictive(family, *packed.unpack(given, packed.unpack_value(given)))

    pm.CustomDist(name, *packed.inputs, logp=logp, dist=dist, observed=parts.value, dims=dims, ndim_supp=0)


class _Packed:
    """A likelihood's tensors as one flat list, and back: PyMC's custom distributions take positional inputs."""

    def __init__(self, params: Mapping[str, Any], aux: Aux, parts: Parts) -> None:
        self._names, self._aux = tuple(params), aux
        self._fields = tuple(
            k
            for k in ("trials", "status", "upper", "lower_bound", "upper_bound", "weights", "value")
            if getattr(parts, k) is not None
        )
        self.inputs = [pt.as_tensor(params[n]) for n in self._names] + [
            pt.as_tensor(getattr(parts, k)) for k in self._fields
        ]

    def unpack_value(self, inputs: Any) -> Any:
        """Return the recorded response among the inputs."""
        return inputs[len(self._names) + self._fields.index("value")]

    def unpack(self, inputs: Any, value: Any) -> tuple[dict[str, Any], Aux, Parts]:
        """Return parameters, aux and parts with ``value`` in the response's place."""
        params = dict(zip(self._names, inputs, strict=False))
        fields = dict(zip(self._fields, inputs[len(self._names) :], strict=True))
        fields["value"] = value
        aux = Aux(self._aux.link, fields.get("trials"), self._aux.levels)
        return params, aux, Parts(**fields)
