"""Laplace approximation for networks: scales by evidence while training, then the last layer's Gaussian posterior.

The network is trained with its scales and its noise chosen by evidence (all weights, generalised Gauss-Newton). What is drawn
are the last layers' weights with everything else the predictor is linear in, given hidden layers at the mode; the noise and the
scales that leave hidden layers alone vary about their trained values.

A linearised network with a Gaussian of all weights predicts better than its weights would, put into the network: what it needs
is the linearised predictor, which no weights express. A fit keeps weights, so ``layers="all"`` is refused instead of giving draws
that are known to predict badly.

References
----------
Daxberger et al. (2021), Laplace redux: effortless Bayesian deep learning, Advances in Neural Information Processing Systems 34.
Immer, Korzepa and Bauer (2021), Improving predictions of Bayesian neural nets via local linearization, Proceedings of Machine
Learning Research 130. Kristiadi, Hein and Hennig (2020), Being Bayesian, even just a bit, fixes overconfidence in ReLU
networks, Proceedings of Machine Learning Research 119.
"""

import time
from dataclasses import dataclass
from threading import Event

import numpy as np
from threadpoolctl import threadpool_limits

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Engine, Progress
from bayesdeep.core.errors import FitError, nearest

from .._training.trained_start import compiled_loss, train
from .network_coordinates import parts_of
from .network_curvature import functions_of
from .network_evidence import RESTARTS, climb
from .network_linear import draw, mode_at

ROUNDS, STEPS = 200, 20
"""Changes of the scales, and of the weights between two of them, where there is no other number."""
NEWTON_STEPS = 3
"""Newton's steps of the linear weights between two changes of the scales."""
LARGEST_PART = 5000
"""Linear weights whose precision is factorised."""
MAX_OPERATIONS, MAX_FACTORS = 1e10, 64
"""About how many operations the factors of the draws may take, and the most different scales among them."""


@dataclass(frozen=True)
class NetworkLaplaceSettings:
    """Options of the Laplace approximation of a network.

    Attributes
    ----------
    draws, chains
        Independent draws, in so many chains.
    layers
        ``"last"``: last layers and all else the predictor is linear in. ``"all"`` is refused, with the reason.
    learning_rate
        Adam's, in standardised weights.
    train_steps
        Most steps of the training before evidence counts.
    rounds
        How often the scales are changed by evidence; then further searches of a quarter as many follow until one finds nothing
        better.
    """

    draws: int = 250
    chains: int = 4
    layers: str = "last"
    learning_rate: float = 0.02
    train_steps: int = 300
    rounds: int = ROUNDS

    def __post_init__(self) -> None:
        for name in ("draws", "chains", "train_steps", "rounds"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise FitError(f"laplace: {name} is {value!r}; give a whole number, 1 or more")
        if not 0 < self.learning_rate < float("inf"):
            raise FitError(f"laplace: learning_rate is {self.learning_rate!r}; give a number above 0")
        if self.layers == "all":
            raise FitError(
                "laplace: layers='all' needs a linearised predictor, which draws of weights cannot express, and weights drawn "
                "from that Gaussian predict badly in the network; use layers='last', or method='mclmc' for all weights"
            )
        if self.layers != "last":
            raise FitError(f"laplace: layers is {self.layers!r}{nearest(str(self.layers), ('last',))}")


def run(settings: NetworkLaplaceSettings, target: BatchTarget, seed: int, progress: Progress) -> Draws:
    """Approximate; see :class:`bayesdeep.core.draws.Engine`.

    Raises
    ------
    FitError
        For a model with several predictors, and where training diverges.
    """
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    functions = functions_of(target, rng)
    parts = parts_of(target, functions, rng)
    if parts.linear.size > LARGEST_PART:
        raise FitError(f"laplace: {parts.linear.size} linear weights are too many for one factor; use method='mclmc'")
    loss, ones = compiled_loss(target, "float64"), np.ones(target.rows)

    def slope_of(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, _, slope = loss(x, ones)
        return -value, -slope

    compiled = time.perf_counter()
    start = train(target, loss, (seed, 1), settings.train_steps, settings.learning_rate, Event(), "laplace")
    total = settings.rounds + 1
    advice = []
    # Threads that wait for each other cost more than these factors take.
    with threadpool_limits(1):
        found = climb(
            slope_of, functions, parts, start.x, settings.rounds, STEPS, settings.learning_rate, rng,
            lambda x: mode_at(slope_of, functions, parts, x, NEWTON_STEPS).x,
            lambda k: progress.update(min(k, total), total, "training by evidence"),
        )  # fmt: skip
        trained = time.perf_counter()
        size = settings.draws * settings.chains
        distinct = min(MAX_FACTORS, max(8, int(MAX_OPERATIONS / (target.rows * parts.linear.size**2 + parts.linear.size**3))))
        positions, _ = draw(slope_of, functions, parts, found.x, size, distinct, rng)
    progress.update(total, total, "interrupted" if found.interrupted else "")
    lp = np.array([slope_of(x)[0] for x in positions])
    if not (np.isfinite(positions).all() and np.isfinite(lp).all()):
        raise FitError("laplace: the draws are not finite; lower learning_rate")
    shape = settings.chains, settings.draws
    if found.interrupted:
        advice.append("Training was interrupted; the best point so far was used.")
    elif not found.settled:
        advice.append(
            f"laplace: the evidence was still rising after {settings.rounds} rounds and {RESTARTS} shorter searches, so that "
            "scales and group sds are not settled; raise rounds."
        )
    return Draws(
        positions=positions.reshape(*shape, -1),
        stats={"lp": lp.reshape(shape)},
        exact=False,
        status="interrupted" if found.interrupted else "ok" if found.settled else "doubtful",
        advice=tuple(advice),
        seconds_compile=target.seconds_compile + compiled - began,
        seconds_tune=trained - compiled,
        seconds_sample=time.perf_counter() - trained,
        details={
            "layers": settings.layers,
            "log_evidence": found.evidence,
            "weights_drawn": float(parts.linear.size),
            "weights_fixed": float(parts.hidden.size),
        },
    )


ENGINE = Engine(
    "laplace",
    "Laplace approximation of the last layer",
    exact=False,
    settings=NetworkLaplaceSettings,
    run=run,
    needs=frozenset({"batches"}),
)
