"""Restricted maximum likelihood: as ``ml``, but population coefficients are integrated out too, for normal responses.

Standard deviations are then free of the bias that estimating the population coefficients brings into those of ``ml``. Likelihoods
of models with different population terms cannot be compared.

References
----------
Patterson and Thompson (1971), Recovery of inter-block information when block sizes are unequal, doi:10.1093/biomet/58.3.545. Wood
(2011), Fast stable restricted maximum likelihood estimation of semiparametric generalized linear models,
doi:10.1111/j.1467-9868.2010.00749.x, for smooths.
"""

import time
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.draws import Draws, Engine, Progress, check_counts
from bayesdeep.linear.unexplored import under
from bayesdeep.numerics.one_thread import one_thread

from ._likelihood.estimated import as_draws
from ._likelihood.normal_responses import normal_estimate


@dataclass(frozen=True)
class RemlSettings:
    """Options of REML.

    Attributes
    ----------
    nodes
        As for ``ml``; of normal responses, which are the only ones, any number gives the same, since the integral is exact.
    """

    nodes: int = 1

    def __post_init__(self) -> None:
        check_counts(self, "reml", nodes=1)


def run(settings: RemlSettings, target: Any, seed: int, progress: Progress) -> Draws:
    """Search for the highest restricted likelihood; one chain of one draw."""
    del settings, seed
    began = time.perf_counter()
    with one_thread(), under("reml"):
        estimate = normal_estimate(target, restricted=True, progress=progress)
    progress.update(100, 100)
    return as_draws(estimate, time.perf_counter() - began, target)


ENGINE = Engine(
    name="reml",
    title="restricted maximum likelihood",
    exact=False,
    settings=RemlSettings,
    run=run,
    priors=False,
    needs=frozenset({"likelihood", "linear"}),
    example={},
)
