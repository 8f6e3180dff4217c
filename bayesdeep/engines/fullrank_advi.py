"""Automatic differentiation variational inference with a full covariance, started from the mean-field one.

References
----------
Kucukelbir, Tran, Ranganath, Gelman and Blei (2017), Journal of Machine Learning Research 18(14).
"""

import time
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.draws import Draws, Engine, Progress, Target

from ._own_units import in_units
from ._starts import log_densities, no_parameters
from ._variational import VariationalSettings, fit_full_rank, fit_mean_field
from ._weighted_draws import check, finish

COSTLY_DIM = 300


@dataclass(frozen=True)
class FullrankSettings(VariationalSettings):
    """The options of ``advi``."""

    def __post_init__(self) -> None:
        self.check("fullrank_advi")


@in_units
def run(settings: FullrankSettings, target: Target, seed: int, progress: Progress) -> Draws:
    """Approximate; see :class:`bayesdeep.core.draws.Engine`."""
    began = time.perf_counter()
    if target.dim == 0:
        still = no_parameters(target, settings.chains, settings.draws)
        return Draws(still, {"lp": log_densities(target, still)}, exact=False, corrected=True)
    rng = np.random.default_rng(seed)
    gaussian, reached = fit_mean_field(target, settings, rng, progress, "fullrank_advi, mean field first")
    if not reached.interrupted:
        gaussian, reached = fit_full_rank(target, gaussian, settings, rng, progress, "fullrank_advi")
    advice = []
    if not (reached.converged or reached.interrupted):
        advice.append(f"fullrank_advi: the ELBO was still changing after {reached.steps} steps; raise max_iterations.")
    if target.dim > COSTLY_DIM:
        advice.append(
            f"fullrank_advi: a covariance of {target.dim} parameters has {target.dim * (target.dim + 1) // 2} entries: "
            "costly and noisy. Method 'advi' or 'nuts' suits such models better."
        )
    checked = check(target, gaussian, settings.chains * settings.draws, rng, progress)
    return finish(
        checked,
        settings.chains,
        settings.draws,
        rng,
        "fullrank_advi",
        seconds=time.perf_counter() - began,
        compile_seconds=target.seconds_compile,
        interrupted=reached.interrupted,
        advice=tuple(advice),
        details={"elbo": reached.objective, "steps": float(reached.steps)},
    )


ENGINE = Engine(
    name="fullrank_advi",
    title="full-rank variational approximation",
    exact=False,
    settings=FullrankSettings,
    run=run,
    example={"chains": 2, "max_iterations": 6000},
)
