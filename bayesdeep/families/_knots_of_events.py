"""Where a baseline hazard has its knots: at quantiles of the times of events."""

import numpy as np

from bayesdeep.core.records import Response
from bayesdeep.core.response_checks import observed, refuse

LEAST_KNOTS, MOST_KNOTS = 3, 8
EVENTS_PER_KNOT = 10
BEYOND, BEYOND_EVENTS, MOST_BEYOND = 0.05, 5.0, 0.25
"""What share of the events lies beyond the last knot, where the hazard is constant: enough for it to be known."""
DIGITS = 4


def knots_of(response: Response, count: int | None) -> tuple[float, ...]:
    """Return knots for a coded response: the first where the first row is at risk, the others at quantiles of event times.

    Parameters
    ----------
    response
        Times above 0, ``status`` and ``lower_bound`` (entry).
    count
        How many knots, or None: one for every ten events, between 3 and 8.
    """
    event = observed(response)
    if response.status is not None:
        event = event | (np.asarray(response.status) == 2)
    times = np.asarray(response.value, dtype=np.float64)[event]
    if not len(times):
        refuse(
            response, "cox", "rows with an event",
            "all are censored, so that the hazard is known to be small and no more; check the status: 0 or \"none\" is an event, "
            "1 or \"right\" is censored",
        )
    entry = response.lower_bound
    first = 0.0 if entry is None else max(float(np.min(entry)), 0.0)
    number = int(np.clip(len(times) // EVENTS_PER_KNOT, LEAST_KNOTS, MOST_KNOTS)) if count is None else count
    top = 1.0 - np.clip(BEYOND_EVENTS / len(times), BEYOND, MOST_BEYOND)
    places = np.quantile(times, top * np.arange(1, number) / (number - 1))
    rounded = [float(f"{place:.{DIGITS}g}") for place in (first, *places)]
    rounded[0] = float(first)
    found = tuple(np.unique([place for place in rounded if place >= first]).tolist())
    return found if len(found) > 1 else (first, float(times.max()))
