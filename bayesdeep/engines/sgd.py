"""The point estimate of a network, trained by mini-batches, as most networks are.

The loss is the negative log likelihood less the log prior, so that the prior of the weights is the weight decay; with
``penalty=False`` it is the likelihood alone. Scales of layers and inputs stay in the middle of their priors. The family's
parameters, such as the noise, and how much effects of groups are shrunk are found from held-out rows only: their joint mode with
the weights lies where a network meets every training row and the noise is nothing. Sds and correlations of groups are in the end
those that the effects make likely. Without a network this is penalised regression.
"""

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Engine, Progress

from ._training.train_draws import trained
from ._training.train_settings import SgdSettings


def run(settings: SgdSettings, target: BatchTarget, seed: int, progress: Progress) -> Draws:
    """Train one network; one chain of one draw, ``(1, 1, dim)``."""
    return trained(settings, target, seed, progress, "sgd")


ENGINE = Engine(
    "sgd", "network trained by mini-batches", exact=False, settings=SgdSettings, run=run, needs=frozenset({"batches"}),
    example={},
)
