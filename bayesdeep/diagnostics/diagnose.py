"""A verdict on a fit: whether its draws can be trusted, on what evidence, and what to do.

References
----------
Vehtari et al. (2021), https://doi.org/10.1214/20-BA1221 (R-hat, effective sizes); Betancourt (2016), arXiv:1604.00695
(energy); Vehtari et al. (2024), Journal of Machine Learning Research 25(72) (Pareto k-hat).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bayesdeep.core.lazy import xr
from bayesdeep.core.registry import ENGINES
from bayesdeep.core.roles import shown
from bayesdeep.display import notebook
from bayesdeep.results.convergence_table import COLUMNS, convergence
from bayesdeep.results.labelled import Group, Tree

from .approximation_checks import approximation_checks
from .causes import advised, most_pressing
from .checks import Check, chain_checks, limits, names, status_check
from .function_checks import GROUP
from .network_checks import network_checks, network_sentence
from .past_run import PastRun
from .prior_conflict import conflict_checks
from .sampler_checks import sampler_checks

VERDICTS = ("trust", "caution", "do not trust")
KINDS = dict(zip(VERDICTS, ("good", "caution", "bad"), strict=True))
WORST = 10


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What :func:`diagnose` found.

    Attributes
    ----------
    verdict
        ``"trust"``: use the draws. ``"caution"``: read the evidence first; point estimates are usually fine.
        ``"do not trust"``: report nothing from these draws.
    sentence
        The verdict in words.
    evidence
        A row a check: ``check value limit passed meaning``.
    worst
        The worst quantities: ``variable rhat ess_bulk ess_tail mcse_relative mean sd``; see
        :class:`~bayesdeep.results.convergence_table.Convergence` for how to read them.
    advice
        What to do; empty when all is well. The first is about the cause that explains the other faults
        (:mod:`bayesdeep.diagnostics.causes`), which have no advice of their own; it names options that the method has.
    """

    verdict: str
    sentence: str
    evidence: pd.DataFrame
    worst: pd.DataFrame
    advice: tuple[str, ...]

    def __repr__(self) -> str:
        lines = [f"{self.verdict}: {self.sentence}", ""]
        for row in self.evidence.itertuples():
            mark = "ok " if row.passed else "!! "
            lines.append(f"{mark} {row.check}: {_shown(row.value)} (limit {row.limit}); {row.meaning}")
        if self.verdict != "trust" and len(self.worst):
            lines += ["", self.worst.head(5).round(3).to_string()]
        if self.advice:
            lines += ["", *(f"- {sentence}" for sentence in self.advice)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [notebook.said(KINDS[self.verdict], self.sentence, self.verdict), notebook.table(self.evidence, index=False)]
        parts.append(notebook.listing(self.advice))
        if self.verdict != "trust" and len(self.worst):
            parts += [notebook.paragraph("The worst quantities:"), notebook.table(self.worst)]
        return notebook.shown(*parts)


def diagnose(idata: Tree | xr.DataTree) -> Diagnosis:
    """Return a verdict on the draws in a tree, its evidence, and advice.

    Parameters
    ----------
    idata
        With the group posterior and, if there are any, sample_stats. The attributes ``exact``, ``method``, ``status``,
        ``advice``, ``details`` and ``spec`` are used where present; without ``exact`` the draws are taken to be a
        Markov chain's.

    Notes
    -----
    For draws of the posterior itself the checks are: R-hat (good to 1.01, alarming from 1.05), bulk and tail effective
    sample size (100 a chain), Monte Carlo error, divergences (any is a caution, more than 1 % of the draws a reason
    not to trust), tree depth and E-BFMI (0.3). Methods that approximate the posterior never get better than "caution".

    Models with a network are judged by its function instead of its weights, and by the quantities that have a meaning;
    :mod:`bayesdeep.diagnostics.function_checks` has the limits and their reasons.
    """
    whole: Any = idata["posterior"].to_dataset()
    attrs = idata.attrs
    posterior = shown(whole)
    chains, draws = posterior.sizes.get("chain", 1), posterior.sizes.get("draw", 1)
    exact = bool(attrs.get("exact", True)) and chains * draws > 1
    stats: Any = idata["sample_stats"].to_dataset() if "sample_stats" in idata.children else Group({}, {})
    network: Any = idata[GROUP].to_dataset() if exact and GROUP in idata.children else None
    priors = attrs["spec"].get("priors", ()) if isinstance(attrs.get("spec"), dict) else ()
    run = PastRun.of(idata)
    if network is not None:
        rows, table = network_checks(whole, network, stats, priors, run)
    else:
        found = convergence(posterior)
        rows, table = chain_checks(found, chains, draws, limits(chains, run)), found.table
        if exact:
            rows += sampler_checks(stats, posterior, run, priors)
        else:
            rows = [*rows[:1], *approximation_checks(attrs, chains * draws)]
    method = str(attrs.get("method"))
    used = priors if method not in ENGINES or ENGINES[method].priors else ()
    rows += [*status_check(attrs), *_conflicts(posterior, used, run)]
    level = max([0 if exact else 1, *(row.severity for row in rows if not row.passed)])
    if network is not None and chains > 1:
        sentence = network_sentence(level, rows, whole, _because(rows))
    else:
        sentence = _sentence(level, rows, exact, attrs, chains * draws)
    worst = _worst(table) if exact else table.head(0)
    return Diagnosis(VERDICTS[level], sentence, _evidence(rows), worst, _advice(rows, attrs))


def _worst(table: pd.DataFrame) -> pd.DataFrame:
    """Return the worst quantities: by whichever of R-hat and the effective sizes is worst for each."""
    size = table[["ess_bulk", "ess_tail"]].min(axis=1).fillna(0.0)
    rhat, error = table["rhat"].fillna(1.0), table["mcse_relative"].fillna(0.0)
    rank = pd.concat([values.rank(pct=True) for values in (rhat, -size, error)], axis=1)
    excess = (rhat - 1).clip(lower=0)
    order = pd.DataFrame({"excess": excess.round(2), "rank": rank.max(axis=1)}).sort_values(
        ["excess", "rank"], ascending=False, kind="stable"
    )
    return table.loc[~table.index.duplicated()].loc[order.index.drop_duplicates()[:WORST], list(COLUMNS)]


def _sentence(level: int, rows: list[Check], exact: bool, attrs: Any, draws: int) -> str:
    because = _because(rows)
    if exact:
        return (
            f"the chains agree and have enough independent draws; means and intervals can be reported{_shrunk(rows)}",
            f"the draws are usable, but something needs a look before they are reported{because}",
            f"the draws do not represent the posterior{because}; do not report numbers from them",
        )[level]
    method = str(attrs.get("method", "this method"))
    if "chain_weights" in attrs:
        tail = "it failed a check" if level == 2 else "its predictions may be good, its uncertainty is not the posterior's"
        return f"the mixture of weighted chains of {method} is made to predict and is not the posterior; {tail}{because}"
    title = f"{method} ({ENGINES[method].title})" if method in ENGINES else method
    point, cloud = "is a point estimate, not draws from the posterior", "gives approximate, not posterior, draws"
    kind = point if draws == 1 else cloud
    tail = ("", "its predictions may be good, its uncertainty is not the posterior's", "it failed a check")[level]
    return f"{title} {kind}; {tail}{because}"


def _because(rows: list[Check]) -> str:
    """Return what failed in brackets, the cause first."""
    failed = most_pressing(rows)
    return f" ({'; '.join(f'{r.check}: {_shown(r.value)}' for r in failed[:3])})" if failed else ""


def _shrunk(rows: list[Check]) -> str:
    """Return which quantities a default prior pulls at, though not so far that it is a caution."""
    pulled = [row.about for row in rows if row.passed and row.about]
    return f" (the default prior of {names(pulled)} has a say in them)" if pulled else ""


def _evidence(rows: list[Check]) -> pd.DataFrame:
    columns = ["check", "value", "limit", "passed", "meaning"]
    return pd.DataFrame([[getattr(row, c) for c in columns] for row in rows], columns=columns)


def _conflicts(posterior: Any, priors: Any, run: PastRun) -> list[Check]:
    """Return what priors pull at; where the data put no end to a coefficient it is said so, for a wider prior would not help."""
    found = conflict_checks(posterior, priors)
    endless = frozenset(run.separating()) if found else frozenset()
    return [
        replace(
            row,
            advice=(
                f"'{row.about}' separates the response: the data put no end to it, and how large it is only its prior says. "
                "Report it with its prior, or look whether the column is made of the response.",
            ),
        )
        if row.about in endless
        else row
        for row in (conflict_checks(posterior, priors, endless) if endless else found)
    ]


def _advice(rows: list[Check], attrs: Any) -> tuple[str, ...]:
    judged = set(map(str, attrs.get("judged") or ()))
    return advised(rows, (str(s) for s in attrs.get("advice") or () if str(s) not in judged))


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
