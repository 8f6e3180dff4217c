"""A deep ensemble: networks trained from different starts, on different rows, each with noise found from rows it has not seen.

References
----------
Lakshminarayanan, Pritzel and Blundell (2017), Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles,
NeurIPS, arXiv:1612.01474.
"""

from dataclasses import dataclass

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Engine, Progress

from ._training.train_draws import trained
from ._training.train_settings import SgdSettings, check


@dataclass(frozen=True)
class EnsembleSettings(SgdSettings):
    """Options of ``sgd``, and of an ensemble.

    Attributes
    ----------
    members
        Number of networks.
    """

    members: int = 8

    def __post_init__(self) -> None:
        check(self, "ensemble")


def run(settings: EnsembleSettings, target: BatchTarget, seed: int, progress: Progress) -> Draws:
    """Train the members side by side; one chain with a draw a member, ``(1, member, dim)``."""
    return trained(settings, target, seed, progress, "ensemble", settings.members)


ENGINE = Engine(
    "ensemble", "ensemble of trained networks", exact=False, settings=EnsembleSettings, run=run, needs=frozenset({"batches"}),
    example={},
)
