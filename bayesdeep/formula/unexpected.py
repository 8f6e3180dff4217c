"""What to say when a token stands where it cannot."""

from bayesdeep.core.errors import FormulaError

from .elsewhere import attribute, beside_bar
from .lexer import Token
from .problems import problem, quote, shorten
from .vocabulary import COMPARISONS, Kind, allowed


def no_operand(text: str, tokens: tuple[Token, ...], position: int, inside: Kind | None) -> FormulaError:
    """Return the error for a token where a name, a number or a bracket was expected."""
    token = tokens[position]
    previous = tokens[position - 1] if position else None
    where = f" after {quote(text[previous.start : previous.end])}" if previous else ""
    if token.kind == "end":
        return problem(text, token.start, f"expected a term{where}, but the formula ends")
    if token.kind == "text":
        what = "a quoted text can only be an option's value, or be compared inside I() by == and !="
        return problem(text, token.start, f"{what}; a column goes in backticks or has no marks")
    if token.is_operator("["):
        return problem(text, token.start, "a list can only be an option's value, as in hidden=[32, 32]")
    if token.is_operator("."):
        return problem(text, token.start, "'.' (all other columns) can stand only as a term or in net(.)")
    if token.is_operator("&") and previous is not None and previous.is_operator("&"):
        return problem(text, token.start, "'and' is written with one sign, as in I((x > 0) & (z > 0))")
    if token.is_operator("~"):
        return problem(text, token.start, _second(tokens, position) or f"expected a term{where}, found '~'")
    return problem(text, token.start, f"expected a term{where}, found {quote(text[token.start : token.end])}")


def after_operand(
    text: str, tokens: tuple[Token, ...], position: int, inside: Kind | None, wanted: str = ""
) -> FormulaError:
    """Return the error for a token that cannot follow a complete operand; ``wanted`` is what could."""
    token = tokens[position]
    expected = f"expected {wanted or 'an operator such as +'}"
    special = _special(text, tokens, position, inside)
    if special:
        return problem(text, token.start, special)
    if token.kind == "end":
        return problem(text, token.start, f"{expected}, but the formula ends")
    if not wanted and token.is_operator(")", "]"):
        return problem(text, token.start, f"nothing was opened that this '{token.text}' could close")
    return problem(text, token.start, f"{expected}, found {quote(text[token.start : token.end])}")


def _special(text: str, tokens: tuple[Token, ...], position: int, inside: Kind | None) -> str:
    """Return a better text than "unexpected" for the mistakes we can name, else nothing."""
    token, previous = tokens[position], tokens[position - 1]
    touching = token.start == previous.end
    if touching and text[token.start : token.start + 1] == "." and token.kind in ("operator", "number"):
        return _attribute(text, tokens, position)
    if token.is_operator("||") and inside == "builtin":
        return "'or' is written with one sign, as in I((x > 0) | (z > 0))"
    if token.is_operator("|", "||"):
        if inside is None and not any(t.is_operator("~") for t in tokens[:position]):
            return f"'{token.text}' cannot stand left of '~'; {beside_bar(tokens[position + 1].text)}"
        if previous.kind == "number" and position > 1 and tokens[position - 2].is_operator("|"):
            named = f"|p{previous.text}|" if previous.text.isdigit() else "|p|"
            return f"what correlates effects of several terms has a name, not a number: write {named}, as in (1 {named} g)"
        return f"'{token.text}' can stand only inside brackets of its own, once, as in (1 + x | g)"
    if token.is_operator("~"):
        return _second(tokens, position)
    if token.is_operator(*COMPARISONS, "&", "!"):
        example = "I((x > 0) & (z > 0))" if token.is_operator("&") else f"I(x {token.text} …)"
        return f"a formula has no comparisons or logic outside of I(); write {example}"
    if token.is_operator("="):
        return "'=' can only give an option, as in net(x, hidden=[8])"
    if token.is_operator("["):
        right = any(t.is_operator("~") for t in tokens[:position])
        advice = 'rows with one level are I(g == "a")' if right else "g[A] names the level of a column that counts as success"
        return f"a formula has no indexing; {advice}"
    if token.is_operator("("):
        return "only functions can be called, by their plain name"
    if token.is_operator(":"):
        return "':' multiplies terms; here there is arithmetic, or the left side of '~'"
    return ""


def _attribute(text: str, tokens: tuple[Token, ...], position: int) -> str:
    """Say that there is no attribute access, and how to write a name with a point."""
    before, after = tokens[position - 1], tokens[position + 1]
    refusal = "a formula has no attribute access"
    if before.kind == "name" and after.kind == "name" and not after.text.startswith("__"):
        instead = attribute(before.text, after.text, tokens[position + 2].is_operator("("), allowed())
        if instead:
            return f"{refusal}; {instead}"
        name = text[before.start : after.end]
        return f"{refusal}; a column with a '.' in its name goes in backticks: `{shorten(name, 40)}`"
    return refusal


def _second(tokens: tuple[Token, ...], position: int) -> str:
    """Say that this is a second ``~``, or nothing if it is the first."""
    seen = any(t.is_operator("~") for t in tokens[:position])
    return "a formula has one '~'; this is the second" if seen else ""
