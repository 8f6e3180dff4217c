"""A row's log likelihood as a function of its linear predictors, with two derivatives by each, from the family's own ``rv``.

The functions run PyTensor's Python linker on arrays ``(obs, batch)``: NumPy's speed at once, and no time for compiling. With
very many rows compiling is what takes no time, and common likelihoods have loops of their own.
"""

import time
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.links import find_link
from bayesdeep.core.records import LIKELIHOOD_FIELDS, Aux, Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.core.rowwise import RowLikelihood, Values
from bayesdeep.ops.glm_likelihood import base_of
from bayesdeep.ops.row_loops import derivatives_of
from bayesdeep.spec.model_spec import ModelSpec

from .evaluate import array_mode
from .likelihood import Parts, pointwise

Terms = Callable[[np.ndarray, Values, int], tuple[np.ndarray, ...]]
"""``terms(eta, values, order)`` with predictors one after another."""

UNCHANGED = frozenset({"weighted", "prop"})
"""What leaves a response as it is: weights only multiply."""
COMPILED_FROM_ROWS = 50_000
"""Rows from which a compiled loop is worth the seconds that compiling takes."""


def row_likelihood(spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response) -> RowLikelihood:
    """Return the likelihood of rows, as a function of their predictors and of the parameters that have none.

    Parameters
    ----------
    spec
        The model.
    arrays
        By name; those of parameters that are known by row are used.
    response
        With ``value`` ``(obs,)``, weights, bounds and censoring.
    """
    began = time.perf_counter()
    family = FAMILIES[spec.family]
    link = find_link(spec.predictors[0].link, "link", FormulaError)
    kind = family.fused.get(link.name)
    plain = all(getattr(response, f) is None for f in LIKELIHOOD_FIELDS[2:])
    alone = len(spec.predictors) == 1
    if kind is not None and len(response.value) >= COMPILED_FROM_ROWS and plain and alone:
        return _compiled(kind, response, began)
    if response.modifiers <= UNCHANGED | family.written_for and not spec.known:
        written = _written(spec, response)
        if written is not None:
            return _in_numpy(*written, response.weights, began)
    return _derived(spec, arrays, response, began)


def _written(spec: ModelSpec, response: Response) -> tuple[Terms, tuple[str, ...]] | None:
    """Return rows' terms by the stacked predictors, and the parameters without one, where family and links wrote them down."""
    family = FAMILIES[spec.family]
    link, others = spec.predictors[0].link, {p.parameter: p.link for p in spec.predictors[1:]}
    own = None if family.row_terms is None else family.row_terms(response, link)
    if own is None:
        return None
    free = tuple(p.name for p in family.plain({family.main.name, *others}))
    cuts = {p.name for p in family.parameters if p.is_vector}

    def shaped(values: Values) -> dict[str, np.ndarray]:
        given = {name: np.asarray(values[name], dtype=np.float64) for name in free}
        return {name: v if name in cuts else v.reshape(1, -1) for name, v in given.items()}

    if not others:
        return lambda eta, values, order: own(eta, shaped(values), order), free
    by_parameter = None if family.parameter_terms is None else family.parameter_terms(response, link)
    inverses = {name: find_link(own_link, "link", FormulaError).on_arrays for name, own_link in others.items()}
    if by_parameter is None or None in inverses.values():
        return None

    def stacked(eta: np.ndarray, values: Values, order: int) -> tuple[np.ndarray, ...]:
        first, *rest = np.split(eta, len(others) + 1)
        curves = {name: inverses[name](one) for name, one in zip(others, rest, strict=True)}  # type: ignore[misc]
        given = {**shaped(values), **{name: curve[0] for name, curve in curves.items()}}
        value, *found = own(first, given, order)
        if order == 0:
            return (value,)
        slopes, bends = [found[0]], found[1:]
        for name, (_, slope, bend) in curves.items():
            by, again = by_parameter(first, given, name)
            slopes.append(by * slope)
            bends.append(again * slope**2 + by * bend)
        return (value, np.concatenate(slopes)) if order == 1 else (value, np.concatenate(slopes), np.concatenate(bends))

    return stacked, free


def _derived(spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response, began: float) -> RowLikelihood:
    """Return the likelihood of rows by PyTensor, from the family's distribution."""
    import pytensor

    family = FAMILIES[spec.family]
    links = {p.parameter: find_link(p.link, "link", FormulaError) for p in spec.predictors}
    etas = {p.parameter: pt.tensor(f"eta_{p.parameter}", shape=(None, None), dtype="float64") for p in spec.predictors}
    params: dict[str, Any] = {}
    free: dict[str, Any] = {}
    for parameter in family.parameters:
        name = parameter.name
        if name in etas:
            params[name] = etas[name] if parameter.link_in_family else links[name].inverse(etas[name])
        elif name in spec.known:
            value = spec.known[name].value
            params[name] = _column(arrays[name]) if isinstance(value, str) else pt.constant(float(value))
        elif parameter.fixed is None:
            shape = (1, None, None) if parameter.is_vector else (1, None)
            params[name] = free[name] = pt.tensor(name, shape=shape, dtype="float64")
    fields = {f: _column(getattr(response, f)) for f in LIKELIHOOD_FIELDS if getattr(response, f) is not None}
    levels = None if spec.response.levels is None else len(spec.response.levels)
    aux = Aux(links[family.main.name], fields.get("trials"), levels)
    value = pointwise(family, params, aux, Parts(**fields))
    first = [pt.grad(value.sum(), eta, disconnected_inputs="ignore") for eta in etas.values()]
    second = [
        pt.grad(slope.sum(), eta, disconnected_inputs="ignore") for slope, eta in zip(first, etas.values(), strict=True)
    ]
    inputs = [*etas.values(), *free.values()]
    mode = _mode()
    own = pytensor.function(inputs, value, mode=mode, on_unused_input="ignore")
    every = pytensor.function(inputs, [value, *first, *second], mode=mode, on_unused_input="ignore")
    for function in (own, every):
        function.trust_input = True
    number, cuts = len(etas), {p.name for p in family.parameters if p.is_vector}

    def given(eta: np.ndarray, values: Values) -> list[np.ndarray]:
        rest = [np.asarray(values[name], dtype=np.float64) for name in free]
        shaped = [v[None] if name in cuts else v.reshape(1, -1) for name, v in zip(free, rest, strict=True)]
        return [*np.split(eta, number), *shaped]

    def log_density(eta: np.ndarray, values: Values) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.broadcast_to(own(*given(eta, values)), (len(eta) // number, eta.shape[1]))

    def derivatives(eta: np.ndarray, values: Values) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        with np.errstate(all="ignore"):
            found = every(*given(eta, values))
        shape = (len(eta) // number, eta.shape[1])
        one, *slopes = (np.broadcast_to(v, shape) for v in found)
        if number == 1:
            return one, slopes[0], slopes[1]
        return one, np.concatenate(slopes[:number]), np.concatenate(slopes[number:])

    return RowLikelihood(tuple(free), log_density, derivatives, time.perf_counter() - began)


def _in_numpy(terms: Terms, names: tuple[str, ...], weights: np.ndarray | None, began: float) -> RowLikelihood:
    """Return the likelihood of rows whose family has written it down."""
    times = None if weights is None else np.asarray(weights, dtype=np.float64)[:, None]

    def of(order: int) -> Callable[[np.ndarray, Values], tuple[np.ndarray, ...]]:
        def found(eta: np.ndarray, values: Values) -> tuple[np.ndarray, ...]:
            with np.errstate(all="ignore"):
                every = terms(eta, values, order)
                return every if times is None else tuple(_times(times, one) for one in every)

        return found

    value, slopes, derivatives = of(0), of(1), of(2)
    return RowLikelihood(
        names,
        lambda eta, values: value(eta, values)[0],
        derivatives,  # type: ignore[arg-type]
        time.perf_counter() - began,
        slopes=slopes,  # type: ignore[arg-type]
    )


def _times(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return values by row, or by row of each predictor, times the rows' weights ``(obs, 1)``."""
    if len(values) == len(weights):
        return weights * values
    return np.tile(weights, (len(values) // len(weights), 1)) * values


def _compiled(kind: str, response: Response, began: float) -> RowLikelihood:
    """Return the likelihood of counts under their canonical link by loops over rows."""
    y = np.asarray(response.value, dtype=np.float64)
    trials = np.ones_like(y) if response.trials is None else np.asarray(response.trials, dtype=np.float64)
    base = np.zeros_like(y) if kind == "bernoulli" else base_of(kind, y, [trials])
    link = "log" if kind == "poisson" else "logit"

    def derivatives(eta: np.ndarray, values: Values) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        del values
        value, slope, second = derivatives_of(link, eta, y, trials, base)
        return value, slope, second

    def log_density(eta: np.ndarray, values: Values) -> np.ndarray:
        return derivatives(eta, values)[0]

    derivatives(np.zeros((len(y), 1)), {})
    return RowLikelihood((), log_density, derivatives, time.perf_counter() - began, side_by_side=True)


def _column(array: np.ndarray) -> Any:
    """Return an array by row as a constant column ``(obs, 1)``, which broadcasts over a batch."""
    return pt.constant(np.asarray(array).reshape(-1, 1))


def softplus(x: Any) -> Any:
    """Return ``log(1 + exp(x))`` of arrays."""
    # NumPy's log1p works number by number, its log does not; the last term is what 1 + t rounds off.
    t = np.exp(-np.abs(x))
    u = 1.0 + t
    return np.maximum(x, 0.0) + np.log(u) - ((u - 1.0) - t) / u


def log1mexp(x: Any) -> Any:
    """Return ``log(1 - exp(x))`` of arrays ``x <= 0``."""
    near = x > -0.6931471805599453
    return np.where(near, np.log(-np.expm1(np.where(near, x, -1.0))), np.log1p(-np.exp(np.where(near, -1.0, x))))


def trigamma(x: Any) -> Any:
    """Return the derivative of the digamma function of arrays."""
    from scipy.special import polygamma

    return polygamma(1, x)


def clip(x: Any, low: Any, high: Any) -> Any:
    """Return arrays kept between bounds."""
    return np.where(x < low, low, np.where(x > high, high, x))


ON_ARRAYS = {"softplus": 1, "log1mexp": 1, "trigamma": 1, "clip": 3}
"""Functions that PyTensor's Python linker would call number by number, and how many inputs each has."""


@cache
def _mode() -> Any:
    """Return the mode of functions on arrays, with array versions of what has none in PyTensor."""
    from pytensor.graph.rewriting.basic import in2out, node_rewriter
    from pytensor.scalar import basic
    from pytensor.tensor.elemwise import Elemwise

    math: Any = import_module("pytensor.scalar.math")
    scalar_ops = {math.Softplus: "softplus", math.Log1mexp: "log1mexp", math.TriGamma: "trigamma", basic.Clip: "clip"}

    @node_rewriter([Elemwise])
    def on_arrays(fgraph: Any, node: Any) -> Any:
        name = scalar_ops.get(type(node.op.scalar_op))
        if name is None or node.op.nfunc_spec is not None:
            return None
        return [Elemwise(node.op.scalar_op, nfunc_spec=(f"{__name__}.{name}", ON_ARRAYS[name], 1))(*node.inputs)]

    # One of PyTensor's rewrites of products fails, with a page of text, on those of truth values that `ge` in a density leaves.
    mode = array_mode().including("local_remove_check_parameter").excluding("local_greedy_distributor")
    return mode.register((in2out(on_arrays, name="on_arrays"), 200.0))
