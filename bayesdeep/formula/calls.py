"""The rules of calling: which name, where, with what. Everything not on the allow-list is refused."""

from typing import Literal

from bayesdeep.core.errors import nearest

from .elsewhere import called
from .lexer import Token
from .nodes import Call, Expression, Name, Sequence
from .problems import problem, quote
from .vocabulary import ASIS, LATER, OF_SEVERAL, Kind, Words, column_options, matrix_options
from .walk import CONSTANTS

Side = Literal["left", "right"]


def callable_kind(
    text: str, token: Token, words: Words, side: Side, inside: Kind | None, beyond: bool = False, within: str = ""
) -> Kind:
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
    beyond
        Whether it stands right of ``|``.
    within
        The name of the innermost function around it.
    """
    name = token.text
    kind = words.kind(name)
    if kind is None:
        raise problem(text, token.start, _unknown(name, words, side))
    if kind == "term" and side == "left":
        raise problem(text, token.start, f"{name}() is a term; terms stand right of '~'")
    if kind == "grouping" and (inside is not None or not beyond):
        raise problem(text, token.start, f"{name}() says how rows are grouped; it stands right of '|', as in (1 | {name}(…))")
    if kind == "member" and (side == "left" or inside is not None or beyond):
        raise problem(text, token.start, misplaced(name, words))
    if kind == "response" and side == "right":
        raise problem(text, token.start, f"{name}() describes a response; it stands left of '~'")
    if kind == "inner" and inside != "term":
        raise problem(text, token.start, f"{name}() stands inside net(), as in net(x, {name}(g, 4))")
    # weighted(censored(y, status), w) nests; which response functions take another is their own affair.
    taken = kind == "term" and name in words.taking.get(within, ())
    if (kind == "term" and inside is not None and not taken) or (kind == "response" and inside not in (None, "response")):
        others = [f"{outer}()" for outer, inner in words.taking.items() if name in inner]
        but = f", but for {' and '.join(others)}" if others else ""
        raise problem(text, token.start, f"{name}() cannot stand inside another call{but}")
    return kind


def misplaced(name: str, words: Words) -> str:
    """Say where a function of columns of members stands."""
    return f"{name}() is a column of each member; it stands as in (0 + {name}(x1, x2) | {words.members[name]}(g1, g2))"


def _unknown(name: str, words: Words, side: Side) -> str:
    """Say why the name cannot be called."""
    if name.startswith("__"):
        return f"{quote(name)} cannot be called; a formula cannot contain code"
    if name in LATER:
        return f"{name}() is not available in this version"
    written = called(name, words, side == "left")
    if written:
        return written
    known = words.left() if side == "left" else words.right()
    return f"unknown function {quote(name)}{nearest(name, known)}"


def check_arguments(text: str, call: Call, kind: Kind) -> None:
    """Raise when a call has no argument, or a function of the language not exactly one."""
    name = call.function
    if kind == "member" and call.options:
        raise problem(text, call.start, f"{name}() takes no options, and one column for each member: {name}(x1, x2)")
    if kind == "builtin" and call.options:
        first, _ = call.options[0]
        compared = f"; a comparison is written I({first} == …)" if name == ASIS else ""
        raise problem(text, call.start, f"{name}() takes no options{compared}")
    for option, given in call.options if kind == "grouping" else ():
        if option in matrix_options(name) and not isinstance(given, Name):
            raise problem(text, given.start, f"{option} is the name of a matrix, one of arrays={{\"A\": …}}: {option}=A")
    for place, given in (*enumerate(call.arguments), *call.options) if kind == "term" else ():
        if place in matrix_options(name) and not isinstance(given, Name):
            raise problem(text, given.start, f"this is to name a matrix, one of arrays={{\"W\": …}}, as in {name}(x, W)")
    for option, given in call.options if kind == "term" else ():
        if option in column_options(name) or option in matrix_options(name):
            continue
        for value in given.items if isinstance(given, Sequence) else (given,):
            if isinstance(value, Name) and value.name not in CONSTANTS:
                raise problem(text, value.start, f"text stands in quotes in an option of {name}(): \"{value.name}\"")
    if not call.arguments:
        raise problem(text, call.start, f"{name}() needs a column, as in {name}(x)")
    if name in OF_SEVERAL:
        if len(call.arguments) < 2:
            raise problem(text, call.start, f"{name}() takes two columns or numbers, or more, as in {name}(x, 3)")
    elif kind == "builtin" and len(call.arguments) != 1:
        other = "; of another base it is log2(x), log10(x) or I(log(x) / log(3))" if name == "log" else ""
        raise problem(text, call.start, f"{name}() takes one argument; it has {len(call.arguments)}{other}")


def check_response(text: str, node: Expression, start: int, words: Words) -> None:
    """Raise when the left side is no column, no elementwise function of one and no call of a response function.

    ``log(y) ~ x`` is a model of ``log(y)``: its predictions are in the units of ``log(y)``, its log scores in those of ``y``.
    """
    if isinstance(node, Name) or (isinstance(node, Call) and node.function in words.responses | words.builtins):
        return
    functions = ", ".join(f"{name}()" for name in sorted(words.responses))
    also = f" or one of {functions}" if functions else ""
    message = f"the left side of '~' must be one column{also}; arithmetic goes into I(), as in I(y / 10)"
    raise problem(text, start, message)
