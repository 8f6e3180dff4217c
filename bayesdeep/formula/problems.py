"""Error texts that show the formula and point at the character that is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from unicodedata import east_asian_width

from bayesdeep.core.errors import FormulaError

_INDENT = 4
_WINDOW = 75
_TITLE = 60
_QUOTE = 40


def clean(text: str) -> str:
    """Return the text on one line, with what cannot be seen made visible, character for character.

    Control characters and direction marks of a stranger's formula must not reach a terminal, and the caret
    line only fits if no character is added or lost.
    """
    return "".join(c if c.isprintable() else " " if c in "\t\r\n" else "\ufffd" for c in text)


def shorten(text: str, width: int) -> str:
    """Return at most ``width`` characters of the text, cleaned."""
    return clean(text) if len(text) <= width else clean(text[: width - 1]) + "…"


def quote(text: str) -> str:
    """Return the text in quotation marks, shortened, for use inside a message."""
    return f"'{shorten(text, _QUOTE)}'"


@contextmanager
def formula_of(parameter: str | None) -> Iterator[None]:
    """Let errors about a formula that are raised inside say whose it is; None for the model's own."""
    try:
        yield
    except FormulaError as error:
        if parameter is None or not str(error).startswith("formula '"):
            raise
        raise FormulaError(f"formula of {parameter}{str(error).removeprefix('formula')}") from None


def problem(text: str, start: int, message: str) -> FormulaError:
    """Return the error for the character at ``start``.

    Parameters
    ----------
    text
        The whole formula as typed.
    start
        Offset of the offending character; ``len(text)`` points just behind the end.
    message
        What is wrong and what would be right.
    """
    window, column = _window(text, min(start, len(text)))
    # A blank as wide as the character above keeps the caret in place under Chinese, Japanese and emoji.
    blanks = "".join("\u3000" if east_asian_width(c) in "WF" else " " for c in window[:column])
    indent = " " * _INDENT
    title = f"formula '{shorten(text, _TITLE)}': {message}"
    return FormulaError(f"{title}\n{indent}{window}\n{indent}{blanks}^")


def _window(text: str, start: int) -> tuple[str, int]:
    """Return the part of the text to show and the column of ``start`` in it."""
    if len(text) <= _WINDOW:
        return clean(text), start
    begin = max(0, min(start - _WINDOW // 2, len(text) - _WINDOW))
    end = begin + _WINDOW
    left = "…" if begin > 0 else ""
    right = "…" if end < len(text) else ""
    shown = left + clean(text[begin + len(left) : end - len(right)]) + right
    return shown, start - begin
