"""Where the middle of a smooth's variables is, and in which unit they are measured."""

from collections.abc import Sequence

import numpy as np

from bayesdeep.core.errors import FormulaError

ROUNDING = 1e-14
"""A column whose standard deviation is below this share of its mean does not vary: what is left is rounding."""


def unit(names: Sequence[str], x: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return where the variables' middle is, and in which units they are measured ``(variable,)``, one for all of them.

    Raises
    ------
    FormulaError
        For a variable that does not vary, or whose values are too large or too small to be squared; ``where`` begins its text.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        centre, scale, widest = x.mean(axis=0), x.std(axis=0), np.ptp(x, axis=0)
        small = (widest > ROUNDING * abs(centre)) & (np.square(widest) < np.finfo(np.float64).tiny)
    for j, name in enumerate(names):
        if not np.isfinite(scale[j]) or small[j]:
            size = "small" if small[j] else "large"
            raise FormulaError(f"{where}: the values of '{name}' are too {size} to be squared; measure it in other units")
        if scale[j] <= ROUNDING * abs(centre[j]):
            raise FormulaError(f"{where}: '{name}' is constant (every value is {x[0, j]:g}); a smooth needs one that varies")
    # Distances count in every direction alike.
    return centre, np.full(len(scale), np.sqrt((scale**2).mean()) if len(scale) > 1 else scale[0])
