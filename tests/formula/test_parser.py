"""The grammar: precedence as in R's ?Syntax, positions, sources, and what may be called where."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesdeep.core.errors import FormulaError
from bayesdeep.formula import vocabulary as words
from bayesdeep.formula.lexer import tokenize
from bayesdeep.formula.nodes import Binary, Call, Dot, Expression, Name, Number, Sequence, Text, Unary
from bayesdeep.formula.parser import parse

PLAIN = SimpleNamespace(grouping=False, matrices=())
VARIES = SimpleNamespace(grouping=False, matrices=(), varies=True)
"""What the language knows of a term."""


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    """A fixed set of plug-ins: the grammar does not depend on which files are in the folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "TRANSFORMS", dict.fromkeys(["C", "scale", "center", "poly", "bs"]))
        patch.setattr(words, "TERMS", {**dict.fromkeys(["offset", "population", "group"], PLAIN), "net": VARIES})
        patch.setattr(words, "RESPONSES", dict.fromkeys(["prop", "censored", "truncated", "weighted"]))
        yield


def shape(node: Expression) -> str:
    """Write a tree with a bracket for each operator."""
    if isinstance(node, Binary):
        return f"({shape(node.left)} {node.operator} {shape(node.right)})"
    if isinstance(node, Unary):
        return f"({node.operator}{shape(node.operand)})"
    if isinstance(node, Call):
        options = [f"{key}={shape(value)}" for key, value in node.options]
        return f"{node.function}({', '.join([*map(shape, node.arguments), *options])})"
    if isinstance(node, Sequence):
        return f"[{', '.join(map(shape, node.items))}]"
    if isinstance(node, Dot):
        return "."
    return str(node.name if isinstance(node, Name) else node.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b - c", "((a + b) - c)"),
        ("a + b*c", "(a + (b * c))"),
        ("a*b:c", "(a * (b : c))"),
        ("a/b:c", "(a / (b : c))"),
        ("a/b*c", "((a / b) * c)"),
        ("a:b**2", "(a : (b ** 2))"),
        ("a:b^2", "(a : (b ** 2))"),
        ("-x**2", "(-(x ** 2))"),
        ("-a:b", "((-a) : b)"),
        ("-a*b", "((-a) * b)"),
        ("a - -b", "(a - (-b))"),
        ("(a + b):c", "((a + b) : c)"),
        ("a**b**c", "(a ** (b ** c))"),
        ("(1 + x | g)", "((1 + x) | g)"),
        ("(x || g/h)", "(x || (g / h))"),
        ("a + (0 + x | g:h)", "(a + ((0 + x) | (g : h)))"),
        (". - x", "(. - x)"),
        ("I(-x^2 + 2*-x/3)", "I(((-(x ** 2)) + ((2 * (-x)) / 3)))"),
        ("I(x - (a - b))", "I((x - (a - b)))"),
        ("I(2^-x)", "I((2 ** (-x)))"),
        ("I(x + 1 > 2*z)", "I(((x + 1) > (2 * z)))"),
        ("I(a > 0 | b <= 1 & c != 2)", "I(((a > 0) or ((b <= 1) and (c != 2))))"),
        ("I((a > 0 | b) & c)", "I((((a > 0) or b) and c))"),
        ("I(!a > 0 & b)", "I(((not(a > 0)) and b))"),
        ("I(~a & ~(b > 0))", "I(((nota) and (not(b > 0))))"),
        ('I(g == "c" | "d" == h)', "I(((g == c) or (d == h)))"),
        ("I(flag == True)", "I((flag == 1))"),
        ("I(x > 0):z + (I(x > 0) | g)", "((I((x > 0)) : z) + (I((x > 0)) | g))"),
        ("log(x) + poly(x, 2, raw=True)", "(log(x) + poly(x, 2, raw=True))"),
        ('net(., z, hidden=[32, 32], activation="tanh")', "net(., z, hidden=[32, 32], activation=tanh)"),
        (
            "net(x, a=[], b=[[1], 'q'], c=-1e-3, d=.5, e=2.)",
            "net(x, a=[], b=[[1], q], c=(-0.001), d=0.5, e=2.0)",
        ),
        ("`my col` + größe + 数据_1", "((my col + größe) + 数据_1)"),
        ("s + net", "(s + net)"),
        ("a\n  +\tb", "(a + b)"),
    ],
)
def test_precedence(text: str, expected: str) -> None:
    assert shape(parse(f"y ~ {text}").predictor) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y ~ x", "y"),
        ("(y) ~ x", "y"),
        ("`a b` ~ x", "a b"),
        ("prop(k, n) ~ x", "prop(k, n)"),
        ("truncated(y, 0, ub=u + 1) ~ x", "truncated(y, 0, ub=(u + 1))"),
        ("weighted(log(y), w) ~ x", "weighted(log(y), w)"),
        ("log(y) ~ x", "log(y)"),
    ],
)
def test_response(text: str, expected: str) -> None:
    response = parse(text).response
    assert response is not None
    assert shape(response) == expected


def test_no_response() -> None:
    assert parse(" ~ x", response="none").response is None
    with pytest.raises(FormulaError, match="no left side"):
        parse("sigma ~ x", response="none")
    with pytest.raises(FormulaError, match="write a formula as '~ x'"):
        parse("x", response="none")


def test_sources_and_positions() -> None:
    root = parse("y  ~ log(  x )\n +  `a  b` ").predictor
    assert isinstance(root, Binary)
    assert (root.source, root.start) == ("log( x ) + `a  b`", 5)
    assert (root.left.source, root.left.start) == ("log( x )", 5)
    assert (root.right.source, root.right.start) == ("`a  b`", 19)


def test_equality_ignores_spelling() -> None:
    assert parse("y ~ log( x )").predictor == parse("y ~ log(x)").predictor


def test_numbers() -> None:
    values = [parse(f"y ~ {n}").predictor for n in ("10", "1.5", "1e3")]
    assert [n.value for n in values if isinstance(n, Number)] == [10, 1.5, 1000.0]
    assert isinstance(values[0], Number)
    assert isinstance(values[0].value, int)


def test_text_is_a_value() -> None:
    call = parse("y ~ net(x, activation='a  (b')").predictor
    assert isinstance(call, Call)
    assert call.options == (("activation", Text("a  (b")),)
    assert call.options[0][1].source == "'a  (b'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y ~ sclae(x)", "unknown function 'sclae'; did you mean 'scale'"),
        ("y ~ gp(x)", "gp() is not available in this version"),
        ("y ~ population(x)", "unknown function 'population'"),
        ("y ~ prop(k, n)", "stands left of '~'"),
        ("net(y) ~ x", "terms stand right of '~'"),
        ("scale(y) ~ x", "the left side of '~' must be one column"),
        ("log(prop(k, n)) ~ x", "cannot stand inside another call"),
        ("y + z ~ x", "must be one column or one of censored()"),
        ("y:z ~ x", "':' multiplies terms"),
        ("y | w ~ x", "weighted(y, w)"),
        ("1 ~ x", "must be one column"),
        (". ~ x", "'.' (all other columns)"),
        ("~ x", "expected a response"),
        ("x", "write a formula as 'y ~ x'"),
        ("y ~ x ~ z", "this is the second"),
        ("y ~ ~ z", "this is the second"),
        ("y ~ log(x, base=2)", "log() takes no options"),
        ("y ~ log(x, 2)", "log() takes one argument; it has 2"),
        ("y ~ net()", "net() needs a column"),
        ("y ~ net(hidden=[1])", "net() needs a column"),
        ("y ~ net(x, a=1, z)", "arguments stand before the options"),
        ("y ~ net(x, a=1, a=2)", "the option 'a' is given twice"),
        ("y ~ net(log(.))", "'.' (all other columns)"),
        ("y ~ log(.)", "'.' (all other columns)"),
        ("y ~ log(offset(x))", "cannot stand inside another call"),
        ("y ~ I(a:b)", "':' multiplies terms"),
        ("y ~ log(1 | g)", "only inside brackets of its own"),
        ("y ~ x | g", "only inside brackets of its own"),
        ("y ~ (x | g | h)", "only inside brackets of its own"),
        ("y ~ (1 |1| g)", "has a name, not a number: write |p1|, as in (1 |p1| g)"),
        ("y ~ x + (x|2|g)", "has a name, not a number: write |p2|"),
        ("y ~ (1 |0.5| g)", "has a name, not a number: write |p|"),
        ("y ~ x == 3", "no comparisons"),
        ("y ~ net(x, a==3)", "no comparisons"),
        ("y ~ x = 3", "'=' can only give an option"),
        ("y ~ net(x, `a`=3)", "'=' can only give an option"),
        ("y ~ x < 3", "no comparisons or logic outside of I()"),
        ("y ~ x & z", "no comparisons or logic outside of I()"),
        ("y ~ I(log(x > 3))", "no comparisons or logic outside of I()"),
        ("x > 3 ~ z", "no comparisons or logic outside of I()"),
        ("y ~ I(0 < x < 3)", "comparisons are joined by &"),
        ("y ~ I(x = 3)", "a comparison is written I(x == …)"),
        ("y ~ I(x > 3 || z)", "'or' is written with one sign"),
        ("y ~ I(x > 3 && z)", "'and' is written with one sign"),
        ("y ~ I(g < 'a')", "be compared inside I() by == and !="),
        ("y ~ I(g %in% h)", "one of several levels is written"),
        ("y ~ {x + 1}", "goes inside I()"),
        ("y ~ x[1]", "no indexing"),
        ("y ~ [x]", "a list can only be an option's value"),
        ("y ~ net(x, activation=tanh)", 'text stands in quotes in an option of net(): "tanh"'),
        ("y ~ net(x, activation=['tanh', relu])", 'text stands in quotes in an option of net(): "relu"'),
        ("y ~ embed(g, 2)", "embed() stands inside net()"),
        ("y ~ net(log(embed(g, 2)))", "embed() stands inside net()"),
        ("y ~ net(net(x))", "net() cannot stand inside another call"),
        ("y ~ net([x])", "a list can only be an option's value"),
        ("y ~ 'x'", "a quoted text can only be an option's value"),
        ("y ~ my.col", "in backticks: `my.col`"),
        ("y ~ x.5", "no attribute access"),
        ("y ~ x z", "expected an operator such as +, found 'z'"),
        ("y ~ x + ", "expected a term after '+', but the formula ends"),
        ("y ~ x + * z", "expected a term after '+', found '*'"),
        ("y ~ net(x,)", "expected a term after ',', found ')'"),
        ("y ~ net(x, a=[1,])", "expected a term after ',', found ']'"),
        ("y ~ ()", "expected a term after '(', found ')'"),
        ("y ~ (x", "expected ')' for the '(' at character 5"),
        ("y ~ x)", "nothing was opened that this ')' could close"),
        ("y ~ net(x, a=[1)", "expected ']'"),
        ("y ~ 2x", "'2x' is neither a number nor a name"),
        ("y ~ 1e999", "too large"),
        ("y ~ I(x + 9**9**9)", "write the power of a number"),
        ("y ~ I(x + 9**1000)", "write the power of a number"),
        ("y ~ `log`(x)", "only functions can be called"),
        ("y ~ x\u00a0+ z", "U+00A0 NO-BREAK SPACE"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert str(caught.value).startswith("formula '")
    assert message in str(caught.value).splitlines()[0]


def test_installed_terms_can_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "TERMS", {"gp": PLAIN})
    assert shape(parse("y ~ gp(x)").predictor) == "gp(x)"
    with pytest.raises(FormulaError, match=r"mo\(\) is not available"):
        parse("y ~ mo(x)")


def test_nesting_is_bounded_before_parsing() -> None:
    assert len(tokenize("(" * 50)) == 51
    with pytest.raises(FormulaError, match="brackets nested deeper than 50"):
        tokenize("(" * 51)


NAMES = st.sampled_from(["a", "b", "x1", "größe", "`my col`"])
ALGEBRA = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", ":"]), inner).map(" ".join),
        inner.map("({})".format),
    ),
    max_leaves=12,
)


@given(ALGEBRA)
def test_brackets_of_the_tree_change_nothing(text: str) -> None:
    """The tree written out with all brackets reads as the same tree."""
    tree = parse(f"y ~ {text}").predictor
    assert parse(f"y ~ {shape(tree).replace('my col', '`my col`')}").predictor == tree


@given(ALGEBRA)
def test_sources_read_back(text: str) -> None:
    """The source of every node is a formula for that node."""
    todo = [parse(f"y ~ {text}").predictor]
    while todo:
        node = todo.pop()
        assert parse(f"y ~ {node.source}").predictor == node
        todo += [node.left, node.right] if isinstance(node, Binary) else []


@given(st.text(st.sampled_from("ab ~+-*/:^|()[],=.1e`'\"\n"), max_size=40))
def test_tokens_cover_the_text(text: str) -> None:
    """Every character is in a token or a blank, or the text is refused; nothing else happens."""
    try:
        tokens = tokenize(text)
    except FormulaError:
        return
    covered = {i for token in tokens for i in range(token.start, token.end)}
    assert all(text[i].isspace() for i in set(range(len(text))) - covered)
