"""A second model of the same structure in the same process: what a cross-validation, a notebook or a server pays."""

import sys
from dataclasses import replace
from typing import Any

import numpy as np

from . import radon
from ._cards import Benchmark


def half(seed: int = 1) -> Any:
    """Return about half of the counties, drawn without replacement, with all their houses."""
    frame = radon.frame()
    counties = np.unique(frame["county"].to_numpy().astype(str))
    kept = np.random.default_rng(seed).choice(counties, size=len(counties) // 2, replace=False)
    return frame[frame["county"].isin(kept)].reset_index(drop=True)


def resampled(seed: int = 2) -> Any:
    """Return as many houses as there are, drawn with replacement within their counties."""
    frame = radon.frame()
    rng = np.random.default_rng(seed)
    rows = frame.groupby("county", sort=True).indices.values()
    return frame.iloc[np.concatenate([rng.choice(r, size=len(r)) for r in rows])].reset_index(drop=True)


CORRELATED = replace(
    radon.CORRELATED,
    name="radon_second",
    title="half the counties, after the whole data in the same process",
    frame=half,
    before=radon.frame,
    tools=("bayesdeep", "nutpie", "bambi", "pymc", "numpyro"),
)
INDEPENDENT = replace(
    CORRELATED,
    name="radon_second_independent",
    title="without a correlation, houses resampled within counties, after the whole data in the same process",
    formula=radon.INDEPENDENT.formula,
    groups=radon.INDEPENDENT.groups,
    priors=radon.INDEPENDENT.priors,
    frame=resampled,
)

BENCHMARK = Benchmark("a second model of the same structure in the same process", (CORRELATED, INDEPENDENT))

if __name__ == "__main__":
    from .__main__ import main

    sys.exit(main(["radon_second", *sys.argv[1:]]))
