"""The mode: the single most probable point of the parameters as the posterior shows them.

It is the highest point of prior times likelihood on the parameters' own scale: the density of a standard deviation, not of its
logarithm, of thresholds, not of the logarithms of their distances, of a correlation matrix, not of what makes one. With flat
priors on everything it is the estimate of maximum likelihood.

What the posterior does not show is left in the coordinates in which it is sampled. Effects of groups are in units of their
standard deviation: the joint density of the effects themselves and their standard deviation has no highest point, since it is
infinite where they all are 0. So of a multilevel model this is the mode of the standardised effects with everything else,
one choice among several, and no estimate to rely on.
"""

import time
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.draws import Draws, Engine, Progress, Target
from bayesdeep.core.errors import FitError

from ._edge import edge_of, settled_beside
from ._mode import across_kinks, find_mode

REACH = 100.0
"""How far a logarithm or log odds may go from its start: a factor of 1e43. Where the density grows without limit towards an edge,
the search would otherwise go on until nothing else mattered."""
SHOWN = 5
"""Names of coordinates that a sentence may have."""


@dataclass(frozen=True)
class MapSettings:
    """Options of the mode search.

    Attributes
    ----------
    starts
        Number of starting points.
    max_iterations
        Iterations allowed from each.
    """

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
    mode = find_mode(target, settings.starts, settings.max_iterations, rng, progress, "map", REACH)
    advice = []
    edge = edge_of(target, mode) if not mode.interrupted else None
    if edge is not None:
        mode = settled_beside(target, mode, edge, settings.max_iterations)
        mode = mode if edge.names else across_kinks(target, mode)
    if mode.interrupted:
        advice.append("The search was interrupted; the best point so far is reported.")
    if "hierarchical" in target.words:
        advice.append(
            "The joint mode of a multilevel model is unreliable: it can lie where group effects and their standard "
            "deviations are far from their posterior means. Use method='nuts' for anything but a first look."
        )
    if edge is not None and edge.names:
        advice.append(
            f"There is no mode inside: towards the edge of what {_listed(edge.names)} may be, such as a standard deviation or a "
            "share of 0 or a coefficient without limit, the density rises or stays level. The search ended near that edge. Give "
            "a prior that rules it out, or use a method that averages over the posterior."
        )
    elif not mode.converged:
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


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


ENGINE = Engine(
    name="map", title="posterior mode", exact=False, settings=MapSettings, run=run, jacobian=False,
    example={},
)
