"""Priors as text: ``"Normal(0, HalfNormal(1))"`` to a record. The text is data: it is read, never run."""

import ast
from typing import Any

from bayesdeep.core.errors import PriorError
from bayesdeep.core.priors import PriorSpec
from bayesdeep.priors import make_prior

MAX_CHARACTERS = 500


def read_prior(value: Any, where: str) -> PriorSpec:
    """Return the prior a text or a record stands for; ``where`` names the key in error texts.

    Raises
    ------
    PriorError
        When the text is not a known name with numbers, or the value is neither text nor prior.
    """
    if isinstance(value, PriorSpec):
        return value
    if not isinstance(value, str):
        raise PriorError(f'{where}: {value!r} is not a prior; write "Normal(0, 1)" or bd.priors.Normal(0, 1)')
    if len(value) > MAX_CHARACTERS:
        raise PriorError(f"{where}: the text is {len(value)} characters long; a prior is at most {MAX_CHARACTERS}")
    try:
        tree = ast.parse(value.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise PriorError(f"{where}: '{value}' cannot be read; write it like Normal(0, 1)") from error
    return _prior(tree, value, where)


def _prior(node: ast.expr, text: str, where: str) -> PriorSpec:
    if isinstance(node, ast.Name):
        return _named(node.id, (), {}, where)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise PriorError(f"{where}: '{text}' is not a prior; write it like Normal(0, 1)")
    if any(keyword.arg is None for keyword in node.keywords):
        raise PriorError(f"{where}: '{text}' has ** in it; write it like Normal(mu=0, sigma=1)")
    values = tuple(_argument(argument, text, where) for argument in node.args)
    options = {str(keyword.arg): _argument(keyword.value, text, where) for keyword in node.keywords}
    return _named(node.func.id, values, options, where)


def _named(name: str, values: tuple[Any, ...], options: dict[str, Any], where: str) -> PriorSpec:
    try:
        return make_prior(name, *values, **options)
    except PriorError as error:
        detail = str(error).removeprefix("prior").lstrip(": ")
        raise PriorError(f"{where}: {detail}") from None


def _argument(node: ast.expr, text: str, where: str) -> float | PriorSpec:
    sign = 1.0
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign, node = (-sign if isinstance(node.op, ast.USub) else sign), node.operand
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    ):
        try:
            return sign * float(node.value)
        except OverflowError:
            raise PriorError(f"{where}: a whole number in '{text[:60]}…' is too large") from None
    if isinstance(node, ast.Name) and node.id == "inf":
        return sign * float("inf")
    if isinstance(node, ast.Call) and sign == 1.0:
        return _prior(node, text, where)
    raise PriorError(f"{where}: '{ast.unparse(node)[:60]}' in '{text}' is neither a number nor a prior")
