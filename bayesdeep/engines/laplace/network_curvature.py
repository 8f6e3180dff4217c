r"""What the Laplace approximation of a network asks of its model: Jacobians, information, and their derivatives, in float64.

A row's log likelihood depends on the main predictor :math:`\eta_i`. How much, :math:`\partial \ell_i / \partial \eta_i` and the
information :math:`\Lambda_i = -\partial^2 \ell_i / \partial \eta_i^2`, is read off the second derivative along a direction in
which the predictor is linear, so that it works for any family.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget

MAX_JACOBIAN_NUMBERS = 40_000_000
"""Numbers of a Jacobian; with more rows than fit, a sample of the rows stands for all."""


@dataclass(frozen=True, eq=False)
class Functions:
    """Compiled functions of a model at some rows that stand for all, each of which counts ``weight`` times.

    Attributes
    ----------
    rows, weight
        Number of rows, and for how many each stands.
    predictor
        ``predictor(x, all_rows)``: the predictor ``(obs,)``, or ``(obs, width)`` where there are several.
    slopes
        ``slopes(x, all_rows)``: the derivatives ``(obs, dim)`` of a single one.
    along
        ``along(x, directions, all_rows)``: by direction, the rows' log likelihoods' first and second derivatives and the
        predictor's first, each ``(direction, obs)``.
    prior_curvature
        ``prior_curvature(x, v)``: minus the second derivative of the log prior times ``v`` ``(dim,)``.
    all_rows
        ``all_rows(x)``: what all rows decide.
    """

    rows: int
    weight: float
    predictor: Callable[..., Any]
    slopes: Callable[..., Any]
    along: Callable[..., Any]
    prior_curvature: Callable[..., Any]
    all_rows: Callable[..., Any]

    def jacobian(self, x: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the predictor ``(obs,)`` and its derivatives ``(obs, chosen)`` in some of the coordinates."""
        all_rows = self.all_rows(x)
        return self.predictor(x, all_rows), self.slopes(x, all_rows)[:, chosen]

    def information(self, x: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each row's slope and information ``(obs,)`` in the predictor; the latter at least 0."""
        slope, second, moved = self.along(x, directions, self.all_rows(x))
        best = np.abs(moved).argmax(axis=0), np.arange(self.rows)
        step = np.where(moved[best] == 0, 1.0, moved[best])
        return slope[best] / step, np.maximum(-second[best] / step**2, 0.0)


def functions_of(target: BatchTarget, rng: np.random.Generator) -> Functions:
    """Return the functions of a model, compiled when they are first called."""
    import jax
    from jax.flatten_util import ravel_pytree

    most = max(1, MAX_JACOBIAN_NUMBERS // max(target.dim, 1))
    whole = target.rows <= most
    some = np.arange(target.rows) if whole else np.sort(rng.permutation(target.rows)[:most])
    count, every, batch = len(some), target.arrays, target.take(some)
    linear, rows, one = target.linear_function(count), target.rows_function(count), target.linear_function(1)
    statistics = target.all_rows_function(target.rows)

    def slopes(x: Any, all_rows: Any, batch: Any, every: Any) -> Any:
        """Go back from each row by itself: what one row's predictor depends on costs the same however many weights there are."""
        said = statistics(x, every) if whole else all_rows
        by_row = jax.vmap(jax.grad(lambda v, row: one(v, jax.tree.map(lambda a: a[None], row), said)[0]), (None, 0))(x, batch)
        if not (whole and said):
            return by_row
        # The rest of the way goes through what all rows decide.
        flat, unravel = ravel_pytree(said)
        through = jax.jacfwd(lambda f: linear(x, batch, unravel(f)))(flat)
        return by_row + through @ jax.jacrev(lambda v: ravel_pytree(statistics(v, every))[0])(x)

    def along(x: Any, directions: Any, all_rows: Any, batch: Any) -> Any:
        def one_way(u: Any) -> Any:
            def slope(v: Any) -> Any:
                return jax.jvp(lambda w: rows(w, batch, (), all_rows), (v,), (u,))[1]

            first, second = jax.jvp(slope, (x,), (u,))
            return first, second, jax.jvp(lambda w: linear(w, batch, all_rows), (x,), (u,))[1]

        return jax.vmap(one_way)(directions)

    def curvature(x: Any, v: Any) -> Any:
        return -jax.jvp(jax.grad(target.prior), (x,), (v,))[1]

    def compiled(function: Callable[..., Any], *last: Any) -> Callable[..., Any]:
        program: Any = jax.jit(function)

        def call(*arguments: Any) -> Any:
            with jax.enable_x64(True):
                return jax.tree.map(np.asarray, program(*arguments, *last))

        return call

    return Functions(
        rows=count,
        weight=target.rows / count,
        predictor=compiled(lambda x, all_rows, batch: linear(x, batch, all_rows), batch),
        slopes=compiled(slopes, batch, every),
        along=compiled(along, batch),
        prior_curvature=compiled(curvature),
        all_rows=compiled(lambda x, every: () if whole else statistics(x, every), every),
    )
