"""What an engine sees (a target) and what it gives back (draws)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .errors import FitError


class Structure(Protocol):
    """What every engine is told of a model; those with ``needs`` find what they need beside it.

    Attributes
    ----------
    dim
        Length of the vector.
    names
        One label a coordinate, for messages (``"1|county_sigma (log)"``).
    words
        What is known about the density beyond its values, such as ``"hierarchical"``; an engine asks for
        words, never for classes.
    seconds_compile
        Time it took to build it.
    """

    @property
    def dim(self) -> int: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def words(self) -> frozenset[str]: ...

    @property
    def seconds_compile(self) -> float: ...


class Target(Structure, Protocol):
    """A log density on a flat, unconstrained vector: all that an engine without ``needs`` may know of a model."""

    @property
    def jitter(self) -> np.ndarray:
        """How far starting points lie from the model's own at the most ``(dim,)``: each coordinate's natural scale."""
        ...

    @property
    def constrained(self) -> np.ndarray:
        """Which coordinates are transformed from variables that have bounds or an order ``(dim,)``."""
        ...

    def logp_dlogp(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return log density, with every Jacobian unless the engine asks for none, and slope ``(dim,)`` at ``x`` ``(dim,)``."""
        ...

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Return a jittered starting point ``(dim,)`` with a finite log density."""
        ...


@dataclass(frozen=True)
class Spread:
    """How uncertain a point estimate is: displacements of it, of which each stands for an independent standard error.

    The standard error of anything that follows from the estimate is the root of the sum, over displacements, of the square of
    half its difference between ``up`` and ``down`` over ``step``. Where a displacement is not a number, what follows from it has
    no standard error.

    Attributes
    ----------
    positions
        As those of :class:`Draws`, ``(2, displacement, dim)``: up, then down.
    coefficients
        As those of :class:`Draws`, each ``(2, displacement, …)``.
    step
        The share of a standard error that each is.
    """

    positions: np.ndarray
    coefficients: tuple[np.ndarray, ...]
    step: float


@dataclass(frozen=True)
class Draws:
    """What an engine returns.

    Attributes
    ----------
    positions
        Draws on the unconstrained scale, ``(chain, draw, dim)``; a point estimate is one chain of one draw.
    stats
        Per-draw statistics by ArviZ's names, each ``(chain, draw)``: ``lp``, ``diverging``, ``energy``, …
    exact
        Whether the draws converge to the posterior as their number grows.
    corrected
        Of draws that are not exact: whether weights against the posterior's density, which could be trusted, were applied, so
        that they stand for the posterior all the same. Only draws that do can be weighed further, as to leave a row out.
    status
        ``"ok"``, ``"interrupted"`` or ``"doubtful"``.
    advice
        What the user should know or do, in sentences; empty when all is well.
    judged
        Those sentences of the advice that are read off ``stats`` alone, as a diagnosis does with everything else it knows; it
        leaves them out, so that nobody is told two things about one fault.
    seconds_compile, seconds_tune, seconds_sample
        Where the time went. Engines that cannot separate tuning from sampling report it all as sampling.
    details
        Scalars for ``idata.attrs``, such as the Pareto k-hat of an approximation.
    coefficients
        For engines that integrate coefficients out of a linear system and draw them back: those draws, on the
        system's scale, population columns first, then each factor's ``(level, coefficient)``; each
        ``(chain, draw, …)``. ``positions`` then holds the hyperparameters' coordinates alone.
    spread
        Of a point estimate with standard errors, what these follow from; a summary then shows estimates and standard errors.
    criteria
        Numbers by which such fits are compared, for ``idata.attrs``: ``log_likelihood``, ``aic``, ``df``.
    course
        Of training, how it went: the ``loss`` a row in each epoch and, before it, the log score of a ``held_out`` row
        ``(epoch, member)``, not a number where there is none; after how many epochs a member was ``best``, and whether it is
        ``kept``, 1, or but judges those that are, 0, both ``(member,)``.
    """

    positions: np.ndarray
    stats: Mapping[str, np.ndarray]
    exact: bool
    corrected: bool = False
    status: str = "ok"
    advice: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    seconds_compile: float = 0.0
    seconds_tune: float = 0.0
    seconds_sample: float = 0.0
    details: Mapping[str, float | str] = field(default_factory=dict)
    coefficients: tuple[np.ndarray, ...] | None = None
    spread: Spread | None = None
    criteria: Mapping[str, float] = field(default_factory=dict)
    course: Mapping[str, np.ndarray] = field(default_factory=dict)


class Progress(Protocol):
    """Where an engine reports how far it is; silent ones ignore the calls."""

    def update(self, done: int, total: int, note: str = "") -> None:
        """Say that ``done`` of ``total`` steps are finished."""
        ...


def check_counts(settings: Any, method: str, **least: int) -> None:
    """Raise :class:`~bayesdeep.core.errors.FitError` where a number among a method's settings is below the least it may be."""
    for name, lowest in least.items():
        if getattr(settings, name) < lowest:
            raise FitError(f"{method}: {name} must be at least {lowest}, not {getattr(settings, name)}")


@dataclass(frozen=True)
class Engine:
    """A method: a name, what it claims, its settings record and the function that runs it.

    Attributes
    ----------
    name, title
        The name in ``fit(method=…)`` and a few words for reports.
    exact
        Whether it samples the posterior itself, up to Monte Carlo error.
    settings
        A frozen dataclass; its fields are the options ``fit`` accepts for this method.
    needs
        Words the target must have; empty for most. ``"linear"`` asks for ``target.system``, a
        :class:`~bayesdeep.core.linear.LinearSystem`, in the log density's place, ``"batches"`` for a
        :class:`~bayesdeep.core.batches.BatchTarget`, ``"rows"`` for a :class:`~bayesdeep.core.rowwise.RowSystem`, with
        ``"one predictor"`` of rows that have one: between several it has no curvature. ``"likelihood"`` asks for the model
        without priors: a system where the response is normal and the predictor linear (``"linear"`` beside it: for these models
        only), else ``target.rows``.
    takes
        What it makes use of where a target has it: ``"neighbours"`` for factors whose levels have a graph
        (:class:`~bayesdeep.core.linear.Neighbours`); others get the same coefficients as independent columns. ``"several"`` for
        linear systems of several responses (:class:`~bayesdeep.core.linear.Noise`), ``"related"`` for factors whose coefficients
        have a covariance made of hyperparameters (:class:`~bayesdeep.core.linear.Related`); others are not given them.
    jacobian
        Whether the log density is that of the vector itself, with every Jacobian, which samplers need; False for the density
        of the parameters on the scale the posterior shows, whose highest point is the mode.
    run
        ``run(settings, target, seed, progress) -> Draws``.
    priors
        Whether priors have a say; False where the likelihood alone is searched.
    variants
        What runs instead under the same name, with settings and needs of its own, for models that have a word, such as
        ``"network"``.
    example
        Options with which a test has an answer in seconds; None is not an answer.
    """

    name: str
    title: str
    exact: bool
    settings: type
    run: Callable[[Any, Any, int, Progress], Draws]
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    jacobian: bool = True
    priors: bool = True
    variants: Mapping[str, "Engine"] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
