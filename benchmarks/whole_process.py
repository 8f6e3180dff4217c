"""``python -m benchmarks.whole_process``: what a user waits for when a script reads a file, fits a model and prints a table.

Each script is a fresh process, from its first import to its end, on the same CSV; tools take turns, so that none has the quiet
minutes to itself, and the median is shown. Compile caches that an earlier run filled are warm; Python's compiled files too. The
floor is a process that imports pandas and SciPy's linear algebra, which a script like these cannot do without. Bambi and
bayesdeep draw 4 chains of 1,000 from a posterior; MixedLM and lme4 give a point estimate.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from ._environments import ROOT, python_of
from ._write import times_ours, write_table

READ = "import pandas as pd\nd = pd.read_csv('radon.csv')\n"
HIGH = "d['high'] = (d['log_radon'] > 1.4).astype(int)\n"
OURS = READ + "import bayesdeep as bd\n"
BAMBI = READ + "import arviz as az, bambi as bmb\n"
NUTPIE = ".fit(random_seed=1, progressbar=False, inference_method='nutpie')"
SCRIPTS: dict[str, dict[str, tuple[str, str]]] = {
    "normal, varying slopes": {
        "floor": ("bayesdeep", "import pandas, scipy.linalg\n"),
        "bayesdeep": (
            "bayesdeep",
            OURS + "f = bd.Model('log_radon ~ floor + (1 + floor | county)', d).fit(seed=1, progress=False)\n"
            "print(f.summary(var_names=['Intercept', 'floor', 'sigma']))\n",
        ),
        "bambi": (
            "bambi",
            BAMBI + f"i = bmb.Model('log_radon ~ floor + (1 + floor | county)', d){NUTPIE}\n"
            "print(az.summary(i, var_names=['Intercept', 'floor', 'sigma']))\n",
        ),
        "statsmodels": (
            "statsmodels",
            READ + "import statsmodels.formula.api as smf\n"
            "print(smf.mixedlm('log_radon ~ floor', d, groups='county', re_formula='~floor').fit().summary())\n",
        ),
        "lme4": (
            "Rscript",
            "suppressMessages(library(lme4)); d <- read.csv('radon.csv')\n"
            "print(summary(lmer(log_radon ~ floor + (1 + floor | county), d))$coefficients)\n",
        ),
    },
    "yes/no, varying intercepts": {
        "bayesdeep": (
            "bayesdeep",
            OURS + HIGH + "f = bd.Model('high ~ floor + (1 | county)', d, 'bernoulli').fit(seed=1, progress=False)\n"
            "print(f.summary(var_names=['Intercept', 'floor']))\n",
        ),
        "bambi": (
            "bambi",
            BAMBI + HIGH + f"i = bmb.Model('high ~ floor + (1 | county)', d, family='bernoulli'){NUTPIE}\n"
            "print(az.summary(i, var_names=['Intercept', 'floor']))\n",
        ),
        "lme4": (
            "Rscript",
            "suppressMessages(library(lme4)); d <- read.csv('radon.csv'); d$high <- as.integer(d$log_radon > 1.4)\n"
            "print(summary(glmer(high ~ floor + (1 | county), d, family = binomial))$coefficients)\n",
        ),
    },
}


def command(tool: str, script: Path) -> list[str] | None:
    """Return how a script is run; None where its language is not installed."""
    if tool == "Rscript":
        found = shutil.which(tool)
        return None if found is None else [found, str(script)]
    return [str(python_of(tool)), str(script)]


def run(argv: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds and the peak memory in MB of a process."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    with subprocess.Popen(argv, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((said.strip().splitlines() or ["?"])[-1][:200])
    return time.perf_counter() - began, used.ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and write ``whole_process.md`` and ``whole_process.json``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole_process", description=__doc__)
    parser.add_argument("--peers", default="floor,bayesdeep,bambi,statsmodels,lme4")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    wanted, results = given.peers.split(","), []
    given.out.mkdir(parents=True, exist_ok=True)
    import bayesdeep as bd

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bd.load_dataset("radon").to_csv(folder / "radon.csv", index=False)
        for model, scripts in SCRIPTS.items():
            commands = {}
            for tool, (language, text) in scripts.items():
                script = folder / f"{len(commands)}.{'R' if language == 'Rscript' else 'py'}"
                script.write_text(text)
                found = command(language, script) if tool in wanted else None
                if found is not None:
                    commands[tool] = found
            taken: dict[str, list[tuple[float, float]]] = {tool: [] for tool in commands}
            for repeat in range(given.repeats + 1):
                for tool, argv in commands.items():
                    try:
                        measured = run(argv, folder)
                    except RuntimeError as error:
                        print(f"{model}: {tool}: {error}", file=sys.stderr)
                        continue
                    if repeat:  # the first fills caches
                        taken[tool].append(measured)
            for tool, runs in taken.items():
                if runs:
                    seconds, memory = np.median(np.array(runs), axis=0)
                    each = [round(s, 3) for s, _ in runs]
                    results.append({"model": model, "tool": tool, "seconds": seconds, "memory_mb": memory, "runs": each})
                    print(json.dumps(results[-1]), flush=True)
    write(given.out, results)
    return 0


def write(folder: Path, results: list[dict[str, Any]]) -> None:
    """Write the results, and a table with the ratio to ours."""
    lines = [
        [r["model"], r["tool"], f"{r['seconds']:.2f}", times_ours(r, results, "seconds"), f"{r['memory_mb']:.0f}"]
        for r in results
    ]
    head = ["model", "tool", "seconds", "times bayesdeep", "peak MB"]
    write_table(folder, "whole_process", "whole processes", __doc__, head, lines, results)


if __name__ == "__main__":
    sys.exit(main())
