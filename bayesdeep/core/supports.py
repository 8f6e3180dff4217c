"""Between which ends responses lie: what a family declares once, and what errors call it."""

from math import inf, pi

Support = tuple[float, float]
"""The lower and the upper end; see :attr:`bayesdeep.core.records.Family.support`."""

REAL: Support = (-inf, inf)
POSITIVE: Support = (0.0, inf)
UNIT: Support = (0.0, 1.0)


def in_words(support: Support, atoms: tuple[float, ...] = (), whole: bool = False) -> str:
    """Return the possible responses as a person says them: ``"numbers above 0"``.

    Parameters
    ----------
    support
        The two ends.
    atoms
        Values with a probability of their own; an end that is one of them belongs to the support.
    whole
        Whether responses are whole numbers, to which finite ends belong.
    """
    if whole and support == POSITIVE:
        return "counts 0, 1, 2, …"
    kind = "whole numbers" if whole else "numbers"
    low, high = ((end, whole or end in atoms or abs(end) == pi) for end in support)  # of an angle both ends are one place
    if support == REAL:
        return f"{kind} of any size and sign"
    from_low = "" if low[0] == -inf else f"from {_shown(low[0])}" if low[1] else f"above {_shown(low[0])}"
    to_high = "" if high[0] == inf else f"to {_shown(high[0])}" if high[1] else f"below {_shown(high[0])}"
    if not from_low:
        return f"{kind} {'up ' * high[1]}{to_high}"
    between = " " if low[1] and high[1] else " and "
    return f"{kind} {between.join(part for part in (from_low, to_high) if part)}"


def _shown(end: float) -> str:
    return {pi: "pi", -pi: "-pi"}.get(end, f"{end:g}")
