"""A fitted model of several responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.lazy import xr
from bayesdeep.display import notebook
from bayesdeep.fit import Fit
from bayesdeep.results.joint_fitted import JointFitted
from bayesdeep.results.joint_predictions import joint_draws, joint_log_scores
from bayesdeep.results.labelled import as_datatree
from bayesdeep.results.summary import summary
from bayesdeep.spec.joint_spec import JointSpec

if TYPE_CHECKING:
    from bayesdeep.diagnostics.diagnose import Diagnosis
    from bayesdeep.inference.kfold import KFold
    from bayesdeep.inference.loo import Loo


class JointFit(Mapping[str, Fit]):
    """Draws from the posterior of a model of several responses.

    ``fit["y1"]`` is a :class:`bayesdeep.Fit` of the response ``y1``: its marginal posterior, under names without the response's,
    of which everything can be asked that can be asked of any fit. What follows is about all of them together.
    """

    def __init__(self, made: JointFitted) -> None:
        self._made = made
        self._fits = {name: Fit(one.spec, one.rows, one.held, one.explain_choice) for name, one in made.each.items()}

    def __getitem__(self, name: str) -> Fit:
        """Return the fit of one response."""
        if name not in self._fits:
            raise FitError(f"fit: no response '{name}'{nearest(str(name), self._fits)}; there are {', '.join(self._fits)}")
        return self._fits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fits)

    def __len__(self) -> int:
        return len(self._fits)

    instead = "a fit of several responses; give the fit of one of them, as fit['y1']"
    """What is said where a fit of one response is wanted."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and hasattr(Fit, name):
            first = next(iter(self._fits))
            raise AttributeError(
                f"fits of several responses have no '{name}' together; ask one response's, fit['{first}'].{name}"
            )
        raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")

    @property
    def spec(self) -> JointSpec:
        """Return the model as data."""
        return self._made.spec

    @property
    def record(self) -> JointFitted:
        """Return the fit as a record, which functions of several responses take."""
        return self._made

    @property
    def explain_choice(self) -> str:
        """Return which engine was taken, and why."""
        return self._made.explain_choice

    @property
    def idata(self) -> xr.DataTree:
        """Return the draws as ``xarray.DataTree``: the groups posterior and sample_stats, and ``attrs`` as of any fit."""
        tree = as_datatree(self._made.tree)
        self._made = replace(self._made, tree=tree)
        return tree

    def summary(self, **options: Any) -> pd.DataFrame:
        """Return a row a quantity, whose names begin with the response's; see :meth:`bayesdeep.Fit.summary`."""
        return summary(self._made.tree, **options)

    def diagnose(self) -> Diagnosis:
        """Return a verdict on whether the draws can be trusted, its evidence, and advice."""
        from bayesdeep.diagnostics.diagnose_joint import diagnose_joint

        return diagnose_joint(self._made)

    @arguments.checked(
        "predict", kind=arguments.text, interval=arguments.probability, new_groups=arguments.optional(arguments.text),
        seed=arguments.seed,
    )  # fmt: skip
    def predict(
        self, data: Any = None, kind: str = "response", interval: float = 0.9, new_groups: str | None = None,
        seed: int | None = None,
    ) -> pd.DataFrame:
        """Return predictions of every response, with columns ``(response, "mean")``, …; see :meth:`bayesdeep.Fit.predict`.

        Responses that are missing in some training rows have no numbers there; pass rows as ``data`` to predict them.
        """
        tables = {name: one.predict(data, kind, interval, new_groups, seed) for name, one in self._fits.items()}
        if data is None:
            tables = {name: self._at_all_rows(name, table) for name, table in tables.items()}
        return pd.concat(tables, axis=1, names=["response"])

    def _at_all_rows(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        number = list(self._fits).index(name)
        place, total = self._made.rows.places[number], self._made.rows.rows
        if len(place) == total:
            return table
        table = table.copy()
        table.index = pd.Index(place)
        return table.reindex(range(total))

    @arguments.checked("draws", kind=arguments.text, new_groups=arguments.optional(arguments.text), seed=arguments.seed)
    def draws(
        self, data: Any = None, kind: str = "response", new_groups: str | None = None, seed: int | None = None
    ) -> xr.Dataset:
        """Return predictive draws ``(chain, draw, obs)`` of every response, by name; arguments as of :meth:`bayesdeep.Fit.draws`.

        Responses of one row are drawn together, with the correlations of their residuals.
        Effects of a new group that are correlated across responses are drawn together, too.
        """
        found = joint_draws(self._made, data, kind, new_groups, seed)
        variables = {}
        for name, value in found.items():
            shaped = value.reshape(*self._made.sizes, *value.shape[1:])
            own = "obs" if len({v.shape[1] for v in found.values()}) == 1 else f"{name}_obs"
            variables[name] = (("chain", "draw", own, *([f"{name}_level"] if shaped.ndim == 4 else [])), shaped)
        return xr.Dataset(variables)

    @arguments.checked("log_score", new_groups=arguments.optional(arguments.text), pointwise=arguments.flag)
    def log_score(self, data: Any = None, new_groups: str | None = None, pointwise: bool = False) -> float | np.ndarray:
        """Return the mean log predictive density a row, of all its responses together, or it by row ``(obs,)``."""
        values = joint_log_scores(self._made, data, new_groups)
        return values if pointwise else float(values.mean())

    @arguments.checked("loo", pointwise=arguments.flag, response=arguments.optional(arguments.text))
    def loo(self, pointwise: bool = True, *, response: str | None = None) -> Loo:
        """Return PSIS leave-one-out cross-validation of whole rows: all responses of a row are left out together.

        With ``response="y1"`` the estimate is of that response alone, in rows that were left out whole. Where residuals are not
        correlated ``fit["y1"].loo()`` leaves out that response alone, and its draws have seen the others of its row.
        """
        from bayesdeep.inference.joint_loo import loo_of

        return loo_of(self._made, response, pointwise)

    @arguments.checked("kfold", progress=arguments.flag, by=arguments.optional(arguments.text))
    def kfold(
        self, k: int = 10, by: str | None = None, seed: int | None = None, progress: bool = True, **options: Any
    ) -> KFold:
        """Return K-fold cross-validation of whole rows by refits of all responses together; see :meth:`bayesdeep.Fit.kfold`.

        With ``by="g"`` whole groups are left out: those of a factor that some of the responses have effects of.
        """
        from bayesdeep.inference.joint_kfold import joint_kfold

        return joint_kfold(self._made, k, by, seed, progress, options)

    def slopes(self, *args: Any, **options: Any) -> pd.DataFrame:
        """Return the slopes of every response, which is the first level of the index; see :meth:`bayesdeep.Fit.slopes`."""
        return pd.concat({name: one.slopes(*args, **options) for name, one in self._fits.items()}, names=["response"])

    def report(self, path: str | Path, **options: Any) -> Path:
        """Write a report, HTML or Markdown by the path's suffix: all together, then each response; options of ``bd.report``."""
        from bayesdeep.report import report

        return report(self._made, path, **options)

    @arguments.checked("save", path=arguments.path, overwrite=arguments.flag)
    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fit to one NetCDF file, which :func:`bayesdeep.load` reads; see :meth:`bayesdeep.Fit.save`."""
        from bayesdeep.results.joint_store import joint_tree
        from bayesdeep.results.store import save_tree

        return save_tree(joint_tree(self._made), path, overwrite=overwrite)

    def __repr__(self) -> str:
        return f"{self._head()}\n\n{self.summary()}"

    def _head(self) -> str:
        (chains, draws), attrs = self._made.sizes, self._made.tree.attrs
        claim = "exact" if attrs["exact"] else "approximate"
        responses = ", ".join(f"{s.response.name} ({s.family})" for s in self.spec.responses)
        lines = [
            f"Fit of {len(self)} responses: {responses}",
            f"method {attrs['method']} ({claim}), {chains} chains of {draws} draws, {attrs['seconds_total']:.1f} s, "
            f"seed {attrs['seed']}",
        ]
        return "\n".join([*lines, *(f"! {sentence}" for sentence in attrs.get("advice", ()))])

    def _repr_html_(self) -> str:
        return notebook.shown(notebook.paragraph(self._head()), notebook.table(self.summary(), rest="fit.summary()"))


