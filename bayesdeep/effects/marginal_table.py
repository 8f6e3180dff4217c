"""Draws of effects to tidy tables: an estimate, its interval and the probability of its sign."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.spec.model_spec import ModelSpec

from .marginal_source import Source

OWN = ("term", "contrast", "level", "estimate", "sd", "lower", "upper", "prob_positive")
"""Names that tables use themselves."""


def check_names(names: Sequence[str], where: str) -> None:
    """Raise for columns of the data that are called as a column of the table is."""
    for name in names:
        if name in OWN:
            raise FitError(f"{where}: column '{name}' is called as one of the table's own is; rename it in the data")


def summarised(draws: np.ndarray, interval: float) -> dict[str, np.ndarray]:
    """Return mean, sd and the ends of the equal-tailed interval of draws ``(draw, …)``, each ``(…)``."""
    tail = (1 - interval) / 2
    lower, upper = np.quantile(draws, [tail, 1 - tail], axis=0)
    return {"estimate": draws.mean(axis=0), "sd": draws.std(axis=0), "lower": lower, "upper": upper}


def effect_rows(
    draws: np.ndarray,
    labels: pd.DataFrame,
    levels: Sequence[Any] | None,
    interval: float,
    first: Mapping[str, Any] | None = None,
    null: float | None = None,
) -> pd.DataFrame:
    """Return a row a group, and a level of the response where it has several.

    Parameters
    ----------
    draws
        ``(draw, group[, level])``.
    labels
        What the groups are called ``(group, …)``.
    levels
        Of the response, or None.
    interval
        Probability of the interval.
    first
        Columns of one value that come before the labels.
    null
        What no effect is, for ``prob_positive``; None to leave that out.
    """
    width = draws.shape[2] if draws.ndim == 3 else 1
    table = labels.loc[labels.index.repeat(width)].reset_index(drop=True)
    if draws.ndim == 3:
        # A predictor of several levels has none for the first.
        table["level"] = list(levels or range(width))[-width:] * len(labels)
    for place, (name, value) in enumerate((first or {}).items()):
        table.insert(place, name, [value] * len(table))
    found = summarised(draws, interval)
    if null is not None:
        found["prob_positive"] = (draws > null).mean(axis=0)
    for name, value in found.items():
        table[name] = value.ravel()
    return table


def scale_of(spec: ModelSpec, kind: str) -> str:
    """Say in words what was predicted."""
    if kind == "linear":
        return f"linear predictor (link {spec.predictors[0].link})"
    words = FAMILIES[spec.family].words
    if kind == "response":
        return "new responses"
    if "levels" in words:
        return "probability of each level"
    return "expected proportion" if "prop" in spec.response.modifiers else "expected response"


def finished(tables: Sequence[pd.DataFrame], source: Source, over: str, kind: str, interval: float) -> pd.DataFrame:
    """Return one table that says in ``attrs`` what its numbers are."""
    columns = ["term", "contrast", "estimate", "sd", "lower", "upper", "prob_positive"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    table.attrs = {
        "of": scale_of(source.spec, kind),
        "averaged_over": over,
        "interval": interval,
        "new_groups": source.new_groups,
        "draws": source.draws,
    }
    return table
