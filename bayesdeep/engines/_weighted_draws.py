"""Draws of an approximation, checked against the target by Pareto-smoothed importance sampling.

References
----------
Yao, Vehtari, Simpson and Gelman (2018), Yes, but did it work? Evaluating variational inference, Proceedings of
Machine Learning Research 80. Vehtari, Simpson, Gelman, Yao and Gabry (2024), Pareto smoothed importance sampling,
Journal of Machine Learning Research 25(72).
"""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.draws import Draws, Progress, Target
from bayesdeep.numerics.psis import KHAT_LIMIT, tail_length
from bayesdeep.numerics.psis_row import smoothed_weights

LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Gaussian:
    """A multivariate normal by its mean ``(dim,)`` and a lower-triangular factor ``(dim, dim)`` or sds ``(dim,)``."""

    mean: np.ndarray
    factor: np.ndarray

    @property
    def log_determinant(self) -> float:
        """Half the log determinant of the covariance."""
        diagonal = self.factor if self.factor.ndim == 1 else np.diag(self.factor)
        return float(np.log(np.abs(diagonal)).sum())

    def place(self, z: np.ndarray) -> np.ndarray:
        """Return the points ``(..., dim)`` for standard normal ``z`` ``(..., dim)``."""
        return self.mean + (z * self.factor if self.factor.ndim == 1 else z @ self.factor.T)

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """Return the log density ``(...)`` of ``place(z)``."""
        return -0.5 * (z**2).sum(axis=-1) - 0.5 * z.shape[-1] * LOG_2PI - self.log_determinant


LEAST_CHECKED = 2_000
"""Candidates for a k-hat worth its name, also where few draws are asked for."""


@dataclass(frozen=True)
class Checked:
    """Candidates ``(n, dim)``, their log densities ``lp`` ``(n,)``, smoothed weights ``(n,)`` and the k-hat."""

    candidates: np.ndarray
    lp: np.ndarray
    weights: np.ndarray
    khat: float


def importance_weights(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    """Return smoothed weights ``(n,)`` that sum to one, and the Pareto k-hat; infinite where it has no value."""
    finite = np.isfinite(log_ratios)
    if finite.sum() < 10 or (~finite).mean() > 0.2:
        return np.full(log_ratios.size, 1 / log_ratios.size), float("inf")
    plain = np.where(finite, log_ratios, log_ratios[finite].min() - 50)
    smoothed, khat = smoothed_weights(plain, tail_length(plain.size, 1.0))
    if np.ptp(log_ratios[finite]) < 1e-8:
        khat = -np.inf  # the approximation is the target itself: there is no tail to fit
    weights = np.exp(np.asarray(smoothed) - np.max(smoothed)) * finite
    return weights / weights.sum(), float("inf") if np.isnan(khat) else float(khat)


def finish(
    checked: Checked,
    chains: int,
    draws: int,
    rng: np.random.Generator,
    method: str,
    seconds: float,
    compile_seconds: float,
    interrupted: bool = False,
    advice: tuple[str, ...] = (),
    details: dict[str, float | str] | None = None,
    weigh_below: float = KHAT_LIMIT,
) -> Draws:
    """Make the result of an approximation, resampled by the weights where these can be trusted.

    Parameters
    ----------
    checked
        At least ``chains * draws`` candidates and their weights; the first ones are kept where nothing is resampled.
    weigh_below
        Resample where the k-hat is below this, as long as that is not worse than leaving the draws alone.
    """
    size = chains * draws
    trusted, weigh = checked.khat < KHAT_LIMIT, checked.khat < weigh_below
    if weigh:
        # Systematic resampling: each candidate appears as often as its weight says, give or take one.
        edges = np.cumsum(checked.weights)
        pick = np.searchsorted(edges / edges[-1], (rng.random() + np.arange(size)) / size)
        pick = rng.permutation(np.minimum(pick, checked.weights.size - 1))
    else:
        pick = np.arange(size)
    warnings = [] if trusted else [_doubt(method, checked.khat)]
    if interrupted:
        warnings.insert(0, f"{method} was interrupted before it had converged; the approximation so far was used.")
    return Draws(
        positions=checked.candidates[pick].reshape(chains, draws, -1),
        stats={"lp": checked.lp[pick].reshape(chains, draws)},
        exact=False,
        corrected=trusted and weigh,
        status="interrupted" if interrupted else "ok" if trusted and not advice else "doubtful",
        advice=(*warnings, *advice),
        seconds_compile=compile_seconds,
        seconds_sample=seconds,
        details={
            "khat": checked.khat,
            "resampled": "yes" if weigh else "no",
            "effective_fraction": float(1 / (checked.weights**2).sum() / checked.weights.size),
            **(details or {}),
        },
    )


def check(target: Target, gaussian: Gaussian, size: int, rng: np.random.Generator, progress: Progress) -> Checked:
    """Draw ``size`` candidates or more from a Gaussian and weigh them against the target."""
    size = max(size, LEAST_CHECKED)
    z = rng.standard_normal((size, target.dim))
    candidates, lp = gaussian.place(z), np.empty(size)
    for i, x in enumerate(candidates):
        value = target.logp_dlogp(x)[0]
        lp[i] = value if np.isfinite(value) else -np.inf
        if i % 500 == 0:
            progress.update(i, size, "checking the approximation")
    weights, khat = importance_weights(lp - gaussian.log_density(z))
    return Checked(candidates, lp, weights, khat)


def _doubt(method: str, khat: float) -> str:
    shown = "infinite" if np.isinf(khat) else f"{khat:.2f}"
    return (
        f"{method}: Pareto k-hat is {shown} (it should be below {KHAT_LIMIT}): the approximation differs from the "
        "posterior. Means may still be useful; intervals may be wrong. Use method='nuts' where time allows."
    )
