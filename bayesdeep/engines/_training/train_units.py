"""Units of a trained network that do nothing, and units that are left out at random."""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.batches import BatchTarget

from .train_program import precision

MOST_ROWS = 2_000
CONSTANT = 0.01
"""A unit whose sd over rows is below this share of its size is constant."""
SMALL = 0.1
"""A unit counts as having at least this share of the size of its layer's largest."""
CONSTANT_UNITS_SHARE = 0.25
"""Share of a layer's units from which constant ones are worth a word."""


def constant_units(target: BatchTarget, position: np.ndarray, rng: np.random.Generator) -> dict[str, tuple[int, int]]:
    """Return by hidden layer how many units are the same at all rows, and how many there are.

    Such are rectifiers that are always off, units that are saturated everywhere, and those whose weights are nearly 0.
    """
    import jax

    if not target.masks:
        return {}
    rows = np.sort(rng.permutation(target.rows)[:MOST_ROWS])
    with precision("float64"):
        layers = jax.jit(target.units_function(len(rows)))(position, target.take(rows))
    found = {}
    for name, units in zip(target.masks, map(np.asarray, layers), strict=True):
        axes = tuple(range(units.ndim - 1))
        size, sd = np.sqrt((units**2).mean(axis=axes)), units.std(axis=axes)
        found[name] = (int((sd <= CONSTANT * np.maximum(size, SMALL * size.max())).sum()), len(size))
    return found


def constant_advice(found: Mapping[str, tuple[int, int]]) -> tuple[str, ...]:
    """Return a sentence for each layer with many constant units."""
    said = []
    for name, (constant, units) in found.items():
        if constant >= CONSTANT_UNITS_SHARE * units:
            layer = name.rsplit(".", 1)[-1].removesuffix("_mask").replace("layer", "hidden layer ")
            said.append(
                f"{constant} of {units} units of {layer} are the same at all rows: dead, saturated, or shrunk to nothing. "
                "Fewer would do; if the fit is poor, lower learning_rate, or set initialisation='he' or another activation."
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
            found[:, target.blocks[block].reshape(size, -1)] *= kept[:, :, None]
    return found
