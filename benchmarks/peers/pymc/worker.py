"""The same PyMC model with ``pm.sample()``, as installed without nutpie: PyMC's own NUTS."""

import time
from collections.abc import Mapping
from typing import Any

from benchmarks._protocol import Answer, Clock, Job, load_modules, load_numba, show, work
from benchmarks.peers import _handwritten, _pymc_model


def load() -> None:
    """Import everything that fitting needs."""
    load_modules("arviz", "pymc")
    load_numba()


def fit(job: Job, frame: Any, design: Mapping[str, Any], clock: Clock) -> Any:
    """Fit from arrays to the printed summary."""
    del frame
    import arviz as az
    import pymc as pm

    card = job.card
    with clock("build"):
        model = _pymc_model.build(card, design)
    began = time.perf_counter()
    with model:
        tree = pm.sample(
            card["draws"],
            tune=card["tune"],
            chains=card["chains"],
            random_seed=job.seed,
            progressbar=False,
            compute_convergence_checks=False,
        )
    elapsed = time.perf_counter() - began
    sampling = float(tree["posterior"].attrs["sampling_time"])
    clock.set(compile=elapsed - sampling, sampling=sampling)
    with clock("summary"):
        show(az.summary(tree, var_names=_pymc_model.shown(tree["posterior"])))
    return tree, design


def answer(result: Any, card: Mapping[str, Any]) -> Answer:
    """Return the draws by common name."""
    tree, design = result
    draws = _handwritten.scalars(card, design, _pymc_model.renamed(tree["posterior"].to_dataset()))
    return Answer(draws, details={"divergences": int(tree["sample_stats"]["diverging"].sum())})


if __name__ == "__main__":
    work(load, fit, answer)
