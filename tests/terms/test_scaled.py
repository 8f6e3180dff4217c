"""``**{"1|g_sigma": "~ z"}``: group effects whose log sd is linear in what is known of the group."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.evaluate import array_mode, forward_draws, row_function
from bayesdeep.inference.select_engine import choose
from bayesdeep.report.mathematics import equations
from bayesdeep.results.new_groups import with_new_groups
from bayesdeep.results.rows import rows_of

QUICK: dict[str, Any] = {"mode": array_mode(), "on_unused_input": "ignore"}
SD = "1|g_sigma"


def data(groups: int = 8, rows: int = 5, seed: int = 1, sds: tuple[float, float] = (0.3, 1.2)) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(groups), rows), rng.normal(size=groups * rows)
    second = np.arange(groups) % 2
    u = rng.normal(size=groups) * np.array(sds)[second]
    y = 1.0 + 0.5 * x + u[g] + rng.normal(0, 0.7, len(g))
    frame = pd.DataFrame({"y": y, "x": x, "g": [f"g{i:02d}" for i in g], "f": np.array(["a", "b"])[second][g]})
    return frame.assign(z=rng.normal(2.0, 3.0, groups)[g], k=rng.integers(0, 3, len(g)).astype(str))


def test_the_log_density_is_the_one_written_by_hand() -> None:
    frame = data()
    priors = {"Intercept": "Normal(1, 2)", "x": "Normal(0, 1)", "sigma": "HalfNormal(1)"}
    priors |= {SD: "HalfNormal(0.7)", f"{SD}_z": "Normal(0, 0.3)", f"{SD}_f[b]": "Normal(0.1, 0.8)"}
    model = bd.Model("y ~ x + (1 | g)", frame, priors=priors, **{SD: "~ z + f"})
    first = frame.groupby("g").first()
    known = np.column_stack([first["z"], first["f"] == "b"])
    density, rng = model.pymc.compile_logp(**QUICK), np.random.default_rng(3)
    for _ in range(3):
        a, log_sd, b, log_sigma = rng.normal(size=4)
        beta, raw = rng.normal(size=2) * 0.3, rng.normal(size=8)
        point = {
            "Intercept_at_means": a, "x": b, "sigma_log__": log_sigma, "1|g_z": raw,
            f"{SD}_log__": log_sd, f"{SD}_z": beta[0], f"{SD}_f[b]": beta[1],
        }  # fmt: skip
        # A number from its mean among groups, a category from its first level.
        sds = np.exp(log_sd + (known - [known[:, 0].mean(), 0.0]) @ beta)
        eta = a + b * (frame["x"] - frame["x"].mean()) + np.repeat(sds * raw, 5)
        expected = stats.norm(1, 2).logpdf(a) + stats.norm.logpdf(b) + stats.norm.logpdf(raw).sum()
        expected += stats.halfnorm(0, 0.7).logpdf(np.exp(log_sd)) + log_sd
        expected += stats.norm([0, 0.1], [0.3, 0.8]).logpdf(beta).sum()
        expected += stats.halfnorm.logpdf(np.exp(log_sigma)) + log_sigma
        expected += stats.norm(eta, np.exp(log_sigma)).logpdf(frame["y"]).sum()
        assert density({name: np.asarray(value) for name, value in point.items()}) == pytest.approx(expected, rel=1e-9)


def test_new_groups_have_the_sd_that_their_rows_say() -> None:
    model = bd.Model("y ~ x + (1 | g)", data(), **{SD: "~ f"})
    count = 4_000
    fixed = {SD: np.full(count, 0.3), f"{SD}_f[b]": np.full(count, np.log(4.0))}
    fixed |= {"Intercept": np.zeros(count), "x": np.zeros(count), "sigma": np.ones(count)}
    draws = fixed | forward_draws(model._graph, ["1|g"], count, fixed, 1)
    # Standard error of an sd: sd / sqrt(2 draws).
    sds = np.tile([0.3, 1.2], 4)
    assert (np.abs(draws["1|g"].std(axis=0) - sds) < 4 * sds / np.sqrt(2 * count)).all()
    new = pd.DataFrame({"x": 0.0, "g": ["n1", "g01", "n2", "n1"], "f": ["b", "b", "a", "b"]})
    rows = rows_of(model.spec, read_frame(new), observed=False)
    fresh = with_new_groups(model.spec, draws, rows, "sample", 2)
    eta = row_function(rows.graph(model.spec), ["linear"])(fresh)[0]
    np.testing.assert_array_equal(eta[:, 0], eta[:, 3])
    np.testing.assert_allclose(eta[:, 1], draws["1|g"][:, 1])
    assert (np.abs(eta[:, [0, 2]].std(axis=0) - [1.2, 0.3]) < 4 * np.array([1.2, 0.3]) / np.sqrt(2 * count)).all()
    assert abs(np.corrcoef(eta[:, 0], eta[:, 2])[0, 1]) < 5 / np.sqrt(count)
    refused = (("a", "g01", r"'g01' of 'g' has f\[b\] = 0 here, and 1 in the rows"), ("a b", "n", "a new level of 'g' has"))
    for f, g, text in refused:
        bad = pd.DataFrame({"x": 0.0, "g": g, "f": f.split()})
        with pytest.raises(bd.DataError, match=text):
            rows_of(model.spec, read_frame(bad), observed=False)


def test_priors_follow_those_of_an_sd_without_a_formula_and_the_spread_of_the_column() -> None:
    frame = data()
    model = bd.Model("y ~ x + (1 | g)", frame, **{SD: "~ z"})
    own, usual = model.priors["prior"], bd.Model("y ~ x + (1 | g)", frame).priors["prior"][SD]
    assert own[SD] == usual
    spread = frame.groupby("g")["z"].first().std(ddof=0)
    assert float(own[f"{SD}_z"].split(", ")[1][:-1]) == pytest.approx(1 / spread, rel=1e-3)
    assert "1|g" not in own.index


def test_what_it_prints_saves_and_is_fitted_with(tmp_path: Path) -> None:
    frame = data()
    model = bd.Model("y ~ x + (1 | g)", frame, **{SD: "~ f"})
    assert f"y ~ x + (1 | g)\n{SD} ~ f\n" in str(model)
    shown = equations(model.spec)
    assert "s[j] = 1|g_sigma exp(1|g_sigma_f[b] f[b])" in shown
    number = equations(bd.Model("y ~ x + (1 | g)", frame, **{SD: "~ z"}).spec)
    mean = frame.groupby("g")["z"].first().mean()
    assert f"s[j] = 1|g_sigma exp(1|g_sigma_z (z - {mean:.4g}))" in number
    frame.to_csv(tmp_path / "data.csv", index=False)
    assert bd.Model.from_card(model.to_card(tmp_path / "card.toml")).spec == model.spec
    same = bd.Model("y ~ x + (1 | scaled(g, by=f))", frame)
    assert same.spec.priors == model.spec.priors
    assert same.spec.predictors[0].terms[1].state == model.spec.predictors[0].terms[1].state
    assert choose(model.spec, len(frame), arrays=model.__dict__["_rows"].arrays).method == "collapsed"
    with pytest.raises(bd.FitError, match=r"is made of 1\|g_sigma and 1\|g_sigma_f\[b\]"):
        model.fit("ml")


@pytest.mark.few(1, more=2)
@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_engines_agree(family: str) -> None:
    frame = data(20, 8, seed=3)
    if family == "poisson":
        frame["y"] = np.random.default_rng(4).poisson(np.exp(0.5 * frame["y"]))
    model = bd.Model("y ~ x + (1 | g)", frame, family=family, **{SD: "~ z + f"})
    mine = model.fit(seed=1, progress=False)
    assert mine.idata.attrs["method"] == {"gaussian": "collapsed", "poisson": "transport"}[family]
    ours, theirs = mine.summary(), model.fit("nuts", seed=2, draws=1500, progress=False).summary()
    ours = ours.loc[theirs.index]
    error = np.hypot(ours["mcse_mean"], theirs["mcse_mean"])
    assert (np.abs(ours["mean"] - theirs["mean"]) < 5 * error).all()
    assert (np.abs(ours["sd"] - theirs["sd"]) < 5 * np.hypot(ours["mcse_sd"], theirs["mcse_sd"])).all()
    assert ours["ess_bulk"].min() > 1_000


@pytest.mark.parametrize(
    ("formula", "name", "value", "text"),
    [
        ("y ~ x + (1 | g)", SD, "~ k", r"level 'g00' of 'g' has rows with k\[\d\] = . and .; the sd of groups goes with"),
        ("y ~ x + (1 | g)", SD, "~ x", r"level 'g00' of 'g' has rows with x = -?\d.* and -?\d"),
        ("y ~ x + (1 | g)", SD, "~ c", "'c' is the same in all groups of 'g'; leave it out"),
        ("y ~ x + (1 | g)", SD, "~ f:z", "'f:z' is a product"),
        ("y ~ x + (1 | g)", SD, "~ 0 + f", "without an intercept"),
        ("y ~ x + (1 | g)", SD, "~ 1", "no column is in it"),
        ("y ~ x + (1 | g)", SD, "~ (1 | f)", "write columns, ~ z"),
        ("y ~ x + (1 | g)", SD, "~ s(z)", r"s\(\) cannot stand here"),
        ("y ~ x + (1 | g)", SD, "~ nowhere", "nowhere"),
        ("y ~ x + (1 | g)", SD, 1.0, "is no formula such as"),
        ("y ~ x + (1 | g)", "1|h_sigma", "~ f", r"no sd of groups is called '1\|h_sigma'.*1\|g_sigma"),
        ("y ~ x", SD, "~ f", r"only those of \(1 \| g\) can have a formula"),
        ("y ~ (x | g)", SD, "~ f", r"write \(1 \+ x \| gr\(g, by=f\)\)"),
        ("y ~ (x | g)", "x|g_sigma", "~ f", r"write \(1 \+ x \| gr\(g, by=f\)\)"),
        ("y ~ (1 | gr(g, by=f))", SD, "~ f", r"only those of \(1 \| g\)"),
        ("y ~ x + (1 | g) + (1 | scaled(g, by=f))", "", "", r"two quantities of the model would be called '1\|g_sigma'"),
        ("y ~ x + (1 | g)", "sigma_1|h_sigma", "~ f", r"in formulas of other parameters write \(1 \| scaled"),
        ("y ~ (1 | scaled(g))", "", "", r"scaled\(\) takes one column"),
        ("y ~ (x | scaled(g, by=f))", "", "", "the sd of an intercept alone can go with columns"),
    ],
)  # fmt: skip
def test_what_is_refused(formula: str, name: str, value: Any, text: str) -> None:
    with pytest.raises(bd.BayesdeepError, match=text):
        bd.Model(formula, data().assign(c=1.0), **({name: value} if name else {}))


@pytest.mark.integration
def test_sds_of_two_classes_are_recovered() -> None:
    frame = data(40, 15, seed=1)
    fit = bd.Model("y ~ x + (1 | g)", frame, **{SD: "~ f"}).fit(seed=1, progress=False)
    posterior = fit.idata["posterior"]
    log_sd, beta = np.log(posterior[SD].to_numpy().ravel()), posterior[f"{SD}_f[b]"].to_numpy().ravel()
    for own, truth in ((log_sd, np.log(0.3)), (beta, np.log(4.0))):
        assert abs(own.mean() - truth) < 3 * own.std()
    # The posterior of classes with an sd each has other priors, which 20 groups a class leave little to say.
    other = bd.Model("y ~ x + (1 | gr(g, by=f))", frame).fit("collapsed", seed=1, progress=False).idata["posterior"][SD]
    log_sds = np.log(other.to_numpy().reshape(-1, 2))
    for k, own in enumerate((log_sd, log_sd + beta)):
        assert abs(own.mean() - log_sds[:, k].mean()) < 0.3 * own.std()
