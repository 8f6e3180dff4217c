"""A log density that minibatches estimate without bias: a prior and a sum over rows, for engines that train networks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Batch = tuple[np.ndarray, ...]
"""The arrays of some rows, in the order of :attr:`BatchTarget.arrays`, first axis ``obs``."""


@dataclass(frozen=True, eq=False)
class CovarianceFactor:
    """A Cholesky factor of group effects' covariance: what their standardised values are multiplied by.

    Attributes
    ----------
    places
        Positions of the standardised effects ``(coefficient, group)``; a group's effects are its column times ``root``, and
        a row depends on one group's alone.
    root
        ``root(x)``, which JAX can trace: ``(coefficient, coefficient)``, a factor of the effects' covariance matrix.
    made_of
        Positions of what the root is made of.
    alike
        Whether coefficients are independent and have the same sd; ``root`` is then ``(1, 1)``.
    normal
        Whether the standardised effects are normal.
    """

    places: np.ndarray
    root: Callable[[Any], Any]
    made_of: np.ndarray
    alike: bool
    normal: bool


@dataclass(frozen=True, eq=False)
class BatchTarget:
    r"""The log density of a model as a prior and a sum over rows, in functions that JAX can trace.

    .. math:: \log p(x, y) = \text{prior}(x) + \sum_i \text{rows}(x)_i

    on one flat, unconstrained vector, or on the variables of ``blocks`` one after another as a tuple.
    :math:`(N / B) \sum_{i \in \text{batch}}` estimates the second part without bias from
    ``B`` of the ``N`` rows drawn at random.

    Attributes
    ----------
    names
        A label a coordinate.
    roles
        What each coordinate is, ``(dim,)`` of text: ``"weight"`` of a network, standardised; ``"scale"`` of a layer or an
        input; ``"effect"`` of a group, standardised; ``"sd"`` of groups; ``"correlation"``; ``"intercept"``;
        ``"coefficient"``; ``"parameter"`` of the family, such as the noise.
    words
        What is known of the density, such as ``"network"`` or ``"hierarchical"``.
    blocks
        Name of each variable ``("net(x)_w1_z")`` and its coordinates, in the shape it has.
    start, jitter
        A point in the middle of the prior, and how far starting points lie from it, ``(dim,)``.
    arrays
        The training rows, first axis ``obs``.
    masks
        Hidden layers whose units can be dropped, and how many units each has.
    prior
        ``prior(x)``: log density of the prior, a scalar, Jacobians included.
    rows_function
        ``rows_function(count)`` returns ``f(x, batch, masks=(), all_rows=()) -> (count,)``, the log likelihood of each of
        ``count`` rows; ``masks`` are arrays ``(count, unit)``, one a layer of ``masks``, or ``()`` for none.
    linear_function
        ``linear_function(count)`` returns ``f(x, batch, all_rows=()) -> (count,)`` or ``(count, width)``, the main predictor.
    all_rows_function
        ``all_rows_function(count)`` returns ``f(x, batch) -> tuple`` of what depends on all rows together, such as what is taken
        off a network to keep it orthogonal. With ``all_rows=()`` the functions above work it out from the rows they are given,
        which is right for all rows and only roughly right for some: give them what all rows say, and refresh it now and then.
        Where the coefficients beside a network fit, its derivative does not matter.
    unravel
        ``unravel(positions)``: ``(..., dim)`` as value variables by name, for turning draws into posterior arrays.
    layers
        By hidden layer of ``masks``, the names of the blocks whose first axis runs over its units: the weights that go out.
    units_function
        ``units_function(count)`` returns ``f(x, batch) -> tuple``: by hidden layer of ``masks``, the values of its units
        ``(count, unit)``.
    weights
        ``weights(x)``: by block, the weights that its standardised values stand for, in the block's shape.
    covariance_factors
        Cholesky factors of group effects' covariances, by which their standardised values are multiplied.
    seconds_compile
        Time it took to write all that down.
    """

    names: tuple[str, ...]
    roles: np.ndarray
    words: frozenset[str]
    blocks: Mapping[str, np.ndarray]
    start: np.ndarray
    jitter: np.ndarray
    arrays: Batch
    masks: Mapping[str, int]
    prior: Callable[[Any], Any]
    rows_function: Callable[[int], Callable[..., Any]]
    linear_function: Callable[[int], Callable[..., Any]]
    all_rows_function: Callable[[int], Callable[[Any, Sequence[Any]], tuple[Any, ...]]]
    unravel: Callable[[np.ndarray], dict[str, np.ndarray]]
    layers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units_function: Callable[[int], Callable[..., tuple[Any, ...]]] = lambda count: lambda x, batch: ()
    weights: Callable[[np.ndarray], dict[str, np.ndarray]] = lambda x: {}
    covariance_factors: tuple[CovarianceFactor, ...] = ()
    seconds_compile: float = 0.0

    @property
    def dim(self) -> int:
        """Return the length of the vector."""
        return self.start.size

    @property
    def rows(self) -> int:
        """Return the number of training rows."""
        return len(self.arrays[0]) if self.arrays else 0

    def take(self, rows: np.ndarray) -> Batch:
        """Return the arrays of some rows."""
        return tuple(array[rows] for array in self.arrays)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Return a starting point ``(dim,)``; whether its density is finite is for the engine to see."""
        return self.start + self.jitter * rng.uniform(-1.0, 1.0, self.dim)
