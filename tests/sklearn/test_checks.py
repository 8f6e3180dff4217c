"""scikit-learn's own checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from bayesdeep.sklearn import BayesClassifier, BayesRegressor

REPRODUCED = (
    "y is an exact linear function of X in this check: the posterior of sigma then has no maximum, which is refused with a text "
    "that says so"
)
SCALED = "default priors are scaled by the rows, not by their weights, and draws depend on the order of rows: equal up to both"
FAILED = {
    "BayesRegressor": {
        "check_sample_weights_shape": REPRODUCED,
        "check_sample_weights_not_overwritten": REPRODUCED,
        "check_regressors_no_decision_function": REPRODUCED,
        "check_sample_weight_equivalence_on_dense_data": SCALED,
    },
    "BayesClassifier": {"check_sample_weight_equivalence_on_dense_data": SCALED},
}


def expected(estimator: object) -> dict[str, str]:
    return FAILED[type(estimator).__name__]


@pytest.mark.slow
@parametrize_with_checks(
    [BayesRegressor(draws=100, tune=100, chains=2, random_state=0)], expected_failed_checks=expected, xfail_strict=True
)
def test_regressor(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [BayesClassifier(method="map", random_state=0)], expected_failed_checks=expected, xfail_strict=True
)
def test_classifier(estimator, check):
    check(estimator)
