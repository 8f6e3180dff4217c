"""Tokens to syntax trees, by precedence climbing in R's order of operations."""

from dataclasses import replace
from math import inf
from typing import Literal

from bayesdeep.core.errors import FormulaError, nearest

from .calls import callable_kind, check_arguments, check_response
from .lexer import Token, number, tokenize
from .nodes import (
    Binary,
    Call,
    Dot,
    Expression,
    Name,
    Number,
    Parsed,
    Sequence,
    Text,
    Unary,
    Unknown,
)
from .problems import quote
from .reader import Part, Reader
from .unexpected import no_operand
from .vocabulary import ASIS, COMPARISONS, NONLINEAR, Kind
from .walk import every_node

_ALGEBRA = {"+": 1, "-": 1, "*": 2, "/": 2, ":": 3}
_ARITHMETIC = {"+": 1, "-": 1, "*": 2, "/": 2}
_COMPARING = 3
_LOGIC = {"|": 1, "&": 2, **dict.fromkeys(COMPARISONS, _COMPARING), "+": 4, "-": 4, "*": 5, "/": 5}
_JOINED = {"|": "or", "&": "and"}
_TRUTH = {"True": 1, "TRUE": 1, "False": 0, "FALSE": 0}
_MAX_EXPONENT = 100
INFINITE = frozenset({"inf", "Inf"})
"""Names of a number, not of a column, among the arguments of a response function, ``truncated(y, 0, inf)``, and in lists."""


def parse(text: str, response: Literal["required", "none"] = "required", unknowns: tuple[str, ...] = ()) -> Parsed:
    """Read a formula.

    Parameters
    ----------
    text
        ``"y ~ x + (1 | g)"``.
    response
        ``"required"`` for a model's formula; ``"none"`` for the formula of another parameter, ``"~ x"``.
    unknowns
        Parameters of a non-linear formula, whose right side is then arithmetic: ``"y ~ a * exp(-t / b)"``.

    Returns
    -------
    Parsed
        The syntax trees of the two sides. No function has been called and no data have been seen.
    """
    if not isinstance(text, str):
        raise FormulaError(f"formula must be text such as 'y ~ x', not {type(text).__name__}")
    plain = str(text)
    return _Parser(plain, tokenize(plain), frozenset(unknowns)).formula(response)


def parse_parameter(text: str) -> Parsed:
    """Read the formula of another parameter, ``"~ x"``."""
    return parse(text, response="none")


class _Parser(Reader):
    """Reads one formula, a method for each rule of the grammar."""

    def formula(self, response: Literal["required", "none"]) -> Parsed:
        """Read both sides."""
        shape = "y ~ x" if response == "required" else "~ x"
        if not any(t.is_operator("~") for t in self.tokens):
            raise self.problem(self.tokens[0].start, f"there is no '~'; write a formula as '{shape}'")
        if response == "none" and not self.token.is_operator("~"):
            raise self.problem(self.token.start, "a parameter's formula has no left side; write it as '~ x'")
        left = None if self.token.is_operator("~") else self.response()
        if left is None and response == "required":
            raise self.problem(self.token.start, "expected a response left of '~'; write 'y ~ x'")
        self.advance()
        self.side = "right"
        right = self.arithmetic() if self.unknowns else self.expression(0)
        if self.token.kind != "end":
            raise self.unexpected()
        return Parsed(self.text, left.node if left else None, right.node)

    def arithmetic(self) -> Part:
        """Read the right side of a non-linear formula: one expression, as it would be inside ``I()``, that is a term."""
        self.inside = "builtin"
        part = self.expression(0)
        self.inside = None
        source = self.source(part.start, part.end)
        return Part(Call(NONLINEAR, (part.node,), (), source, part.start), part.start, part.end, part.depth)

    def response(self) -> Part:
        """Read the left side, up to ``~``."""
        left = self.expression(0)
        if not self.token.is_operator("~"):
            raise self.unexpected("'~'")
        check_response(self.text, left.node, left.start, self.words)
        return left

    def expression(self, minimum: int) -> Part:
        """Read operators that bind at least as tightly as ``minimum``, from left to right."""
        algebra = self.inside is None and self.side == "right"
        binding = _ALGEBRA if algebra else _LOGIC if self.logic else _ARITHMETIC
        left, compared = self.signed(), False
        while self.token.kind == "operator" and binding.get(self.token.text, -1) >= minimum:
            operator = self.advance()
            if operator.text in COMPARISONS and compared:
                raise self.problem(operator.start, "comparisons are joined by &, as in I((0 < x) & (x < 5))")
            compared = operator.text in COMPARISONS
            right = self.expression(binding[operator.text] + 1)
            left = self.binary(operator, left, right)
        return left

    def signed(self) -> Part:
        """Read an operand with its signs."""
        denied = self.logic and self.token.is_operator("~", "!")
        if not denied and not self.token.is_operator("+", "-"):
            return self.power()
        sign = self.advance()
        self.descend(sign)
        # R's ! stands before a whole comparison, Python's ~ before one operand.
        part = self.expression(_COMPARING) if sign.text == "!" else self.signed()
        self.nesting -= 1
        node = Unary("not" if denied else sign.text, part.node, self.source(sign.start, part.end), sign.start)
        return self.bounded(Part(node, sign.start, part.end, part.depth + 1), sign)

    def power(self) -> Part:
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
        varies = any(isinstance(node, Name | Unknown) for root in (base, exponent) for node in every_node(root))
        if varies or self.inside is None:
            return
        plain = isinstance(base, Number) and isinstance(exponent, Number)
        if not plain or (isinstance(exponent, Number) and exponent.value > _MAX_EXPONENT):
            raise self.problem(operator.start, "write the power of a number as the number it is")

    def binary(self, operator: Token, left: Part, right: Part, shared: str = "") -> Part:
        joined = _JOINED.get(operator.text, operator.text) if self.logic else operator.text
        node = Binary(joined, left.node, right.node, self.source(left.start, right.end), left.start, shared)
        return self.bounded(Part(node, left.start, right.end, max(left.depth, right.depth) + 1), operator)

    def operand(self) -> Part:
        """Read a name, a number, a call or a bracket."""
        token = self.token
        if token.kind in ("name", "quoted"):
            called = self.called()
            beside = self.constant or (self.inside == "response" and not self.opens())
            unbounded = token.kind == "name" and token.text in INFINITE and beside
            unknown = self.side == "right" and called is None and token.text in self.unknowns
            named = Unknown(token.text) if unknown else Name(token.text)
            leaf: Name | Unknown | Number = Number(inf) if unbounded else named
            if self.logic and token.kind == "name" and token.text in _TRUTH:
                leaf = Number(_TRUTH[token.text])
            part = self.leaf(leaf) if called is None else self.call(called)
            if called is None and isinstance(leaf, Name) and self.side == "left" and self.token.is_operator("["):
                part = self.level(part)
        elif token.kind == "number":
            part = self.leaf(Number(number(token)))
        elif token.is_operator(".") and self.inside is None and self.side == "right":
            part = self.leaf(Dot())
        elif token.is_operator("("):
            part = self.bracket()
        elif token.kind == "text" and self.compares():
            part = self.leaf(Text(token.text))
        else:
            raise no_operand(self.text, self.tokens, self.position, self.inside)
        follower = self.token
        if follower.kind in ("name", "quoted", "number", "text") or follower.is_operator(".", "[", "("):
            raise self.unexpected()
        return part

    def level(self, column: Part) -> Part:
        """Read ``[A]`` behind a column of the left side: the level that counts as success."""
        if self.words.indexed is None or self.inside not in (None, "response"):
            raise self.unexpected()
        opening = self.advance()
        sign = self.advance() if self.token.is_operator("-") and self.following.kind == "number" else None
        if self.token.kind not in ("name", "quoted", "text", "number"):
            message = "expected the level that counts as success, as in g[A] or g[\"a b\"]"
            raise self.problem(self.token.start, message)
        token, (function, option) = self.advance(), self.words.indexed
        if token.kind == "number":
            given: Number | Text = Number(number(token) * (1 if sign is None else -1))
        else:
            given = Text(token.text)
        end = self.close(opening, "]")
        options = ((option, replace(given, source=self.source((sign or token).start, token.end), start=token.start)),)
        node = Call(function, (column.node,), options, self.source(column.start, end), column.start)
        return Part(node, column.start, end, 1)

    def opens(self) -> bool:
        """Return whether the token is the first one inside a bracket: there stands the response itself."""
        return self.tokens[self.position - 1].is_operator("(")

    def compares(self) -> bool:
        """Return whether the token is one side of ``==`` or ``!=``."""
        beside = (self.tokens[self.position - 1], self.following)
        return self.logic and any(token.is_operator("==", "!=") for token in beside)

    def bracket(self) -> Part:
        """Read ``( … )``; the only place where ``|`` can stand."""
        opening = self.advance()
        self.descend(opening)
        part = self.expression(0)
        if self.token.is_operator("|", "||") and self.inside is None and self.side == "right":
            bar, before = self.advance(), self.beyond
            shared = self.shared(bar)
            self.beyond = True
            part = self.binary(bar, part, self.expression(0), shared)
            self.beyond = before
        end = self.close(opening, ")")
        self.nesting -= 1
        return Part(part.node, opening.start, end, part.depth)

    def shared(self, bar: Token) -> str:
        """Read the name between two bars, ``(1 |p| g)``, under which effects are correlated with others; empty for none."""
        name, after = self.token, self.following
        named = bar.is_operator("|") and name.kind == "name" and after.is_operator("|")
        # With spaces between them, (x | g | h), these are two bars of which one is too many.
        if not (named and bar.end == name.start and name.end == after.start):
            return ""
        self.advance()
        self.advance()
        return name.text

    def call(self, name: Token) -> Part:
        """Read ``function(argument, …, option=value, …)``."""
        around = self.inside, self.logic, self.within
        while self.token.start < name.end:
            self.advance()
        if self.unknowns and self.side == "right" and self.words.kind(name.text) in ("term", "grouping", "member"):
            raise self.problem(name.start, self.elsewhere(f"{name.text}() is a term, and stands", f"{name.text}(x)"))
        kind = callable_kind(self.text, name, self.words, self.side, self.inside, self.beyond, self.within)
        opening = self.advance()
        self.descend(opening)
        self.inside, self.logic, self.within = kind, name.text == ASIS, name.text
        arguments: list[Part] = []
        options: dict[str, Part] = {}
        while not self.token.is_operator(")") or arguments or options:
            if self.token.kind == "name" and self.following.is_operator("="):
                self.option(options)
            elif options:
                raise self.problem(self.token.start, "arguments stand before the options")
            else:
                arguments.append(self.argument(kind, name.text))
            if not self.token.is_operator(","):
                break
            self.advance()
        end = self.close(opening, ")")
        self.inside, self.logic, self.within = around
        self.nesting -= 1
        values = tuple((key, part.node) for key, part in options.items())
        source = self.source(name.start, end)
        node = Call(name.text, tuple(part.node for part in arguments), values, source, name.start)
        check_arguments(self.text, node, kind)
        depth = max(part.depth for part in (*arguments, *options.values())) + 1
        return self.bounded(Part(node, name.start, end, depth), name)

    def argument(self, kind: Kind, function: str) -> Part:
        """Read an argument; ``.`` alone means all other columns to a term such as ``net(.)``."""
        if kind == "term" and self.token.is_operator(".") and self.following.is_operator(",", ")"):
            return self.leaf(Dot())
        further = kind == "transform" and not self.opens()
        codings = self.words.codings.get(function, ())
        if further and self.token.kind == "name" and self.token.text in codings:
            return self.coding()
        if further and codings and self.token.kind == "name" and self.following.is_operator(",", ")", "("):
            known = nearest(self.token.text, codings)
            raise self.problem(self.token.start, f"{quote(self.token.text)} is no coding of a category{known}")
        return self.value() if further else self.expression(0)

    def coding(self) -> Part:
        """Read how a category becomes columns: ``Sum``, ``Treatment("b")``."""
        name, options = self.advance(), dict[str, Part]()
        arguments: list[Part] = []
        end = name.end
        if self.token.is_operator("("):
            opening = self.advance()
            while not self.token.is_operator(")"):
                if self.token.kind == "name" and self.following.is_operator("="):
                    self.option(options)
                else:
                    arguments.append(self.value())
                if not self.token.is_operator(","):
                    break
                self.advance()
            end = self.close(opening, ")")
        values = tuple((key, part.node) for key, part in options.items())
        node = Call(name.text, tuple(part.node for part in arguments), values, self.source(name.start, end), name.start)
        return Part(node, name.start, end)

    def option(self, options: dict[str, Part]) -> None:
        """Read ``name=value`` into the options."""
        name, _ = self.advance(), self.advance()
        if name.text in options:
            raise self.problem(name.start, f"the option {quote(name.text)} is given twice")
        options[name.text] = self.value()

    def at_tuple(self) -> bool:
        """Return whether the token opens a tuple, ``(8, 4)``, which is a list as Python has it as well."""
        depth = 0
        for token in self.tokens[self.position :]:
            depth += token.is_operator("(", "[") - token.is_operator(")", "]")
            if depth == 0:
                return False
            if depth == 1 and token.is_operator(","):
                return True
        return False

    def value(self) -> Part:
        """Read an option's value: a text, a list or arithmetic."""
        if self.token.kind == "text":
            return self.leaf(Text(self.token.text))
        bracket = "]" if self.token.is_operator("[") else ")" if self.at_tuple() else None
        if bracket is None:
            return self.expression(0)
        opening = self.advance()
        self.descend(opening)
        items: list[Part] = []
        around, self.constant = self.constant, True
        while not self.token.is_operator(bracket) or (items and bracket == "]"):
            items.append(self.value())
            if not self.token.is_operator(","):
                break
            self.advance()
        end = self.close(opening, bracket)
        self.constant = around
        self.nesting -= 1
        nodes = tuple(part.node for part in items)
        depth = max((part.depth for part in items), default=0) + 1
        node = Sequence(nodes, self.source(opening.start, end), opening.start)
        return Part(node, opening.start, end, depth)
