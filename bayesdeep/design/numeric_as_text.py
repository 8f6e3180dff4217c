"""Columns of numbers that one stray cell (``n/a ``, ``?``, ``1,5``) has made text: a coefficient for every row."""

import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite

import numpy as np

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import DataError
from bayesdeep.core.priors import Known
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.formula.nodes import Binary, Call, Expression, Formula, Name, Sequence, Text, Unary
from bayesdeep.formula.vocabulary import INNER

NEARLY_ALL = 0.9
"""Share of rows with a number from which on text beside them is taken for a slip."""

MAX_CODES = 20
"""More different numbers than this are measurements and no codes; then it is enough that they outnumber the other texts."""

MIN_DISTINCT, MIN_DISTINCT_SHARE = 5, 0.5
"""So are at least ``MIN_DISTINCT`` different numbers where there are at least
``MIN_DISTINCT_SHARE`` of them for a row that has one."""

WHOLE = re.compile(r"\s*[+-]?\d+\s*")
"""Numbers that someone made text may be codes as long as they are whole."""

THOUSANDS = r"[ ,.'\N{RIGHT SINGLE QUOTATION MARK}\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]"
WRITTEN = re.compile(
    r"\s*[+\-\N{MINUS SIGN}]?\s*[$€£]?\s*" + rf"(?:\d+|\d{{1,3}}(?:{THOUSANDS}\d{{3}})+)?(?:[.,]\d+)?" + r"\s*[%$€£]?\s*"
)
"""Numbers as people write them: a decimal comma, a mark between thousands, a percent sign, a currency."""


def refuse_almost_numbers(
    formulas: Mapping[str, Formula], known: Mapping[str, Known], frame: Frame, before: int = 0
) -> None:
    """Raise for a column that is text but for nearly all of its values reads as numbers, and name the first other cell.

    Grouping factors, ``C(x)`` and what is embedded take text for what it is; so do categories.

    Parameters
    ----------
    formulas, known
        The model's.
    frame
        All rows, those with missing values included, so that rows have the numbers that the user knows.
    before
        Number of rows that come before these.
    """
    for name, taken in _numeric(formulas, known):
        column = frame.columns.get(name)
        cell = None if column is None else stray_cell(column)
        if cell is not None:
            row, text, more = cell
            others = f" (and in {more} other rows)" if more > 1 else " (and in 1 other row)" if more else ""
            raise DataError(
                f"data: column '{name}' has text {text!r} in row {before + row + 1}{others}, otherwise numbers; correct it, or "
                f"leave the cell empty if the value is missing; {taken}"
            )
        written = None if column is None else written_numbers(column)
        if written is not None:
            raise DataError(
                f"data: column '{name}' is text that reads as numbers, such as {written!r}; make it numbers, with a decimal "
                f"point and nothing else around the digits; {taken}"
            )


def written_numbers(column: Column) -> str | None:
    """Return the first text of a column of text all of whose values are measurements that were not read as numbers.

    That is what a decimal comma, a percent sign or a reader that makes everything text leaves. None for other columns, and for
    whole numbers, which may be codes that someone made text.
    """
    if column.kind != "text" or column.levels is None:
        return None
    texts = [str(level) for level in column.levels]
    plain = np.array([reads_as_number(text) for text in texts], dtype=bool)
    number = plain | np.array([_written(text) for text in texts], dtype=bool)
    if not number.any() or all(WHOLE.fullmatch(text) for text in texts):
        return None
    counts = np.bincount(column.values[column.values >= 0], minlength=len(number))
    if not _measured(number, counts) or (plain.any() and not number.all()):
        return None
    return next(texts[code] for code in column.values if code >= 0 and number[code])


def _written(text: str) -> bool:
    return any(c.isdigit() for c in text) and WRITTEN.fullmatch(text) is not None


def _measured(number: np.ndarray, counts: np.ndarray) -> bool:
    """Return whether the levels that are numbers are measurements, and not codes: many, or nearly as many as rows.

    Parameters
    ----------
    number
        Whether each level is a number ``(level,)``.
    counts
        Rows of each level ``(level,)``.
    """
    numbers = int(np.count_nonzero(number))
    many = numbers > MAX_CODES or (numbers >= MIN_DISTINCT and numbers >= MIN_DISTINCT_SHARE * counts[number].sum())
    return many and len(number) - numbers < numbers


def stray_cell(column: Column) -> tuple[int, str, int] | None:
    """Return the row, counted from 0, and the text of the first cell that is no number in a column that should be of numbers.

    Also how many more such rows there are. None where the column is no text, or where text is what it holds.
    """
    if column.kind != "text" or column.levels is None:
        return None
    number = np.array([reads_as_number(str(level)) for level in column.levels], dtype=bool)
    if not number.any() or number.all():
        return None
    codes = column.values
    counts = np.bincount(codes[codes >= 0], minlength=len(number))
    share = counts[number].sum() / counts.sum()
    if share < NEARLY_ALL and not _measured(number, counts):
        return None
    stray = (codes >= 0) & ~number[codes]
    first = int(np.argmax(stray))
    return first, str(column.levels[codes[first]]), int(np.count_nonzero(stray)) - 1


def reads_as_number(text: str) -> bool:
    """Return whether a text is a number as computers write it."""
    try:
        return text.isascii() and "_" not in text and isfinite(float(text))
    except ValueError:
        return False


def _numeric(formulas: Mapping[str, Formula], known: Mapping[str, Known]) -> Iterator[tuple[str, str]]:
    """Yield the columns that would be numbers if they could, and how else to say that they are categories."""
    for formula in formulas.values():
        if formula.response is not None:
            for name in _names([formula.response]):
                yield name, "if it is a class, declare it as such, by pandas.Categorical(…)"
        groups = [f for g in formula.groups for f in (*(f for p in g.products for f in p), *g.specials)]
        for name in _names([*(f for p in formula.products for f in p), *groups, *formula.specials]):
            yield name, f"if it is a category, write C({name})"
    for given in known.values():
        if isinstance(given.value, str):
            yield given.value, "a known parameter is a number"


def _names(roots: Iterable[Expression]) -> Iterator[str]:
    stack = list(roots)
    while stack:
        node = stack.pop()
        if isinstance(node, Name):
            yield node.name
        elif isinstance(node, Unary):
            stack.append(node.operand)
        elif isinstance(node, Binary) and not _of_text(node):
            stack += (node.left, node.right)
        elif isinstance(node, Sequence):
            stack += node.items
        elif isinstance(node, Call) and not _categorical(node.function):
            stack += (*node.arguments, *(value for _, value in node.options))


def _of_text(node: Binary) -> bool:
    """Return whether a column is compared with text, which says that it holds labels."""
    return node.operator in ("==", "!=") and isinstance(node.left, Text | Name) and isinstance(node.right, Text | Name)


def _categorical(function: str) -> bool:
    names = function in TRANSFORMS and TRANSFORMS[function].categorical and not TRANSFORMS[function].of_numbers
    return function in INNER or names
