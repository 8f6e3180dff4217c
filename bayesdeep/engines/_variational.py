"""What mean-field and full-rank variational approximation have in common."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.draws import Progress, Target
from bayesdeep.core.errors import FitError
from bayesdeep.numerics.adam import WINDOW, Climb, climb

from ._starts import safe_start
from ._weighted_draws import LOG_2PI, Gaussian

RATES = (0.1, 0.03, 0.01, 0.003)
FIRST_SD = 0.1


@dataclass(frozen=True)
class VariationalSettings:
    """Options of the variational approximations.

    Attributes
    ----------
    draws, chains
        Draws taken from the approximation, shaped as so many chains.
    max_iterations
        Steps of the optimiser at most; it stops by itself when the ELBO no longer rises.
    gradients
        Points per step, an even number: they come in mirrored pairs, which removes most of the noise.
    """

    draws: int = 1000
    chains: int = 4
    max_iterations: int = 40_000
    gradients: int = 4

    def __post_init__(self) -> None:
        self.check("advi")

    def check(self, method: str) -> None:
        """Refuse options that make no sense."""
        if self.draws < 1 or self.chains < 1:
            raise FitError(f"{method}: draws and chains must be at least 1")
        if self.gradients < 2 or self.gradients % 2:
            raise FitError(f"{method}: gradients must be an even number, at least 2, not {self.gradients}")
        if self.max_iterations < 2 * WINDOW:
            raise FitError(f"{method}: max_iterations must be at least {2 * WINDOW}, not {self.max_iterations}")


def fit_mean_field(
    target: Target, settings: VariationalSettings, rng: np.random.Generator, progress: Progress, method: str
) -> tuple[Gaussian, Climb]:
    """Fit independent normals on the unconstrained scale; parameters are means and log sds, ``(2 dim,)``."""
    dim = target.dim
    average = _averaged(target, settings.gradients, rng, method)
    entropy = 0.5 * dim * (1 + LOG_2PI)

    def gradient(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        mean, log_sd = parameters[:dim], parameters[dim:]
        sd = np.exp(log_sd)
        lp, slopes, z = average(lambda z: mean + sd * z)
        towards = np.concatenate([slopes.mean(axis=0), (slopes * z).mean(axis=0) * sd + 1])
        return lp + float(log_sd.sum()) + entropy, towards

    def scale(parameters: np.ndarray, stage: int) -> np.ndarray:
        # The first stage must travel in any units; later ones step in units of the posterior's own width.
        width = np.ones(dim) if stage == 0 else np.minimum(np.exp(parameters[dim:]), 1.0)
        return np.concatenate([width, np.ones(dim)])

    begin = np.concatenate([safe_start(target, rng, method), np.full(dim, np.log(FIRST_SD))])
    reached = climb(gradient, begin, scale, RATES, settings.max_iterations, progress, method)
    return Gaussian(reached.parameters[:dim], np.exp(reached.parameters[dim:])), reached


def fit_full_rank(
    target: Target,
    begin: Gaussian,
    settings: VariationalSettings,
    rng: np.random.Generator,
    progress: Progress,
    method: str,
) -> tuple[Gaussian, Climb]:
    """Fit a normal with correlations, from a mean-field one.

    In units of the mean-field sds, the point is ``shift + factor @ z`` with a lower-triangular factor. So written, all
    parameters have one scale, and the ascent starts at zero shift and the identity.
    """
    dim = target.dim
    average = _averaged(target, settings.gradients, rng, method)
    below = np.tril_indices(dim, -1)
    diagonal = np.arange(dim)
    entropy = 0.5 * dim * (1 + LOG_2PI) + begin.log_determinant

    def unpack(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        factor = np.zeros((dim, dim))
        factor[diagonal, diagonal] = np.exp(parameters[dim : 2 * dim])
        factor[below] = parameters[2 * dim :]
        return parameters[:dim], factor

    def gradient(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        shift, factor = unpack(parameters)
        lp, slopes, z = average(lambda z: begin.mean + begin.factor * (shift + z @ factor.T))
        slopes = slopes * begin.factor
        outer = slopes.T @ z / len(z)
        spread = outer[diagonal, diagonal] * factor[diagonal, diagonal] + 1
        value = lp + float(parameters[dim : 2 * dim].sum()) + entropy
        return value, np.concatenate([slopes.mean(axis=0), spread, outer[below]])

    # Many small correlations add up: their steps shrink with their number in a row.
    steps = np.concatenate([np.ones(2 * dim), np.full(below[0].size, 1 / np.sqrt(dim))])
    zero = np.zeros(2 * dim + below[0].size)
    reached = climb(gradient, zero, lambda p, stage: steps, RATES[1:], settings.max_iterations, progress, method)
    shift, factor = unpack(reached.parameters)
    return Gaussian(begin.mean + begin.factor * shift, begin.factor[:, None] * factor), reached


def _averaged(
    target: Target, points: int, rng: np.random.Generator, method: str
) -> Callable[[Callable[[np.ndarray], np.ndarray]], tuple[float, np.ndarray, np.ndarray]]:
    """Return a function from ``place`` to the mean log density, gradients and noise ``(points, dim)``."""
    failed = 0

    def average(place: Callable[[np.ndarray], np.ndarray]) -> tuple[float, np.ndarray, np.ndarray]:
        nonlocal failed
        half = rng.standard_normal((points // 2, target.dim))
        z = np.concatenate([half, -half])
        slopes, values = np.zeros_like(z), []
        for i, x in enumerate(place(z)):
            value, slope = target.logp_dlogp(x)
            if np.isfinite(value) and np.isfinite(slope).all():
                slopes[i] = slope
                values.append(value)
        failed = 0 if values else failed + 1
        if failed > WINDOW:
            raise FitError(f"{method}: the log density is not finite where the optimiser went; use narrower priors")
        return (float(np.mean(values)) if values else float("nan")), slopes, z

    return average
