"""Intervals of multilevel models of counts hold what they should, over many simulated data sets of each family."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES

SETS, SHARE = 40, 0.8
TRUTH: dict[str, dict[str, float]] = {
    "beta_binomial": {"kappa": 6.0},
    "zero_inflated_binomial": {"zi": 0.25},
    "zero_inflated_negative_binomial": {"alpha": 2.0, "zi": 0.25},
    "hurdle_negative_binomial": {"alpha": 2.0, "hu": 0.25},
    "generalized_poisson": {"lam": 0.3},
    "com_poisson": {"nu": 1.8},
}
INTERCEPT, SLOPE, SD = 0.8, 0.5, 0.4


def simulated(family: str, seed: int, groups: int = 15, each: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(groups), each), rng.normal(size=groups * each)
    eta = INTERCEPT + SLOPE * x + rng.normal(0, SD, groups)[g]
    record, n = FAMILIES[family], np.full(len(x), 12)
    law = None if record.row_law is None else record.row_law(record.main.links[0])
    assert law is not None
    main = eta if record.main.link_in_family else np.exp(eta)
    given = {"mu": main[None], **{k: np.full((1, 1), v) for k, v in TRUTH[family].items()}}
    y = law.draw(rng, given, n[None].astype(float) if "trials" in record.words else None)[0]
    return pd.DataFrame({"y": y, "n": n, "x": x, "g": [f"g{i}" for i in g]})


@pytest.mark.slow
@pytest.mark.parametrize("family", TRUTH)
def test_intervals_hold_the_truth_as_often_as_they_say(family: str) -> None:
    """Within four standard errors of a share of 40 sets; of priors these truths are in the middle."""
    left = "prop(y, n)" if "trials" in FAMILIES[family].words else "y"
    truth = {"Intercept": INTERCEPT, "x": SLOPE, "1|g_sigma": SD, **TRUTH[family]}
    inside = dict.fromkeys(truth, 0)
    for seed in range(SETS):
        fit = bd.Model(f"{left} ~ x + (1 | g)", simulated(family, seed), family=family).fit(seed=seed, progress=False)
        for name, value in truth.items():
            low, high = np.quantile(fit.posterior[name].values, [(1 - SHARE) / 2, (1 + SHARE) / 2])
            inside[name] += int(low <= value <= high)
    error = np.sqrt(SETS * SHARE * (1 - SHARE))
    assert all(abs(count - SETS * SHARE) < 4 * error for count in inside.values()), inside
