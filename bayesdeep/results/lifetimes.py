r"""Survival, hazards and restricted means of responses that are lifetimes, draw by draw, from the family's own functions.

:math:`S(t) = P(T > t)` is the family's ``log_survival``, the density its ``rv``'s, the hazard :math:`f(t) / S(t)`, and the
restricted mean :math:`\int_0^\tau S(t)\,dt`, all given a draw of the parameters and not given entry: a row that enters late is
asked about from time 0.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from bayesdeep.collapse.row_system import why_not_predictors
from bayesdeep.core.errors import FitError, FormulaError, nearest
from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import find_link
from bayesdeep.core.records import Aux
from bayesdeep.core.registry import FAMILIES, RESPONSES
from bayesdeep.formula.nodes import Call, Expression, Name
from bayesdeep.graph.evaluate import array_mode, function_of
from bayesdeep.graph.likelihood import log_probability
from bayesdeep.spec.model_spec import ModelSpec

from .graph_cache import evaluation_graph
from .new_groups import with_new_groups
from .prediction_blocks import block_rows
from .rows import Rows, containers
from .written_rows import params_of

KINDS = {
    "survival": "probability of a longer lifetime than that",
    "hazard": "hazard: events per unit of time among those at risk",
    "rmst": "mean lifetime as far as that time (restricted mean survival time)",
}
"""What can be asked of a lifetime, in words."""
PANELS, NODES = 12, 6

Arrays = Mapping[str, np.ndarray]
Of = Callable[[Arrays, float], tuple[np.ndarray, np.ndarray]]


def time_column(spec: ModelSpec) -> str:
    """Return the column that the lifetime is in; "" where the response is an expression."""
    node: Expression | None = next(iter(spec.nodes.values())).response
    while isinstance(node, Call) and node.function in RESPONSES:
        node = node.arguments[0]
    return node.name if isinstance(node, Name) else ""


def check_lifetime(spec: ModelSpec, where: str, kind: str) -> None:
    """Raise FitError where a response has no survival function, or one of something else than a column."""
    family = FAMILIES[spec.family]
    if family.log_survival is None or "discrete" in family.words:
        able = [name for name in FAMILIES if FAMILIES[name].log_survival is not None and "discrete" not in FAMILIES[name].words]
        raise FitError(
            f"{where}: kind='{kind}' is of lifetimes, and family '{spec.family}' says no probability of a longer one; it is "
            f"known of {', '.join(able)}"
        )
    if not time_column(spec):
        raise FitError(
            f"{where}: kind='{kind}' is of a column of times, and the response is an expression; model the column itself "
            "(log(time) with normal noise is family='lognormal')"
        )


def checked_times(times: Any, where: str) -> np.ndarray:
    """Return times ``(time,)``, increasing, or raise."""
    try:
        found = np.unique(np.atleast_1d(np.asarray(times, dtype=np.float64)).ravel())
    except (TypeError, ValueError):
        raise FitError(f"{where}: times={times!r} should be a number or a list of numbers") from None
    if not len(found) or not np.isfinite(found).all() or (found < 0).any():
        raise FitError(f"{where}: times={times!r} should be finite times from 0 on")
    return found


def check_kind(kind: str, where: str) -> str:
    """Return what is asked of a lifetime, or raise."""
    if kind not in KINDS:
        raise FitError(f"{where}: unknown kind '{kind}'{nearest(str(kind), KINDS)}")
    return kind


def params_blocks(
    spec: ModelSpec, posterior: Arrays, rows: Rows, new_groups: str, seed: int, numbers: int = 1
) -> Iterator[tuple[int, int, dict[str, np.ndarray]]]:
    """Yield first row, last row + 1 and the response's parameters, ``(draw, row)`` or ``(draw, 1)``, vectors ``(draw, k)``.

    ``numbers`` are how many numbers a draw and row are needed at a time.
    """
    draws = with_new_groups(spec, posterior, rows, new_groups, seed)
    count = len(next(iter(posterior.values()))) if posterior else 1
    step = block_rows(count * numbers)
    inside = FAMILIES[spec.family].main.link_in_family
    curved = spec.predictors[1:] if inside else spec.predictors
    written = why_not_predictors(spec) is None and all(find_link(p.link, "link", FormulaError).on_arrays for p in curved)
    graph = None if written else evaluation_graph(spec, rows)
    function = None if graph is None else function_of(graph, list(graph.response.params.values()))
    for start in range(0, rows.rows, step):
        stop = min(start + step, rows.rows)
        data = containers(rows, start, stop)
        if graph is None or function is None:
            yield start, stop, params_of(spec, draws, data)
            continue
        params = {}
        for (name, tensor), value in zip(graph.response.params.items(), function(draws, data), strict=True):
            own = np.broadcast_to(value, (count, *value.shape[value.ndim - tensor.ndim :]))
            params[name] = own[:, None] if own.ndim == 1 else own
        yield start, stop, params


def functions_of(spec: ModelSpec) -> Of:
    """Return a function of parameters and a time to log survival and log density ``(draw, row)``."""
    return _compiled(spec.family, spec.predictors[0].link)


@lru_cache(maxsize=16)
def _compiled(name: str, link: str) -> Of:
    import pytensor

    family = FAMILIES[name]
    given: dict[str, Any] = {}
    for parameter in family.parameters:
        shape = (None, 1, None) if parameter.is_vector else (None, None)
        given[parameter.name] = pt.tensor(parameter.name, shape=shape, dtype="float64")
    aux = Aux(find_link(link, "link", FormulaError))
    time = pt.tensor("time", shape=(1, 1), dtype="float64")
    found = [
        family.log_survival(given, aux, time),
        log_probability(pm.logp, family, given, aux, time),
    ]
    function = pytensor.function([*given.values(), time], found, mode=array_mode(), on_unused_input="ignore")
    vectors = {p.name for p in family.parameters if p.is_vector}

    def of(params: Arrays, at: float) -> tuple[np.ndarray, np.ndarray]:
        own = {k: np.asarray(params[k], dtype=np.float64) for k in given}
        # PyTensor does not repeat a lone column that it was not told of, such as a parameter that all rows have in common.
        whole = np.broadcast_shapes(*(value.shape for k, value in own.items() if k not in vectors))
        shaped = [value[:, None, :] if k in vectors else np.broadcast_to(value, whole) for k, value in own.items()]
        with np.errstate(all="ignore"):
            log_survival, log_density = function(*shaped, np.array([[at]]))
        return log_survival, log_density

    return of


def curves(spec: ModelSpec, params: Arrays, times: np.ndarray, kind: str) -> Iterator[np.ndarray]:
    """Yield an array ``(draw, row)`` a time, of increasing ``times``."""
    of = functions_of(spec)
    if kind != "rmst":
        for time in times:
            log_survival, log_density = of(params, float(time))
            yield np.exp(log_survival if kind == "survival" else log_density - log_survival)
        return
    total: Any = 0.0
    for piece in pieces(times):
        for node, weight in zip(*piece, strict=True):
            total = total + weight * np.exp(of(params, float(node))[0])
        yield total


def pieces(times: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield nodes and weights of Gauss-Legendre from each of the increasing times to the next, the first from 0.

    Panels of the first stretch are shorter towards 0, where a hazard may be without bound.
    """
    places, weights = np.polynomial.legendre.leggauss(NODES)
    panels, before = max(1, -(-PANELS // len(times))), 0.0
    for time in times:
        steps = np.linspace(0.0, 1.0, panels + 1) ** (2 if before == 0.0 else 1)
        ends = before + (time - before) * steps
        half = 0.5 * np.diff(ends)
        nodes = ends[:-1, None] + half[:, None] * (places + 1.0)
        yield nodes.ravel(), (half[:, None] * weights).ravel()
        before = float(time)
