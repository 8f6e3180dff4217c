"""Graphs to functions on many draws at once.

Whatever is asked of a fit (named draws, predictions, log likelihoods, prior draws, effects of new groups) is the
model's own graph, cut at the quantities the posterior reports and stretched over a leading axis of draws. The functions
run PyTensor's Python linker: they are called a few times on large arrays, so that NumPy's speed is reached at once and no
time goes into compiling.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt

from .build import Graph

Arrays = Mapping[str, np.ndarray]


@cache
def array_mode() -> Any:
    """Return the mode of functions on large arrays: stability rewrites, no fusion, no compiled code."""
    from pytensor.compile.mode import Mode

    mode = Mode(linker="py", optimizer="fast_run").excluding(
        "fusion", "inplace", "BlasOpt", "numba", "cxx_only"
    )
    return mode.register((_split_wide(), 48.5))


MOST_OPERANDS = 16
"""Operands of one sum or product; NumPy's functions take 32 arguments at most, the result among them."""


def _split_wide() -> Any:
    """Return the rewrite that makes sums of sums of what other rewrites have gathered into one very wide sum.

    Second derivatives of a likelihood with several distribution functions in it have such sums.
    """
    from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
    from pytensor.scalar.basic import Add, Mul
    from pytensor.tensor.elemwise import Elemwise

    @node_rewriter([Elemwise])
    def split_wide(fgraph: Any, node: Any) -> Any:
        del fgraph
        if not isinstance(node.op.scalar_op, Add | Mul) or len(node.inputs) <= MOST_OPERANDS:
            return None
        half = len(node.inputs) // 2
        return [node.op(node.op(*node.inputs[:half]), node.op(*node.inputs[half:]))]

    return dfs_rewriter(split_wide)


class BatchedFunction:
    """A function of draws and row arrays.

    Call it with ``draws``, arrays ``(draw, …)`` by the names of the tensors ``given``, and optionally other row arrays than
    the graph's own by container name; it returns arrays ``(draw, …)`` in the order of the outputs asked for.
    """

    def __init__(
        self, graph: Graph, outputs: Sequence[Any], given: Mapping[str, Any], seed: int | None = None
    ) -> None:
        from pymc.pytensorf import compile as pm_compile
        from pytensor.graph.replace import vectorize_graph

        self._given = tuple(given)
        cut = {tensor: _batched(name, tensor) for name, tensor in given.items()}
        stretched = vectorize_graph(list(outputs), replace=cut)
        self._data = dict(graph.data)
        rows = {
            shared: shared.type.filter_variable(shared).type(name=name) for name, shared in self._data.items()
        }
        self._run = pm_compile(
            [*cut.values(), *rows.values()],
            list(stretched),
            givens=rows,
            mode=array_mode(),
            on_unused_input="ignore",
            random_seed=seed,
        )

    def __call__(self, draws: Arrays, rows: Arrays | None = None) -> list[np.ndarray]:
        rows = rows or {}
        # PyMC keeps whole numbers in 32 bits.
        data = [
            np.asarray(rows[name], dtype=shared.dtype) if name in rows else shared.get_value(borrow=True)
            for name, shared in self._data.items()
        ]
        return self._run(*(np.ascontiguousarray(draws[name]) for name in self._given), *data)


def _batched(name: str, variable: Any) -> Any:
    return pt.TensorType(variable.dtype, shape=(None,) * (variable.ndim + 1))(name)


def needed(graph: Graph, outputs: Sequence[Any]) -> tuple[str, ...]:
    """Return the posterior names the outputs depend on directly, so that nothing upstream of them is used."""
    from pytensor.graph.traversal import walk

    by_variable = {quantity.tensor: name for name, quantity in graph.reported.items()}
    found: set[str] = set()

    def parents(variable: Any) -> Any:
        if variable in by_variable:
            found.add(by_variable[variable])
            return None
        return variable.owner.inputs if variable.owner else None

    list(walk(list(outputs), parents))
    return tuple(name for name in graph.reported if name in found)


def row_function(graph: Graph, what: Sequence[str], seed: int | None = None) -> BatchedFunction:
    """Return a function of draws giving the graph's tensors ``what``: ``linear mean predictive pointwise``."""
    return function_of(graph, [getattr(graph, name) for name in what], seed)


def function_of(graph: Graph, outputs: Sequence[Any], seed: int | None = None) -> BatchedFunction:
    """Return a function of draws giving some of the graph's tensors."""
    return BatchedFunction(graph, outputs, {name: graph.reported[name].tensor for name in needed(graph, outputs)}, seed)


def noise_function(graph: Graph, seed: int) -> BatchedFunction:
    """Return a function from the response's parameters, arrays ``(draw, …)`` by name, to new responses ``(draw, obs)``."""
    from pytensor.graph.basic import Constant

    free = {name: tensor for name, tensor in graph.params.items() if not isinstance(tensor, Constant)}
    return BatchedFunction(graph, [graph.predictive], free, seed)


def expand_function(graph: Graph) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """Return the function from unconstrained values, ``(draw, …)`` by value variable's name, to posterior arrays."""
    import pytensor
    from pytensor.graph.replace import vectorize_graph

    model = graph.model
    names = list(graph.reported)
    outputs = model.replace_rvs_by_values([graph.reported[name].tensor for name in names])
    cut = {v: _batched(v.name, v) for v in model.value_vars}
    stretched = vectorize_graph(outputs, replace=cut)
    run = pytensor.function(list(cut.values()), stretched, mode=array_mode(), on_unused_input="ignore")

    def expand(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        count = len(next(iter(values.values()))) if values else 1
        found = run(*(values[v.name] for v in model.value_vars))
        # Something that does not vary (a known scale reported as such) comes back without the axis of draws.
        return {
            name: value
            if value.ndim == graph.reported[name].tensor.ndim + 1
            else np.broadcast_to(value, (count, *value.shape))
            for name, value in zip(names, found, strict=True)
        }

    return expand


def forward_draws(
    graph: Graph, names: Sequence[str], draws: int, given: Arrays, seed: int, *, at_location: bool = False
) -> dict[str, np.ndarray]:
    """Return fresh draws ``(draw, …)`` of posterior names, each given one draw of the names in ``given``.

    With nothing given these are draws from the prior. With hyperparameters given, effects of groups that the graph has
    levels for are drawn from their distribution; ``at_location`` puts their standardised effects at 0 instead.
    """
    from pymc.distributions.shape_utils import change_dist_size
    from pymc.distributions.transforms import Ordered
    from pymc.pytensorf import compile as pm_compile
    from pytensor.graph.replace import vectorize_graph
    from pytensor.graph.traversal import ancestors

    cut = {graph.reported[name].tensor: _batched(name, graph.reported[name].tensor) for name in given}
    outputs = [graph.reported[name].tensor for name in names]
    upstream = set(ancestors(outputs, blockers=list(cut.keys())))
    # In the order in which they were made, so that every variable comes after those it depends on.
    free = [rv for rv in graph.model.free_RVs if rv in upstream and rv not in cut]
    fresh: dict[Any, Any] = {}
    for rv in free:
        if at_location:
            fresh[rv] = pt.zeros((draws, *rv.shape))
            continue
        alone = set(ancestors(list(rv.owner.inputs))).isdisjoint({*graph.model.free_RVs, *cut})
        fresh[rv] = (
            change_dist_size(rv, (draws,), expand=True)
            if alone
            else vectorize_graph(rv, replace={**cut, **fresh})
        )
        if isinstance(graph.model.rvs_to_transforms[rv], Ordered):
            # Given that they are increasing, independent draws of one distribution are their order statistics.
            fresh[rv] = pt.sort(fresh[rv], axis=-1)
    stretched = vectorize_graph(outputs, replace={**cut, **fresh})
    run = pm_compile(
        list(cut.values()), stretched, mode=array_mode(), on_unused_input="ignore", random_seed=seed
    )
    found = run(*(np.ascontiguousarray(given[name]) for name in given))
    return {
        name: value
        if value.ndim == graph.reported[name].tensor.ndim + 1
        else np.broadcast_to(value, (draws, *value.shape))
        for name, value in zip(names, found, strict=True)
    }
