"""Automatic differentiation variational inference with independent normals.

It finds the normal distribution without correlations, on the unconstrained scale, nearest to the posterior in the
exclusive Kullback-Leibler divergence. Means are often good; sds of correlated parameters are too small (for a Gaussian
posterior they are the conditional ones, one over the root of the precision's diagonal). Networks are fitted by mini-batches:
:mod:`bayesdeep.engines.advi.network_advi`.

References
----------
Kucukelbir, Tran, Ranganath, Gelman and Blei (2017), Journal of Machine Learning Research 18(14).
"""

import time

import numpy as np

from bayesdeep.core.draws import Draws, Engine, Progress, Target

from .._own_units import in_units
from .._starts import log_densities, no_parameters
from .._variational import VariationalSettings, fit_mean_field
from .._weighted_draws import check, finish
from .network_advi import NETWORK


@in_units
def run(settings: VariationalSettings, target: Target, seed: int, progress: Progress) -> Draws:
    """Approximate; see :class:`bayesdeep.core.draws.Engine`."""
    began = time.perf_counter()
    if target.dim == 0:
        still = no_parameters(target, settings.chains, settings.draws)
        return Draws(still, {"lp": log_densities(target, still)}, exact=False, corrected=True)
    rng = np.random.default_rng(seed)
    gaussian, reached = fit_mean_field(target, settings, rng, progress, "advi")
    advice: tuple[str, ...] = ()
    if not (reached.converged or reached.interrupted):
        advice = (f"advi: the ELBO was still changing after {reached.steps} steps; raise max_iterations.",)
    checked = check(target, gaussian, settings.chains * settings.draws, rng, progress)
    return finish(
        checked,
        settings.chains,
        settings.draws,
        rng,
        "advi",
        seconds=time.perf_counter() - began,
        compile_seconds=target.seconds_compile,
        interrupted=reached.interrupted,
        advice=advice,
        details={"elbo": reached.objective, "steps": float(reached.steps)},
    )


ENGINE = Engine(
    name="advi",
    title="mean-field variational approximation",
    exact=False,
    settings=VariationalSettings,
    run=run,
    variants={"network": NETWORK},
    example={"chains": 2, "max_iterations": 6000},
)
