"""Linear discriminant analysis: classes are normal with one covariance."""

from typing import Any

from bayesdeep.core.baselines import Baseline


def estimator(task: str, rows: int, seed: int) -> Any:
    """Return discriminant analysis with the covariance shrunk by Ledoit and Wolf's formula."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    del task, rows, seed
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


BASELINE = Baseline(
    "lda", "Linear discriminant analysis", frozenset({"classification"}), estimator,
    example="line",
)
