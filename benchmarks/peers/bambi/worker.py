"""Bambi with nutpie, its fastest sampler on a CPU, and its own non-centred parametrisation."""

import time
from collections.abc import Mapping
from typing import Any

from benchmarks._cards import prior
from benchmarks._protocol import Answer, Clock, Job, load_modules, load_numba, show, work
from benchmarks.peers import _tree

FAMILIES = {"negative_binomial": "negativebinomial"}


def load() -> None:
    """Import everything that fitting needs."""
    load_modules("arviz", "pymc", "nutpie", "nutpie.compile_pymc", "bambi")
    load_numba()


def priors(card: Mapping[str, Any], make: Any) -> dict[str, Any]:
    """Return the card's priors by Bambi's names; ``make(name, **arguments)`` is ``bambi.Prior``.

    The sd of a group's coefficient is an argument of the prior of the coefficient. Bambi has no correlations.
    """
    found = {}
    for key, text in card["priors"].items():
        name, arguments = prior(text)
        if name == "LKJ":
            continue
        made = make(name, **arguments)
        group = "|" in key and key.endswith("_sigma")
        found[key.removesuffix("_sigma") if group else key] = make("Normal", mu=0, sigma=made) if group else made
    return found


def fit(job: Job, frame: Any, design: Mapping[str, Any], clock: Clock) -> Any:
    """Fit from a data frame to the printed summary."""
    del design
    import arviz as az
    import bambi as bmb

    card = job.card
    with clock("build"):
        family = FAMILIES.get(card["family"], card["family"])
        model = bmb.Model(card["formula"], frame, family=family, priors=priors(card, bmb.Prior))
    began = time.perf_counter()
    tree = model.fit(
        draws=card["draws"],
        tune=card["tune"],
        chains=card["chains"],
        random_seed=job.seed,
        inference_method="nutpie",
        progressbar=False,
        compute_convergence_checks=False,
    )
    elapsed = time.perf_counter() - began
    sampling = tree["posterior"].attrs.get("sampling_time")
    if sampling is None:
        clock.set(compile_and_sampling=elapsed)
    else:
        clock.set(compile=elapsed - float(sampling), sampling=float(sampling))
    with clock("summary"):
        show(az.summary(tree))
    return tree


def answer(result: Any, card: Mapping[str, Any]) -> Answer:
    """Return the draws by common name."""
    correlated = any(correlated and len(names) > 1 for _, names, correlated in card["groups"])
    notes = ["another model: Bambi cannot correlate a group's coefficients"] if correlated else []
    details = {"divergences": int(result["sample_stats"]["diverging"].sum())}
    return Answer(_tree.scalars(result["posterior"].to_dataset()), notes=notes, details=details)


if __name__ == "__main__":
    work(load, fit, answer)
