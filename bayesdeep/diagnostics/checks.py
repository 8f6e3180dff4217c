"""The single checks behind a diagnosis: each gives rows of evidence and, where it fails, advice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.results.convergence_table import Convergence

from .past_run import PastRun


@dataclass(frozen=True)
class Check:
    """One row of evidence.

    ``severity`` is what a failure makes of the verdict: 1 caution, 2 do not trust; ``advice`` is empty if all is well. ``cause``
    is what a failure is a sign of, one of :data:`bayesdeep.diagnostics.causes.ORDER`, or empty where it stands for itself;
    ``sure`` whether it is known so well that it explains others that are worse; ``about`` the quantity whose prior is meant.
    """

    check: str
    value: Any
    limit: str
    passed: bool
    meaning: str
    severity: int = 1
    advice: tuple[str, ...] = ()
    cause: str = ""
    sure: bool = False
    about: str = ""


@dataclass(frozen=True)
class Limits:
    """From where on named quantities are good, and from where on alarming.

    Attributes
    ----------
    rhat, rhat_bad
        Largest good R-hat, and the largest that is not alarming.
    ess, ess_bad
        Smallest good effective sample size of all chains together, and the smallest that is not alarming.
    mcse
        Largest good Monte Carlo error of a mean in posterior sds.
    longer
        Options of a longer run, for the advice.
    """

    rhat: float
    rhat_bad: float
    ess: int
    ess_bad: int
    mcse: float
    longer: str = "tune=2000 and draws=2000"


def limits(chains: int, run: PastRun | None = None) -> Limits:
    """Return the limits for models whose parameters all have a meaning, of so many chains."""
    found = Limits(1.01, 1.05, 100 * chains, 25 * chains, 0.1)
    longer = {} if run is None else run.longer("tune", "draws")
    return replace(found, longer=" and ".join(f"{name}={n}" for name, n in longer.items())) if longer else found


def names(items: Iterable[str], most: int = 3) -> str:
    """Return quoted names as a phrase, cut short."""
    every = list(items)
    shown = ", ".join(f"'{name}'" for name in every[:most])
    return shown + (f" and {len(every) - most} more" if len(every) > most else "")


def chain_checks(found: Convergence, chains: int, draws: int, limit: Limits | None = None) -> list[Check]:
    """Check R-hat, effective sizes and Monte Carlo error of the worst quantities, and the number of chains."""
    rows = [finite_check(found), chains_check(chains)]
    table, limit = found.table, limit or limits(chains)
    if table.empty:
        return rows
    if draws < 4:
        too_few = f"fewer than 4 draws a chain: nothing can be said about '{table.index[0]}' or the others"
        return [*rows, Check("draws a chain", draws, ">= 4", False, too_few, 2, ("Fit again with draws=1000.",), "length", True)]
    sizes = [_ess(table, draws, "ess_bulk", "centre", limit), _ess(table, draws, "ess_tail", "tails", limit)]
    fewest = min(sizes, key=lambda check: check.value)
    sizes = [check if check is fewest else replace(check, advice=()) for check in sizes]
    return [*rows, *([_rhat(table, limit)] if chains > 1 else []), *sizes, _error(table, limit.mcse)]


def _error(table: pd.DataFrame, limit: float) -> Check:
    worst = table["mcse_relative"].fillna(np.inf)
    name, value = worst.idxmax(), float(worst.max())
    meaning = f"Monte Carlo error of the mean of '{name}' in posterior sds"
    return Check("MCSE / sd", value, f"<= {limit}", value <= limit, meaning, cause="size")


def finite_check(found: Convergence) -> Check:
    """Check that all draws are numbers."""
    bad = found.nonfinite
    if not bad:
        return Check("non-finite quantities", 0, "0", True, f"all draws of all {found.total:,} quantities are numbers")
    said = f"{names(bad)} have draws that are NaN or infinite"
    advice = f"{said}: look for overflow; rescale predictors or use narrower priors there."
    return Check("non-finite quantities", len(bad), "0", False, said, 2, (advice,), "numbers", True)


def chains_check(chains: int) -> Check:
    """Check that there are chains to compare."""
    if chains == 1:
        meaning = "with one chain R-hat cannot be judged: a chain stuck in one place looks as good as any"
        return Check("chains", 1, ">= 2", False, meaning, 1, ("Fit again with chains=4.",), "chains")
    more = "" if chains >= 4 else "; four are recommended"
    return Check("chains", chains, ">= 2", True, f"chains from different starting points can be compared{more}")


def _rhat(table: pd.DataFrame, limits: Limits) -> Check:
    rhat = table["rhat"].fillna(np.inf)
    name, value = rhat.idxmax(), float(rhat.max())
    bad = rhat[rhat > limits.rhat].sort_values(ascending=False)
    limit = f"<= {limits.rhat}"
    if bad.empty:
        return Check("R-hat", value, limit, True, f"the chains agree; the largest is that of '{name}'")
    if value > limits.rhat_bad:
        meaning = f"the chains describe different distributions: {names(bad.index)}"
        advice = (
            f"The chains disagree on {names(bad.index)}: fit again with {limits.longer}. If they still "
            f"disagree there is more than one mode, or '{name}' is not determined by the data: give it a stronger "
            "prior or leave it out. See where the chains are with "
            f"arviz.plot_trace(fit.idata, var_names=['{_bare(table, name)}']).",
        )
        return Check("R-hat", value, limit, False, meaning, 2, advice, "chains differ")
    advice = (f"Fit again with {limits.longer}: the chains do not quite agree on {names(bad.index)}.",)
    return Check("R-hat", value, limit, False, f"the chains do not quite agree: {names(bad.index)}", 1, advice, "chains differ")


def _bare(table: pd.DataFrame, name: Any) -> str:
    return str(table["variable"].loc[[name]].iloc[0])


def _ess(table: pd.DataFrame, draws: int, column: str, what: str, limits: Limits) -> Check:
    ess = table[column].fillna(0.0)
    name, value, limit = ess.idxmin(), float(ess.min()), limits.ess
    title = {"ess_bulk": "bulk ESS", "ess_tail": "tail ESS"}[column]
    if value >= limit:
        return Check(title, value, f">= {limit}", True, f"enough independent draws for the {what}; fewest for '{name}'")
    low = ess[ess < limit].sort_values()
    meaning = f"too few independent draws for the {what} of {names(low.index)}"
    times = int(np.ceil(1.2 * limit / max(value, limit / 20)))
    more = f"Fit again with draws={times * draws} for {names(low.index)}"
    return Check(title, value, f">= {limit}", False, meaning, 2 if value < limits.ess_bad else 1, (f"{more}.",), "size")


def status_check(attrs: Mapping[Any, Any]) -> list[Check]:
    """Check what the method says of its own run."""
    status = attrs.get("status")
    if status is None:
        return []
    meaning = {"ok": "the method found nothing wrong", "interrupted": "the run was stopped early; the rest is kept"}
    said = meaning.get(status, "the method doubts its own result")
    doubtful = status == "doubtful"
    severe = 2 if doubtful and not attrs.get("exact", True) else 1
    # What a method says of its own failure is better founded than what its draws look like; what it read off them is said by
    # the check that reads them.
    judged = set(map(str, attrs.get("judged") or ()))
    advice = tuple(text for text in map(str, attrs.get("advice") or ()) if text not in judged) if doubtful else ()
    cause = "method" if doubtful else ""
    return [Check("status of the run", status, "ok", status == "ok", said, severe, advice, cause, doubtful and bool(advice))]
