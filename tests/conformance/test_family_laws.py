"""Laws of every family: what it draws has the moments it says, is coded as itself, and can be a model's response."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Aux, Family, Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.ops.glm_likelihood import KINDS, base_of, by_numpy

from .examples import columns, lacks

TRIALS, ROWS = 7, 4000
LEVELS = {"contrast": 3, "cut": 4}


def auxiliary(family: Family, link: str | None = None) -> Aux:
    levels = next((LEVELS[p.shape] for p in family.parameters if p.shape in LEVELS), None)
    trials = pt.constant(TRIALS, dtype="int64") if "trials" in family.words else None
    return Aux(LINKS[link or family.main.links[0]], trials, levels)


def parameters(family: Family, rows: int) -> dict[str, Any]:
    """Return the example's parameters, the main one by row."""
    missing = [p.name for p in family.parameters if p.name not in family.example]
    if missing:
        lacks("family", family.name, f"a value for {', '.join(missing)} in its example, from which tests simulate")
    given = {p.name: np.asarray(family.example[p.name], dtype=float) for p in family.parameters}
    main = given[family.main.name]
    given[family.main.name] = np.broadcast_to(main, (rows, *main.shape)).copy()
    return {name: pt.as_tensor(value) for name, value in given.items()}


def simulated(family: Family, rows: int = ROWS, seed: int = 3) -> np.ndarray:
    rv = family.rv(parameters(family, rows), auxiliary(family))
    return pm.compile([], rv, mode=array_mode(), random_seed=seed)()


def evaluated(tensor: Any) -> np.ndarray:
    return pytensor.function([], tensor, mode=array_mode())()


def response(family: Family, values: np.ndarray) -> Response:
    """Return simulated values as data that have not been seen by the family: labels for levels, whole numbers for counts."""
    if "several_columns" in family.words:
        return Response("a", values.astype(float), levels=tuple("abc"))
    if "levels" in family.words:
        labels = tuple(f"l{k}" for k in range(auxiliary(family).levels or 2))
        return Response("y", values.astype(np.int64), levels=labels, ordered="ordered" in family.words)
    trials = np.full(len(values), TRIALS) if "trials" in family.words else None
    return Response("y", values.astype(float), trials=trials)


def moments_are_those_of_draws(family: Family) -> None:
    params, aux, draws = parameters(family, ROWS), auxiliary(family), simulated(family)
    mean = evaluated(family.mean(params, aux))
    if mean.ndim == 2 and draws.ndim == 1:
        draws = (draws[:, None] == np.arange(mean.shape[1])).astype(float)
    error = draws.std(axis=0) / np.sqrt(ROWS)
    assert (np.abs(draws.mean(axis=0) - mean.mean(axis=0)) < 4.5 * error + 1e-12).all()
    if family.variance is not None:
        given = family.variance(params, aux) + pt.zeros((ROWS,))
        squares = (draws - mean) ** 2
        np.testing.assert_array_less(
            abs(squares.mean() - evaluated(given).mean()), 4.5 * squares.std() / np.sqrt(ROWS) + 1e-12
        )


def draws_are_coded_as_themselves(family: Family) -> None:
    values = simulated(family, 200)
    coded = family.code(response(family, values))
    np.testing.assert_array_equal(coded.value, values)
    assert coded.value.dtype == (np.int64 if "discrete" in family.words else np.float64)
    np.testing.assert_array_equal(family.code(coded).value, values)


def strange_responses_are_coded_or_refused(family: Family) -> None:
    strange = [
        Response("y", np.array([0, 1, 2]), levels=("a", "b", "c")),
        Response("y", np.array([1.0, np.inf, 2.0])),
        Response("y", np.array([0.5, -3.25, 2.0])),
        Response("y", np.array([[1.0, 2.0], [0.5, 1.0]]), levels=("a", "b")),
        Response("y", np.array([3.0, 3.0, 3.0])),
    ]
    texts: list[str] = []
    for given in strange:
        try:
            assert np.isfinite(family.code(given).value).all()
        except DataError as error:
            texts.append(str(error))
    assert all(text.startswith(f"data: column 'y': {family.name} needs") for text in texts), texts
    assert texts, f"the family '{family.name}' takes text, infinities, negative numbers and tables alike; let code refuse"


def responses_are_those_of_its_support(family: Family) -> None:
    """What it takes lies between the ends it declares, an end itself only where it has a probability; and what it draws, too."""
    if family.words & {"levels", "several_columns", "two_levels"}:
        return  # what these take are labels
    whole, (low, high) = "discrete" in family.words, family.support
    assert low < high
    assert all(low <= atom <= high for atom in family.atoms)
    drawn = simulated(family, 200)
    assert ((drawn >= low) & (drawn <= high)).all()
    step = 1.0 if whole else 1e-3
    near = [(end + sign * step, sign > 0) for end, sign in ((low, 1), (low, -1)) if np.isfinite(end)]
    near += [(end - sign * step, sign > 0) for end, sign in ((high, 1), (high, -1)) if np.isfinite(end)]
    near += [(end, whole or end in family.atoms) for end in (low, high) if np.isfinite(end) and abs(end) != np.pi]
    near += [(value, True) for value in (-1e6, 1e6) if low < value < high and not ("trials" in family.words or high < np.inf)]
    inside = float(drawn[0])
    for value, possible in near:
        given = response(family, np.array([inside, value]))
        try:
            family.code(given)
            taken = True
        except DataError:
            taken = False
        says = "takes" if taken else "refuses"
        assert taken == possible, f"the family '{family.name}' says support={family.support} and its code {says} {value:g}"


def draws_can_be_a_model_s_response(family: Family) -> None:
    data = columns()
    values = simulated(family, len(data))
    if values.ndim == 2:
        left, data[["a", "b", "c"]] = "c(a, b, c)", values
    elif "trials" in family.words:
        left, data["y"], data["n"] = "prop(y, n)", values, TRIALS
    else:
        left, data["y"] = "y", labelled(family, values) if "levels" in family.words else values
    model = bd.Model(f"{left} ~ x", data, family=family)
    assert np.isfinite(model.pymc.compile_logp(mode=array_mode())(model.pymc.initial_point()))


def labelled(family: Family, values: np.ndarray) -> pd.Categorical:
    labels = [f"l{k}" for k in range(auxiliary(family).levels or 2)]
    return pd.Categorical.from_codes(values.astype(int), labels, ordered="ordered" in family.words)


def information_is_expected_curvature(family: Family) -> None:
    if family.information is None:
        return
    said = 0
    for link in family.main.links:
        known = {p.name: float(np.asarray(family.example[p.name])) for p in family.parameters[1:]}
        eta = np.linspace(-0.4, 0.8, 5)
        values = np.asarray(simulated(family, 5), dtype=float)
        given = Response("y", values, trials=np.full(5, TRIALS) if "trials" in family.words else None)
        found = family.information(eta, given, link, known)
        if found is None:
            continue
        said += 1
        slope, certain = found
        assert slope.shape == certain.shape == (5,)
        assert (certain > 0).all()
        if known and family.information(eta, given, link, {}) is not None:
            continue  # what it does without its other parameters it estimates from the rows, roughly
        place = pt.dvector()
        main = place if family.main.link_in_family else LINKS[link].inverse(place)
        params = {family.main.name: main, **{k: pt.as_tensor(v) for k, v in known.items()}}
        logp = pm.logp(family.rv(params, auxiliary(family, link)), values).sum()
        exact = pytensor.function([place], pt.grad(logp, place), mode=array_mode())(eta)
        np.testing.assert_allclose(slope, exact, rtol=1e-6)
        mean = pytensor.function([place], family.mean(params, auxiliary(family, link)), mode=array_mode())
        change = (mean(eta + 1e-5) - mean(eta - 1e-5)) / 2e-5
        spread = pytensor.function(
            [place], family.variance(params, auxiliary(family, link)) + pt.zeros_like(place), mode=array_mode()
        )(eta)
        np.testing.assert_allclose(certain, change**2 / spread, rtol=1e-4)  # of exponential families
    assert said, f"the family '{family.name}' has information but says it for none of its links"


def fused_likelihood_is_the_definition(family: Family) -> None:
    for link, kind in family.fused.items():
        assert KINDS[kind] == link
        eta = np.linspace(-3, 3, 40)
        values = np.asarray(simulated(family, 40), dtype=float)
        trials = [np.full(40, float(TRIALS))] if "trials" in family.words else []
        rest = [] if kind == "bernoulli" else [*trials, base_of(kind, values, trials)]
        main = eta if family.main.link_in_family else LINKS[link].inverse(pt.as_tensor(eta))
        exact = evaluated(pm.logp(family.rv({family.main.name: pt.as_tensor(main)}, auxiliary(family, link)), values))
        np.testing.assert_allclose(by_numpy(kind, eta, values, *rest)[0], exact, rtol=1e-9, atol=1e-12)


LAWS = (
    moments_are_those_of_draws,
    draws_are_coded_as_themselves,
    strange_responses_are_coded_or_refused,
    responses_are_those_of_its_support,
    draws_can_be_a_model_s_response,
    information_is_expected_curvature,
    fused_likelihood_is_the_definition,
)


@pytest.mark.few(150, more=70)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", FAMILIES)
def test_law(name: str, law: Any) -> None:
    law(FAMILIES[name])


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_laws_of_a_visitor(worked: dict[str, Any], law: Any) -> None:
    law(worked["FAMILY"])


def test_a_family_without_an_example_is_told_what_to_add() -> None:
    with pytest.raises(pytest.fail.Exception, match="lacks a value for mu, sigma in its example"):
        moments_are_those_of_draws(replace(FAMILIES["gaussian"], example={}))


@cache
def student(nu: float = 4.0) -> Family:
    base = FAMILIES["student_t"]

    def rv(params: Any, aux: Aux) -> Any:
        return base.rv({**params, "nu": nu}, aux)

    return replace(
        base, name="my_student", parameters=base.parameters[:2], rv=rv, variant=student, variance=None,
        log_survival=None, modifiers=frozenset({"weighted"}), example={"mu": 1.3, "sigma": 0.7},
    )  # fmt: skip


def test_a_family_with_options_is_a_name_with_options(visitors: None) -> None:
    bd.register(student())
    data = columns()
    model = bd.Model("y ~ x", data, family=student().of(nu=3.0))
    assert model.spec.family == "my_student(nu=3.0)"
    assert bd.Model("y ~ x", data, family="my_student(nu=3.0)").spec == model.spec
    assert "my_student" in FAMILIES.names()
    assert "my_student(nu=3.0)" not in FAMILIES.names()
    fit = model.fit("map", seed=1, progress=False)
    assert np.isfinite(fit.predict({"x": [0.0]})["mean"]).all()
    with pytest.raises(FormulaError, match="takes no options"):
        FAMILIES["poisson"].of(k=3)
    with pytest.raises(FormulaError, match="my_student"):
        student().of(df=3)
    with pytest.raises(FormulaError, match="unknown family 'my_student"):
        bd.Model("y ~ x", data, family="my_student(nu=__import__('os'))")
