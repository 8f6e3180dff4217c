"""``bd.methods()``: every method and each of its options is told."""

from dataclasses import dataclass

import pytest

import bayesdeep as bd
from bayesdeep.core.documented import options_of
from bayesdeep.core.registry import ENGINES, TERMS

TOLD = [*ENGINES, *(name for name, term in TERMS.items() if term.options is not None)]


@pytest.mark.parametrize("name", TOLD)
def test_every_option_says_what_it_is(name: str) -> None:
    kind = ENGINES[name].settings if name in ENGINES else TERMS[name].options
    for option in options_of(kind):
        assert len(option.text.split()) >= 2, f"{option.name} of {name} has no description in an Attributes section"
    shown = bd.methods(name)
    assert list(shown.table.index) == [option.name for option in options_of(kind)]
    for option in shown.table.index:
        assert f"\n{option}" in repr(shown)
    assert not set("`") & set(repr(shown)), "what is shown has no markup"


def test_descriptions_are_inherited_and_shared() -> None:
    @dataclass(frozen=True)
    class First:
        """Some.

        Attributes
        ----------
        a, b
            Both
            of them.

        Returns
        -------
        c
            Not a field's.
        """

        a: int
        b: str = "x"

    @dataclass(frozen=True)
    class Second(First):
        """More.

        Attributes
        ----------
        c
            Its own.
        """

        c: float = 1.5

    found = {o.name: (o.default, o.text) for o in options_of(Second)}
    assert found == {"a": (None, "Both of them."), "b": ("x", "Both of them."), "c": (1.5, "Its own.")}


def test_all_methods_are_listed_with_whether_they_are_exact() -> None:
    table = bd.methods().table
    assert list(table.index) == list(ENGINES)
    assert (table["exact"] == "exact").to_dict() == {name: engine.exact for name, engine in ENGINES.items()}
    assert "learning_rate" in table.loc["sgd", "options"]


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(bd.FitError, match=r"nothing is called 'nutz'; did you mean 'nuts'\?"):
        bd.methods("nutz")
