"""The response: its distribution, its log likelihood a row, and predictive draws, all from the family's one ``rv``.

Truncation changes the distribution. Censoring changes what is known of a row: left-censored rows contribute
``log P(Y <= y)``, right-censored ones ``log P(Y > y)``, interval-censored ones ``log P(y < Y <= upper)``. Weights multiply
a row's log likelihood. A predictive draw is what would be recorded, so it respects the same bounds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family


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
    """Return the distribution of the rows, truncated where they are."""
    rv = family.rv(params, aux)
    if parts.lower_bound is None and parts.upper_bound is None:
        return rv
    return pm.Truncated.dist(rv, lower=parts.lower_bound, upper=parts.upper_bound)


def pointwise(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return each row's log likelihood ``(obs,)``."""
    rv = distribution(family, params, aux, parts)
    value = pm.logp(rv, parts.value)
    if parts.status is not None:
        below = pm.logcdf(rv, parts.value)
        above = _survival(family, params, aux, below, parts.value)
        # Where a row is not interval-censored its ends may coincide; a distance of 0 there would give a NaN gradient
        # even though the branch is not taken, so those rows get ends that are apart.
        interval = pt.eq(parts.status, 2)
        upper = pt.where(interval, parts.upper, parts.value + 1.0)
        between = pm.math.logdiffexp(pm.logcdf(rv, upper), below)
        value = pt.switch(pt.eq(parts.status, 0), value, pt.switch(pt.eq(parts.status, -1), below, above))
        value = pt.switch(interval, between, value)
    return value if parts.weights is None else parts.weights * value


def _survival(family: Family, params: Mapping[str, Any], aux: Aux, below: Any, value: Any) -> Any:
    if family.log_survival is not None:
        return family.log_survival(params, aux, value)
    return pm.math.log1mexp(below)


def predictive(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return the distribution of a new response for each row, as it would be recorded."""
    rv = distribution(family, params, aux, parts)
    if parts.status is None or parts.value is None:
        return rv
    at_most = pt.switch(pt.eq(parts.status, 1), parts.value, float("inf"))
    at_least = pt.switch(pt.eq(parts.status, -1), parts.value, float("-inf"))
    return pt.clip(rv, at_least, at_most)


def observe(
    name: str, family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts, dims: tuple[str, ...]
) -> None:
    """Register the observed response with the model in context."""
    model = pm.modelcontext(None)
    if parts.status is None and parts.weights is None:
        rv = distribution(family, params, aux, parts)
        model.register_rv(rv, name, observed=parts.value, dims=dims)
        return
    packed = _Packed(params, aux, parts)

    def logp(value: Any, *inputs: Any) -> Any:
        return pointwise(family, *packed.unpack(inputs, value))

    def dist(*inputs: Any) -> Any:
        *inputs, size = inputs
        del size
        return predictive(family, *packed.unpack(inputs, packed.unpack_value(inputs)))

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
