"""``python -m benchmarks.family_coverage``: how often intervals of multilevel models hold the truth, family by family.

Rows of fifteen groups of eight are simulated about a fixed truth, a family's own example: an intercept, a slope of 0.5, effects
of groups with sd 0.4 on the predictor's scale, and the family's other parameters. The model with default priors is fitted to each
set with the engine that is chosen by itself. Of each parameter the central intervals of 90 % that hold the truth are counted.

Under one fixed truth Bayesian intervals hold it about, not exactly, as often as they say: by so much as the prior says something.
A share of 100 sets has a standard error of 0.03 itself, so that 0.85 to 0.95 is missed by chance by one parameter in nine: what
is judged is the probability, were the share 0.9, of a count as far out as this one, times the number of parameters in the table.
"""

import argparse
import json
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bayesdeep.core.records import Family

from ._environments import ROOT
from ._tables import machine, table

SHARE, LOW, HIGH = 0.9, 0.85, 0.95
SURE = 0.001
"""Probability of a count, times how many there are, below which it is no chance."""
GROUPS, EACH, TRIALS = 15, 8, 12
SLOPE, SD = 0.5, 0.4
TRUTH: dict[str, dict[str, float]] = {"generalized_poisson": {"lam": 0.2}}
"""Of families, values other than their example's."""


def left_out(family: Family) -> str | None:
    """Return why a family is not studied, in a clause; None if it is."""
    if family.main.shape != "row":
        return "it has a predictor for each level"
    if "several_columns" in family.words:
        return "a response is several numbers"
    if family.components is not None:
        return "its components have predictors of their own"
    if any(p.shape == "shares" for p in family.parameters):
        return "its baseline is learned from the rows, and has no value that is the truth of every set"
    return None


def truth_of(family: Family) -> dict[str, float]:
    """Return the truth by the names of the posterior."""
    from bayesdeep.core.links import LINKS

    main, found = family.main, dict[str, float]()
    given = float(np.asarray(family.example[main.name]))
    if "no_intercept" not in family.words:
        found["Intercept"] = given if main.link_in_family else float(LINKS[main.links[0]].forward(np.array(given)))
    found |= {"x": SLOPE, "1|g_sigma": SD}
    for p in family.parameters[1:]:
        if p.fixed is not None:
            continue
        own = np.atleast_1d(np.asarray(TRUTH.get(family.name, {}).get(p.name, family.example[p.name]), dtype=float))
        found |= (
            {p.name: float(own[0])} if p.shape != "cut" else {f"{p.name}[{k}]": float(v) for k, v in enumerate(own)}
        )
    return found


@cache
def _drawn(name: str) -> Any:
    """Return the function from predictors to responses, of the family's own distribution, and how many cuts there are."""
    import pymc as pm
    import pytensor.tensor as pt

    from bayesdeep.core.links import LINKS
    from bayesdeep.core.records import Aux
    from bayesdeep.core.registry import FAMILIES
    from bayesdeep.graph.evaluate import array_mode

    family = FAMILIES[name]
    main, eta = family.main, pt.dvector()
    link = LINKS[main.links[0]]
    params: dict[str, Any] = {main.name: eta if main.link_in_family else link.inverse(eta)}
    for p in family.parameters[1:]:
        own = 1.0 if p.fixed is not None else TRUTH.get(family.name, {}).get(p.name, family.example[p.name])
        params[p.name] = pt.as_tensor(np.asarray(own, dtype=float))
    cuts = [
        len(np.atleast_1d(family.example[p.name])) for p in family.parameters if p.shape == "cut" and p.cuts is None
    ]
    aux = Aux(
        link, pt.constant(TRIALS, dtype="int64") if "trials" in family.words else None, cuts[0] + 1 if cuts else None
    )
    return pm.compile([eta], family.rv(params, aux), mode=array_mode(), random_seed=1), cuts


def simulated(family: Family, seed: int) -> tuple[str, pd.DataFrame]:
    """Return the left side of a formula, and rows."""
    draw, cuts = _drawn(family.name)
    rng = np.random.default_rng([seed, len(family.name)])
    g, x = np.repeat(np.arange(GROUPS), EACH), rng.normal(size=GROUPS * EACH)
    eta = truth_of(family).get("Intercept", 0.0) + SLOPE * x + rng.normal(0, SD, GROUPS)[g]
    y: Any = draw(eta)
    if cuts:
        y = pd.Categorical.from_codes(y.astype(int), list(range(cuts[0] + 1)), ordered=True)
    frame = pd.DataFrame({"y": y, "n": TRIALS, "x": x, "g": [f"g{i}" for i in g]})
    return "prop(y, n)" if "trials" in family.words else "y", frame


def one(name: str, seed: int) -> dict[str, Any]:
    """Return of one set which parameters' intervals hold the truth, and what the fit said of itself."""
    import bayesdeep as bd
    from bayesdeep.core.registry import FAMILIES

    family = FAMILIES[name]
    left, frame = simulated(family, seed)
    began = time.process_time()
    fit = bd.Model(f"{left} ~ x + (1 | g)", frame, family=name).fit(seed=seed, draws=400, progress=False)
    held, posterior = {}, fit.posterior
    for quantity, value in truth_of(family).items():
        bare, _, place = quantity.partition("[")
        draws = posterior[bare].values.reshape(-1, *posterior[bare].shape[2:])
        own = draws[:, int(place[:-1])] if place else draws
        low, high = np.quantile(own, [(1 - SHARE) / 2, (1 + SHARE) / 2])
        held[quantity] = int(value < low) - int(value > high)
    attrs = fit.idata.attrs
    return {"held": held, "status": attrs["status"], "method": attrs["method"], "seconds": time.process_time() - began}


def counts_of(sets: list[dict[str, Any]]) -> dict[str, tuple[int, int, float]]:
    """Return by parameter how many intervals hold the truth, how many lie above it, and the probability of such a count."""
    found = {}
    for quantity in sets[0]["held"]:
        sides = np.array([s["held"][quantity] for s in sets])
        inside = int((sides == 0).sum())
        found[quantity] = inside, int((sides == 1).sum()), float(stats.binomtest(inside, len(sides), SHARE).pvalue)
    return found


def wrong(sets: list[dict[str, Any]], tests: int) -> list[str]:
    """Return what is no chance, in words."""
    return [
        f"{quantity}: {inside} of {len(sets)} intervals of {SHARE:.0%} hold it, probability {p:.1g}"
        for quantity, (inside, _, p) in counts_of(sets).items()
        if p * tests < SURE
    ]


def main(arguments: list[str] | None = None) -> int:
    """Simulate and fit, print, and write ``family_coverage.md`` and ``.json``; 1 where intervals are not what they say."""
    from bayesdeep.core.registry import FAMILIES

    parser = argparse.ArgumentParser(prog="python -m benchmarks.family_coverage", description=__doc__)
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--only", default="", help="families, joined by commas")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    studied = [name for name, family in FAMILIES.items() if left_out(family) is None]
    stored = given.out / "family_coverage.json"
    results: dict[str, list[dict[str, Any]]] = json.loads(stored.read_text())["results"] if stored.exists() else {}
    for name in given.only.split(",") if given.only else studied:
        results[name] = [one(name, seed) for seed in range(1, given.sets + 1)]
        for line in lines_of(name, results[name]):
            print(*line, sep=" | ", flush=True)
        write(given.out, results, [n for n in studied if n not in results])
    tests = sum(len(sets[0]["held"]) for sets in results.values())
    return int(any(wrong(sets, tests) for sets in results.values()))


def lines_of(name: str, sets: list[dict[str, Any]]) -> list[list[str]]:
    """Return the lines of a family: a share by parameter."""
    return [
        [name, quantity, str(len(sets)), f"{inside / len(sets):.2f}",
         "yes" if LOW <= inside / len(sets) <= HIGH else "no", str(above), f"{p:.3f}"]
        for quantity, (inside, above, p) in counts_of(sets).items()
    ]  # fmt: skip


def write(folder: Path, results: dict[str, list[dict[str, Any]]], missing: list[str]) -> None:
    """Write the results, kept from one run to the next, and the table."""
    from bayesdeep.core.registry import FAMILIES

    where = machine()
    lines = [line for name in sorted(results) for line in lines_of(name, results[name])]
    tests = len(lines)
    said = [f"{name}: {text}" for name, sets in results.items() for text in wrong(sets, tests)]
    notes = []
    for name in sorted(results):
        sets = results[name]
        methods = ", ".join(sorted({s["method"] for s in sets}))
        doubtful, seconds = sum(s["status"] != "ok" for s in sets), np.median([s["seconds"] for s in sets])
        notes.append(
            f"* {name}: by {methods}; {doubtful} of {len(sets)} fits said that something was wrong; {seconds:.2f} s a fit."
        )
    apart = [f"* {name}: {why}." for name, family in FAMILIES.items() if (why := left_out(family)) is not None]
    header = ["family", "parameter", "sets", "held", f"{LOW} to {HIGH}", "interval above", "p"]
    text = (
        f"# coverage of families\n\n{(__doc__ or '').split(chr(10), 2)[2].strip()}\n\n"
        f"Last taken {where['date']} on {where['cpus']} CPUs ({where['processor']}); seconds are the processor's.\n\n"
        + "\n".join(notes)
        + f"\n\nNo chance among {tests} parameters: {'; '.join(said) if said else 'none'}.\n\n"
        + f"Not run: {', '.join(missing) if missing else 'none'}.\n\nNot studied:\n\n" + "\n".join(apart)
        + f"\n\n{table(header, lines)}\n"
    )  # fmt: skip
    (folder / "family_coverage.md").write_text(text)
    (folder / "family_coverage.json").write_text(json.dumps({"machine": where, "results": results}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
