"""Which coordinates are trained, which are found from held-out rows, which stay; and where training starts.

* Weights, coefficients, intercepts and effects of groups are trained.
* Scales of layers and inputs stay at the middle of their priors: a joint mode of weights and their scales lies where the
  scales vanish.
* Parameters of the family, such as the noise, and intercepts of formulas for them, are found from held-out rows alone: a network
  can come as near to the training rows as it likes.
* Standard deviations of groups are found from held-out rows too, given the standardised effects. With these they have no joint
  mode of use: it lies where the sd is large and the effects are hardly shrunk. Without a penalty they stay.
* Thresholds are intercepts, several of them, and trained.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget

STAY = ("scale", "correlation")


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
    """

    trained: np.ndarray
    tuned: np.ndarray
    decayed: np.ndarray
    unit: np.ndarray

    def join(self, w: Any, v: Any, unit: Any, start: Any) -> Any:
        """Return the whole vector, for JAX, from trained coordinates ``w`` in units ``unit`` and tuned ones ``v``.

        It is put together from pieces instead of scattered, so that the compiler sees which of them are constant.
        """
        import jax.numpy as jnp

        kind = np.zeros(len(self.unit), dtype=int)
        kind[self.trained], kind[self.tuned] = 1, 2
        edges = np.flatnonzero(np.diff(kind)) + 1
        parts, used = [], {1: 0, 2: 0}
        for begin, end in zip([0, *edges], [*edges, len(kind)], strict=True):
            own, size = kind[begin], end - begin
            at = used.get(own, 0)
            if own == 1:
                parts.append(start[begin:end] + unit[at : at + size] * w[at : at + size])
            else:
                parts.append(v[at : at + size] if own == 2 else start[begin:end])
            used[own] = at + size
        return jnp.concatenate(parts)

    def split(self, x: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what :meth:`join` puts together, of vectors ``(..., dim)``."""
        return ((x - start) / self.unit)[..., self.trained], x[..., self.tuned]

    def whole(self, w: np.ndarray, v: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return vectors ``(..., dim)``, as :meth:`join` does, in NumPy."""
        x = np.broadcast_to(start, (*w.shape[:-1], len(start))).copy()
        x[..., self.trained] += self.unit[self.trained] * w
        x[..., self.tuned] = v
        return x


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
    blocks = {name: at for name, at in target.blocks.items() if target.roles[at.flat[0]] == "weight" and "|" not in name}
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
