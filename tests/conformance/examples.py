"""What the laws share: columns that the plug-ins' examples are written on, and sentences for what a record lacks."""

from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest

ROWS = 60


def columns(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    """Return rows with every column that an ``example`` may name."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, rows))
    g, h = rng.integers(0, 5, rows), rng.integers(0, 3, rows)
    y = 1.0 + 0.5 * x - 0.3 * z + 0.4 * (g - 2) + rng.normal(0, 0.7, rows)
    n = rng.integers(1, 9, rows)
    return pd.DataFrame(
        {
            "x": x,
            "z": z,
            "g": [f"g{i}" for i in g],
            "h": [f"h{i}" for i in h],
            "y": y,
            "upper": y,
            "low": y - rng.uniform(0.5, 3.0, rows),
            "status": rng.choice(["none", "left", "right"], rows, p=[0.8, 0.1, 0.1]),
            "w": rng.uniform(0.5, 2.0, rows),
            "n": n,
            "k": rng.binomial(n, 0.4),
            "a": rng.integers(0, 6, rows),
            "b": rng.integers(0, 6, rows),
            "t": rng.permutation(rows),
        }
    )


def related(data: pd.DataFrame) -> pd.DataFrame:
    """Return ``A``, a covariance of the levels of ``g`` and of one that no row has, by their labels."""
    labels = [*sorted(set(data["g"])), "no row"]
    places = np.arange(len(labels))
    values = 0.6 ** np.abs(places[:, None] - places) * (1.0 + 0.1 * (places[:, None] + places))
    values += np.diag(0.2 * places)
    return pd.DataFrame(values, index=labels, columns=labels)


def near(data: pd.DataFrame) -> pd.DataFrame:
    """Return ``W``, an adjacency of the levels of ``g``, of one that no row has, and of one without neighbours."""
    labels = [*sorted(set(data["g"])), "no row", "alone"]
    places = np.arange(len(labels))
    values = (np.abs(places[:, None] - places) == 1).astype(float)
    values[-1] = values[:, -1] = 0.0
    return pd.DataFrame(values, index=labels, columns=labels)


MATRICES = {"covariance": ("A", related), "adjacency": ("W", near)}
"""By kind: the name of an example, and what makes it from the columns."""


def matrices_of(plugin: Any, data: pd.DataFrame) -> dict[str, pd.DataFrame] | None:
    """Return the matrices that a term's example names; None for terms that take none."""
    if not plugin.matrices:
        return None
    name, make = MATRICES[plugin.matrix_kind]
    return {name: make(data)}


def setting(plugin: Any) -> tuple[str, dict[str, Any]]:
    """Return the response that a term's example is a model of, and the options that say its family."""
    gaussian = plugin.example_family == "gaussian"
    return ("y", {}) if gaussian else ("a", {"family": plugin.example_family})


def reads_of(plugin: Any) -> dict[str, dict[str, str]]:
    """Return the options of a model for the parameters that a term's example reads; none for other terms."""
    read = plugin.example_reads
    if not read:
        return {}
    priors = {f"{name}_Intercept": prior for name, (_, prior) in read.items()}
    return {"nonlinear": {name: formula for name, (formula, _) in read.items()}, "priors": priors}


def lacks(word: str, name: str, what: str) -> NoReturn:
    """Fail with what has to be added to a plug-in's record."""
    pytest.fail(f"The {word} '{name}' lacks {what}; add it to its record, see CONTRIBUTING.", pytrace=False)


def example_of(plugin: Any, word: str, name: str, what: str) -> Any:
    """Return a plug-in's example, or fail with the sentence that says what to add."""
    if plugin.example is None or plugin.example in ("", ()):
        lacks(word, name, f"an example: {what}")
    return plugin.example
