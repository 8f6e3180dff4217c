r"""The linear Gaussian system that is made of a model's effects.

A Gaussian response whose predictor is linear in coefficients with Gaussian priors is one linear system,

.. math:: y = X\beta + \sum_f Z_f u_f + \epsilon, \qquad u_{fj} \sim N(0, T_f T_f^\top), \quad
    \epsilon_i \sim N(0, \sigma^2 / w_i)

given a few scales and correlations. Terms declare their effects (:mod:`bayesdeep.core.effects`); an engine that can use the
structure finds it as ``target.system``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

SECONDS_A_CUBE = 1.6e-11
"""Of one core, for factorising the columns of a system that are not eliminated, over their number cubed (measured in 2026)."""


WRITTEN_OUT = 24
"""Most coefficients of a group whose Cholesky factors are written out entry by entry; wider factors are factorised densely."""


def eliminated(sizes: Sequence[tuple[int, int]], nested: Callable[[int, int], bool]) -> list[int]:
    """Return the factors that can be eliminated group by group: the largest, and those it and each other are nested in.

    Parameters
    ----------
    sizes
        Number of levels and of a level's coefficients, of each factor.
    nested
        Whether each group of the first factor lies in one group of the second.
    """
    chain: list[int] = []
    narrow = [k for k, (_, width) in enumerate(sizes) if width <= WRITTEN_OUT]
    for outer in sorted(narrow, key=lambda factor: -sizes[factor][0]):
        if all(nested(inner, outer) for inner in chain):
            chain.append(outer)
    return chain


@dataclass(frozen=True)
class Scale:
    """A positive number of the system: given, or a coordinate of the hyperparameters on the log scale."""

    index: int | None
    value: float = 1.0


@dataclass(frozen=True, eq=False)
class Neighbours:
    r"""Levels whose coefficients lean on one another, :math:`p(u) \propto \exp(-u' Q u / (2 \sigma^2))`, with sums that are 0.

    Attributes
    ----------
    precision
        ``Q``, a SciPy sparse matrix ``(level, level)``. It says nothing of the sums.
    pieces
        Levels whose coefficients sum to 0 together.
    """

    precision: Any
    pieces: tuple[np.ndarray, ...]

    def ordered(self, place: np.ndarray) -> "Neighbours":
        """Return the same with each level in its ``place`` ``(level,)``."""
        back = np.argsort(place)
        return Neighbours(self.precision[back][:, back], tuple(np.sort(place[own]) for own in self.pieces))


@dataclass(frozen=True)
class Several:
    """Positive numbers of the system that are worked out together from several hyperparameters.

    Attributes
    ----------
    indices
        Of the hyperparameters.
    kinds
        Theirs; one that is ``partial`` stands for a number between 0 and 1, whose double less 1 is its natural value.
    sds
        As in :class:`bayesdeep.core.effects.Scaled`.
    count
        How many numbers there are.
    multiplier
        The hyperparameter to which all of them are proportional; None where there is none.
    """

    indices: tuple[int, ...]
    kinds: tuple[str, ...]
    sds: Callable[[Sequence[Any], Any], Any]
    count: int
    multiplier: int | None = None

    def moved(self, by: int) -> "Several":
        """Return the same of hyperparameters that come after others."""
        first = None if self.multiplier is None else self.multiplier + by
        return replace(self, indices=tuple(index + by for index in self.indices), multiplier=first)


@dataclass(frozen=True)
class Derived:
    """One of them; without a ``place``, of a factor's only coefficient, one for each level."""

    of: Several
    place: int | None


@dataclass(frozen=True, eq=False)
class Related:
    """Coefficients of a factor of one level that have a covariance made of several hyperparameters.

    Attributes
    ----------
    indices
        Of the hyperparameters, all of them scales.
    root
        From their natural values ``(batch,)`` each, the lower-triangular root of the covariance
        ``(batch, coefficient, coefficient)``.
    """

    indices: tuple[int, ...]
    root: Callable[[Sequence[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Factor:
    """A grouping factor of the system: ``levels`` groups with ``width`` coefficients each.

    Attributes
    ----------
    scales
        Standard deviation of each coefficient, ``width`` of them.
    blocks
        ``(start, stop, first)``: coefficients ``start:stop`` are correlated; their partial correlations are the
        hyperparameters from ``first`` on, row by row below the diagonal.
    neighbours
        Where the last coefficients of levels lean on those of other levels: their graph. None where levels are independent.
    related
        The covariance of all its coefficients, of which ``scales`` are then the standard deviations; None where these, and
        ``blocks``, say all.
    """

    name: str
    levels: int
    width: int
    scales: tuple[Scale | Derived, ...]
    blocks: tuple[tuple[int, int, int], ...] = ()
    neighbours: Neighbours | None = None
    related: Related | None = None

    @property
    def each(self) -> bool:
        """Return whether every level has a standard deviation of its own."""
        return any(isinstance(scale, Derived) and scale.place is None for scale in self.scales)


def plain(scale: Scale | Derived) -> Scale:
    """Return a scale for engines that take those alone of which each is one number."""
    assert isinstance(scale, Scale), "refused before"
    return scale


@dataclass(frozen=True)
class Hyperparameter:
    """One coordinate of what is left when the coefficients are integrated out.

    Attributes
    ----------
    name
        For messages.
    kind
        ``"scale"``: positive, the coordinate is its logarithm. ``"partial"``: a partial correlation, the coordinate
        is its inverse hyperbolic tangent. ``"real"``: the coordinate itself.
    log_density
        Elementwise log prior density of the natural value; of a partial correlation on (-1, 1). Zero where the prior is of
        several together.
    start
        A likely natural value.
    """

    name: str
    kind: str
    log_density: Callable[[np.ndarray], np.ndarray]
    start: float


@dataclass(frozen=True)
class JointScales:
    """A prior that several scales have together.

    Attributes
    ----------
    key
        Under which it was given.
    scales
        Which hyperparameters.
    times
        What each of them is multiplied by.
    over
        What they are then divided by.
    log_density
        Log prior density ``(batch,)`` of these numbers ``(batch, scale)``.
    """

    key: str
    scales: tuple[int, ...]
    times: tuple[float, ...]
    over: Scale
    log_density: Callable[[np.ndarray], np.ndarray]

    def values(self, points: np.ndarray) -> np.ndarray:
        """Return the numbers ``(batch, scale)`` that it is on, at coordinates ``(batch, dim)``."""
        return np.asarray(np.exp(points[:, list(self.scales)] + np.log(self.times) - self._log_over(points)[:, None]))

    def log_prior(self, points: np.ndarray) -> np.ndarray:
        """Return the log prior density ``(batch,)`` of the scales given what they are divided by."""
        stretch = np.log(self.times).sum() - len(self.scales) * self._log_over(points)
        return np.asarray(self.log_density(self.values(points)) + stretch)

    def _log_over(self, points: np.ndarray) -> np.ndarray:
        own = np.full(len(points), np.log(self.over.value)) if self.over.index is None else points[:, self.over.index]
        return np.asarray(own)


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of rows under a system: every sum carries the rows' weights.

    Attributes
    ----------
    rows
        Sum of the exponents of ``1 / sigma``: the number of rows, or the sum of likelihood weights.
    constant
        What the log likelihood has beside its terms in ``sigma`` and the sums, such as ``Σ log w / 2``.
    gram
        ``(column + 1, column + 1)``: the population columns and, last, the response.
    own
        By factor, ``(level, width, width)``.
    with_columns
        By factor, ``(level, width, column + 1)``.
    between
        By pair of factors ``(first, second)``, a SciPy sparse matrix
        ``(level * width, level * width)``; rows and columns run over levels, then coefficients.
    """

    rows: float
    constant: float
    gram: np.ndarray
    own: tuple[np.ndarray, ...]
    with_columns: tuple[np.ndarray, ...]
    between: dict[tuple[int, int], Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Noise:
    """What is left over of several responses: normal, with an sd each and perhaps correlations.

    The rows' precision is then a sum of matrices with weights that are functions of these; see :attr:`products`.

    Attributes
    ----------
    scales
        Of each response its standard deviation.
    first
        The hyperparameter from which on partial correlations are, row by row below the diagonal; None where there are none.
    kinds
        Which responses rows have.
    rows
        Of each kind the number of rows.
    products
        ``(kind, i, j)`` with ``i <= j``: the entry of the precision matrix of a row of that kind by which ``moments`` in the
        same place are multiplied.
    moments
        Sums of products of columns of the responses ``i`` and ``j``.
    """

    scales: tuple[Scale, ...]
    first: int | None
    kinds: tuple[tuple[int, ...], ...]
    rows: tuple[int, ...]
    products: tuple[tuple[int, int, int], ...]
    moments: tuple[Moments, ...]


@dataclass(frozen=True)
class LinearSystem:
    """A linear Gaussian model with its coefficients still in it.

    The population columns are those of the design, centred and scaled so that the arithmetic is well conditioned; the
    coefficients below belong to these, and are counted from ``origin``.

    Attributes
    ----------
    moments
        Sufficient statistics.
    factors
        Grouping factors.
    sigma
        Residual standard deviation.
    hyperparameters
        What a sampler has to explore.
    precision
        Prior precision ``(column, column)`` of the population coefficients; their prior mean is ``origin``.
    prior_constant
        The log prior density of the population coefficients at its mean, without that of directions under a flat prior.
    origin
        Coefficients ``(column,)`` whose part has been taken off the response, and which come on top of those that are found.
    apart
        By number of a factor of one level, what population columns times ``(column, coefficient)`` were taken off its columns:
        see :attr:`bayesdeep.core.effects.Effect.apart`.
    joint
        Priors that several scales have together, whose own densities are then 0 on the log scale.
    noise
        Of several responses what is left over of them, in the place of ``sigma``; None of one.
    """

    moments: Moments
    factors: tuple[Factor, ...]
    sigma: Scale
    hyperparameters: tuple[Hyperparameter, ...]
    precision: np.ndarray
    prior_constant: float
    origin: np.ndarray
    apart: Mapping[int, np.ndarray] = field(default_factory=dict)
    joint: tuple[JointScales, ...] = ()
    noise: Noise | None = None

    @property
    def columns(self) -> int:
        """Return the number of population columns."""
        return len(self.origin)

    @property
    def dim(self) -> int:
        """Return the number of hyperparameters."""
        return len(self.hyperparameters)
