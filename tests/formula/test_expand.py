"""R's algebra of terms: what ?formula and ?terms.formula document, and lme4 for groups."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesdeep.core.errors import FormulaError
from bayesdeep.formula import vocabulary as words
from bayesdeep.formula.expand import columns, expand, find_dot, grouping_columns
from bayesdeep.formula.nodes import Formula, Name, label
from bayesdeep.formula.parser import parse

PLAIN = SimpleNamespace(grouping=False, matrices=())
VARIES = SimpleNamespace(grouping=False, matrices=(), varies=True)
"""What the language knows of a term."""


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> Iterator[None]:
    """A fixed set of plug-ins: the algebra does not depend on which files are in the folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "TRANSFORMS", dict.fromkeys(["C", "scale", "center", "poly", "bs"]))
        patch.setattr(words, "TERMS", {"net": VARIES, "offset": PLAIN})
        patch.setattr(words, "RESPONSES", dict.fromkeys(["prop", "censored"]))
        yield


def read(text: str, *others: str) -> Formula:
    return expand(parse(f"y ~ {text}"), others)


def labels(formula: Formula) -> list[str]:
    return [*("1" for _ in range(formula.intercept)), *map(label, formula.products)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # ?formula: a*b is a + b + a:b; (a+b+c)^2 - a:b is a + b + c + b:c + a:c
        ("a*b", "1 a b a:b"),
        ("(a + b + c)^2 - a:b", "1 a b c a:c b:c"),
        ("(a + b + c)**2", "1 a b c a:b a:c b:c"),
        ("(a + b + c)**3", "1 a b c a:b a:c b:c a:b:c"),
        ("(a + b + c)**1", "1 a b c"),
        ("(a + b)**10", "1 a b a:b"),
        ("(a*b)**2", "1 a b a:b"),
        ("(a:b + c)**2", "1 c a:b a:b:c"),
        ("a*b*c", "1 a b c a:b a:c b:c a:b:c"),
        ("a*b*c - a:b:c", "1 a b c a:b a:c b:c"),
        # %in% and /: a/b is a + b %in% a
        ("a/b", "1 a a:b"),
        ("a/b/c", "1 a a:b a:b:c"),
        ("(a + b)/c", "1 a b a:b:c"),
        ("a/(b + c)", "1 a a:b a:c"),
        ("a*b/c", "1 a b a:b a:b:c"),
        ("a/b*c", "1 a c a:b a:c a:b:c"),
        ("a*b:c", "1 a b:c a:b:c"),
        ("a/b:c", "1 a a:b:c"),
        ("(a + b):(c + d)", "1 a:c a:d b:c b:d"),
        # order by degree, within a degree as written; a term keeps its first spelling
        ("a:b + c + d:e:f + g", "1 c g a:b d:e:f"),
        ("b:a + a + a:b", "1 a b:a"),
        ("a + a + a:a", "1 a"),
        ("a:b:a", "1 a:b"),
        # the intercept: the last word counts
        ("1", "1"),
        ("0", ""),
        ("-1", ""),
        ("+0", ""),
        ("a - 1", "a"),
        ("0 + a", "a"),
        ("-1 + a", "a"),
        ("a + 0 + 1", "1 a"),
        ("a - 1 + 1", "1 a"),
        ("a - 0", "1 a"),
        ("0 + a - 0", "1 a"),
        ("a - (1 + b) + b", "a b"),
        ("-(-1) + a", "1 a"),
        # minus takes away only what stands left of it
        ("a + b - a", "1 b"),
        ("-a + a", "1 a"),
        ("a - b", "1 a"),
        ("a*b - b", "1 a a:b"),
        ("a + b - (a + c)", "1 b"),
        ("a - (a - b)", "1"),
        ("a + b + c - b:a", "1 a b c"),
        ("a*b - b:a", "1 a b"),
        ("+a*b", "1 a b a:b"),
        ("((a)) + (b)", "1 a b"),
        # calls are factors
        ("log( x )*C(g)", "1 log( x ) C(g) log( x ):C(g)"),
        ("log(x) + log( x )", "1 log(x)"),
        ("I(x / 10) + I(x**2) + x", "1 I(x ÷ 10) I(x**2) x"),
        ("poly(x, 2) + poly(x, 3)", "1 poly(x, 2) poly(x, 3)"),
        ("poly(x, 2) + poly(x, 2, raw=True)", "1 poly(x, 2) poly(x, 2, raw=True)"),
        ("`my col`:z", "1 my col:z"),
    ],
)
def test_algebra(text: str, expected: str) -> None:
    found = read(text)
    assert " ".join(labels(found)) == expected
    assert (found.groups, found.specials) == ((), ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".", "1 p q r"),
        (". - p", "1 q r"),
        (". + z - q", "1 p r z"),
        (".:z", "1 p:z q:z r:z"),
        (".*z", "1 p q r z p:z q:z r:z"),
        ("(.)**2", "1 p q r p:q p:r q:r"),
        (".**2", "1 p q r p:q p:r q:r"),
        ("q + .", "1 q p r"),
    ],
)
def test_dot(text: str, expected: str) -> None:
    assert " ".join(labels(read(text, "p", "q", "r"))) == expected


def test_dot_in_a_call_stays() -> None:
    found = read("net(.)", "p", "q")
    assert [s.source for s in found.specials] == ["net(.)"]
    assert found.products == ()


def groups(text: str, *others: str) -> list[tuple[str, str, bool]]:
    found = read(text, *others)
    return [
        (
            " ".join([*("1" for _ in range(g.intercept)), *map(label, g.products), *(s.source for s in g.specials)]),
            label(g.factor),
            g.correlated,
        )
        for g in found.groups
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(1 | g)", [("1", "g", True)]),
        ("(x | g)", [("1 x", "g", True)]),
        ("(1 + x || g)", [("1 x", "g", False)]),
        ("(0 + x | g)", [("x", "g", True)]),
        ("(x - 1 | g)", [("x", "g", True)]),
        ("(a*b | g)", [("1 a b a:b", "g", True)]),
        ("(1 | a/b)", [("1", "a", True), ("1", "a:b", True)]),
        ("(1 | a/b/c)", [("1", "a", True), ("1", "a:b", True), ("1", "a:b:c", True)]),
        ("(x || a/b)", [("1 x", "a", False), ("1 x", "a:b", False)]),
        ("(1 | a*b)", [("1", "a", True), ("1", "b", True), ("1", "a:b", True)]),
        ("(1 | a:b)", [("1", "a:b", True)]),
        ("(1 | `a b`)", [("1", "a b", True)]),
        ("(1 | g) + (0 + x | g)", [("1", "g", True), ("x", "g", True)]),
        ("(1 | g) + (x | h) + ((1 | i))", [("1", "g", True), ("1 x", "h", True), ("1", "i", True)]),
        ("(1 | g) + (1 | g)", [("1", "g", True)]),
        ("(1 | g) + (1 || g)", [("1", "g", True)]),
        ("(1 | a:b) + (1 | b:a)", [("1", "a:b", True)]),
        ("(1 + x | g) + (x + 1 | g)", [("1 x", "g", True)]),
        ("(1 | a) + (1 | a/b)", [("1", "a", True), ("1", "a:b", True)]),
        ("(net(x, hidden=[8]) | g)", [("1 net(x, hidden=[8])", "g", True)]),
        ("(0 + net(x) | g)", [("net(x)", "g", True)]),
        ("(. | g)", [("1 p q", "g", True)]),
    ],
)
def test_groups(text: str, expected: list[tuple[str, str, bool]]) -> None:
    assert groups(text, "p", "q") == expected


def test_group_remembers_its_text() -> None:
    found = read("x + (1  +  x | g)").groups[0]
    assert (found.source, found.start) == ("1 + x | g", 9)


def test_specials_are_kept_apart() -> None:
    found = read("x + offset(log(n)) + net(x, z) + net(x,z) + (1 | g)")
    assert labels(found) == ["1", "x"]
    assert [s.source for s in found.specials] == ["offset(log(n))", "net(x, z)"]


def test_columns() -> None:
    parsed = parse("prop(k, n) ~ b*log(a) + net(., z, by=log(w), deep=True, act='q') + (x | g/h) + offset(o)")
    assert columns(parsed) == ("k", "n", "b", "a", "z", "w", "x", "g", "h", "o")
    assert columns(parsed.predictor)[:2] == ("b", "a")
    assert set(columns(expand(parsed, ("a", "q")))) == {*columns(parsed), "q"}
    assert grouping_columns(parsed) == ("g", "h")
    assert find_dot(parsed)
    assert not find_dot(parse("y ~ x + (1 | g)"))


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("net(x, y)", "'y' is the response", "net"),
        ("x + (net(log(y)) | g)", "'y' is the response", "net"),
        ("x**2", "would mean x, not a power; write I(x**2) or poly(x, 2)", "x"),
        ("x^2", "write I(x^2) or poly(x, 2)", "x"),
        ("log(x)**2", "write I(log(x)**2)", "log"),
        ("a:b**2", "write I(b**2)", "b**"),
        ("-x**2", "write I(x**2)", "x"),
        ("x / 10", "write I(x / 10) for arithmetic", "10"),
        ("2*x", "write I(2*x) for arithmetic", "2"),
        ("x:1", "cannot be multiplied", "1"),
        ("x*(-1)", "cannot be multiplied", "1"),
        ("(x + 1):z", "cannot contain the intercept", "x"),
        ("-a:b", "a sign binds tighter", "-"),
        ("x + 10", "only 1 (intercept) and 0 (none) are", "10"),
        ("x - 0.5", "only 1 (intercept) and 0 (none) are", "0.5"),
        ("(a + b)**0", "whole number from 1 to 10", "0"),
        ("(a + b)**11", "whole number from 1 to 10", "11"),
        ("(a + b)**1.5", "whole number from 1 to 10", "1.5"),
        ("(a + b)**z", "whole number from 1 to 10", "z"),
        ("(a + b)**-1", "whole number from 1 to 10", "-"),
        (".", "there are none", "."),
        ("I(1)", "uses no column", "I"),
        ("x + y", "'y' is the response", "y"),
        ("x*y", "'y' is the response", "y"),
        ("x:(1 | g)", "cannot be part of a product", "1"),
        ("((1 | g) + a)**2", "cannot be part of a product", "1"),
        ("x - (1 | g)", "cannot be taken away", "1"),
        ("x:net(z)", "net() cannot be part of a product", "net"),
        ("net(z)*x", "net() cannot be part of a product", "net"),
        ("x - offset(z)", "cannot be taken away", "offset"),
        ("-net(z)", "cannot be taken away", "net"),
        ("((1 | g) | h)", "inside another", "1"),
        ("(0 | g)", "nothing varies by group", "0"),
        ("(offset(x) | g)", "offset() cannot vary by group", "offset"),
        ("(1 | C(g))", "instead of 'C(g)' write g", "C"),
        ("(1 | a + b)", "(… | a) + (… | b)", "a"),
        ("(1 | 3)", "not a number", "3"),
        ("(1 | .)", "not '.'", "."),
        ("(1 | a**2)", "not 'a**2'", "a"),
        ("(1 | g) + (1 + x | g)", "'1|g' would appear twice", "1 + x"),
        ("(1 + x | g) + (0 + x | g)", "'x|g' would appear twice", "0"),
        ("(1 | a/b) + (x | a)", "'1|a' would appear twice", "x"),
        ("(1 + x | g) + (1 + x || g)", "would appear twice", "1 + x ||"),
    ],
)
def test_refusals(text: str, message: str, at: str) -> None:
    with pytest.raises(FormulaError) as caught:
        read(text)
    first, window, caret = str(caught.value).splitlines()
    assert first.startswith("formula 'y ~ ")
    assert message in first
    assert window[caret.index("^") :].startswith(at)


def test_explosions_are_refused() -> None:
    names = "+".join("abcdefghijklmnopqrstuvwxz")
    for text in (f"({names})**10", "*".join(names[::2]), f"({names}):({names}):({names}):({names})"):
        with pytest.raises(FormulaError, match="more than 2,000 terms"):
            read(text)
    assert len(read(f"({names})**2").products) == 25 + 300


FACTORS = st.sampled_from(["a", "b", "c", "log(x)", "I(x / 2)"])
PRODUCTS = st.lists(FACTORS, min_size=1, max_size=3).map(":".join)
SUMS = st.recursive(
    st.one_of(PRODUCTS, st.just("(a + b)")),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/:"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    max_leaves=5,
)


def keys(formula: Formula) -> set[frozenset[object]]:
    return {frozenset(product) for product in formula.products}


@given(SUMS)
def test_labels_read_back(text: str) -> None:
    """The products' labels, added up, are the same formula."""
    found = read(text)
    again = read(" + ".join(["1", *map(label, found.products)]).replace("÷", "/"))
    assert again.products == found.products


@given(SUMS)
def test_order_and_uniqueness(text: str) -> None:
    found = read(text)
    degrees = [len(p) for p in found.products]
    assert degrees == sorted(degrees)
    assert len(keys(found)) == len(found.products)
    assert all(len(set(p)) == len(p) for p in found.products)


@given(SUMS)
def test_repetition_has_no_effect(text: str) -> None:
    assert read(f"{text} + {text}").products == read(text).products
    assert keys(read(f"{text}:{text}")) >= keys(read(text))


@given(SUMS, SUMS)
def test_order_has_no_effect_on_the_terms(left: str, right: str) -> None:
    for operator in "+*:":
        assert keys(read(f"{left} {operator} {right}")) == keys(read(f"{right} {operator} {left}"))


@given(SUMS, SUMS)
def test_definitions(left: str, right: str) -> None:
    """``*`` and ``-`` are what ?formula says they are."""
    crossed = keys(read(f"{left} * {right}"))
    assert crossed == keys(read(f"{left} + {right} + {left}:{right}"))
    assert keys(read(f"{left} - {right}")) == keys(read(left)) - keys(read(right))


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True))
def test_dot_is_the_sum_of_the_others(names: list[str]) -> None:
    assert read("z:. + .", *names).products == read(f"z:({'+'.join(names)}) + {'+'.join(names)}").products
    assert read(".", *names).products == tuple((Name(n),) for n in names)
