"""A graph as JAX functions of the parameters and of some of the rows."""

from collections.abc import Callable, Sequence
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget, CovarianceFactor
from bayesdeep.core.errors import FitError
from bayesdeep.core.quantities import PARAMETER, ROW_STATISTIC

from .build import Graph
from .builder import Root
from .jax_target import jax_function, require_jax
from .parameter_vector import Layout, layout_of


def batch_target(graph: Graph, words: frozenset[str]) -> BatchTarget:
    """Return the prior and the rows' log likelihood of a graph, separately.

    Parameters
    ----------
    graph
        With the response; ``masked`` if units are to be dropped.
    words
        What the engines should know of the model.

    Raises
    ------
    FitError
        Where JAX is not installed, a free variable is discrete, or JAX cannot compute the model.
    """
    require_jax()
    if graph.model.potentials:
        raise FitError("fit: a column measured with error, me(), is about all rows together; fit this model with method='nuts'")
    began = perf_counter()
    layout = layout_of(graph.model, graph.units)
    values = list(graph.model.value_vars)
    shapes = [layout.shapes[v.name] for v in values]
    containers = list(graph.data.values())
    arrays = tuple(np.asarray(c.get_value(borrow=True)) for c in containers)
    prior_density = sum((term.sum() for term in graph.model.logp(graph.model.free_RVs, sum=False)), start=0.0)
    all_rows = [q.tensor for q in graph.reported.values() if q.role == ROW_STATISTIC]
    given = [tensor.type() for tensor in all_rows]
    masks = [tensor for tensor, _ in graph.masks.values()]
    sizes = [size for _, size in graph.masks.values()]
    own_prior = _prior(prior_density, values, shapes, layout)

    outputs = _outputs(graph, masks, all_rows, given)

    @cache
    def made(kind: str, count: int, with_masks: bool, with_all_rows: bool) -> Callable[..., Any]:
        inputs = [*values, *containers, *(masks if with_masks else ()), *(given if with_all_rows else ())]
        own = [*shapes, *((count, *a.shape[1:]) for a in arrays), *((count, s) for s in sizes if with_masks)]
        own += [_length(graph, tensor) for tensor in all_rows if with_all_rows]
        return jax_function(outputs[kind, with_masks, with_all_rows], inputs, own)

    def rows_function(count: int) -> Callable[..., Any]:
        def rows(x: Any, batch: Sequence[Any], masks: Sequence[Any] = (), all_rows: Sequence[Any] = ()) -> Any:
            return made("pointwise", count, bool(masks), bool(all_rows))(*layout.split(x), *batch, *masks, *all_rows)

        return rows

    def linear_function(count: int) -> Callable[..., Any]:
        def predictor(x: Any, batch: Sequence[Any], all_rows: Sequence[Any] = ()) -> Any:
            return made("linear", count, False, bool(all_rows))(*layout.split(x), *batch, *all_rows)

        return predictor

    def all_rows_function(count: int) -> Callable[..., Any]:
        def statistics(x: Any, batch: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(made(f"all_rows{k}", count, False, False)(*layout.split(x), *batch) for k in range(len(all_rows)))

        return statistics

    def units_function(count: int) -> Callable[..., tuple[Any, ...]]:
        def units(x: Any, batch: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(made(f"units{k}", count, False, False)(*layout.split(x), *batch) for k in range(len(masks)))

        return units

    return BatchTarget(
        names=layout.names,
        roles=_roles(graph, layout),
        words=frozenset(words),
        blocks=_blocks(layout, graph),
        start=layout.start,
        jitter=layout.jitter,
        arrays=arrays,
        masks={name: size for name, (_, size) in graph.masks.items()},
        prior=own_prior,
        rows_function=rows_function,
        linear_function=linear_function,
        all_rows_function=all_rows_function,
        unravel=layout.unravel,
        layers=dict(graph.outgoing),
        units_function=units_function,
        weights=lambda x: _weights(graph, layout, x),
        covariance_factors=tuple(_covariance_factor(graph, layout, values, shapes, own) for own in graph.covariance_factors),
        seconds_compile=perf_counter() - began,
    )


def _prior(density: Any, values: Sequence[Any], shapes: Sequence[tuple[int, ...]], layout: Layout) -> Callable[[Any], Any]:
    if not values:
        raise FitError("fit: every parameter of the model is known, so there is nothing to estimate")
    function = jax_function(density, values, shapes)
    return lambda x: function(*layout.split(x))


def _outputs(
    graph: Graph, masks: Sequence[Any], all_rows: Sequence[Any], given: Sequence[Any]
) -> dict[tuple[str, bool, bool], Any]:
    """Return tensors by what they are, whether masks are inputs, and whether what all rows decide is."""
    from pytensor.graph import clone_replace
    from pytensor.tensor import ones

    units = _units([graph.response.pointwise], masks)
    every = graph.model.replace_rvs_by_values([graph.response.pointwise, graph.response.linear, *all_rows, *units])
    numbered = [*(f"all_rows{k}" for k in range(len(all_rows))), *(f"units{k}" for k in range(len(units)))]
    wanted = dict(zip(["pointwise", "linear", *numbered], every, strict=True))
    found = {}
    for with_masks in (True, False):
        for with_all_rows in (True, False):
            names = [name for name in wanted if not (with_all_rows and name.startswith("all_rows"))]
            cut = dict(zip(every[2 : 2 + len(all_rows)], given, strict=True)) if with_all_rows else {}
            cut |= {} if with_masks else {mask: ones((1, 1)) for mask in masks}
            outputs = clone_replace([wanted[name] for name in names], cut, rebuild_strict=False)
            found.update({(name, with_masks, with_all_rows): v for name, v in zip(names, outputs, strict=True)})
    return found


def _units(outputs: Sequence[Any], masks: Sequence[Any]) -> list[Any]:
    """Return what masks are multiplied by: the units of their layers."""
    from pytensor.graph.traversal import ancestors

    found = {}
    for variable in ancestors(outputs):
        inputs = variable.owner.inputs if variable.owner else ()
        for k in (k for k, mask in enumerate(masks) if mask in inputs):
            found[k] = next(v for v in inputs if v is not masks[k])
    return [found[k] for k in range(len(masks))]


def _covariance_factor(
    graph: Graph, layout: Layout, values: Sequence[Any], shapes: Sequence[tuple[int, ...]], own: Root
) -> CovarianceFactor:
    """Return what a term's standardised effects are multiplied by, independent coefficients of one variable written out."""
    blocks, parts = _blocks(layout, graph), []
    for name, at in own.standard:
        places = blocks[name] if at is None else blocks[name][at]
        places = places if own.width is not None else places[..., None]
        parts.append(np.moveaxis(places, -2, -1).reshape(-1, *places.shape[:-3:-1]))
    # (independent, width, coefficient, group)
    together = np.stack(parts, axis=2)
    copies, width, count, groups = together.shape
    alike = count == 1 and width == 1

    from pytensor.graph.traversal import ancestors

    (tensor,) = graph.model.replace_rvs_by_values([own.tensor()])
    inside = [value in set(ancestors([tensor])) for value in values]
    sizes = [int(np.prod(shape, dtype=int)) for shape in shapes]

    @cache
    def made() -> Callable[..., Any]:
        return jax_function(tensor, values, shapes)

    def root(x: Any) -> Any:
        import jax.numpy as jnp

        small = made()(*layout.split(x))
        if alike:
            return small[:, :, 0]
        by_width = jnp.einsum("ijw,wv->wivj", small, np.eye(width)).reshape(width * count, width * count)
        return jnp.kron(np.eye(copies), by_width)

    made_of = np.flatnonzero(np.repeat(inside, sizes))
    return CovarianceFactor(together.reshape(-1, groups), root, made_of, alike, own.prior == "Normal")


def _weights(graph: Graph, layout: Layout, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return reported weights by the name of the block they are made of."""
    import pytensor

    from .evaluate import array_mode

    made = {block: graph.reported[name].tensor for name, block in graph.made_of.items()}
    inputs = list(graph.model.value_vars)
    outputs = graph.model.replace_rvs_by_values(list(made.values()))
    run = pytensor.function(inputs, outputs, mode=array_mode(), on_unused_input="ignore")
    parts = layout.split(np.asarray(x, dtype=np.float64))
    values = run(*(part.astype(v.dtype) for part, v in zip(parts, inputs, strict=True)))
    return dict(zip(made, map(np.asarray, values), strict=True))


def _length(graph: Graph, tensor: Any) -> tuple[int, ...]:
    own = next(quantity for quantity in graph.reported.values() if quantity.tensor is tensor)
    return tuple(len(graph.coords[d]) for d in own.dims)


def _variables(graph: Graph) -> list[Any]:
    """Return the random variables in the order of the vector."""
    return [graph.model.values_to_rvs[value] for value in graph.model.value_vars]


def _roles(graph: Graph, layout: Layout) -> np.ndarray:
    found: list[str] = []
    for variable, shape in zip(_variables(graph), layout.shapes.values(), strict=True):
        found += [graph.roles.get(variable.name, PARAMETER)] * int(np.prod(shape, dtype=int))
    return np.array(found, dtype=object)


def _blocks(layout: Layout, graph: Graph) -> dict[str, np.ndarray]:
    found, begin = {}, 0
    for variable, shape in zip(_variables(graph), layout.shapes.values(), strict=True):
        size = int(np.prod(shape, dtype=int))
        found[variable.name] = np.arange(begin, begin + size).reshape(shape)
        begin += size
    return found
