"""Models of this package as scikit-learn estimators: for pipelines, cross-validation and searches over settings.

``BayesRegressor`` and ``BayesClassifier`` take a formula whose names are the columns of ``X``; without one, all columns are
linear terms. What they fit is kept as ``estimator.fit_``, with everything a fit can be asked for.
"""

from bayesdeep.core.optional import require

require("sklearn", "scikit-learn", "sklearn", "bayesdeep.sklearn")

from .classifier import BayesClassifier  # noqa: E402
from .regressor import BayesRegressor  # noqa: E402

__all__ = ["BayesClassifier", "BayesRegressor"]
