r"""Units of a trained network that do nothing, and units that are left out at random.

How much unit :math:`u` does at row :math:`i` is the slope of the row's log likelihood in a factor in front of the unit,
:math:`\partial \ell_i / \partial m_{iu}`: 0 where the unit is off, where its weights onwards are 0, or where what follows is
saturated.
"""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.batches import BatchTarget

from ._train_program import precision

MOST_ROWS = 2_000
IDLE = 1e-4
"""A unit that does less than this share of what the most active one of its layer does, at every row, is idle."""
MANY_IDLE = 0.25
"""Share of a layer's units from which idle ones are worth a word."""


def idle_units(target: BatchTarget, position: np.ndarray, rng: np.random.Generator) -> dict[str, tuple[int, int]]:
    """Return by layer how many units do next to nothing at any row, and how many there are."""
    import jax

    if not target.masks:
        return {}
    rows = np.sort(rng.permutation(target.rows)[:MOST_ROWS])
    with precision("float64"):
        held = target.held_function(target.rows)(position, target.arrays)
        batch, masks = target.take(rows), tuple(np.ones((len(rows), size)) for size in target.masks.values())
        some = target.rows_function(len(rows))
        slopes = jax.jit(jax.grad(lambda m: some(position, batch, m, held).sum()))(masks)
    found = {}
    for name, slope in zip(target.masks, slopes, strict=True):
        most = np.abs(np.asarray(slope)).max(axis=0)
        found[name] = (int((most <= IDLE * max(most.max(), 1e-300)).sum()), len(most))
    return found


def idle_advice(found: Mapping[str, tuple[int, int]]) -> tuple[str, ...]:
    """Return a sentence for each layer of which many units do nothing."""
    said = []
    for name, (idle, units) in found.items():
        if idle and idle >= MANY_IDLE * units:
            layer = name.rsplit(".", 1)[-1].removesuffix("_mask").replace("layer", "hidden layer ")
            said.append(
                f"{idle} of {units} units of {layer} do nothing at any row: dead, or shrunk to nothing. Fewer would do; if the "
                "fit is poor, try a lower learning_rate."
            )
    return tuple(said)


def left_out(target: BatchTarget, position: np.ndarray, rate: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return networks ``(draws, dim)``, each with every hidden unit left out with probability ``rate``.

    The weights that go out from a unit are 0 where it is left out, else divided by ``1 - rate``.
    """
    found = np.repeat(position[None], draws, axis=0)
    for name, size in target.masks.items():
        kept = (rng.random((draws, size)) >= rate) / (1.0 - rate)
        for block in target.layers[name]:
            places = target.blocks[block]
            flat = places.reshape(size, -1)
            found[:, flat] *= kept[:, :, None]
    return found
