"""A model of several data sets that differ in what was filled in for missing values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.records import Family
from bayesdeep.display import notebook
from bayesdeep.formula.several import split_responses
from bayesdeep.imputed_fit import ImputedFit
from bayesdeep.inference.fit_imputed import fit_imputed
from bayesdeep.inference.specify_imputed import specify_imputed
from bayesdeep.model import Model, model_of
from bayesdeep.spec.model_spec import ModelSpec


class ImputedModel:
    """One model of several imputations of one data set, which :class:`bayesdeep.Model` returns for a list of tables.

    ``bd.Model("y ~ x + (1 | g)", [d1, d2, d3])``: the model is fitted to each, and the draws of all fits are one posterior, in
    which every data set has the same share. It does not change.

    Parameters
    ----------
    formula
        One formula.
    data
        Tables in memory, two or more, with the same rows and columns. What is learned of data (levels, codings, knots, scales,
        default priors) is learned from all of them one below another, so that a parameter means the same in every fit.
    family, link, priors, missing, arrays, parameter_formulas
        As of :class:`bayesdeep.Model`. With ``missing="drop"`` a row that has a missing value in one data set is left out in all.

    Raises
    ------
    BayesdeepError
        Where data sets differ in rows, columns or what these hold, the model does not fit one of them, or one of its terms looks
        at the rows before a row (``ar()``).
    """

    @arguments.checked(
        "model", link=arguments.optional(arguments.either(arguments.text, Mapping)), missing=arguments.text
    )
    def __init__(
        self,
        formula: str,
        data: Sequence[Any],
        family: str | Family = "gaussian",
        *,
        link: str | Mapping[str, str] | None = None,
        priors: Mapping[str, Any] | None = None,
        missing: str = "error",
        arrays: Mapping[str, Any] | None = None,
        **parameter_formulas: Any,
    ) -> None:
        if not isinstance(formula, str) or isinstance(split_responses(formula), list | tuple):
            raise FormulaError(
                "formula: several responses of several data sets are not available together; model one response, or fit each "
                "data set by itself, [bd.Model(formulas, d).fit(seed=1) for d in data]"
            )
        made = specify_imputed(
            formula,
            data,
            family=family,
            link=link,
            priors=priors,
            missing=missing,
            parameters=parameter_formulas,
            arrays=arrays,
        )
        self._spec, self._each = made.spec, made.each

    @property
    def spec(self) -> ModelSpec:
        """Return the model as data; it is the same for all data sets."""
        return self._spec

    @property
    def rows(self) -> int:
        """Return the number of rows of each data set."""
        return self._each[0].rows

    @property
    def each(self) -> tuple[Model, ...]:
        """Return the model on each data set by itself, of which everything can be asked that can be asked of any model."""
        return tuple(model_of(self._spec, rows) for rows in self._each)

    @property
    def priors(self) -> pd.DataFrame:
        """Return every prior as an explicit number, and where it came from."""
        return self.each[0].priors

    @arguments.checked(
        "fit", method=arguments.text, seed=arguments.seed, device=arguments.text, progress=arguments.flag
    )
    def fit(
        self,
        method: str = "auto",
        *,
        draws: int | None = None,
        tune: int | None = None,
        chains: int | None = None,
        seed: int | None = None,
        device: str = "auto",
        progress: bool = True,
        **options: Any,
    ) -> ImputedFit:
        """Fit the model to every data set; arguments as of :meth:`bayesdeep.Model.fit`.

        ``draws`` and ``chains`` are those of each data set. Where ``"auto"`` needs a slower method for one of them, all get it.
        One seed makes everything reproducible; the data sets' own are derived from it.

        Raises
        ------
        FitError
            For methods that give one point (``map``, ``ml``): points are no draws that could be mixed.
        """
        common = {"draws": draws, "tune": tune, "chains": chains}
        found = fit_imputed(
            self._spec, self._each, method, common, options, seed=seed, device=device, progress=progress
        )
        return ImputedFit(found)

    def __repr__(self) -> str:
        return f"Model of {len(self._each)} imputed data sets of {self.rows:,} rows\n{self.spec}"

    def _repr_html_(self) -> str:
        return notebook.shown(
            notebook.code(str(self).split("\npriors")[0]), notebook.table(self.priors, rest="model.priors")
        )
