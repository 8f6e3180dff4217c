"""Which coordinates are trained, which are found from held-out rows, which stay; and where training starts.

* Weights, coefficients, intercepts and effects of groups are trained.
* Scales of layers and inputs stay at the middle of their priors: a joint mode of weights and their scales lies where the
  scales vanish.
* Parameters of the family, such as the noise, and intercepts of formulas for them, are found from held-out rows alone: a network
  can come as near to the training rows as it likes.
* Standard deviations of groups are found from held-out rows too, given the standardised effects. With these they have no joint
  mode of use: it lies where the sd is large and the effects are hardly shrunk. Without a penalty they stay.
  In the end they and correlations, which stay, become what the effects say, and these do not change: see
  :mod:`bayesdeep.engines._training.train_covariance`.
* Thresholds are intercepts, several of them, and trained.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget

STAY = ("scale", "correlation")
TRAINED, TUNED = 1, 2


@dataclass(frozen=True)
class Coordinates:
    """What becomes of each coordinate.

    Attributes
    ----------
    trained, tuned
        Positions of those that training moves, and of those found from held-out rows.
    decayed
        1 where weight decay takes something off, else 0, ``(dim,)``.
    unit
        Natural step of each, ``(dim,)``: what is trained is ``(x - start) / unit``.
    shapes
        Of the variables, in the order of the vector.
    """

    trained: np.ndarray
    tuned: np.ndarray
    decayed: np.ndarray
    unit: np.ndarray
    shapes: tuple[tuple[int, ...], ...]

    def join(self, w: Any, v: Any, unit: Any, start: Any) -> tuple[Any, ...]:
        """Return the variables, for JAX, from trained coordinates ``w`` in units ``unit`` and tuned ones ``v``.

        They are not one vector, so that the compiler sees which of them are constant, and what depends on ``v`` only is not
        worked out again where ``w`` changes, nor the other way round.
        """
        import jax.numpy as jnp

        kind = np.zeros(len(self.unit), dtype=int)
        kind[self.trained], kind[self.tuned] = TRAINED, TUNED
        ends = np.cumsum([int(np.prod(shape, dtype=int)) for shape in self.shapes])
        edges = np.unique(np.concatenate([[0], np.flatnonzero(np.diff(kind)) + 1, ends]))
        sizes, kinds = np.diff(edges), kind[edges[:-1]]
        moves, units = (iter(_cut(x, sizes[kinds == TRAINED])) for x in (w, unit))
        tunes = iter(_cut(v, sizes[kinds == TUNED]))
        pieces = [
            next(tunes) if own == TUNED else first + next(units) * next(moves) if own == TRAINED else first
            for own, first in zip(kinds, _cut(start, sizes), strict=True)
        ]
        blocks = [pieces[a:b] for a, b in pairwise(np.searchsorted(edges, [0, *ends]))]
        return tuple(
            (own[0] if len(own) == 1 else jnp.concatenate(own or [start[:0]])).reshape(shape)
            for own, shape in zip(blocks, self.shapes, strict=True)
        )

    def split(self, x: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what :meth:`join` puts together, of vectors ``(..., dim)``."""
        return ((x - start) / self.unit)[..., self.trained], x[..., self.tuned]

    def whole(self, w: np.ndarray, v: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return vectors ``(..., dim)``, as :meth:`join` does, in NumPy."""
        x = np.broadcast_to(start, (*w.shape[:-1], len(start))).copy()
        x[..., self.trained] += self.unit[self.trained] * w
        x[..., self.tuned] = v
        return x


def _cut(x: Any, sizes: np.ndarray) -> Sequence[Any]:
    """Return pieces of ``x`` of these sizes; one operation, so that its derivative is one as well."""
    import jax.numpy as jnp

    return jnp.split(x, np.cumsum(sizes)[:-1]) if len(sizes) else ()


def coordinates(target: BatchTarget, penalty: bool) -> Coordinates:
    """Return what becomes of each coordinate."""
    roles = target.roles
    tuned = np.zeros(target.dim, dtype=bool)
    for places in target.blocks.values():
        if places.size == 1:
            tuned[places] = roles[places.flat[0]] == "parameter"
    tuned |= _other_intercepts(target)
    stays = np.isin(roles, STAY) | ((roles == "sd") & (not penalty))
    tuned |= (roles == "sd") & penalty
    return Coordinates(
        trained=np.flatnonzero(~tuned & ~stays),
        tuned=np.flatnonzero(tuned),
        decayed=np.isin(roles, ("weight", "effect")).astype(np.float64),
        # The target's jitter is half the natural scale of a coefficient.
        unit=np.where(np.isin(roles, ("intercept", "coefficient")), 2.0 * target.jitter, 1.0),
        shapes=tuple(places.shape for places in target.blocks.values()),
    )


def _other_intercepts(target: BatchTarget) -> np.ndarray:
    """Return which intercepts, ``(dim,)``, are not the main predictor's."""
    found = np.zeros(target.dim, dtype=bool)
    at = np.flatnonzero(target.roles == "intercept")
    if len({name for name, places in target.blocks.items() if np.isin(places, at).any()}) < 2:
        return found
    import jax

    with jax.enable_x64(True):
        batch, x = target.take(np.arange(1)), target.start
        predictor = jax.jit(lambda x: target.linear_function(1)(x, batch))
        here = np.asarray(predictor(x))
        for k in at:
            moved = x.copy()
            moved[k] += 1.0
            found[k] = np.array_equal(np.asarray(predictor(moved)), here)
    return found


WEIGHTS = re.compile(r"(?P<net>.*)_(?P<kind>[wb])(?P<layer>\d+)_z_*")
"""Names of the blocks of weights of a layer, and of its biases."""


def first(target: BatchTarget, initialisation: str, streams: Sequence[np.random.Generator]) -> np.ndarray:
    """Return starting points ``(member, dim)``: random weights, everything else in the middle of its prior.

    Deviations of groups from a common network start at 0.
    """
    x = np.tile(target.start, (len(streams), 1))
    blocks = {name: at for name, at in target.blocks.items() if target.roles[at.flat[0]] == "weight"}
    spreads = dict.fromkeys(blocks, 1.0) if initialisation == "prior" else _spreads(target, initialisation, blocks)
    for own, rng in zip(x, streams, strict=True):
        for name, places in blocks.items():
            own[places] = spreads[name] * rng.standard_normal(places.shape)
    return x


def _spreads(target: BatchTarget, initialisation: str, blocks: Mapping[str, np.ndarray]) -> dict[str, Any]:
    r"""Return the sd of standardised weights by block.

    Weights have the variance :math:`2 / n` with :math:`n` inputs of their layer (He et al. 2015, ICCV, 1026-1034,
    doi:10.1109/ICCV.2015.123) or :math:`2 / (n + m)` with :math:`m` outputs (Glorot and Bengio 2010, AISTATS 9, 249-256), in
    the last layer in units of the response, and biases are 0. The places of categories are not weights.
    """
    x, found = target.start.copy(), dict[str, Any]()
    for places in blocks.values():
        x[places] = 1.0
    made = target.weights(x)
    for name, places in blocks.items():
        match = WEIGHTS.fullmatch(name)
        found[name] = 1.0
        if match is None or name not in made:
            continue
        inputs, outputs = len(places), places.size // len(places)
        wanted = np.sqrt(2.0 / inputs if initialisation == "he" else 2.0 / (inputs + outputs))
        if f"{match['net']}_b{match['layer']}_z" not in blocks:
            wanted *= _unit(target, name)
        found[name] = wanted / np.abs(made[name]) if match["kind"] == "w" else 0.0
    return found


def _unit(target: BatchTarget, name: str) -> float:
    """Return the natural scale of the predictor that a network is part of: its intercept's."""
    intercepts = {b: at for b, at in target.blocks.items() if target.roles[at.flat[0]] == "intercept"}
    own = [b for b in intercepts if name.startswith(b.split("Intercept")[0])]
    return float(2.0 * target.jitter[intercepts[max(own, key=len)].flat[0]]) if own else 1.0
