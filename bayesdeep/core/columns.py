"""What the design stage learns from data and what transforms promise. Everything learned is plain JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .records import Response

Json = Any
"""Numbers, strings, booleans, None, lists and dicts with string keys."""


@dataclass(frozen=True)
class Column:
    """One column of the user's data.

    Attributes
    ----------
    name
        As in the data frame.
    kind
        ``"number"``, ``"category"`` (categorical, enum), ``"text"``, ``"bool"``, ``"array"`` (an image, a series, a
        spectrum a row) or ``"other"`` (dates, lists of different lengths).
    values
        ``(obs,)``: float64 or int64 for numbers, bool, or for text and categories int64 codes into ``levels``
        (-1 is missing). Of arrays ``(obs, …)``: float32 where that holds the data's own type exactly, else float64. Read-only.
    levels
        Labels of text (sorted) and categories (in their declared order); None otherwise.
    ordered
        Whether the data declare the levels' order.
    missing
        ``(obs,)`` bool, or None if no value is missing; an array of which one number is missing is missing.
    declared
        All labels of categories in their declared order, where no row has some of them, so that ``levels`` lacks these; else
        None. A predictor can learn nothing of a level without rows, but the scale of an ordered response has it.
    labels
        Of arrays with one axis beside the rows, what the data call its places; None where they do not say.
    gaps
        ``(obs,)`` bool: the rows in which it is missing and comes from its own model, so that what stands there is not to be
        used; None without such.
    """

    name: str
    kind: str
    values: np.ndarray
    levels: tuple[Any, ...] | None = None
    ordered: bool = False
    missing: np.ndarray | None = None
    declared: tuple[Any, ...] | None = None
    labels: tuple[Any, ...] | None = None
    gaps: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of one row: ``()`` but for arrays."""
        return self.values.shape[1:]


@dataclass(frozen=True)
class ArrayPart:
    """Which number of an array column a response is.

    Attributes
    ----------
    column
        The array's name.
    place, width
        Which of how many, from 0.
    label
        What it reads in the data; None where they have no labels.
    """

    column: str
    place: int
    width: int
    label: str | None = None


@dataclass(frozen=True, eq=False)
class Filled:
    """Rows in which any values stand where some are missing.

    Attributes
    ----------
    context
        The rows as a term sees them; itself where nothing is missing.
    missing
        By column, the rows ``(obs,)`` in which it is missing; columns that are there in all rows are left out.
    by_expression
        Of each expression the rows ``(obs,)`` in which one of its columns is missing.
    learned
        JSON from which other rows are filled, of which none may have a value.
    """

    context: Any
    missing: Mapping[str, np.ndarray]
    by_expression: tuple[np.ndarray, ...]
    learned: Json


@dataclass(frozen=True)
class Category:
    """A column, or an expression such as ``C(g)``, as a category.

    Attributes
    ----------
    codes
        ``(obs,)`` of int64 into ``levels``.
    levels
        Those of the training rows, in the order the data declare, else sorted.
    ordered
        Whether the data declare the levels' order, or what made the category gives them one.
    declared
        All levels that the data declare, in their order, also those that no row has; ``levels`` where they declare none.
    learned
        JSON from which other rows get the same codes.
    """

    codes: np.ndarray
    levels: tuple[Any, ...]
    ordered: bool
    declared: tuple[Any, ...]
    learned: Json


@dataclass(frozen=True)
class Frame:
    """The user's data as columns, whatever data frame they came from.

    Attributes
    ----------
    columns
        By name, in the data's order.
    rows
        Number of rows.
    index
        Labels of the rows (a pandas index), or None: predictions carry it.
    """

    columns: Mapping[str, Column]
    rows: int
    index: Any = None


@dataclass(frozen=True, eq=False)
class Matrix:
    """A labelled table that was given with the data: a covariance of levels, or which of them are neighbours.

    Attributes
    ----------
    labels
        Of rows and columns, in this order ``(level,)``.
    values
        ``(level, level)``, symmetric; positive definite, or not negative and 0 on the diagonal; read-only.
    """

    labels: tuple[Any, ...]
    values: np.ndarray


@dataclass(frozen=True)
class TermColumns:
    """The columns ``start:stop`` of a design matrix that belong to one term.

    ``labels`` are the levels of a term that keeps a dimension (categorical, spline, polynomial); None for a
    single numeric column. ``kind`` is ``"numeric"`` or ``"categorical"``.
    """

    name: str
    start: int
    stop: int
    labels: tuple[Any, ...] | None
    kind: str = "numeric"


@dataclass(frozen=True)
class LearnedColumns:
    """A design matrix as learned from the training rows.

    Attributes
    ----------
    intercept
        Whether the predictor has an intercept; it is *not* a column of the matrix.
    terms
        In the order of the columns.
    means, sds
        Column means and standard deviations over the training rows ``(column,)``.
    state
        JSON from which the same columns are made again on other rows.
    """

    intercept: bool
    terms: tuple[TermColumns, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]
    state: Json = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.means)


@dataclass(frozen=True)
class Coding:
    """How a category becomes columns, as it is written in a formula: ``Sum``, ``Treatment("b")``."""

    name: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def _without_order(state: Json) -> bool:
    del state
    return False


@dataclass(frozen=True)
class Transform:
    """A function of columns in a formula. One file in ``transforms/`` defines one as ``TRANSFORM``.

    Attributes
    ----------
    name
        As written in formulas.
    learn
        ``learn(column, arguments, options) -> Json``: what must be remembered from the training rows.
        ``column`` is the first argument as a :class:`Column`; ``arguments`` are the further positional ones as
        numbers; ``options`` by keyword. Raises :class:`~bayesdeep.core.errors.FormulaError` on bad arguments;
        the text goes behind ``formula '…': name(…)``.
    apply
        ``apply(state, column) -> np.ndarray``: ``(obs,)`` or ``(obs, columns)`` of float64; for categorical ones
        int64 codes ``(obs,)`` into ``labels(state)``.
    labels
        ``labels(state)``: labels of the columns or levels; None for a single numeric column.
    categorical
        Whether the result is a category, to be coded by contrasts.
    of_numbers
        Of a category, whether it is made of numbers that stay numbers, as intervals are, while those that ``C()`` takes name
        levels.
    options
        Keywords it knows.
    stateless
        Whether rows can be transformed one by one without anything learned.
    example
        A call as it is written in a formula, on the columns that tests have: numbers ``x`` and ``z``, a category ``g``.
    aliases
        Names with a point in them by which it can be called as well: ``as.factor``.
    codings
        Names of codings that its further arguments may be: ``C(g, Sum)``.
    contrasts
        ``contrasts(state)``: what a category's levels are in columns ``(level, column)`` where they do not all have their own,
        and the columns' labels; None for indicators of all levels but the first.
    left_out
        ``left_out(state)``: the label of the level whose coefficient the coding leaves out as it follows from the others, and by
        what these are multiplied; None where there is no such level.
    ordered
        ``ordered(state)``: whether a category's levels have an order, from the lowest, as intervals of a number do.
    """

    name: str
    learn: Callable[[Column, tuple[Any, ...], Mapping[str, Any]], Json]
    apply: Callable[[Json, Column], np.ndarray]
    labels: Callable[[Json], tuple[Any, ...] | None]
    categorical: bool = False
    options: tuple[str, ...] = ()
    stateless: bool = False
    example: str = ""
    aliases: tuple[str, ...] = ()
    codings: tuple[str, ...] = ()
    contrasts: Callable[[Json], tuple[np.ndarray, tuple[str, ...]] | None] | None = None
    left_out: Callable[[Json], tuple[str, tuple[float, ...]] | None] | None = None
    of_numbers: bool = False
    ordered: Callable[[Json], bool] = _without_order


@dataclass(frozen=True)
class Gaps:
    """What an argument of a response function may lack.

    Attributes
    ----------
    missing
        Rows ``(obs,)`` in which it may be missing, since nothing is read from it there; None for no row.
    infinite
        Whether it may be infinite in other rows, too.
    hint
        What is said beside the count of values that are missing where they are needed.
    """

    missing: np.ndarray | None = None
    infinite: bool = False
    hint: str = ""


class ResponseContext(Protocol):
    """What a response function may ask for.

    Attributes
    ----------
    new
        Whether these are other rows than those that the model learns from.
    """

    new: bool

    def column(self, index: int) -> Column:
        """Return positional argument ``index`` (a column or an expression of columns); numbers become columns.

        Rows in which :attr:`ResponseFunction.gaps` lets it be missing are NaN, or -1 of codes, and marked as missing; when
        predicting, so are rows in which the data do not say what the prediction does not need.
        """
        ...

    def has(self, index: int) -> bool:
        """Return whether positional argument ``index`` was given."""
        ...

    def inner(self) -> Response:
        """Return the first argument read as a response of its own, so that ``weighted(censored(…), w)`` nests."""
        ...

    def option(self, name: str) -> Any:
        """Return a keyword option as Column, number or text; None if absent."""
        ...


@dataclass(frozen=True)
class ResponseFunction:
    """A function on the left of ``~``. One file in ``responses/`` defines one as ``RESPONSE``.

    Attributes
    ----------
    name
        As written in formulas.
    read
        ``read(context) -> Response`` for rows that have the response.
    needed_for_prediction
        Positions of the arguments that new rows must have because the *predictive distribution* depends on them
        (the number of trials, truncation bounds).
    mathematics
        ``mathematics(y, arguments, options) -> {…}``: what it says of row i in a model's mathematics, from the response and
        the further arguments and options as they are written for row i, as ``"wᵢ"``. ``"y"`` is another response, ``"n"`` the
        number of trials, ``"line"`` a line below the distribution.
    gaps
        ``gaps(context) -> {argument: Gaps}``, by position or option: what may be missing or infinite. Values that are
        missing in ``context`` are marked as missing there. None: nothing may be.
    example
        A left side as it is written in a formula, on the columns that tests have: a number ``y`` and its ``upper`` end,
        ``status`` of censoring, weights ``w``, bounds ``low``, counts ``k``, ``a`` and ``b`` and numbers of trials ``n``, a
        category ``g``.
    indexed
        Name of its option that a level in brackets behind a column gives, ``g[A]``, of the one function that is written so too.
    """

    name: str
    read: Callable[[ResponseContext], Response]
    needed_for_prediction: tuple[int, ...] = ()
    mathematics: Callable[[str, tuple[str, ...], Mapping[str, str]], Mapping[str, str]] | None = None
    gaps: Callable[[ResponseContext], Mapping[int | str, Gaps]] | None = None
    example: str = ""
    indexed: str = ""
