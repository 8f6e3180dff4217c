"""What regressor and classifier have in common: columns, formula, weights, seed, and pickling."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from bayesdeep.core.random import whole_seed
from bayesdeep.design.frame import keep_rows, read_frame
from bayesdeep.model import Model

from ._columns import read_columns, read_weights
from ._formula import free, left, sides
from ._state import packed, unpacked


class BayesEstimator(BaseEstimator):
    """A model whose data come as ``X`` and ``y``. Parameters are explained by the classes that inherit from it."""

    def __init__(
        self,
        formula: str | None = None,
        family: str = "auto",
        method: str = "auto",
        *,
        net: Sequence[int] | None = None,
        link: str | Mapping[str, str] | None = None,
        priors: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        nonlinear: Mapping[str, str] | None = None,
        arrays: Mapping[str, Any] | None = None,
        draws: int | None = None,
        tune: int | None = None,
        chains: int | None = None,
        options: Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.formula = formula
        self.family = family
        self.method = method
        self.net = net
        self.link = link
        self.priors = priors
        self.parameters = parameters
        self.nonlinear = nonlinear
        self.arrays = arrays
        self.draws = draws
        self.tune = tune
        self.chains = chains
        self.options = options
        self.random_state = random_state

    def _fit(self, columns: dict[str, Any], response: Any, sample_weight: Any, family: str) -> None:
        """Fit the model and keep what prediction needs."""
        names = tuple(columns)
        name, right = sides(self.formula, self.net, names, tuple(self.nonlinear or ()))
        data, weight_name = {**columns, name: response}, None
        weights = read_weights(sample_weight, np.empty((len(response), 1)))
        if weights is not None:
            weight_name = free("sample_weight", data)
            data[weight_name] = weights
        model = Model(
            f"{left(name, weight_name)} ~ {right}",
            data if weights is None else keep_rows(read_frame(data), weights > 0),
            family,
            link=self.link,
            priors=self.priors,
            nonlinear=self.nonlinear,
            arrays=self.arrays,
            **dict(self.parameters or {}),
        )
        self._names = names
        self.fit_ = model.fit(
            self.method,
            draws=self.draws,
            tune=self.tune,
            chains=self.chains,
            seed=self._seed(),
            progress=False,
            **dict(self.options or {}),
        )

    def _seed(self) -> int:
        """Return the seed of the fit: an integer as it is, else one drawn from the random state."""
        given = self.random_state
        if isinstance(given, int | np.integer) and not isinstance(given, bool):
            return whole_seed(given, "fit: random_state")
        return int(check_random_state(given).randint(2**31 - 1))

    def _new(self, X: Any) -> dict[str, Any]:
        """Return the columns of rows to predict."""
        return read_columns(self, X, reset=False)

    def __getstate__(self) -> dict[str, Any]:
        return packed(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(unpacked(state))
