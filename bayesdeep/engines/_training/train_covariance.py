r"""Standard deviations and correlations of groups at the end: those under which the effects that were found are likely.

While a network is trained, what multiplies the standardised effects :math:`z` is found from held-out rows of the same groups,
which want their effects shrunk as little as the rows there are allow. That says little of how far groups lie apart. In the end
the effects :math:`R z` stay as they are, with all predictions for known groups, and :math:`R`, made of sds and correlations
:math:`v`, becomes the mode of

.. math:: \log p(v) + \sum_g \Bigl( \tfrac12 c_g^\top M_g^{-1} c_g - \tfrac12 \log\det M_g \Bigr), \qquad
    M_g = I + A^\top H_g A, \quad c_g = A^\top b_g, \quad A = R_0^{-1} R

which is Laplace's approximation of the evidence given everything but the effects: :math:`H_g` is the information on group
:math:`g` at :math:`z_0` with :math:`R_0`, :math:`b_g = H_g z_0 +` the log likelihood's slope. The expansion is made again about
the mode of the effects given the new :math:`R` until nothing changes. So an effect that the rows say much of counts as it is, one
they say little of is not taken for certain. The effects of several terms are expanded together where they are few, and otherwise
a term at a time. Those with a prior that is not normal count as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget, CovarianceFactor

from .train_noise import least
from .train_program import precision

ROUNDS = 12
"""Expansions at most."""
SETTLED = 1e-3
"""Change of sds and correlations on their unconstrained scale at which they are found."""
MAX_JOINT_EFFECTS = 400
"""Effects of all terms together up to which they are expanded together."""
WIDE = 48
"""Coefficients of a group up to which their information has correlations."""
ROWS = 4096
"""Rows at a time."""
MAX_STEP = 1.0
"""Step between two expansions, of a standardised effect and of what the root is made of."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Effects that are expanded together: ``places`` ``(coefficient, group)`` and ``root(x)``, as in a :class:`CovarianceFactor`.

    Where coefficients are ``apart``, the root is a number and the information on each counts alone.
    """

    places: np.ndarray
    root: Callable[[Any], Any]
    apart: bool = False

    def directions(self, dim: int) -> np.ndarray:
        """Return one direction a coefficient, which moves it in all groups at once: a row depends on one group alone."""
        found = np.zeros((len(self.places), dim))
        for own, at in zip(found, self.places, strict=True):
            own[at] = 1.0
        return found

    def expansion(self, x: np.ndarray, slope: np.ndarray, bend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``b`` ``(group, coefficient)`` and ``H`` ``(group, coefficient, coefficient)``, which is made positive."""
        information = bend[:, self.places].transpose(2, 0, 1)
        if self.apart:
            information = np.diagonal(information, axis1=1, axis2=2).T.reshape(-1, 1, 1)
        values, vectors = np.linalg.eigh((information + information.swapaxes(1, 2)) / 2)
        information = (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.swapaxes(1, 2)
        at = self.groups
        return np.einsum("gij,gj->gi", information, x[at]) + slope[at], information

    @property
    def groups(self) -> np.ndarray:
        """Return the positions ``(group, coefficient)``, those of a group on their own where coefficients are apart."""
        return self.places.reshape(-1, 1) if self.apart else self.places.T


def reestimated(target: BatchTarget, positions: np.ndarray, refresh: np.ndarray) -> np.ndarray:
    """Return positions ``(member, dim)`` with sds and correlations of groups found from the effects, which stay as they are.

    Parameters
    ----------
    target, positions
        The model, and where training ended.
    refresh
        Rows from which what all rows decide is worked out.
    """
    free = np.unique(np.concatenate([np.zeros(0, dtype=int), *(own.made_of for own in target.covariance_factors)]))
    if not free.size:
        return positions
    import jax

    problems = _problems(target)
    with precision("float64"):
        all_rows = jax.jit(target.all_rows_function(len(refresh)))
        roots = jax.jit(lambda x: [own.root(x) for own in target.covariance_factors])
        programs = roots, _curvature(target), _evidence(target, free, problems)
        batch = target.take(refresh)
        return np.stack([_settled(target, x, free, all_rows(x, batch), problems, *programs) for x in positions])


def _problems(target: BatchTarget) -> list[Problem]:
    """Return what is expanded together."""
    normal = [own for own in target.covariance_factors if own.normal]
    if len(normal) > 1 and sum(own.places.size for own in normal) <= MAX_JOINT_EFFECTS:
        places = np.concatenate([own.places.ravel() for own in normal])
        return [Problem(places[:, None], lambda x: _together([_repeated(own, x, own.places.shape[1]) for own in normal]))]
    found = []
    for own in normal:
        if own.alike and len(own.places) > WIDE:
            found.append(Problem(own.places, own.root, apart=True))
        else:
            found.append(Problem(own.places, partial(_repeated, own, groups=1)))
    return found


def _repeated(own: CovarianceFactor, x: Any, groups: int) -> Any:
    """Return the root of all coefficients, each repeated for so many groups."""
    import jax.numpy as jnp

    root = own.root(x)
    return jnp.kron(root, np.eye((len(own.places) if own.alike else 1) * groups))


def _together(roots: Sequence[Any]) -> Any:
    import jax

    return jax.scipy.linalg.block_diag(*roots)


def _curvature(target: BatchTarget) -> Callable[[np.ndarray, np.ndarray, Any], tuple[np.ndarray, np.ndarray]]:
    """Return ``f(x, directions, all_rows)``: the log likelihood's slope ``(dim,)`` and minus its curvature times directions."""
    import jax

    count = min(ROWS, target.rows)
    rows = target.rows_function(count)

    def slope(x: Any, batch: Any, weight: Any, all_rows: Any) -> Any:
        return jax.grad(lambda x: (weight * rows(x, batch, (), all_rows)).sum())(x)

    def both(x: Any, directions: Any, batch: Any, weight: Any, all_rows: Any) -> Any:
        def along(u: Any) -> Any:
            return jax.jvp(lambda x: slope(x, batch, weight, all_rows), (x,), (u,))[1]

        return slope(x, batch, weight, all_rows), -jax.lax.map(along, directions)

    compiled = jax.jit(both)

    def curvature(x: np.ndarray, directions: np.ndarray, all_rows: Any) -> tuple[np.ndarray, np.ndarray]:
        gradient, bend = np.zeros(x.size), np.zeros(directions.shape)
        for begin in range(0, target.rows, count):
            some = np.arange(begin, begin + count)
            weight = (some < target.rows).astype(np.float64)
            own, moved = compiled(x, directions, target.take(some % target.rows), weight, all_rows)
            gradient, bend = gradient + np.asarray(own), bend + np.asarray(moved)
        return gradient, bend

    return curvature


def _evidence(target: BatchTarget, free: np.ndarray, problems: Sequence[Problem]) -> Callable[..., Any]:
    """Return ``f(v, x, expansions)``: minus the log evidence and minus its slope, and the modes of the effects."""
    import jax
    import jax.numpy as jnp

    other = [own for own in target.covariance_factors if not own.normal]

    def objective(v: Any, x: Any, expansions: Any) -> Any:
        new, total, modes = x.at[free].set(v), 0.0, []
        for problem, (b, information) in zip(problems, expansions, strict=True):
            a = jnp.linalg.solve(problem.root(x), problem.root(new))
            m = jnp.eye(len(a)) + a.T @ information @ a
            c = b @ a
            mode = jnp.linalg.solve(m, c[..., None])[..., 0]
            total += 0.5 * (c * mode).sum() - 0.5 * jnp.linalg.slogdet(m)[1].sum()
            modes.append(mode)
        kept = new
        for own in other:
            a = jnp.linalg.solve(_repeated(own, new, 1), _repeated(own, x, 1))
            kept = kept.at[own.places].set(a @ x[own.places])
            total += own.places.shape[1] * jnp.linalg.slogdet(a)[1]
        return -(total + target.prior(kept)), modes

    return jax.jit(jax.value_and_grad(objective, has_aux=True))


def _settled(
    target: BatchTarget,
    x: np.ndarray,
    free: np.ndarray,
    all_rows: Any,
    problems: Sequence[Problem],
    roots: Callable[[np.ndarray], Any],
    curvature: Callable[..., Any],
    evidence: Callable[..., Any],
) -> np.ndarray:
    """Return one position ``(dim,)``; the same where the search finds no number."""
    directions = np.concatenate([np.zeros((0, x.size)), *(p.directions(x.size) for p in problems)])
    ends = np.cumsum([0, *(len(p.places) for p in problems)])
    at = x
    for _ in range(ROUNDS):
        slope, bend = curvature(at, directions, all_rows) if problems else (np.zeros(x.size), directions)
        expansions = [p.expansion(at, slope, bend[a:b]) for p, (a, b) in zip(problems, pairwise(ends), strict=True)]
        v = least(evidence, (at, expansions), at[free], MAX_STEP)
        modes = evidence(v, at, expansions)[0][1]
        new = _with(target, at, free, v, roots)
        for problem, mode in zip(problems, modes, strict=True):
            before = new[problem.groups]
            new[problem.groups] = before + np.clip(np.asarray(mode) - before, -MAX_STEP, MAX_STEP)
        if not np.isfinite(new).all():
            return x
        change, at = np.abs(v - at[free]).max(), new
        if change < SETTLED:
            break
    found = _with(target, x, free, at[free], roots)
    return found if np.isfinite(found).all() else x


def _with(
    target: BatchTarget, x: np.ndarray, free: np.ndarray, v: np.ndarray, roots: Callable[[np.ndarray], Any]
) -> np.ndarray:
    """Return a position with other sds and correlations ``v`` and the same effects."""
    new = x.copy()
    new[free] = v
    for own, before, after in zip(target.covariance_factors, roots(x), roots(new), strict=True):
        if own.alike:
            new[own.places] = x[own.places] * (float(before[0, 0]) / float(after[0, 0]))
        else:
            new[own.places] = np.linalg.solve(np.asarray(after), np.asarray(before) @ x[own.places])
    return new
