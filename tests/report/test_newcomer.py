"""A group never seen is predicted at a row that is told by the data's columns."""

import numpy as np
import pandas as pd

import bayesdeep as bd
from bayesdeep.report.newcomer import describe_row, typical_row


def test_the_typical_row_is_told_by_columns_also_of_smooths() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(
        {"x": rng.normal(size=61), "c": ["u"] * 61, "g": rng.choice(list("pqr"), 61), "y": rng.normal(size=61)}
    )
    data.loc[:9, "c"] = "v"
    fit = bd.Model("y ~ s(x, k=5) + c + (1 | g)", data).fit("collapsed", draws=50, seed=1, progress=False)
    middle = int(np.argmin(np.abs(data.x - data.x.median())))
    assert typical_row(fit) == middle
    assert set(describe_row(fit, middle).split(", ")) == {f"`x` = {data.x[middle]:.3g}", f"`c` = {data.c[middle]}"}
