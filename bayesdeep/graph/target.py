"""The log density of a PyMC model on one flat, unconstrained vector, compiled once by numba.

The engine files know nothing of PyMC. They see the protocol :class:`bayesdeep.core.draws.Target`, and a sampler
written in a compiled language may ask for ``target.native``, the same function behind a C signature.

Why the C function is built by hand: wrapping PyTensor's jitted function in a ``numba.cfunc`` makes LLVM link
and optimise the whole log density a second time, about six seconds on a small model, and numba cannot keep
that result on disk. The function here calls the machine code that is already in memory, by its address.

Seconds from the PyMC model to 4 x (1000 + 1000) iterations of NUTS, imports left out; radon with varying intercepts
and slopes (919 rows, 175 parameters); one run each, two cores, 2026-11-21, PyMC 6.4, PyTensor 3.3, numba 0.68,
nutpie 0.16.11:

============================================  ==========  ==========  ========
way                                           cold cache  warm cache  sampling
============================================  ==========  ==========  ========
``nutpie.compile_pymc_model``                 15.7        8.2         0.4
Python callback into the jitted function      13.5        8.0         6.5
``numba.cfunc`` around the jitted function    16.9        8.1         0.6
C function by address (this file)             6.6         2.2         0.5
the same, rewrites of ``fast_compile``        10.1        3.1         1.2
the same, elementwise fusion off              12.8        3.4         1.0
============================================  ==========  ==========  ========

Since then the code takes every number as an argument and is kept (:mod:`bayesdeep.numerics.code_cache`), so that a second model
of one structure, on other data or in another process, is not compiled at all: 0.2 seconds, nearly all of it for
writing down the log density, and 0.05 for the C function.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesdeep.core.errors import FitError
from bayesdeep.core.lazy import pt
from bayesdeep.numerics.code_cache import code_for
from bayesdeep.numerics.native import NativeLogp, call, native_logp
from bayesdeep.ops.matvec import LARGE, times, times_transposed
from bayesdeep.ops.structure import Unstable, lift, structure_key

from .parameter_vector import Layout, layout_of
from .precondition import Mixing

if TYPE_CHECKING:
    import pymc

JITTERS = (1.0,) * 10 + (0.5, 0.5, 0.25, 0.25, 0.1, 0.1, 0.01, 0.0)
"""Factors of the random displacement of a start, attempt by attempt: smaller where the density was not finite."""


@dataclass(frozen=True, eq=False)
class PyMCTarget:
    """A compiled log density; satisfies :class:`bayesdeep.core.draws.Target`.

    Attributes
    ----------
    layout
        How the vector holds ``model.value_vars``, and where sampling starts.
    dim, names, words, seconds_compile
        As the protocol says.
    """

    layout: Layout
    words: frozenset[str]
    seconds_compile: float
    model: "pymc.Model" = field(repr=False)
    code: Any = field(repr=False)
    shared: tuple[Any, ...] = field(repr=False)

    @property
    def dim(self) -> int:
        """Return the length of the vector."""
        return self.layout.start.size

    @property
    def names(self) -> tuple[str, ...]:
        """Return a label for each coordinate."""
        return self.layout.names

    @property
    def start(self) -> np.ndarray:
        """Return the model's initial point ``(dim,)``."""
        return self.layout.start

    @property
    def jitter(self) -> np.ndarray:
        """Return how far starting points lie from it at the most ``(dim,)``."""
        return self.layout.jitter

    @property
    def constrained(self) -> np.ndarray:
        """Return which coordinates belong to variables that have bounds ``(dim,)``."""
        return self.layout.constrained

    def logp_dlogp(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density and its gradient ``(dim,)`` at ``x`` ``(dim,)``; safe in several threads."""
        # The machine code keeps no state; PyTensor's `Function` around it stores its inputs and is not safe.
        value, gradient = call(self.code, np.ascontiguousarray(x, dtype=np.float64), *self.shared)
        return float(value), gradient

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Return the model's initial point ``(dim,)`` plus uniform jitter, where the log density is finite.

        The jitter is within ±``jitter``, and smaller after ten failures.

        Raises
        ------
        FitError
            Naming the variables without a finite log density at the initial point itself.
        """
        for scale in JITTERS:
            x = self.start + scale * self.jitter * rng.uniform(-1.0, 1.0, self.dim)
            value, gradient = self.logp_dlogp(x)
            if np.isfinite(value) and np.isfinite(gradient).all():
                return x
        raise FitError(self._why_not_finite())

    def _why_not_finite(self) -> str:
        point = self.unravel(self.start)
        terms = {k: float(v) for k, v in self.model.point_logps(point, round_vals=8).items()}
        wrong = [f"'{k}' (log density {v})" for k, v in terms.items() if not np.isfinite(v)]
        if wrong:
            return (
                f"fit: the model has no finite log density at its starting point; the cause is {', '.join(wrong)}. "
                "Check that the response lies in the range of its family and that the priors allow the data."
            )
        gradient = self.logp_dlogp(self.start)[1]
        flat = [n for n, g in zip(self.names, gradient, strict=True) if not np.isfinite(g)]
        return (
            f"fit: the gradient of the log density is not finite at the starting point for {', '.join(flat[:5])}. "
            "Standardise the predictors or use narrower priors."
        )

    def unravel(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Split ``(..., dim)`` into the value variables, each ``(..., *shape)``, on the unconstrained scale."""
        return self.layout.unravel(positions)

    @cached_property
    def native(self) -> NativeLogp | None:
        """The log density as a C function, built when first asked for; none where the model allows none."""
        return native_logp(self.code, self.dim, self.shared)


def target_from_pymc(
    model: "pymc.Model",
    words: frozenset[str] = frozenset(),
    units: Mapping[str, float] | None = None,
    mixings: Sequence[Mixing] = (),
    density: Any = None,
) -> PyMCTarget:
    """Compile the log density of a PyMC model and its gradient.

    Parameters
    ----------
    model
        A ``pymc.Model`` whose free variables are all continuous.
    words
        What the engines should know of it, such as ``"hierarchical"``.
    units
        Natural scales of variables by name, where it is not 1; starting points are jittered in these units.
    mixings
        Groups of variables that the vector holds in turned coordinates.
    density
        A scalar tensor of the model's value variables that takes the place of its log density with every Jacobian.

    Returns
    -------
    PyMCTarget
        The data of the model are those at the time of the call: later ``set_data`` does not reach it.

    Raises
    ------
    FitError
        Where a free variable is discrete.
    """
    began = perf_counter()
    layout = layout_of(model, units, mixings)
    code, shared = _compile(model, layout, density)
    return PyMCTarget(
        layout=layout,
        words=frozenset(words),
        seconds_compile=perf_counter() - began,
        model=model,
        code=code,
        shared=shared,
    )


def _compile(model: "pymc.Model", layout: Layout, density: Any = None) -> tuple[Any, tuple[Any, ...]]:
    """Return numba's result for ``f(x, *shared) -> (logp, gradient)`` and the further arguments.

    Every number that another data set may change is an argument, so that the code serves all models of one structure.
    """
    from pytensor import config

    values, shapes, mixed = list(model.value_vars), layout.shapes, layout.mixed
    # Lengths of 1 stay known, since they broadcast; all others may be any other length the next time.
    holders = [_holder(v.dtype, shapes[v.name]) for v in values]
    # PyTensor notes for every variable where in the program it was made, which takes a tenth of the time.
    with config.change_flags(traceback__limit=0):
        whole = model.logp() if density is None else density
        lifted = lift([whole.astype("float64")], dict(zip(values, holders, strict=True)))
    x = pt.TensorType("float64", shape=(None,))("unconstrained")
    lengths = [_holder("int64", ()) for shape in shapes.values() for _ in range(1 + len(shape))]
    places = [_holder("int64", at.shape) for at, _ in mixed]
    matrices = [_holder("float64", matrix.shape) for _, matrix in mixed]
    arguments = [*lengths, *places, *matrices, *lifted.arguments]
    turning = [np.ascontiguousarray(a) for a in (*(at for at, _ in mixed), *(m for _, m in mixed))]
    shared = (*_lengths(shapes), *turning, *lifted.values)
    large = [matrix.size for _, matrix in mixed]

    def build() -> Any:
        from pymc.pytensorf import compile as compile_graph
        from pytensor.graph import clone_replace

        density: Any = lifted.outputs[0]
        slopes: Any = pt.zeros((0,))
        if values:
            gradient = pt.grad(density, holders)
            slopes = pt.concatenate([g.ravel().astype("float64") for g in gradient])
            turned: Any = x
            for at, matrix, size in zip(places, matrices, large, strict=True):
                turned = pt.set_subtensor(turned[at], times(matrix, x[at], size, None))
            parts = dict(zip(holders, _parts(turned, holders, lengths), strict=True))
            density, slopes = clone_replace([density, slopes], parts, rebuild_strict=False)
            # The chain rule of a constant matrix.
            back: Any = slopes
            for at, matrix, size in zip(places, matrices, large, strict=True):
                back = pt.set_subtensor(back[at], times_transposed(matrix, slopes[at], size))
            slopes = back
        # Fast-math makes the bits depend on whether the code came from the disk cache: same seed, other draws.
        with model, config.change_flags(numba__fastmath=False):
            function = compile_graph(
                [x, *arguments], [density, slopes], mode="NUMBA", on_unused_input="ignore", trust_input=True
            )
        jitted = function.vm.jit_fn
        jitted(layout.start, *shared)  # numba compiles on the first call
        return jitted

    key = None
    if all(isinstance(value, np.ndarray) and value.flags.c_contiguous for value in shared):
        with suppress(Unstable):
            inner = structure_key(lifted.outputs, [*holders, *lifted.arguments])
            key = f"{inner} {[m.type.shape for m in matrices]} {[size > LARGE for size in large]} {model.check_bounds}"
    return code_for(key, build), shared


def _holder(dtype: str, shape: tuple[int, ...]) -> Any:
    return pt.TensorType(dtype, shape=tuple(1 if n == 1 else None for n in shape))()


def _lengths(shapes: Mapping[str, tuple[int, ...]]) -> list[np.ndarray]:
    """Return where each variable begins in the vector, and the lengths of its axes, one after another."""
    found, begin = [], 0
    for shape in shapes.values():
        found += [np.array(n, dtype=np.int64) for n in (begin, *shape)]
        begin += int(np.prod(shape, dtype=int))
    return found


def _parts(x: Any, holders: Sequence[Any], layout: Sequence[Any]) -> list[Any]:
    """Return the slice of ``x`` that stands for each value variable, in its shape and type."""
    parts, k = [], 0
    for holder in holders:
        begin, lengths = (
            layout[k],
            [1 if n == 1 else v for n, v in zip(holder.type.shape, layout[k + 1 :], strict=False)],
        )
        k += 1 + holder.ndim
        part = x[begin : begin + pt.prod(pt.stack(lengths))].reshape(lengths) if lengths else x[begin]
        parts.append(part.astype(holder.dtype))
    return parts
