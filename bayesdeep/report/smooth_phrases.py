"""Sentences about smooths: where curves surely rise and fall, and whether they are lines."""

import pandas as pd

from bayesdeep.effects.smooth_curves import SmoothCurve
from bayesdeep.effects.smooth_stretches import SURE, Stretch, stretches

from .numbers import decimals, number
from .phrases import joined

SPEAKS, SPEAKS_LOUDLY = 3.0, 20.0
"""Bayes factors from which on something speaks for a model, and does so strongly (Kass and Raftery 1995, section 3.2)."""
MOST_STRETCHES = 6


def shape_sentence(curve: SmoothCurve) -> str:
    """Return where a curve rises and where it falls, as far as that is sure."""
    at = curve.table[curve.column].to_numpy(float)
    places = decimals((float(at[-1]) - float(at[0])) / 5) if len(at) > 1 else 2
    found = stretches(curve.table, curve.column)
    sure = [one for one in found if one.sure_start is not None]
    if not sure:
        way = "that of its line" if len(found) == 1 else "any way it goes"
        return f"`{curve.name}`: at no place is its slope sure to be above 0, or below ({way} may be chance)."
    told = joined([_told(one, places, len(found) == 1) for one in sure[:MOST_STRETCHES]])
    more = f", and so on ({len(sure) - MOST_STRETCHES} more stretches)" if len(sure) > MOST_STRETCHES else ""
    return f"`{curve.name}` {told}{more}."


def _told(one: Stretch, places: int, whole: bool) -> str:
    """Return a stretch in words: ``rises from 14 to 21, surely from 16``."""
    ends = [v for v in (one.start, one.stop, one.sure_start, one.sure_stop) if v is not None]
    start, stop, low, high = (number(v, f".{places}f") for v in ends)
    verb = "rises" if one.rises else "falls"
    over = f"{verb} all along" if whole else f"{verb} from {start} to {stop}"
    if (low, high) == (start, stop):
        return f"surely {over}"
    surely = [f"from {low}"] * (low != start) + [f"to {high}"] * (high != stop)
    return f"{over} (surely {' '.join(surely)})"


def line_sentence(name: str, row: pd.Series, line: str, why_not: str = "") -> str:
    """Return whether a smooth is no more than what is not penalised, such as a straight line, in words.

    Parameters
    ----------
    name
        What the posterior calls it.
    row
        Of the table of smooths.
    line
        What it would be without a departure: ``"a straight line"``.
    why_not
        Why there is no Bayes factor, in a clause.
    """
    if why_not:
        return f"Whether `{name}` is {line} is not tested: {why_not}."
    factor, least = float(row["bayes_factor"]), float(row["least_factor"])
    odds = f"Bayes factor for it {'at most ' if factor <= least else ''}{odds_text(factor)}"
    if factor >= SPEAKS:
        strongly = "strongly " if factor >= SPEAKS_LOUDLY else ""
        return f"The rows speak {strongly}for `{name}` being {line} ({odds})."
    if factor <= 1 / SPEAKS:
        strongly = "strongly " if factor <= 1 / SPEAKS_LOUDLY else ""
        return f"The rows speak {strongly}against `{name}` being {line} ({odds})."
    return f"The rows do not say whether `{name}` is {line} ({odds})."


def odds_text(factor: float) -> str:
    """Return a Bayes factor as odds: ``12``, ``1/150``."""
    larger = max(factor, 1 / factor)
    text = number(larger, ".1f" if larger < 10 else ".0f")
    return text if factor >= 1 else f"1/{text}"


SURELY = (
    f"“Surely” is a slope with one sign at each such place with a probability of {100 * SURE:.0f}\u00a0% or more, place by place."
)
