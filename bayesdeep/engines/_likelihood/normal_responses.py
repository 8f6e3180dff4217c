r"""Maximum likelihood and REML of a linear system: exact, with residual scale and coefficients worked out along the way.

With scales in units of the residual standard deviation :math:`\sigma` the likelihood's highest point over :math:`\sigma` and the
population coefficients is known, so that only the covariances of groups are searched (Bates, Maechler, Bolker and Walker 2015,
doi:10.18637/jss.v067.i01). REML integrates the population coefficients out under a flat prior (Patterson and Thompson 1971,
doi:10.1093/biomet/58.3.545).
"""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from bayesdeep.core.draws import Progress
from bayesdeep.core.errors import FitError
from bayesdeep.core.linear import LinearSystem, plain
from bayesdeep.linear.elimination_plan import plan_by_groups
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.linear.principal_axes import in_principal_axes
from bayesdeep.linear.profiled import Parts
from bayesdeep.linear.rejoined import rejoined, set_apart

from .climb import climb
from .edges import Settled, edges_of, settle
from .estimated import SMALL, Estimate
from .scale_coordinates import ScaleCoordinates

EXPENSIVE_SECONDS = 2e-3
"""Seconds an evaluation from which mixed derivatives are taken from one side."""
MET = (
    "fit: the predictor meets every response: nothing is left for the residual sd, and the likelihood has no highest point; take "
    "terms out, or give sigma by bd.known()"
)
STARTS = (1.0, 0.1, 10.0, 100.0)
"""Of all scales, in units of likely ones: the search begins at the best."""


class NoNoise:
    """Stands for a generator where the mean is asked for in place of a draw."""

    @staticmethod
    def standard_normal(size: Any) -> np.ndarray:
        """Return zeros."""
        return np.zeros(size)


@dataclass(frozen=True)
class Likelihood:
    """The log likelihood of a system's hyperparameters.

    Attributes
    ----------
    restricted
        Whether the population coefficients are integrated out, rather than at their mode.
    profiled
        Whether all scales are in units of the residual one, which is then worked out.
    log_sigma
        Of a likely residual scale: the one that is worked out is found from what is left at this one.
    constant
        Added to it: what the columns' units make of an integral over their coefficients.
    """

    system: LinearSystem
    solver: Any
    coordinates: ScaleCoordinates
    restricted: bool
    profiled: bool
    log_sigma: float
    constant: float

    @property
    def freedom(self) -> float:
        """Return the rows, less the population coefficients where these are integrated out."""
        return self.system.moments.rows - (self.system.columns if self.restricted else 0)

    @property
    def scales(self) -> list[int]:
        """Return which hyperparameters are scales."""
        return [k for k, h in enumerate(self.system.hyperparameters) if h.kind == "scale"]

    @property
    def free(self) -> np.ndarray:
        """Return which coordinates are searched ``(dim,)``."""
        found = np.ones(self.system.dim, dtype=bool)
        if self.profiled:
            found[self.system.sigma.index] = False
        return found

    def value(self, x: np.ndarray) -> np.ndarray:
        """Return the log likelihood ``(batch,)`` at coordinates ``(batch, dim)``, at the best residual scale if profiled."""
        parts = self.parts(x)
        found = parts.value if self.restricted else parts.at_population_mode
        if self.profiled:
            with np.errstate(divide="ignore", invalid="ignore"):
                found = found + 0.5 * parts.left - 0.5 * self.freedom * (np.log(parts.left / self.freedom) + 1.0)
        found = found + (self.constant if self.restricted else 0.0)
        return np.where(np.isnan(found), -np.inf, found)

    def parts(self, x: np.ndarray) -> Parts:
        """Return the parts of the log density ``(batch, …)``; at the likely residual scale, if profiled."""
        with np.errstate(all="ignore"):
            parts: Parts = self.solver.parts(scales_of(self.system, self.relative(x)))
        return parts

    def relative(self, x: np.ndarray) -> np.ndarray:
        """Return positions ``(batch, dim)``; if profiled with the likely residual scale, in whose units others are given."""
        found = self.coordinates.positions(x)
        if self.profiled:
            found[:, self.system.sigma.index] = 0.0
            found[:, self.scales] += self.log_sigma
        return found

    def positions(self, x: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Return the system's positions ``(batch, dim)``, given the squares that are left at ``x`` ``(batch,)``."""
        found = self.relative(x)
        if self.profiled:
            found[:, self.scales] += 0.5 * np.log(left / self.freedom)[:, None]
        return found


def normal_estimate(target: Any, restricted: bool, progress: Progress) -> Estimate:
    """Return the estimate of a linear system by maximum likelihood, or by REML where ``restricted``."""
    turned = in_principal_axes(target.system if restricted else rejoined(target.system))
    system = turned.system
    _check_rows(system, restricted)
    solver = plan_by_groups(system)
    likelihood = _likelihood(system, solver, restricted, target.units)
    free = np.flatnonzero(likelihood.free)
    progress.update(0, 100, "searching")
    start = _start(likelihood, free)
    dear = solver.seconds > EXPENSIVE_SECONDS

    def value(points: np.ndarray) -> np.ndarray:
        x = np.repeat(start[None], len(points), axis=0)
        x[:, free] = points
        return likelihood.value(x)

    peak = climb(value, start[free], np.eye(len(free)), dear=dear)
    settled = settle(likelihood.value, start, peak, free, likelihood.coordinates, dear=dear)
    progress.update(80, 100, "coefficients")
    parts = likelihood.parts(settled.x[None])
    if likelihood.profiled and not parts.left[0] > 1e-10 * system.moments.gram[-1, -1] * np.exp(-2.0 * likelihood.log_sigma):
        raise FitError(MET)
    positions = likelihood.positions(settled.x[None], parts.left)
    found = turned.back(solver.draw(scales_of(system, positions), cast(Any, NoNoise())))
    if system.apart and not restricted:
        found = set_apart(target.system, found)
        # Errors are of the columns as they are shown.
        shown = plan_by_groups(in_principal_axes(target.system).system)
        parts = replace(parts, inverse=shown.parts(scales_of(system, likelihood.relative(settled.x[None]))).inverse)
    names = tuple(h.name for h in system.hyperparameters)
    advice, doubtful = edges_of(settled, likelihood.coordinates, names)
    return Estimate(
        positions[0],
        tuple(value[0] for value in found),
        _moves(likelihood, settled, parts, positions[0], found[0][0]),
        settled.value,
        system.columns + system.dim,
        advice,
        doubtful,
    )


def _likelihood(system: LinearSystem, solver: Any, restricted: bool, units: np.ndarray) -> Likelihood:
    own = system.sigma.index
    others = [plain(scale).index for factor in system.factors for scale in factor.scales]
    profiled = own is not None and None not in others and own not in others
    likely = np.array([np.log(h.start) if h.kind == "scale" else 0.0 for h in system.hyperparameters])
    if profiled:
        likely -= np.where([h.kind == "scale" for h in system.hyperparameters], likely[own], 0.0)
    coordinates = ScaleCoordinates.of(system).with_units(likely)
    log_sigma = float(np.log(system.hyperparameters[own].start)) if own is not None else 0.0
    return Likelihood(system, solver, coordinates, restricted, profiled, log_sigma, -float(np.log(units).sum()))


def _start(likelihood: Likelihood, free: np.ndarray) -> np.ndarray:
    """Return the best ``(dim,)`` of a few points at which all scales are about equally far from likely ones."""
    system = likelihood.system
    likely = np.log(likelihood.coordinates.units)
    scales = np.array([h.kind == "scale" for h in system.hyperparameters], dtype=bool)
    base = np.where(scales, likely, 0.0)
    tried = np.repeat(base[None], len(STARTS), axis=0)
    moved = scales & np.isin(np.arange(system.dim), free)
    tried[:, moved] += np.log(STARTS)[:, None]
    if not len(free):
        tried = tried[:1]
    x = likelihood.coordinates.coordinates(tried)
    values = likelihood.value(x)
    if (values == np.inf).any():
        raise FitError(MET)
    if not np.isfinite(values).any():
        raise FitError(
            "fit: the likelihood is not finite at likely values of the scales; look for columns that are combinations of each "
            "other"
        )
    return x[int(np.argmax(values))]


def _check_rows(system: LinearSystem, restricted: bool) -> None:
    if restricted and not system.moments.rows > system.columns:
        raise FitError(
            f"fit: {system.columns} population coefficients take all that {system.moments.rows:g} rows say, and nothing is left "
            "for the scales; take terms out"
        )


def _moves(
    likelihood: Likelihood, settled: Settled, parts: Parts, positions: np.ndarray, beta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return small displacements that stand for standard errors: of scales and correlations, then of population coefficients."""
    system = likelihood.system
    up_down = []
    unknown = np.zeros(system.dim, dtype=bool)
    covariance = settled.covariance
    if covariance is None:
        unknown[:] = True
    else:
        unknown[list(settled.unknown)] = True
        root = np.linalg.cholesky(covariance) if len(covariance) else covariance
        for column in root.T:
            x = np.repeat(settled.x[None], 2, axis=0)
            x[:, settled.free] += SMALL * np.array([[1.0], [-1.0]]) * column
            up_down.append(likelihood.positions(x, likelihood.parts(x).left))
        if likelihood.profiled:
            # What is not known of the residual scale when all others are known in units of it.
            scales = np.array([h.kind == "scale" for h in system.hyperparameters])
            step = SMALL / np.sqrt(2.0 * likelihood.freedom)
            up_down.append(positions + np.array([[1.0], [-1.0]]) * step * scales)
    half = np.linalg.cholesky(parts.inverse[0] * (parts.left[0] / likelihood.freedom if likelihood.profiled else 1.0))
    count, columns = len(up_down), system.columns
    where = np.repeat(positions[None, None], 2, axis=0).repeat(count + columns, axis=1)
    coefficients = np.repeat(beta[None, None], 2, axis=0).repeat(count + columns, axis=1)
    for k, pair in enumerate(up_down):
        where[:, k] = pair
    for k in range(columns):
        coefficients[:, count + k] += SMALL * np.array([[1.0], [-1.0]]) * half[:, k]
    where[:, :, unknown] = np.nan
    return where, coefficients



