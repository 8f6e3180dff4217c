"""The formula of a model whose response comes beside the data and not as one of its columns."""

from collections.abc import Collection, Sequence

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.formula.lexer import tokenize
from bayesdeep.formula.nodes import Name
from bayesdeep.formula.parser import parse


def sides(
    formula: str | None, net: Sequence[int] | None, names: Collection[str], unknowns: tuple[str, ...] = ()
) -> tuple[str, str]:
    """Return the name of the response and the right-hand side.

    Parameters
    ----------
    formula
        ``"y ~ x + (1 | g)"``, ``"~ x"``, or None for all columns.
    net
        Widths of the hidden layers of a network of all columns, in place of a formula.
    names
        The columns of ``X``.
    unknowns
        Parameters of a non-linear formula.

    Raises
    ------
    FormulaError
        Where the left-hand side is more than a name, or both formula and net are given.
    DataError
        Where the response's name is also a column's.
    """
    if formula is not None and net is not None:
        raise FormulaError("formula: give a formula or net, not both; in a formula write net(., hidden=[16, 16])")
    if formula is None:
        right = "." if net is None else f"net(., hidden=[{', '.join(str(int(width)) for width in net)}])"
        return free("y", names), right
    tilde = next((token for token in tokenize(formula) if token.is_operator("~")), None)
    if tilde is not None and not formula[: tilde.start].strip():
        parse(formula, response="none", unknowns=unknowns)
        return free("y", names), formula[tilde.end :].strip()
    response = parse(formula, unknowns=unknowns).response
    assert tilde is not None, "a formula with a response has a tilde"
    if not isinstance(response, Name):
        raise FormulaError(
            f"formula '{formula}': the response is what is given as y, so that the left side is a name or nothing; to transform "
            "it use sklearn.compose.TransformedTargetRegressor, to weigh rows fit(X, y, sample_weight=…); no class is "
            "named as the success, for all classes' probabilities are predicted"
        )
    if response.name in names:
        raise DataError(
            f"data: X has a column '{response.name}', which the formula calls the response; leave it out of X"
        )
    return response.name, formula[tilde.end :].strip()


def free(name: str, taken: Collection[str]) -> str:
    """Return ``name``, with underscores behind it until no column is called so."""
    while name in taken:
        name += "_"
    return name


def left(response: str, weights: str | None) -> str:
    """Return the left-hand side."""
    return f"`{response}`" if weights is None else f"weighted(`{response}`, `{weights}`)"
