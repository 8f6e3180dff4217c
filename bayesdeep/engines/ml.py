"""Maximum likelihood: point estimates with effects of groups and coefficients of smooths integrated out.

There are no priors: population coefficients, standard deviations, correlations and parameters of the family are where the
marginal likelihood is highest. Of normal responses it is exact; of others effects are integrated out by Laplace's method, or with
``nodes`` above 1 by adaptive Gauss-Hermite quadrature (Pinheiro and Bates 1995, doi:10.1080/10618600.1995.10474663), which is the
method of Laplace for one node. ``fit.summary()`` shows estimates and standard errors, ``fit.idata.attrs`` have
``log_likelihood``, that of the response as the formula has it, ``aic`` and ``df``.

References
----------
Bates, Maechler, Bolker and Walker (2015), Fitting linear mixed-effects models using lme4, doi:10.18637/jss.v067.i01. Brooks et
al. (2017), glmmTMB balances speed and flexibility, The R Journal 9(2), doi:10.32614/RJ-2017-066.
"""

import time
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.draws import Draws, Engine, Progress, check_counts
from bayesdeep.linear.unexplored import under
from bayesdeep.numerics.one_thread import one_thread

from ._likelihood.estimated import as_draws
from ._likelihood.normal_responses import normal_estimate
from ._likelihood.row_responses import row_estimate


@dataclass(frozen=True)
class MlSettings:
    """Options of maximum likelihood.

    Attributes
    ----------
    nodes
        Nodes of the quadrature by which effects of groups are integrated out where that is not exact: 1 is Laplace's method. More
        are for models with one grouping factor and one effect a group.
    """

    nodes: int = 1

    def __post_init__(self) -> None:
        check_counts(self, "ml", nodes=1)


def run(settings: MlSettings, target: Any, seed: int, progress: Progress) -> Draws:
    """Search for the highest likelihood; one chain of one draw. There is nothing random in it."""
    del seed
    began = time.perf_counter()
    with one_thread(), under("ml"):
        if "linear" in target.words:
            estimate = normal_estimate(target, restricted=False, progress=progress)
        else:
            estimate = row_estimate(target, settings.nodes, progress)
    progress.update(100, 100)
    return as_draws(estimate, time.perf_counter() - began, target)


ENGINE = Engine(
    name="ml",
    title="maximum likelihood",
    exact=False,
    settings=MlSettings,
    run=run,
    priors=False,
    needs=frozenset({"likelihood"}),
    example={},
)
