"""Support vector machines with a Gaussian kernel."""

from typing import Any

from bayesdeep.core.baselines import Baseline


def estimator(task: str, rows: int, seed: int) -> Any:
    """Return a machine with scikit-learn's settings, of a standardised response; of classes, calibrated by Platt's method."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC, SVR

    del rows
    if task == "regression":
        return TransformedTargetRegressor(SVR(), transformer=StandardScaler())
    folds = StratifiedKFold(5, shuffle=True, random_state=seed % 2**32)
    return CalibratedClassifierCV(SVC(random_state=seed % 2**32), method="sigmoid", cv=folds, ensemble=False)


BASELINE = Baseline(
    "svm", "Support vector machine", frozenset({"regression", "classification"}), estimator, most_rows=20_000,
    example="curve",
)
