"""Formulas of several responses: ``mvbind(y1, y2) ~ x``."""

import re

from bayesdeep.core.errors import FormulaError

_BOUND = re.compile(r"^\s*mvbind\s*\((?P<inside>.*?)\)\s*~(?P<right>.*)$", re.DOTALL)


def split_responses(text: str) -> tuple[str, ...] | None:
    """Return a formula a response where the left side binds several, else None.

    Raises
    ------
    FormulaError
        For fewer than two responses, or one that is nothing.
    """
    found = _BOUND.match(text)
    if found is None:
        return None
    responses = _arguments(found["inside"])
    if len(responses) < 2 or not all(responses):
        raise FormulaError(f"formula '{text}': mvbind() takes two responses or more, as in mvbind(y1, y2) ~ x")
    return tuple(f"{response} ~{found['right']}" for response in responses)


def _arguments(text: str) -> list[str]:
    """Return what commas outside of brackets separate."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]
