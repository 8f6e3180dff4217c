r"""Rows' log likelihoods of proportional hazards, with derivatives, in NumPy.

A row at risk from entry :math:`a` to time :math:`t`, with event or not (:math:`\delta`), has
:math:`\delta (\log h_0(t) + \eta) - (H_0(t) - H_0(a)) e^\eta`: a Poisson count :math:`\delta` whose mean is the cumulative hazard.
"""

import numpy as np

from bayesdeep.core.records import Response, RowTerms, RowValues

from ._baseline import Baseline


def of_hazards(baseline: Baseline, name: str, response: Response, link: str) -> RowTerms | None:
    """Return those of rows that are observed, right-censored or enter late; None for other rows, and other links."""
    upper = response.upper_bound
    status = None if response.status is None else np.asarray(response.status)
    if link != "log" or (upper is not None and np.isfinite(upper).any()) or (status is not None and not np.isin(status, (0, 1)).all()):
        return None
    time = np.asarray(response.value, dtype=np.float64)[:, None]
    event = np.ones(len(time), dtype=bool) if status is None else status == 0
    at_risk = baseline.cumulative_basis(np, np.maximum(time, 0.0))
    if response.lower_bound is not None:
        at_risk = at_risk - baseline.cumulative_basis(np, np.maximum(np.asarray(response.lower_bound)[:, None], 0.0))
    hazards = baseline.hazard_basis(np, time[event])
    happened = event.astype(np.float64)[:, None]
    last: tuple[bytes, np.ndarray, np.ndarray] = (b"", np.empty(0), np.empty(0))

    def of_shares(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nonlocal last
        # A trajectory asks again and again with the same shares; one assignment, so that threads see old or new.
        kept, key = last, shares.tobytes()
        if kept[0] != key:
            logs = np.zeros((len(time), len(shares)))
            logs[event] = np.log(hazards @ shares.T)
            kept = last = (key, logs, at_risk @ shares.T)
        return kept[1], kept[2]

    def terms(eta: np.ndarray, values: RowValues, order: int) -> tuple[np.ndarray, ...]:
        log_hazard, cumulative = of_shares(values[name])
        expected = cumulative * np.exp(np.minimum(eta, 690.0))
        found = log_hazard + happened * eta - expected
        if order == 0:
            return (found,)
        return (found, happened - expected) if order == 1 else (found, happened - expected, -expected)

    return terms
