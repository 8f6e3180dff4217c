"""Scores of fits of several responses: log densities of whole rows, and what each response has of them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.inference.joint_loo import loo_by_response
from bayesdeep.inference.kfold import KFold
from bayesdeep.results.joint_fitted import JointFitted
from bayesdeep.results.joint_predictions import log_likelihoods

from .assessed_fit import Assessed, elpd_record
from .rank import COVERED, LIFETIME_COLUMNS, NUMBER_COLUMNS, rank_table


def compare_joint(
    fits: Mapping[str, JointFitted], data: Any = None, folds: Callable[[JointFitted], KFold] | None = None
) -> tuple[pd.DataFrame, dict[str, Assessed], tuple[str, ...], str]:
    """Return the table, best first, assessments by name, notes, and how rows were kept from the fits.

    Beside the scores of whole rows the table has ``elpd_`` of every response: rows are left out with all their responses, and
    this one is foretold. With ``folds``, a function that leaves out folds of rows and fits again, rows are scored by it. Of
    responses whose residuals are correlated these do not add up to that of the row.
    """
    check_joint(fits)
    found: dict[str, Assessed] = {}
    each: dict[str, dict[str, float]] = {}
    for name, fit in fits.items():
        if folds is not None:
            again = folds(fit)
            scores = np.asarray(again.elpd_i, dtype=float)
            record = elpd_record(scores, again.elpd, int(np.prod(fit.sizes)))
            variance = again.chain_variance
            found[name] = Assessed(
                "folds", record, float(scores.mean()), log_scores=scores, chain_variance=variance, notes=again.doubtful
            )
            each[name] = {f"elpd_{r}": sum(float(own[r].sum()) for own in again.visited) for r in fit.each}
        elif data is None:
            whole, parts = loo_by_response(fit)
            scores = np.asarray(whole.elpd_i, dtype=float)
            found[name] = Assessed("loo", whole, float(scores.mean()), log_scores=scores, notes=tuple(whole.advice))
            each[name] = {f"elpd_{response}": one.elpd for response, one in parts.items()}
        else:
            values, own = log_likelihoods(fit, data)
            scores = logsumexp(values, axis=0) - np.log(len(values))
            record = elpd_record(scores, float(scores.sum()), len(values))
            found[name] = Assessed("data", record, float(scores.mean()), log_scores=scores)
            each[name] = {f"elpd_{r}": float((logsumexp(v, axis=0) - np.log(len(v))).sum()) for r, v in own.items()}
    table, _, notes = rank_table(found, {name: fit.tree.attrs for name, fit in fits.items()})
    # Scores of numbers are each response's own.
    table = table.drop(columns=[c for c in (*NUMBER_COLUMNS, *LIFETIME_COLUMNS, *COVERED) if c in table])
    for column in reversed(next(iter(each.values()))):
        table.insert(table.columns.get_loc("weight") + 1, column, [each[str(name)][column] for name in table.index])
    unseen = "leave-one-out of whole rows" if data is None else "scored on held-out data"
    how = unseen if folds is None else "whole rows left out in folds"
    table.attrs["scored_on"] = how
    return table, found, (*_mixed(fits), *notes), how


def check_joint(fits: Mapping[str, JointFitted]) -> None:
    """Check that fits are of the same responses on the same rows."""
    (first, one), *others = fits.items()
    for name, other in others:
        if one is other:
            raise FitError(f"compare: '{name}' and '{first}' are the same fit")
        if set(one.each) != set(other.each):
            raise FitError(
                f"compare: '{first}' models {', '.join(one.each)} and '{name}' models {', '.join(other.each)}; log scores of "
                "different responses cannot be compared; compare fits of one response, fit['…'] of each"
            )
        if one.rows.rows != other.rows.rows:
            raise FitError(
                f"compare: '{first}' has {one.rows.rows:,} rows and '{name}' {other.rows.rows:,}; fit both to the same rows"
            )
        for response in one.each:
            if not _same(one, other, response):
                raise FitError(
                    f"compare: '{first}' and '{name}' have different values of '{response}', or rows in another order; fit both "
                    "to the same rows"
                )


def _same(one: JointFitted, other: JointFitted, response: str) -> bool:
    a, b = list(one.each).index(response), list(other.each).index(response)
    x, y = one.rows.each[a].response, other.rows.each[b].response
    places = np.array_equal(one.rows.places[a], other.rows.places[b])
    return bool(places and np.array_equal(x.value, y.value) and x.modifiers == y.modifiers)


def _mixed(fits: Mapping[str, JointFitted]) -> tuple[str, ...]:
    """Return a note where log probabilities of a response would be compared with its log densities."""
    for response in next(iter(fits.values())).each:
        discrete = {name: "discrete" in FAMILIES[fit.each[response].spec.family].words for name, fit in fits.items()}
        if len(set(discrete.values())) > 1:
            shown = ", ".join(f"'{name}'" for name, is_discrete in discrete.items() if is_discrete)
            return (f"of '{response}' {shown} give probabilities, the others densities: their elpd cannot be compared",)
    return ()
