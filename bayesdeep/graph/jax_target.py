"""The log density of a PyMC model on one flat, unconstrained vector, as a JAX function: for GPUs, and for JAX's samplers.

It is the same density as :mod:`bayesdeep.graph.target`'s, in the same coordinates. The arrays of the rows are arguments of
the function, not constants in it: XLA would otherwise write a million rows into each program and fold operations on them
while it compiles.

What runs here does not depend on ``jax_enable_x64``, nor does it change it for the process: it is traced and called under a
setting of its own, see :attr:`JaxTarget.precision`.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesdeep.core.errors import FitError

from .parameter_vector import Layout, layout_of
from .precondition import Mixing
from .target import PyMCTarget

if TYPE_CHECKING:
    import pymc

PRECISIONS = ("float64", "float32")
LARGE = 64
"""Constants with more numbers than this are arguments too."""


@dataclass(frozen=True, eq=False)
class JaxTarget(PyMCTarget):
    """A log density compiled by XLA; satisfies :class:`bayesdeep.core.draws.Target` and has the word ``"jax"``.

    Attributes
    ----------
    density
        ``density(x, *data)``, a function that JAX can trace, of ``x`` ``(dim,)``.
    data
        Arrays of the rows, on JAX's default device.
    precision
        ``"float64"``, or ``"float32"``. Density and gradient are computed in it, whatever ``jax_enable_x64`` is.
    """

    density: Callable[..., Any] = field(kw_only=True, repr=False)
    data: tuple[Any, ...] = field(kw_only=True, repr=False)
    precision: str = field(kw_only=True)

    @property
    def native(self) -> None:
        """There is no C function."""

    def computing(self) -> AbstractContextManager[Any]:
        """Return the context in which programs of the density run; it is about this thread alone."""
        import jax

        return jax.enable_x64(self.precision == "float64")

    def tracing(self) -> AbstractContextManager[None]:
        """Return the context in which programs of the density are made."""
        return _tracing(self.precision)

    def jax_logp(self, x: Any) -> Any:
        """Return the log density at a JAX array ``(dim,)``; it can be traced, differentiated and batched."""
        return self.density(x, *self.data)

    def logp_dlogp(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density and its gradient ``(dim,)`` at ``x`` ``(dim,)``; safe in several threads."""
        with self.computing():
            value, gradient = self.code(np.asarray(x, dtype=self.precision), *self.data)
        return float(value), np.asarray(gradient, dtype=np.float64)


def jax_target(
    model: "pymc.Model",
    words: frozenset[str] = frozenset(),
    units: Mapping[str, float] | None = None,
    mixings: Sequence[Mixing] = (),
    density: Any = None,
    *,
    precision: str = "float64",
) -> JaxTarget:
    """Compile the log density of a PyMC model and its gradient by XLA, for JAX's default device.

    Parameters
    ----------
    model, words, units, mixings, density
        As for :func:`bayesdeep.graph.target.target_from_pymc`.
    precision
        ``"float32"`` is for measuring: the log density of many rows then has rounding errors that NUTS takes for changes
        of energy (steps of 0.03 at a log density of -500,000), so ``fit`` does not offer it.

    Returns
    -------
    JaxTarget
        The data of the model are those at the time of the call.

    Raises
    ------
    FitError
        Where JAX or BlackJAX is not installed, a free variable is discrete, or JAX cannot compute the model.
    """
    require_jax()
    if precision not in PRECISIONS:
        raise FitError(f"fit: precision must be 'float64' or 'float32', not '{precision}'")
    began = perf_counter()
    layout = layout_of(model, units, mixings)
    with _tracing(precision):
        function, data = _density(model, layout, precision, density)
        code = _compiled(function, layout.start.astype(precision), data)
    return JaxTarget(
        layout=layout,
        words=frozenset(words) | {"jax"},
        seconds_compile=perf_counter() - began,
        model=model,
        code=code,
        shared=(),
        density=function,
        data=data,
        precision=precision,
    )


def require_jax() -> None:
    """Raise a FitError where a package that comes with this one is missing."""
    missing = [name for name in ("jax", "blackjax", "optax") if find_spec(name) is None]
    if missing:
        raise FitError(f"fit: this needs JAX; not installed: {', '.join(missing)}. pip install {' '.join(missing)}")


def require_device(device: str) -> None:
    """Raise a FitError where JAX is missing or, for ``device="gpu"``, where it sees no GPU."""
    require_jax()
    import jax

    if device != "gpu" or jax.default_backend() not in ("cpu", "tpu"):
        return
    found = ", ".join(sorted({d.platform for d in jax.local_devices()}))
    raise FitError(
        f"fit: device='gpu': JAX sees no GPU, only {found}. On a machine with an NVIDIA GPU, "
        "pip install 'bayesdeep[gpu]'; device='jax' runs the same programs on what JAX has"
    )


@contextmanager
def _tracing(precision: str) -> Iterator[None]:
    """As ``jax.enable_x64``, and silent about float32 in the place of float64, which is what was asked for.

    Filters of warnings belong to all threads, so this is for the thread that builds programs, not for those that run them.
    """
    import jax

    with jax.enable_x64(precision == "float64"), warnings.catch_warnings():
        if precision == "float32":
            warnings.filterwarnings("ignore", "Explicitly requested dtype", UserWarning)
        yield


def _density(
    model: "pymc.Model", layout: Layout, precision: str, whole: Any = None
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return ``density(x, *data)`` and the data."""
    import jax

    values = list(model.value_vars)
    function, arrays = _jaxified(model.logp() if whole is None else whole, values, [layout.shapes[v.name] for v in values])
    turning = [array for at, matrix in layout.mixed for array in (at, matrix)]
    count = len(turning)

    def density(x: Any, *data: Any) -> Any:
        turned = x
        for k in range(0, count, 2):
            turned = turned.at[data[k]].set(data[k + 1] @ x[data[k]])
        return function(*layout.split(turned), *data[count:]).astype(precision)

    return density, tuple(jax.device_put(np.asarray(array)) for array in (*turning, *arrays))


def _jaxified(density: Any, values: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> tuple[Any, list[np.ndarray]]:
    """Return a JAX function of the value variables and of the arrays of rows, and those arrays.

    All shapes are known, so that PyTensor computes what depends on shapes alone.
    """
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.traversal import ancestors
    from pytensor.tensor.variable import TensorConstant

    numbers: dict[Any, np.ndarray] = {}
    for variable in ancestors([density]):
        if isinstance(variable, SharedVariable):
            numbers[variable] = np.asarray(variable.get_value(borrow=True))
        elif isinstance(variable, TensorConstant) and variable.data.size > LARGE:
            numbers[variable] = variable.data
    return jax_function(density, [*values, *numbers], [*shapes, *(a.shape for a in numbers.values())]), list(numbers.values())


def jax_function(output: Any, inputs: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> Callable[..., Any]:
    """Return a tensor as a JAX function of arrays of these shapes in the place of some variables, shared ones among them.

    Other shared variables, such as the lengths of dimensions, become constants.
    """
    import jax
    from pytensor.compile.mode import JAX
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph import FunctionGraph, clone_replace
    from pytensor.graph.traversal import ancestors
    from pytensor.tensor import TensorType, constant

    from bayesdeep.ops.jax_ops import funcify

    jax_funcify = funcify()
    holders = [TensorType(v.dtype, shape=tuple(shape))() for v, shape in zip(inputs, shapes, strict=True)]
    replace: dict[Any, Any] = {
        v: constant(v.get_value()) for v in ancestors([output]) if isinstance(v, SharedVariable) and v not in inputs
    }
    replace.update(zip(inputs, holders, strict=True))
    (replaced,) = clone_replace([output], replace, rebuild_strict=False)
    graph = FunctionGraph(holders, [replaced], clone=True)
    JAX.optimizer.rewrite(graph)
    try:
        # The function may be asked for inside a trace, and again in another precision: its constants must be plain numbers.
        with jax.enable_x64(True), jax.ensure_compile_time_eval():
            function = jax_funcify(graph)
    except NotImplementedError as error:
        raise FitError(f"fit: JAX cannot compute this model: {error}; leave device out") from error
    return lambda *arguments: function(*arguments)[0]


def _compiled(density: Callable[..., Any], start: np.ndarray, data: Sequence[Any]) -> Any:
    """Return the compiled function ``(x, *data) -> (logp, gradient)``."""
    import jax

    return jax.jit(jax.value_and_grad(density)).lower(start, *data).compile()
