r"""How the JAX sampler tunes itself: dual averaging of the step size, and scales of the coordinates from windows of draws.

The inverse mass matrix is diagonal. From the draws :math:`x` of a window and their gradients :math:`g` it is

.. math:: \sqrt{\operatorname{var}(x_i) / \operatorname{var}(g_i)} \quad (\text{"diag"}), \qquad
          \operatorname{var}(x_i) \quad (\text{"draw\_diag"})

The second is drawn a little, on the log scale, to the one before, so that it does not depend on the coordinates' units. The
windows are Stan's: they double in length, with an interval at both ends in which only the step size moves.

BlackJAX's `window_adaptation` runs all of its steps in one program, so that it can neither show progress nor keep what there is
when it is interrupted, and by default it draws variances to 1e-3, whatever the coordinates' units.

References
----------
Hoffman and Gelman (2014), Journal of Machine Learning Research 15, section 3.2: dual averaging. Stan Reference Manual,
section 15.2: the windows. Seyboldt, Carlson and Carpenter (2026), arXiv:2603.18845: draws and gradients.
"""

from typing import Any, NamedTuple

import numpy as np

DELAY, GAIN, DECAY = 10.0, 0.05, 0.75
"""t0, gamma and kappa of dual averaging."""
BEFORE, FIRST, AFTER = 75, 25, 50
"""Lengths of the interval before the windows, of the first window, and of the interval after them."""
FEWEST = 20
"""Tuning draws below which the scales are left as they are."""
SHRINKAGE = 5.0
"""How many draws the scales before a window count for."""


class Tuned(NamedTuple):
    """What tuning carries along; the arrays are ``(dim,)``."""

    step_size: Any
    log_average: Any
    centre: Any
    error: Any
    steps: Any
    inverse_mass: Any
    draws: Any
    mean: Any
    squares: Any
    slope_mean: Any
    slope_squares: Any


class Todo(NamedTuple):
    """What each iteration is to do, ``(iteration,)``."""

    number: Any
    active: Any
    tuning: Any
    in_window: Any
    window_ends: Any
    tuning_ends: Any


def plan(tune: int, draws: int) -> Todo:
    """Return what each of ``tune + draws`` iterations does."""
    number = np.arange(tune + draws, dtype=np.int32)
    in_window, ends = np.zeros(number.size, dtype=bool), np.zeros(number.size, dtype=bool)
    if tune >= FEWEST:
        before, first, after = BEFORE, FIRST, AFTER
        if before + first + after > tune:
            before, after = int(0.15 * tune), int(0.1 * tune)
            first = tune - before - after
        at, length, last = before, first, tune - after
        while at < last:
            # A window that would leave too little for the next one takes the rest.
            end = last if at + 3 * length > last else at + length
            in_window[at:end], ends[end - 1] = True, True
            at, length = end, 2 * length
    return Todo(number, np.ones(number.size, dtype=bool), number < tune, in_window, ends, number == tune - 1)


def start(scales: np.ndarray, gradient: np.ndarray) -> Tuned:
    """Return the state before the first iteration.

    Parameters
    ----------
    scales
        Natural scales of the coordinates ``(dim,)``.
    gradient
        Of the log density at the starting point ``(dim,)``; where it is steep, steps have to be short.
    """
    real = scales.dtype.type
    zeros = np.zeros_like(scales)
    inverse_mass = np.clip(scales / np.maximum(np.abs(gradient), 1.0 / scales), 1e-20, 1e20).astype(scales.dtype)
    number = real(0.0)
    return Tuned(
        real(1.0), number, real(np.log(10.0)), number, number, inverse_mass, number, zeros, zeros, zeros, zeros
    )


def update(
    tuned: Tuned, todo: Any, position: Any, gradient: Any, acceptance: Any, *, target_accept: float, slopes: bool
) -> Tuned:
    """Return the state after a tuning iteration, as JAX operations.

    Parameters
    ----------
    tuned, todo
        The state before, and what the iteration is to do.
    position, gradient, acceptance
        Where the chain is, the gradient there, and the trajectory's mean acceptance probability.
    target_accept
        The acceptance to aim at.
    slopes
        Whether scales are taken from gradients too.
    """
    import jax
    import jax.numpy as jnp

    moved = _averaged(tuned, target_accept - acceptance)
    moved = jax.lax.cond(todo.in_window, lambda t: _counted(t, position, gradient), lambda t: t, moved)
    moved = jax.lax.cond(todo.window_ends, lambda t: _rescaled(t, slopes), lambda t: t, moved)
    settled = jnp.exp(moved.log_average)
    return moved._replace(step_size=jnp.where(todo.tuning_ends, settled, moved.step_size))


def _averaged(t: Tuned, error: Any) -> Tuned:
    import jax.numpy as jnp

    steps = t.steps + 1.0
    share = 1.0 / (steps + DELAY)
    mean_error = (1.0 - share) * t.error + share * error
    log_step = t.centre - jnp.sqrt(steps) / GAIN * mean_error
    weight = steps**-DECAY
    average = weight * log_step + (1.0 - weight) * t.log_average
    return t._replace(step_size=jnp.exp(log_step), log_average=average, error=mean_error, steps=steps)


def _counted(t: Tuned, position: Any, gradient: Any) -> Tuned:
    """Return the state with one more draw in the running means and sums of squares (Welford's)."""
    draws = t.draws + 1.0
    from_mean, slope_from_mean = position - t.mean, gradient - t.slope_mean
    mean, slope_mean = t.mean + from_mean / draws, t.slope_mean + slope_from_mean / draws
    return t._replace(
        draws=draws,
        mean=mean,
        squares=t.squares + from_mean * (position - mean),
        slope_mean=slope_mean,
        slope_squares=t.slope_squares + slope_from_mean * (gradient - slope_mean),
    )


def _rescaled(t: Tuned, slopes: bool) -> Tuned:
    """Return the state at the end of a window: new scales, and dual averaging anew from the step size it had found."""
    import jax.numpy as jnp

    if slopes:
        found = jnp.sqrt(t.squares / t.slope_squares)
    else:
        weight = t.draws / (t.draws + SHRINKAGE)
        variance = t.squares / (t.draws - 1.0)
        found = jnp.exp(weight * jnp.log(variance) + (1.0 - weight) * jnp.log(t.inverse_mass))
    # A chain that has not moved says nothing about its scales.
    inverse_mass = jnp.where(jnp.isfinite(found) & (found > 0), found, t.inverse_mass)
    nothing, zeros = jnp.zeros_like(t.draws), jnp.zeros_like(t.mean)
    step_size = jnp.exp(t.log_average)
    return Tuned(
        step_size, nothing, jnp.log(10.0 * step_size), nothing, nothing, inverse_mass, nothing, zeros, zeros, zeros, zeros
    )
