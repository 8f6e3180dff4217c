"""The rules of calling: which name, where, with what. Everything not on the allow-list is refused."""

from typing import Literal

from ..core.errors import FormulaError, nearest
from .lexer import Token
from .nodes import Call, Expression, Name
from .problems import problem, quote
from .words import LATER, Kind, Words

Side = Literal["left", "right"]


def callable_kind(text: str, token: Token, words: Words, side: Side, inside: Kind | None) -> Kind:
    """Return what the called name is, or raise when it cannot be called there.

    Parameters
    ----------
    text
        The whole formula.
    token
        The name in front of the opening bracket.
    words
        The allow-list.
    side
        The side of ``~`` it stands on.
    inside
        What the innermost function around it is; None outside all calls.
    """
    name = token.text
    kind = words.kind(name)
    if kind is None:
        raise problem(text, token.start, _unknown(name, words, side))
    if kind == "term" and side == "left":
        raise problem(text, token.start, f"{name}() is a term; terms stand right of '~'")
    if kind == "response" and side == "right":
        raise problem(text, token.start, f"{name}() describes a response; it stands left of '~'")
    if kind in ("term", "response") and inside is not None:
        raise problem(text, token.start, f"{name}() cannot stand inside another call")
    return kind


def _unknown(name: str, words: Words, side: Side) -> str:
    """Say why the name cannot be called."""
    if name.startswith("__"):
        return f"{quote(name)} cannot be called; a formula cannot contain code"
    if name in LATER:
        return f"{name}() is not available in this version"
    known = words.left() if side == "left" else words.right()
    return f"unknown function {quote(name)}{nearest(name, known)}"


def check_arguments(text: str, call: Call, kind: Kind) -> None:
    """Raise when a call has no argument, or a function of the language not exactly one."""
    name = call.function
    if kind == "builtin" and call.options:
        raise problem(text, call.start, f"{name}() takes no options")
    if not call.arguments:
        raise problem(text, call.start, f"{name}() needs a column, as in {name}(x)")
    if kind == "builtin" and len(call.arguments) != 1:
        raise problem(text, call.start, f"{name}() takes one argument; it has {len(call.arguments)}")


def check_response(text: str, node: Expression, start: int, words: Words) -> None:
    """Raise when the left side is neither a column nor a call of a response function."""
    if isinstance(node, Name) or (isinstance(node, Call) and node.function in words.responses):
        return
    if isinstance(node, Call):
        raise _transformed(text, node, start)
    functions = ", ".join(f"{name}()" for name in sorted(words.responses))
    also = f" or one of {functions}" if functions else ""
    raise problem(text, start, f"the left side of '~' must be one column{also}")


def _transformed(text: str, node: Call, start: int) -> FormulaError:
    """Return the error for ``log(y) ~ x``: predictions are promised in the response's own units."""
    return problem(
        text,
        start,
        f"{quote(node.source)} cannot be the response; add it to the data as a column",
    )
