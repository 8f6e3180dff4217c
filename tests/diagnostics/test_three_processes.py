"""Multilevel or deep? Each of three processes has a model that should win, and comparison must name it: by simulation."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

pytestmark = pytest.mark.slow
MODELS = {
    "multilevel": "y ~ x1 + x2 + (1 + x1 | g)",
    "net": "y ~ net(x1, x2, hidden=[16])",
    "both": "y ~ (1 | g) + net(x1, x2, hidden=[16])",
}
GROUPS, EACH, HELD_OUT = 40, 8, 2000
SEEDS = (1, 2)


def rows(process: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training rows and others of the same groups."""
    rng = np.random.default_rng(seed)
    level, slope = rng.normal(size=GROUPS), rng.normal(size=GROUPS)

    def draw(g: np.ndarray) -> pd.DataFrame:
        x1, x2 = rng.uniform(-2, 2, (2, len(g)))
        mean = {
            "grouped and linear": level[g] + (1 + slope[g]) * x1 - 0.5 * x2,
            "smooth, without groups": np.sin(2 * x1) * x2 + np.cos(1.5 * x2),
            "both": level[g] + np.sin(2 * x1) * x2 + np.cos(1.5 * x2),
        }[process]
        return pd.DataFrame({"x1": x1, "x2": x2, "g": [f"g{k}" for k in g], "y": mean + 0.4 * rng.normal(size=len(g))})

    return draw(np.repeat(np.arange(GROUPS), EACH)), draw(rng.integers(GROUPS, size=HELD_OUT))


@cache
def compared(process: str, seed: int) -> pd.DataFrame:
    """Return the comparison's table on the other rows."""
    train, test = rows(process, seed)
    fits = {name: bd.Model(f, train).fit(seed=seed, progress=False) for name, f in MODELS.items()}
    return bd.compare(fits, data=test, progress=False).table


@pytest.mark.parametrize(
    ("process", "winner"),
    [("grouped and linear", "multilevel"), ("smooth, without groups", "net"), ("both", "both")],
)
def test_the_model_of_the_process_wins(process, winner):
    for seed in SEEDS:
        table = compared(process, seed)
        # Effects of groups that do not differ shrink to nothing: with them a model is as good, and by luck a little better.
        allowed = {winner, "both"} if winner == "net" else {winner}
        assert table["elpd"].idxmax() in allowed
        assert table["crps"].idxmin() in allowed
        assert abs(table.loc[winner, "elpd_diff"]) <= 2 * np.nan_to_num(table.loc[winner, "dse"])


@pytest.mark.parametrize(
    ("process", "loser"),
    [("grouped and linear", "net"), ("smooth, without groups", "multilevel"), ("both", "net"), ("both", "multilevel")],
)
def test_the_model_without_what_matters_is_far_behind(process, loser):
    for seed in SEEDS:
        row = compared(process, seed).loc[loser]
        assert abs(row["elpd_diff"]) > 5 * row["dse"]
