"""Boosted trees on binned columns."""

from typing import Any

from bayesdeep.core.baselines import Baseline


def estimator(task: str, rows: int, seed: int) -> Any:
    """Return scikit-learn's histogram-based boosting with its own settings: 100 trees of 31 leaves, learning rate 0.1."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    del rows
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return kind(random_state=seed % 2**32)


BASELINE = Baseline(
    "gradient boosting", "Gradient boosted trees", frozenset({"regression", "classification"}), estimator,
    example="steps",
)
