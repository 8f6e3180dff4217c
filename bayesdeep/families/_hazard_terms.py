r"""Rows' log likelihoods of proportional hazards, with derivatives, in NumPy.

A row at risk from entry :math:`a` to time :math:`t`, with event or not (:math:`\delta`), has
:math:`\delta (\log h_0(t) + \eta) - (H_0(t) - H_0(a)) e^\eta`: a Poisson count :math:`\delta` whose mean is the
cumulative hazard.
"""

import numpy as np

from bayesdeep.core.records import Response, RowTerms, RowValues
from bayesdeep.numerics.lane_loops import counts

from ._baseline import TINY, Baseline


def of_hazards(baseline: Baseline, name: str, response: Response, link: str) -> RowTerms | None:
    """Return those of rows that are observed, right-censored or enter late; None for other rows, and other links."""
    upper = response.upper_bound
    status = None if response.status is None else np.asarray(response.status)
    if link != "log" or (upper is not None and np.isfinite(upper).any()):
        return None
    if status is not None and not np.isin(status, (0, 1)).all():
        return None
    time = np.asarray(response.value, dtype=np.float64)[:, None]
    event = np.ones(len(time), dtype=bool) if status is None else status == 0
    at_risk = baseline.cumulative_basis(np, np.maximum(time, 0.0))
    if response.lower_bound is not None:
        at_risk = at_risk - baseline.cumulative_basis(np, np.maximum(np.asarray(response.lower_bound)[:, None], 0.0))
    hazards = baseline.hazard_basis(np, time[event])
    happened, nothing = event.astype(np.float64), np.zeros(len(time))
    last: tuple[bytes, np.ndarray, np.ndarray] = (b"", np.empty(0), np.empty(0))

    def of_shares(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nonlocal last
        # A trajectory asks again and again with the same shares; one assignment, so that threads see old or new.
        kept, key = last, shares.tobytes()
        if kept[0] != key:
            log_cumulative = np.log(np.maximum(at_risk @ shares.T, TINY))
            rest = np.zeros_like(log_cumulative)
            rest[event] = np.log(hazards @ shares.T) - log_cumulative[event]
            kept = last = (key, rest, log_cumulative)
        return kept[1], kept[2]

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        rest, log_cumulative = of_shares(values[name])
        value, *others = counts(eta + log_cumulative, happened, nothing, order)
        return (value + rest, *others)

    return terms
