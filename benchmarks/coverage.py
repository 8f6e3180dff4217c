"""``python -m benchmarks.coverage``: how often the bands of smooths hold the true curve.

A curve is chosen, rows are simulated about it, and a smooth is fitted with its default priors, each data set with rows at other
places. A band of 90 % is meant point by point, and such bands hold the curve at about 90 % of places on average over the rows,
not at each place: where a curve bends most they hold it less often, elsewhere more often (Nychka 1988, Journal of the American
Statistical Association 83, 1134-1143; Marra and Wood 2012, Scandinavian Journal of Statistics 39, 53-74). So the share of rows at
which the band of the expected response holds the truth is averaged over rows and over data sets; its standard error is that over
data sets.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._environments import ROOT
from ._tables import machine, table

LOW, HIGH = 0.87, 0.93
ROWS = 200

Curve = Callable[[np.ndarray, np.random.Generator], np.ndarray]

STEPS = 1_000


def walk(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an integrated random walk on a line: such curves are what the smooths' priors say, on average over all of them."""
    slope = rng.normal() * STEPS**0.5 + np.cumsum(rng.normal(size=STEPS))
    return np.interp(x, np.linspace(0, 1, STEPS), np.cumsum(slope))


CURVES: dict[str, tuple[str, Curve]] = {
    "line": ("2 x", lambda x, _: 2 * x),
    "one bend": ("2 sin(pi x)", lambda x, _: 2 * np.sin(np.pi * x)),
    "growth": ("exp(2 x)", lambda x, _: np.exp(2 * x)),
    "two peaks": (
        "0.2 x^11 (10 (1 - x))^6 + 10 (10 x)^3 (1 - x)^10",
        lambda x, _: 0.2 * x**11 * (10 * (1 - x)) ** 6 + 10 * (10 * x) ** 3 * (1 - x) ** 10,
    ),
    "waves": ("sin(4 pi x)", lambda x, _: np.sin(4 * np.pi * x)),
    "another each time": ("an integrated random walk", walk),
}
"""The second to fourth are those of Gu and Wahba (1991), SIAM Journal on Scientific and Statistical Computing 12, 383-398."""

BESIDE = (
    "Beside it, mgcv 1.8-41, `gam(y ~ s(x, k=20), method='REML')`, gaussian, the five curves that are the same each time, 100 "
    "sets of its own each: 0.900 with `se.fit`, 0.914 with `unconditional=TRUE`."
)
FAMILIES = ("gaussian", "poisson")
TERMS = {"tp": "s(x, k=20)", "cr": "s(x, k=20, bs='cr')", "ps": "s(x, k=20, bs='ps')"}


def one(job: tuple[str, str, str, int]) -> dict[str, Any]:
    """Return the share of rows of one data set whose band holds the truth, and what the fit took."""
    import bayesdeep as bd

    term, curve, family, seed = job
    rng = np.random.default_rng([seed, len(curve), len(family)])
    x = rng.uniform(0, 1, ROWS)
    height = CURVES[curve][1](x, rng)
    if family == "gaussian":
        truth = height
        y: np.ndarray = truth + height.std() * rng.normal(size=ROWS)
    else:
        truth = np.exp(1.0 + 0.5 * (height - height.mean()) / height.std())
        y = rng.poisson(truth)
    began = time.process_time()
    fit = bd.Model(f"y ~ {TERMS[term]}", pd.DataFrame({"x": x, "y": y}), family=family).fit(seed=seed, progress=False)
    bands = fit.predict(kind="mean", interval=0.9)
    held = (bands["lower"] <= truth) & (truth <= bands["upper"])
    return {
        "held": float(held.mean()),
        "width": float((bands["upper"] - bands["lower"]).mean() / np.std(truth)),
        "edf": float(fit.posterior["s(x)_edf"].mean()),
        "status": fit.idata.attrs["status"],
        "seconds": time.process_time() - began,
    }


def main(arguments: list[str] | None = None) -> int:
    """Simulate and fit, print, and write ``coverage.md`` and ``coverage.json``; 1 where a band is not what it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--only", default="", help="terms, joined by commas")
    parser.add_argument("--curves", default=",".join(CURVES))
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[dict[str, Any]]] = {}
    chosen = given.only.split(",") if given.only else list(TERMS)
    with ProcessPoolExecutor(given.workers) as pool:
        for family in given.families.split(","):
            for term in chosen:
                for curve in given.curves.split(","):
                    jobs = [(term, curve, family, seed) for seed in range(1, given.sets + 1)]
                    results[f"{family}/{term}/{curve}"] = list(pool.map(one, jobs, chunksize=5))
                    print(*line_of(family, term, curve, results[f"{family}/{term}/{curve}"]), sep=" | ", flush=True)
                write(given.out, results)
    return int(not all(LOW <= share <= HIGH for share, _ in averages(results).values()))


def line_of(family: str, term: str, curve: str, sets: list[dict[str, Any]]) -> list[str]:
    """Return a line of the table: the share of rows held with its standard error, width, and degrees of freedom."""
    held = np.array([s["held"] for s in sets])
    error = held.std(ddof=1) / np.sqrt(len(held))
    numbers = [f"{held.mean():.3f}", f"{error:.3f}", f"{np.mean([s['width'] for s in sets]):.2f}"]
    edf = np.array([s["edf"] for s in sets])
    return [family, term, curve, str(len(sets)), *numbers, f"{np.median(edf):.1f}"]


def averages(results: dict[str, list[dict[str, Any]]]) -> dict[str, tuple[float, float]]:
    """Return by family and term the share over all curves and its standard error."""
    by_term: dict[str, list[float]] = {}
    for key, sets in results.items():
        by_term.setdefault(key.rpartition("/")[0], []).extend(s["held"] for s in sets)
    return {key: (float(np.mean(v)), float(np.std(v, ddof=1) / np.sqrt(len(v)))) for key, v in by_term.items()}


def write(folder: Path, results: dict[str, list[dict[str, Any]]]) -> None:
    """Write the results and two tables."""
    where = machine()
    lines = [line_of(*key.split("/"), sets) for key, sets in results.items()]
    whole = [[*key.split("/"), f"{share:.3f}", f"{error:.3f}"] for key, (share, error) in averages(results).items()]
    every = [s for sets in results.values() for s in sets]
    doubtful = sum(s["status"] != "ok" for s in every)
    curves = "; ".join(f"{name}: {text}" for name, (text, _) in CURVES.items())
    text = (
        f"# coverage of the bands of smooths\n\n{(__doc__ or '').split(chr(10), 2)[2].strip()}\n\n"
        f"{ROWS} rows with x uniform on (0, 1). gaussian: noise with the sd of the curve over the rows. poisson: the expected "
        f"count is the exponential of 1 plus half the standardised curve. Curves: {curves}. Terms: "
        + "; ".join(f"{name}: `{term}`" for name, term in TERMS.items())
        + f".\n\nTaken {where['date']} on {where['cpus']} CPUs ({where['processor']}). {doubtful} of {len(every):,} fits said "
        f"that something was wrong; {np.median([s['seconds'] for s in every]):.2f} processor seconds a fit and its bands.\n\n"
        f"Over all curves; {LOW} to {HIGH} is asked for:\n\n{table(['family', 'basis', 'held', 'se'], whole)}\n\n{BESIDE}\n\n"
        f"{table(['family', 'basis', 'curve', 'sets', 'held', 'se', 'width in sds', 'edf'], lines)}\n"
    )
    (folder / "coverage.md").write_text(text)
    (folder / "coverage.json").write_text(json.dumps({"machine": where, "results": results}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
