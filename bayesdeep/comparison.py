"""Comparison of fits by how well they predict rows they have not seen.

References
----------
Vehtari, Gelman and Gabry (2017), https://doi.org/10.1007/s11222-016-9696-4 (leave-one-out). Yao, Vehtari, Simpson and
Gelman (2018), Using stacking to average Bayesian predictive distributions, Bayesian Analysis 13(3),
https://doi.org/10.1214/17-BA1091 (weights). Sivula et al. (2025), arXiv:2008.10296 (when differences mean something).
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from bayesdeep.compare.assessed_fit import on_held_out
from bayesdeep.compare.comparable import check_fits, common_groups, mixed
from bayesdeep.compare.compared import Compared
from bayesdeep.compare.errors_by_region import Selective, errors, selective
from bayesdeep.compare.held_out_scores import SCORES, Scored, Work, score_groups, score_rows
from bayesdeep.compare.joint_scores import compare_joint
from bayesdeep.compare.rank import rank_table
from bayesdeep.compare.refit_allowance import check_refits
from bayesdeep.compare.scored_baseline import prepare, split, with_baselines
from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.random import checked_seed
from bayesdeep.design.frame import read_frame
from bayesdeep.display import notebook
from bayesdeep.fit import Fit
from bayesdeep.inference.joint_kfold import joint_kfold
from bayesdeep.inference.kfold import number_groups
from bayesdeep.joint_fit import JointFit
from bayesdeep.results.fitted import asked_rows
from bayesdeep.results.new_group_warnings import tell

TARGETS = ("rows", "groups")


class Comparison(Compared):
    __doc__ = Compared.__doc__

    fits: Mapping[str, Fit]

    @arguments.checked("errors", by=arguments.optional(arguments.text), factor=arguments.optional(arguments.text))
    def errors(self, by: str | None = None, *, factor: str | None = None) -> pd.DataFrame:
        """Return who is wrong where: scores by group size, by region of the inputs and by predicted uncertainty.

        See :func:`bayesdeep.compare.errors_by_region.errors`.
        """
        self._check_one_response("errors")
        return errors(self, by, factor=factor)

    def selective(self) -> Selective:
        """Return the error of the rows that are kept when those with the most uncertain predictions are left out.

        See :func:`bayesdeep.compare.errors_by_region.selective`.
        """
        self._check_one_response("selective")
        return selective(self)

    def _check_one_response(self, where: str) -> None:
        if not self.fits:
            raise FitError(
                f"{where}: these fits are of several responses, each with errors of its own; compare one response of each fit, "
                "bd.compare({'a': a['y1'], 'b': b['y1']})"
            )

    def report(self, path: str | Path, **options: Any) -> Path:
        """Write a report, HTML or Markdown by the path's suffix; options are those of ``bd.report``, such as ``overwrite``."""
        from bayesdeep.report import report

        return report(self, path, **options)

    def __repr__(self) -> str:
        head = f"Comparison of {len(self.table)} fits, {self.table.attrs['scored_on']}"
        shown = self.table.drop(columns="warning").round(3).to_string()
        warned = [f"! {name}: {text}" for name, text in self.table["warning"].items() if text]
        return "\n".join([head, "", shown, *warned, *(f"! {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        head = f"Comparison of {len(self.table)} fits, {self.table.attrs['scored_on']}"
        warned = [f"{name}: {text}" for name, text in self.table["warning"].items() if text]
        shown = notebook.table(self.table.drop(columns="warning"))
        return notebook.shown(notebook.paragraph(head), shown, notebook.listing([*warned, *self.notes]))


@arguments.checked(
    "compare",
    target=arguments.text,
    by=arguments.optional(arguments.text),
    k=arguments.count,
    seed=arguments.seed,
    progress=arguments.flag,
    score=arguments.text,
    executor=arguments.executor,
    workers=arguments.count,
    refits=check_refits,
)
def compare(
    fits: Mapping[str, Fit | str],
    *,
    target: str = "rows",
    by: str | None = None,
    data: Any = None,
    k: int = 10,
    seed: int | None = None,
    progress: bool = True,
    score: str = "auto",
    executor: Executor | None = None,
    workers: int = 1,
    refits: str | bool | int = "auto",
) -> Comparison:
    """Compare fits of the same rows by how well they predict rows, or groups, that they have not seen.

    Parameters
    ----------
    fits
        By name (a name that is no text becomes one); at least two, of the same response on the same rows. A text in a fit's
        place names a baseline of scikit-learn: ``"ridge"``, ``"gradient boosting"``, ``"knn"``, ``"svm"``, ``"gaussian
        process"``, and for classes also ``"lda"`` and ``"nearest centroid"``. It gets the rows and all the columns that the
        fits read, groups included, and is refitted in the same folds, or scored on ``data``;
        :mod:`bayesdeep.compare.baseline_fit` says how it becomes a distribution.
    target
        ``"rows"``: predict single rows; see ``score``. ``"groups"``: refit without whole groups of the factor ``by``, whose
        effects then come from the fitted distribution of groups.
    by
        The factor, such as ``"county"``. At least one of the models must have group effects for it.
    data
        Held-out rows; all fits are scored on these instead. Groups that a fit does not know are drawn from their distribution,
        with a warning that names them.
    k, seed, progress
        For refits: the number of folds (at most the number of groups), their seed, and whether to show how far they are: by a
        bar, or without a terminal by a line every ten seconds.
    score
        Of single rows. ``"auto"``: by PSIS leave-one-out; a row with too large a Pareto k-hat is left out exactly, by a
        refit, but if that were more than 10 rows of a fit, all fits are refitted in the same ``k`` folds instead. Point
        estimates, ensembles and approximations that could not be corrected to the posterior, which have no posterior draws to
        weigh, are refitted in folds too. ``refits`` says which of these are done. ``"loo"``: never refit; k-hats are
        only warned of. ``"folds"``: refit all, on the same folds.
    executor, workers
        Where refits run side by side: any ``concurrent.futures.Executor`` of processes, here or on other machines, or so
        many new processes (in a script, under ``if __name__ == "__main__":``). The numbers are the same.
    refits
        How many refits there may be. ``"auto"``: while they take less than a minute, as estimated by what the fits took; refits
        that are the only way, for ``target="groups"`` and ``score="folds"``, are always done. ``True``: all that are needed.
        ``False``: none. A number: at most so many. What is not done is said, with how long it would take: in ``notes`` for rows,
        which keep the estimate that leave-one-out weights give, and as ``warning`` of fits that have no score without.

    Returns
    -------
    Comparison
        With ``table``, whose columns are

        * ``rank``, from 0; ``elpd``: expected log predictive density of all rows, higher is better, and ``se``;
        * ``elpd_diff``: ``elpd`` minus that of the best, so 0 or negative, and ``dse`` its standard error: over rows and, where
          chains do not mix, as those of networks, also over chains (by leaving out one after another; counted from 2 on).
          Below 4, or below twice ``dse``, the models predict alike; with fewer than 100 rows ``dse`` itself is rough;
        * ``p``: effective number of parameters (NaN where it is not leave-one-out);
        * ``weight``: stacking weight, what a mixture of the models would give each: near 0 means that it adds nothing
          to the others, not that it is bad;
        * ``rmse``, ``mae``, ``crps`` in the response's units, lower is better; ``log_score``: ``elpd`` a row;
        * for right-censored lifetimes first ``concordance``, the share of pairs in the right order (Harrell's; 0.5 is
          chance; pairs of which a model knows the same count one half), and
          ``integrated_brier``, the mean squared error of stated survival over time (lower is better; one half for all has 0.25),
          as far as a tenth of the rows are at risk, censored rows made up for by weights
          (:mod:`bayesdeep.compare.lifetime_scores`);
        * ``coverage_50`` to ``coverage_95``: shares of rows inside their central intervals; less than nominal is
          overconfident. ``width_90`` and so on: mean widths; of two models that both cover, the narrower is better;
        * ``calibration_error``: mean distance of the probability integral transforms from uniform, 0 is perfect;
        * for responses with levels instead ``accuracy``, and as ``calibration_error`` that of the stated probabilities;
        * ``seconds`` the fit took; ``exact``: whether its draws are the posterior's; ``warning``: what to mind.

    Notes
    -----
    None of the scores is in-sample: for ``target="rows"`` predictive draws carry each row's leave-one-out weights, so
    that rows with large Pareto k-hat (see ``warning``) make all of them optimistic. Censored rows count in ``elpd``
    and, of lifetimes, in ``concordance`` and ``integrated_brier`` but, since their response is not known, not in the
    other scores, which are then of the rows that were not censored, and so of the shorter lifetimes. A fit whose method
    fails while it is refitted keeps
    its place in the table, without numbers; the reason is its ``warning``.

    Raises
    ------
    FitError
        For fits that cannot be compared, unknown options, and if all fits fail.
    KeyboardInterrupt
        When stopped; what was scored so far is not kept, and the fits are as they were.
    """
    if isinstance(fits, Mapping) and any(isinstance(fit, JointFit) for fit in fits.values()):
        return _of_several_responses(fits, target, score, data, k, checked_seed(seed, "compare"), progress)
    models, names = split(fits)
    check_fits(models, len(names))
    if target not in TARGETS:
        raise FitError(f"compare: unknown target '{target}'{nearest(target, TARGETS)}")
    if (target == "groups") != (by is not None):
        raise FitError("compare: target='groups' and by='…' (the grouping factor) go together")
    if data is not None and target == "groups":
        raise FitError("compare: give data=… or target='groups', not both: data are left out already")
    if score not in SCORES:
        raise FitError(f"compare: unknown score '{score}'{nearest(score, SCORES)}")
    if score != "auto" and (data is not None or target == "groups"):
        raise FitError(f"compare: score='{score}' is for rows of the training data, without data=… and target='groups'")
    baselines = prepare(names, models)
    work, frame, groups = Work(k, checked_seed(seed, "compare"), executor, workers, progress, refits), None, None
    if data is not None:
        frame = read_frame(data)
        asked = {name: asked_rows(fit, data, "compare", observed=True) for name, fit in models.items()}
        tell("compare", [(fit.spec, asked[name]) for name, fit in models.items()], "sample")
        held = {name: on_held_out(fit, asked[name], work.seed) for name, fit in models.items()}
        scored = Scored(held, {}, "scored on held-out data")
    elif target == "groups":
        groups = common_groups(models, str(by))
        work = replace(work, k=min(k, number_groups(groups)[1]))
        scored = score_groups(models, str(by), groups, work)
    else:
        scored = score_rows(models, score, work)
    scored, attrs = with_baselines(scored, baselines, models, work, groups, frame)
    table, calibration, notes = rank_table(scored.found, attrs, scored.failed)
    table.attrs["scored_on"] = scored.how
    said = (*mixed(models), *scored.notes, *notes)
    return Comparison(table, calibration, scored.found, dict(models), target, by, said, frame)


def _of_several_responses(
    fits: Mapping[str, Any], target: str, score: str, data: Any, k: int, seed: int | None, progress: bool
) -> Comparison:
    """Return the comparison of fits of several responses, of rows with all their responses."""
    for name, fit in fits.items():
        if not isinstance(fit, JointFit):
            raise FitError(
                f"compare: '{name}' is {fit if isinstance(fit, str) else type(fit).__name__}, beside fits of several responses; "
                "compare such fits with each other, or one response of theirs, fit['y1'], with fits of that response"
            )
    if len(fits) < 2:
        raise FitError("compare: 1 fit; give at least two")
    if target != "rows":
        raise FitError(
            "compare: fits of several responses are not compared by groups left out; subtract the `units` of fit.kfold(by='…') "
            "of each, or compare them by leave-one-out of rows, by score='folds', or on rows that no fit has seen, data=…"
        )
    if score not in SCORES:
        raise FitError(f"compare: unknown score '{score}'{nearest(score, SCORES)}")
    if score == "folds" and data is not None:
        raise FitError("compare: score='folds' is for rows of the training data, without data=…")
    frame = None if data is None else read_frame(data)
    folds = partial(joint_kfold, k=k, seed=seed, progress=progress)
    records = {str(name): fit.record for name, fit in fits.items()}
    table, assessed, notes, _ = compare_joint(records, data, folds if score == "folds" else None)
    return Comparison(table, pd.DataFrame(), assessed, {}, target, None, notes, frame)
