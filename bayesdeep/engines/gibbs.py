r"""Gibbs sampling of a linear Gaussian model: all coefficients at once given the scales, and the scales given them, in two ways.

For crossed factors of so many groups that their coefficients cannot be factorised together. Given the scales, all coefficients
are drawn jointly (:mod:`bayesdeep.linear.joint_lanczos`), so that no ridge between an intercept and the groups' means slows the
chain. Then each scale and correlation is drawn by slice sampling, first given the effects :math:`u_f` and then given the
standardised ones,
:math:`z_f = T_f^{-1} u_f`, with which the effects move along; the first mixes fast where the data say much of each group, the
second where they say little, and one after the other does in both. Both steps only need sums over groups.

References
----------
Yu and Meng (2011), To center or not to center: that is not the question, Journal of Computational and Graphical Statistics 20,
531-570. Papaspiliopoulos, Roberts and Zanella (2020), Biometrika 107, 25-40.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bayesdeep.core.draws import Draws, Engine, Progress, check_counts
from bayesdeep.core.linear import LinearSystem
from bayesdeep.linear.gibbs_sweep import ChainState, Sweep
from bayesdeep.linear.joint_lanczos import lay_out_jointly
from bayesdeep.linear.principal_axes import in_principal_axes
from bayesdeep.linear.unexplored import under
from bayesdeep.numerics.cores import machine_cores


@dataclass(frozen=True)
class GibbsSettings:
    """Options of the Gibbs sampler.

    Attributes
    ----------
    draws, tune, chains
        Kept draws and first draws of each chain, which are thrown away, and the number of chains.
    """

    draws: int = 1000
    tune: int = 200
    chains: int = 4

    def __post_init__(self) -> None:
        check_counts(self, "gibbs", draws=1, tune=1, chains=1)


def run(settings: GibbsSettings, target: Any, seed: int, progress: Progress) -> Draws:
    """Sample; see :class:`bayesdeep.core.draws.Engine`."""
    began = time.perf_counter()
    with threadpool_limits(1), under("gibbs"), ThreadPoolExecutor(machine_cores()) as pool:
        turned = in_principal_axes(target.system)
        system = turned.system
        joint = lay_out_jointly(system, pool)
        sweep, record = Sweep(joint, np.random.default_rng(seed)), _Record(settings, system)
        ready = tuned = time.perf_counter()
        points, total = sweep.start(settings.chains), settings.tune + settings.draws
        try:
            for count in range(total):
                tuning = count < settings.tune
                given, passes = sweep.step(points, learning=tuning)
                points = given.points
                if tuning:
                    tuned = time.perf_counter()
                else:
                    record.add(given, passes)
                progress.update(count + 1, total, "tuning" if tuning else "drawing")
        except KeyboardInterrupt:
            if record.kept == 0:
                raise
    kept, interrupted = record.kept, record.kept < settings.draws
    advice = (f"Drawing was interrupted; {settings.chains} chains of {kept} draws are kept.",) if interrupted else ()
    return Draws(
        positions=record.positions[:, :kept],
        stats={"lp": record.lp[:, :kept]},
        exact=True,
        status="interrupted" if interrupted else "ok",
        advice=advice,
        seconds_compile=target.seconds_compile + ready - began,
        seconds_tune=tuned - ready,
        seconds_sample=time.perf_counter() - tuned,
        details={"passes_per_draw": record.passes / max(kept, 1), "entries_per_pass": float(joint.entries)},
        coefficients=turned.back(tuple(c[:, :kept] for c in record.coefficients)),
    )


class _Record:
    """What the chains have drawn so far: whole draws, whatever interrupts."""

    def __init__(self, settings: GibbsSettings, system: LinearSystem) -> None:
        shape = settings.chains, settings.draws
        self.positions, self.lp = np.empty((*shape, system.dim)), np.empty(shape)
        self.coefficients = [np.empty((*shape, system.columns))]
        self.coefficients += [np.empty((*shape, f.levels, f.width)) for f in system.factors]
        self.kept, self.passes = 0, 0

    def add(self, given: ChainState, passes: int) -> None:
        """Keep a draw of every chain."""
        self.positions[:, self.kept], self.lp[:, self.kept] = given.points, given.log_density
        for own, drawn in zip(self.coefficients, given.coefficients, strict=True):
            own[:, self.kept] = np.moveaxis(drawn, -1, 0)
        self.kept, self.passes = self.kept + 1, self.passes + passes


ENGINE = Engine(
    name="gibbs",
    title="Gibbs sampler: all coefficients at once, then their scales",
    exact=True,
    settings=GibbsSettings,
    run=run,
    needs=frozenset({"linear"}),
    example={"draws": 500, "chains": 2},
)
