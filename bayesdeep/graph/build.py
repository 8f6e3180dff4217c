"""Spec and arrays to a graph: a PyMC model, and the tensors that log likelihood and prediction are read from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import find_link
from bayesdeep.core.quantities import ORDER, Quantity
from bayesdeep.core.records import Aux, Family, Response
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.spec.model_spec import ModelSpec, TermSpec
from bayesdeep.spec.shared_effects import shared_of

from .builder import Builder, Root
from .likelihood import Parts, mean, observe, pointwise, to_draw_from, variance
from .linear_effects import eta_of, make_laws
from .nonlinear_fit import nonlinear_fit
from .nonlinear_pilot import nonlinear_pilot
from .pilot_fit import PilotFit, pilot_fit
from .scope import TermScope, as_rows
from .sd_coordinate import likely_sds
from .starts import starting_places
from .together import Together

if TYPE_CHECKING:
    import pymc


@dataclass(frozen=True, eq=False)
class ResponseTensors:
    """What a graph says of one response: tensors whose first axis is ``obs``.

    Attributes
    ----------
    name, family
        The response, and its distribution.
    linear, mean, predictive, pointwise
        ``(obs,)`` tensors of the main predictor, the expected response, a new response and the log likelihood
        (None without a response); ``(obs, level)`` for responses with levels.
    parts
        The addends of the main predictor ``linear``, by term key, of its shape; what a term has the mean go with of rows before
        (:meth:`bayesdeep.core.terms.Scope.lagged`) is one too, and on top of it.
    params
        The distribution's parameters as it takes them, by name; ``predictive`` depends on draws through these alone.
    variance
        Of a new response given its parameters, ``(obs,)``; None without a closed form.
    log_parts
        Of a mixture with a response, the logarithm of each component's share times its density ``(obs, component)``.
    lags
        By how much the mean goes with what was left over one step before, two steps before, and so on, ``()`` each.
    """

    name: str
    family: Family
    linear: Any
    mean: Any
    predictive: Any
    pointwise: Any
    parts: Mapping[str, Any]
    params: Mapping[str, Any]
    variance: Any = None
    log_parts: Any = None
    lags: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Graph:
    """A model on certain rows.

    Attributes
    ----------
    rows
        How many.
    model
        The PyMC model; its likelihood is there only if the rows have a response.
    reported
        The ledger: what the posterior shows, by name, and what each quantity is; everything below depends on the parameters
        through these alone.
    coords
        Labels by dimension.
    data
        PyMC data containers of the rows, by name.
    responses
        What there is of each response.
    pilot
        A pilot fit, of graphs that are to be sampled from; None for models it does not know.
    roles
        By name of a random variable, what it is: the role of its prior, or ``"effect"``, ``"weight"`` or ``"correlation"`` of
        what a posterior does not show.
    units
        Natural scales of random variables, by name, where it is not 1.
    made_of
        By name of a reported quantity, the hidden variable with its standardised values.
    masks
        By layer, the tensor ``(obs, unit)`` that its units are multiplied by, and the number of units.
    outgoing
        By layer, the names of the hidden variables whose first axis runs over its units: the weights that go out from them.
    staged
        Variables that are to be trained to a point first, by name.
    numbers
        Memory per row (array elements), by which prediction blocks are sized.
    auxiliary, stretches
        Names of hidden variables with no one-to-one counterpart in the posterior, and log|d reported / d sampled| of others;
        see :mod:`bayesdeep.graph.own_scale`.
    covariance_factors
        Cholesky factors of group effects' covariances, by which their standardised values are multiplied.
    functions
        What was compiled of this graph, kept as long as it is; see :mod:`bayesdeep.graph.evaluate`.
    """

    model: "pymc.Model"
    rows: int
    reported: Mapping[str, Quantity]
    coords: Mapping[str, tuple[Any, ...]]
    data: Mapping[str, Any]
    responses: tuple[ResponseTensors, ...]
    pilot: PilotFit | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, float] = field(default_factory=dict)
    made_of: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, tuple[Any, int]] = field(default_factory=dict)
    outgoing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    staged: Mapping[str, Any] = field(default_factory=dict)
    numbers: int = 1
    covariance_factors: tuple[Root, ...] = ()
    auxiliary: frozenset[str] = frozenset()
    stretches: tuple[Any, ...] = ()
    functions: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def response(self) -> ResponseTensors:
        """Return what there is of the response, of models that have one."""
        (only,) = self.responses
        return only


ROWS = "rows"
"""Name of the container that a graph without any array of its rows has, so that it can be asked about other rows."""


def build(
    spec: ModelSpec,
    arrays: Mapping[str, np.ndarray],
    response: Response,
    rows: int,
    *,
    observed: bool,
    sampled: bool = False,
    masked: bool = False,
    fixed: Mapping[str, np.ndarray] | None = None,
    single: bool = False,
) -> Graph:
    """Return the graph of ``spec`` on the rows whose arrays are given.

    Parameters
    ----------
    spec
        The model as data.
    arrays
        By ``"term key.array name"`` and, for parameters given as a column, by the parameter's name; first axis ``rows``.
    response
        The response's parts; without ``observed`` its value is not used.
    rows
        Number of rows.
    observed
        Whether the response belongs to the model (fitting, log likelihood) or is asked for (prediction).
    sampled
        Whether the graph is to be sampled from, with the response: effects of groups are then kept in the coordinates
        that suit these rows, see :mod:`bayesdeep.graph.centring`. The posterior is the same.
    masked
        Whether hidden layers are multiplied by masks ``(obs, unit)``, which are then the graph's inputs ``masks``.
    fixed
        Values by name of variables among ``staged`` that are fixed instead of estimated.
    single
        Whether the hidden layers of networks are computed in single precision.
    """
    with pm.Model(coords={"obs": np.arange(rows)}) as model:
        builder = builder_of(
            spec, arrays, response, rows, observed=observed, sampled=sampled, masked=masked, fixed=fixed, single=single
        )
        together = Together(
            shared_of(spec),
            lambda member: TermScope(builder, member.parameter, member.key, None),
            lambda: TermScope(builder, builder.bare, "", None),
        )
        builder.together = partial(together.of, 0)
        made = tensors_of(builder, response, rows, observed=observed)
        return graph_of(model, rows, (made,), (builder,), _in_order(builder.reported))


def builder_of(
    spec: ModelSpec,
    arrays: Mapping[str, np.ndarray],
    response: Response,
    rows: int,
    *,
    observed: bool,
    sampled: bool = False,
    masked: bool = False,
    fixed: Mapping[str, np.ndarray] | None = None,
    single: bool = False,
) -> Builder:
    """Return what one response's model is built with, in the PyMC model in context; the arguments are those of :func:`build`."""
    family = FAMILIES[spec.family]
    start = nonlinear_pilot(spec, arrays, response) if observed else None
    pilot = None
    if observed and sampled:
        pilot = pilot_fit(spec, arrays, response) if start is None else nonlinear_fit(spec, arrays, response, start.places)
    own = rows if observed and sampled else 0
    builder = Builder(spec, family, pilot, masked, fixed, single, own)
    builder.places = starting_places(spec, arrays) if observed else {}
    if start is not None:
        builder.places, builder.apart = {**builder.places, **start.places}, start.apart
    builder.observed = observed
    if observed and sampled:
        builder.likely_sds = likely_sds(spec, pilot)
        builder.places = builder.likely_sds | builder.places
    data = builder.data
    data.update({name: pm.Data(builder.unused(name), value) for name, value in arrays.items()})
    if not arrays:
        data[ROWS] = pm.Data(builder.unused(ROWS), np.zeros(rows))
    return builder


def tensors_of(builder: Builder, response: Response, rows: int, *, observed: bool, apart: bool = True) -> ResponseTensors:
    """Return what there is of a response, in the PyMC model in context; its likelihood joins the model unless not ``apart``."""
    spec, data = builder.spec, builder.data
    family = FAMILIES[spec.family]
    links = {p.parameter: find_link(p.link, "link", FormulaError) for p in spec.predictors}
    main, levels = family.main, spec.response.levels
    width = None
    if any(p.shape == "contrast" for p in family.parameters):
        assert levels is not None
        width = (builder.dim(f"{spec.response.name}_level", tuple(levels[1:])), len(levels) - 1)
    at_thresholds: Any = None
    count = data[next(iter(data))].shape[0]
    params: dict[str, Any] = {}
    linear = None
    addends: dict[str, Any] = {}
    _build_nonlinear(builder)
    for predictor in (p for p in spec.predictors if p.parameter not in spec.nonlinear):
        own_width = width if getattr(family.parameter(predictor.parameter), "shape", "") == "contrast" else None
        eta: Any = 0.0
        for term in predictor.terms:
            declared = TERMS[term.kind].effects
            if declared is not None:
                make_laws(TermScope(builder, predictor.parameter, term.key, own_width), declared(term.state))
        # What moves the intercept's coordinate is there before it; sums are in the formula's order all the same.
        for term in sorted(predictor.terms, key=lambda one: "lifts" not in TERMS[one.kind].words(one.state)):
            beside = "by_threshold" in TERMS[term.kind].words(term.state)
            addend = _addend(builder, predictor.parameter, term, _cuts(builder) if beside else own_width)
            if beside:  # no addend of what all thresholds share
                at_thresholds = addend if at_thresholds is None else at_thresholds + addend
                continue
            eta = eta + addend
            if predictor.parameter == main.name:
                addends[term.key] = addend
        eta = _full(eta, count, own_width)
        linear = eta if predictor.parameter == main.name else linear
        inside = getattr(family.parameter(predictor.parameter), "link_in_family", False)
        params[predictor.parameter] = eta if inside else links[predictor.parameter].inverse(eta)
    for parameter in family.parameters:
        if parameter.name in spec.known or (parameter.name not in params and parameter.fixed is None):
            params[parameter.name] = _plain_parameter(builder, parameter, data, levels)
    if at_thresholds is not None:
        params |= {p.name: params[p.name] - at_thresholds for p in family.parameters if p.shape == "cut"}
    for variance_beside in builder.noise:
        params["sigma"] = pt.sqrt(params["sigma"] ** 2 + variance_beside)
    for before in builder.lagged:
        addends[before.key] = before.correction(linear, data)
        params[main.name] = params[main.name] + addends[before.key]
    parts = _parts(builder, response, observed)
    aux = Aux(links[main.name], parts.trials, None if levels is None else len(levels))
    if observed and apart:
        by_level = () if response.value.ndim == 1 else (builder.dim(f"{spec.response.name}_count", tuple(levels or ())),)
        observe(spec.response.name, family, params, aux, parts, (builder.obs, *by_level), linear)
    return ResponseTensors(
        spec.response.name,
        family,
        linear,
        mean(family, params, aux, parts),
        to_draw_from(family, params, aux, parts),
        pointwise(family, params, aux, parts) if observed else None,
        parts={t.key: _full(addends[t.key], count, width) for t in spec.predictors[0].terms if t.key in addends},
        params={name: pt.as_tensor(value) for name, value in params.items()},
        variance=variance(family, params, aux, parts),
        log_parts=None if family.components is None or not observed else family.components.log_parts(params, aux, parts.value),
        lags=tuple(pt.as_tensor(own) for before in builder.lagged for own in before.coefficients),
    )


def graph_of(
    model: "pymc.Model", rows: int, responses: tuple[ResponseTensors, ...], builders: Sequence[Builder],
    reported: Mapping[str, Quantity],
) -> Graph:
    """Return the graph of what builders of the parts of a model have left."""
    first = builders[0]
    return Graph(
        model,
        rows,
        reported,
        first.coords,
        {f"{b.prefix}{name}": value for b in builders for name, value in b.data.items()},
        responses,
        first.pilot if len(builders) == 1 else None,
        _joined(builders, "roles"),
        _joined(builders, "units"),
        {f"{b.prefix}{name}": hidden for b in builders for name, hidden in b.made_of.items()},
        {f"{b.prefix}{name}": (tensor, b.mask_sizes[name]) for b in builders for name, tensor in b.masks.items()},
        _joined(builders, "outgoing"),
        staged=_joined(builders, "staged"),
        numbers=max(b.numbers for b in builders),
        covariance_factors=tuple(root for b in builders for root in b.covariance_factors),
        auxiliary=frozenset(f"{b.prefix}{name}" for b in builders for name in b.auxiliary),
        stretches=tuple(stretch for b in builders for stretch in b.stretches),
    )


def _joined(builders: Sequence[Builder], attribute: str) -> dict[str, Any]:
    """Return what builders have by name, with the prefix of each before its names."""
    return {f"{b.prefix}{name}": value for b in builders for name, value in getattr(b, attribute).items()}


def _addend(builder: Builder, parameter: str, term: TermSpec, width: tuple[str, int] | None) -> Any:
    """Return what a term adds to a parameter's predictor."""
    scope, plugin = TermScope(builder, parameter, term.key, width), TERMS[term.kind]
    return plugin.eta(scope, term.state) if plugin.eta else eta_of(scope, plugin.effects(term.state))


def _build_nonlinear(builder: Builder) -> None:
    """Build the predictors of a non-linear formula's parameters, which the formula's own is made of.

    Population columns of all of them come before effects of groups of any, whose coordinates follow them.
    """
    own = [p for p in builder.spec.predictors if p.parameter in builder.spec.nonlinear]
    every = [(p.parameter, term) for p in own for term in p.terms]

    def place(one: tuple[str, TermSpec]) -> int:
        if "lifts" in TERMS[one[1].kind].words(one[1].state):
            return 0
        return 1 if builder.pilot is not None and builder.pilot.places(one[1].key) is not None else 2

    for parameter, term in sorted(every, key=place):
        addend = _addend(builder, parameter, term, None)
        builder.predictors[parameter] = builder.predictors.get(parameter, 0.0) + addend


def units_of(graph: Graph) -> int:
    """Return how many numbers a row needs at a time while it passes through the widest layer; 1 without networks."""
    return graph.numbers


def _in_order(reported: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """Return what the posterior shows as a person reads it: population effects first, effects of groups last."""
    return dict(sorted(reported.items(), key=lambda item: ORDER.index(item[1].role)))


def _full(eta: Any, rows: Any, width: tuple[str, int] | None) -> Any:
    """Return a predictor with every row written out, also when it is only an intercept."""
    if width is None:
        return as_rows(eta, rows)
    eta = pt.as_tensor(eta)
    return eta if eta.ndim == 2 else pt.broadcast_to(eta, (rows, width[1]))


def _plain_parameter(builder: Builder, parameter: Any, data: Mapping[str, Any], levels: Any) -> Any:
    """Return a parameter that has no formula: known, or one variable with its prior."""
    name, spec = parameter.name, builder.spec
    if name in spec.known:
        # A tensor: what families make of it, such as a comparison, must be one, too.
        return data[name] if name in data else pt.constant(float(spec.known[name].value))
    scope = TermScope(builder, builder.bare, name, None)
    if parameter.shape == "shares":
        return scope.variable(name, (builder.dim(spec.shares_dimension(name), parameter.labels),))
    if parameter.shape != "cut":
        return scope.parameter(name)
    chosen = spec.prior(name)
    assert chosen is not None
    return _thresholds(builder, scope, chosen, *_cuts(builder), parameter.support == "ordered")


def _cuts(builder: Builder) -> tuple[str, int]:
    """Return the dimension of a response's thresholds, and how many they are."""
    response = builder.spec.response
    labels = next(p.cut_labels(response.levels) for p in builder.family.parameters if p.shape == "cut")
    return builder.dim(f"{response.name}_threshold", labels), len(labels)


def _thresholds(builder: Builder, scope: TermScope, chosen: Any, dim: str, size: int, increasing: bool) -> Any:
    """Return thresholds. A default prior is on those at the columns' means, a user's on the thresholds."""
    from pymc.distributions.transforms import ordered

    shift, lift = builder.thresholds_shift, builder.lifts.get(builder.main, 0.0)
    options: dict[str, Any] = {"initval": np.linspace(-1.0, 1.0, size) if increasing and size > 1 else np.zeros(size)}
    if increasing:
        options["transform"] = ordered
    trivial = isinstance(shift, float)
    wanted = 0.0 if trivial or chosen.origin == "default" else -shift
    if not isinstance(lift, float):
        wanted, shift = wanted - lift, shift + lift
    centred = scope.shifted(chosen, f"{chosen.name}_at_means", wanted, (dim,), **options)
    if centred is None:
        plain = scope.shifted(chosen, f"{chosen.name}_raw", 0.0, (dim,), **options)
        return scope.report(chosen.name, plain, (dim,), chosen.role, slot=chosen.name)
    return scope.report(chosen.name, centred + shift, (dim,), chosen.role, slot=chosen.name)


def _parts(builder: Builder, response: Response, observed: bool) -> Parts:
    """Return the response's arrays as tensors; their data containers join the others."""
    fields: dict[str, Any] = {}
    for part in ("value", "trials", "status", "upper", "lower_bound", "upper_bound", "weights", "log_slope"):
        array = getattr(response, part)
        if array is None or (part == "log_slope" and not observed) or (
            part in ("value", "weights", "upper") and not observed and response.status is None
        ):
            continue
        name = f"{response.name}_{part}"
        builder.data[name] = fields[part] = pm.Data(builder.unused(name), _exact(array))
    return Parts(**fields)


def _exact(array: np.ndarray) -> np.ndarray:
    """Return whole numbers beyond 32 bits as floats: PyMC keeps integers in 32 bits and would wrap them around."""
    too_large = array.dtype.kind in "iu" and array.size > 0 and np.abs(array).max() > np.iinfo(np.int32).max
    return array.astype(np.float64) if too_large else array
