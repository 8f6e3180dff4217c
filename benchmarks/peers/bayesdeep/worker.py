"""bayesdeep, from a data frame."""

import time
from collections.abc import Mapping
from typing import Any

from benchmarks._protocol import Answer, Clock, Job, load_modules, load_numba, show, work
from benchmarks.peers import _tree


def load() -> None:
    """Import everything that fitting needs, what is imported late too."""
    load_modules("arviz", "pymc", "nutpie", "nutpie.compile_pymc", "nutpie.compiled_pyfunc", "bayesdeep.model")
    load_numba()
    from bayesdeep.core import registry

    for found in vars(registry).values():
        if isinstance(found, registry.Registry):
            for name in found:
                found[name]


def fit(job: Job, frame: Any, design: Mapping[str, Any], clock: Clock) -> Any:
    """Fit from a data frame to the printed summary."""
    del design
    import bayesdeep as bd

    card = job.card
    with clock("build"):
        model = bd.Model(card["formula"], frame, card["family"], priors=card["priors"])
    began = time.perf_counter()
    fit = model.fit(
        job.method, draws=card["draws"], tune=card["tune"], chains=card["chains"], seed=job.seed, progress=False
    )
    elapsed = time.perf_counter() - began
    tune, draw = fit.idata.attrs["seconds_tune"], fit.idata.attrs["seconds_sample"]
    # What is neither tuning nor drawing: making the graph, compiling, and naming the draws.
    clock.set(compile=elapsed - tune - draw, tune=tune, draw=draw, sampling=tune + draw)
    with clock("summary"):
        show(fit.summary())
    return fit


def answer(result: Any, card: Mapping[str, Any]) -> Answer:
    """Return the draws by common name."""
    del card
    attrs, stats = result.idata.attrs, result.idata["sample_stats"]
    details = {"method": attrs["method"], "seconds_compile_only": attrs["seconds_compile"]}
    if "diverging" in stats:
        details["divergences"] = int(stats["diverging"].sum())
    if "passes_per_draw" in attrs["details"]:
        details["passes_per_draw"] = attrs["details"]["passes_per_draw"]
    if "n_steps" in stats:
        details["gradients_while_drawing"] = int(stats["n_steps"].sum())
    return Answer(_tree.scalars(result.posterior), notes=[f"method {attrs['method']}"], details=details)


if __name__ == "__main__":
    work(load, fit, answer)
