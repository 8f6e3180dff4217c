"""A cursor over the tokens of one formula, and the parts that are read from them."""

from dataclasses import dataclass, replace

from bayesdeep.core.errors import FormulaError

from .calls import Side
from .lexer import MAX_NESTING, Token
from .nodes import Dot, Expression, Name, Number, Text, Unknown
from .problems import problem
from .unexpected import after_operand
from .vocabulary import Kind, allowed

# Later stages walk an argument's arithmetic by recursion, so its depth is bounded here.
_MAX_OPERATIONS = 100


@dataclass(frozen=True, slots=True)
class Part:
    """A node, where its text begins and ends with its brackets, and how deep its tree is."""

    node: Expression
    start: int
    end: int
    depth: int = 0


class Reader:
    """Reads one formula's tokens; where it stands, how deep and inside what is all its state."""

    def __init__(self, text: str, tokens: tuple[Token, ...], unknowns: frozenset[str] = frozenset()) -> None:
        self.text, self.tokens, self.words, self.unknowns = text, tokens, allowed(), unknowns
        self.position, self.nesting = 0, 0
        self.side: Side = "left"
        self.inside: Kind | None = None
        self.within = ""
        self.beyond = False
        self.logic = False
        self.constant = False
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

    def called(self) -> Token | None:
        """Return the name in front of an opening bracket, ``np.log`` as ``log``; None where nothing is called."""
        first, point, last, opening = (*self.tokens[self.position : self.position + 4], *[self.tokens[-1]] * 3)[:4]
        if first.kind != "name" or point.is_operator("("):
            return first if first.kind == "name" else None
        together = first.end == point.start and point.end == last.start
        if not (point.is_operator(".") and last.kind == "name" and opening.is_operator("(") and together):
            return None
        plain = self.words.plain(f"{first.text}.{last.text}")
        return None if plain is None else Token("name", plain, first.start, last.end)

    def problem(self, start: int, message: str) -> FormulaError:
        return problem(self.text, start, message)

    def source(self, start: int, end: int) -> str:
        return self.tidy[self.offsets[start] : self.offsets[end]]

    def elsewhere(self, what: str, example: str) -> str:
        """Say that something stands in the formula of a parameter, and not in a non-linear one."""
        return f'{what} in a parameter\'s formula, nonlinear={{"{min(self.unknowns)}": "~ {example}"}}'

    def bounded(self, part: Part, operator: Token) -> Part:
        """Return the part unless it is arithmetic that goes on for too long."""
        if part.depth > _MAX_OPERATIONS and (self.inside is not None or self.side == "left"):
            message = f"more than {_MAX_OPERATIONS} operations in one argument; add a column to the data"
            raise self.problem(operator.start, message)
        return part

    def descend(self, token: Token) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self.problem(token.start, f"nested deeper than {MAX_NESTING}")

    def leaf(self, node: Name | Unknown | Number | Dot | Text) -> Part:
        token = self.advance()
        placed = replace(node, source=self.source(token.start, token.end), start=token.start)
        return Part(placed, token.start, token.end)

    def close(self, opening: Token, bracket: str) -> int:
        """Read the closing bracket and return where it ends."""
        if not self.token.is_operator(bracket):
            raise self.unexpected(f"'{bracket}' for the '{opening.text}' at character {opening.start + 1}")
        return self.advance().end

    def unexpected(self, wanted: str = "") -> FormulaError:
        if self.unknowns and self.side == "right" and self.token.is_operator("|", "||"):
            raise self.problem(self.token.start, self.elsewhere("effects of groups stand", "1 + (1 | g)"))
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
