"""The table of a comparison: ArviZ's ranking and weights, our scores, and what to mind."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError
from bayesdeep.inference.loo_record import Loo

from .assessed_fit import MIN_CHAIN_SE, Assessed
from .proper_scores import NOMINAL, WIDTH_AT, accuracy, calibration, calibration_error, pit_error

RANKED = ["rank", "elpd", "elpd_diff", "dse", "p", "se", "weight"]
LIFETIME_COLUMNS = ["concordance", "integrated_brier"]
NUMBER_COLUMNS = ["rmse", "mae", "crps"]
COVERED = [
    *(f"coverage_{round(100 * p)}" for p in NOMINAL),
    "width_90",
    *(f"width_{round(100 * p)}" for p in NOMINAL if p != WIDTH_AT),
    "calibration_error",
]
LAST = ["seconds", "exact", "warning"]
GRID = np.round(np.arange(0.05, 1.0, 0.05), 2)


def rank_table(
    found: Mapping[str, Assessed], attrs: Mapping[str, Mapping[Any, Any]], failed: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Return the table, best first, the calibration of intervals, and notes on the comparison as a whole.

    Parameters
    ----------
    found, attrs
        By name, assessments and the attributes of fits: ``seconds_total``, ``exact`` and ``status``. Those without log scores,
        which cannot be ranked, come after those that can.
    failed
        By name, why fits have no assessment; in the table they come last, without numbers.

    Raises
    ------
    FitError
        If all fits failed, or none gives all rows some probability.
    """
    unranked = {name: one for name, one in found.items() if one.log_scores is None and np.isnan(one.log_score)}
    scorable = {name: one for name, one in found.items() if name not in unranked}
    failed = {**(failed or {}), **_impossible(scorable)}
    found = {name: one for name, one in scorable.items() if name not in failed}
    if not found:
        raise FitError("compare: every fit failed: " + "; ".join(f"'{name}': {why}" for name, why in failed.items()))
    ranked, notes = _ranked(found)
    levels = any(a.probabilities is not None for a in found.values())
    rows = {name: _row(found[name], attrs[name], str(ranked.loc[name, "diag_diff"])) for name in ranked.index}
    rows |= {name: _row(one, attrs[name], "") for name, one in unranked.items()}
    lived = LIFETIME_COLUMNS if any(a.lifetimes is not None for a in found.values()) else []
    columns = ["accuracy", "calibration_error", "log_score"] if levels else [*lived, *NUMBER_COLUMNS, "log_score", *COVERED]
    own = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=[*columns, *LAST])
    table = pd.concat([ranked[RANKED], own], axis=1)
    for place, name in enumerate(unranked, len(ranked)):
        table.loc[name, "rank"] = place
    for place, (name, why) in enumerate(failed.items(), len(table)):
        table.loc[name, ["rank", *LAST]] = [place, *_cost(attrs[name]).values(), why]
    table = table.astype({"rank": int, "exact": bool})
    table.index.name = "fit"
    scored = {name: (found | unranked)[name].scores for name in table.index if name in found or name in unranked}
    empirical = {name: calibration(scores, GRID) for name, scores in scored.items() if scores is not None}
    return table, pd.DataFrame(empirical, index=pd.Index(GRID, name="nominal")), notes


def _impossible(found: Mapping[str, Assessed]) -> dict[str, str]:
    """Return the fits whose score is no number, with a sentence: ArviZ would rank them anyhow."""
    wrong = {name: int((~np.isfinite(np.asarray(one.elpd.elpd_i, dtype=float))).sum()) for name, one in found.items()}
    return {name: f"no finite log score for {count:,} of its rows or groups" for name, count in wrong.items() if count}


def _ranked(found: Mapping[str, Assessed]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return ArviZ's comparison, best first, and what it warned of; of one fit alone its own numbers."""
    import arviz as az

    if len(found) == 1:
        ((name, one),) = found.items()
        numbers = [0, one.elpd.elpd, 0.0, 0.0, one.elpd.p, one.elpd.se, 1.0, ""]
        return pd.DataFrame([numbers], index=[name], columns=[*RANKED, "diag_diff"]), ()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ranked = az.compare(shifted({name: a.elpd for name, a in found.items()}), method="stacking", round_to="none")
    # ArviZ's error of a difference is that of the rows; which chains there are is another, and its own for each fit.
    chains = np.array([v if (v := found[str(name)].chain_variance) >= MIN_CHAIN_SE**2 else 0.0 for name in ranked.index])
    chains[1:] += chains[0]
    ranked.loc[chains > 0, "dse"] = np.sqrt(ranked["dse"].to_numpy(dtype=float) ** 2 + chains)[chains > 0]
    ranked.iloc[0, ranked.columns.get_loc("dse")] = 0.0
    return ranked, tuple(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, UserWarning)))


def shifted(found: Mapping[str, Loo]) -> dict[str, Loo]:
    """Return the records with pointwise values relative to the best model of each unit.

    Stacking takes their exponentials, which for an outlying row, or the sum over a group, underflow; weights and
    differences do not depend on such a shift.
    """
    values = np.array([np.asarray(record.elpd_i, dtype=float) for record in found.values()])
    best = values.max(axis=0)
    return {
        name: record.with_(elpd_i=record.elpd_i.copy(data=own - best))
        for (name, record), own in zip(found.items(), values, strict=True)
    }


def _row(one: Assessed, attrs: Mapping[Any, Any], difference: str) -> dict[str, object]:
    row: dict[str, object] = {"log_score": one.log_score, **_cost(attrs)}
    if one.scores is not None:
        s = one.scores
        row |= {"rmse": s.rmse, "mae": s.mae, "crps": float(s.crps.mean()), "calibration_error": pit_error(s)}
        row |= {f"coverage_{round(100 * p)}": s.coverage(p) for p in NOMINAL}
        row |= {f"width_{round(100 * p)}": float(w) for p, w in zip(NOMINAL, s.widths.mean(axis=0), strict=True)}
    if one.lifetimes is not None:
        row |= {name: getattr(one.lifetimes, name) for name in LIFETIME_COLUMNS}
    if one.probabilities is not None and one.codes is not None:
        row["accuracy"] = accuracy(one.probabilities, one.codes)
        row["calibration_error"] = calibration_error(one.probabilities, one.codes)
    status = attrs.get("status", "ok")
    said = [*one.notes, *([] if status == "ok" else [f"the fit's status is '{status}'"]), difference]
    row["warning"] = "; ".join(s.rstrip(".") for s in said if s)
    return row


def _cost(attrs: Mapping[Any, Any]) -> dict[str, object]:
    return {"seconds": float(attrs["seconds_total"]), "exact": bool(attrs["exact"])}
