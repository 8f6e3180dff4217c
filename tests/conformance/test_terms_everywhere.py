"""Every term wherever a term may stand: in each parameter's formula, behind every door of a fit, in cards and estimators."""

import html
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import TERMS
from bayesdeep.fit import Fit
from bayesdeep.graph.evaluate import forward_draws
from bayesdeep.report.mathematics import equations

from .examples import columns, example_of, matrices_of, reads_of, setting
from .test_term_laws import WHAT

DRAWS = 60


def text(name: str) -> str:
    return str(example_of(TERMS[name], "term", name, WHAT))


def model(name: str, formula: str = "", **options: Any) -> bd.Model:
    data = columns()
    arrays = matrices_of(TERMS[name], data)
    reads = reads_of(TERMS[name]) if not formula or "{}" in formula else {}
    if not formula:
        response, options = setting(TERMS[name])
        formula = f"{response} ~ {{}}"
    return bd.Model(formula.format(text(name)), data, arrays=arrays, **reads, **options)


def linear(name: str) -> bool:
    """Return whether the models of these laws are linear in their coefficients, so that they are fitted without a compiler."""
    return all(TERMS[term.kind].effects is not None for term in model(name).spec.predictors[0].terms)


@cache
def fitted(name: str) -> Fit:
    """Return a fit of the term alone: the posterior where that is quick, a mode where it is not."""
    options = {"draws": DRAWS} if linear(name) else {}
    return model(name).fit("collapsed" if linear(name) else "map", seed=1, progress=False, **options)


def it_may_stand_in_another_parameters_formula(name: str, tmp: Path) -> None:
    if any("noise" in TERMS[term.kind].words(term.state) for term in model(name).spec.predictors[0].terms):
        with pytest.raises(bd.FormulaError, match="normal responses"):
            model(name, "y ~ 1", sigma=f"~ {text(name)}")
        return
    if TERMS[name].example_reads:
        with pytest.raises(bd.FormulaError, match="no column"):  # formulas of the family's parameters are sums of terms
            model(name, "y ~ 1", sigma=f"~ {text(name)}")
        return
    if any("by_threshold" in TERMS[term.kind].words(term.state) for term in model(name).spec.predictors[0].terms):
        with pytest.raises(bd.FormulaError, match="family 'gaussian' has no thresholds"):
            model(name, "y ~ 1", sigma=f"~ {text(name)}")
        return
    alone, made = bd.Model("y ~ 1", columns()), model(name, "y ~ 1", sigma=f"~ {text(name)}")
    graph = made._graph
    found = forward_draws(graph, list(graph.reported), 3, {}, 1)
    own = {quantity for quantity in found if quantity not in alone._graph.reported}
    assert all(np.isfinite(values).all() for values in found.values())
    if text(name) != "1" and not any(t.kind == "offset" for t in made.spec.predictors[1].terms):
        assert own, "the term is nowhere in the posterior"
        assert all(quantity.startswith("sigma") for quantity in own), own


def a_saved_fit_predicts_the_same(name: str, tmp: Path) -> None:
    fit = fitted(name)
    again = bd.load(fit.save(tmp / "fit.nc"))
    new = columns().iloc[[3, 1, 40]]
    for rows in (None, new):
        one, other = (f.draws(rows, kind="linear") for f in (fit, again))
        np.testing.assert_allclose(other, one, rtol=1e-12)
    whole = fit.draws(kind="linear").values
    np.testing.assert_allclose(fit.draws(new, kind="linear").values, whole[..., [3, 1, 40]], rtol=1e-8, atol=1e-10)


def a_card_says_the_same_model(name: str, tmp: Path) -> None:
    made = model(name)
    columns().to_csv(tmp / "data.csv", index=False)
    again = bd.Model.from_card(made.to_card(tmp / "model.toml"))
    assert again.spec.formulas == made.spec.formulas
    assert [str(p.prior) for p in again.spec.priors] == [str(p.prior) for p in made.spec.priors]


def slopes_curves_and_the_budget_are_numbers(name: str, tmp: Path) -> None:
    fit, alone = fitted(name), re.sub(r"\|.*", "", text(name))
    for column in sorted({"x", "z", "a"} & set(re.findall(r"\w+", alone))):
        assert np.isfinite(fit.slopes(column, new_groups="average")["estimate"]).all()
        assert np.isfinite(fit.curve(column, new_groups="average")[["estimate", "lower", "upper"]]).all().all()
    if linear(name):
        shares = fit.budget()
        assert np.isfinite(shares.select_dtypes("number")).all().all()


def it_is_scored_by_leaving_rows_out(name: str, tmp: Path) -> None:
    fit = fitted(name)
    if linear(name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of rows that surprise a model of sixty
            assert np.isfinite(fit.loo().elpd)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of rows between others in time, which is no forecast
        folds = fit.kfold(k=3, seed=1, progress=False)
    assert np.isfinite(folds.elpd)


def a_report_writes_it_down(name: str, tmp: Path) -> None:
    fit = fitted(name)
    page = html.unescape(bd.report(fit, tmp / "report.html").read_text(encoding="utf-8"))
    lines = [line.strip() for line in equations(fit.spec).splitlines() if line.strip()]
    assert len(lines) > 1
    assert not [line for line in lines if line not in page]


def rows_on_disk_give_the_same_or_are_refused(name: str, tmp: Path) -> None:
    data, path = columns(), tmp / "rows.parquet"
    data.to_parquet(path)
    arrays = matrices_of(TERMS[name], data)
    made, refused = None, ""
    response, options = setting(TERMS[name])
    try:
        made = bd.Model(f"{response} ~ {text(name)}", path, arrays=arrays, **options, **reads_of(TERMS[name]))
    except bd.BayesdeepError as error:
        refused = str(error)
    if made is None:
        assert text(name).partition("(")[0].strip() in refused or "rows" in refused, refused
        return
    ours, theirs = made.fit(seed=1, draws=DRAWS, progress=False).summary(kind="stats"), fitted(name).summary(kind="stats")
    assert list(ours.index) == list(theirs.index)
    assert float(((ours["mean"] - theirs["mean"]).abs() / theirs["sd"]).max()) < 1e-3


def an_estimator_takes_it(name: str, tmp: Path) -> None:
    if TERMS[name].matrices:
        pytest.skip("estimators have no place for matrices")
    data = columns()
    if TERMS[name].example_family != "gaussian":
        pytest.skip("the regressor is of numbers; a classifier's formula is tested with its family")
    made = bd.sklearn.BayesRegressor(
        f"y ~ {text(name)}", method="collapsed" if linear(name) else "map", draws=DRAWS if linear(name) else None, random_state=1,
        **reads_of(TERMS[name]),
    ).fit(data.drop(columns="y"), data["y"])
    ours = made.predict(data.drop(columns="y"))
    np.testing.assert_allclose(ours, fitted(name).predict()["mean"], rtol=1e-6)


QUICK = (
    it_may_stand_in_another_parameters_formula,
    a_saved_fit_predicts_the_same,
    a_card_says_the_same_model,
    slopes_curves_and_the_budget_are_numbers,
    rows_on_disk_give_the_same_or_are_refused,
    an_estimator_takes_it,
)
DEAR = (it_is_scored_by_leaving_rows_out, a_report_writes_it_down)


@pytest.mark.few(4)
@pytest.mark.parametrize("law", QUICK, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", TERMS)
def test_law(name: str, law: Any, tmp_path: Path) -> None:
    law(name, tmp_path)


@pytest.mark.integration
@pytest.mark.parametrize("law", DEAR, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", TERMS)
def test_dear_law(name: str, law: Any, tmp_path: Path) -> None:
    law(name, tmp_path)
