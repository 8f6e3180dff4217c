"""What other packages call a family is understood by the error that says what it is called here."""

import re

import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.registry import FAMILIES, UnknownPlugin, plain_name
from bayesdeep.families import ELSEWHERE

ALIASES = [(alias, name) for name in FAMILIES for alias in FAMILIES[name].aliases]
FRAME = {"y": [0, 1, 2], "x": [0.1, 0.2, 0.4]}


def test_every_family_has_its_own() -> None:
    assert {name for _, name in ALIASES} == set(FAMILIES)
    every = [plain_name(text) for text in (*FAMILIES, *(alias for alias, _ in ALIASES), *ELSEWHERE)]
    assert len(every) == len(set(every)), sorted(text for text in every if every.count(text) > 1)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("zinb", "zero_inflated_negative_binomial"),
        ("negbinomial", "negative_binomial"),
        ("NegativeBinomial", "negative_binomial"),
        ("nbinom2", "negative_binomial"),
        ("normal", "gaussian"),
        ("t", "student_t"),
        ("t(nu=4)", "student_t"),
        ("betabinomial", "beta_binomial"),
        ("zip", "zero_inflated_poisson"),
        ("hurdle", "hurdle_poisson"),
        ("hurdle_negbinomial", "hurdle_negative_binomial"),
        ("genpois", "generalized_poisson"),
        ("compois", "com_poisson"),
        ("inverse.gaussian", "inverse_gaussian"),
        ("Gamma", "gamma"),
    ],
)
def test_names_of_other_packages_are_understood(written: str, name: str) -> None:
    said = f"formula: unknown family '{written}'; here it is '{name}'"
    with pytest.raises(FormulaError, match=f"^{re.escape(said)}$"):
        bd.Model("y ~ x", FRAME, family=written)


def test_an_alias_is_no_name() -> None:
    assert "zinb" not in FAMILIES
    with pytest.raises(UnknownPlugin, match="unknown family 'zinb'; here it is 'zero_inflated_negative_binomial'"):
        FAMILIES["zinb"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("norml", "; did you mean 'gaussian'"),  # by way of 'normal', and not the nearer of the family's own names, 'lognormal'
        ("gausian", "; did you mean 'gaussian'"),
        ("nbinom1", ": .*'generalized_poisson'"),
        ("gumbel", ": it is 'gev'"),
        ("mixture(gaussian, gamma)", r"; its options have names, as in mixture\(components=\('gaussian', 'gaussian'\)\)"),
    ],
)
def test_what_is_like_a_name_or_part_of_a_family_is_told(written: str, said: str) -> None:
    with pytest.raises(FormulaError, match=f"^formula: unknown family '{re.escape(written)}'{said}"):
        bd.Model("y ~ x", FRAME, family=written)


def test_what_is_left_to_others_is_said() -> None:
    with pytest.raises(FormulaError, match=r"unknown family 'wiener': diffusion models .* HSSM"):
        bd.Model("y ~ x", FRAME, family="wiener")
