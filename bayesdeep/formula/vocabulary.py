"""The words of the language: which names can be called, and on which side of ``~``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bayesdeep.core.registry import RESPONSES, TERMS, TRANSFORMS

ELEMENTWISE = frozenset(
    {
        "log", "exp", "sqrt", "abs", "log1p", "expm1", "log2", "log10", "sin", "cos", "tan", "asin",
        "acos", "atan", "sinh", "cosh", "tanh", "floor", "ceil", "round", "sign", "logit", "expit",
    }
)
"""Arithmetic on the values of a column. Part of the language, not plug-ins."""

OF_SEVERAL = frozenset({"pmin", "pmax"})
"""Arithmetic on several columns and numbers: the smallest, and the largest, of each row."""

_OF_NUMPY = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "absolute": "abs", "minimum": "pmin", "maximum": "pmax",
}

ASIS = "I"
"""``I(x / 10)``: ordinary arithmetic instead of the algebra of terms."""

COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
"""Of two numbers, or by ``==`` and ``!=`` of labels; 1 where it holds and 0 where it does not. Inside ``I()`` only."""

BUILTINS = ELEMENTWISE | OF_SEVERAL | {ASIS}

LATER = frozenset({"ar", "car", "cs", "gp", "me", "mi", "mo", "s", "t2"})
"""Terms the language reserves; without a plug-in of that name they are refused with a word of explanation."""

INNER = frozenset({"embed"})
"""What can be called inside a term's call only: ``net(x, embed(g, 4))``."""

NONLINEAR = "nonlinear"
"""The term that the right side of a non-linear formula is; nobody writes its name."""

# Terms that have their own notation: a product of columns, ``(… | g)``, and a whole non-linear formula.
_UNCALLED = frozenset({"population", "group", NONLINEAR})

Kind = Literal["builtin", "transform", "term", "response", "inner", "grouping", "member"]


@dataclass(frozen=True, slots=True)
class Words:
    """The names that can be called, by what they are, and the codings that transforms take by the transform's name.

    ``taking`` has by term the terms whose calls may stand inside its own. ``indexed`` is the response function, and its option,
    that a level in brackets stands for: ``g[A]``.
    """

    builtins: frozenset[str]
    transforms: frozenset[str]
    terms: frozenset[str]
    responses: frozenset[str]
    groupings: frozenset[str] = frozenset()
    varying: frozenset[str] = frozenset()
    joining: frozenset[str] = frozenset()
    multiplying: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    codings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    indexed: tuple[str, str] | None = None
    members: Mapping[str, str] = field(default_factory=dict)
    taking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def plain(self, name: str) -> str | None:
        """Return what a name with a point stands for, ``log`` for ``np.log``; None for any other attribute."""
        before, _, after = name.partition(".")
        function = _OF_NUMPY.get(after, after)
        return function if before in ("np", "numpy") and function in ELEMENTWISE | OF_SEVERAL else self.aliases.get(name)

    def kind(self, name: str) -> Kind | None:
        """Return what the name is, or None when it cannot be called; a ``"grouping"`` can right of ``|`` only.

        A ``"member"`` can left of a ``|`` that has a grouping right of it, which ``members`` has by the function's name.
        """
        if name in self.builtins:
            return "builtin"
        if name in self.transforms:
            return "transform"
        if name in self.terms:
            return "term"
        if name in self.groupings:
            return "grouping"
        if name in self.members:
            return "member"
        if name in INNER:
            return "inner"
        return "response" if name in self.responses else None

    def right(self) -> tuple[str, ...]:
        """Return the names that can be called right of ``~``, sorted."""
        return tuple(sorted(self.builtins | self.transforms | self.terms | self.groupings | set(self.members)))

    def left(self) -> tuple[str, ...]:
        """Return the names that can be called left of ``~``, sorted."""
        return tuple(sorted(self.builtins | self.transforms | self.responses))


def allowed() -> Words:
    """Return the allow-list: the language's own functions and the plug-ins that are installed."""
    groupings = frozenset(name for name in TERMS if getattr(TERMS[name], "grouping", False))
    aliases = {alias: name for name in TRANSFORMS for alias in getattr(TRANSFORMS[name], "aliases", ())}
    return Words(
        builtins=BUILTINS,
        transforms=frozenset(TRANSFORMS) - BUILTINS,
        terms=frozenset(TERMS) - _UNCALLED - groupings,
        responses=frozenset(RESPONSES),
        groupings=groupings,
        varying=frozenset(name for name in TERMS if getattr(TERMS[name], "varies", False)),
        joining=frozenset(name for name in TERMS if getattr(TERMS[name], "joins", False)),
        multiplying=frozenset(name for name in TERMS if getattr(TERMS[name], "multiplies", False)),
        aliases=aliases,
        members={own: name for name in groupings if (own := getattr(TERMS[name], "members", ""))},
        taking={name: takes for name in TERMS if (takes := getattr(TERMS[name], "takes", ()))},
        codings={name: getattr(TRANSFORMS[name], "codings", ()) for name in TRANSFORMS},
        indexed=next(((name, option) for name in RESPONSES if (option := getattr(RESPONSES[name], "indexed", ""))), None),
    )


def sd_term() -> str:
    """Return the grouping call that a formula of groups' sd is another way to write."""
    return next(name for name in TERMS if getattr(TERMS[name], "sd_formula", False))


def matrix_options(function: str) -> tuple[str | int, ...]:
    """Return which options of a call name matrices, and not columns; and the places of arguments that do."""
    return tuple(getattr(TERMS[function], "matrices", ())) if function in TERMS else ()


def matrix_kind(function: str) -> str:
    """Return what the matrices are that a call names."""
    return str(TERMS[function].matrix_kind)


def column_options(function: str) -> tuple[str, ...]:
    """Return which options of a term's call name columns."""
    return tuple(getattr(TERMS[function], "named", ())) if function in TERMS else ()
