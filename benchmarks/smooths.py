"""``python -m benchmarks.smooths``: smooths and processes of a normal response, from data frame to summary.

Every model is fitted in a process of its own on simulated data, or on `mcycle`. Compile caches are as an earlier run left them.
*Model to summary* are processor seconds of `Model(…)`, `fit` and `summary`, the libraries' own imports included where they fall
into them; *whole process* is what a user waits for, from the start of Python to its end. Radon's varying slopes stand beside
`mcycle` for scale.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ._environments import ROOT, python_of
from ._write import write_table

FRAMES = {
    "one smooth, 500 groups, 20,000 rows": (
        "y ~ s(x) + (1 | g)",
        "n = 20_000; x = rng.uniform(size=n); g = rng.integers(500, size=n)\n"
        "d = pd.DataFrame({'x': x, 'g': g, 'y': np.sin(6 * x) + rng.normal(0, 0.5, 500)[g] + rng.normal(size=n)})\n",
    ),
    "five smooths, two crossed factors, 100,000 rows": (
        "y ~ s(a) + s(b) + s(c) + s(d) + s(e) + (1 | g) + (1 | h)",
        "n = 100_000; a, b, c, d, e = rng.uniform(size=(5, n)); g = rng.integers(500, size=n); h = rng.integers(200, size=n)\n"
        "mean = np.sin(6 * a) + b**2 + np.cos(3 * c) + d + 0.3 * np.exp(e)\n"
        "y = mean + rng.normal(0, 0.5, 500)[g] + rng.normal(0, 0.3, 200)[h] + rng.normal(size=n)\n"
        "d = pd.DataFrame({'a': a, 'b': b, 'c': c, 'd': d, 'e': e, 'g': g, 'h': h, 'y': y})\n",
    ),
    "process of one input, 10,000 rows": (
        "y ~ gp(x)",
        "n = 10_000; x = rng.uniform(0, 10, n)\n"
        "d = pd.DataFrame({'x': x, 'y': np.sin(2 * x) + 0.5 * np.cos(5 * x) + rng.normal(0, 0.5, n)})\n",
    ),
    "mcycle": ("accel ~ s(times, k=20)", "d = bd.load_dataset('mcycle')\n"),
    "radon's slopes": ("log_radon ~ floor + (1 + floor | county)", "d = bd.load_dataset('radon')\n"),
    **{
        f"tensor product by {levels} levels, {150 * levels:,} rows": (
            "y ~ t2(x, z, by=g)",
            f"n = {150 * levels}; x, z = rng.uniform(size=(2, n)); g = rng.integers({levels}, size=n)\n"
            "y = np.sin(6 * x) * z + 0.4 * g * x * z + rng.normal(0, 0.4, n)\n"
            "d = pd.DataFrame({'x': x, 'z': z, 'g': np.array(list('abcdefgh'))[g], 'y': y})\n",
        )
        for levels in (3, 8)
    },
}
"""By what it is: a formula, and a script that makes its data frame."""

SCRIPT = """import json, sys, time
import numpy as np, pandas as pd
import bayesdeep as bd
rng = np.random.default_rng(1)
{frame}
began = time.process_time()
fit = bd.Model({formula!r}, d).fit(seed={seed}, progress=False)
s = fit.summary()
done = time.process_time() - began
worst = {{"ess": float(s["ess_bulk"].min()), "rhat": float(s["r_hat"].max())}}
print(json.dumps({{"seconds": done, **worst, "how": fit.explain_choice}}))
"""


def measure(script: Path) -> dict[str, Any]:
    """Return what a script printed, with the processor seconds and the peak memory in MB of its process."""
    with subprocess.Popen([str(python_of("bayesdeep")), str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed, said = process.stdout.read().decode(), process.stderr.read().decode(errors="replace")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((said.strip().splitlines() or ["?"])[-1][:200])
    return {**json.loads(printed), "process": used.ru_utime + used.ru_stime, "memory_mb": used.ru_maxrss / 1024}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and write ``smooths.md`` and ``smooths.json``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smooths", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "fit.py"
        for model, (formula, frame) in FRAMES.items():
            for seed in range(1, given.repeats + 1):
                script.write_text(SCRIPT.format(frame=frame, formula=formula, seed=seed))
                try:
                    results.append({"model": model, "formula": formula, "seed": seed, **measure(script)})
                except RuntimeError as error:
                    print(f"{model}: {error}", file=sys.stderr)
                    continue
                print(json.dumps(results[-1]), flush=True)
    write(given.out, results)
    return 0


def write(folder: Path, results: list[dict[str, Any]]) -> None:
    """Write the results, and a table of medians over seeds."""
    lines = []
    for model in dict.fromkeys(r["model"] for r in results):
        own = [r for r in results if r["model"] == model]
        middle = {key: float(np.median([r[key] for r in own])) for key in ("seconds", "process", "memory_mb", "ess", "rhat")}
        worst = [f"{middle['ess']:.0f}", f"{middle['rhat']:.3f}"]
        figures = [f"{middle['seconds']:.2f}", f"{middle['process']:.2f}", f"{middle['memory_mb']:.0f}"]
        lines.append([model, f"`{own[0]['formula']}`", *figures, *worst])
    head = ["model", "formula", "model to summary, s", "whole process, s", "peak MB", "least ESS", "largest R-hat"]
    write_table(folder, "smooths", "smooths and processes", __doc__, head, lines, results)


if __name__ == "__main__":
    sys.exit(main())
