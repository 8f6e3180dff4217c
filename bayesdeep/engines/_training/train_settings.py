"""Options that all ways of training a network share, and what the automatic ones become for a number of rows."""

from dataclasses import dataclass, fields
from typing import Any

from bayesdeep.core.errors import FitError, nearest

OPTIMIZERS = {"adam": 0.01, "adamw": 0.01, "sgd": 0.02}
"""Optimisers, each with its default learning rate."""
SCHEDULES = ("constant", "cosine", "exponential")
INITIALISATIONS = ("prior", "glorot", "he")
PRECISIONS = ("float32", "float64")
CLIP = {"sgd": 1.0}
"""Largest norm of a gradient where none is given, by optimiser; no limit for the others, whose steps do not grow with it."""
DECAY = {"adamw": 0.01}
"""Weight decay where none is given, by optimiser; 0 for the others."""


@dataclass(frozen=True)
class TrainSettings:
    """Options of training by mini-batches.

    Attributes
    ----------
    epochs
        Passes over the training rows at most; None: as many as make about 15,000 steps, 50 to 600.
    batch_size
        Rows a step; None: all up to 48 rows, 32 up to 5,000, 64 up to 50,000, else 128.
    optimizer
        ``"adam"``, ``"adamw"`` (``weight_decay`` 0.01 where none is given) or ``"sgd"`` with momentum 0.9.
    learning_rate
        Largest step size, in units of the standardised weights; None: 0.01, for ``"sgd"`` 0.02.
    schedule
        How it goes down: ``"cosine"`` to 0 at the last epoch, ``"exponential"`` to a hundredth of it, or ``"constant"``.
    warm_up
        Share of the steps over which it first rises from 0.
    weight_decay
        Share of a weight taken off at each step, times the learning rate, beside what the prior does (decoupled).
    patience
        Epochs without a better held-out log score after which training ends; None: a fifth of ``epochs``, at least 20.
    held_out
        Share of the rows that are not trained on: they decide when to stop and what the family's parameters, such as the
        noise, are, and how much effects of groups are shrunk. 0 for none, where there are no such parameters. With up to 2,000
        rows a single network is cross-validated instead.
    initialisation
        Variance of the weights at the start: ``"prior"`` that of standard normal ``z``, ``"glorot"`` 2 / (inputs + outputs),
        ``"he"`` 2 / inputs.
    clip
        Largest norm of a gradient; None: 1 for ``"sgd"``, whose steps grow with it as the noise gets small, and else no limit.
    penalty
        Whether the prior counts: the mode of the posterior given the scales, with weight decay as the prior says, or the
        maximum of the likelihood.
    precision
        ``"float32"`` or ``"float64"``; the family's parameters are in the end found in the latter.
    """

    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str = "adam"
    learning_rate: float | None = None
    schedule: str = "cosine"
    warm_up: float = 0.0
    weight_decay: float | None = None
    patience: int | None = None
    held_out: float = 0.1
    initialisation: str = "prior"
    clip: float | None = None
    penalty: bool = True
    precision: str = "float32"


@dataclass(frozen=True)
class SgdSettings(TrainSettings):
    """Options of training, and of leaving units out.

    Attributes
    ----------
    dropout
        Share of hidden units left out, anew for each row and step.
    """

    dropout: float = 0.0

    def __post_init__(self) -> None:
        check(self, "sgd")


def check(settings: Any, method: str) -> None:
    """Refuse options that make no sense."""
    choices = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "initialisation": INITIALISATIONS, "precision": PRECISIONS}
    for name, known in choices.items():
        value = getattr(settings, name)
        if value not in known:
            raise FitError(f"{method}: {name} must be one of {', '.join(known)}, not {value!r}{_near(value, known)}")
    for name in ("epochs", "batch_size", "patience", "members", "draws"):
        value = getattr(settings, name, None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise FitError(f"{method}: {name} is {value!r}; give a whole number, 1 or more")
    for name in ("learning_rate", "clip"):
        value = getattr(settings, name)
        if value is not None and not value > 0:
            raise FitError(f"{method}: {name} is {value!r}; give a number above 0")
    for name, below in (("warm_up", 1.0), ("rate", 1.0), ("dropout", 1.0), ("held_out", 0.9), ("weight_decay", float("inf"))):
        value = getattr(settings, name, None)
        if value is not None and not 0 <= value < below:
            raise FitError(f"{method}: {name} is {value!r}; give a number from 0 to below {below:g}")
    if not isinstance(settings.penalty, bool):
        raise FitError(f"{method}: penalty is {settings.penalty!r}; give True or False")


def _near(value: Any, known: Any) -> str:
    return nearest(value, known) if isinstance(value, str) else ""


@dataclass(frozen=True)
class Recipe:
    """The options with every automatic one decided; see :class:`TrainSettings`."""

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    schedule: str
    warm_up: float
    weight_decay: float
    dropout: float
    patience: int
    initialisation: str
    clip: float | None
    penalty: bool
    precision: str


STEPS = 15_000
"""About how many steps training takes at the most."""


def recipe(settings: TrainSettings, rows: int) -> Recipe:
    """Return the options for training on so many rows."""
    size = settings.batch_size or (rows if rows <= 48 else 32 if rows <= 5_000 else 64 if rows <= 50_000 else 128)
    size = min(size, rows)
    steps = -(-rows // size)
    epochs = settings.epochs or min(600, max(50, STEPS // steps))
    given = {f.name: getattr(settings, f.name) for f in fields(Recipe)}
    decided = {
        "epochs": epochs,
        "batch_size": size,
        "learning_rate": settings.learning_rate or OPTIMIZERS[settings.optimizer],
        "clip": CLIP.get(settings.optimizer) if settings.clip is None else settings.clip,
        "weight_decay": DECAY.get(settings.optimizer, 0.0) if settings.weight_decay is None else settings.weight_decay,
        "patience": settings.patience or max(20, epochs // 5),
    }
    return Recipe(**{**given, **decided})
