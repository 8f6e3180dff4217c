r"""Coefficients integrated out by Laplace's method, for responses that are not Gaussian; as in INLA.

Where the predictor is linear in Gaussian coefficients, these are nearly Gaussian given the few hyperparameters (standard
deviations, correlations, parameters of the family). A Newton search finds their mode at any value of the hyperparameters, and
the curvature there gives the approximate marginal posterior of the hyperparameters, which is explored by a fitted proposal as
in ``collapsed``; coefficients are drawn from the Gaussian with that curvature, moved from the mode to about the mean. Each
joint draw has a known weight against the true posterior. Where the Pareto k-hat of these weights is good, independence
Metropolis chains use them, and the draws are those of the posterior up to Monte Carlo error; where it is not, the draws are
those of the approximation.

Unlike INLA's, the coefficients' conditional distribution is not made skew beside the correction by weights.

References
----------
Rue, Martino and Chopin (2009), Approximate Bayesian inference for latent Gaussian models by using integrated nested
Laplace approximations, doi:10.1111/j.1467-9868.2008.00700.x. Tierney and Kadane (1986),
doi:10.1080/01621459.1986.10478240.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.draws import Draws, Engine, Progress, check_counts
from bayesdeep.core.errors import FitError
from bayesdeep.core.rowwise import RowSystem
from bayesdeep.linear.proposal import Adapted
from bayesdeep.linear.unexplored import under
from bayesdeep.numerics.psis import KHAT_LIMIT

from .._laplace.inner_newton import Inner
from .._laplace.marginal_posterior import Marginal, Shape, centred, fitted_proposal
from .joint_proposals import Chains, Proposed, Size, propose, run_chains, shift, weigh

TUNING_SECONDS, DRAWING_SECONDS = 1.5, 3.0
"""Seconds that may go into fitting the proposal, and into values of the hyperparameters for the draws."""

MOST_TUNING, LEAST_TUNING = 3500, 80
"""Points a proposal is fitted to: at the most in all, at the least a dimension."""

LEAST_DISTINCT, FEWEST, WITHOUT = 1000, 400, 128
"""Values of the hyperparameters where each is dear, where each is very dear, and of nothing where there are none."""

LIMIT = 200.0
"""Seconds above which there are fewer values of the hyperparameters than usual."""

THINNED = 2
"""Proposals a draw where they are cheap."""

DRAWING = 2.0
"""Times a search that a value of the hyperparameters takes with its draws."""

LEAST_EFFECTIVE = 50
"""Effective number of weighted joint draws below which chains through them would hardly move."""

ATTEMPTS = 2
"""Times a proposal is made anew, with more points, while the Pareto k-hat says that it misses some of the posterior."""


@dataclass(frozen=True)
class LaplaceMarginalSettings:
    """Options of the engine.

    Attributes
    ----------
    draws, chains
        Kept draws of each chain, and the number of chains.
    distinct
        Values of the hyperparameters in all; each gets as many draws of the coefficients as it takes. None: as many as a few
        seconds allow, at least 1000; of a million rows at least 400.
    correct
        Whether the joint draws are corrected by importance where that works.
    check
        Whether a short run of ``nuts`` is made as well and compared with.
    """

    draws: int = 1000
    chains: int = 4
    distinct: int | None = None
    correct: bool = True
    check: bool = False

    def __post_init__(self) -> None:
        check_counts(self, "laplace_marginal", draws=1, chains=1)
        if self.distinct is not None and self.distinct < self.chains:
            raise FitError(
                f"laplace_marginal: distinct is {self.distinct}; give at least one value a chain, {self.chains}"
            )


def run(settings: LaplaceMarginalSettings, target: Any, seed: int, progress: Progress) -> Draws:
    """Explore and draw; see :class:`bayesdeep.core.draws.Engine`."""
    with under("laplace_marginal"):
        return _run(settings, target, seed, progress)


def _run(settings: LaplaceMarginalSettings, target: Any, seed: int, progress: Progress) -> Draws:
    began = time.perf_counter()
    rows: RowSystem = target.rows
    rng = np.random.default_rng(seed)
    inner = Inner.of(rows)
    size = _size(settings, DRAWING * inner.seconds, rows.system.dim)
    ready = time.perf_counter()
    marginal, shape = centred(inner, progress, "laplace_marginal")
    tuning, outer = time.perf_counter() - ready, -np.inf
    for attempt in range(ATTEMPTS):
        before = time.perf_counter()
        adapted = None if shape is None else _adapted(marginal, shape, 2**attempt, rng)
        tuning += time.perf_counter() - before
        progress.update(20, 100, "drawing")
        proposed = propose(size, marginal, None if adapted is None else adapted.proposal, rng, progress)
        weights, khat = weigh((proposed.log_weights + proposed.log_ratios).ravel())
        if adapted is not None:
            outer = weigh(proposed.log_weights.ravel())[1]
        fraction = float(1.0 / (weights**2).sum() / weights.size)
        corrected = settings.correct and khat < KHAT_LIMIT and fraction * weights.size >= LEAST_EFFECTIVE
        # With more points a tail is seen that none of the first fell into.
        if corrected or outer < KHAT_LIMIT or proposed.interrupted:
            break
    draws = min(settings.draws, proposed.log_weights.shape[1] * size.repeat)
    chains = run_chains(proposed, draws, corrected, rng)
    progress.update(100, 100)
    return Draws(
        positions=chains.positions,
        stats={"lp": chains.lp, "accepted": chains.accepted},
        exact=False,
        corrected=bool(corrected),
        status="interrupted" if proposed.interrupted else "ok" if khat < KHAT_LIMIT else "doubtful",
        advice=_advice(settings, proposed, chains, khat, outer),
        seconds_compile=target.seconds_compile + ready - began,
        seconds_tune=tuning,
        seconds_sample=time.perf_counter() - ready - tuning,
        details={
            "khat": float(khat),
            "khat_hyperparameters": float(outer),
            "corrected": "yes" if corrected else "no",
            "shift_in_sds": shift(proposed),
            "effective_fraction": fraction,
            "inner_iterations": float(inner.iterations / max(inner.searches, 1)),
            "evaluations": float(inner.searches),
            "draws_per_value": float(size.repeat),
        },
        coefficients=chains.coefficients,
    )


def _adapted(marginal: Marginal, shape: Shape, times: int, rng: np.random.Generator) -> Adapted:
    """Return a proposal fitted to ``times`` the usual number of points."""
    dim, seconds = len(shape.centre), marginal.inner.seconds
    most = max(MOST_TUNING, LEAST_TUNING * dim)
    return fitted_proposal(marginal, shape, times * int(np.clip(TUNING_SECONDS / seconds, LEAST_TUNING * dim, most)), rng)


def _size(settings: LaplaceMarginalSettings, each: float, dim: int) -> Size:
    """Return how many values of the hyperparameters, and how many draws of the coefficients for each."""
    total = settings.chains * settings.draws
    if settings.distinct is not None:
        wanted = settings.distinct
    elif dim == 0:
        wanted = WITHOUT
    else:
        least = np.clip(LIMIT / each, FEWEST, LEAST_DISTINCT)
        wanted = int(np.clip(DRAWING_SECONDS / each, least, THINNED * total))
    if wanted >= total:
        return Size(settings.chains, -(-wanted // settings.chains), 1)
    repeat = -(-total // max(wanted, settings.chains))
    return Size(settings.chains, -(-settings.draws // repeat), repeat)


def _advice(
    settings: LaplaceMarginalSettings, proposed: Proposed, chains: Chains, khat: float, outer: float
) -> tuple[str, ...]:
    advice = []
    if proposed.interrupted:
        kept, draws = chains.lp.shape
        advice.append(f"Drawing was interrupted; {kept} chains of {draws} draws are kept.")
    if khat < KHAT_LIMIT:
        return tuple(advice)
    if not outer < KHAT_LIMIT:
        advice.append(
            f"The proposal does not cover the posterior of the hyperparameters well (Pareto k-hat {outer:.2f}, limit "
            f"{KHAT_LIMIT}). Fit with method='nuts'."
        )
    else:
        shown = "infinite" if np.isinf(khat) else f"{khat:.2f}"
        again = "" if settings.check else " Fit again with check=True to compare with a short run of nuts."
        advice.append(
            f"laplace_marginal: Pareto k-hat of the joint draws is {shown} (limit {KHAT_LIMIT}), so they could not be "
            "corrected by importance and are the approximation's own. Groups with few rows and rare outcomes are where it is "
            f"off, usually by little.{again}"
        )
    return tuple(advice)


ENGINE = Engine(
    name="laplace_marginal",
    title="Laplace approximation with coefficients integrated out",
    exact=False,
    settings=LaplaceMarginalSettings,
    run=run,
    needs=frozenset({"rows", "one predictor"}),
    example={},
)
