"""The mode: the single most probable point.

The mode is that of the density on the unconstrained scale, with every Jacobian: the target knows no other. It
differs from the mode on the parameters' own scale wherever a parameter is transformed (a standard deviation is
drawn away from zero, for instance), and it does not depend on the units of the data.
"""

import time
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.draws import Draws, Engine, Progress, Target
from bayesdeep.core.errors import FitError

from ._mode import find_mode


@dataclass(frozen=True)
class MapSettings:
    """Options of the mode search: the number of starting points and the iterations allowed from each."""

    starts: int = 4
    max_iterations: int = 2000

    def __post_init__(self) -> None:
        if self.starts < 1 or self.max_iterations < 1:
            raise FitError("map: starts and max_iterations must be at least 1")


def run(settings: MapSettings, target: Target, seed: int, progress: Progress) -> Draws:
    """Find the mode; one chain of one draw, ``(1, 1, dim)``."""
    began = time.perf_counter()
    if target.dim == 0:
        nothing = np.zeros(0)
        return Draws(nothing.reshape(1, 1, 0), {"lp": np.full((1, 1), target.logp_dlogp(nothing)[0])}, exact=False)
    rng = np.random.default_rng(seed)
    mode = find_mode(target, settings.starts, settings.max_iterations, rng, progress, "map")
    advice = []
    if mode.interrupted:
        advice.append("The search was interrupted; the best point so far is reported.")
    if "hierarchical" in target.words:
        advice.append(
            "The joint mode of a multilevel model is unreliable: it can lie where group effects and their standard "
            "deviations are far from their posterior means. Use method='nuts' for anything but a first look."
        )
    if not mode.converged:
        advice.append(f"The search had not settled (largest slope {mode.slope:.2g}); raise max_iterations.")
    elif settings.starts > 1 and mode.agreeing == 1 and not mode.interrupted:
        advice.append("The starting points led to different modes; the highest is reported.")
    doubtful = len(advice) > int(mode.interrupted)
    return Draws(
        positions=mode.x.reshape(1, 1, -1),
        stats={"lp": np.full((1, 1), mode.lp)},
        exact=False,
        status="interrupted" if mode.interrupted else "doubtful" if doubtful else "ok",
        advice=tuple(advice),
        seconds_compile=target.seconds_compile,
        seconds_sample=time.perf_counter() - began,
        details={"lp": mode.lp, "largest_slope": mode.slope, "starts_at_mode": float(mode.agreeing)},
    )


ENGINE = Engine(name="map", title="posterior mode", exact=False, settings=MapSettings, run=run)
