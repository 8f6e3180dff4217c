"""Laplace's approximation to the posterior of the hyperparameters: where it lies, and a proposal fitted to it."""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.draws import Progress
from bayesdeep.core.errors import FitError
from bayesdeep.linear.hyperparameters import Coordinates, in_units, log_prior, start_of
from bayesdeep.linear.mode import FARTHEST, curvature, find_mode
from bayesdeep.linear.proposal import NEAR_THE_MODE, Adapted, adapt

from .inner_newton import LOOSE, Inner

FARTHEST_PARAMETER = 50.0
"""Units of the logarithm of a family's parameter above its likely value up to which a mode is looked for."""


@dataclass(frozen=True)
class Marginal:
    """The approximate marginal posterior of the hyperparameters in the coordinates in which proposals are made."""

    inner: Inner
    coordinates: Coordinates

    def density(self, points: np.ndarray) -> np.ndarray:
        """Return the log density at ``(batch, dim)``; minus infinity where there is none."""
        with np.errstate(all="ignore"):
            found = self.inner.log_marginal(self.coordinates.to_system(points)) + self.log_prior_and_jacobian(points)
        return np.where(np.isnan(found), -np.inf, found)

    def proposed(self, points: np.ndarray) -> np.ndarray:
        """Return the log density at proposals: a scale that is not folded at 0 has none below."""
        found = np.full(len(points), -np.inf)
        there = self.in_domain(points)
        if there.any():
            found[there] = self.density(points[there])
        return found

    def in_domain(self, points: np.ndarray) -> np.ndarray:
        """Return which points are not the mirror image of another ``(batch,)``."""
        return ~((points < 0) & ~np.isnan(self.coordinates.units)).any(axis=1)

    def log_prior_and_jacobian(self, points: np.ndarray) -> np.ndarray:
        """Return the part that is not the likelihood: the prior and the Jacobian."""
        rows, positions = self.inner.rows, self.coordinates.to_system(points)
        with np.errstate(all="ignore"):
            together = rows.log_prior(positions)
        own = log_prior(rows.system, positions) + self.coordinates.log_jacobian(rows.system, points)
        return own + np.where(np.isnan(together), -np.inf, together)


@dataclass(frozen=True)
class Shape:
    """The mode of the hyperparameters ``(dim,)`` and the factor of the inverse curvature there ``(dim, dim)``."""

    centre: np.ndarray
    factor: np.ndarray


def centred(inner: Inner, progress: Progress, engine: str) -> tuple[Marginal, Shape | None]:
    """Return the marginal posterior in good coordinates, and its shape at the mode; None without hyperparameters.

    Raises
    ------
    FitError
        Where the marginal likelihood is not finite at likely values, or the likelihood has no curvature.
    """
    system = inner.rows.system
    progress.update(0, 100, "mode")
    marginal = Marginal(inner, Coordinates(np.full(system.dim, np.nan)))
    start = start_of(system)
    inner.follow = True
    _check_start(inner, marginal, start, engine)
    shape = None
    if system.dim > 0:
        names = tuple(h.name for h in system.hyperparameters)
        mode = find_mode(marginal.density, start, names, farthest=_farthest(inner))
        is_scale = np.array([h.kind == "scale" for h in system.hyperparameters])
        marginal = Marginal(inner, in_units(system, np.where(is_scale, np.exp(mode), np.nan)))
        centre = find_mode(marginal.density, marginal.coordinates.from_system(mode), names)
        centre = np.where(is_scale, np.abs(centre), centre)
        marginal.density(centre[None])
        inner.follow = False
        shape = Shape(centre, curvature(marginal.density, centre))
    inner.follow, inner.tolerance = False, LOOSE
    progress.update(5, 100, "proposal")
    return marginal, shape


def fitted_proposal(marginal: Marginal, shape: Shape, total: int, rng: np.random.Generator) -> Adapted:
    """Return a proposal fitted to ``total`` points in three rounds."""
    foldable = ~np.isnan(marginal.coordinates.units)
    sizes = tuple(max(total * k // 7, 1) for k in (1, 2, 4))
    return adapt(marginal.proposed, shape.centre, shape.factor, foldable, sizes, rng, NEAR_THE_MODE)


def _farthest(inner: Inner) -> np.ndarray:
    """Return how far above the likely value a mode may lie ``(dim,)``, in coordinates.

    The shape of counts that vary as Poisson counts do is as large as these.
    """
    found = np.full(inner.rows.system.dim, FARTHEST)
    for parameter in inner.rows.parameters:
        found[parameter.places] = FARTHEST_PARAMETER
    return found


def _check_start(inner: Inner, marginal: Marginal, start: np.ndarray, engine: str) -> None:
    _, _, weights = inner.look(np.zeros((len(inner.rows.offset), 1)), marginal.coordinates.to_system(start[None]))
    weights = weights[: len(weights) - inner.rows.priors]
    if len(weights) and (weights == 0).all():
        raise FitError(
            f"{engine}: the response's log likelihood has no curvature in the predictor, so that there is no Gaussian "
            "to approximate by; use method='nuts'"
        )
    if np.isfinite(marginal.density(start[None])).all():
        return
    raise FitError(
        f"{engine}: the marginal likelihood is not finite at likely values of the hyperparameters. With flat priors, "
        "columns that are combinations of each other have this effect, and so have responses that a column separates; "
        "leave it out or give proper priors, or use method='nuts'"
    )
