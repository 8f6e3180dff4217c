"""Microcanonical Langevin Monte Carlo: explore with steps of constant speed, then correct them with a Metropolis test.

1. Weights of networks are trained to a point, scales and noise held; see :mod:`bayesdeep.engines._training.trained_start`.
2. Chains explore without a Metropolis test, and find the coordinates' scales. What comes of this alone is biased: with long
   steps the noise of a network came out four times too uncertain while all chains agreed.
3. So trajectories with a Metropolis test, each from a fresh direction and of random length, make the draws.

References
----------
Robnik, De Luca, Silverstein and Seljak (2023), Microcanonical Hamiltonian Monte Carlo, Journal of Machine Learning Research 24,
311. Robnik, Cohn-Gordon and Seljak (2025), arXiv:2503.01707: the Metropolis test. Sommer, Robnik, Nozadze, Seljak and Rügamer
(2025), Microcanonical Langevin Ensembles, International Conference on Learning Representations: networks, from a trained start.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from threading import Event
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Engine, Progress
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.numerics.cores import machine_cores

from .._jax.jax_chains import devices_used, programs_of, run_groups
from .._training.train_program import precision
from .._training.trained_start import Loss, compiled_loss, train
from .mclmc_draws import bias, collected, moving, only
from .mclmc_precision import ENOUGH, TOO_MUCH, Density, exact_density, nearby, rounding
from .mclmc_run import Row, density_of, make_groups, move_of
from .mclmc_tuning import Todo, stages

CHECK_TUNE, CHECK_DRAWS = 100, 150
"""Iterations with a test that draws without one are compared with."""
LEAST_ACCEPTANCE = 0.5
CHECKED = 32
"""Draws whose rounding is looked at."""


@dataclass(frozen=True)
class MclmcSettings:
    """Options of microcanonical sampling.

    Attributes
    ----------
    draws, tune, chains
        Kept draws and tuning iterations of each chain, each a trajectory of many steps, and the number of chains. Half of the
        tuning explores without a Metropolis test, the other half has one.
    adjust
        Whether trajectories pass a Metropolis test. Without it the draws are biased; how much is looked at, and told.
    target_accept
        Mean acceptance the steps of the test aim at.
    energy_variance
        Mean squared error of the energy, by step and dimension, while there is no test; smaller is slower and less biased.
        None: 0.0005 where all draws come from it, 0.003 where it only explores.
    path
        Mean length of a trajectory, in units of the square root of the dimension times the posterior's width.
    max_steps
        Most steps, one gradient each, of a trajectory.
    start
        ``"trained"`` (weights trained to a point) or ``"prior"`` (a random point).
    learning_rate, train_steps
        Of that training, and the most steps of each of its two rounds.
    precision
        ``"float32"``, ``"float64"``, or ``"auto"``: the former where its rounding is too small to matter, which is measured.
    cores
        Chains that run at once; as many as the machine has cores when None.
    """

    draws: int = 250
    tune: int = 250
    chains: int = 4
    adjust: bool = True
    target_accept: float = 0.9
    energy_variance: float | None = None
    path: float = 2.0
    max_steps: int = 512
    start: str = "trained"
    learning_rate: float = 0.02
    train_steps: int = 500
    precision: str = "auto"
    cores: int | None = None

    def __post_init__(self) -> None:
        for name in ("draws", "tune", "chains", "max_steps", "train_steps", "cores"):
            value = getattr(self, name)
            if value is None and name == "cores":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise FitError(f"mclmc: {name} is {value!r}; give a whole number, 1 or more")
        for name in ("energy_variance", "path", "learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise FitError(f"mclmc: {name} is {value!r}; give a number above 0")
        if not 0 < self.target_accept < 1:
            raise FitError(f"mclmc: target_accept must lie between 0 and 1, not {self.target_accept}")
        for name, known in (("start", ("trained", "prior")), ("precision", ("auto", "float32", "float64"))):
            value = getattr(self, name)
            if value not in known:
                raise FitError(f"mclmc: {name} is {value!r}{nearest(str(value), known)}")

    @property
    def exploring(self) -> float:
        """Return the error of the energy to aim at where there is no test."""
        return self.energy_variance or (0.003 if self.adjust else 5e-4)


@dataclass(frozen=True)
class Run:
    """What one fit works with: its options, the model, and the log density compiled in the precision ``kind``."""

    settings: MclmcSettings
    target: BatchTarget
    seed: int
    progress: Progress
    kind: str
    loss: Loss

    @property
    def total(self) -> int:
        """Return the number of iterations of all chains."""
        return self.settings.chains * (self.settings.tune + self.settings.draws)

    def slope_of(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log density and its gradient ``(dim,)``."""
        value, _, slope = self.loss(x, np.ones(self.target.rows))
        return -value, -slope

    def density(self, x: np.ndarray) -> float:
        """Return the log density."""
        return self.slope_of(x)[0]

    def train(self) -> list[np.ndarray]:
        """Return the chains' starting points, which are trained in threads."""
        settings, stop, found = self.settings, Event(), []
        steps = settings.train_steps if settings.start == "trained" else 0
        with ThreadPoolExecutor(min(settings.cores or machine_cores(), settings.chains)) as pool:
            jobs = [
                pool.submit(train, self.target, self.loss, (self.seed, 1, chain), steps, settings.learning_rate, stop)
                for chain in range(settings.chains)
            ]
            try:
                for job in jobs:
                    found.append(job.result().x)
                    self.progress.update(0, self.total, f"trained {len(found)} of {settings.chains}")
            finally:
                stop.set()
        return found


def _prepared(settings: MclmcSettings, target: BatchTarget, seed: int, progress: Progress, exact: Density) -> Run:
    """Return what to work with; ``"auto"`` is single precision where its rounding is small enough."""
    kind = "float32" if settings.precision == "auto" else settings.precision
    work = Run(settings, target, seed, progress, kind, compiled_loss(target, kind))
    points = nearby(target, target.initial(np.random.default_rng((seed, 0))))
    if settings.precision == "auto" and not rounding(work.density, exact, points) < ENOUGH:
        work = Run(settings, target, seed, progress, "float64", compiled_loss(target, "float64"))
    return work


def run(settings: MclmcSettings, target: BatchTarget, seed: int, progress: Progress, *, layout: str = "auto") -> Draws:
    """Sample; see :class:`bayesdeep.core.draws.Engine`.

    Raises
    ------
    FitError
        Where the log density is not finite, training diverges, or no chain moves.
    """
    began = time.perf_counter()
    if target.dim < 2:
        raise FitError("mclmc: a direction needs two parameters or more; use method='nuts'")
    exact = exact_density(target, density_of(target))
    work = _prepared(settings, target, seed, progress, exact)
    compiled = time.perf_counter()
    starts = work.train()
    ready = time.perf_counter()
    explore = settings.tune // 2 if settings.adjust else settings.tune
    todo = stages(explore, settings.tune - explore, settings.draws, settings.adjust)
    with precision(work.kind):
        groups = make_groups(target, starts, work.slope_of, seed, layout, work.kind)
        programs = programs_of(move_of(settings, target), groups, todo)
    made = time.perf_counter()
    interrupted = _stage(work, groups, programs, todo)
    everything = collected(groups, settings.draws)
    moved, stood = moving(everything)
    rows = only(everything, moved)
    extra: dict[str, float] = {}
    advice: list[str] = list(stood)
    if not settings.adjust and not interrupted:
        extra, said = _compared(work, groups, programs, rows, moved)
        advice += said
    sampled = time.perf_counter()
    noise = rounding(work.density, exact, _some(rows))
    if noise > TOO_MUCH and work.kind == "float32":
        advice.append(f"The log density has rounding errors of {noise:.2g}; fit again with precision='float64'.")
    acceptance = rows.acceptance_rate.mean(axis=1)
    if settings.adjust and acceptance.min() < LEAST_ACCEPTANCE:
        advice.append(
            f"A chain accepted {acceptance.min():.0%} of its trajectories (aim: {settings.target_accept:.0%}): parts of the "
            "posterior may be missing. Tune longer, or raise target_accept."
        )
    doubtful = bool(stood) or (bool(advice) and (settings.adjust or bool(extra.get("biased"))))
    if interrupted:
        advice.insert(0, "Sampling was interrupted; {} chains of {} draws are kept.".format(*rows.lp.shape))
        advice += [] if settings.adjust else ["The draws are not corrected by a Metropolis test, and their bias is not known."]
    spent = {tuning: sum(g.seconds[tuning] for g in groups) for tuning in (True, False)}
    share = spent[True] / max(sum(spent.values()), 1e-12)
    gradients = sum(g.gradients for g in groups)
    seconds, compiling = sampled - made, target.seconds_compile + compiled - began + made - ready
    return Draws(
        positions=rows.position,
        stats=_stats(rows),
        exact=settings.adjust,
        status="interrupted" if interrupted else "doubtful" if doubtful else "ok",
        advice=tuple(advice),
        seconds_compile=compiling,
        seconds_tune=ready - compiled + seconds * share,
        seconds_sample=seconds * (1 - share),
        details={
            "adjusted": float(settings.adjust),
            "gradients": float(gradients),
            "microseconds_per_gradient": 1e6 * sum(spent.values()) / max(gradients, 1),
            "compile_share": compiling / max(target.seconds_compile + sampled - began, 1e-12),
            "acceptance": float(acceptance.mean()),
            "step_size": float(rows.step_size[:, -1].mean()),
            "divergences": float(rows.diverging.sum()),
            "precision": work.kind,
            "rounding": noise,
            "device": devices_used(groups),
            "backend": f"jax {version('jax')}",
            **extra,
        },
    )


def _stage(work: Run, groups: Any, programs: Any, todo: Todo) -> bool:
    import jax

    def report() -> None:
        tuning = any(g.done < work.settings.tune for g in groups)
        work.progress.update(min(work.total, sum(g.done * len(g.chains) for g in groups)), work.total, "tuning" if tuning else "")

    return run_groups(groups, programs, todo, partial(jax.enable_x64, work.kind == "float64"), work.settings.cores, report)


def _compared(work: Run, groups: Any, programs: Any, rows: Row, moved: np.ndarray) -> tuple[dict[str, float], tuple[str, ...]]:
    """Go on from where the chains are, with a test, and return how far off the draws without it were."""
    done = work.settings.tune + work.settings.draws
    for group in groups:
        group.kept = []
    todo = stages(0, CHECK_TUNE, CHECK_DRAWS, True, first=done)
    if _stage(work, groups, programs, todo):
        return {}, ("The draws are not corrected by a Metropolis test, and the check of their bias was interrupted.",)
    return bias(rows, only(collected(groups, CHECK_DRAWS), moved), work.target.names, work.target.roles)


def _some(rows: Row) -> list[np.ndarray]:
    flat = rows.position.reshape(-1, rows.position.shape[-1])
    return list(flat[np.unique(np.linspace(0, len(flat) - 1, CHECKED).astype(int))])


def _stats(rows: Row) -> dict[str, np.ndarray]:
    kinds = {"f": np.float64, "b": np.bool_, "i": np.int64}
    return {name: v.astype(kinds[v.dtype.kind]) for name, v in rows._asdict().items() if name != "position"}


ENGINE = Engine(
    "mclmc", "Microcanonical Monte Carlo", exact=True, settings=MclmcSettings, run=run, needs=frozenset({"batches"}),
    example={"draws": 400, "tune": 400, "chains": 2},
)
