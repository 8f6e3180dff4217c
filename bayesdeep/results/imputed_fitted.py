"""A model fitted to several data sets that differ in what was filled in for missing values, as a record.

Draws of all fits are one posterior, of which each data set has the same share: the mixture

.. math:: p(\\theta \\mid y_{obs}) \\approx \\frac{1}{M} \\sum_m p(\\theta \\mid y_{obs}, y_{mis}^{(m)}),

which is what the posterior given the observed data is where imputations are draws from the predictive distribution of the
missing values. Its variance is the mean of the variances within data sets and the variance between their means, as Rubin's rules
have it but for the factor 1 + 1 / M of few data sets.

Zhou and Reiter (2010), A note on Bayesian inference after multiple imputation, The American Statistician 64, 159-163,
doi:10.1198/tast.2010.09109; Rubin (1987), Multiple Imputation for Nonresponse in Surveys, Wiley.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.records import Response
from bayesdeep.design.stacked import stack
from bayesdeep.spec.model_spec import ModelSpec

from .fitted import Fitted
from .labelled import SAMPLE, Array, Group, Tree, completed
from .rows import FIELDS, Rows, rows_in_memory

IMPUTATIONS = "imputations"
"""Attribute with the number of data sets."""


@dataclass(frozen=True, eq=False)
class ImputedFitted:
    """The fits to all data sets, and their draws together.

    Attributes
    ----------
    each
        A fit a data set; all of one model and of as many chains and draws.
    pooled
        The draws of all, chains of the first data set first, and the rows of all data sets one below another. Questions about
        other rows are questions to this fit.
    """

    each: tuple[Fitted, ...]
    pooled: Fitted

    @property
    def spec(self) -> ModelSpec:
        """Return the model, which is the same for all data sets."""
        return self.pooled.spec


def pool(each: Sequence[Fitted], seed: int, seconds: float, explain_choice: str) -> ImputedFitted:
    """Return the fits of all data sets as one; ``seed`` is the user's, from which theirs were derived."""
    trees = [completed(fit.held) for fit in each]
    groups = {
        name: pooled_group([tree[name].to_dataset() for tree in trees])
        for name in ("posterior", "sample_stats")
        if all(name in tree.children for tree in trees)
    }
    every: list[dict[str, Any]] = [{str(name): value for name, value in tree.attrs.items()} for tree in trees]
    first = every[0]
    kept = ("method", "judged", "versions", "spec", "settings")
    worst = next((a["status"] for a in every if a["status"] != "ok"), "ok")
    attrs = {
        **{name: first[name] for name in kept if name in first},
        "exact": all(a["exact"] for a in every),
        "corrected": all(a.get("corrected", False) for a in every),
        "status": worst,
        "advice": [f"data set {k}: {said}" for k, a in enumerate(every, start=1) for said in a.get("advice", ())],
        "seed": seed,
        **{n: float(sum(a.get(n, 0.0) for a in every)) for n in ("seconds_compile", "seconds_tune", "seconds_sample")},
        "seconds_total": seconds,
        "explain_choice": explain_choice,
        IMPUTATIONS: len(each),
    }
    rows = stacked_rows([rows_in_memory(fit.rows, "fit") for fit in each])
    return ImputedFitted(tuple(each), Fitted(each[0].spec, rows, Tree(groups, attrs), explain_choice))


def pooled_group(groups: Sequence[Any]) -> Group:
    """Return groups of draws with the chains of all, one data set's after another's; variables that all of them have."""
    first = groups[0]
    names = [str(name) for name in first.data_vars if all(name in other.data_vars for other in groups)]
    coords: dict[str, np.ndarray] = {}
    found: dict[str, Array] = {}
    chains = sum(int(group.sizes["chain"]) for group in groups)
    for name in names:
        parts = [group[name].transpose(*SAMPLE, ...) for group in groups]
        dims = tuple(str(dim) for dim in parts[0].dims)
        labels = {dim: np.asarray(parts[0].coords[dim]) for dim in dims if dim in parts[0].coords}
        labels["chain"] = np.arange(chains)
        coords |= labels
        values = np.concatenate([np.asarray(part.to_numpy()) for part in parts])
        found[name] = Array(dims, values, labels, dict(parts[0].attrs))
    return Group(found, coords)


def stacked_rows(each: Sequence[Rows]) -> Rows:
    """Return the rows of all data sets, one below another."""
    first = each[0]
    parts: Mapping[str, Any] = {
        field: None
        if getattr(first.response, field) is None
        else np.concatenate([np.asarray(getattr(rows.response, field)) for rows in each])
        for field in FIELDS
    }
    arrays = {name: np.concatenate([rows.arrays[name] for rows in each]) for name in first.arrays}
    response: Response = first.response.with_(**parts)
    total = sum(rows.rows for rows in each)
    columns: dict[str, Column] = {}
    if all(rows.columns for rows in each):
        columns = dict(stack([Frame(rows.columns, rows.rows) for rows in each]).columns)
    return replace(first, arrays=arrays, response=response, rows=total, index=None, columns=columns)
