"""``python -m benchmarks.ml``: maximum likelihood beside lme4 and statsmodels' MixedLM.

Each tool fits a model several times in a process of its own, imports and reading of the data not counted; the median of the
wall-clock seconds and of the processor's seconds is shown, and the log likelihood that was reached: the higher, the nearer to the
highest. MixedLM is asked for models of one grouping factor.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._environments import ROOT, python_of
from ._write import times_ours, write_table


@dataclass(frozen=True)
class Case:
    """A model as each tool writes it; the data set is ``data`` of the package."""

    title: str
    data: str
    ours: str
    lme4: str
    mixedlm: str = ""


CASES = (
    Case(
        "sleepstudy, varying slopes",
        "sleepstudy",
        "bd.Model('reaction ~ days + (days | subject)', d)",
        "lmer(reaction ~ days + (days | subject), d, REML = FALSE)",
        "smf.mixedlm('reaction ~ days', d, groups='subject', re_formula='~days')",
    ),
    Case(
        "cbpp, successes of trials",
        "cbpp",
        "bd.Model('prop(incidence, size) ~ period + (1 | herd)', d, family='binomial')",
        "glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), d, family = binomial)",
    ),
    Case(
        "epil, counts",
        "epil",
        "bd.Model('y ~ lbase * trt + lage + v4 + (1 | subject)', d, family='poisson')",
        "glmer(y ~ lbase * trt + lage + v4 + (1 | subject), d, family = poisson)",
    ),
    Case(
        "verbagg, yes/no of crossed persons and items",
        "verbagg",
        "bd.Model('r2 ~ anger + gender + btype + situ + (1 | id) + (1 | item)', d, family='bernoulli')",
        "glmer(r2 ~ anger + gender + btype + situ + (1 | id) + (1 | item), d, family = binomial)",
    ),
    Case(
        "InstEval, 73,421 rows of crossed students and lecturers",
        "insteval",
        "bd.Model('y ~ service + (1 | s) + (1 | d)', d)",
        "lmer(y ~ service + (1 | s) + (1 | d), d, REML = FALSE)",
    ),
)
FACTORS = ("subject", "herd", "period", "id", "item", "s", "d")
REPORT = "print(json.dumps([walls, processors, likelihood]))\n"
LOOP = """
walls, processors = [], []
for repeat in range({repeats} + 1):
    wall, processor = time.perf_counter(), time.process_time()
    fit = {fit}
    if repeat:
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
"""
OURS = """import json, time, pandas as pd, bayesdeep as bd
d = pd.read_csv('data.csv', dtype={texts})
model = {model}
""" + LOOP + "likelihood = fit.idata.attrs['log_likelihood']\n" + REPORT  # fmt: skip
MIXEDLM = """import json, time, warnings, pandas as pd, statsmodels.formula.api as smf
warnings.simplefilter('ignore')
d = pd.read_csv('data.csv', dtype={texts})
model = {model}
""" + LOOP + "likelihood = float(fit.llf)\n" + REPORT  # fmt: skip
LME4 = """suppressMessages(library(lme4)); d <- read.csv('data.csv')
for (name in intersect(c({factors}), names(d))) d[[name]] <- factor(d[[name]])
times <- sapply(0:{repeats}, function(k) {{ t <- system.time(fit <<- suppressMessages({model})); c(t[3], t[1] + t[2]) }})
times <- times[, -1, drop = FALSE]; numbers <- function(x) paste0('[', paste(x, collapse = ','), ']')
cat(sprintf('[%s,%s,%.8f]\\n', numbers(times[1, ]), numbers(times[2, ]), as.numeric(logLik(fit))))
"""


def frame(name: str) -> Any:
    """Return a data set with yes and no as 1 and 0."""
    import bayesdeep as bd

    found = bd.load_dataset(name)
    if name == "verbagg":
        found["r2"] = (found["r2"].astype(str) == "Y").astype("int64")
    return found


def scripts(case: Case, repeats: int) -> dict[str, tuple[list[str], str]]:
    """Return the command and the script of each tool that can fit a model."""
    texts = repr({name: "str" for name in FACTORS if name in frame(case.data).columns})
    ours = OURS.format(texts=texts, model=case.ours, repeats=repeats, fit="model.fit('ml', progress=False)")
    found = {"bayesdeep": ([str(python_of("bayesdeep"))], ours)}
    if shutil.which("Rscript"):
        names = ", ".join(f"'{name}'" for name in FACTORS)
        found["lme4"] = (["Rscript"], LME4.format(factors=names, model=case.lme4, repeats=repeats))
    if case.mixedlm:
        try:
            python = str(python_of("statsmodels"))
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"statsmodels is left out: {error}", file=sys.stderr)
            return found
        script = MIXEDLM.format(texts=texts, model=case.mixedlm, repeats=repeats, fit="model.fit(reml=False)")
        found["statsmodels"] = ([python], script)
    return found


def measured(argv: list[str], script: str, folder: Path) -> list[Any]:
    """Return wall-clock seconds, the processor's seconds and the log likelihood."""
    path = folder / "script"
    path.write_text(script)
    done = subprocess.run([*argv, str(path)], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["?"])[-1][:200])
    found: list[Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and write ``ml.md`` and ``ml.json``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ml", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    results: list[dict[str, Any]] = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            frame(case.data).to_csv(folder / "data.csv", index=False)
            for tool, (argv, script) in scripts(case, given.repeats).items():
                try:
                    walls, processors, likelihood = measured(argv, script, folder)
                except RuntimeError as error:
                    print(f"{case.title}: {tool}: {error}", file=sys.stderr)
                    continue
                seconds, processor = (sorted(times)[len(times) // 2] for times in (walls, processors))
                one = {"model": case.title, "tool": tool, "seconds": seconds, "processor_seconds": processor}
                results.append({**one, "log_likelihood": likelihood, "runs": walls})
                print(json.dumps(results[-1]), flush=True)
    write(given.out, results)
    return 0


def write(folder: Path, results: list[dict[str, Any]]) -> None:
    """Write the results, and a table with the ratio to ours."""
    lines = []
    for r in results:
        times = [f"{1000 * r[key]:.1f}" for key in ("seconds", "processor_seconds")]
        ratio = times_ours(r, results, "processor_seconds")
        lines.append([r["model"], r["tool"], *times, ratio, f"{r['log_likelihood']:.4f}"])
    head = ["model", "tool", "wall ms", "processor ms", "processor times bayesdeep", "log likelihood"]
    write_table(folder, "ml", "maximum likelihood", __doc__, head, lines, results)


if __name__ == "__main__":
    sys.exit(main())
