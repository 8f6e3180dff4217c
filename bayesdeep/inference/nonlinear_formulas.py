"""The formulas of a non-linear model's parameters, checked before anything is read."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bayesdeep.core.errors import BayesdeepError, FormulaError, close_to
from bayesdeep.core.names import DIMENSIONS
from bayesdeep.core.records import Family
from bayesdeep.design.frame import read_frame
from bayesdeep.formula.nodes import Binary, Call, Expression, Name, Parsed, Unknown
from bayesdeep.formula.own import own_columns
from bayesdeep.formula.parser import parse
from bayesdeep.formula.problems import formula_of
from bayesdeep.formula.walk import every_node

EXAMPLE = '{"a": "~ 1 + (1 | g)", "b": "~ 1"}'


def read_nonlinear(formula: str, given: Any, family: Family) -> tuple[Parsed, dict[str, str], dict[str, Parsed]]:
    """Return a model's formula, and the texts and the syntax trees of its parameters' formulas, in the order given.

    Parameters
    ----------
    formula
        The model's formula.
    given
        Formulas by parameter; None, or none, for a formula that is a sum of terms.
    family
        The response distribution.

    Raises
    ------
    FormulaError
        For a name that cannot be a parameter's, a formula that is none, and a parameter that the formula does not use.
    """
    if not isinstance(given, Mapping | None):
        raise FormulaError(f"formula: nonlinear is {type(given).__name__}; give formulas by parameter, nonlinear={EXAMPLE}")
    texts = dict(given or {})
    for name, text in texts.items():
        _check(name, text, family)
    parsed = parse(formula, unknowns=tuple(texts))
    used = {node.name for node in every_node(parsed.predictor) if isinstance(node, Unknown)}
    for name in texts:
        if name not in used:
            raise FormulaError(f"formula '{formula}': '{name}' has a formula in nonlinear, and does not stand in this one")
    if texts and family.main.shape == "contrast":
        raise FormulaError(
            f"formula: a {family.name} response has a predictor for each level but one, and a non-linear formula is one of them"
        )
    if texts and family.components is not None:
        raise FormulaError("formula: a mixture has a predictor for each component, and a non-linear formula is one of them")
    trees = {}
    for name, text in texts.items():
        with formula_of(name):
            trees[name] = parse(text, response="none")
    return parsed, texts, trees


@contextmanager
def forgotten(formula: Any, data: Any, nonlinear: Any) -> Iterator[None]:
    """Let errors of a formula that is arithmetic of names that no column has say that these may be parameters.

    Parameters
    ----------
    formula, data, nonlinear
        The arguments of a model. With formulas of parameters there is nothing to add.
    """
    try:
        yield
    except FormulaError as error:
        if nonlinear or not isinstance(formula, str):
            raise
        try:
            names = _likely(formula, read_frame(data).columns)
        except BayesdeepError:
            names = ()
        if not names:
            raise
        said = f"'{names[0]}' is no column; is it a parameter? Then give its formula"
        if len(names) > 1:
            listed = f"{', '.join(f"'{name}'" for name in names[:-1])} and '{names[-1]}'"
            said = f"{listed} are no columns; are they parameters? Then give their formulas"
        given = ", ".join(f'"{name}": "~ 1"' for name in names)
        raise FormulaError(f"{error}\n{said}, nonlinear={{{given}}}") from None


def _likely(formula: str, columns: Iterable[str]) -> tuple[str, ...]:
    """Return names that may be parameters: no column has them or one like them, and some are multiplied, or in a function."""
    known = list(columns)
    parsed = parse(formula, unknowns=("",))
    right = parsed.predictor
    if parsed.response is None or any(name not in known for name in own_columns(parsed.response)):
        return ()
    names = tuple(dict.fromkeys(node.name for node in every_node(right) if isinstance(node, Name) and node.name not in known))
    if any(close_to(name, known) for name in names):
        return ()
    inside: list[Expression] = []
    for node in every_node(right):
        if (isinstance(node, Call) and node is not right) or (isinstance(node, Binary) and node.operator in ("*", "/", "**")):
            inside += every_node(node)
    return names if any(isinstance(node, Name) and node.name in names for node in inside) else ()


def _check(name: Any, text: Any, family: Family) -> None:
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_") or name in DIMENSIONS:
        raise FormulaError(f"formula: {name!r} cannot be the name of a parameter; take a word such as a, asymptote, k1")
    if family.parameter(name) is not None:
        raise FormulaError(
            f"formula: '{name}' is a parameter of family '{family.name}', and one of the formula needs another name; "
            f'formulas of the family\'s are given as {name}="~ x"'
        )
    if not isinstance(text, str):
        raise FormulaError(f'formula: nonlinear: {name} is {text!r}, and no formula such as "~ 1 + x"')


def refuse_links(link: Any, nonlinear: Mapping[str, str]) -> None:
    """Refuse links of a formula's parameters: the formula says what is done with them."""
    for name in link if isinstance(link, Mapping) else ():
        if name in nonlinear:
            raise FormulaError(
                f"formula: link '{name}': a parameter of a non-linear formula is its predictor; write exp({name}) or "
                f"expit({name}) in the formula"
            )
