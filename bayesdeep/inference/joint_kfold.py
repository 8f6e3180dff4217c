"""K-fold cross-validation of several responses by refits of all together: rows, or whole groups, left out with all they have."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import logsumexp

from bayesdeep.core.errors import FitError
from bayesdeep.core.random import checked_seed, derive
from bayesdeep.display.progress import progress_bar
from bayesdeep.results.joint_fitted import JointFitted
from bayesdeep.results.joint_predictions import of_rows
from bayesdeep.results.lagged_rows import lagged_term
from bayesdeep.results.log_score import chain_variance, log_score_chains
from bayesdeep.spec.declared import factors_of_rows

from .fit_joint import fit_joint
from .kfold import KFold, collected, group_codes, make_folds
from .refit import Refitted, recipe
from .run import find_engine


def joint_kfold(
    fit: JointFitted, k: int = 10, by: str | None = None, seed: int | None = None, progress: bool = True,
    options: Mapping[str, Any] | None = None,
) -> KFold:
    """Return K-fold cross-validation of whole rows: a row's score is the log density of all its responses together.

    Rows that lack some responses are scored by those that they have. ``visited`` has by fold the log densities of each response
    by itself ``(row,)``, in the rows left out that have it. Arguments are those of :func:`~bayesdeep.inference.kfold.kfold`.

    Raises
    ------
    FitError
        Where missing predictors are parameters, or responses lean on the rows before them; for folds without which a response
        has no rows; and as of one response.
    """
    started = time.perf_counter()
    _check(fit)
    seed = checked_seed(seed, "kfold")
    engine = find_engine(str(fit.tree.attrs["method"]))
    common, given = recipe(fit.tree, engine, options)
    groups = None if by is None else joint_group_codes(fit, by)
    folds = make_folds(fit.rows.rows, k, 0 if seed is None else seed, groups)
    for name, place in zip(fit.each, fit.rows.places, strict=True):
        for fold in range(k):
            if (folds[place] == fold).all():
                raise FitError(f"kfold: without fold {fold + 1} of {k} no row has '{name}'; take more folds, or another seed")
    base = derive(fit.tree.attrs["seed"] if seed is None else seed, "kfold")
    found: list[Refitted] = []
    with progress_bar(f"{k}-fold cross-validation", progress, lines=True) as bar:
        for fold in range(k):
            bar.update(fold, k)
            out = np.flatnonzero(folds == fold)
            found.append(_refitted(fit, out, engine.name, common, given, derive(base, f"fold {fold}")))
        bar.update(k, k)
    return collected(found, by, groups, time.perf_counter() - started)


def joint_group_codes(fit: JointFitted, by: str) -> np.ndarray:
    """Return each row's group ``(obs,)`` of a factor that some of the responses have effects of."""
    codes, problem = np.full(fit.rows.rows, -1), None
    for one, rows, place in zip(fit.spec.responses, fit.rows.each, fit.rows.places, strict=True):
        try:
            codes[place] = group_codes(one, rows, by)
        except FitError as error:
            # A response without this factor is said of only where no response has it.
            if any(name == by for name in factors_of_rows(one)):
                raise
            problem = problem or error
    if (codes < 0).all():
        assert problem is not None
        raise problem
    if (codes < 0).any():
        raise FitError(
            f"kfold: {int((codes < 0).sum())} rows lack every response that has effects of '{by}', so that their group is not "
            "known"
        )
    return codes


def _check(fit: JointFitted) -> None:
    if fit.rows.whole:
        raise FitError(
            "kfold: missing predictors, mi(), are parameters of the rows that lack them, and rows left out have none; hold "
            "rows out that lack nothing, and use fit.log_score(data)"
        )
    for one in fit.spec.responses:
        if lagged_term(one) is not None:
            raise FitError(
                f"kfold: '{one.response.name}' leans on the rows before a row, which a fold would take away; use "
                "fit.log_score(data) on rows held out"
            )


def _refitted(
    fit: JointFitted, out: np.ndarray, method: str, common: Mapping[str, int], options: Mapping[str, Any], seed: int
) -> Refitted:
    keep = np.setdiff1d(np.arange(fit.rows.rows), out)
    made = fit_joint(fit.spec, fit.rows.take(keep), method, common, options, seed=seed, progress=False)
    if made.tree.attrs["status"] == "interrupted":
        raise KeyboardInterrupt("kfold was stopped; nothing of its refits is kept, and the fit is as it was")
    held = fit.rows.take(out)
    values, each = of_rows(made, dict(zip(made.each, held.each, strict=True)), held.places, held.rows, "sample")
    scores, without = log_score_chains([(0, held.rows, values)], held.rows, made.sizes)
    own = {name: logsumexp(value, axis=0) - np.log(len(value)) for name, value in each.items()}
    return Refitted(out, scores, chain_variance(without), tuple(made.tree.attrs["advice"]), own)
