"""Least squares, or logistic regression, with a quadratic penalty on the coefficients."""

from typing import Any

import numpy as np

from bayesdeep.core.baselines import Baseline


def estimator(task: str, rows: int, seed: int) -> Any:
    """Return ridge regression, its penalty by leave-one-out from 13 values; of classes, logistic regression with penalty 1."""
    from sklearn.linear_model import LogisticRegression, RidgeCV

    del rows
    if task == "regression":
        return RidgeCV(alphas=np.logspace(-3, 3, 13))
    return LogisticRegression(C=1.0, max_iter=2000, random_state=seed % 2**32)


BASELINE = Baseline(
    "ridge", "Ridge regression", frozenset({"regression", "classification"}), estimator,
    example="line",
)
