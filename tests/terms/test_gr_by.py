"""``gr(g, by=f)``: a covariance for each class of groups."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.collapse.linear_layout import layout_of
from bayesdeep.collapse.moments import centre_of, moments_of
from bayesdeep.collapse.row_values import addends
from bayesdeep.collapse.system import system_of
from bayesdeep.graph.evaluate import forward_draws, row_function
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.report.mathematics import equations

GROUPS = 12
CLASSES = ("high", "low", "mid")
SDS = {"high": (1.6, 0.9), "low": (0.2, 0.3), "mid": (0.6, 0.1)}
RHO = {"high": -0.5, "low": 0.7, "mid": 0.0}
TERM = "(1 + x | gr(g, by=f))"


def data(rows: int = 90, seed: int = 1, groups: int = GROUPS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g, x = np.r_[np.arange(groups), rng.integers(0, groups, rows - groups)], rng.normal(size=rows)
    kinds = np.array(CLASSES)[np.arange(groups) * 7 % 3]
    z = rng.normal(size=(groups, 2))
    sds, rho = np.array([SDS[k] for k in kinds]), np.array([RHO[k] for k in kinds])
    u = np.stack([z[:, 0], rho * z[:, 0] + np.sqrt(1 - rho**2) * z[:, 1]], axis=1) * sds
    eta = 1.0 + 0.5 * x + u[g, 0] + u[g, 1] * x
    y = eta + rng.normal(0, 0.5, rows)
    frame = pd.DataFrame({"y": y, "x": x, "count": rng.poisson(np.exp(0.4 * eta)), "a": rng.integers(0, 4, rows)})
    return frame.assign(g=[f"g{i:02d}" for i in g], f=kinds[g], k=[f"k{i}" for i in rng.integers(0, 3, rows)])


def covariance(kind: str) -> np.ndarray:
    sds = np.array(SDS[kind])
    return np.outer(sds, sds) * np.array([[1.0, RHO[kind]], [RHO[kind], 1.0]])


def test_collapsed_density_is_the_dense_one() -> None:
    from scipy.stats import multivariate_normal

    frame = data()
    model = bd.Model(f"y ~ x + {TERM}", frame, priors={"Intercept": "Normal(0, 3)", "x": "Normal(0, 2)"})
    rows, layout = model.__dict__["_rows"], layout_of(model.spec)
    centre = centre_of(layout, rows.arrays, rows.response)
    system = system_of(model.spec, layout, moments_of(layout, rows.arrays, rows.response, centre), centre)
    values = {"1|g_sigma": [SDS[k][0] for k in CLASSES], "x|g_sigma": [SDS[k][1] for k in CLASSES], "sigma": [0.6]}
    values |= {"g_corr[0, 1]": [RHO[k] for k in CLASSES]}
    own = {name: iter(value) for name, value in values.items()}
    point = [(np.log if h.kind == "scale" else np.arctanh)(next(own[h.name])) for h in system.hyperparameters]
    found = plan(system).log_likelihood(scales_of(system, np.array([point])))
    design = np.column_stack([np.ones(len(frame)), frame["x"] - frame["x"].mean()])
    total = design @ np.diag([9.0, 4.0]) @ design.T + 0.36 * np.eye(len(frame))
    for _, group in frame.groupby("g"):
        z = np.column_stack([np.ones(len(group)), group["x"]])
        total[np.ix_(group.index, group.index)] += z @ covariance(group["f"].iloc[0]) @ z.T
    expected = multivariate_normal(np.zeros(len(frame)), total).logpdf(frame["y"])
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    # All classes are eliminated group by group, so that the cost is that of (1 + x | g).
    assert len(plan(system).levels) == len(CLASSES)  # type: ignore[union-attr]


@pytest.mark.parametrize("formula", [f"y ~ x + f + {TERM}", "y ~ (1 + k || gr(g, by=f)) + (1 | k)", f"y ~ {TERM} + (1 | f)"])
def test_the_graph_says_what_numpy_says(formula: str) -> None:
    model = bd.Model(formula, data())
    graph = model._graph
    draws = forward_draws(graph, list(graph.reported), 5, {}, 1)
    total = sum(addends(model.spec, draws, model.__dict__["_rows"].arrays).values())
    np.testing.assert_allclose(row_function(graph, ["linear"])(draws)[0], total, rtol=1e-10)
    exact = model.fit("collapsed", seed=1, draws=4, chains=1, progress=False).posterior
    for name, quantity in graph.reported.items():
        assert tuple(exact[name].dims[2:]) == quantity.dims, name
        assert exact[name].attrs.get("factor", "") == quantity.entry.factor, name


@pytest.mark.parametrize("family", ["gaussian", "categorical"])
def test_effects_of_the_graph_have_the_covariance_of_their_class(family: str) -> None:
    frame = data()
    model = bd.Model(f"{'y' if family == 'gaussian' else 'a'} ~ {TERM}", frame.assign(a=frame["a"].astype(str)), family)
    several = () if family == "gaussian" else (3,)
    given = {name: np.array([SDS[c][k] for c in CLASSES]) for k, name in enumerate(("1|g_sigma", "x|g_sigma"))}
    given["g_corr"] = np.array([RHO[k] for k in CLASSES])[:, None]
    draws = 4_000
    given = {name: value.reshape(*value.shape, *(1 for _ in several)) for name, value in given.items()}
    fixed = {name: np.broadcast_to(v, (draws, *v.shape[: v.ndim - len(several)], *several)) for name, v in given.items()}
    found = forward_draws(model._graph, ["1|g", "x|g"], draws, fixed, 1)
    flat = np.stack([found["1|g"], found["x|g"]])
    flat = flat if family == "gaussian" else flat[..., 1]
    kinds = frame.groupby("g")["f"].first()
    for j, kind in enumerate(kinds):
        own, expected = np.cov(flat[:, :, j]), covariance(kind)
        # Standard error of an entry: sqrt((s_ij^2 + s_ii s_jj) / draws).
        errors = np.sqrt((expected**2 + np.outer(np.diag(expected), np.diag(expected))) / draws)
        assert (np.abs(own - expected) < 5 * errors).all(), kind


@pytest.mark.parametrize("more", ["", " + mo(a)"])
def test_new_groups_have_the_covariance_of_their_class(more: str) -> None:
    frame = data(300, groups=60)
    model = bd.Model(f"y ~ x{more} + {TERM}", frame)
    if more:  # Not linear, so that groups are drawn by the graph: draws of the prior stand for a posterior's.
        from bayesdeep.design.frame import read_frame
        from bayesdeep.results.new_groups import with_new_groups
        from bayesdeep.results.rows import rows_of

        draws = forward_draws(model._graph, list(model._graph.reported), 3_000, {}, 1)
        new = pd.DataFrame({"x": 0.0, "g": ["n1", "n2", "n1", "g01"], "f": ["high", "low", "high", frame["f"][1]], "a": 0})
        fresh = with_new_groups(model.spec, draws, rows_of(model.spec, read_frame(new), observed=False), "sample", 2)
        own, sds = fresh["1|g"][:, 60:], draws["1|g_sigma"][:, [0, 1]]
    else:
        fit = model.fit("collapsed", seed=1, progress=False)
        new = pd.DataFrame({"x": 0.0, "g": ["n1", "n2"], "f": ["high", "low"]})
        linear = fit.draws(new, kind="linear", new_groups="sample", seed=3).to_numpy().reshape(-1, 2)
        own = linear - fit.posterior["Intercept"].to_numpy().reshape(-1, 1)
        sds = fit.posterior["1|g_sigma"].to_numpy().reshape(-1, 3)[:, [0, 1]]
        assert own[:, 0].std() > 3 * own[:, 1].std()
    scaled = own / sds
    assert (np.abs(scaled.mean(axis=0)) < 4.5 / np.sqrt(len(scaled))).all()
    assert (np.abs(scaled.var(axis=0) - 1) < 4.5 * np.sqrt(2 / len(scaled))).all()


def test_one_class_is_none() -> None:
    frame = data().assign(f="all")
    plain = bd.Model("y ~ x + (1 + x | g)", frame).fit("collapsed", seed=1, progress=False, draws=200).posterior
    own = bd.Model(f"y ~ x + {TERM}", frame).fit("collapsed", seed=1, progress=False, draws=200).posterior
    np.testing.assert_allclose(own["1|g_sigma"].to_numpy()[..., 0], plain["1|g_sigma"].to_numpy())
    np.testing.assert_allclose(own["x|g"].to_numpy(), plain["x|g"].to_numpy())


@pytest.mark.parametrize(
    ("change", "formula", "text"),
    [
        ({"f": "other"}, f"y ~ {TERM}", "level 'g01' of 'g' has rows with f = 'low' and 'other'"),
        ({}, "y ~ (1 | gr(g, by=h))", "no column 'h'"),
        ({}, "y ~ (1 | gr(g, by=x))", "holds numbers"),
        ({}, "y ~ (1 | gr(g, by=3))", "by=3 is not a column of classes of 'g'"),
        ({}, "y ~ (1 | gr(g, for=f))", "no option 'for'"),
        ({}, "y ~ (1 | gr(g, cov=A, by=f))", "give cov= or by="),
        ({}, "y ~ (1 | gr(g))", r"gr\(g, by=f\)"),
    ],
)
def test_what_is_refused(change: dict[str, str], formula: str, text: str) -> None:
    frame = data()
    for name, value in change.items():
        frame.loc[1, name] = value
    arrays = {"A": pd.DataFrame(np.eye(GROUPS), sorted(set(frame["g"])), sorted(set(frame["g"])))} if "cov" in formula else None
    with pytest.raises(bd.BayesdeepError, match=text):
        bd.Model(formula, frame, arrays=arrays)


def test_a_prior_of_sds_is_that_of_each_class_and_effects_have_none_of_their_own() -> None:
    model = bd.Model(f"y ~ {TERM}", data(), priors={"1|g_sigma": "HalfNormal(1)", "g_corr": "LKJ(3)"})
    assert str(model.priors.loc["1|g_sigma", "prior"]) == "HalfNormal(1)"
    with pytest.raises(bd.PriorError, match=r"'1\|g', which needs none: the sds of its effects differ by classes"):
        bd.Model(f"y ~ {TERM}", data(), priors={"1|g": "Normal(0, 1)"})
    with pytest.raises(bd.PriorError, match=r"with 2 group\(s\)"):
        bd.Model("y ~ (1 | gr(g, by=f))", data(40, groups=8), priors={"1|g_sigma": "HalfFlat()"})


def test_new_rows_that_contradict_the_classes_are_refused() -> None:
    fit = bd.Model(f"y ~ {TERM}", data()).fit("collapsed", seed=1, draws=20, progress=False)
    row = pd.DataFrame({"x": [0.0, 0.0], "g": ["g01", "new"], "f": ["low", "low"]})
    assert np.isfinite(fit.predict(row, new_groups="sample")["mean"]).all()
    with pytest.raises(bd.DataError, match="'g01' of 'g' has f = 'mid' here, and 'low' in the rows that the model was fitted to"):
        fit.predict(row.assign(f="mid"), new_groups="sample")
    with pytest.raises(bd.DataError, match="a new level of 'g' has rows with f = 'low' and 'mid'"):
        fit.predict(pd.DataFrame({"x": 0.0, "g": ["new"] * 2, "f": ["low", "mid"]}), new_groups="sample")
    with pytest.raises(bd.DataError, match="f"):
        fit.predict(row.assign(g="new", f="unheard"), new_groups="sample")


def test_a_saved_fit_folds_the_mathematics_and_rows_on_disk(tmp_path: Path) -> None:
    frame = data()
    fit = bd.Model(f"y ~ x + {TERM}", frame).fit("collapsed", seed=1, draws=50, progress=False)
    fit.save(tmp_path / "fit.nc")
    new = frame.head(4).assign(g=["g00", "n1", "n2", "n1"], f=["high", "low", "mid", "low"])
    again = bd.load(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(again.predict(new, new_groups="sample"), fit.predict(new, new_groups="sample"))
    assert np.isfinite(fit.kfold(k=3, by="g", progress=False).elpd)
    text = equations(bd.Model(f"y ~ {TERM}", frame).spec)
    assert "D = diag(1|g_sigma[f[j]], x|g_sigma[f[j]])" in text
    assert "R: correlations g_corr[f[j]]" in text
    assert "f[j]: the level of f that level j has, of 3" in text
    frame.to_parquet(tmp_path / "data.parquet")
    with pytest.raises(bd.BayesdeepError, match="on disk"):
        bd.Model(f"y ~ {TERM}", str(tmp_path / "data.parquet"))


def test_what_a_group_leans_on_is_its_class_covariance() -> None:
    from bayesdeep.plot.shrinkage_plot import shrinkage_numbers

    fit = bd.Model(f"y ~ {TERM}", data()).fit("collapsed", seed=1, draws=200, progress=False)
    found, posterior = shrinkage_numbers(fit), fit.posterior
    kinds = [CLASSES.index(k) for k in data().groupby("g")["f"].first()]
    for j, kind in enumerate(kinds):
        sds = [posterior[f"{name}|g_sigma"].to_numpy()[..., kind] for name in ("1", "x")]
        slope = posterior["x|g"].to_numpy()[..., j] * posterior["g_corr"].to_numpy()[..., kind, 0] * sds[0] / sds[1]
        assert found.leans[j] == pytest.approx(float((posterior["Intercept"].to_numpy() + slope).mean()), abs=1e-9)


@pytest.mark.integration
def test_a_report_says_how_classes_differ(tmp_path: Path) -> None:
    fit = bd.Model(f"y ~ x + {TERM} + (1 | k)", data(120)).fit("collapsed", seed=1, draws=200, progress=False)
    bd.report(fit, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "where `f` is high" in text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of 120 rows one may be too influential.
        assert np.isfinite(fit.loo().elpd)
    table = fit.budget()
    np.testing.assert_allclose(table["total"], table.drop(columns="total").sum(axis=1))


@pytest.mark.few(0, more=1)
@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_engines_agree(family: str) -> None:
    frame = data(240, groups=30)
    model = bd.Model(f"{'y' if family == 'gaussian' else 'count'} ~ x + {TERM}", frame, family)
    exact = model.fit("collapsed" if family == "gaussian" else "transport", seed=1, progress=False).posterior
    others = ("gibbs", "nuts") if family == "gaussian" else ("nuts",)
    for method in others:
        other = model.fit(method, seed=2, progress=False).posterior
        for name in ("Intercept", "x", "1|g_sigma", "x|g_sigma", "g_corr", "1|g"):
            apart = np.abs(other[name].mean(("chain", "draw")) - exact[name].mean(("chain", "draw")))
            assert float((apart / exact[name].std(("chain", "draw"))).max()) < 0.3, (method, name)
