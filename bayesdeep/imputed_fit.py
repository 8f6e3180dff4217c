"""A model fitted to several data sets that differ in what was filled in for missing values."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError
from bayesdeep.core.lazy import xr
from bayesdeep.core.random import checked_seed, derive
from bayesdeep.display import notebook
from bayesdeep.effects.marginal_methods import SHARED
from bayesdeep.fit import Fit
from bayesdeep.results import prediction_doors
from bayesdeep.results.fitted import own_rows, seed_for
from bayesdeep.results.imputed_fitted import ImputedFitted
from bayesdeep.results.imputed_summary import imputed_summary
from bayesdeep.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    from bayesdeep.diagnostics.diagnose import Diagnosis


class ImputedFit(Sequence[Fit]):
    """Draws from the posterior given several imputations: those of all data sets together, of which each has the same share.

    ``fit[0]`` is a :class:`bayesdeep.Fit` to the first data set alone, of which everything can be asked that can be asked of any
    fit. What follows is about all of them together.

    Mixed draws are the posterior given what was observed, where imputations are draws from the predictive distribution of what
    was not (Zhou and Reiter 2010, doi:10.1198/tast.2010.09109). Their variance is the mean of the variances within data sets plus
    the variance between their means; of few data sets it lacks the factor 1 + 1 / M of Rubin's rules, and :meth:`diagnose` says
    when there are too few.
    """

    def __init__(self, made: ImputedFitted) -> None:
        self._made = made
        self._fits = tuple(Fit(one.spec, copy(one.rows), one.held, one.explain_choice) for one in made.each)

    @overload
    def __getitem__(self, number: int) -> Fit: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Fit]: ...
    def __getitem__(self, number: int | slice) -> Fit | Sequence[Fit]:
        """Return the fit to one data set, or to some, counted from 0."""
        return self._fits[number]

    def __len__(self) -> int:
        return len(self._fits)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and hasattr(Fit, name):
            raise AttributeError(f"fits to several data sets have no '{name}' together; ask one of them, fit[0].{name}")
        raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")

    @property
    def spec(self) -> ModelSpec:
        """Return the model as data; it is the same for all data sets."""
        return self._made.spec

    @property
    def explain_choice(self) -> str:
        """Return which engine was taken, and why."""
        return self._made.pooled.explain_choice

    @property
    def idata(self) -> xr.DataTree:
        """Return the draws together as ``xarray.DataTree``: the groups posterior and sample_stats.

        Chains of the first data set come first. ``attrs`` are as of any fit; ``attrs["imputations"]`` is the number of data sets.
        """
        return self._made.pooled.idata

    def summary(self, **options: Any) -> pd.DataFrame:
        """Return a row a quantity; options as of :meth:`bayesdeep.Fit.summary`.

        Means, sds and intervals are of the pooled draws. ``r_hat`` is the largest of the data sets', never one across them, whose
        chains rightly differ; effective sizes and Monte Carlo errors follow from those within data sets
        (:mod:`bayesdeep.results.imputed_summary`). ``between`` is the share of the variance that lies between data sets, what
        Rubin's rules call the fraction that is due to the missing values.
        """
        return imputed_summary(self._made, **options)

    def diagnose(self) -> Diagnosis:
        """Return the worst of the data sets' verdicts, with the evidence, and whether there are enough data sets."""
        from bayesdeep.diagnostics.diagnose_imputed import diagnose_imputed

        return diagnose_imputed(self._made)

    @arguments.checked(
        "predict", kind=arguments.text, new_groups=arguments.optional(arguments.text), seed=arguments.seed
    )
    def draws(
        self, data: Any = None, kind: str = "response", new_groups: str | None = None, seed: int | None = None
    ) -> xr.DataArray:
        """Return predictive draws ``(chain, draw, obs)`` of all data sets; arguments as of :meth:`bayesdeep.Fit.draws`.

        Without ``data`` each data set's draws predict its own rows.
        """
        if data is not None:
            return prediction_doors.predictive_draws(self._made.pooled, data, kind, new_groups, seed)
        parts = [
            prediction_doors.predictive_draws(one, None, kind, new_groups, own)
            for one, own in zip(self._made.each, self._seeds(seed), strict=True)
        ]
        whole = xr.concat(parts, dim="chain")
        return whole.assign_coords(chain=np.arange(whole.sizes["chain"]))

    @arguments.checked(
        "predict",
        kind=arguments.text,
        interval=arguments.probability,
        new_groups=arguments.optional(arguments.text),
        seed=arguments.seed,
    )
    def predict(
        self,
        data: Any = None,
        kind: str = "response",
        interval: float = 0.9,
        new_groups: str | None = None,
        seed: int | None = None,
    ) -> pd.DataFrame:
        """Return a table of predictions by the pooled draws; see :meth:`bayesdeep.Fit.predict`.

        Without ``data`` it is of the training rows, of the mixture of what each data set's fit predicts for its own.
        """
        if data is not None:
            return prediction_doors.prediction_table(self._made.pooled, data, kind, interval, new_groups, seed)
        rows = [own_rows(one, "predict") for one in self._made.each]
        groups = "sample" if new_groups is None else new_groups
        made = prediction_doors.mixed_table(self._made.each, rows, kind, interval, groups, self._seeds(seed))
        made.index = pd.RangeIndex(rows[0].rows) if rows[0].index is None else pd.Index(rows[0].index)
        return made

    @arguments.checked(
        "log_score", new_groups=arguments.optional(arguments.text), pointwise=arguments.flag, seed=arguments.seed
    )
    def log_score(
        self, data: Any = None, new_groups: str | None = None, pointwise: bool = False, seed: int | None = None
    ) -> float | np.ndarray:
        """Return the mean log predictive density a row of the pooled draws; see :meth:`bayesdeep.Fit.log_score`.

        Raises
        ------
        FitError
            Without ``data``: the training rows are others in each data set.
        """
        if data is None:
            raise FitError(
                "log_score: the training rows are others in each data set; pass rows as data=…, or ask one, fit[0].log_score()"
            )
        values = prediction_doors.log_scores(self._made.pooled, data, new_groups, seed)
        return values if pointwise else float(values.mean())

    @arguments.checked("slopes", **SHARED, variables=arguments.optional(arguments.names))
    def slopes(
        self,
        variables: str | Sequence[str] | None = None,
        data: Any = None,
        *,
        by: str | Sequence[str] | None = None,
        kind: str = "mean",
        at: Any = "rows",
        interval: float = 0.9,
        new_groups: str | None = None,
        seed: int | None = None,
    ) -> pd.DataFrame:
        """Return slopes by the pooled draws, each data set's averaged over its own rows; see :meth:`bayesdeep.Fit.slopes`."""
        from bayesdeep.effects.slopes import slopes

        return slopes(self._asked(data), variables, data, by, kind, at, interval, new_groups, seed)

    @arguments.checked("contrasts", **SHARED, comparison=arguments.text)
    def contrasts(
        self,
        variables: Any,
        comparison: str = "difference",
        data: Any = None,
        *,
        by: str | Sequence[str] | None = None,
        kind: str = "mean",
        at: Any = "rows",
        interval: float = 0.9,
        new_groups: str | None = None,
        seed: int | None = None,
    ) -> pd.DataFrame:
        """Return contrasts by the pooled draws, each data set's over its own rows; see :meth:`bayesdeep.Fit.contrasts`."""
        from bayesdeep.effects.contrasts import contrasts

        return contrasts(self._asked(data), variables, comparison, data, by, kind, at, interval, new_groups, seed)

    @arguments.checked("save", path=arguments.path, overwrite=arguments.flag)
    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fits to one NetCDF file, which :func:`bayesdeep.load` reads; see :meth:`bayesdeep.Fit.save`."""
        from bayesdeep.results.imputed_store import imputed_tree
        from bayesdeep.results.store import save_tree

        return save_tree(imputed_tree(self._made), path, overwrite=overwrite)

    def _asked(self, data: Any) -> Sequence[Any]:
        """Return which fits are asked about these rows: of other rows the pooled one."""
        return self._made.each if data is None else [self._made.pooled]

    def _seeds(self, seed: int | None) -> list[int]:
        """Return a seed a data set, for what is drawn."""
        given = checked_seed(seed, "predict")
        each = enumerate(self._made.each, start=1)
        return [seed_for(one, None if given is None else derive(given, f"data set {k}")) for k, one in each]

    def __repr__(self) -> str:
        return f"{self._head()}\n\n{self.summary()}"

    def _head(self) -> str:
        (chains, draws), attrs = self._made.pooled.sizes, self._made.pooled.held.attrs
        claim = "exact" if attrs["exact"] else "approximate"
        lines = [
            f"Fit of {self.spec.formulas[next(iter(self.spec.formulas))]} ({self.spec.family}) to {len(self)} imputed data sets",
            f"method {attrs['method']} ({claim}), {chains // len(self)} chains of {draws} draws each, "
            f"{attrs['seconds_total']:.1f} s, seed {attrs['seed']}",
        ]
        return "\n".join([*lines, *(f"! {sentence}" for sentence in attrs.get("advice", ()))])

    def _repr_html_(self) -> str:
        return notebook.shown(notebook.paragraph(self._head()), notebook.table(self.summary(), rest="fit.summary()"))
