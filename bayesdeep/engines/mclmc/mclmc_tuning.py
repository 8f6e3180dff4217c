r"""How microcanonical sampling tunes itself.

While it explores, without a Metropolis test, the length of a step aims at a mean squared error :math:`v` of the energy, by
step and dimension. That error grows with the sixth power of the length, so that

.. math:: \log\epsilon \leftarrow \log\epsilon + \frac{\gamma_t}{6} \log (v / \hat v_t)

with a gain that falls from 1, and a change that is bounded: a step that leaves what can be computed is taken back and halves
the length. With the Metropolis test it aims at a mean acceptance, by dual averaging. Scales of the coordinates come from
windows of both stages; :mod:`bayesdeep.engines._jax.jax_tuning` has both rules.

References
----------
Robnik, De Luca, Silverstein and Seljak (2023), Journal of Machine Learning Research 24, 311, section 4: the energy's error.
"""

from typing import Any, NamedTuple

import numpy as np

from .._jax.jax_tuning import Tuned, plan, update

FIRST_STEP = 0.01
"""Length of the first step; a tuner that begins with long ones can run into NaN after NaN and end at a length of 0."""
LEAST_GAIN = 0.05
GAIN, DELAY, FALL = 1.5, 10.0, 0.6
"""With a test: about one over how much the acceptance falls when a step is e times as long, iterations of caution, and how
fast corrections become smaller."""
RECENT = 4.0
"""How much more than the first ones the last lengths count in their mean, which is the length in the end."""
SETTLING = 0.25
"""Share of the exploring iterations that move towards the posterior before scales are taken."""


class Todo(NamedTuple):
    """What each iteration is to do, ``(iteration,)``."""

    number: Any
    active: Any
    adjusted: Any
    tuning: Any
    in_window: Any
    window_ends: Any
    tuning_ends: Any


def stages(explore: int, tune: int, draws: int, adjusted: bool, first: int = 0) -> Todo:
    """Return ``explore`` iterations without a test, ``tune`` that tune the stage after, and its ``draws``.

    Parameters
    ----------
    explore, tune, draws
        Numbers of iterations.
    adjusted
        Whether the second and third have a Metropolis test.
    first
        Number of the first iteration, which decides its random numbers.
    """
    count = explore + tune + draws
    number = np.arange(count)
    in_window, ends = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    begin = int(SETTLING * explore)
    rule = plan(explore - begin, 0)
    in_window[begin:explore], ends[begin:explore] = rule.in_window, rule.window_ends
    return Todo(
        (first + number).astype(np.int32),
        np.ones(count, dtype=bool),
        np.where(number < explore, False, adjusted),
        number < explore + tune,
        in_window,
        ends,
        (number == explore - 1) | (number == explore + tune - 1),
    )


def begin(scales: np.ndarray) -> Tuned:
    """Return the state before the first iteration; ``scales`` ``(dim,)`` are natural ones of the coordinates."""
    real = scales.dtype.type
    zeros, nothing = np.zeros_like(scales), real(0.0)
    log_first = real(np.log(FIRST_STEP))
    return Tuned(
        real(FIRST_STEP), log_first, log_first, nothing, nothing, scales**2, nothing, zeros, zeros, zeros, zeros
    )


def tuned_on(tuned: Tuned, todo: Todo, place: Any, path: Any, *, target_accept: float, energy_variance: float) -> Tuned:
    """Return the state after a tuning iteration, as JAX operations.

    Parameters
    ----------
    tuned, todo
        The state before, and what the iteration is to do.
    place, path
        Where the chain is, and how it came there.
    target_accept, energy_variance
        What to aim at, with and without a test.
    """
    import jax
    import jax.numpy as jnp

    def with_test(t: Tuned) -> Tuned:
        steps = t.steps + 1.0
        log_step = jnp.log(t.step_size) + GAIN * (steps + DELAY) ** -FALL * (path.acceptance - target_accept)
        share = jnp.minimum(1.0, RECENT / (steps + RECENT - 1.0))
        average = share * log_step + (1.0 - share) * t.log_average
        settled = jnp.where(todo.tuning_ends, average, log_step)
        return t._replace(step_size=jnp.exp(settled), log_average=average, steps=steps)

    def without(t: Tuned) -> Tuned:
        gain = jnp.maximum(LEAST_GAIN, (1.0 + t.steps) ** -0.5)
        squares = jnp.clip(path.squares, 1e-30, 1e30)
        change = gain * jnp.clip(jnp.log(energy_variance / squares) / 6.0, -3.0 * jnp.log(2.0), jnp.log(2.0))
        log_step = jnp.log(t.step_size) + jnp.where(path.diverging, -jnp.log(2.0), change)
        # The rule below keeps the scales; the length of a step is this one's.
        kept = update(t, todo, place.x, place.slope, target_accept, target_accept=target_accept, slopes=True)
        steps = jnp.where(todo.tuning_ends | todo.window_ends, 0.0, t.steps + 1.0)
        # Dual averaging, which may follow, starts from here.
        return kept._replace(
            step_size=jnp.exp(log_step), log_average=log_step, centre=log_step, error=0.0 * log_step, steps=steps
        )

    return jax.lax.cond(todo.adjusted, with_test, without, tuned)
