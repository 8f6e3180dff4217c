"""The response: its distribution, its log likelihood a row, and predictive draws, all from the family's one ``rv``.

Truncation changes the distribution: nothing is recorded that lies outside the bounds, which themselves can be recorded.
Censoring changes what is known of a row: left-censored rows contribute ``log P(Y <= y)``, right-censored ones
``log P(Y >= y)``, interval-censored ones ``log P(y <= Y <= upper)``, each given the bounds of a truncated row. The ends
belong to what is known, which matters for counts: a count recorded as 2 because it was 2 or more can have been 2.
Weights multiply a row's log likelihood.

A density of a transformed response, ``log(y)``, is told in units of ``y`` itself (``log_slope``); probabilities, of counts and
of censored rows, have no units. A predictive draw is what would be recorded, so it respects the same bounds, and the
likelihood of a record is the probability of drawing it.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family
from bayesdeep.ops.glm_likelihood import kind_of, observe_fused

from .composite import is_composite, stretchable

LOG_HALF = math.log(0.5)
EPSILON, TINY = sys.float_info.epsilon, sys.float_info.min


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
    log_slope: Any = None


def distribution(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return the distribution of the rows, truncated where they are, to draw from."""
    rv = drawn(family, params, aux)
    if parts.lower_bound is None and parts.upper_bound is None:
        return rv
    return pm.Truncated.dist(rv, lower=parts.lower_bound, upper=parts.upper_bound)


def drawn(family: Family, params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the family's distribution to draw from; one that PyMC composes of others so that it can be stretched over draws."""
    tensors = {name: pt.as_tensor(value) for name, value in params.items()}
    rv = family.rv(tensors, aux)
    by_row = all(p.shape == "row" for p in family.parameters) and all(t.ndim <= 1 for t in tensors.values())
    if not by_row or not is_composite(rv, list(tensors.values())):
        return rv
    trials = [] if aux.trials is None else [pt.as_tensor(aux.trials)]

    def make(inputs: Sequence[Any]) -> Any:
        given = dict(zip(tensors, inputs, strict=False))
        return family.rv(given, Aux(aux.link, inputs[-1] if trials else None, aux.levels))

    return stretchable(make, [*tensors.values(), *trials])


def pointwise(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return each row's log likelihood ``(obs,)``."""
    value = log_probability(pm.logp, family, params, aux, parts.value)
    if parts.log_slope is not None and "discrete" not in family.words:
        atom = pt.zeros_like(parts.value, dtype=bool)
        for place in family.atoms:
            atom = atom | pt.eq(parts.value, place)
        value = value + pt.where(atom, 0.0, parts.log_slope)
    bounded = parts.lower_bound is not None or parts.upper_bound is not None
    if bounded:
        value = pt.switch(_inside(parts), value, float("-inf"))
    if parts.status is not None:
        known = log_mass(family, params, aux, *_known(parts), near=parts.value)
        value = pt.switch(pt.eq(parts.status, 0), value, known)
    if bounded:
        value = value - log_mass(family, params, aux, parts.lower_bound, parts.upper_bound, near=parts.value)
    return value if parts.weights is None else parts.weights * value


def log_probability(of: Any, family: Family, params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``of(rv, value)``, PyMC's ``logp`` or ``logcdf``, of the family's distribution, also of one made by arithmetic.

    Of an expression such as ``exp(Normal)`` PyMC derives the density, on a copy of all that the expression is made of: copies of
    the model's own variables as well, which would then have values of their own. So it is derived for parameters that are
    nothing but inputs; in its copies, which have their names, the model's take their places.
    """
    from pytensor.graph.replace import graph_replace
    from pytensor.graph.traversal import graph_inputs

    rv = family.rv(params, aux)
    if hasattr(rv.owner.op, "ndim_supp"):  # a random variable as it stands
        return of(rv, value)
    tensors = {f"parameter {name}": pt.as_tensor(p) for name, p in params.items()}
    inputs = {name: tensors[f"parameter {name}"].type(f"parameter {name}") for name in params}
    derived = of(family.rv(inputs, aux), value)
    places = {found: tensors[found.name] for found in graph_inputs([derived]) if found.name in tensors}
    return graph_replace(derived, places, strict=False)


def _known(parts: Parts) -> tuple[Any, Any]:
    """Return the ends ``(obs,)`` of what is known of censored rows, both included; observed rows have none.

    A censored row whose value could only be recorded within bounds is known to lie within these, too.
    """
    left, right, interval = (pt.eq(parts.status, code) for code in (-1, 1, 2))
    low = pt.where(right | interval, parts.value, float("-inf"))
    high = pt.where(interval, parts.upper, pt.where(left, parts.value, float("inf")))
    censored = left | right | interval
    if parts.lower_bound is not None:
        low = pt.where(censored, pt.maximum(low, parts.lower_bound), low)
    if parts.upper_bound is not None:
        high = pt.where(censored, pt.minimum(high, parts.upper_bound), high)
    return low, high


def _inside(parts: Parts) -> Any:
    """Return whether the values lie within the bounds, outside of which there is no probability."""
    inside = pt.ones_like(parts.value, dtype=bool)
    if parts.lower_bound is not None:
        inside = inside & pt.ge(parts.value, parts.lower_bound)
    if parts.upper_bound is not None:
        inside = inside & pt.le(parts.value, parts.upper_bound)
    return inside


def log_mass(family: Family, params: Mapping[str, Any], aux: Aux, lower: Any, upper: Any, near: Any = 0.0) -> Any:
    """Return ``log P(lower <= Y <= upper)``, ``(obs,)``; an open side is None, or infinite for some of the rows.

    Both ends are included: of families of whole numbers what lies below ``lower`` is ``Y <= ceil(lower) - 1``. Where nothing
    lies between the ends it is minus infinity. Where a row has no end, its gradient is taken at ``near`` (and comes to
    nothing), where the distribution should not be extreme.
    """

    def sides(end: Any) -> tuple[Any, Any]:
        assert family.log_survival is not None  # the record asks for it
        beyond = family.log_survival(params, aux, end)
        if family.log_below is not None:
            return family.log_below(params, aux, end), beyond
        return log_probability(pm.logcdf, family, params, aux, end), beyond

    low = pt.as_tensor(float("-inf") if lower is None else _below(family, lower))
    high = pt.as_tensor(float("inf") if upper is None else _upto(family, upper))
    # Gradients are computed of branches that are not taken, too: an end that is not there gets the place of the other.
    no_low, no_high = pt.isinf(low), pt.isinf(high)
    if upper is None:
        return pt.where(no_low, 0.0, sides(pt.where(no_low, near, low))[1])
    if lower is None:
        return pt.where(no_high, 0.0, sides(pt.where(no_high, near, high))[0])
    start = pt.where(no_low, pt.where(no_high, near, high), low)
    stop = pt.where(no_high, start, high)
    (below_lower, beyond_lower), (below_upper, beyond_upper) = sides(start), sides(stop)
    one_sided = pt.where(no_low, pt.where(no_high, 0.0, below_upper), beyond_lower)
    two_sided = pt.lt(start, stop)
    between = _log_between(below_lower, beyond_lower, below_upper, beyond_upper, two_sided)
    return pt.where(no_low | no_high, one_sided, pt.where(two_sided, between, float("-inf")))


def _below(family: Family, lower: Any) -> Any:
    """Return the largest value that lies below a lower end: the end itself, where single values have no probability."""
    if "discrete" in family.words:
        return pt.ceil(pt.as_tensor(lower)) - 1.0
    for place in family.atoms:
        lower = pt.where(pt.eq(lower, place), place - max(abs(place) * EPSILON, TINY), lower)
    return lower


def _upto(family: Family, upper: Any) -> Any:
    """Return the largest value up to an upper end, in whole numbers where the family's are."""
    return pt.floor(pt.as_tensor(upper)) if "discrete" in family.words else upper


def _log_between(below_lower: Any, beyond_lower: Any, below_upper: Any, beyond_upper: Any, apart: Any) -> Any:
    """Return ``log P(lower < Y <= upper)`` from log probabilities on both sides of both ends.

    The difference is taken in the tail the interval lies in, where it does not cancel. Rows whose ends are not ``apart`` get
    a distance: their value is not used, but without one their gradient would be NaN.
    """
    in_upper_tail = pt.gt(below_lower, LOG_HALF)
    larger = pt.where(in_upper_tail, beyond_lower, below_upper)
    smaller = pt.where(in_upper_tail, beyond_upper, below_lower)
    return larger + pm.math.log1mexp(pt.where(apart, pt.minimum(smaller - larger, -1e-300), -1.0))


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


def variance(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return the variance ``(obs,)`` of a new response; None without a closed form, as of one that bounds cut off."""
    bounded = parts.lower_bound is not None or parts.upper_bound is not None
    recorded = parts.status is not None and parts.value is not None
    if family.variance is None or bounded or recorded:
        return None
    return family.variance(params, aux) + pt.zeros_like(pt.as_tensor(params[family.main.name]))


def needs_rejection(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> bool:
    """Return whether truncated draws have to be made by drawing again what fell outside the bounds.

    PyMC truncates the normal in one operation, which stretches over an axis of draws; its general construction does not.
    """
    if parts.lower_bound is None and parts.upper_bound is None:
        return False
    return type(distribution(family, params, aux, parts).owner.op).__name__ == "TruncatedRV"


def to_draw_from(family: Family, params: Mapping[str, Any], aux: Aux, parts: Parts) -> Any:
    """Return what predictions draw: where :func:`needs_rejection`, without the bounds, or without the upper one where the family
    can draw beyond the lower, and not yet as it would be recorded."""
    if parts.lower_bound is not None and family.beyond is not None:
        return family.beyond({name: pt.as_tensor(value) for name, value in params.items()}, aux, parts.lower_bound)
    if needs_rejection(family, params, aux, parts):
        return drawn(family, params, aux)
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
