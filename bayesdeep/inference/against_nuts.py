"""An approximation against a short run of a method that samples the posterior itself, parameter by parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.draws import Draws
from bayesdeep.core.lazy import xr
from bayesdeep.core.roles import UNNAMED
from bayesdeep.results.labelled import Group

REFERENCE = {"draws": 500, "tune": 500, "chains": 4}
"""Size of the run compared with: means to about 0.03 standard deviations, standard deviations to about 3 %."""

MEAN_LIMIT, SD_LIMIT = 0.2, 0.15
"""How far off in posterior standard deviations a mean, and in relative terms a standard deviation, may be."""

SHOWN = 200
"""Most parameters that get a row of the table."""


def compared(draws: Draws, values: Mapping[str, np.ndarray], reference: Group | xr.Dataset) -> Draws:
    """Return draws with their differences from a reference among the details, and a status that follows from them.

    Parameters
    ----------
    draws
        Of the approximation.
    values
        Its posterior arrays by name ``(chain * draw, …)``.
    reference
        The posterior of the reference, of dimensions chain and draw and the quantities' own.

    Returns
    -------
    Draws
        Details ``check_mean`` and ``check_sd`` have the largest difference of means in posterior standard deviations and the
        ratio of standard deviations that is farthest from 1, ``check_mean_at`` and ``check_sd_at`` say of what. ``check``
        has both numbers by parameter.
    """
    table: dict[str, tuple[float, float]] = {}
    for name, value in values.items():
        if reference[name].attrs.get("role") in UNNAMED:
            continue  # Two methods agree on a network's weights by accident at best.
        other = np.asarray(reference[name].transpose("chain", "draw", ...))
        other = other.reshape(-1, *other.shape[2:])
        sd = np.atleast_1d(other.std(axis=0))
        own = np.atleast_1d(value.std(axis=0))
        means = np.atleast_1d(value.mean(axis=0) - other.mean(axis=0))
        for at in np.ndindex(sd.shape):
            if sd[at] > 0:
                label = name if other.ndim == 1 else f"{name}[{', '.join(_label(reference[name], at))}]"
                table[label] = (float(means[at] / sd[at]), float(own[at] / sd[at]))
    if not table:
        return draws
    by_mean = max(table, key=lambda k: abs(table[k][0]))
    by_sd = max(table, key=lambda k: abs(np.log(max(table[k][1], 1e-12))))
    mean, ratio = table[by_mean][0], table[by_sd][1]
    good = abs(mean) <= MEAN_LIMIT and 1 - SD_LIMIT <= ratio <= 1 + SD_LIMIT
    worst = sorted(table, key=lambda k: -max(abs(table[k][0]), abs(table[k][1] - 1.0)))[:SHOWN]
    rows = "; ".join(f"{k}: {table[k][0]:+.3f} sd, sd x {table[k][1]:.3f}" for k in worst)
    advice = draws.advice
    if not good:
        advice = (
            *advice,
            f"Against nuts the mean of '{by_mean}' differs by {mean:+.2f} posterior sds, and the standard deviation of "
            f"'{by_sd}' is {ratio:.2f} times that of nuts. Use method='nuts' for these.",
        )
    status = draws.status
    if status != "interrupted":
        status = "ok" if good else "doubtful"
    found: dict[str, float | str] = {
        "check_mean": mean,
        "check_mean_at": by_mean,
        "check_sd": ratio,
        "check_sd_at": by_sd,
        "check_rms_mean": float(np.sqrt(np.mean([m**2 for m, _ in table.values()]))),
        "check": rows,
    }
    return replace(draws, status=status, advice=advice, details={**draws.details, **found})


def _label(array: Any, at: tuple[int, ...]) -> list[str]:
    dims = [d for d in array.dims if d not in ("chain", "draw")]
    return [str(np.asarray(array.coords[d])[i]) if d in array.coords else str(i) for d, i in zip(dims, at, strict=True)]
