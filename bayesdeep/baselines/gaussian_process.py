"""Gaussian processes with a squared exponential kernel."""

from typing import Any

from bayesdeep.core.baselines import Baseline


def estimator(task: str, rows: int, seed: int) -> Any:
    """Return a process whose length scale, variance and noise maximise the marginal likelihood, from one start."""
    from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    del rows
    smooth = ConstantKernel(1.0) * RBF(1.0)
    if task == "regression":
        return GaussianProcessRegressor(smooth + WhiteKernel(1.0), normalize_y=True, random_state=seed % 2**32)
    return GaussianProcessClassifier(smooth, random_state=seed % 2**32)


BASELINE = Baseline(
    "gaussian process",
    "Gaussian process",
    frozenset({"regression", "classification", "spread"}),
    estimator,
    most_rows=2_000,
    example="curve",
)
