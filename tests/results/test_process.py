"""What belongs to the user's process stays as it was: JAX's precision, random numbers, and settings of NumPy and Matplotlib."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, logging, os, random, sys
import jax, matplotlib
import numpy as np
import bayesdeep as bd

def state():
    levels = {name: logging.getLogger(name).level for name in ("", "jax", "matplotlib", "arviz", "bayesdeep")}
    return {
        "jax": str(jax.config.values), "error": np.geterr(), "print": str(np.get_printoptions()), "levels": levels,
        "numpy": np.random.get_state()[1].tobytes(), "python": random.getstate(), "plots": str(matplotlib.rcParams),
        "flags": os.environ.get("XLA_FLAGS"), "folder": os.getcwd(),
    }

wanted, double = json.loads(sys.argv[1]), sys.argv[2] == "double"
random.seed(1)
np.random.seed(1)
jax.config.update("jax_enable_x64", double)
rng = np.random.default_rng(0)
data = {"x": rng.normal(size=40), "g": np.resize(list("abcd"), 40), "y": rng.normal(size=40)}
found, before = {}, state()
for method, options in wanted:
    formula = "y ~ x + (1 | g)" if "device" in options else "y ~ net(x, hidden=[2]) + (1 | g)"
    fit = bd.Model(formula, data).fit(method, seed=1, progress=False, **options)
    fit.predict(data)
    after = state()
    total = sum(float(np.sum(v.values)) for v in fit.idata.posterior.data_vars.values())
    found[method] = [[key for key in after if after[key] != before[key]], total, jax.numpy.ones(1).dtype.name]
    before = after
print(json.dumps(found))
"""
FEW = {"draws": 5, "chains": 1}
QUICK = [("sgd", {"epochs": 2}), ("nuts", {"device": "jax", "tune": 5, **FEW})]
OTHERS = [
    ("ensemble", {"epochs": 2, "members": 2}),
    ("dropout", {"epochs": 2, "draws": 5}),
    ("laplace", {"rounds": 2, "train_steps": 5, **FEW}),
    ("advi", {"steps": 50, **FEW}),
    ("mclmc", {"tune": 20, "train_steps": 5, **FEW}),
]


@pytest.mark.integration
@pytest.mark.parametrize("wanted", [QUICK, pytest.param(OTHERS, marks=pytest.mark.slow)])
def test_a_fit_changes_nothing_of_the_process_and_does_not_depend_on_it(wanted: list[tuple[str, dict[str, int]]]) -> None:
    totals = []
    for precision in ("single", "double"):
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT, json.dumps(wanted), precision]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        assert [changed for changed, _, _ in found.values()] == [[] for _ in wanted]
        # What the user computes has the precision the user asked for.
        assert {kind for _, _, kind in found.values()} == {"float32" if precision == "single" else "float64"}
        totals.append([total for _, total, _ in found.values()])
    assert totals[0] == totals[1]
