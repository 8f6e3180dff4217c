"""Effects of groups that are correlated with those of other terms, made once for all of them."""

from collections.abc import Callable, Sequence
from typing import Any

from bayesdeep.spec.shared_effects import Member, SharedEffects

from .linear_effects import correlated_effects
from .scope import TermScope


class Together:
    """Makes the effects of all terms that give one name when the first of them is met.

    Parameters
    ----------
    found
        Which effects are correlated with each other.
    scope_of
        The scope of a member's term.
    owner_of
        The scope that the correlations are reported in.
    """

    def __init__(
        self, found: Sequence[SharedEffects], scope_of: Callable[[Member], TermScope], owner_of: Callable[[], TermScope]
    ) -> None:
        self._found, self._scope_of, self._owner_of = found, scope_of, owner_of
        self._made: dict[tuple[int, str, str], list[Any]] = {}

    def of(self, response: int, parameter: str, key: str) -> list[Any]:
        """Return a term's effects ``(level,)`` a coefficient."""
        if (response, parameter, key) not in self._made:
            is_one = lambda m: (m.response, m.parameter, m.key) == (response, parameter, key)  # noqa: E731
            self._make(next(one for one in self._found if any(is_one(m) for m in one.members)))
        return self._made[response, parameter, key]

    def _make(self, one: SharedEffects) -> None:
        members = [(self._scope_of(member), member.effect) for member in one.members]
        made = correlated_effects(members, self._owner_of(), one.slot, one.rows.factor, one.pairs)
        for member, effects in zip(one.members, made, strict=True):
            self._made[member.response, member.parameter, member.key] = effects
