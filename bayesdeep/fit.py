"""A fitted model: draws on the user's scale and everything that can be asked of them."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.core.lazy import xr
from bayesdeep.display import notebook
from bayesdeep.effects.marginal_methods import Marginal
from bayesdeep.results import prediction_doors
from bayesdeep.results.labelled import completed
from bayesdeep.results.store import complete, save_tree
from bayesdeep.results.summary import summary

if TYPE_CHECKING:
    from bayesdeep.diagnostics.diagnose import Diagnosis
    from bayesdeep.effects.clusters import Clusters
    from bayesdeep.inference.kfold import KFold
    from bayesdeep.inference.loo import Loo
    from bayesdeep.model import Model


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
    rows
        The training rows as arrays.
    explain_choice
        Which engine ``method="auto"`` chose and why; or that the method was asked for.
    """

    @property
    def model(self) -> Model:
        """Return the :class:`bayesdeep.Model` this is a fit of."""
        from bayesdeep.model import model_of

        return model_of(self.spec, self.rows)

    @arguments.checked("summary", left_out=arguments.flag)
    def summary(self, *, left_out: bool = False, **options: Any) -> pd.DataFrame:
        """Return ArviZ's summary of the posterior, unrounded: a row a quantity.

        Parameters
        ----------
        left_out
            Whether to show the last level of sums to zero, ``C(g, Sum)``, too: minus the sum of the others, draw by draw.
        options
            Those of ``arviz.summary``: ``kind="stats"``, ``ci_prob=0.9``, ``var_names=["Intercept"]``, …. Weights of networks are
            left out unless ``var_names`` names them.
        """
        held = completed(self.held)
        if not left_out:
            return summary(held, **options)
        from bayesdeep.results.left_out import with_left_out

        return summary(with_left_out(self.spec, held), **options)

    def diagnose(self) -> Diagnosis:
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
        return prediction_doors.predictive_draws(self, data, kind, new_groups, seed)

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
        return prediction_doors.prediction_table(self, data, kind, interval, new_groups, seed)

    @overload
    def log_score(
        self, data: Any = None, new_groups: str | None = None, pointwise: Literal[False] = False, seed: int | None = None
    ) -> float: ...
    @overload
    def log_score(
        self, data: Any = None, new_groups: str | None = None, *, pointwise: Literal[True], seed: int | None = None
    ) -> np.ndarray: ...
    @arguments.checked("log_score", new_groups=arguments.optional(arguments.text), pointwise=arguments.flag, seed=arguments.seed)
    def log_score(
        self, data: Any = None, new_groups: str | None = None, pointwise: bool = False, seed: int | None = None
    ) -> float | np.ndarray:
        """Return the mean log predictive density a row (natural log, original units), or it by row ``(obs,)``.

        Higher is better. For the training rows it is optimistic; see :meth:`loo`. Of a transformed response, ``log(y) ~ x``,
        it is the density of ``y`` itself, so that it can be set against that of a model of ``y``.

        Raises
        ------
        FitError
            For an expression from which no density of one column follows: ``abs(y)``, of values on both sides of 0, or
            ``I(y / n)``, which has two columns.
        """
        values = prediction_doors.log_scores(self, data, new_groups, seed)
        return values if pointwise else float(values.mean())

    @arguments.checked("components", new_groups=arguments.optional(arguments.text))
    def components(self, data: Any = None, new_groups: str | None = None) -> pd.DataFrame:
        """Return of which component of a mixture each row is: the probability of each, a column a component.

        The posterior mean of :math:`w_{ik} p_k(y_i) / \\sum_j w_{ij} p_j(y_i)`, given the row's response.

        Parameters
        ----------
        data, new_groups
            As for :meth:`draws`; the response column has to be there.

        Raises
        ------
        FitError
            Where the family is no mixture.
        """
        from bayesdeep.results.component_probabilities import component_probabilities

        return component_probabilities(self, data, new_groups)

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
            ``population``, ``group``, ``smooth`` (where the model has one) and ``network``, what is not known of these parts of
            the predictor; ``between``, the variance of the means of the chains, of which each may be another mode (of chains that
            agree it is the Monte Carlo error of their means); and ``total``, the exact sum. A part that makes up for others, as
            an intercept can for groups, may be negative. :mod:`bayesdeep.effects.budget` has the formula.

        Raises
        ------
        FitError
            For responses with several levels, whose mean is not one number.
        """
        from bayesdeep.effects.budget import budget

        return budget(self, data, new_groups, seed)

    @arguments.checked("smooths", interval=arguments.probability)
    def smooths(self, interval: float = 0.9) -> pd.DataFrame:
        """Return how much each smooth function of the model bends, and what speaks for its being a line.

        Parameters
        ----------
        interval
            Probability of the equal-tailed intervals.

        Returns
        -------
        pandas.DataFrame
            A row a smooth: ``edf``, ``edf_lower`` and ``edf_upper``, its effective degrees of freedom, of which a straight line
            has 1 and which are ``most`` without a penalty (:mod:`bayesdeep.results.smooth_freedom`; they are ``s(x)_edf`` in the
            posterior); ``departure``, ``departure_lower`` and ``departure_upper``, the root mean square over the rows of its
            departure from what is not penalised, its line, on the predictor's scale; ``bayes_factor`` for no departure against
            one, by the density of its sd at 0, ``least_factor``, below which factors cannot be told from it by so many draws, and
            ``prob_line``, the probability of none where both were equally likely before (:mod:`bayesdeep.effects.smooth_line`).
            These depend on the prior of the sd; where there are none a warning and ``attrs["no_test"]`` say why. Without smooths
            there are no rows.

        Notes
        -----
        ``edf`` is an average over the posterior, in which the sd of the departure is never exactly 0: of a straight line it lies
        above 1, often between 1.5 and 3, with a lower end of its interval near 1. It is not a test. mgcv's is at one value of the
        sd, the best one, which of a straight line is 0. Whether it is a line ``bayes_factor`` says.
        """
        from bayesdeep.effects.smooth_table import told_table

        return told_table(self, interval)

    @arguments.checked(
        "clusters", effects=arguments.optional(arguments.text), loss=arguments.text, interval=arguments.probability,
        seed=arguments.seed,
    )
    def clusters(
        self, effects: str | None = None, loss: str = "vi", interval: float = 0.9, seed: int | None = None
    ) -> Clusters:
        """Return which groups are alike, of effects whose prior is a law with clusters, ``DirichletProcess(alpha, K)``.

        Parameters
        ----------
        effects
            Which effects, ``"1|g"``; may be left out where one kind has such a law.
        loss
            By which one partition stands for all: ``"vi"``, the variation of information, or ``"binder"``.
        interval
            Probability of the equal-tailed interval of the number of clusters.
        seed
            Of the labels that are drawn given the effects; by default derived from the fit's own.

        Returns
        -------
        Clusters
            ``number`` of clusters that have a group, its ``probabilities``, ``together`` (groups by groups: the probability that
            two are in one cluster), ``partition`` and its ``table``; see :mod:`bayesdeep.effects.clusters` and
            :mod:`bayesdeep.numerics.partitions`.

        Raises
        ------
        FitError
            Where no effects have such a law, and where several have and none is named.
        """
        from bayesdeep.effects.clusters import clusters

        return clusters(self, effects, loss, interval, seed)

    @arguments.checked("explained", interval=arguments.probability)
    def explained(self, interval: float = 0.9) -> pd.DataFrame:
        """Return each term's share of the variance that the main predictor has over the training rows.

        Parameters
        ----------
        interval
            Probability of the equal-tailed interval from ``lower`` to ``upper``.

        Returns
        -------
        pandas.DataFrame
            Columns ``mean lower upper``, a row a term; of every draw the shares sum to 1. :mod:`bayesdeep.effects.explained` has
            the formula. How large a part of the response's variance all terms explain is ``R2``, in models whose prior is on it.

        Raises
        ------
        FitError
            For a response with a predictor for each level, and where the rows are not in memory.
        """
        from bayesdeep.effects.explained import explained

        return explained(self, interval)

    @arguments.checked("loo", pointwise=arguments.flag)
    def loo(self, pointwise: bool = True) -> Loo:
        """Return PSIS leave-one-out cross-validation as ArviZ's ``ELPDData``; worrying k-hats come with a warning.

        In original units as :meth:`log_score`, and so are :meth:`kfold` and :meth:`log_likelihood`; but of an expression from
        which no density of one column follows they are densities of the expression.

        Where the groups of a factor typically have one row or two, as with an effect for each row, and for rows of large k-hat,
        the effects of a row's group are integrated out given the group's other rows (:mod:`bayesdeep.inference.integrated_rows`);
        the record says so.

        Raises
        ------
        FitError
            Where the draws are no posterior's that a row could be taken out of by weights: those of a point, of an ensemble, of
            dropout, of chains weighted by stacking, and of an approximation that could not be corrected to the posterior (Pareto
            k-hat above 0.7, or none). :meth:`kfold` refits instead.
        """
        from bayesdeep.inference.loo_rows import loo

        return loo(self, pointwise=pointwise)

    def log_likelihood(self) -> xr.DataTree:
        """Add the log likelihood ``(chain, draw, obs)`` to ``idata`` and return it."""
        array = prediction_doors.log_likelihood(self)
        self.idata["log_likelihood"] = xr.DataTree(xr.Dataset({self.spec.response.name: array}))
        return self.idata

    @arguments.checked("predict", seed=arguments.seed)
    def posterior_predictive(self, seed: int | None = None) -> xr.DataTree:
        """Add predictive draws of the training rows to ``idata`` and return it."""
        array = prediction_doors.predictive_draws(self, kind="response", seed=seed)
        self.idata["posterior_predictive"] = xr.DataTree(xr.Dataset({self.spec.response.name: array}))
        return self.idata

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
        executor: Executor | None = None,
        workers: int = 1,
        **options: Any,
    ) -> KFold:
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

    def __repr__(self) -> str:
        table = self.summary(kind="all" if _healthy(self) else "stats")
        return f"{self._head()}\n\n{table}"

    def _head(self) -> str:
        """Return what was fitted and how, and the method's advice."""
        (chains, draws), attrs = self.sizes, self.held.attrs
        claim = "exact" if attrs["exact"] else "approximate"
        lines = [
            f"Fit of {self.spec.formulas[next(iter(self.spec.formulas))]} ({self.spec.family})",
            f"method {attrs['method']} ({claim}), {chains} chains of {draws} draws, "
            f"{attrs['seconds_total']:.1f} s, seed {attrs['seed']}",
        ]
        lines += [f"! {sentence}" for sentence in attrs.get("advice", ())]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        table = self.summary(kind="all" if _healthy(self) else "stats")
        return notebook.shown(notebook.paragraph(self._head()), notebook.table(table, rest="fit.summary()"))


def _healthy(fit: Fit) -> bool:
    """Return whether there are enough draws for convergence diagnostics."""
    return fit.sizes[1] >= 4
