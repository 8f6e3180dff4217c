"""The table of a comparison: ArviZ's ranking and weights, our scores, and what to mind."""

import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from arviz_stats.utils import ELPDDataLOO

from bayesdeep.results.fit import Fit

from .assess import Assessed
from .scores import NOMINAL, accuracy, calibration, calibration_error

RANKED = ["rank", "elpd", "elpd_diff", "dse", "p", "se", "weight"]
NUMBERS = ["rmse", "mae", "crps"]
COVERED = [*(f"coverage_{round(100 * p)}" for p in NOMINAL), "width_90"]
LAST = ["seconds", "exact", "warning"]
GRID = np.round(np.arange(0.05, 1.0, 0.05), 2)


def rank_table(
    found: Mapping[str, Assessed], fits: Mapping[str, Fit]
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Return the table, best first, the calibration of intervals, and notes on the comparison as a whole."""
    import arviz as az

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ranked = az.compare(shifted({name: a.elpd for name, a in found.items()}), method="stacking", round_to="none")
    notes = tuple(dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, UserWarning)))
    levels = any(a.probabilities is not None for a in found.values())
    rows = {name: _row(found[name], fits[name], str(ranked.loc[name, "diag_diff"])) for name in ranked.index}
    columns = ["accuracy", "calibration_error", "log_score"] if levels else [*NUMBERS, "log_score", *COVERED]
    own = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=[*columns, *LAST])
    table = pd.concat([ranked[RANKED], own], axis=1)
    table["exact"] = table["exact"].astype(bool)
    table.index.name = "fit"
    scored = {name: found[name].scores for name in table.index}
    empirical = {name: calibration(scores, GRID) for name, scores in scored.items() if scores is not None}
    return table, pd.DataFrame(empirical, index=pd.Index(GRID, name="nominal")), notes


def shifted(found: Mapping[str, ELPDDataLOO]) -> dict[str, ELPDDataLOO]:
    """Return the records with pointwise values relative to the best model of each unit.

    Stacking takes their exponentials, which for an outlying row, or the sum over a group, underflow; weights and
    differences do not depend on such a shift.
    """
    values = np.array([np.asarray(record.elpd_i, dtype=float) for record in found.values()])
    best = values.max(axis=0)
    return {
        name: replace(record, elpd_i=record.elpd_i.copy(data=own - best))
        for (name, record), own in zip(found.items(), values, strict=True)
    }


def _row(one: Assessed, fit: Fit, difference: str) -> dict[str, object]:
    attrs = fit.idata.attrs
    row: dict[str, object] = {
        "log_score": one.log_score,
        "seconds": float(attrs["seconds_total"]),
        "exact": bool(attrs["exact"]),
    }
    if one.scores is not None:
        s = one.scores
        row |= {"rmse": s.rmse, "mae": s.mae, "crps": float(s.crps.mean()), "width_90": float(s.width.mean())}
        row |= {f"coverage_{round(100 * p)}": s.coverage(p) for p in NOMINAL}
    if one.probabilities is not None and one.codes is not None:
        row["accuracy"] = accuracy(one.probabilities, one.codes)
        row["calibration_error"] = calibration_error(one.probabilities, one.codes)
    status = attrs.get("status", "ok")
    said = [*one.notes, *([] if status == "ok" else [f"the fit's status is '{status}'"]), difference]
    row["warning"] = "; ".join(s.rstrip(".") for s in said if s)
    return row
