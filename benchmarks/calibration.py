"""``python -m benchmarks.calibration``: simulation-based calibration of the exact method for responses that are not normal.

Parameters are drawn from their priors, a response from the model with these parameters, and the model is fitted to it. If the
draws are the posterior's, the rank of each true value among them is uniform, over simulated sets (Talts, Betancourt, Simpson,
Vehtari and Gelman 2018, arXiv:1804.06788; Cook, Gelman and Rubin 2006). Ranks among 99 thinned draws, in ten bins; the p-value is
that of a chi-squared test of ten equal shares. What a fit says of itself is counted; every set is in the table, whatever it said.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ._environments import ROOT
from ._tables import machine, table

BINS, RANKS = 10, 99
POPULATION = {"population": "Normal(0, 1)"}
PRIORS = {"Intercept": "Normal(0, 1)", **POPULATION}


def _logistic(eta: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-eta))


def nested(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, float]]:
    """Counts in plots of sites, with an effect a row."""
    site, plot = np.repeat(np.arange(8), 9), np.repeat(np.arange(24), 3)
    x = rng.permutation(np.linspace(-1.5, 1.5, 72))
    b0, b1 = rng.normal(size=2)
    sds = np.abs(rng.normal(size=3))
    eta = b0 + b1 * x + (sds[0] * rng.normal(size=8))[site] + (sds[1] * rng.normal(size=24))[plot] + sds[2] * rng.normal(size=72)
    y = rng.poisson(np.exp(np.clip(eta, -20, 15)))
    names = ("site", "plot", "row")
    frame = pd.DataFrame({"y": y, "x": x, "site": site, "plot": plot, "row": np.arange(72)}).astype(dict.fromkeys(names, str))
    return frame, {"Intercept": b0, "x": b1, **{f"1|{n}_sigma": s for n, s in zip(names, sds, strict=True)}}


def crossed(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, float]]:
    """Yes/no answers of 25 persons to 8 items."""
    person, item = (a.ravel() for a in np.meshgrid(np.arange(25), np.arange(8), indexing="ij"))
    x = rng.permutation(np.linspace(-1.5, 1.5, 200))
    b0, b1 = rng.normal(size=2)
    sds = np.abs(rng.normal(size=2))
    eta = b0 + b1 * x + (sds[0] * rng.normal(size=25))[person] + (sds[1] * rng.normal(size=8))[item]
    frame = pd.DataFrame({"y": rng.uniform(size=200) < _logistic(eta), "x": x, "person": person, "item": item})
    frame = frame.astype({"person": str, "item": str, "y": int})
    return frame, {"Intercept": b0, "x": b1, "1|person_sigma": sds[0], "1|item_sigma": sds[1]}


def slopes(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, float]]:
    """Successes in 5 trials, whose intercept and slope vary together by group."""
    group = np.repeat(np.arange(15), 6)
    x = np.tile(np.linspace(-1.5, 1.5, 6), 15)
    b0, b1 = rng.normal(size=2)
    sds, r = np.abs(rng.normal(size=2)), 2.0 * rng.beta(2.0, 2.0) - 1.0  # LKJ(2) of two coefficients
    z = rng.normal(size=(2, 15))
    u, v = sds[0] * z[0], sds[1] * (r * z[0] + np.sqrt(1 - r**2) * z[1])
    k = rng.binomial(5, _logistic(b0 + b1 * x + u[group] + v[group] * x))
    frame = pd.DataFrame({"k": k, "n": 5, "x": x, "g": group}).astype({"g": str})
    return frame, {"Intercept": b0, "x": b1, "1|g_sigma": sds[0], "x|g_sigma": sds[1], "g_corr": r}


def dispersed(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, float]]:
    """Counts with more variance than Poisson's, by group."""
    group = np.repeat(np.arange(12), 8)
    x = rng.permutation(np.linspace(-1.5, 1.5, 96))
    b0, b1 = rng.normal(size=2)
    sd, alpha = abs(rng.normal()), rng.gamma(2.0, 1.0)
    mean = np.exp(b0 + b1 * x + (sd * rng.normal(size=12))[group])
    y = rng.negative_binomial(alpha, alpha / (alpha + mean))
    return pd.DataFrame({"y": y, "x": x, "g": group}).astype({"g": str}), {
        "Intercept": b0, "x": b1, "1|g_sigma": sd, "alpha": alpha,
    }  # fmt: skip


def ordered(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, float]]:
    """Four ordered levels, by group."""
    group = np.repeat(np.arange(12), 8)
    x = rng.permutation(np.linspace(-1.5, 1.5, 96))
    b1, sd = rng.normal(), abs(rng.normal())
    cuts = np.sort(rng.normal(0, 1.5, 3))  # independent normal numbers, given that they increase
    latent = b1 * x + (sd * rng.normal(size=12))[group] + rng.logistic(size=96)
    y = pd.Categorical(np.searchsorted(cuts, latent), categories=range(4), ordered=True)
    frame = pd.DataFrame({"y": y, "x": x, "g": group}).astype({"g": str})
    return frame, {"x": b1, "1|g_sigma": sd, **{f"threshold[{k}]": float(c) for k, c in enumerate(cuts)}}


def inflated(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, float]]:
    """Counts with extra zeros, both with effects of the groups."""
    group = np.repeat(np.arange(12), 10)
    x = rng.permutation(np.linspace(-1.5, 1.5, 120))
    b0, b1, z0, z1 = rng.normal(size=4)
    sds = np.abs(rng.normal(size=2))
    mean = np.exp(np.clip(b0 + b1 * x + (sds[0] * rng.normal(size=12))[group], -20, 15))
    extra = _logistic(z0 + z1 * x + (sds[1] * rng.normal(size=12))[group])
    y = rng.poisson(mean) * (rng.uniform(size=120) >= extra)
    frame = pd.DataFrame({"y": y, "x": x, "g": group}).astype({"g": str})
    names = ("Intercept", "x", "zi_Intercept", "zi_x", "1|g_sigma", "zi_1|g_sigma")
    return frame, dict(zip(names, (b0, b1, z0, z1, *sds), strict=True))


def _half(*names: str) -> dict[str, str]:
    return {f"{name}_sigma": "HalfNormal(1)" for name in names}


@dataclass(frozen=True)
class Study:
    """A way to simulate data with the parameters that made them, and the model that is fitted, whose priors these are from."""

    make: Callable[[np.random.Generator], tuple[pd.DataFrame, dict[str, float]]]
    formula: str
    family: str
    priors: dict[str, str]
    formulas: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return ", ".join([f"`{self.formula}`", self.family, *(f"`{name} {text}`" for name, text in self.formulas.items())])


MODELS = {
    "nested counts, an effect a row": Study(
        nested, "y ~ x + (1 | site) + (1 | plot) + (1 | row)", "poisson", PRIORS | _half("1|site", "1|plot", "1|row")
    ),
    "crossed yes/no": Study(crossed, "y ~ x + (1 | person) + (1 | item)", "bernoulli", PRIORS | _half("1|person", "1|item")),
    "correlated slopes of successes": Study(
        slopes, "prop(k, n) ~ x + (1 + x | g)", "binomial", PRIORS | _half("1|g", "x|g") | {"g_corr": "LKJ(2)"}
    ),
    "overdispersed counts": Study(
        dispersed, "y ~ x + (1 | g)", "negative_binomial", PRIORS | _half("1|g") | {"alpha": "Gamma(2, 1)"}
    ),
    "ordered levels": Study(
        ordered, "y ~ x + (1 | g)", "cumulative", POPULATION | _half("1|g") | {"threshold": "Normal(0, 1.5)"}
    ),
    "extra zeros by group": Study(
        inflated,
        "y ~ x + (1 | g)",
        "zero_inflated_poisson",
        PRIORS | _half("1|g", "zi_1|g") | {"zi_Intercept": "Normal(0, 1)", "zi_x": "Normal(0, 1)"},
        {"zi": "~ x + (1 | g)"},
    ),
}


def ranks_of(job: tuple[str, int, str]) -> dict[str, Any]:
    """Return the rank of each true value of a simulated set, the fit's status and its seconds."""
    import bayesdeep as bd

    name, seed, method = job
    study = MODELS[name]
    frame, truth = study.make(np.random.default_rng([seed, len(name)]))
    warnings.simplefilter("ignore")
    began = time.perf_counter()
    model = bd.Model(study.formula, frame, family=study.family, priors=study.priors, **study.formulas)
    fit = model.fit(method, seed=seed, draws=400, progress=False)
    posterior, found = fit.posterior, {}
    for quantity, value in truth.items():
        own, _, place = quantity.partition("[")
        draws = np.asarray(posterior[own] if not place else posterior[own][..., int(place[:-1])]).reshape(-1)
        thinned = draws[np.linspace(0, len(draws) - 1, RANKS).astype(int)]
        found[quantity] = int((thinned < value).sum())
    ess = float(fit.summary(var_names=sorted({quantity.partition("[")[0] for quantity in truth}))["ess_bulk"].min())
    attrs = fit.idata.attrs
    return {"ranks": found, "status": attrs["status"], "ess": ess, "seconds": time.perf_counter() - began}


def main(arguments: list[str] | None = None) -> int:
    """Simulate and fit, print, and write ``calibration.md`` and ``calibration.json``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--sets", type=int, default=500)
    parser.add_argument("--method", default="transport")
    parser.add_argument("--only", default="")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    with ProcessPoolExecutor(given.workers) as pool:
        for name in MODELS:
            if given.only not in name:
                continue
            jobs = [(name, seed, given.method) for seed in range(1, given.sets + 1)]
            results[name] = list(pool.map(ranks_of, jobs, chunksize=5))
            for line in lines_of(name, results[name]):
                print(*line, sep=" | ", flush=True)
            write(given.out, given.method, results)
    return 0


def lines_of(name: str, sets: list[dict[str, Any]]) -> list[list[str]]:
    """Return a table's lines: for each quantity its shares of ranks by bin, and the p-value of equal ones."""
    found = []
    for quantity in sets[0]["ranks"]:
        ranks = np.array([one["ranks"][quantity] for one in sets])
        counts = np.bincount(ranks * BINS // (RANKS + 1), minlength=BINS)
        p = float(stats.chisquare(counts).pvalue)
        found.append([name, quantity, str(len(sets)), " ".join(map(str, counts)), f"{p:.3f}"])
    return found


def write(folder: Path, method: str, results: dict[str, Any]) -> None:
    """Write the results and a table."""
    where, lines, notes = machine(), [], []
    for name, sets in results.items():
        lines += lines_of(name, sets)
        doubtful, ess = sum(one["status"] != "ok" for one in sets), [one["ess"] for one in sets]
        seconds = float(np.median([one["seconds"] for one in sets]))
        notes.append(
            f"* {name}: {MODELS[name]}. {doubtful} of {len(sets)} fits said that the map did not fit; "
            f"least bulk ESS of 1,600 draws: median {np.median(ess):.0f}, 1 % of sets below {np.quantile(ess, 0.01):.0f}; "
            f"{seconds:.2f} s a fit."
        )
    text = (
        f"# calibration of {method}\n\n{(__doc__ or '').split(chr(10), 2)[2].strip()}\n\n"
        f"Taken {where['date']} on {where['cpus']} CPUs ({where['processor']}).\n\n" + "\n".join(notes) + "\n\n"
        f"{table(['model', 'quantity', 'sets', 'ranks in ten bins', 'p'], lines)}\n"
    )
    (folder / "calibration.md").write_text(text)
    (folder / "calibration.json").write_text(json.dumps({"machine": where, "method": method, "results": results}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
