"""How a model's variables lie in one flat vector, and where in it sampling starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesdeep.core.errors import FitError

from .precondition import Mixing

if TYPE_CHECKING:
    import pymc


@dataclass(frozen=True, eq=False)
class Layout:
    """The flat vector of a model: its value variables one after another, each ravelled in C order.

    Attributes
    ----------
    shapes
        Name of each value variable and its shape, in the order of the vector.
    names
        A label for each coordinate.
    start
        The model's initial point, ``(dim,)``.
    jitter
        How far starting points lie from it at the most, ``(dim,)``.
    constrained
        Which coordinates are transformed from variables that have bounds or an order, ``(dim,)``.
    mixed
        Positions in the vector, ``(coefficient, …)``, and the matrix that turns the vector's values there into those of
        the variables; see :mod:`bayesdeep.graph.precondition`.
    """

    shapes: Mapping[str, tuple[int, ...]]
    names: tuple[str, ...]
    start: np.ndarray
    jitter: np.ndarray
    constrained: np.ndarray
    mixed: tuple[tuple[np.ndarray, np.ndarray], ...] = ()

    def split(self, x: Any) -> list[Any]:
        """Return the parts of ``x`` ``(dim,)`` in the shapes of the value variables.

        Takes an array of NumPy or JAX, and a sequence of the parts themselves, which it returns. In JAX one operation cuts the
        vector, so that its derivative is put together once; a slice a part would have a vector as long as ``x`` a part.
        """
        if isinstance(x, (tuple, list)):
            return list(x)
        edges = np.cumsum([int(np.prod(shape, dtype=int)) for shape in self.shapes.values()])
        library: Any = np
        if not isinstance(x, np.ndarray):
            import jax.numpy as library
        parts = library.split(x, edges[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes.values(), strict=True)]

    def unravel(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Split ``(..., dim)`` into the value variables, each ``(..., *shape)``, on the unconstrained scale."""
        if self.mixed:
            positions = positions.copy()
            for at, matrix in self.mixed:
                positions[..., at] = np.einsum("ij,...j->...i", matrix, positions[..., at])
        lead, out, begin = positions.shape[:-1], {}, 0
        for name, shape in self.shapes.items():
            end = begin + int(np.prod(shape, dtype=int))
            out[name] = positions[..., begin:end].reshape(lead + shape)
            begin = end
        return out


def layout_of(model: "pymc.Model", units: Mapping[str, float] | None = None, mixings: Sequence[Mixing] = ()) -> Layout:
    """Return the layout of a PyMC model.

    Parameters
    ----------
    model
        A ``pymc.Model`` whose free variables are all continuous.
    units
        Natural scales of variables by name, where it is not 1; starting points are jittered in these units.
    mixings
        Groups of variables that the vector holds in turned coordinates.

    Raises
    ------
    FitError
        Where a free variable is discrete.
    """
    discrete = [v.name for v in model.discrete_value_vars]
    if discrete:
        raise FitError(f"fit: gradient-based methods need continuous parameters; discrete: {', '.join(discrete)}")
    point = model.initial_point()
    shapes = {v.name: tuple(np.shape(point[v.name])) for v in model.value_vars}
    start = np.concatenate([np.ravel(point[n]) for n in shapes] or [np.zeros(0)]).astype(np.float64)
    mixed = tuple((at, m.matrix) for m in mixings for at in _places(model, shapes, m.names))
    jitter = _jitter(model, shapes, units or {})
    for at, matrix in mixed:
        start[at], jitter[at] = np.linalg.solve(matrix, start[at]), 1.0
    return Layout(shapes, _names(model, shapes), start, jitter, _constrained(model, shapes), mixed)


def _places(model: "pymc.Model", shapes: Mapping[str, tuple[int, ...]], names: Sequence[str]) -> list[np.ndarray]:
    """Return the positions of some variables' coefficients, one array ``(coefficient,)`` a further axis' entry."""
    begins = dict(zip(shapes, np.cumsum([0, *(int(np.prod(s, dtype=int)) for s in shapes.values())]), strict=False))
    blocks = []
    wide = max(model[name].ndim for name in names) > 1 or _is_wide(model, names)
    for name in names:
        value = model.rvs_to_values[model[name]].name
        block = begins[value] + np.arange(int(np.prod(shapes[value], dtype=int)))
        blocks.append(block.reshape(-1, shapes[value][-1]) if wide else block[:, None])
    return list(np.concatenate(blocks).T)


def _is_wide(model: "pymc.Model", names: Sequence[str]) -> bool:
    """Return whether every variable ends in one shared dimension: a response with several predictors."""
    dims: list[tuple[str, ...]] = [tuple(model.named_vars_to_dims.get(name) or ()) for name in names]
    return bool(dims[0]) and all(d and d[-1] == dims[0][-1] for d in dims) and len(names) > 1


def _jitter(model: "pymc.Model", shapes: Mapping[str, tuple[int, ...]], units: Mapping[str, float]) -> np.ndarray:
    """Return each coordinate's largest jitter ``(dim,)``."""
    rvs = {value.name: rv.name for value, rv in model.values_to_rvs.items()}
    parts = [np.full(int(np.prod(shape, dtype=int)), units.get(rvs[name], 1.0)) for name, shape in shapes.items()]
    return np.concatenate(parts or [np.zeros(0)])


def _constrained(model: "pymc.Model", shapes: Mapping[str, tuple[int, ...]]) -> np.ndarray:
    """Return which coordinates are transformed ``(dim,)``."""
    transforms = {value.name: model.rvs_to_transforms.get(rv) for value, rv in model.values_to_rvs.items()}
    parts = [np.full(int(np.prod(shape, dtype=int)), transforms[name] is not None) for name, shape in shapes.items()]
    return np.concatenate(parts or [np.zeros(0, dtype=bool)])


def _names(model: "pymc.Model", shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Return a label for each coordinate: ``name (transform)[level, …]``."""
    labels: list[str] = []
    for value, shape in zip(model.value_vars, shapes.values(), strict=True):
        variable = model.values_to_rvs[value]
        transform = model.rvs_to_transforms.get(variable)
        kind = "" if transform is None else f" ({getattr(transform, 'name', 'transformed')})"
        dims = model.named_vars_to_dims.get(variable.name) or ()
        axes = [model.coords.get(d) for d in dims]
        # A transform can shorten an axis (simplex, zero-sum); positions are then numbered.
        known = len(axes) == len(shape) and all(a is not None and len(a) == n for a, n in zip(axes, shape, strict=True))
        for index in np.ndindex(*shape):
            inner = [str(axes[k][i]) if known else str(i) for k, i in enumerate(index)]
            labels.append(f"{variable.name}{kind}" + (f"[{', '.join(inner)}]" if inner else ""))
    return tuple(labels)
