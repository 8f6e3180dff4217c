"""What a formula is once it is read: frozen records that remember where in the text they stood.

Two levels. *Expressions* are the syntax tree of one side of ``~``. A *Formula* is the same thing multiplied
out: which products of factors the predictor adds up, which of them vary by group, which special terms there are.
Equality ignores positions and spelling, so ``log( x )`` and ``log(x)`` are one term.
"""

from dataclasses import dataclass, field

from bayesdeep.core.names import posterior_name


@dataclass(frozen=True, slots=True)
class Number:
    """A number as typed; whole numbers are ``int``."""

    value: float | int
    source: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string, used only as an option's value (``activation="tanh"``)."""

    value: str
    source: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A column of the data; backticks allow any characters."""

    name: str
    source: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A parameter of a non-linear formula: a number that no column holds, and that has a formula of its own."""

    name: str
    source: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Dot:
    """``.``: all other columns."""

    source: str = field(default=".", compare=False)
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A bracketed list of expressions, ``[32, 32]``."""

    items: tuple["Expression", ...]
    source: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an allowed name: ``function(*arguments, **options)``.

    ``by`` has the products that a term's call is multiplied with, the empty one where it stands by itself too; nothing where it
    stands by itself only.
    """

    function: str
    arguments: tuple["Expression", ...]
    options: tuple[tuple[str, "Expression"], ...] = ()
    source: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)
    by: tuple[tuple["Expression", ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` or ``+x``; ``not`` of a comparison, written ``~`` or ``!``."""

    operator: str
    operand: "Expression"
    source: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``; operators are ``+ - * / : ** | ||``, and inside ``I()`` ``< <= > >= == !=``, ``and`` and ``or``.

    ``x | z`` of two comparisons is ``or``, so that ``|`` always is the bar of a group-level term. ``shared`` is the name in
    ``(1 |p| g)``.
    """

    operator: str
    left: "Expression"
    right: "Expression"
    source: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)
    shared: str = ""


Expression = Number | Text | Name | Unknown | Dot | Sequence | Call | Unary | Binary

Product = tuple[Expression, ...]
"""Factors multiplied with each other (``a:b``); the empty product is the intercept."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A formula's two sides as syntax trees. ``response`` is None for ``"~ x"``.

    The right side of a non-linear formula is one call of the term ``nonlinear``. ``group_sds`` has the formulas of its groups'
    standard deviations by the posterior names of these, ``1|g_sigma``.
    """

    text: str
    response: Expression | None
    predictor: Expression
    group_sds: tuple[tuple[str, "Parsed"], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """``(terms | factor)``: coefficients that vary by the levels of ``factor``.

    Those of all terms with the same ``shared`` name, ``(terms |p| factor)``, are correlated with each other.
    """

    intercept: bool
    products: tuple[Product, ...]
    factor: Product
    correlated: bool
    specials: tuple[Call, ...] = ()
    source: str = field(default="", compare=False)
    start: int = field(default=0, compare=False)
    shared: str = ""

    @property
    def call(self) -> Call | None:
        """Return the call that says how rows are grouped; None where columns do."""
        first = self.factor[0]
        return first if isinstance(first, Call) else None


@dataclass(frozen=True, slots=True)
class Varying:
    """``(net(x) | factor)``: a special term of which every level of ``factor`` has its own version."""

    call: Call
    factor: Product
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Formula:
    """A predictor multiplied out.

    Attributes
    ----------
    text
        The formula as typed.
    response
        A :class:`Name` or a :class:`Call` of a response function; None in ``parameter_formulas``.
    intercept
        Whether the predictor has a population-level intercept.
    products
        Population-level products in R's order: by number of factors, then as written. Without the intercept.
    groups
        Group-level terms; ``(1 | a/b)`` has become two.
    specials
        Calls of terms that are not columns of a design matrix: ``offset()``, ``net()``.
    """

    text: str
    response: Expression | None
    intercept: bool
    products: tuple[Product, ...]
    groups: tuple[Group, ...] = ()
    specials: tuple[Call, ...] = ()


def label(product: Product) -> str:
    """Return a product's name as the posterior shows it, ``a:log(x)``; ``1`` for the intercept."""
    names = (factor.name if isinstance(factor, Name) else factor.source for factor in product)
    return posterior_name(":".join(names)) or "1"
