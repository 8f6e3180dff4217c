r"""Microcanonical dynamics: steps of a particle of constant speed, and trajectories with and without a Metropolis test.

In coordinates :math:`y = x / s` with scales :math:`s`, a unit vector :math:`u` and :math:`g = \nabla_y \log p`,

.. math:: \dot y = u, \qquad \dot u = (I - u u^\top)\, g / (d - 1)

leaves :math:`p(y)` times the uniform distribution of directions alone. Both halves can be solved exactly; they are put
together as a leapfrog: half a turn, a step, half a turn, with one gradient. What a step of length :math:`\epsilon` gets wrong
is the change of :math:`-\log p` and of the kinetic energy :math:`(d - 1) \log(\cosh\delta + e \cdot u \sinh\delta)`,
:math:`e = g / |g|`, :math:`\delta = \epsilon |g| / (2 (d - 1))`, of both turns. Schemes of two gradients a step get less wrong
as long as steps are short, but in networks the few directions that data decide bound the step, and there a leapfrog gets
further by gradient.

References
----------
Robnik, De Luca, Silverstein and Seljak (2023), Microcanonical Hamiltonian Monte Carlo, Journal of Machine Learning Research 24,
311. Robnik and Seljak (2024), Fluctuation without dissipation: Microcanonical Langevin Monte Carlo, Proceedings of Machine
Learning Research 253. Robnik, Cohn-Gordon and Seljak (2025), Metropolis adjusted microcanonical Hamiltonian Monte Carlo,
arXiv:2503.01707.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

TOO_WRONG = 1000.0
"""An error in the energy that counts as a divergence."""


class Place(NamedTuple):
    """A point ``x`` ``(dim,)``, its log density and the gradient there, and a direction, a unit vector."""

    x: Any
    lp: Any
    slope: Any
    direction: Any


class Path(NamedTuple):
    """What a trajectory was like.

    ``error`` is the change of energy from end to end, ``squares`` the mean square of it over steps and dimensions, ``acceptance``
    the probability that a Metropolis test accepts the end, ``diverging`` whether the energy was lost.
    """

    error: Any
    squares: Any
    acceptance: Any
    diverging: Any


def random_direction(key: Any, like: Any) -> Any:
    """Return a unit vector, uniform."""
    import jax
    import jax.numpy as jnp

    z = jax.random.normal(key, like.shape, like.dtype)
    return z / jnp.linalg.norm(z)


def turned(u: Any, slope: Any, step: Any) -> tuple[Any, Any]:
    """Return the direction after a turn in the gradient ``slope`` for a time ``step``, and the change of kinetic energy."""
    import jax.numpy as jnp

    most = jnp.maximum(u.size - 1, 1)
    size = jnp.linalg.norm(slope)
    e = slope / jnp.maximum(size, jnp.finfo(u.dtype).tiny)
    delta = step * size / most
    along, decay = jnp.dot(u, e), jnp.exp(-delta)
    new = e * ((1 - decay) * (1 + decay + along * (1 - decay))) + 2 * decay * u
    kinetic = most * (delta - jnp.log(2.0) + jnp.log1p(along + (1 - along) * decay**2))
    return new / jnp.linalg.norm(new), kinetic


def disturbed(key: Any, u: Any, share: Any) -> Any:
    """Return the direction with some of it forgotten: ``share`` is the length of a step over that of a memory."""
    import jax
    import jax.numpy as jnp

    size = jnp.sqrt(jnp.expm1(2.0 * share) / u.size)
    new = u + size * jax.random.normal(key, u.shape, u.dtype)
    return new / jnp.linalg.norm(new)


def trajectory(
    slope_of: Callable[[Any], tuple[Any, Any]], place: Place, key: Any, steps: Any, length: Any, scales: Any, memory: Any
) -> tuple[Place, Path]:
    """Return where ``steps`` steps of ``length`` lead.

    Parameters
    ----------
    slope_of
        The log density and its gradient at a point.
    place
        Where it starts.
    key
        For the direction's disturbance.
    steps, length
        Number of steps, and their length in scaled coordinates.
    scales
        Of the coordinates, ``(dim,)``.
    memory
        Length of path over which the direction is forgotten; 0 for never.
    """
    import jax
    import jax.numpy as jnp

    def step(k: Any, carry: Any) -> Any:
        place, error, squares = carry
        u, kinetic = turned(place.direction, scales * place.slope, 0.5 * length)
        x = place.x + length * scales * u
        lp, slope = slope_of(x)
        u, more = turned(u, scales * slope, 0.5 * length)
        change = kinetic + more + place.lp - lp
        u = jax.lax.cond(
            memory > 0,
            lambda u: disturbed(jax.random.fold_in(key, k), u, length / jnp.where(memory > 0, memory, 1.0)),
            lambda u: u,
            u,
        )
        return Place(x, lp, slope, u), error + change, squares + change**2

    nothing = jnp.zeros_like(place.lp)
    end, error, squares = jax.lax.fori_loop(0, steps, step, (place, nothing, nothing))
    fine = jnp.isfinite(error) & jnp.isfinite(end.x).all() & jnp.isfinite(end.slope).all()
    error = jnp.where(fine, error, jnp.inf)
    path = Path(
        error,
        jnp.where(fine, squares / (steps * place.x.size), jnp.inf),
        jnp.where(fine, jnp.minimum(1.0, jnp.exp(-error)), 0.0),
        ~fine | (error > TOO_WRONG),
    )
    return end, path
