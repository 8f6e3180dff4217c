"""Tokens to syntax trees, by precedence climbing in R's order of operations."""

from dataclasses import dataclass, replace
from typing import Literal

from ..core.errors import FormulaError
from .calls import Side, callable_kind, check_arguments, check_response
from .lexer import MAX_NESTING, Token, number, tokenize
from .nodes import Binary, Call, Dot, Expression, Name, Number, Parsed, Sequence, Text, Unary
from .problems import problem, quote, shorten
from .unexpected import after_operand, no_operand
from .walk import columns
from .words import Kind, allowed

# The algebra of terms; unary signs bind tighter than all of these and ``**`` tighter still, as in R.
_ALGEBRA = {"+": 1, "-": 1, "*": 2, "/": 2, ":": 3}
_ARITHMETIC = {"+": 1, "-": 1, "*": 2, "/": 2}
# Later stages walk an argument's arithmetic by recursion, so its depth is bounded here.
_MAX_OPERATIONS = 100
_MAX_EXPONENT = 100


@dataclass(frozen=True, slots=True)
class _Part:
    """A node, where its text begins and ends with its brackets, and how deep its tree is."""

    node: Expression
    start: int
    end: int
    depth: int = 0


def parse(text: str, response: Literal["required", "none"] = "required") -> Parsed:
    """Read a formula.

    Parameters
    ----------
    text
        ``"y ~ x + (1 | g)"``.
    response
        ``"required"`` for a model's formula; ``"none"`` for the formula of another parameter, ``"~ x"``.

    Returns
    -------
    Parsed
        The syntax trees of the two sides. No function has been called and no data have been seen.
    """
    if not isinstance(text, str):
        shown = shorten(repr(text), 60)
        raise FormulaError(f"formula {shown}: expected text such as 'y ~ x', not {type(text).__name__}")
    plain = str(text)
    return _Parser(plain, tokenize(plain)).formula(response)


class _Parser:
    """Reads one formula; the position in the tokens is its only state."""

    def __init__(self, text: str, tokens: tuple[Token, ...]) -> None:
        self.text, self.tokens, self.words = text, tokens, allowed()
        self.position, self.nesting = 0, 0
        self.side: Side = "left"
        self.inside: Kind | None = None
        self.tidy, self.offsets = _tidy(text, tokens)

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    @property
    def following(self) -> Token:
        return self.tokens[min(self.position + 1, len(self.tokens) - 1)]

    def advance(self) -> Token:
        token = self.token
        self.position += 1
        return token

    def problem(self, start: int, message: str) -> FormulaError:
        return problem(self.text, start, message)

    def source(self, start: int, end: int) -> str:
        return self.tidy[self.offsets[start] : self.offsets[end]]

    def formula(self, response: Literal["required", "none"]) -> Parsed:
        """Read both sides."""
        shape = "y ~ x" if response == "required" else "~ x"
        if not any(t.is_operator("~") for t in self.tokens):
            raise self.problem(self.tokens[0].start, f"there is no '~'; write a formula as '{shape}'")
        left = None if self.token.is_operator("~") else self.response()
        if left is None and response == "required":
            raise self.problem(self.token.start, "expected a response left of '~'; write 'y ~ x'")
        if left is not None and response == "none":
            raise self.problem(left.start, "a parameter's formula has no left side; write it as '~ x'")
        self.advance()
        self.side = "right"
        right = self.expression(0)
        if self.token.kind != "end":
            raise self.unexpected()
        return Parsed(self.text, left.node if left else None, right.node)

    def response(self) -> _Part:
        """Read the left side, up to ``~``."""
        left = self.expression(0)
        if not self.token.is_operator("~"):
            raise self.unexpected("'~'")
        check_response(self.text, left.node, left.start, self.words)
        return left

    def expression(self, minimum: int) -> _Part:
        """Read operators that bind at least as tightly as ``minimum``, from left to right."""
        algebra = self.inside is None and self.side == "right"
        binding = _ALGEBRA if algebra else _ARITHMETIC
        left = self.signed()
        while self.token.kind == "operator" and binding.get(self.token.text, -1) >= minimum:
            operator = self.advance()
            right = self.expression(binding[operator.text] + 1)
            left = self.binary(operator, left, right)
        return left

    def signed(self) -> _Part:
        """Read an operand with its signs."""
        if not self.token.is_operator("+", "-"):
            return self.power()
        sign = self.advance()
        self.descend(sign)
        part = self.signed()
        self.nesting -= 1
        node = Unary(sign.text, part.node, self.source(sign.start, part.end), sign.start)
        return self.bounded(_Part(node, sign.start, part.end, part.depth + 1), sign)

    def power(self) -> _Part:
        """Read an operand and its exponent; ``a**b**c`` is ``a**(b**c)``."""
        base = self.operand()
        if not self.token.is_operator("**"):
            return base
        operator = self.advance()
        self.descend(operator)
        exponent = self.signed()
        self.nesting -= 1
        self.check_power(operator, base.node, exponent.node)
        return self.binary(operator, base, exponent)

    def check_power(self, operator: Token, base: Expression, exponent: Expression) -> None:
        """Refuse towers of whole numbers, which could fill the memory of whoever works them out."""
        if columns(base) or columns(exponent) or self.inside is None:
            return
        plain = isinstance(base, Number) and isinstance(exponent, Number)
        if not plain or (isinstance(exponent, Number) and exponent.value > _MAX_EXPONENT):
            raise self.problem(operator.start, "write the power of a number as the number it is")

    def binary(self, operator: Token, left: _Part, right: _Part) -> _Part:
        node = Binary(operator.text, left.node, right.node, self.source(left.start, right.end), left.start)
        return self.bounded(_Part(node, left.start, right.end, max(left.depth, right.depth) + 1), operator)

    def bounded(self, part: _Part, operator: Token) -> _Part:
        """Return the part unless it is arithmetic that goes on for too long."""
        if part.depth > _MAX_OPERATIONS and (self.inside is not None or self.side == "left"):
            message = f"more than {_MAX_OPERATIONS} operations in one argument; add a column to the data"
            raise self.problem(operator.start, message)
        return part

    def descend(self, token: Token) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self.problem(token.start, f"nested deeper than {MAX_NESTING}")

    def operand(self) -> _Part:
        """Read a name, a number, a call or a bracket."""
        token = self.token
        if token.kind in ("name", "quoted"):
            called = token.kind == "name" and self.following.is_operator("(")
            part = self.call() if called else self.leaf(Name(token.text))
        elif token.kind == "number":
            part = self.leaf(Number(number(token)))
        elif token.is_operator(".") and self.inside is None and self.side == "right":
            part = self.leaf(Dot())
        elif token.is_operator("("):
            part = self.bracket()
        else:
            raise no_operand(self.text, self.tokens, self.position, self.inside)
        follower = self.token
        if follower.kind in ("name", "quoted", "number", "text") or follower.is_operator(".", "[", "("):
            raise self.unexpected()
        return part

    def leaf(self, node: Name | Number | Dot | Text) -> _Part:
        token = self.advance()
        placed = replace(node, source=self.source(token.start, token.end), start=token.start)
        return _Part(placed, token.start, token.end)

    def bracket(self) -> _Part:
        """Read ``( … )``; the only place where ``|`` can stand."""
        opening = self.advance()
        self.descend(opening)
        part = self.expression(0)
        if self.token.is_operator("|", "||") and self.inside is None and self.side == "right":
            bar = self.advance()
            part = self.binary(bar, part, self.expression(0))
        end = self.close(opening, ")")
        self.nesting -= 1
        return _Part(part.node, opening.start, end, part.depth)

    def close(self, opening: Token, bracket: str) -> int:
        """Read the closing bracket and return where it ends."""
        if not self.token.is_operator(bracket):
            raise self.unexpected(f"'{bracket}' for the '{opening.text}' at character {opening.start + 1}")
        return self.advance().end

    def call(self) -> _Part:
        """Read ``function(argument, …, option=value, …)``."""
        name, around = self.advance(), self.inside
        kind = callable_kind(self.text, name, self.words, self.side, around)
        opening = self.advance()
        self.descend(opening)
        self.inside = kind
        arguments: list[_Part] = []
        options: dict[str, _Part] = {}
        while not self.token.is_operator(")") or arguments or options:
            if self.token.kind == "name" and self.following.is_operator("="):
                self.option(options)
            elif options:
                raise self.problem(self.token.start, "an argument without a name must stand before the options")
            else:
                arguments.append(self.argument(kind))
            if not self.token.is_operator(","):
                break
            self.advance()
        end = self.close(opening, ")")
        self.inside = around
        self.nesting -= 1
        values = tuple((key, part.node) for key, part in options.items())
        source = self.source(name.start, end)
        node = Call(name.text, tuple(part.node for part in arguments), values, source, name.start)
        check_arguments(self.text, node, kind)
        depth = max(part.depth for part in (*arguments, *options.values())) + 1
        return self.bounded(_Part(node, name.start, end, depth), name)

    def argument(self, kind: Kind) -> _Part:
        """Read an argument; ``.`` alone means all other columns to a term such as ``net(.)``."""
        if kind == "term" and self.token.is_operator(".") and self.following.is_operator(",", ")"):
            return self.leaf(Dot())
        return self.expression(0)

    def option(self, options: dict[str, _Part]) -> None:
        """Read ``name=value`` into the options."""
        name, equals = self.advance(), self.advance()
        if self.token.is_operator("="):
            raise self.problem(equals.start, "a formula has no comparisons")
        if name.text in options:
            raise self.problem(name.start, f"the option {quote(name.text)} is given twice")
        options[name.text] = self.value()

    def value(self) -> _Part:
        """Read an option's value: a text, a list or arithmetic."""
        if self.token.kind == "text":
            return self.leaf(Text(self.token.text))
        if not self.token.is_operator("["):
            return self.expression(0)
        opening = self.advance()
        self.descend(opening)
        items: list[_Part] = []
        while not self.token.is_operator("]") or items:
            items.append(self.value())
            if not self.token.is_operator(","):
                break
            self.advance()
        end = self.close(opening, "]")
        self.nesting -= 1
        nodes = tuple(part.node for part in items)
        depth = max((part.depth for part in items), default=0) + 1
        return _Part(Sequence(nodes, self.source(opening.start, end), opening.start), opening.start, end, depth)

    def unexpected(self, wanted: str = "") -> FormulaError:
        return after_operand(self.text, self.tokens, self.position, self.inside, wanted)


def _tidy(text: str, tokens: tuple[Token, ...]) -> tuple[str, dict[int, int]]:
    """Return the text with blanks collapsed, and where each token's start and end lie in it."""
    pieces: list[str] = []
    offsets: dict[int, int] = {}
    length, previous = 0, tokens[0].start
    for token in tokens:
        if token.start > previous:
            pieces.append(" ")
            length += 1
        offsets[token.start] = length
        pieces.append(text[token.start : token.end])
        length += token.end - token.start
        offsets[token.end] = length
        previous = token.end
    return "".join(pieces), offsets
