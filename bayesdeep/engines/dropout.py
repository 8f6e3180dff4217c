r"""Monte Carlo dropout: a network trained with hidden units left out at random, and predictions with units left out.

In training units are left out anew for each row and step. A draw is the trained network with each hidden unit left out, with
probability ``rate``, for all rows alike, so that it is a function like any other. The noise is found from held-out rows as the
average of such draws predicts them.

References
----------
Gal and Ghahramani (2016), Dropout as a Bayesian Approximation, ICML, arXiv:1506.02142.
"""

from dataclasses import dataclass
from functools import partial

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Engine, Progress
from bayesdeep.core.errors import FitError

from ._training.train_draws import trained
from ._training.train_settings import TrainSettings, check
from ._training.train_units import left_out

AVERAGED = 64
"""Networks whose predictions of held-out rows are averaged to find the noise."""


@dataclass(frozen=True)
class DropoutSettings(TrainSettings):
    """Options of training, and of dropout.

    Attributes
    ----------
    rate
        Share of hidden units left out, anew for each row and step, and in each prediction.
    draws
        Number of predictions, each of a network with other units left out.
    """

    rate: float = 0.1
    draws: int = 1000

    def __post_init__(self) -> None:
        check(self, "dropout")

    @property
    def dropout(self) -> float:
        """Return the rate, by the name it has in ``sgd``."""
        return self.rate


def run(settings: DropoutSettings, target: BatchTarget, seed: int, progress: Progress) -> Draws:
    """Train, and leave units out; one chain, ``(1, draws, dim)``.

    Raises
    ------
    FitError
        Where there is no hidden unit to leave out, and as for ``sgd``.
    """
    if not target.masks:
        raise FitError(
            "dropout: this model has no network with hidden units that could be left out; "
            "use method='sgd', or write net(…, hidden=[32]) in the formula"
        )
    some = partial(left_out, target, rate=settings.rate)
    return trained(
        settings,
        target,
        seed,
        progress,
        "dropout",
        averaged=lambda position, rng: some(position, draws=AVERAGED, rng=rng),
        shown=lambda position, rng: some(position, draws=settings.draws, rng=rng),
    )


ENGINE = Engine(
    "dropout", "Monte Carlo dropout", exact=False, settings=DropoutSettings, run=run, needs=frozenset({"batches"}),
    example={"epochs": 20},
)
