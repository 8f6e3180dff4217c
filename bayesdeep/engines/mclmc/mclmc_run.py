"""One iteration of a microcanonical chain, for the chains of :mod:`bayesdeep.engines._jax.jax_chains`."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from bayesdeep.core.batches import BatchTarget

from .._jax.jax_chains import Group, Move, groups_of
from .._training.train_program import cast
from .mclmc_moves import Place, random_direction, trajectory
from .mclmc_tuning import Todo, begin, tuned_on

Slope = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Row(NamedTuple):
    """What is kept of one iteration."""

    position: Any
    lp: Any
    diverging: Any
    energy_error: Any
    acceptance_rate: Any
    n_steps: Any
    step_size: Any


def density_of(target: BatchTarget) -> Callable[..., Any]:
    """Return ``density(x, *arrays)``: the log density with all rows, for JAX to trace."""
    rows = target.rows_function(target.rows)
    return lambda x, *arrays: target.prior(x) + rows(x, arrays).sum()


def make_groups(
    target: BatchTarget, starts: Sequence[np.ndarray], slope_of: Slope, seed: int, layout: str, kind: str
) -> list[Group]:
    """Return the chains by where they are computed, each at its starting point.

    Parameters
    ----------
    target
        The model.
    starts
        Starting points, ``(dim,)`` each.
    slope_of
        The log density and its gradient ``(dim,)`` at a point.
    seed
        Decides the chains' random numbers.
    layout
        ``"threads"``, ``"batch"``, or ``"auto"``: threads on a CPU, a batch elsewhere.
    kind
        ``"float32"`` or ``"float64"``.
    """

    def carry(chain: int) -> Any:
        x = np.asarray(starts[chain], dtype=kind)
        lp, slope = (np.asarray(v, dtype=kind) for v in slope_of(x))
        return Place(x, lp, slope, np.full(x.size, x.size**-0.5, dtype=kind)), begin(np.ones(x.size, dtype=kind))

    return groups_of(carry, len(starts), cast(target.arrays, kind), seed, layout)


def move_of(settings: Any, target: BatchTarget) -> Move:
    """Return one iteration: a trajectory, with a Metropolis test where that stage has one."""
    import jax
    import jax.numpy as jnp

    density = density_of(target)
    length = float(settings.path * np.sqrt(target.dim))

    def move(carry: Any, now: Todo, key: Any, arrays: Sequence[Any]) -> Any:
        def slope_of(x: Any) -> Any:
            return jax.value_and_grad(density)(x, *arrays)

        place, tuned = carry
        turn, times, disturb, test = jax.random.split(key, 4)
        fresh = random_direction(turn, place.x)
        place = place._replace(direction=jnp.where(now.adjusted, fresh, place.direction))
        share = jnp.where(now.adjusted, 2.0 * jax.random.uniform(times), 1.0)
        steps = jnp.ceil(share * length / tuned.step_size)
        steps = jnp.clip(steps, 1, settings.max_steps).astype(jnp.int32)
        scales = jnp.sqrt(tuned.inverse_mass)
        memory = jnp.where(now.adjusted, 0.0, length)
        end, path = trajectory(slope_of, place, disturb, steps, tuned.step_size, scales, memory)
        accepted = jnp.where(now.adjusted, jax.random.uniform(test) < path.acceptance, ~path.diverging)
        place = jax.tree.map(lambda a, b: jnp.where(accepted, a, b), end, place._replace(direction=fresh))
        row = Row(place.x, place.lp, path.diverging, path.error, path.acceptance, steps, tuned.step_size)
        tuned = jax.lax.cond(
            now.tuning,
            lambda t: tuned_on(
                t,
                now,
                place,
                path,
                target_accept=settings.target_accept,
                energy_variance=settings.exploring,
            ),
            lambda t: t,
            tuned,
        )
        return (place, tuned), row

    return move
