"""Graphs to functions on many draws at once.

Whatever is asked of a fit (named draws, predictions, log likelihoods, prior draws, effects of new groups) is the
model's own graph, cut at the quantities the posterior reports and stretched over a leading axis of draws. The functions
run PyTensor's Python linker: they are called a few times on large arrays, so that NumPy's speed is reached at once and no
time goes into compiling.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from threading import Lock
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


def kept(graph: Graph, key: Any, make: Callable[[], Any]) -> Any:
    """Return what is kept with a graph under a key, made the first time."""
    if key not in graph.functions:
        graph.functions[key] = make()
    return graph.functions[key]


class _Seeded:
    """A compiled function, whose random numbers are those of whoever calls it."""

    _lock = Lock()

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any], givens: Mapping[Any, Any]) -> None:
        from pymc.pytensorf import collect_default_updates
        from pymc.pytensorf import compile as pm_compile

        self._random = list(collect_default_updates(inputs=inputs, outputs=outputs))
        self._run = pm_compile(
            inputs, outputs, givens=givens, mode=array_mode(), on_unused_input="ignore", random_seed=False
        )

    def generators(self, seed: int | None) -> list[np.random.Generator]:
        """Return the random numbers of one caller: as many streams as the graph has, as PyMC seeds them."""
        seeds = np.random.SeedSequence(seed).spawn(len(self._random))
        return [np.random.Generator(np.random.PCG64(own)) for own in seeds]

    def __call__(self, generators: list[np.random.Generator], arguments: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the outputs; ``generators`` are left where the next call goes on."""
        with self._lock:
            for shared, generator in zip(self._random, generators, strict=True):
                shared.set_value(generator, borrow=True)
            found = self._run(*arguments)
            generators[:] = [shared.get_value(borrow=True) for shared in self._random]
        return found


class BatchedFunction:
    """A function of draws and row arrays.

    Call it with ``draws``, arrays ``(draw, …)`` by the names of the tensors ``given``, and optionally other row arrays than
    the graph's own by container name; it returns arrays ``(draw, …)`` in the order of the outputs asked for. It is compiled
    once a graph; random numbers are its own, from ``seed``.
    """

    def __init__(
        self, graph: Graph, outputs: Sequence[Any], given: Mapping[str, Any], seed: int | None = None
    ) -> None:
        self._given, self._data = tuple(given), dict(graph.data)
        key = ("rows", tuple(outputs), tuple(given.items()))
        self._run: _Seeded = kept(graph, key, partial(_of_rows, graph, outputs, given))
        self._generators = self._run.generators(seed)

    def __call__(self, draws: Arrays, rows: Arrays | None = None) -> list[np.ndarray]:
        rows = rows or {}
        # PyMC keeps whole numbers in 32 bits.
        data = [
            np.asarray(rows[name], dtype=shared.dtype) if name in rows else shared.get_value(borrow=True)
            for name, shared in self._data.items()
        ]
        return self._run(self._generators, [*(np.ascontiguousarray(draws[name]) for name in self._given), *data])


def _of_rows(graph: Graph, outputs: Sequence[Any], given: Mapping[str, Any]) -> _Seeded:
    from pytensor.graph.replace import vectorize_graph

    cut = {tensor: _batched(name, tensor) for name, tensor in given.items()}
    rows = {shared: shared.type.filter_variable(shared).type(name=name) for name, shared in graph.data.items()}
    return _Seeded([*cut.values(), *rows.values()], vectorize_graph(list(outputs), replace=cut), rows)


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
    return function_of(graph, [getattr(graph.response, name) for name in what], seed)


def function_of(graph: Graph, outputs: Sequence[Any], seed: int | None = None) -> BatchedFunction:
    """Return a function of draws giving some of the graph's tensors."""
    return BatchedFunction(graph, outputs, {name: graph.reported[name].tensor for name in needed(graph, outputs)}, seed)


def noise_function(graph: Graph, seed: int) -> BatchedFunction:
    """Return a function from the response's parameters, arrays ``(draw, …)`` by name, to new responses ``(draw, obs)``."""
    from pytensor.graph.basic import Constant

    free = {name: tensor for name, tensor in graph.response.params.items() if not isinstance(tensor, Constant)}
    return BatchedFunction(graph, [graph.response.predictive], free, seed)


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
    key = ("forward", tuple(names), draws, tuple(given), at_location)
    run: _Seeded = kept(graph, key, partial(_forward, graph, names, draws, tuple(given), at_location))
    found = run(run.generators(seed), [np.ascontiguousarray(array) for array in given.values()])
    return {
        name: value
        if value.ndim == graph.reported[name].tensor.ndim + 1
        else np.broadcast_to(value, (draws, *value.shape))
        for name, value in zip(names, found, strict=True)
    }


def _forward(graph: Graph, names: Sequence[str], draws: int, given: Sequence[str], at_location: bool) -> _Seeded:
    from pymc.distributions.shape_utils import change_dist_size
    from pymc.distributions.transforms import Ordered
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
    return _Seeded(list(cut.values()), stretched, {})
