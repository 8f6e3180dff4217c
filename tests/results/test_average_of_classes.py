"""Curves and slopes at an average group, where groups have classes, or rows several groups with weights."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

RNG = np.random.default_rng(5)
N = 60
DATA = pd.DataFrame(
    {"x": RNG.normal(size=N), "g": RNG.choice(list("abcdef"), N), "h": RNG.choice(list("abcdef"), N), "w": RNG.uniform(0.2, 1, N)}
)
DATA["f"] = np.where(DATA.g.isin(list("abc")), "u", "v")
DATA["v"] = 1 - DATA.w
DATA["y"] = 2 * DATA.x + RNG.normal(size=N)


@pytest.mark.parametrize("term", ["(1 + x | gr(g, by=f))", "(1 | mm(g, h, weights=[w, v]))"])
def test_typical_rows_are_of_a_class_there_is(term: str) -> None:
    fit = bd.Model(f"y ~ x + {term}", DATA).fit("collapsed", seed=1, draws=50, chains=2, progress=False)
    curve = fit.curve("x", points=3)
    intercept, slope = (float(fit.idata.posterior[name].mean()) for name in ("Intercept", "x"))
    assert curve["estimate"].to_numpy() == pytest.approx(intercept + slope * curve["x"].to_numpy(), abs=1e-9)
    assert np.isfinite(fit.slopes("x", at="means")["estimate"]).all()
