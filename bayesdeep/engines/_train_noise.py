r"""The family's parameters at the end: those under which held-out rows are most likely, in double precision.

.. math:: \max_v \; \sum_i \log \frac{1}{T} \sum_t p(y_i \mid x_t, v) + \log p(v)

over held-out rows :math:`i`, with the parameters :math:`x_t` of one network, or of :math:`T` that are averaged.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget

from ._train_program import precision


def tuned_noise(
    target: BatchTarget,
    tuned: np.ndarray,
    positions: Sequence[np.ndarray],
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
        By member: ``(network, dim)``, whose predictions are averaged.
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
    from scipy.optimize import minimize

    count = max(len(own) for own in held_out)
    rows = target.rows_function(count)
    weight = np.stack([np.arange(count) < len(own) for own in held_out])
    index = np.stack([np.resize(own, count) if len(own) else np.zeros(count, dtype=int) for own in held_out])
    every = target.take(refresh)

    def fit(v: Any, x: Any, held: Any, batch: Any, weight: Any) -> Any:
        each = jax.lax.map(lambda a: rows(a[0].at[tuned].set(v), batch, (), a[1]), (x, held))
        return jnp.where(weight, jax.scipy.special.logsumexp(each, axis=0) - np.log(len(x)), 0.0).sum()

    def objective(v: Any, x: Any, held: Any, batch: Any, weight: Any) -> Any:
        total = jax.vmap(fit, (None, 0, 0, 0, 0))(v, x, held, batch, weight).sum()
        return -(total + target.prior(x[0, 0].at[tuned].set(v))), total

    with precision("float64"):
        statistics = jax.jit(lambda x: jax.lax.map(lambda p: target.held_function(len(refresh))(p, every), x))
        made = jax.jit(jax.value_and_grad(objective, has_aux=True))
        stacked = np.stack(positions)
        held = [statistics(x) for x in stacked]
        groups = [list(range(len(held_out)))] if together else [[m] for m in range(len(held_out))]
        values, scores = stacked[:, 0, tuned], np.zeros(len(held_out))
        for group in groups:
            own = (
                stacked[group],
                jax.tree.map(lambda *a: jnp.stack(a), *(held[m] for m in group)),
                tuple(np.stack([a[index[m]] for m in group]) for a in target.arrays),
                weight[group],
            )

            def function(v: np.ndarray) -> tuple[float, np.ndarray]:
                (value, _), slope = made(v, *own)  # noqa: B023
                return float(value), np.asarray(slope)

            if tuned.size:
                found = minimize(function, values[group[0]], jac=True, method="BFGS").x
                values[group] = found if np.isfinite(function(found)[0]) else values[group]
            scores[group] = -float(made(values[group[0]], *own)[0][1]) / weight[group].sum()
    return values, -scores
