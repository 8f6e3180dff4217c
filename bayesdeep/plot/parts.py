"""What figures and reports read off a fit: its group-level terms, estimates by role, and a thinned copy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from bayesdeep.compare.compared import Compared
from bayesdeep.core import arguments
from bayesdeep.core.effects import Law
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.lazy import xr
from bayesdeep.core.names import named
from bayesdeep.core.quantities import EFFECTS, of_role
from bayesdeep.core.registry import FAMILIES
from bayesdeep.core.roles import shown
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.labelled import STANDARD_ERRORS
from bayesdeep.spec.declared import row_levels

A_FIT = arguments.instance(lambda: Fitted, "a fit; call model.fit() first")
A_COMPARISON = arguments.instance(lambda: Compared, "what bd.compare returned; call bd.compare({'a': fit, 'b': other}) first")


@dataclass(frozen=True)
class GroupTerm:
    """One group-level term of the main predictor.

    Attributes
    ----------
    factor
        The grouping factor.
    effects
        Posterior names of its effects, ``1|county`` first.
    labels, sizes
        Label and number of rows of each group, in the posterior's order ``(group,)``.
    codes
        Each row's group ``(obs,)``; None where a row has several.
    law
        What the effects are drawn from; None of a network.
    """

    factor: str
    effects: tuple[str, ...]
    labels: tuple[str, ...]
    sizes: np.ndarray
    codes: np.ndarray | None
    law: Law | None = None

    @property
    def related(self) -> bool:
        """Return whether groups lean on one another, by a covariance that is known."""
        return self.law is not None and self.law.related

    @property
    def fresh(self) -> bool:
        """Return whether there can be new groups, alike to the known ones before anything is known of them."""
        return self.codes is not None and not self.related


def group_terms(fit: Fitted) -> tuple[GroupTerm, ...]:
    """Return the group-level terms of the main predictor whose effects are in the posterior."""
    posterior, constant = shown(fit.idata["posterior"].to_dataset()), fit.idata["constant_data"]
    named_effects = of_role(posterior, EFFECTS)
    found: dict[str, GroupTerm] = {}
    for own in (levels for term in fit.spec.predictors[0].terms for levels in row_levels(term)):
        if own.factor in found or own.codes not in constant:
            continue
        effects = tuple(n for n in named_effects if posterior[n].attrs.get("factor") == own.factor)
        codes = np.asarray(constant[own.codes])
        sizes, one = _sizes(codes, len(own.labels)), None if own.several else codes
        found[own.factor] = GroupTerm(own.factor, effects, tuple(map(str, own.labels)), sizes, one, own.law)
    return tuple(found.values())


def _sizes(codes: np.ndarray, levels: int) -> np.ndarray:
    """Return how many rows each level is met in ``(level,)``, once each."""
    if codes.ndim == 1:
        return np.bincount(codes, minlength=levels)
    pairs = np.unique(np.stack([np.repeat(np.arange(len(codes)), codes.shape[1]), codes.ravel()]), axis=1)
    return np.bincount(pairs[1], minlength=levels)


def group_term(fit: Fitted, factor: str | None = None) -> GroupTerm:
    """Return one group-level term; the first without a name."""
    terms = group_terms(fit)
    if not terms:
        raise FitError("plot: the model has no group-level term such as (1 | g)")
    if factor is None:
        return terms[0]
    own = named(factor, [t.factor for t in terms])
    chosen = next((t for t in terms if t.factor == own), None)
    if chosen is None:
        raise FitError(f"plot: no grouping factor '{factor}'{nearest(factor, [t.factor for t in terms])}")
    return chosen


def estimates(fit: Fitted, roles: Iterable[str], interval: float = 0.9) -> pd.DataFrame:
    """Return mean, sd, lower and upper of every scalar whose prior has one of these roles.

    Of a point estimate with standard errors these are in the place of sds, and intervals follow from them.

    Parameters
    ----------
    roles
        ``"intercept" "coefficient" "sd" "correlation" "parameter"``, as in a spec's priors.
    interval
        Probability of the equal-tailed interval.
    """
    posterior, wanted = fit.posterior, set(roles)
    errors = fit.held[STANDARD_ERRORS].to_dataset() if STANDARD_ERRORS in fit.held.children else None
    rows: list[pd.DataFrame] = []
    for prior in fit.spec.priors:
        name = prior.name.removesuffix("_raw") if prior.role == "intercept" else prior.name
        if prior.role in wanted and name in posterior:
            own = summarise(posterior[name], interval)
            rows.append(own if errors is None else _by_error(own, np.asarray(errors[name]).ravel(), prior.role, interval))
    return pd.concat(rows) if rows else pd.DataFrame(columns=["mean", "sd", "lower", "upper"])


LIMITS = {"sd": (0.0, np.inf), "correlation": (-1.0, 1.0)}
"""Of what an interval by standard errors may cover, by role."""


def _by_error(table: pd.DataFrame, errors: np.ndarray, role: str, interval: float) -> pd.DataFrame:
    """Return estimates with the intervals that standard errors give; where there is no error, the point alone."""
    known = np.nan_to_num(errors, nan=0.0, posinf=0.0)
    reach = NormalDist().inv_cdf(0.5 + interval / 2) * known
    low, high = LIMITS.get(role, (-np.inf, np.inf))
    middle = table["mean"].to_numpy()
    return table.assign(sd=known, lower=np.clip(middle - reach, low, high), upper=np.clip(middle + reach, low, high))


def summarise(draws: xr.DataArray, interval: float = 0.9) -> pd.DataFrame:
    """Return mean, sd, lower and upper of draws ``(chain, draw, …)``, a row a scalar, labelled ``name[label]``."""
    values = np.asarray(draws.transpose("chain", "draw", ...))
    flat = values.reshape(values.shape[0] * values.shape[1], -1)
    tail = (1 - interval) / 2
    lower, upper = np.quantile(flat, [tail, 1 - tail], axis=0)
    labels = [str(draws.name)]
    for dim in draws.dims:
        if dim not in ("chain", "draw"):
            marks = draws[dim].values if dim in draws.coords else range(draws.sizes[dim])
            labels = [f"{old}, {mark}" if "[" in old else f"{old}[{mark}" for old in labels for mark in marks]
    index = [label + "]" if "[" in label and draws.ndim > 2 else label for label in labels]
    columns = {"mean": flat.mean(axis=0), "sd": flat.std(axis=0), "lower": lower, "upper": upper}
    return pd.DataFrame(columns, index=index)


MIN_DRAWS = 100
"""Fewer draws than this are repeated by :func:`thinned`."""


def thinned[F: Fitted](fit: F, draws: int) -> F:
    """Return the fit with about this many draws in all, evenly spaced, so that predictions stay small.

    Where there are few, as of a point estimate, each comes several times, so that predictions show the response's spread.
    """
    posterior = fit.idata["posterior"].to_dataset()
    chains, length = posterior.sizes["chain"], posterior.sizes["draw"]
    wanted = max(1, -(-draws // chains))
    even = np.linspace(0, length - 1, wanted, dtype=int)
    keep = even if chains * length < MIN_DRAWS else np.unique(even)
    groups = {"posterior": posterior.isel(draw=keep)}
    groups |= {g: fit.idata[g].to_dataset() for g in ("observed_data", "constant_data")}
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = dict(fit.idata.attrs)
    return replace(fit, idata=tree)


def observed(fit: Fitted) -> np.ndarray:
    """Return the response as recorded ``(obs,)``; codes for responses with levels."""
    return np.asarray(fit.idata["observed_data"][fit.spec.response.name])


def main_link(fit: Fitted) -> str:
    """Return the link of the main parameter."""
    return fit.spec.predictors[0].link


def family_words(fit: Fitted) -> frozenset[str]:
    """Return the declared properties of the fit's family."""
    return FAMILIES[fit.spec.family].words
