"""The No-U-Turn sampler of nutpie: Rust, one thread a chain, mass matrix from draws and gradients.

References
----------
Hoffman and Gelman (2014), Journal of Machine Learning Research 15, 1593-1623. Seyboldt, Carlson and Carpenter
(2026), Preconditioning Hamiltonian Monte Carlo by minimizing Fisher divergence, arXiv:2603.18845.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from bayesdeep.core.draws import Draws, Engine, Progress, Target, check_counts
from bayesdeep.core.errors import FitError

from .._chain_advice import advice, cut_short, status_of
from .._lost_chains import lost_chains, put_in, second_seed, starts_among, told
from .._starts import log_densities, no_parameters, safe_start
from .nutpie_chains import compiled, sample


@dataclass(frozen=True)
class NutsSettings:
    """Options of NUTS.

    Attributes
    ----------
    draws, tune, chains
        Kept draws and tuning draws of each chain, and the number of chains.
    target_accept
        Mean acceptance the step size aims at; closer to 1 means smaller steps and fewer divergences.
    max_treedepth
        Longest trajectory, as a power of two of gradient evaluations.
    cores
        Chains that run at once; as many as the machine has cores when None.
    adaptation
        ``"diag"`` (draws and gradients), ``"draw_diag"`` (draws only) or ``"low_rank"`` (for strongly correlated
        posteriors; slow to tune in more than about 100 dimensions).
    climb
        Steps uphill (Adam) from each chain's random start before it is tuned.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.8
    max_treedepth: int = 10
    cores: int | None = None
    adaptation: str = "diag"
    climb: int = 0

    def __post_init__(self) -> None:
        check_counts(self, "nuts", draws=1, tune=1, chains=1, max_treedepth=1)
        if self.cores is not None and self.cores < 1:
            raise FitError(f"nuts: cores must be at least 1, not {self.cores}")
        if isinstance(self.climb, bool) or not isinstance(self.climb, int) or self.climb < 0:
            raise FitError(f"nuts: climb must be a whole number, 0 or more, not {self.climb!r}")
        if not 0 < self.target_accept < 1:
            raise FitError(f"nuts: target_accept must lie between 0 and 1, not {self.target_accept}")
        if self.adaptation not in ("diag", "draw_diag", "low_rank"):
            raise FitError(f"nuts: adaptation must be 'diag', 'draw_diag' or 'low_rank', not '{self.adaptation}'")


def run(settings: NutsSettings, target: Target, seed: int, progress: Progress) -> Draws:
    """Sample; see :class:`bayesdeep.core.draws.Engine`."""
    if target.dim == 0:
        still = no_parameters(target, settings.chains, settings.draws)
        return Draws(still, {"lp": log_densities(target, still)}, exact=True, seconds_compile=target.seconds_compile)
    if "jax" in target.words:
        from .._jax.jax_nuts import run_jax

        return run_jax(settings, target, seed, progress)
    safe_start(target, np.random.default_rng(seed), "nuts")
    began = time.perf_counter()
    failures: list[BaseException] = []
    model = compiled(target, failures, settings.climb)
    ready = time.perf_counter()
    # Chains share the cores. BLAS's own threads in each of them would wait for one another: a network of 1,439 rows took four
    # times as long.
    with threadpool_limits(1):
        positions, stats, warm_share, interrupted = sample(settings, model, seed, progress, failures)
        lost = () if interrupted or "network" in target.words else lost_chains(stats["lp"])
        said: tuple[str, ...] = ()
        if lost:
            before = stats["lp"]
            model = compiled(target, failures, starts=starts_among(positions, lost, seed))
            fewer = replace(settings, chains=len(lost))
            others, other_stats, _, interrupted = sample(fewer, model, second_seed(seed), progress, failures)
            if not interrupted:
                positions, stats = put_in(positions, stats, lost, (others, other_stats))
                said = (told(lost, before, stats["lp"]),)
    seconds = time.perf_counter() - ready
    read_off = advice(settings, stats, _remedy(target))
    return Draws(
        positions=positions,
        stats=stats,
        exact=True,
        status=status_of(stats, interrupted, "network" in target.words),
        advice=(*said, *cut_short(stats["lp"], interrupted), *read_off),
        judged=read_off,
        seconds_compile=target.seconds_compile + ready - began,
        seconds_tune=seconds * warm_share,
        seconds_sample=seconds * (1 - warm_share),
        details={"divergences": float(stats["diverging"].sum()), "step_size": float(stats["step_size"][:, -1].mean())},
    )


def _remedy(target: Target) -> str:
    if "network" in target.words:
        return ""
    return "Standardise the predictors, or try adaptation='low_rank' where parameters are strongly correlated."


@dataclass(frozen=True)
class NetworkNutsSettings(NutsSettings):
    """Options of NUTS for networks: as :class:`NutsSettings`, with more chains of fewer draws from trajectories of 63 steps.

    The posterior of weights has no scale that longer trajectories would reach the end of, and many modes between which no chain
    moves: at the same cost short chains predicted better than half as many that are twice as long, and trajectories of 63 steps
    as well as ones of 127. From random starts most of tuning is spent on coming down to where the posterior is; 150 steps
    uphill, which cost as much as two draws, replace a fifth of it. Where the network models the noise as well, 110 iterations
    after them predicted better than 140 without (log score a row, 3 splits: concrete -2.40 and -2.46, Boston housing -2.18 to
    -2.21 and -2.19 to -2.27); longer climbs overfit, and what is then tuned has to come back. Where data say little about the
    weights, their scales make a funnel. With the usual acceptance of 0.8 it caught 22 of 384 chains (radon, 16 units), with 0.9
    one in fifty, whose trajectories have as many steps.

    Attributes
    ----------
    precision
        In which the hidden layers are computed, ``"single"`` or ``"double"``. Single takes two thirds of the time; it changes
        the log density by about 1e-6 of the response's standard deviation over the noise's, times the square root of the rows:
        nothing that a sampler could see, unless the noise is less than a hundred-thousandth of the response's spread. What is
        read off the draws is computed in double precision either way. Sampling on a graphics processor does not use it.
    """

    draws: int = 120
    tune: int = 180
    chains: int = 6
    target_accept: float = 0.9
    max_treedepth: int = 6
    climb: int = 150
    precision: str = "single"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.precision not in ("single", "double"):
            raise FitError(f"nuts: precision must be 'single' or 'double', not '{self.precision}'")


@dataclass(frozen=True)
class ClustersNutsSettings(NutsSettings):
    """Options of NUTS for effects of groups that fall into clusters: as :class:`NutsSettings`, with shorter steps and more draws.

    Between clusters a group's density has valleys, in which the usual steps diverge: of 4,000 draws 31 and 36 with an acceptance
    of 0.8, one each with 0.95 (40 groups in three clusters, two data sets). Chains of twice the length are long enough for the
    intercept and the number of clusters, which go with the weights of small clusters and mix slowest.
    """

    draws: int = 2000
    target_accept: float = 0.95


ENGINE = Engine(
    name="nuts",
    title="No-U-Turn sampler",
    exact=True,
    settings=NutsSettings,
    run=run,
    variants={
        "network": Engine("nuts", "No-U-Turn sampler", exact=True, settings=NetworkNutsSettings, run=run),
        "clusters": Engine("nuts", "No-U-Turn sampler", exact=True, settings=ClustersNutsSettings, run=run),
    },
    example={"draws": 400, "tune": 300, "chains": 2},
)
