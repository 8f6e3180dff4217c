"""Folds of whole rows left out of fits of several responses, and what cannot be left out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError

FEW = {"seed": 1, "progress": False, "draws": 500}


def frame(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=rows), rng.integers(6, size=rows)
    e = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=rows)
    u = rng.normal(size=6)
    return pd.DataFrame({"x": x, "g": [f"g{i}" for i in g], "y1": 1 + x + u[g] + e[:, 0], "y2": 2 - x + e[:, 1]})


def test_independent_responses_have_the_scores_of_their_own_folds() -> None:
    data = frame()
    many = {**FEW, "draws": 1000}
    together = bd.Model(["y1 ~ x", "y2 ~ x"], data).fit(**many).kfold(2, progress=False)
    apart = [bd.Model(f"{y} ~ x", data).fit(**many).kfold(2, progress=False) for y in ("y1", "y2")]
    assert np.array_equal(together.folds, apart[0].folds)
    for number, name in enumerate(("y1", "y2")):
        own = np.concatenate([fold[name] for fold in together.visited])
        rows = np.concatenate([np.flatnonzero(together.folds == fold) for fold in range(2)])
        # From 500 draws a chain rows far out differed by 0.03 to 0.08 from one seed to the next, and here by less.
        assert own == pytest.approx(np.asarray(apart[number].elpd_i)[rows], abs=0.1)
    expected = np.asarray(apart[0].elpd_i) + np.asarray(apart[1].elpd_i)
    assert np.asarray(together.elpd_i) == pytest.approx(expected, abs=0.15)


@pytest.mark.integration
def test_folds_count_what_residuals_and_missing_responses_say() -> None:
    data = frame(120)
    data.loc[:19, "y2"] = np.nan
    fits = {
        name: bd.Model(["y1 ~ x + (1 | g)", "y2 ~ x"], data, missing="model", residual_correlation=name == "together").fit(**FEW)
        for name in ("apart", "together")
    }
    found = bd.compare(fits, score="folds", k=4, progress=False)
    assert found.table.attrs["scored_on"] == "whole rows left out in folds"
    gain = found.table.loc["together", "elpd"] - found.table.loc["apart", "elpd"]
    assert gain == pytest.approx(-0.5 * 100 * np.log(1 - 0.8**2), rel=0.35)  # in the 100 rows that have both
    assert found.table.loc["together", "elpd"] == pytest.approx(fits["together"].loo().elpd, abs=3)
    apart = found.table.loc["apart"]
    assert apart["elpd"] == pytest.approx(apart[["elpd_y1", "elpd_y2"]].sum(), abs=0.5)
    groups = fits["apart"].kfold(6, by="g", progress=False)
    assert len(groups.units) == 6
    for group in range(6):
        assert len(set(groups.folds[groups.groups == group])) == 1
    assert groups.elpd < apart["elpd"]  # groups that were never seen are harder


@pytest.fixture(scope="module")
def small() -> Any:
    return bd.Model(["y1 ~ x + (1 | g)", "y2 ~ x"], frame()).fit(seed=1, draws=50, chains=2, progress=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"k": 1}, "whole number, 2 or more"), ({"by": "h"}, "no grouping factor 'h'"), ({"k": 9, "by": "g"}, "only 6 groups")],
)
def test_refuses_folds_there_are_not(small: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(FitError, match=words):
        small.kfold(progress=False, **options)


def test_refuses_what_rows_left_out_do_not_have() -> None:
    data = frame(40)
    data.loc[2:, "y2"] = np.nan
    rare = bd.Model(["y1 ~ x", "y2 ~ 1"], data, missing="model").fit(seed=1, draws=50, chains=2, progress=False)
    seeds = [s for s in range(40) if len(set(bd.inference.kfold.make_folds(40, 2, s)[:2])) == 1]
    with pytest.raises(FitError, match="no row has 'y2'"):
        rare.kfold(2, seed=seeds[0], progress=False)
