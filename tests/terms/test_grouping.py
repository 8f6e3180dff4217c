"""What may stand right of a bar: groups with a known covariance, rows of several groups, and a stranger's own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.collapse.linear_layout import layout_of
from bayesdeep.collapse.moments import centre_of, moments_of
from bayesdeep.collapse.row_values import addends
from bayesdeep.collapse.system import system_of
from bayesdeep.core.registry import TERMS
from bayesdeep.core.terms import Term
from bayesdeep.formula.expand import columns, expand, grouping_columns
from bayesdeep.formula.parser import parse
from bayesdeep.graph.evaluate import function_of, row_function
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.report.mathematics import equations

LEVELS = ("a", "b", "c", "d", "e", "f")
"""Those of the covariance; no row has the last."""


def data(rows: int = 60, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    g, h = rng.integers(0, 5, rows), rng.integers(1, 6, rows)
    w1, w2 = rng.uniform(0.2, 1.5, (2, rows))
    y = 1.0 + 0.5 * x + np.linspace(-1, 1, 6)[g] + rng.normal(0, 0.5, rows)
    frame = pd.DataFrame({"y": y, "x": x, "w1": w1, "w2": w2, "count": rng.poisson(np.exp(0.2 * x + 0.3 * (g - 2)))})
    return frame.assign(g=[LEVELS[i] for i in g], h=[LEVELS[i] for i in h], k=[f"k{i}" for i in rng.integers(0, 3, rows)])


def covariance(levels: tuple[Any, ...] = LEVELS, seed: int = 2) -> pd.DataFrame:
    own = np.random.default_rng(seed).normal(size=(len(levels), len(levels) + 3))
    return pd.DataFrame(own @ own.T / len(levels), index=levels, columns=levels)


def identity(levels: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(np.eye(len(levels)), index=levels, columns=levels)


def marginal(model: bd.Model, points: np.ndarray) -> np.ndarray:
    """Return the log marginal likelihood of the collapsed system at its hyperparameters ``(batch, dim)``."""
    rows = model.__dict__["_rows"]
    layout = layout_of(model.spec)
    centre = centre_of(layout, rows.arrays, rows.response)
    system = system_of(model.spec, layout, moments_of(layout, rows.arrays, rows.response, centre), centre)
    return plan(system).log_likelihood(scales_of(system, points))


def dense(frame: pd.DataFrame, z: np.ndarray, blocks: Any, sigma: float, beta_sd: tuple[float, float]) -> float:
    """Return the log density of ``y`` as one multivariate normal, with coefficients integrated out by hand."""
    from scipy.stats import multivariate_normal

    design = np.column_stack([np.ones(len(frame)), frame["x"] - frame["x"].mean()])
    total = design @ np.diag(np.square(beta_sd)) @ design.T + z @ blocks @ z.T + sigma**2 * np.eye(len(frame))
    return float(multivariate_normal(np.zeros(len(frame)), total).logpdf(frame["y"]))


PRIORS = {"Intercept": "Normal(0, 3)", "x": "Normal(0, 2)"}


def incidence(frame: pd.DataFrame, weights: dict[str, np.ndarray], levels: tuple[str, ...]) -> np.ndarray:
    found = np.zeros((len(frame), len(levels)))
    for column, weight in weights.items():
        found[np.arange(len(frame)), [levels.index(v) for v in frame[column]]] += weight
    return found


def test_collapsed_density_of_related_groups_is_the_dense_one() -> None:
    frame, table = data(), covariance()
    model = bd.Model("y ~ x + (1 + x | gr(g, cov=A))", frame, priors=PRIORS, arrays={"A": table})
    z = incidence(frame, {"g": np.ones(len(frame))}, LEVELS)
    sds, rho, sigma = np.array([0.8, 0.3]), 0.4, 0.6
    sigma_u = np.outer(sds, sds) * np.array([[1, rho], [rho, 1]])
    rows = np.hstack([z, z * frame[["x"]].to_numpy()])
    expected = dense(frame, rows, np.kron(sigma_u, table.to_numpy()), sigma, (3.0, 2.0))
    found = marginal(model, _points(model, {"1|g_sigma": 0.8, "x|g_sigma": 0.3, "sigma": sigma, "corr": rho}))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("options", ["", ", weights=[w1, w2]", ", weights=[w1, w2], scale=False"])
def test_collapsed_density_of_several_memberships_is_the_dense_one(options: str) -> None:
    frame = data()
    model = bd.Model(f"y ~ x + (1 | mm(g, h{options}))", frame, priors=PRIORS)
    given = frame[["w1", "w2"]].to_numpy() if options else np.full((len(frame), 2), 0.5)
    given = given if "False" in options else given / given.sum(axis=1, keepdims=True)
    z = incidence(frame, {"g": given[:, 0], "h": given[:, 1]}, LEVELS)
    expected = dense(frame, z, 0.7**2 * np.eye(6), 0.6, (3.0, 2.0))
    found = marginal(model, _points(model, {"1|mm(g, h)_sigma": 0.7, "sigma": 0.6}))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def _points(model: bd.Model, values: dict[str, float]) -> np.ndarray:
    """Return the system's coordinates of values by the hyperparameters' names."""
    rows, layout = model.__dict__["_rows"], layout_of(model.spec)
    system = system_of(model.spec, layout, moments_of(layout, rows.arrays, rows.response, 0.0), 0.0)
    found = [np.log(values[h.name]) if h.kind == "scale" else np.arctanh(values["corr"]) for h in system.hyperparameters]
    return np.array([found])


def test_an_identity_is_no_relation_and_equal_members_are_one() -> None:
    frame = data()
    known = tuple(sorted(set(frame["g"])))
    plain = bd.Model("y ~ x + (1 + x | g)", frame, priors=PRIORS)
    related = bd.Model("y ~ x + (1 + x | gr(g, cov=A))", frame, priors=PRIORS, arrays={"A": identity(known)})
    members = bd.Model("y ~ x + (1 + x | mm(g, g2))", frame.assign(g2=frame["g"]), priors=PRIORS)
    points = np.random.default_rng(0).normal(scale=0.5, size=(4, 4))
    expected = marginal(plain, points)
    np.testing.assert_allclose(marginal(related, points), expected, rtol=1e-9)
    np.testing.assert_allclose(marginal(members, points), expected, rtol=1e-9)
    assert {p.name for p in related.spec.priors} == {p.name for p in plain.spec.priors}


def test_posterior_mean_of_related_groups_is_generalised_least_squares() -> None:
    frame, table = data(), covariance()
    priors = {**PRIORS, "1|g": "Normal(0, 0.8)"}
    model = bd.Model("y ~ x + (1 | gr(g, cov=A))", frame, priors=priors, arrays={"A": table}, sigma=bd.known(0.6))
    draws = model.fit("collapsed", seed=1, draws=2000, progress=False).posterior["1|g"]
    z = incidence(frame, {"g": np.ones(len(frame))}, LEVELS)
    design = np.column_stack([np.ones(len(frame)), frame["x"] - frame["x"].mean()])
    prior = 0.8**2 * table.to_numpy()
    noise = design @ np.diag([9.0, 4.0]) @ design.T + 0.36 * np.eye(len(frame))
    gain = prior @ z.T @ np.linalg.inv(z @ prior @ z.T + noise)
    expected, left = gain @ frame["y"].to_numpy(), prior - gain @ z @ prior
    flat = draws.to_numpy().reshape(-1, 6)
    apart = (flat.mean(axis=0) - expected) / np.sqrt(np.diag(left) / len(flat))
    assert np.abs(apart).max() < 4.5
    np.testing.assert_allclose(np.cov(flat.T), left, atol=0.12 * np.diag(left).max())
    assert list(draws["g"].values) == list(LEVELS)


@pytest.mark.parametrize("formula", ["y ~ x + (1 + x | gr(g, cov=A))", "y ~ x + (1 + x | mm(g, h, weights=[w1, w2]))"])
def test_the_graph_says_what_numpy_says(formula: str) -> None:
    frame = data()
    model = bd.Model(formula, frame, arrays={"A": covariance()} if "cov" in formula else None)
    from bayesdeep.graph.evaluate import forward_draws

    graph = model._graph
    draws = forward_draws(graph, list(graph.reported), 5, {}, 1)
    total = sum(addends(model.spec, draws, model.__dict__["_rows"].arrays).values())
    np.testing.assert_allclose(row_function(graph, ["linear"])(draws)[0], total, rtol=1e-10)


def test_effects_of_the_graph_have_the_given_covariance() -> None:
    from bayesdeep.graph.evaluate import forward_draws

    frame, table = data(), covariance()
    priors = {"1|g": "Normal(0, 2)"}
    graph = bd.Model("count ~ x + (1 | gr(g, cov=A))", frame, "poisson", priors=priors, arrays={"A": table})._graph
    draws = forward_draws(graph, ["1|g"], 20_000, {}, 1)["1|g"]
    np.testing.assert_allclose(np.cov(draws.T), 4.0 * table.to_numpy(), atol=0.15 * 4.0 * np.diag(table).max())


def test_labels_are_matched_by_what_they_read_in_whatever_order() -> None:
    frame = data().assign(g=lambda d: [LEVELS.index(v) + 1 for v in d["g"]])
    table = covariance(tuple(str(i) for i in range(1, 7)))
    mixed = table.sample(frac=1.0, random_state=3)
    first = bd.Model("y ~ (1 | gr(g, cov=A))", frame, arrays={"A": table})
    second = bd.Model("y ~ (1 | gr(g, cov=A))", frame, arrays={"A": mixed})
    labels = TERMS["gr"].groups(second.spec.predictors[0].terms[1].state)["g"]
    assert labels == tuple(mixed.index)
    points = np.zeros((1, 2))
    np.testing.assert_allclose(marginal(first, points), marginal(second, points), rtol=1e-10)
    listed = table.reset_index()
    assert bd.Model("y ~ (1 | gr(g, cov=A))", frame, arrays={"A": listed}).spec == first.spec
    import polars as pl

    assert bd.Model("y ~ (1 | gr(g, cov=A))", frame, arrays={"A": pl.from_pandas(listed)}).spec == first.spec


def _broken(change: str) -> Any:
    table = covariance()
    if change == "narrow":
        return table.iloc[:, :5]
    if change == "labels":
        return table.rename(columns={"a": "z"})
    if change == "lopsided":
        return table.assign(a=table["a"] + 0.5)
    if change == "indefinite":
        return table - 0.9 * np.eye(6) * np.linalg.eigvalsh(table)[-1]
    if change == "twice":
        return table.rename(index={"a": "b"}, columns={"a": "b"})
    if change == "missing":
        return table.mask(table == table.loc["b", "c"])
    return table.to_numpy()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("narrow", "is 6 by 5, not square"),
        ("labels", "rows and columns have different labels; no row is called 'z'"),
        ("lopsided", "is not symmetric: 'a' with|is not symmetric"),
        ("indefinite", "not positive definite: its smallest eigenvalue is -"),
        ("twice", "the label 'b' is there twice"),
        ("missing", "missing or infinite"),
        ("bare", "ndarray, without labels"),
    ],
)
def test_tables_that_are_no_labelled_covariance(change: str, text: str) -> None:
    with pytest.raises(bd.DataError, match=text):
        bd.Model("y ~ (1 | gr(g, cov=A))", data(), arrays={"A": _broken(change)})


def test_too_many_levels_are_refused_with_the_reason() -> None:
    with pytest.raises(bd.DataError, match="2,001 levels, more than the 2,000"):
        bd.Model("y ~ (1 | gr(g, cov=A))", data(), arrays={"A": identity(tuple(range(2001)))})


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("y ~ (1 | gr(g, cov=B))", "there is no matrix 'B'|no formula uses the matrix 'A'"),
        ("y ~ x", "no formula uses the matrix 'A'"),
        ("y ~ gr(g, cov=A)", r"stands right of '\|'"),
        ("y ~ (1 | gr(g, cov=A):k)", "stands alone"),
        ("y ~ (1 | gr(g))", "no formula uses the matrix 'A'"),
        ("y ~ (1 | gr(g, cov=A, by=k))", "give cov= or by="),
        ("y ~ (1 | gr(g, cov=\"A\"))", "the name of a matrix"),
        ("y ~ (1 | gr(C(g), cov=A))", "takes columns that group rows"),
        ("y ~ (net(x) | gr(g, cov=A))", "varies by the levels of columns"),
        ("y ~ (1 | g) + (1 | gr(g, cov=A))", "copy the column under another name"),
        ("y ~ (1 | gr(k, cov=K)) + (0 + x | k)", "copy the column under another name"),
        ("y ~ (1 | mm(g)) + (1 | gr(h, cov=A))", "two or more columns"),
        ("y ~ (1 | mm(g, h, g)) + (1 | gr(k, cov=K))", "'g' is given twice"),
        ("y ~ (1 | mm(g, h, weights=[w1])) + (1 | gr(k, cov=A))", "a list of 2 columns"),
        ("y ~ (1 | mm(g, h, weights=[w1, w2], scale=1)) + (1 | gr(k, cov=A))", "scale is True or False"),
        ("y ~ (1 | mm(g, h, weights=[w1, nowhere])) + (1 | gr(g, cov=A))", "no column 'nowhere'"),
    ],
)
def test_formulas_that_are_refused(formula: str, text: str) -> None:
    with pytest.raises(bd.BayesdeepError, match=text):
        bd.Model(formula, data(), arrays={"K": identity(("k0", "k1", "k2"))} if "K" in formula else {"A": covariance()})


def test_levels_that_the_matrix_lacks_are_refused_when_fitting_and_when_predicting() -> None:
    frame, table = data(), covariance()
    with pytest.raises(bd.DataError, match="column 'g' has a level that matrix 'A' has not: 'e'"):
        bd.Model("y ~ (1 | gr(g, cov=A))", frame, arrays={"A": table.drop(index="e", columns="e")})
    fit = bd.Model("y ~ (1 | gr(g, cov=A))", frame, arrays={"A": table}).fit("collapsed", seed=1, draws=50, progress=False)
    # A level of the matrix without rows is no new group: nothing is warned of, or refused.
    assert np.isfinite(fit.predict(frame.head(1).assign(g="f"), new_groups="raise")["mean"]).all()
    with pytest.raises(bd.DataError, match="matrix 'A' has not: 'zz'"):
        fit.predict(frame.head(1).assign(g="zz"), new_groups="sample")


def test_a_new_member_in_two_columns_is_one() -> None:
    frame = data()
    fit = bd.Model("y ~ (1 | mm(g, h))", frame).fit("collapsed", seed=1, draws=400, progress=False)
    rows = pd.DataFrame({"g": ["new", "new", "other"], "h": ["new", "newer", "a"]})
    draws = fit.draws(rows, kind="linear", new_groups="sample", seed=3)
    flat = draws.stack(sample=("chain", "draw")).transpose(..., "sample").to_numpy()
    flat = flat - fit.posterior["Intercept"].to_numpy().ravel()
    sd = fit.posterior["1|mm(g, h)_sigma"].to_numpy().ravel()
    # One new member twice has the variance of one; two new ones, halved each, half of it.
    ratio = flat[0].std() / flat[1].std()
    assert ratio == pytest.approx(np.sqrt(2.0), rel=0.15)
    assert flat[0].std() == pytest.approx(np.sqrt((sd**2).mean()), rel=0.15)
    at_centre = fit.draws(rows, kind="linear", new_groups="average")
    own = at_centre.stack(sample=("chain", "draw")).transpose(..., "sample").to_numpy()
    np.testing.assert_allclose(own[0], fit.posterior["Intercept"].to_numpy().ravel())
    with pytest.raises(bd.FitError, match="3 groups the model was not fitted to"):
        fit.predict(rows, new_groups="raise")


def test_weights_that_cannot_be_divided_by_their_sum() -> None:
    frame = data()
    frame.loc[3, ["w1", "w2"]] = [0.0, 0.0]
    with pytest.raises(bd.DataError, match="weights of row 4 are 0, 0"):
        bd.Model("y ~ (1 | mm(g, h, weights=[w1, w2]))", frame)
    bd.Model("y ~ (1 | mm(g, h, weights=[w1, w2], scale=False))", frame)
    frame.loc[3, "w1"] = np.nan
    with pytest.raises(bd.DataError, match="w1"):
        bd.Model("y ~ (1 | mm(g, h, weights=[w1, w2], scale=False))", frame)


def test_which_names_are_columns() -> None:
    parsed = parse("y ~ . + (1 | mm(g, h, weights=[w1, I(1 - w1)])) + (x | gr(k, cov=A))")
    assert grouping_columns(parsed) == ("g", "h", "w1", "k")
    found = expand(parsed, ("x", "z"))
    assert columns(found) == ("y", "x", "z", "g", "h", "w1", "k")
    frame = data().drop(columns=["count"])
    model = bd.Model("y ~ . + (1 | mm(g, h, weights=[w1, w2]))", frame)
    assert model.spec.others == ("x", "k")


def test_a_saved_fit_a_card_and_refits_need_no_arrays(tmp_path: Path) -> None:
    frame, table = data(40), covariance()
    model = bd.Model("y ~ x + (1 | gr(g, cov=A))", frame, arrays={"A": table}, priors=PRIORS)
    fit = model.fit("collapsed", seed=1, draws=50, progress=False)
    fit.save(tmp_path / "fit.nc")
    again = bd.load(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(again.predict(frame.head(4)), fit.predict(frame.head(4)))
    frame.to_csv(tmp_path / "data.csv", index=False)
    card = model.to_card(tmp_path / "card.toml")
    assert 'A = "A.csv"' in card.read_text(encoding="utf-8")
    assert bd.Model.from_card(card).spec.predictors == model.spec.predictors
    with pytest.raises(bd.CardError, match="overwrite"):
        model.to_card(tmp_path / "other.toml")
    with pytest.raises(bd.CardError, match="file of a matrix"):
        model.to_card(tmp_path / "other.toml", data="A.csv", overwrite=True)
    folds = fit.kfold(k=5, by="g", progress=False)
    assert np.isfinite(folds.elpd)


def test_several_memberships_are_no_units_to_leave_out() -> None:
    fit = bd.Model("y ~ (1 | mm(g, h))", data(40)).fit("collapsed", seed=1, draws=50, progress=False)
    with pytest.raises(bd.FitError, match="several groups of 'mm\\(g, h\\)' at once"):
        fit.kfold(k=2, by="mm(g, h)", progress=False)
    with pytest.raises(bd.FitError, match="several groups"):
        bd.plot.shrinkage(fit)
    table = fit.budget()
    np.testing.assert_allclose(table["total"], table.drop(columns="total").sum(axis=1))


def test_priors_go_by_the_names_that_are_shown() -> None:
    model = bd.Model("y ~ x + (1 | mm(g, h))", data(), priors={"1|mm(g, h)_sigma, sigma": "HalfNormal(1)"})
    assert str(model.priors.loc["1|mm(g, h)_sigma", "prior"]) == "HalfNormal(1)"


def test_mathematics_says_which_law_it_is() -> None:
    frame = data()
    text = equations(bd.Model("y ~ (1 | gr(g, cov=A))", frame, arrays={"A": covariance()}).spec)
    assert "u₁[gᵢ]" in text
    assert "u₁ ~ MultivariateNormal(0, 1|g_sigma² A)" in text
    text = equations(bd.Model("y ~ (1 + x | gr(g, cov=A))", frame, arrays={"A": covariance()}).spec)
    assert "MultivariateNormal(0, D R D ⊗ A)" in text
    text = equations(bd.Model("y ~ (1 | mm(g, h))", frame).spec)
    assert "Σₘ wₘᵢ u₁[mm(g, h)ₘᵢ]" in text
    assert "for each of the 6 levels j of mm(g, h)" in text


def test_rows_on_disk_are_refused(tmp_path: Path) -> None:
    frame = data()
    frame.to_parquet(tmp_path / "data.parquet")
    for formula, arrays in [("y ~ (1 | gr(g, cov=A))", {"A": covariance()}), ("y ~ (1 | mm(g, h))", None)]:
        with pytest.raises(bd.BayesdeepError, match="on disk"):
            bd.Model(formula, str(tmp_path / "data.parquet"), arrays=arrays)


@pytest.mark.parametrize("parameter", ["mean", "sigma"])
def test_other_parameters_and_terms_stand_beside(parameter: str) -> None:
    frame, table = data(), covariance()
    term = "(1 | gr(g, cov=A))"
    text = {"sigma": f"~ {term}"} if parameter == "sigma" else {}
    main = "y ~ x + (1 | k)" if parameter == "sigma" else f"y ~ x + {term} + (1 | k) + (1 | mm(g2, h))"
    model = bd.Model(main, frame.assign(g2=frame["g"]), arrays={"A": table}, **text)
    graph = model._graph
    assert graph.reported["sigma_1|g" if text else "1|g"].dims == ("g",)
    values = function_of(graph, [graph.response.pointwise])
    assert values is not None


def test_what_a_related_group_leans_on_is_its_mean_given_the_others() -> None:
    from bayesdeep.plot.shrinkage_plot import shrinkage_numbers

    frame, table = data(), covariance()
    priors = {"1|g": "Normal(0, 0.8)"}
    model = bd.Model("y ~ x + (1 | gr(g, cov=A))", frame, arrays={"A": table}, priors=priors, sigma=bd.known(0.6))
    found = shrinkage_numbers(model.fit("collapsed", seed=1, draws=2000, progress=False))
    posterior, weights = found.pooled - found.centre, np.linalg.inv(table.to_numpy())
    for j in range(6):
        others = [i for i in range(6) if i != j]
        by_hand = table.to_numpy()[j, others] @ np.linalg.solve(table.to_numpy()[np.ix_(others, others)], posterior[others])
        assert found.leans[j] - found.centre == pytest.approx(by_hand, abs=1e-8)
        # The estimate lies between own rows and the others, weighted by their precisions.
        if found.term.sizes[j]:
            own, prior = found.term.sizes[j] / 0.36, weights[j, j] / 0.64
            mean = (own * found.alone[j] + prior * found.leans[j]) / (own + prior)
            assert found.pooled[j] == pytest.approx(mean, abs=5 / np.sqrt(8000 * (own + prior)))


@pytest.mark.integration
@pytest.mark.parametrize("term", ["gr(g, cov=A)", "mm(g, h, weights=[w1, w2])"])
def test_a_report_a_diagnosis_and_a_comparison(tmp_path: Path, term: str) -> None:
    formula = f"y ~ x + (1 | {term}) + (1 | k)"
    arrays = {"A": covariance()} if "cov" in formula else None
    fit = bd.Model(formula, data(120), arrays=arrays).fit("collapsed", seed=1, draws=200, progress=False)
    plain = bd.Model("y ~ x + (1 | k)", data(120)).fit("collapsed", seed=1, draws=200, progress=False)
    bd.report(fit, tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size > 1000
    assert fit.diagnose().verdict
    assert np.isfinite(fit.loo().elpd)
    table = bd.compare({"a": fit, "b": plain}, target="groups", by="k").table
    assert np.isfinite(table["elpd"]).all()
    assert fit.slopes("x") is not None


@pytest.mark.integration
@pytest.mark.parametrize("formula", ["y ~ x + (1 | gr(g, cov=A))", "y ~ x + (1 | mm(g, h, weights=[w1, w2]))"])
def test_engines_agree(formula: str) -> None:
    arrays = {"A": covariance()} if "cov" in formula else None
    model = bd.Model(formula, data(), arrays=arrays)
    exact = model.fit("collapsed", seed=1, progress=False)
    mean, sd = exact.posterior.mean(), exact.posterior.std()
    for method in ("gibbs", "nuts", "laplace_marginal"):
        other = model.fit(method, seed=1, progress=False).posterior
        for name in ("Intercept", "x", "sigma", f"{_effects(exact)}_sigma"):
            assert abs(float(other[name].mean() - mean[name])) < 0.2 * float(sd[name]), (method, name)
        apart = np.abs(other[_effects(exact)].mean(("chain", "draw")) - exact.posterior[_effects(exact)].mean(("chain", "draw")))
        assert float((apart / exact.posterior[_effects(exact)].std(("chain", "draw"))).max()) < 0.25, method


def _effects(fit: bd.Fit) -> str:
    return next(str(name) for name, value in fit.posterior.data_vars.items() if value.attrs.get("role") == "effects")


@pytest.mark.usefixtures("visitors")
def test_a_third_grouping_is_one_record() -> None:
    bd.register(stranger())
    frame = data()
    model = bd.Model("y ~ x + (1 | halves(g, h))", frame)
    assert "1|mm(g, h)" in {p.name.removesuffix("_sigma") for p in model.spec.priors}
    found = model.fit("collapsed", seed=1, draws=50, progress=False)
    assert np.isfinite(found.predict(frame.head(3))["mean"]).all()


def stranger() -> Term:
    """Return somebody's own grouping term, a variant of ours under another name."""
    return replace(TERMS["mm"], name="halves", example="(1 | halves(g, h))")


@pytest.fixture
def visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    from bayesdeep.core import registry

    for one in registry.registries():
        monkeypatch.setattr(one, "_added", dict(one._added))
        monkeypatch.setattr(one, "_loaded", dict(one._loaded))


def test_a_level_without_rows_is_what_the_others_say_of_it() -> None:
    frame, whole = data(), covariance()
    *known, absent = LEVELS
    fit = bd.Model("y ~ x + (1 | gr(g, cov=A))", frame, arrays={"A": whole}).fit("collapsed", seed=1, progress=False)
    effects = fit.idata["posterior"]["1|g"]
    gain = np.linalg.solve(whole.loc[known, known], whole.loc[known, absent])
    left = effects.sel(g=absent).values.ravel() - effects.sel(g=known).values.reshape(-1, len(known)) @ gain
    variance = float(whole.loc[absent, absent] - whole.loc[absent, known] @ gain)
    scaled = left / (fit.idata["posterior"]["1|g_sigma"].values.ravel() * np.sqrt(variance))
    # Standard normal, so that the draws say its mean and its variance to within 4 standard errors.
    assert abs(scaled.mean()) < 4 / np.sqrt(len(scaled))
    assert abs(scaled.var() - 1) < 4 * np.sqrt(2 / len(scaled))
    # And it can be predicted: there is nothing new in it.
    row = fit.predict(pd.DataFrame({"x": [0.0], "g": [absent]}), kind="mean", new_groups="raise")
    own = (fit.idata["posterior"]["Intercept"] + effects.sel(g=absent)).mean()
    assert row["mean"].iloc[0] == pytest.approx(float(own), abs=1e-8)


@pytest.mark.parametrize("slopes", ["1", "1 + x"])
def test_several_levels_without_rows_are_drawn_together_given_the_others(slopes: str) -> None:
    whole = covariance()
    frame = data()[lambda d: ~d["g"].isin(["b"])].reset_index(drop=True)
    known, absent = ["a", "c", "d", "e"], ["f", "b"]
    model = bd.Model(f"y ~ x + ({slopes} | gr(g, cov=A))", frame, arrays={"A": whole})
    fit = model.fit("collapsed", seed=1, progress=False)
    # Predicted as rows, which have no new group: the state has all of A.
    rows = pd.DataFrame({"x": 0.0, "g": absent})
    linear = fit.draws(rows, kind="linear", new_groups="raise").to_numpy().reshape(-1, 2)
    given = fit.posterior["1|g"].sel(g=known).to_numpy().reshape(-1, 4)
    gain = np.linalg.solve(whole.loc[known, known], whole.loc[known, absent])
    left = whole.loc[absent, absent].to_numpy() - whole.loc[absent, known].to_numpy() @ gain
    apart = linear - fit.posterior["Intercept"].to_numpy().reshape(-1, 1) - given @ gain
    scaled = np.linalg.solve(np.linalg.cholesky(left), (apart / fit.posterior["1|g_sigma"].to_numpy().reshape(-1, 1)).T)
    # Standard normal and independent of one another and of the known ones, to within 4.5 standard errors.
    draws = scaled.shape[1]
    assert (np.abs(scaled.mean(axis=1)) < 4.5 / np.sqrt(draws)).all()
    np.testing.assert_allclose(np.cov(scaled), np.eye(2), atol=4.5 * np.sqrt(2 / draws))
    assert (np.abs(np.corrcoef(np.vstack([scaled, given.T]))[:2, 2:]) < 4.5 / np.sqrt(draws)).all()
