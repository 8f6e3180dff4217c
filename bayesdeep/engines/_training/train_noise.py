r"""The family's parameters at the end: those under which held-out rows are most likely, in double precision.

.. math:: \max_v \; \sum_i \log \frac{1}{T} \sum_t p(y_i \mid x_t, v) + \log p(v)

over held-out rows :math:`i`, with the parameters :math:`x_t` of one network, or of :math:`T` whose predictions are averaged.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget

from .train_compiled import compiled
from .train_program import precision

ROWS = 32
"""Held-out rows are filled up to a multiple, for folds that differ by a row to have one program."""


def tuned_noise(
    target: BatchTarget,
    tuned: np.ndarray,
    positions: np.ndarray,
    held_out: Sequence[np.ndarray],
    refresh: np.ndarray,
    together: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameters and the held-out log score a row they reach.

    Parameters
    ----------
    target
        The model.
    tuned
        Positions of the family's parameters.
    positions
        ``(member, network, dim)``: a member's networks' predictions are averaged.
    held_out
        By member: rows it has not seen.
    refresh
        Rows from which what all rows decide is worked out.
    together
        Whether all members share the parameters.

    Returns
    -------
    tuple
        ``(member, tuned)`` and ``(member,)``.
    """
    import jax
    import jax.numpy as jnp

    count = -(-max(len(own) for own in held_out) // ROWS) * ROWS
    weight = np.stack([np.arange(count) < len(own) for own in held_out])
    index = np.stack([np.resize(own, count) if len(own) else np.zeros(count, dtype=int) for own in held_out])
    every = target.take(refresh)
    values, scores = positions[:, 0, tuned].copy(), np.zeros(len(held_out))
    with precision("float64"):
        statistics = jax.jit(lambda x: jax.lax.map(lambda p: target.all_rows_function(len(refresh))(p, every), x))
        all_rows = [statistics(own) for own in positions]
        made = jax.jit(jax.value_and_grad(_objective(target, tuned, count, positions.shape[1]), has_aux=True))
        run = None
        for group in [list(range(len(held_out)))] if together else [[m] for m in range(len(held_out))]:
            rows = tuple(np.stack([a[index[m]] for m in group]) for a in target.arrays)
            own = positions[group], jax.tree.map(lambda *a: jnp.stack(a), *(all_rows[m] for m in group)), rows, weight[group]
            start = values[group[0]]
            run = run or compiled(made.lower(start, *own), start, *own)
            best = least(run, own, start)
            values[group] = best
            scores[group] = float(run(best, *own)[0][1]) / weight[group].sum()
    return values, scores


def _objective(target: BatchTarget, tuned: np.ndarray, count: int, networks: int) -> Callable[..., Any]:
    """Return ``f(v, positions, all_rows, batches, weight)``: what to minimise, and the log likelihood."""
    import jax
    import jax.numpy as jnp

    rows = target.rows_function(count)

    def fit(v: Any, x: Any, all_rows: Any, batch: Any, weight: Any) -> Any:
        each = jax.lax.map(lambda a: rows(a[0].at[tuned].set(v), batch, (), a[1]), (x, all_rows))
        return jnp.where(weight, jax.scipy.special.logsumexp(each, axis=0) - np.log(networks), 0.0).sum()

    def objective(v: Any, x: Any, all_rows: Any, batch: Any, weight: Any) -> Any:
        total = jax.vmap(fit, (None, 0, 0, 0, 0))(v, x, all_rows, batch, weight).sum()
        return -(total + target.prior(x[0, 0].at[tuned].set(v))), total

    return objective


def least(function: Callable[..., Any], rest: tuple[Any, ...], v: np.ndarray, reach: float | None = None) -> np.ndarray:
    """Return where ``function(v, *rest)`` is least, from ``v``; ``v`` itself where the search finds no number.

    With ``reach`` it is looked for at most so far from ``v``.
    """
    from scipy.optimize import minimize

    if not v.size:
        return v

    def value(v: np.ndarray) -> tuple[float, np.ndarray]:
        (found, _), slope = function(v, *rest)
        return float(found), np.asarray(slope)

    if reach is None:
        found = minimize(value, v, jac=True, method="BFGS")
    else:
        found = minimize(value, v, jac=True, method="L-BFGS-B", bounds=[(a - reach, a + reach) for a in v])
    return found.x if np.isfinite(found.fun) and found.fun <= value(v)[0] else v
