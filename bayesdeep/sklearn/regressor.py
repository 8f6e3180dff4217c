"""``BayesRegressor``: a model of numbers as a scikit-learn estimator."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from bayesdeep.core.errors import FitError, FormulaError
from bayesdeep.core.registry import FAMILIES

from ._base import BayesEstimator
from ._columns import read_columns, read_response

LEVELS = frozenset({"levels", "two_levels", "several_columns"})


class BayesRegressor(RegressorMixin, BayesEstimator):
    r"""A Bayesian regression with scikit-learn's interface.

    .. math:: y_i \sim \mathrm{family}(g^{-1}(\eta_i), \ldots), \qquad \eta = \text{the sum of the formula's terms}

    Parameters
    ----------
    formula
        ``"y ~ floor + (1 | county)"`` or ``"~ floor + (1 | county)"``, with the columns of ``X`` by name; what is left of the
        tilde is a name for ``y``. Columns of an array are called ``x0``, ``x1``, …. None: all columns, linear.
    family
        Name of the response distribution, of numbers.
    method
        ``"auto"``, or a method by name; see :meth:`bayesdeep.Model.fit`.
    net
        Widths of the hidden layers, such as ``(16, 16)``: a network of all columns in place of a formula.
    link, priors
        As for :class:`bayesdeep.Model`. Default priors are scaled by the rows that are fitted, in each fold anew.
    parameters
        Formulas or known values of other parameters, ``{"sigma": "~ x0"}``.
    nonlinear
        Formulas of the parameters of a non-linear formula, ``{"a": "~ 1"}``; see :class:`bayesdeep.Model`.
    arrays
        Labelled tables that the formula names, ``{"W": table}`` of ``car(region, W)``; see :class:`bayesdeep.Model`.
    draws, tune, chains
        Draws kept a chain, draws a chain for tuning, number of chains; None for the method's own.
    options
        The method's own options.
    random_state
        Seed, ``numpy.random.RandomState`` or None. An integer makes everything reproducible.

    Attributes
    ----------
    fit_
        The :class:`~bayesdeep.fit.Fit`: ``fit_.summary()``, ``fit_.diagnose()``, ``fit_.loo()``, ….
    n_features_in_, feature_names_in_
        Number of columns of ``X``, and their names if they have any.

    Notes
    -----
    ``sample_weight`` are weights of the log likelihood: a row of weight 2 counts like two rows, and a row of weight 0 like none.
    Nothing is taken off or divided by before fitting, since priors are put on the data's own scale. Pickles hold the fit as it
    would be saved by :meth:`bayesdeep.fit.Fit.save`, not the compiled model.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "BayesRegressor":
        """Fit the model.

        Parameters
        ----------
        X
            Array ``(obs, column)`` of numbers, or a data frame, whose text and categories can be factors.
        y
            The response ``(obs,)``.
        sample_weight
            Weights ``(obs,)`` of the log likelihood, 0 or more, in numbers of rows.

        Returns
        -------
        BayesRegressor
            Itself.

        Raises
        ------
        BayesdeepError
            Where formula, data, family and priors do not fit together.
        """
        family = "gaussian" if self.family == "auto" else self.family
        words = FAMILIES.find(family, f"{type(self).__name__}: family", FormulaError).words
        if words & LEVELS:
            raise FitError(f"BayesRegressor: family '{family}' is of levels, not of numbers; use BayesClassifier")
        columns = read_columns(self, X, reset=True)
        response = read_response(self, X, y)
        if response.dtype.kind not in "iuf":
            response = response.astype(np.float64)
        self._fit(columns, response, sample_weight, family)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return expected responses ``(obs,)``, and with ``return_std`` the standard deviations of new responses ``(obs,)`` too.

        The latter are those of the posterior predictive distribution, noise included; of a point estimate, of the noise.
        """
        check_is_fitted(self)
        rows = self._new(X)
        mean = self.fit_.predict(rows, kind="mean")["mean"].to_numpy(dtype=float)
        if not return_std:
            return mean
        return mean, self.fit_.predict(rows, kind="response", new_groups="sample")["sd"].to_numpy(dtype=float)
