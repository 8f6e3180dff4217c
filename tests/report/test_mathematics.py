"""The mathematics state the model that was fitted: every family, what was done to its response, every kind of parameter."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.links import LINKS
from bayesdeep.core.registry import FAMILIES
from bayesdeep.report.mathematics import equations
from bayesdeep.report.sections.models import _one

LETTERS = {"mu": "μ", "sigma": "σ", "nu": "ν", "alpha": "α", "kappa": "κ", "lam": "λ"}
MODIFIED = [(n, m) for n, family in FAMILIES.items() for m in ("censored", "truncated", "weighted") if m in family.modifiers]
LINKED = [(n, link) for n, family in FAMILIES.items() for link in family.main.links]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_parameter_is_named_and_has_what_it_follows_from(name, of_family):
    model = of_family(name)
    text, family = equations(model.spec), FAMILIES[name]
    first = text.split("\n\n")[0]
    assert family.density
    for parameter in (p for p in family.plain({family.main.name}) if not p.follows):
        letter = LETTERS.get(parameter.name, parameter.name)
        line = next(line for line in first.split("\n") if line.startswith((f"{letter} ~ ", f"{letter}[k] ~ ")))
        assert str(model.spec.prior(parameter.name).prior) in line
        assert letter in text.split("\n" + line)[0], "the distribution is written with it"
    eta = "ηₖᵢ" if family.main.shape == "contrast" else "ηᵢ"
    main = "μₖᵢ" if family.main.shape == "contrast" else "μᵢ" if family.bare else f"{family.main.name}ᵢ"
    slope = "β(x)" if family.bare else f"β({family.main.name}_x)"
    predictor = next(line for line in first.split("\n") if slope in line)
    assert predictor.split(" = ")[0] in (eta, main)
    assert predictor.split(" = ")[0] in text.split("\n" + predictor)[0], "what has the predictor is in what is above it"
    assert ("Intercept" in predictor) == ("no_intercept" not in family.words)
    assert ("u₁[gᵢ" if family.bare else f"u({family.main.name}_1|g)[gᵢ") in predictor


@pytest.mark.parametrize(("name", "link"), LINKED)
def test_every_link_is_there_as_the_family_applies_it(name, link, of_family):
    text = equations(of_family(name, "x", link=link).spec)
    if "{eta}" in FAMILIES[name].density:
        assert f"F(x) = {LINKS[link].formula.split(' = ')[1].replace('eta', 'x')}" in text
        return
    formula = FAMILIES[name].inverse.get(link, LINKS[link].formula)
    letter, prefix = ("μ", "") if FAMILIES[name].bare else (FAMILIES[name].main.name, f"{FAMILIES[name].main.name}_")
    if formula == "mu = eta":
        assert "η" not in text
        assert f"{letter}ᵢ = {prefix}Intercept + β({prefix}x) · xᵢ" in text
    elif link == "softmax":
        assert "μₖᵢ = exp(ηₖᵢ) / Σⱼ exp(ηⱼᵢ)" in text
    else:
        assert f"{letter}ᵢ = {formula.split(' = ')[1].replace('eta', 'ηᵢ')}" in text.split("\n")


def test_links_that_a_family_reads_in_its_own_way(of_family):
    # (1 + tanh) / 2 is a probability, tanh is none; tobit's predictor is the mean before anything is cut off.
    for name in ("bernoulli", "binomial"):
        assert "μᵢ = (1 + tanh(ηᵢ)) / 2" in equations(of_family(name, "x", link="tanh").spec)
    text = equations(of_family("tobit", "x", link="relu").spec)
    assert "aboveᵢ = max(aboveᵢ*, 0)\naboveᵢ* ~ Normal(μᵢ, σ)\nμᵢ = Intercept + β(x) · xᵢ\n" in text


@pytest.mark.parametrize(("name", "modifier"), MODIFIED)
def test_what_was_done_to_the_response_is_said(name, modifier, of_family):
    spec = of_family(name, "x", (modifier,)).spec
    text, plain = equations(spec), equations(of_family(name, "x").spec)
    said = {
        "censored": "censored: where statusᵢ says so",
        "truncated": "truncated: given that 0 ≤ ",
        "weighted": "weighted: the log likelihood of row i counts wᵢ times",
    }[modifier]
    assert said in text
    assert said not in plain
    assert plain.split("\n")[0] == text.split("\n")[0]
    if modifier == "truncated":
        assert " ≤ topᵢ\n    the density is divided by P(0 ≤ Y ≤ topᵢ)" in text
    fitted = SimpleNamespace(spec=spec, idata=SimpleNamespace(attrs={"method": "nuts"}))
    assert f"{modifier}(" in _one(fitted)[1].text, "the sentence above the equations says it too"


def test_response_functions_inside_each_other_are_all_said(of_family):
    text = equations(of_family("gaussian", "1", ("censored", "weighted")).spec)
    lines = text.split("\n")
    assert lines[:4] == [
        "unitᵢ ~ Normal(μᵢ, σ)",
        "censored: where statusᵢ says so, it is only known that",
        "    Y ≤ unitᵢ (left), Y ≥ unitᵢ (right)",
        "weighted: the log likelihood of row i counts wᵢ times",
    ]


@pytest.fixture
def written(of_family):
    """Return ``written(family, right side, **options)``: the equations of a model on the small frame."""

    def write(name, right, **options):
        return equations(of_family(name, right, **options).spec)

    return write


def test_trials_are_those_given(written):
    assert written("binomial", "x").startswith("kᵢ ~ Binomial(nᵢ, μᵢ)\n")
    assert written("multinomial", "x").startswith("(aᵢ, bᵢ, cᵢ) ~ Multinomial(nᵢ, μᵢ)\n    nᵢ is their sum")


def test_numbers_are_multiplied_and_levels_choose(written):
    text = written("gaussian", "x*f + x:z + poly(z, 2) + f:poly(x, 2)").replace("\n   +", " +")
    for part in (
        "β(x) · xᵢ", "β(f)[fᵢ]", "β(x:f)[fᵢ] · xᵢ", "β(x:z) · xᵢ · zᵢ", "Σ_b β(poly(z, 2))[b] · poly(z, 2)[b]ᵢ",
        "Σ_b β(f:poly(x, 2))[fᵢ, b] · poly(x, 2)[b]ᵢ",
    ):  # fmt: skip
        assert f" + {part}" in text
    assert "\nβ(f) is 0 at f = f0\n" in text
    assert "is 0" not in written("gaussian", "0 + f")
    assert "β(C(f, reference='f2')) is 0 at C(f, reference='f2') = f2" in written("gaussian", "C(f, reference='f2')")


def test_contrasts_have_a_predictor_a_level(written):
    text = written("categorical", "x*f + (1 + x | g)").replace("\n    +", " +")
    assert "ηₖᵢ = Intercept[k] + β(x)[k] · xᵢ + β(f)[fᵢ, k] + β(x:f)[fᵢ, k] · xᵢ + u₁[gᵢ, k] + u(x)[gᵢ, k] · xᵢ" in text
    assert "    for k = l1, l2; it is 0 for l0" in text


def test_parameters_with_a_formula_have_coefficients_of_their_own(written):
    text = written("gaussian", "x + (1 | g)", sigma="~ z + (1 | g)")
    assert "Normal(μᵢ, σᵢ)" in text
    assert "σᵢ = exp(η(σ)ᵢ)\nη(σ)ᵢ = sigma_Intercept + β(sigma_z) · zᵢ + u(sigma_1|g)[gᵢ]" in text
    assert "u(1|g)[j] ~ Normal(0, 1|g_sigma)" in text
    assert "u(sigma_1|g)[j] ~ Normal(0, sigma_1|g_sigma)" in text


def test_given_parameters_are_given(written):
    assert "Normal(μᵢ, σ)\nμᵢ = Intercept\nσ = 0.25 (given)" in written("gaussian", "1", sigma=bd.known(0.25))
    assert "Normal(μᵢ, wᵢ)" not in written("gaussian", "1", sigma=bd.known("w"))
    assert "Normal(μᵢ, σᵢ)\nμᵢ = Intercept\nσᵢ = wᵢ (given)" in written("gaussian", "1", sigma=bd.known("w"))


@pytest.mark.parametrize(
    ("prior", "shown"),
    [
        ("StudentT(3, 0, HalfNormal(1))", "StudentT(3, 0, 1|g_sigma)"),
        ("Normal(0.5, HalfNormal(1))", "Normal(0.5, 1|g_sigma)"),
        ("Normal(0, 2)", "Normal(0, 2)"),
        ("Laplace(0, HalfNormal(1))", "Laplace(0, 1|g_b)"),
    ],
)
def test_groups_have_the_distribution_that_was_asked_for(prior, shown, of_family):
    model = of_family("gaussian", priors={"1|g": prior})
    assert f"u₁[j] ~ {shown}\n    for each of the 6 levels j of g" in equations(model.spec)


def test_correlated_groups_have_their_own_means(of_family):
    model = of_family("gaussian", "x + (1 + x | g)", priors={"1|g": "Normal(0.5, HalfNormal(1))"})
    assert "(u₁[j], u(x)[j]) ~ MultivariateNormal((0.5, 0), D R D)" in equations(model.spec)
    assert "D = diag(1|g_sigma, x|g_sigma)" in equations(model.spec)


def test_a_smooth_is_a_line_and_a_basis_with_one_sd():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=40), "y": rng.normal(size=40)})
    text = equations(bd.Model("y ~ s(x, k=6, bs='cr')", data, sigma="~ s(x, k=4)").spec)
    middle = data["x"].mean()
    line = f"(xᵢ {'-' if middle >= 0 else '+'} {abs(middle):.6g})"
    assert f"μᵢ = Intercept + β(s(x)_linear) · {line}\n   + Σ_b β(s(x))[b] · Z[b](x)ᵢ\n" in text
    assert f"sigma_Intercept + β(sigma_s(x)_linear) · {line}\n      + Σ_b β(sigma_s(x))[b] · Z[b](x)ᵢ\n" in text
    assert "\nβ(s(x))[b] ~ Normal(0, s(x)_sigma)\nβ(sigma_s(x))[b] ~ Normal(0, sigma_s(x)_sigma)" in text
