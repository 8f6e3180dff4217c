"""Text to tokens. The limits on length and nesting are checked here, before anything is built."""

import re
from dataclasses import dataclass
from math import isinf
from typing import Literal
from unicodedata import category
from unicodedata import name as unicode_name

from .problems import problem, quote

MAX_LENGTH = 10_000
MAX_TOKENS = 2_000
MAX_NESTING = 50
_MAX_DIGITS = 40

_BLANKS = " \t\r\n"
_OPERATORS = frozenset("~+-*/:^|()[],=.<>&!")
_OF_TWO_SIGNS = ("**", "||", "==", "!=", "<=", ">=")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

Kind = Literal["name", "quoted", "number", "text", "operator", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the formula.

    Attributes
    ----------
    kind
        ``"quoted"`` is a name in backticks; ``"end"`` stands behind the last word.
    text
        A name without its backticks, a string without its quotation marks, an operator (``**`` also for
        ``^``), a number as typed.
    start, end
        Offsets in the formula.
    """

    kind: Kind
    text: str
    start: int
    end: int

    def is_operator(self, *texts: str) -> bool:
        """Return whether this is one of these operators."""
        return self.kind == "operator" and self.text in texts


def tokenize(text: str) -> tuple[Token, ...]:
    """Return the words of the formula, the last of kind ``"end"``."""
    if len(text) > MAX_LENGTH:
        raise problem(text, MAX_LENGTH, f"longer than {MAX_LENGTH:,} characters ({len(text):,})")
    tokens: list[Token] = []
    depth, position, last = 0, 0, len(text.rstrip(_BLANKS))
    while position < last:
        if text[position] in _BLANKS:
            position += 1
            continue
        token = _scan(text, position)
        if token.is_operator("(", "["):
            depth += 1
        elif token.is_operator(")", "]"):
            depth -= 1
        if depth > MAX_NESTING:
            raise problem(text, position, f"brackets nested deeper than {MAX_NESTING}")
        if len(tokens) == MAX_TOKENS:
            raise problem(text, position, f"more than {MAX_TOKENS:,} words and signs")
        tokens.append(token)
        position = token.end
    return (*tokens, Token("end", "", last, last))


def number(token: Token) -> float | int:
    """Return the value of a number; one typed without point and exponent is an ``int``."""
    return int(token.text) if token.text.isdigit() else float(token.text)


def _scan(text: str, start: int) -> Token:
    """Return the token that begins at ``start``."""
    char = text[start]
    if char.isidentifier():
        end = start + 1
        while end < len(text) and _continues(text[end]):
            end += 1
        return Token("name", text[start:end], start, end)
    if char in "`'\"":
        return _quoted(text, start)
    if match := _NUMBER.match(text, start):
        return _number(text, start, match.end())
    if char not in _OPERATORS:
        raise problem(text, start, _unknown(char))
    if text.startswith(_OF_TWO_SIGNS, start):
        return Token("operator", text[start : start + 2], start, start + 2)
    return Token("operator", "**" if char == "^" else char, start, start + 1)


def _continues(char: str) -> bool:
    """Return whether the character can stand inside a name."""
    return f"a{char}".isidentifier()


def _quoted(text: str, start: int) -> Token:
    """Return a name in backticks or a quoted string; neither has escapes."""
    mark = text[start]
    what = "name in backticks" if mark == "`" else "quoted text"
    end = text.find(mark, start + 1)
    if end < 0:
        raise problem(text, start, f"this {what} has no end; expected a second {mark}")
    inside = text[start + 1 : end]
    for offset, char in enumerate(inside, start + 1):
        if char == "\\" and mark != "`":
            raise problem(text, offset, "a quoted text cannot contain a backslash")
        if category(char) in ("Cc", "Cs"):
            raise problem(text, offset, f"a {what} cannot contain the control character U+{ord(char):04X}")
    if mark == "`" and not inside:
        raise problem(text, start, "expected a column's name between the backticks")
    return Token("quoted" if mark == "`" else "text", inside, start, end + 1)


def _number(text: str, start: int, end: int) -> Token:
    """Return a number, or say why the digits are none."""
    if end < len(text) and _continues(text[end]):
        stop = end
        while stop < len(text) and _continues(text[stop]):
            stop += 1
        word = text[start:stop]
        raise problem(text, end, f"{quote(word)} is neither a number nor a name; a column's name goes in backticks")
    if end - start > _MAX_DIGITS:
        raise problem(text, start, f"a number with more than {_MAX_DIGITS} characters")
    if isinf(float(text[start:end])):
        raise problem(text, start, f"the number {text[start:end]} is too large")
    return Token("number", text[start:end], start, end)


def _unknown(char: str) -> str:
    """Say what the character is, also when it cannot be seen."""
    shown = quote(char) if char.isprintable() else "character"
    refusal = "is not part of the formula language"
    if char in "{}":
        return f"{shown} {refusal}; arithmetic on columns goes inside I(), as in I(x / 10)"
    if char == "%":
        return f"{shown} {refusal}; one of several levels is written I((g == \"a\") | (g == \"b\"))"
    if char in ";@\\$?#":
        return f"{shown} {refusal}; a formula cannot contain code"
    full = f"{shown} (U+{ord(char):04X} {unicode_name(char, 'control character')})"
    return f"{full} {refusal}; a column's name with it goes in backticks"
