"""The evidence on a fit with a network: its function, and beside it whatever has a meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from bayesdeep.core.lazy import xr
from bayesdeep.core.roles import shown
from bayesdeep.results.convergence_table import Convergence, convergence

from .checks import Check, Limits, chain_checks
from .function_checks import (
    NETWORK,
    alternatives,
    function_checks,
    logs,
    nonfinite_weights,
    points,
    scale_checks,
    weights_agree,
)
from .past_run import PastRun
from .sampler_checks import DIVERGENCE_BAD_NETWORK, sampler_checks

ON_LOGS = ("parameter", "sd")
"""Roles of quantities that are judged on the log scale, where they are positive."""


def network_checks(
    posterior: xr.Dataset,
    functions: xr.Dataset,
    stats: xr.Dataset,
    priors: Iterable[Mapping[str, Any]],
    run: PastRun,
) -> tuple[list[Check], pd.DataFrame]:
    """Return rows of evidence, and the table of the quantities that were judged.

    Parameters
    ----------
    posterior
        All of it, weights included.
    functions, stats
        The groups ``functions`` and ``sample_stats``.
    priors
        As in a spec's JSON; they say what each quantity is.
    run
        The method and its settings, for the advice.
    """
    chains, draws = posterior.sizes.get("chain", 1), posterior.sizes.get("draw", 1)
    role = {str(chosen["name"]): str(chosen["role"]) for chosen in priors}
    meant = shown(posterior)
    scales = [str(name) for name in meant.data_vars if role.get(str(name)) == "scale"]
    named = _named(meant.drop_vars(scales), [name for name, own in role.items() if own in ON_LOGS])
    function = points(functions)
    # All of the draws have to be numbers, also those that are judged by what they do.
    bad = (*named.nonfinite, *function.nonfinite, *nonfinite_weights(posterior))
    whole = replace(named, nonfinite=bad, total=named.total + function.total)
    limits = _limits(run)
    first, second, *others = chain_checks(whole, chains, draws, limits)
    about = function_checks(function, functions, chains, draws, limits.longer)
    sampler = sampler_checks(stats, meant, run, priors, DIVERGENCE_BAD_NETWORK)
    sampler = [_cut_short(row, limits.longer) for row in sampler]
    judged = _with_alternatives([*about, *others]) if chains > 1 else [*about, *others]
    rows = [first, second, *judged, *scale_checks(meant, scales, chains, draws), *sampler]
    return rows, pd.concat([function.table, named.table])


def _with_alternatives(rows: list[Check]) -> list[Check]:
    """Return rows of which the first that failed also says what else can be done, if one of them is alarming."""
    failed = [row for row in rows if not row.passed]
    if not any(row.severity == 2 for row in failed):
        return rows
    return [replace(row, advice=(*row.advice, alternatives())) if row is failed[0] else row for row in rows]


def _cut_short(row: Check, longer: str) -> Check:
    """Return a row with the advice a network needs: its inputs are standardised already."""
    if row.check != "max tree depth" or row.passed:
        return row
    return replace(row, advice=(f"Fit again with {longer}: trajectories are cut short while the step size is small.",))


def _named(posterior: xr.Dataset, on_logs: Iterable[str]) -> Convergence:
    """Return convergence of what has a name; means and sds are those of the quantities themselves."""
    changed = logs(posterior, on_logs)
    found, plain = convergence(changed), convergence(posterior, every=True).table
    return replace(found, table=found.table.assign(**{c: plain[c].reindex(found.table.index) for c in ("mean", "sd")}))


def _limits(run: PastRun) -> Limits:
    """Return the limits, and as advice a run of twice the length."""
    longer = run.longer("tune", "draws")
    return replace(NETWORK, longer=" and ".join(f"{name}={n}" for name, n in longer.items())) if longer else NETWORK


def network_sentence(level: int, rows: Iterable[Check], posterior: xr.Dataset, because: str) -> str:
    """Return the verdict on several chains in words; weights are looked at for this alone."""
    if level == 2:
        return f"the chains do not describe one posterior{because}: do not trust this, and report no numbers from it"
    about = [row for row in rows if "predictions" in row.check or row.check == "agreement between chains"]
    if not about or not all(row.passed for row in about):
        return f"usable with care, but the chains do not quite agree on the function, or have few independent draws{because}"
    weights = "and so did the weights" if weights_agree(posterior) else "weights not (expected)"
    if level == 0:
        return f"predictions converged, {weights}; predictions, and what the tables name, can be reported"
    return f"predictions converged, {weights}; something else needs a look before it is reported{because}"
