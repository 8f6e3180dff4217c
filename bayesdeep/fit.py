"""A fitted model: draws on the user's scale and everything that can be asked of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError
from bayesdeep.core.lazy import xr
from bayesdeep.core.random import checked_seed, derive
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import read_frame
from bayesdeep.display import notebook
from bayesdeep.effects.marginal_methods import Marginal
from bayesdeep.results.labelled import Tree, as_datatree
from bayesdeep.results.log_score import log_score_rows
from bayesdeep.results.predict import blocks, check_kind, flat_posterior, several_predictors
from bayesdeep.results.prediction_tables import level_table, predictor_table, response_table, summary_table
from bayesdeep.results.predictive import for_groups, predictive_blocks
from bayesdeep.results.rows import ABSENT, Rows, StreamedRows, check_units, rows_of
from bayesdeep.results.store import complete, save_tree
from bayesdeep.results.summary import summary
from bayesdeep.results.unseen_groups import settled
from bayesdeep.spec.model_spec import ModelSpec


class Fit(Marginal):
    """Draws from a model's posterior, or from what stands in for it; ``idata.attrs["exact"]`` says which.

    Attributes
    ----------
    idata
        ``xarray.DataTree`` with the groups posterior, sample_stats, observed_data and constant_data; log_likelihood and
        posterior_predictive are added when asked for. Models with a network also have the group functions: values of the
        predictor and the log likelihood at some rows, by which their convergence is judged. ``attrs`` hold spec, method,
        seed, versions and seconds.
    spec
        The model as data.
    explain_choice
        Which engine ``method="auto"`` chose and why; or that the method was asked for.
    """

    def __init__(self, spec: ModelSpec, rows: Rows, tree: Tree | xr.DataTree, explain_choice: str = "") -> None:
        self.spec, self._tree, self.explain_choice = spec, tree, explain_choice
        self._rows = rows

    @property
    def idata(self) -> xr.DataTree:
        """Return the draws and rows as an ``xarray.DataTree``, made when it is first asked for."""
        self._tree = as_datatree(self._tree)
        return self._tree

    @property
    def held(self) -> Tree | xr.DataTree:
        """Return the draws as they are held: as ``idata`` once it was asked for, else as plain arrays that read like it."""
        return self._tree

    @property
    def attrs(self) -> dict[Any, Any]:
        """Return ``idata.attrs``."""
        return self._tree.attrs

    @property
    def model(self) -> Any:
        """Return the :class:`bayesdeep.Model` this is a fit of."""
        from bayesdeep.model import Model

        return Model._from_parts(self.spec, self._rows)

    @property
    def posterior(self) -> xr.Dataset:
        """Return the posterior group as a Dataset."""
        return self.idata["posterior"].to_dataset()

    @property
    def _sizes(self) -> tuple[int, int]:
        """Return the numbers of chains and of draws of each."""
        sizes = self.held["posterior"].sizes
        return int(sizes["chain"]), int(sizes["draw"])

    def summary(self, **options: Any) -> pd.DataFrame:
        """Return ArviZ's summary of the posterior, unrounded: a row a quantity.

        Options are those of ``arviz.summary``: ``kind="stats"``, ``ci_prob=0.9``, ``var_names=["Intercept"]``, …. Weights of
        networks are left out unless ``var_names`` names them.
        """
        return summary(self.held, **options)

    def diagnose(self) -> Any:
        """Return a verdict on whether the draws can be trusted, its evidence, and advice."""
        from bayesdeep.diagnostics.diagnose import diagnose

        return diagnose(self.held)

    @arguments.checked("predict", kind=arguments.text, new_groups=arguments.optional(arguments.text), seed=arguments.seed)
    def draws(
        self, data: Any = None, kind: str = "response", new_groups: str | None = None, seed: int | None = None
    ) -> xr.DataArray:
        """Return predictive draws ``(chain, draw, obs)``, or ``(chain, draw, obs, level)`` of probabilities.

        Parameters
        ----------
        data
            New rows; None for the training rows. The response column may be absent.
        kind
            ``"response"``: new responses as they would be recorded; ``"mean"``: expected responses; ``"linear"``: the
            main predictor on the link's scale.
        new_groups
            For groups the model was not fitted to: ``"sample"`` draws their effects from the fitted distribution of
            groups, ``"average"`` puts them at its centre, ``"raise"`` refuses. None does as ``"sample"``, and warns of how many
            rows are of such groups and which these are: a misspelt label looks like a new group.
        seed
            For the predictive draws; by default derived from the fit's own, so that the answer repeats.
        """
        rows = self._given(data)
        new_groups = settled(new_groups, self.spec, rows, "draws")
        parts = [value for _, _, value in self._blocks(rows, check_kind(kind, self.spec), new_groups, seed)]
        flat = np.concatenate(parts, axis=1)
        chains, draws = self._sizes
        array = flat.reshape(chains, draws, *flat.shape[1:])
        dims = ["chain", "draw", "obs"]
        coords: dict[str, Any] = {
            "chain": np.arange(chains),
            "draw": np.arange(draws),
            "obs": np.arange(rows.rows),
        }
        if array.ndim == 4:
            labels = list(self.spec.response.levels or ())
            dims.append(f"{self.spec.response.name}_level")
            coords[dims[-1]] = labels if len(labels) == array.shape[3] else labels[1:]
        return xr.DataArray(
            array, dims=dims, coords=coords, name=self.spec.response.name, attrs={"kind": kind}
        )

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
        """Return a table of predictions with the rows' own index.

        Parameters
        ----------
        data, kind, new_groups, seed
            As for :meth:`draws`.
        interval
            Probability of the equal-tailed interval from ``lower`` to ``upper``.

        Returns
        -------
        pandas.DataFrame
            Columns ``mean sd lower upper``, of the predictive distribution however few draws there are: of a point estimate
            ``sd`` and the interval are those of the noise. ``mean`` is free of simulation noise where the family's mean has a
            closed form. Of groups the model was not fitted to there are as many as that takes, not one a draw.
            For categorical and ordinal responses one column of probabilities a level, and ``mode``; with ``kind="linear"``
            and a predictor a level, columns ``(level, "mean")``, ``(level, "sd")``, ….
        """
        rows = self._given(data)
        new_groups = settled(new_groups, self.spec, rows, "predict")
        made = self._table(rows, kind, interval, new_groups, seed)
        made.index = pd.RangeIndex(rows.rows) if rows.index is None else pd.Index(rows.index)
        return made

    def _table(self, rows: Rows, kind: str, interval: float, new_groups: str, seed: int | None) -> pd.DataFrame:
        """Return predictions as a table with a new index."""
        words, levels = FAMILIES[self.spec.family].words, self.spec.response.levels or ()
        by_level = "levels" in words
        what = check_kind("mean" if by_level and kind == "response" else kind, self.spec)
        posterior = for_groups(flat_posterior(self.held["posterior"].to_dataset(), self.spec), rows, new_groups)
        seed = derive(self.attrs["seed"], "predict") if seed is None else seed
        if what == "predictive":
            return response_table(predictive_blocks(self.spec, posterior, rows, new_groups, seed), rows.rows, interval)
        made = blocks(self.spec, posterior, rows, what, new_groups, seed)
        if by_level and what == "mean":
            return level_table(made, rows.rows, levels, counts="counts_by_level" in words)
        if several_predictors(self.spec):
            return predictor_table(made, rows.rows, interval, levels[1:])
        return summary_table(made, rows.rows, interval)

    @arguments.checked("log_score", new_groups=arguments.optional(arguments.text), pointwise=arguments.flag, seed=arguments.seed)
    def log_score(
        self, data: Any = None, new_groups: str | None = None, pointwise: bool = False, seed: int | None = None
    ) -> Any:
        """Return the mean log predictive density a row (natural log, original units), or it by row ``(obs,)``.

        Higher is better. For the training rows it is optimistic; see :meth:`loo`. Of a transformed response, ``log(y) ~ x``,
        it is the density of ``y`` itself, so that it can be set against that of a model of ``y``.

        Raises
        ------
        FitError
            For an expression from which no density of one column follows: ``abs(y)``, of values on both sides of 0, or
            ``I(y / n)``, which has two columns.
        """
        rows = self._here("log_score") if data is None else rows_of(self.spec, read_frame(data), observed=True)
        check_units(self.spec, rows)
        new_groups = settled(new_groups, self.spec, rows, "log_score")
        seed = derive(self.attrs["seed"], "predict") if seed is None else seed
        posterior = for_groups(flat_posterior(self.held["posterior"].to_dataset(), self.spec), rows, new_groups)
        values = log_score_rows(blocks(self.spec, posterior, rows, "pointwise", new_groups, seed), rows.rows)
        return values if pointwise else float(values.mean())

    @arguments.checked("budget", new_groups=arguments.optional(arguments.text), seed=arguments.seed)
    def budget(self, data: Any = None, new_groups: str | None = None, seed: int | None = None) -> pd.DataFrame:
        """Return where the uncertainty of each row's prediction comes from: its variance as a sum of parts.

        Parameters
        ----------
        data, new_groups, seed
            As for :meth:`draws`. For a group the model was not fitted to, ``group`` is the uncertainty about what group it is.

        Returns
        -------
        pandas.DataFrame
            In the response's units squared, with the rows' index: ``noise``, what would be left if the parameters were known;
            ``population``, ``group`` and ``network``, what is not known of these parts of the predictor; ``between``, the
            variance of the means of the chains, of which each may be another mode (of chains that agree it is the Monte Carlo
            error of their means); and ``total``, the exact sum. A part that makes up for others, as an intercept can for groups,
            may be negative. :mod:`bayesdeep.effects.budget` has the formula.

        Raises
        ------
        FitError
            For responses with several levels, whose mean is not one number.
        """
        from bayesdeep.effects.budget import budget

        rows, seed = self._given(data), checked_seed(seed, "budget")
        new_groups = settled(new_groups, self.spec, rows, "budget")
        seed = derive(self.attrs["seed"], "predict") if seed is None else seed
        posterior = for_groups(flat_posterior(self.held["posterior"].to_dataset(), self.spec), rows, new_groups)
        return budget(self.spec, posterior, self._sizes[0], rows, new_groups, seed)

    @arguments.checked("loo", pointwise=arguments.flag)
    def loo(self, pointwise: bool = True) -> Any:
        """Return PSIS leave-one-out cross-validation as ArviZ's ``ELPDData``; worrying k-hats come with a warning.

        In original units as :meth:`log_score`, and so are :meth:`kfold` and :meth:`log_likelihood`; but of an expression from
        which no density of one column follows they are densities of the expression.

        Raises
        ------
        FitError
            Where the draws are no posterior's that a row could be taken out of by weights: those of a point, of an ensemble, of
            dropout, of chains weighted by stacking, and of an approximation that could not be corrected to the posterior (Pareto
            k-hat above 0.7, or none). :meth:`kfold` refits instead.
        """
        from bayesdeep.inference.loo import check_draws, loo_from_blocks

        check_draws(self.held)
        blocks = self._blocks(self._here("loo"), "pointwise", "sample", None)
        return loo_from_blocks(self.held, blocks, self._rows.rows, pointwise=pointwise)

    def log_likelihood(self) -> xr.DataTree:
        """Add the log likelihood ``(chain, draw, obs)`` to ``idata`` and return it."""
        array = self._stored("pointwise")
        self.idata["log_likelihood"] = xr.DataTree(xr.Dataset({self.spec.response.name: array}))
        return self.idata

    @arguments.checked("predict", seed=arguments.seed)
    def posterior_predictive(self, seed: int | None = None) -> xr.DataTree:
        """Add predictive draws of the training rows to ``idata`` and return it."""
        array = self.draws(kind="response", seed=seed)
        self.idata["posterior_predictive"] = xr.DataTree(xr.Dataset({self.spec.response.name: array}))
        return self.idata

    def _stored(self, what: str) -> xr.DataArray:
        flat = np.concatenate([v for _, _, v in self._blocks(self._here("fit"), what, "sample", None)], axis=1)
        chains, draws = self._sizes
        coords = {"chain": np.arange(chains), "draw": np.arange(draws), "obs": np.arange(flat.shape[1])}
        return xr.DataArray(flat.reshape(chains, draws, -1), dims=("chain", "draw", "obs"), coords=coords)

    @arguments.checked(
        "kfold",
        by=arguments.optional(arguments.text),
        seed=arguments.seed,
        progress=arguments.flag,
        executor=arguments.executor,
        workers=arguments.count,
    )
    def kfold(
        self,
        k: int = 10,
        by: str | None = None,
        seed: int | None = None,
        progress: bool = True,
        *,
        executor: Any = None,
        workers: int = 1,
        **options: Any,
    ) -> Any:
        """Return K-fold cross-validation by refitting; ``by`` names a grouping factor whose groups stay together.

        Parameters
        ----------
        k
            Number of folds.
        by
            Leave whole groups out: predictions then come from the distribution of groups.
        executor, workers
            Where refits run side by side; see :func:`bayesdeep.inference.kfold.kfold`. The numbers stay the same.
        options
            For the refits; by default the fit's own method with its number of draws and chains.
        """
        from bayesdeep.inference.kfold import kfold

        self._here("kfold")
        if "chain_weights" in self.attrs:
            raise FitError("kfold: this fit's chains were weighted, and refits would not repeat that; use the fit it is from")
        return kfold(self, k, by, seed, progress, options, executor=executor, workers=workers)

    def stack_chains(self) -> Fit:
        r"""Return a fit of one chain in which each chain has the weight that makes their mixture predict best.

        For chains that disagree and would go on doing so: of each chain :math:`c` the mixture has a share :math:`w_c`, and
        :math:`w` maximises :math:`\sum_i \log \sum_c w_c\, p_c(y_i \mid y_{-i})`, the leave-one-out log score (PSIS) of the
        rows. Chains with a weight below 0.01 are left out. No draw is taken twice, so that there are fewer draws, the more
        uneven the weights are.

        Returns
        -------
        Fit
            ``idata.attrs["chain_weights"]`` has a weight a chain. ``idata.attrs["exact"]`` is False: this is a predictive
            distribution, and its parameters are not draws from the posterior.

        Raises
        ------
        FitError
            With one chain, or fewer than 25 draws a chain, and where the draws are not the posterior's (see :meth:`loo`).

        References
        ----------
        Yao, Vehtari and Gelman (2022), Stacking for non-mixing Bayesian computations: the curse and blessing of multimodal
        posteriors, Journal of Machine Learning Research 23(79), https://jmlr.org/papers/v23/20-1426.html
        """
        from bayesdeep.compare.stacking import stack_chains

        return stack_chains(self)

    @arguments.checked("save", path=arguments.path, overwrite=arguments.flag)
    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fit to one NetCDF file, which :func:`bayesdeep.load` reads.

        The file appears completely or not at all: what was there before stays if anything goes wrong. A file that is replaced
        keeps its mode; where ``path`` is a symbolic link, the file that it points to is replaced. It needs as much memory again
        as the fit. Other programs read the file as NetCDF; one that they have changed is no longer taken for a saved fit.

        Parameters
        ----------
        path
            The file's name; ``.nc`` is usual.
        overwrite
            Replace a file that is there.

        Raises
        ------
        FitError
            For a file that is there, a place that cannot be written (no such folder, no permission, no room), or an ``idata``
            that lacks what a fit needs.
        """
        return save_tree(complete(self.idata, self.spec, self.explain_choice), path, overwrite=overwrite)

    def _given(self, data: Any) -> Rows:
        return self._here("predict") if data is None else rows_of(self.spec, read_frame(data), observed=False)

    def _here(self, where: str) -> Rows:
        """Return the training rows; raise if they were only summed up."""
        if isinstance(self._rows, StreamedRows):
            raise FitError(f"{where}: {ABSENT}")
        return self._rows

    def _blocks(self, rows: Rows, what: str, new_groups: str, seed: int | None) -> Any:
        seed = checked_seed(seed, "predict")
        seed = derive(self.attrs["seed"], "predict") if seed is None else seed
        posterior = flat_posterior(self.held["posterior"].to_dataset(), self.spec)
        return blocks(self.spec, posterior, rows, what, new_groups, seed)

    def __repr__(self) -> str:
        table = self.summary(kind="all" if _healthy(self.held["posterior"].sizes) else "stats")
        return f"{self._head()}\n\n{table}"

    def _head(self) -> str:
        """Return what was fitted and how, and the method's advice."""
        sizes, attrs = self.held["posterior"].sizes, self.attrs
        claim = "exact" if attrs["exact"] else "approximate"
        lines = [
            f"Fit of {self.spec.formulas[next(iter(self.spec.formulas))]} ({self.spec.family})",
            f"method {attrs['method']} ({claim}), {sizes['chain']} chains of {sizes['draw']} draws, "
            f"{attrs['seconds_total']:.1f} s, seed {attrs['seed']}",
        ]
        lines += [f"! {sentence}" for sentence in attrs.get("advice", ())]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        table = self.summary(kind="all" if _healthy(self.held["posterior"].sizes) else "stats")
        return notebook.shown(notebook.paragraph(self._head()), notebook.table(table, rest="fit.summary()"))


def _healthy(sizes: Any) -> bool:
    """Return whether there are enough draws for convergence diagnostics."""
    return sizes["draw"] >= 4
