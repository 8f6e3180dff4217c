"""A PyMC model written by hand, compiled and sampled by nutpie."""

from collections.abc import Mapping
from typing import Any

from benchmarks._protocol import Answer, Clock, Job, load_modules, load_numba, show, work
from benchmarks.peers import _handwritten, _pymc_model


def load() -> None:
    """Import everything that fitting needs."""
    load_modules("arviz", "pymc", "nutpie", "nutpie.compile_pymc")
    load_numba()


def fit(job: Job, frame: Any, design: Mapping[str, Any], clock: Clock) -> Any:
    """Fit from arrays to the printed summary."""
    del frame
    import arviz as az
    import nutpie

    card = job.card
    with clock("build"):
        model = _pymc_model.build(card, design)
    with clock("compile"):
        compiled = nutpie.compile_pymc_model(model)
    with clock("sampling"):
        tree = nutpie.sample(
            compiled,
            draws=card["draws"],
            tune=card["tune"],
            chains=card["chains"],
            seed=job.seed,
            progress_bar=False,
        )
    with clock("summary"):
        show(az.summary(tree, var_names=_pymc_model.shown(tree["posterior"])))
    share = _tuning_share(tree)
    clock.set(tune=clock.seconds["sampling"] * share, draw=clock.seconds["sampling"] * (1 - share))
    return tree, design


def _tuning_share(tree: Any) -> float:
    tuned = float(tree["warmup_sample_stats"]["n_steps"].sum())
    return tuned / (tuned + float(tree["sample_stats"]["n_steps"].sum()))


def answer(result: Any, card: Mapping[str, Any]) -> Answer:
    """Return the draws by common name."""
    tree, design = result
    draws = _handwritten.scalars(card, design, _pymc_model.renamed(tree["posterior"].to_dataset()))
    return Answer(draws, details={"divergences": int(tree["sample_stats"]["diverging"].sum())})


if __name__ == "__main__":
    work(load, fit, answer)
