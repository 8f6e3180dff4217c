"""Laplace approximation: a Gaussian at the mode with the curvature found there.

The mode and the curvature are those of the unconstrained density with its Jacobians. The result is weighed against
the target: where Pareto k-hat allows, the draws are resampled by importance, else they are marked as doubtful.

References
----------
Tierney and Kadane (1986), https://doi.org/10.1080/01621459.1986.10478240
"""

import time
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.draws import Draws, Engine, Progress, Target
from bayesdeep.core.errors import FitError
from bayesdeep.numerics.psis import KHAT_LIMIT

from .._mode import curvature, find_mode
from .._own_units import unit_of
from .._starts import log_densities, no_parameters
from .._weighted_draws import Gaussian, check, finish
from .network_laplace import ENGINE as NETWORK


@dataclass(frozen=True)
class LaplaceSettings:
    """Options of Laplace's method.

    Attributes
    ----------
    draws, chains
        Draws from the normal distribution at the mode, shaped as so many chains.
    starts
        Number of points from which the mode is looked for.
    max_iterations
        Iterations allowed from each.
    """

    draws: int = 1000
    chains: int = 4
    starts: int = 4
    max_iterations: int = 2000

    def __post_init__(self) -> None:
        if min(self.draws, self.chains, self.starts, self.max_iterations) < 1:
            raise FitError("laplace: draws, chains, starts and max_iterations must be at least 1")


def run(settings: LaplaceSettings, target: Target, seed: int, progress: Progress) -> Draws:
    """Approximate; see :class:`bayesdeep.core.draws.Engine`."""
    began = time.perf_counter()
    if target.dim == 0:
        still = no_parameters(target, settings.chains, settings.draws)
        return Draws(still, {"lp": log_densities(target, still)}, exact=False, corrected=True)
    rng = np.random.default_rng(seed)
    mode = find_mode(target, settings.starts, settings.max_iterations, rng, progress, "laplace")
    # In each coordinate's own unit: which directions are flat, and how wide those are then made, must not depend on the data's.
    unit = unit_of(target)
    factor, repaired = _factor(curvature(target, mode.x) * np.outer(unit, unit))
    factor = unit[:, None] * factor
    advice = []
    if repaired:
        advice.append(
            f"laplace: the posterior is not curved downwards in {repaired} directions at the mode; their spread is a "
            "guess. Use method='nuts'."
        )
    checked = check(target, Gaussian(mode.x, factor), settings.chains * settings.draws, rng, progress)
    if "hierarchical" in target.words and not checked.khat < KHAT_LIMIT:
        advice.append("The joint mode of a multilevel model is unreliable; prefer method='nuts'.")
    return finish(
        checked,
        settings.chains,
        settings.draws,
        rng,
        "laplace",
        seconds=time.perf_counter() - began,
        compile_seconds=target.seconds_compile,
        interrupted=mode.interrupted,
        advice=tuple(advice),
        details={"lp_mode": mode.lp, "repaired_directions": float(repaired)},
    )


def _factor(precision: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the lower factor of the inverse of ``precision`` ``(dim, dim)``, and how many directions were repaired.

    A direction without downward curvature gets that of a unit Gaussian, the scale that priors are written on.
    """
    if not np.isfinite(precision).all():
        raise FitError("laplace: the curvature at the mode is not finite; use method='nuts'")
    values, vectors = np.linalg.eigh(precision)
    flat = values <= 1e-8 * max(1.0, float(values[-1]))
    sds = 1 / np.sqrt(np.where(flat, 1.0, values))
    return np.linalg.cholesky((vectors * sds**2) @ vectors.T), int(flat.sum())


ENGINE = Engine(
    name="laplace",
    title="Laplace approximation",
    exact=False,
    settings=LaplaceSettings,
    run=run,
    variants={"network": NETWORK},
    example={"chains": 2},
)
