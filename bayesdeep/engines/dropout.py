r"""Monte Carlo dropout: a network trained with hidden units left out at random, and predictions with units left out.

A draw is the trained network with each hidden unit left out, with probability ``rate``, for all rows alike, so that it is a
function like any other. The noise is learned from held-out rows as the average of such draws predicts them.

References
----------
Gal and Ghahramani (2016), Dropout as a Bayesian Approximation, ICML, arXiv:1506.02142.
"""

from dataclasses import dataclass, replace

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Engine, Progress
from bayesdeep.core.errors import FitError

from ._train_draws import trained
from ._train_settings import TrainSettings, check
from ._train_units import left_out

AVERAGED = 64
"""Networks whose predictions of held-out rows are averaged to learn the noise."""


@dataclass(frozen=True)
class DropoutSettings(TrainSettings):
    """Options of :class:`~bayesdeep.engines._train_settings.TrainSettings`, the ``rate`` and the number of ``draws``."""

    draws: int = 1000
    rate: float = 0.1

    def __post_init__(self) -> None:
        check(self, "dropout")
        if self.dropout:
            raise FitError(f"dropout: dropout={self.dropout} is called rate here; give rate={self.dropout}")


def run(settings: DropoutSettings, target: BatchTarget, seed: int, progress: Progress) -> Draws:
    """Train, and leave units out; one chain, ``(1, draws, dim)``."""
    if not target.masks:
        raise FitError("dropout: the model has no network with hidden units that could be left out; use method='sgd'")
    rate = settings.rate

    def spread(position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return left_out(target, position, rate, AVERAGED, rng)

    def shown(position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return left_out(target, position, rate, settings.draws, rng)

    return trained(replace_rate(settings), target, seed, progress, "dropout", spread=spread, shown=shown)


def replace_rate(settings: DropoutSettings) -> TrainSettings:
    """Return the options of training with this rate."""
    plain = {name: getattr(settings, name) for name in TrainSettings.__dataclass_fields__}
    return replace(TrainSettings(**plain), dropout=settings.rate)


ENGINE = Engine(
    "dropout", "Monte Carlo dropout", exact=False, settings=DropoutSettings, run=run, needs=frozenset({"batches"})
)
