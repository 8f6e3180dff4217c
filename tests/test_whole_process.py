"""What a process imports: fits of multilevel models, and what is asked of them, need nothing heavy."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
import bayesdeep as bd
data = bd.load_dataset("radon")
fit = bd.Model("log_radon ~ floor + (1 + floor | county)", data).fit({method!r}, seed=1, draws=200, chains=2, progress=False)
fit.summary(); fit.summary(var_names=["Intercept"], round_to=2); repr(fit)
for kind in ("response", "mean", "linear"):
    fit.predict({{"county": ["new", "Anoka"], "floor": [0, 1]}}, kind=kind, new_groups="sample")
fit.diagnose(); fit.loo(); fit.log_score()
found = [name for name in {heavy!r} if name in sys.modules]
assert not found, found
fit.idata
assert "xarray" in sys.modules and "pymc" not in sys.modules
"""
COUNTED = """
import sys
import bayesdeep as bd
data = bd.load_dataset("radon").assign(high=lambda d: (d["log_radon"] > 1.4).astype(int))
fit = bd.Model("high ~ floor + (1 | county)", data, "bernoulli").fit(seed=1, draws=200, progress=False)
assert fit.explain_choice.startswith("transport"), fit.explain_choice
fit.summary(); repr(fit); fit.diagnose(); fit.loo(); fit.log_score()
new = {{"county": ["new", "Anoka"], "floor": [0, 1]}}
for kind in ("response", "mean", "linear"):
    fit.predict(new, kind=kind, new_groups="sample")
found = [name for name in {heavy!r} if name in sys.modules]
assert not found, found
"""
HEAVY = ("pymc", "pytensor", "jax", "numba", "matplotlib", "xarray", "arviz_base", "arviz_stats", "scipy.stats", "h5py")


def ran(code: str) -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.few(1)
@pytest.mark.parametrize("method", ["collapsed", "gibbs"])
def test_a_linear_fit_imports_nothing_heavy(method):
    ran(SCRIPT.format(method=method, heavy=HEAVY))


def test_a_multilevel_model_of_yes_and_no_compiles_nothing():
    """Fitted, summed up and judged without the libraries whose import takes longer than the fit."""
    ran(COUNTED.format(heavy=HEAVY))
