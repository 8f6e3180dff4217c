"""``BayesClassifier``: a model of classes as a scikit-learn estimator."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.registry import FAMILIES

from ._base import BayesEstimator
from ._classes import read_classes
from ._columns import read_columns, read_response, read_weights

CHOICE = ("auto", "bernoulli", "categorical", "cumulative")


class BayesClassifier(ClassifierMixin, BayesEstimator):
    r"""A Bayesian model of classes with scikit-learn's interface.

    .. math:: P(y_i = k) = \mathrm{softmax}_k(\eta_i), \quad\text{of two classes}\quad P(y_i = 1) = \mathrm{logit}^{-1}(\eta_i)

    Parameters
    ----------
    formula
        ``"y ~ x0 + (1 | g)"`` or ``"~ x0 + (1 | g)"``, with the columns of ``X`` by name; what is left of the tilde is a name for
        ``y``. Columns of an array are called ``x0``, ``x1``, …. None: all columns, linear.
    family
        ``"auto"``: bernoulli for two classes, categorical for more. Else ``"bernoulli"``, ``"categorical"``, or ``"cumulative"``
        for ordered classes: in the order that ordered categories declare (``pandas.Categorical(y, categories=[…],
        ordered=True)``, a polars ``Enum``), or in that of numbers. Text has no order and is refused.
    method
        ``"auto"``, or a method by name; see :meth:`bayesdeep.Model.fit`.
    net
        Widths of the hidden layers, such as ``(16, 16)``: a network of all columns in place of a formula.
    link, priors, parameters, nonlinear, arrays, draws, tune, chains, options, random_state
        As for :class:`~bayesdeep.sklearn.regressor.BayesRegressor`.

    Attributes
    ----------
    classes_
        The classes, sorted ``(class,)``, whatever their order in the model; of ordered categories also those without rows.
    fit_
        The :class:`~bayesdeep.fit.Fit`, whose response is called as in the formula and has the classes as levels.
    n_features_in_, feature_names_in_
        Number of columns of ``X``, and their names if they have any.

    Notes
    -----
    ``sample_weight`` are weights of the log likelihood: a row of weight 2 counts like two rows, and a row of weight 0 like none.

    ``sklearn.model_selection.cross_val_predict(…, method="predict_proba")`` gives estimators numbers in place of labels, in the
    labels' sorted order. For ordered classes give it whole numbers that are in order themselves.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "BayesClassifier":
        """Fit the model.

        Parameters
        ----------
        X
            Array ``(obs, column)`` of numbers, or a data frame, whose text and categories can be factors.
        y
            The classes ``(obs,)``; two at least.
        sample_weight
            Weights ``(obs,)`` of the log likelihood, 0 or more, in numbers of rows.

        Returns
        -------
        BayesClassifier
            Itself.

        Raises
        ------
        BayesdeepError
            Where formula, data, family and priors do not fit together.
        """
        if self.family not in CHOICE:
            raise FitError(f"BayesClassifier: unknown family '{self.family}'{nearest(self.family, CHOICE)}")
        columns = read_columns(self, X, reset=True)
        response = read_response(self, X, y)
        check_classification_targets(response)
        two = len(np.unique(response)) == 2
        family = ("bernoulli" if two else "categorical") if self.family == "auto" else self.family
        weights = read_weights(sample_weight, X)
        classes = read_classes(y, response, weights, ordinal="ordered" in FAMILIES[family].words)
        self.classes_ = classes.labels
        self._fit(columns, classes.response, weights, family)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return posterior mean probabilities ``(obs, class)``, in the order of ``classes_``."""
        check_is_fitted(self)
        table, spec = self.fit_.predict(self._new(X), kind="mean"), self.fit_.spec
        if "two_levels" in FAMILIES[spec.family].words:
            success = table["mean"].to_numpy(dtype=float)
            return np.column_stack([1 - success, success])
        # The model's levels have their own order, which need not be the sorted one of `classes_`.
        place = {str(level): i for i, level in enumerate(spec.response.levels or ())}
        return table.to_numpy()[:, [place[str(label)] for label in self.classes_.tolist()]].astype(float)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row ``(obs,)``."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]
