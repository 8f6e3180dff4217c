r"""Maximum likelihood where effects cannot be integrated out exactly: Laplace's method, or adaptive quadrature.

What is searched are the population coefficients :math:`\beta`, scales, correlations and parameters of the family together, and
effects :math:`u` are integrated out at each of their values,

.. math:: \log \int p(y \mid \beta, u)\, p(u)\, du \approx \ell(\beta, \hat u) - \tfrac12 \log |H_u|.

The search begins where :math:`\beta` is at the mode it has together with the effects, for the best scales under that.

References
----------
Pinheiro and Chao (2006), Efficient Laplacian and adaptive Gaussian quadrature algorithms for multilevel generalized linear mixed
models, doi:10.1198/106186006X96962. Liu and Pierce (1994), A note on Gauss-Hermite quadrature, doi:10.1093/biomet/81.3.624.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.draws import Progress
from bayesdeep.core.errors import FitError
from bayesdeep.core.rowwise import RowSystem
from bayesdeep.linear.elimination import forward_substituted
from bayesdeep.linear.rejoined import set_apart

from .._laplace.inner_newton import Inner
from .._laplace.newton_step import Mode
from .climb import climb
from .edges import Settled, edges_of, settle
from .estimated import SMALL, Estimate
from .quadrature import Nodes, nodes_of
from .scale_coordinates import ScaleCoordinates

Moves = tuple[np.ndarray, np.ndarray]
"""Displacements of positions and of population coefficients; see :class:`~.estimated.Estimate`."""
STARTS = (1.0, 0.2, 5.0)
"""Of all scales of effects, in units of likely ones: the search begins at the best."""
ROUGH = 0.02
"""What a step must promise while only where to begin is looked for."""


@dataclass
class Searches:
    """Searches for effects, many side by side, that begin where one of those before has ended.

    Attributes
    ----------
    inner
        What searches.
    points, modes
        For what the last searches were made ``(batch, …)``, and what they found, in parts.
    """

    inner: Inner
    points: np.ndarray
    modes: list[Mode]

    def made(self, points: np.ndarray, positions: np.ndarray, beta: np.ndarray | None) -> list[Mode]:
        """Return the modes at positions ``(batch, dim)``, and given population coefficients unless these are searched too."""
        step = self.inner.step
        self.points, self.modes = points, []
        for i in range(0, len(points), step):
            part = slice(i, i + step)
            with np.errstate(all="ignore"):
                self.modes.append(self.inner.mode(positions[part], None if beta is None else beta[part]))
        return self.modes

    def found(self, point: np.ndarray) -> tuple[Mode, int]:
        """Return the mode at one of the last points, and which of the batch it is."""
        at = int(np.flatnonzero((self.points == point).all(axis=1))[0])
        return self.modes[at // self.inner.step], at % self.inner.step

    def follow(self, point: np.ndarray) -> None:
        """Begin later searches where that for one of the last points has ended."""
        mode, at = self.found(point)
        if np.isfinite(mode.log_marginal[at]):
            part = slice(at, at + 1)
            self.inner.warm = tuple(value[0] for value in self.inner.effects(mode.scales.take(part), mode.at.take(part)))


@dataclass(frozen=True)
class Likelihood:
    """The log likelihood of coordinates: those of the hyperparameters, then population coefficients.

    Attributes
    ----------
    searches
        For effects.
    coordinates
        Of the hyperparameters.
    centre, unit
        Population coefficients ``(column,)`` from which their coordinates are counted, and directions ``(column, column)``
        about a standard error long.
    nodes
        Of the quadrature; None for Laplace's method.
    """

    searches: Searches
    coordinates: ScaleCoordinates
    centre: np.ndarray
    unit: np.ndarray
    nodes: Nodes | None

    @property
    def inner(self) -> Inner:
        """Return the inner problem."""
        return self.searches.inner

    def split(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return positions ``(batch, dim)`` and population coefficients ``(batch, column)``."""
        dim = self.inner.rows.system.dim
        return self.coordinates.positions(x[:, :dim]), self.centre + x[:, dim:] @ self.unit.T

    def value(self, x: np.ndarray) -> np.ndarray:
        """Return the log likelihood ``(batch,)`` at ``(batch, dim + column)``."""
        modes = self.searches.made(x, *self.split(x))
        with np.errstate(all="ignore"):
            found = [m.log_marginal if self.nodes is None else self.nodes.log_marginal(self.inner, m) for m in modes]
        every = np.concatenate(found)
        return np.where(np.isnan(every), -np.inf, every)


def row_estimate(target: Any, nodes: int, progress: Progress) -> Estimate:
    """Return the estimate of a model by its rows, by Laplace's method or, for ``nodes`` above 1, by quadrature."""
    rows = _rejoined(target.rows)
    system, quadrature = rows.system, nodes_of(rows, nodes)
    inner = Inner.of(rows, compiled=False)
    inner.warm = (target.start, *inner.warm[1:])
    progress.update(0, 100, "searching")
    likelihood, start = _begun(inner, quadrature)
    progress.update(40, 100, "searching")
    peak = climb(likelihood.value, start, np.eye(len(start)), moved=likelihood.searches.follow)
    settled = settle(likelihood.value, start, peak, np.arange(len(start)), likelihood.coordinates)
    progress.update(90, 100, "coefficients")
    positions, beta = likelihood.split(settled.x[None])
    mode = inner.mode(positions, beta)
    if not np.isfinite(mode.log_marginal[0]):
        raise FitError("fit: the search for the highest likelihood ended where effects have no mode; use method='nuts'")
    effects = tuple(value[0] for value in inner.effects(mode.scales, mode.at)[1:])
    names = (*(h.name for h in system.hyperparameters), *target.columns)
    advice, doubtful = edges_of(_in_columns(settled, likelihood), likelihood.coordinates, names)
    shown = set_apart(system, (beta[0], *effects))
    moves = _moves(likelihood, settled)
    return Estimate(
        positions[0],
        shown,
        _moves_apart(target.rows, shown[1:], positions[0], moves, shown[0]) if system.apart else moves,
        settled.value,
        system.columns + system.dim,
        advice,
        doubtful,
        {"nodes": float(nodes if quadrature is not None else 1), "inner_iterations": inner.iterations / max(inner.searches, 1)},
    )


def _rejoined(rows: RowSystem) -> RowSystem:
    """Return rows with the parts of population columns put back that were taken off the columns of a basis."""
    effects = list(rows.effects)
    for number, matrix in rows.system.apart.items():
        added = rows.columns @ matrix
        effects[number] = tuple(
            (1.0 if column is None else column) + added[:, k] for k, column in enumerate(rows.effects[number])
        )
    return replace(rows, effects=tuple(effects)) if rows.system.apart else rows


def _begun(inner: Inner, nodes: Nodes | None) -> tuple[Likelihood, np.ndarray]:
    """Return the likelihood and where its search begins: the mode of all coefficients at the scales that are best for it."""
    rows, system = inner.rows, inner.rows.system
    parameters = frozenset(k for p in rows.parameters for k in range(p.places.start, p.places.stop))
    coordinates = ScaleCoordinates.of(system, parameters)
    likely = np.array([_LIKELY.get(h.kind, float)(h.start) for h in system.hyperparameters])
    tried = np.repeat(likely[None], len(STARTS), axis=0)
    moved = [k for k, h in enumerate(system.hyperparameters) if h.kind == "scale" and k not in parameters]
    tried[:, moved] += np.log(STARTS)[:, None]
    tried = tried if moved else tried[:1]
    searches = Searches(inner, tried, [])

    def together(x: np.ndarray) -> np.ndarray:
        modes = searches.made(x, coordinates.positions(x), None)
        return np.concatenate([mode.log_marginal for mode in modes])

    coordinates = coordinates.with_units(likely)
    begin = coordinates.coordinates(tried)
    values = together(begin)
    if not np.isfinite(values).any():
        raise FitError(
            "ml: the likelihood has no mode at likely values of the scales; look for columns that separate the responses, or use "
            "method='nuts'"
        )
    x = begin[int(np.argmax(values))]
    searches.follow(x)
    if system.dim:
        x = climb(together, x, np.eye(system.dim), enough=ROUGH, moved=searches.follow).before
    mode = inner.mode(coordinates.positions(x[None]))
    _warm(inner, mode)
    unit = _population_root(inner, mode)
    return Likelihood(searches, coordinates, mode.at.beta[0], unit, nodes), np.concatenate([x, np.zeros(system.columns)])


_LIKELY: dict[str, Any] = {"scale": np.log, "partial": np.arctanh}


def _warm(inner: Inner, mode: Mode) -> None:
    """Begin later searches for coefficients where one ended."""
    if np.isfinite(mode.log_marginal[0]):
        inner.warm = tuple(value[0] for value in inner.effects(mode.scales, mode.at))


def _in_columns(settled: Settled, likelihood: Likelihood) -> Settled:
    """Return what is known of a peak with flat directions in terms of the population columns."""
    p = len(likelihood.centre)
    if not settled.flat.size or not p:
        return settled
    return replace(settled, flat=np.concatenate([settled.flat[:-p], likelihood.unit @ settled.flat[-p:]]))


def _moves(likelihood: Likelihood, settled: Settled) -> Moves:
    """Return small displacements that stand for standard errors, of hyperparameters and population coefficients together."""
    dim = likelihood.inner.rows.system.dim
    covariance = settled.covariance
    root = np.zeros((len(settled.free), 1)) if covariance is None else np.linalg.cholesky(covariance)
    x = np.repeat(settled.x[None], 2 * root.shape[1], axis=0).reshape(2, root.shape[1], -1)
    x[:, :, settled.free] += SMALL * np.array([1.0, -1.0])[:, None, None] * root.T
    positions, beta = likelihood.split(x.reshape(-1, x.shape[2]))
    positions[:, [k for k in settled.unknown if k < dim]] = np.nan
    if covariance is None:
        positions[:], beta[:] = np.nan, np.nan
    return positions.reshape(2, root.shape[1], -1), beta.reshape(2, root.shape[1], -1)


def _moves_apart(
    rows: RowSystem, effects: tuple[np.ndarray, ...], middle: np.ndarray, moves: Moves, beta: np.ndarray
) -> Moves:
    """Return the displacements where what was taken off a basis is shown as a population column's.

    The basis has a part in the error of such a column, so that errors of these columns are those that they have together with all
    effects at the scales as estimated.
    """
    inner = replace(Inner.of(rows, compiled=False), warm=(beta, *effects))
    positions, moved = moves
    half = _population_root(inner, inner.mode(middle[None]))
    signs = SMALL * np.array([1.0, -1.0])[:, None, None]
    own = np.broadcast_to(middle, (2, len(beta), len(middle)))
    at = np.broadcast_to(beta, (2, moved.shape[1], len(beta)))
    return np.concatenate([positions, own], axis=1), np.concatenate([at, beta + signs * half.T], axis=1)


def _population_root(inner: Inner, mode: Mode) -> np.ndarray:
    """Return a lower factor ``(column, column)`` of the covariance of population coefficients at a mode of all coefficients."""
    p, size = inner.rows.system.columns, inner.products.size
    lower = mode.factored.lower[:, :size, :size]
    half = np.array([forward_substituted(lower, column[None])[0] for column in np.eye(p, size)]).reshape(p, size)
    return np.linalg.cholesky(half @ half.T) if p else half[:, :p]
