"""Whether fits can be compared: the same response, on the same rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.inference.kfold import group_codes
from bayesdeep.results.fitted import Fitted, own_rows
from bayesdeep.results.rows import Rows


def mixed(fits: Mapping[str, Fitted]) -> tuple[str, ...]:
    """Return a note where log probabilities would be compared with log densities."""
    discrete = {name: "discrete" in FAMILIES[fit.spec.family].words for name, fit in fits.items()}
    if len(set(discrete.values())) == 1:
        return ()
    shown = ", ".join(f"'{name}'" for name, is_discrete in discrete.items() if is_discrete)
    return (
        f"{shown} give probabilities, the others densities: their elpd cannot be compared, unless values are whole "
        "numbers and one unit is small against their spread",
    )


def check_fits(fits: Any, baselines: int = 0) -> None:
    """Check that there are at least two fits, each given once, of the same response on the same rows.

    ``baselines`` is how many of these they are compared with: with one or more, one fit is enough.
    """
    if not isinstance(fits, Mapping):
        raise FitError(f"compare: fits is {type(fits).__name__}; give a dict of fits by name")
    for name, fit in fits.items():
        if not isinstance(fit, Fitted):
            said = getattr(fit, "instead", "") or f"{type(fit).__name__}, not a fit; call model.fit() first"
            raise FitError(f"compare: '{name}' is {said}")
    if baselines and not fits:
        raise FitError("compare: only baselines; give at least one fit, whose rows and columns they take")
    if len(fits) + baselines < 2:
        raise FitError(f"compare: {len(fits)} fit{'' if len(fits) == 1 else 's'}; give at least two")
    seen: dict[int, str] = {}
    for name, fit in fits.items():
        if id(fit) in seen:
            raise FitError(f"compare: '{name}' and '{seen[id(fit)]}' are the same fit")
        seen[id(fit)] = name
    (first, one), *others = fits.items()
    for name, fit in others:
        _check_same(first, one, name, fit)


def _check_same(first: str, one: Fitted, name: str, other: Fitted) -> None:
    """Check that two fits are of the same response on the same rows."""
    a, b = own_rows(one, "compare"), own_rows(other, "compare")
    if a.response.name != b.response.name:
        raise FitError(
            f"compare: '{first}' models '{a.response.name}' and '{name}' models '{b.response.name}'; log scores of "
            "different responses cannot be compared"
        )
    if a.rows != b.rows:
        raise FitError(f"compare: '{first}' has {a.rows:,} rows and '{name}' {b.rows:,}; fit both to the same rows")
    if not _same_values(a, b):
        raise FitError(
            f"compare: '{first}' and '{name}' have different values of '{a.response.name}', or rows in another order; "
            "fit both to the same rows"
        )


def _same_values(a: Rows, b: Rows) -> bool:
    x, y = np.asarray(a.response.value), np.asarray(b.response.value)
    return x.shape == y.shape and bool(np.array_equal(x, y)) and a.response.modifiers == b.response.modifiers


def common_groups(fits: Mapping[str, Fitted], by: str) -> np.ndarray:
    """Return each row's group from the first model that has the factor."""
    trouble: FitError | None = None
    for fit in fits.values():
        try:
            return group_codes(fit.spec, fit.rows, by)
        except FitError as error:
            trouble = error
    raise FitError(f"compare: no model has group effects for '{by}' with one group a row") from trouble
