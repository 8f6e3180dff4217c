r"""Which groups are alike: clusters of groups whose effects have a law with clusters.

Given a draw of the effects and of the law's parameters, group :math:`j` belongs to cluster :math:`k` with a known probability
:math:`p_{jk}`, independently of others. Labels of clusters mean nothing, and differ between chains; what does not
depend on them is how many clusters have a group, and whether two groups are in one, with probability
:math:`\sum_k p_{ik} p_{jk}` in a draw.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.random import checked_seed
from bayesdeep.core.registry import PRIORS
from bayesdeep.numerics.partitions import LOSSES, representative
from bayesdeep.results.fitted import Fitted, flat_draws, seed_for

MAX_DRAWS, MAX_CANDIDATES, MAX_GROUPS = 2_000, 200, 2_000
"""Draws of which pairs are counted, partitions that the search starts from, and groups of which it can be asked."""


@dataclass(frozen=True)
class Clusters:
    """Clusters of groups.

    Attributes
    ----------
    effects
        The effects whose law they are of.
    number
        ``mean``, ``lower`` and ``upper`` of the number of clusters that have a group.
    probabilities
        By number of clusters its posterior probability.
    together
        Groups by groups: the probability that two are in one cluster.
    partition
        By group its cluster in the partition of least expected loss, counted from the one with the lowest effects.
    table
        A row a cluster of this partition: ``groups``, how many it has, ``effect``, the posterior mean of their effects, and
        ``together``, the mean probability that two of them are in one cluster (1 of a single one).
    loss
        The expected loss of the partition: in bits, or of Binder's the share of pairs.
    """

    effects: str
    number: pd.Series
    probabilities: pd.Series
    together: pd.DataFrame
    partition: pd.Series
    table: pd.DataFrame
    loss: float

    def __repr__(self) -> str:
        said = ", ".join(f"{name} {value:.3g}" for name, value in self.number.items())
        return f"Clusters of {self.effects}, number with a group: {said}\n\n{self.table}"


def clusters(
    fit: Fitted, effects: str | None = None, loss: str = "vi", interval: float = 0.9, seed: int | None = None
) -> Clusters:
    """Return :meth:`bayesdeep.Fit.clusters`."""
    seed, name = checked_seed(seed, "clusters"), _effects_of(fit, effects)
    if loss not in LOSSES:
        raise FitError(f"clusters: unknown loss '{loss}'{nearest(loss, tuple(LOSSES))}; it is one of {', '.join(LOSSES)}")
    law = PRIORS[next(p for p in fit.spec.priors if p.name == name).prior.name].law
    assert law is not None
    assert law.belongs is not None
    found = flat_draws(fit)
    values = found[name]
    if values.shape[1] > MAX_GROUPS:
        raise FitError(f"clusters: {name} has {values.shape[1]:,} groups; pairs of at most {MAX_GROUPS:,} are counted")
    p = law.belongs(values, *(found[f"{name}_{ending}"] for ending in law.reads))
    rng = np.random.default_rng(seed_for(fit, seed))
    # A label for each group of each draw: the number of clusters is then one of the posterior, not its mean given effects.
    labels = (rng.uniform(size=(*p.shape[:2], 1)) > p.cumsum(axis=2)[..., :-1]).sum(axis=2)
    counts = 1 + (np.diff(np.sort(labels, axis=1), axis=1) > 0).sum(axis=1)
    kept = np.unique(np.linspace(0, len(p) - 1, MAX_DRAWS).astype(int))
    flat = p[kept].transpose(0, 2, 1).reshape(-1, p.shape[1])
    together = np.clip(flat.T @ flat / len(kept), 0.0, 1.0)
    np.fill_diagonal(together, 1.0)
    candidates = labels[np.unique(np.linspace(0, len(p) - 1, MAX_CANDIDATES).astype(int))]
    partition, least = representative(together, candidates, loss)
    partition = _by_effect(partition, values.mean(axis=0))
    shown = fit.held["posterior"][name]
    level = str(shown.dims[-1])
    levels = pd.Index(np.asarray(shown.coords[level]), name=level)
    outside = (1.0 - interval) / 2
    low, high = np.quantile(counts, [outside, 1.0 - outside], method="inverted_cdf")
    number = pd.Series({"mean": counts.mean(), "lower": float(low), "upper": float(high)}, name=f"{name}_clusters")
    shares = pd.Series(counts).value_counts(normalize=True).sort_index().rename_axis("clusters").rename("probability")
    return Clusters(
        name, number, shares, pd.DataFrame(together, levels, levels), pd.Series(partition, levels, name="cluster"),
        _table(partition, values.mean(axis=0), together), least,
    )


def _effects_of(fit: Fitted, asked: str | None) -> str:
    """Return the name of the effects that have a law with clusters."""
    laws = {p.name: PRIORS[p.prior.name].law for p in fit.spec.priors}
    names = [name for name, law in laws.items() if law is not None and law.belongs is not None]
    if not names:
        raise FitError(
            "clusters: no effects of groups have a law with clusters; give them one, as by "
            "priors={'1|g': 'DirichletProcess(alpha=1, K=10)'}"
        )
    if asked is None and len(names) > 1:
        raise FitError(f"clusters: there are clusters of {', '.join(names)}; say which, as clusters('{names[0]}')")
    if asked is not None and asked not in names:
        there = f"there are clusters of {', '.join(names)}"
        raise FitError(f"clusters: '{asked}' has no law with clusters{nearest(asked, names)}; {there}")
    return names[0] if asked is None else asked


def _by_effect(labels: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Return labels from 1, by the mean effect of a cluster."""
    means = np.array([effects[labels == k].mean() for k in range(labels.max() + 1)])
    return np.asarray(np.argsort(np.argsort(means))[labels] + 1)


def _table(labels: np.ndarray, effects: np.ndarray, together: np.ndarray) -> pd.DataFrame:
    rows = {}
    for cluster in np.unique(labels):
        own = labels == cluster
        inside, count = together[np.ix_(own, own)], int(own.sum())
        pairs = (inside.sum() - count) / (count * (count - 1)) if count > 1 else 1.0
        rows[int(cluster)] = {"groups": count, "effect": effects[own].mean(), "together": pairs}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("cluster")
