"""Laws of a budget of variance, `priors={"R2": "R2D2(…)"}`: each term adds what its share says, all what was asked for."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.errors import PriorError
from bayesdeep.core.registry import PRIORS
from bayesdeep.diagnostics.prior_sensitivity import prior_sensitivity
from bayesdeep.graph.evaluate import forward_draws
from bayesdeep.report.mathematics import equations
from bayesdeep.spec.shares_of_budget import shares

R2 = {"R2": "R2D2(mean=0.4, precision=5)"}
DRAWS = 8_000


def data(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    d = pd.DataFrame(
        {
            "x": rng.normal(3, 2, rows),
            "z": rng.uniform(size=rows),
            "c": rng.choice(list("uvw"), rows, p=[0.6, 0.3, 0.1]),
            "g": rng.choice(list("pqrstlmno"), rows),
            "t": rng.integers(1, 9, rows),
        }
    )
    level = dict(zip("pqrstlmno", rng.normal(0, 0.7, 9), strict=True))
    return d.assign(
        y=1 + 0.4 * d.x + d.g.map(level) + rng.normal(size=rows),
        k=(rng.uniform(size=rows) < 0.3).astype(int),
        n=rng.poisson(3, rows),
    )


def drawn(model: bd.Model, draws: int = DRAWS) -> dict[str, np.ndarray]:
    """Return prior draws by posterior name, and the predictor's addends by term as ``"+ key"`` ``(draw, row)``."""
    graph = model._graph
    return forward_draws(graph, list(graph.reported), draws, {}, 1)


def mean_squares(d: pd.DataFrame, model: bd.Model, draws: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what each share's owner adds to the predictor: squares about the columns' means, averaged over rows ``(draw,)``."""
    codes = pd.Categorical(d.g).codes
    dummies = np.stack([d.c == "v", d.c == "w"], axis=1)
    (basis,) = (a for key, a in model._rows.arrays.items() if key.endswith(".Z") and a.shape[1] == draws["s(z)"].shape[1])
    added = {
        "x": draws["x"][:, None] * (d.x - d.x.mean()).to_numpy(),
        "c": draws["c"] @ (dummies - dummies.mean(axis=0)).T,
        "1|g_sigma": draws["1|g"][:, codes],
        "x|g_sigma": draws["x|g"][:, codes] * d.x.to_numpy(),
        "s(z)_linear": draws["s(z)_linear"][:, None] * (d.z - d.z.mean()).to_numpy(),
        "s(z)_sigma": draws["s(z)"] @ basis.T,
    }
    return {name: (value**2).mean(axis=1) for name, value in added.items()}


# The prior predictive share


def test_every_term_adds_the_variance_that_its_share_says():
    d = data()
    model = bd.Model("y ~ x + c + s(z, k=6) + (1 + x | g)", d, priors=R2)
    draws = drawn(model)
    names = list(model._graph.coords["R2_term"])
    assert names == ["x", "c", "1|g_sigma", "x|g_sigma", "s(z)_linear", "s(z)_sigma"]
    unit = draws["sigma"] ** 2 * draws["R2"] / (1 - draws["R2"])
    squares = mean_squares(d, model, draws)
    for k, name in enumerate(names):
        ratio = squares[name] / (unit * draws["R2_share"][:, k])
        error = ratio.std() / np.sqrt(DRAWS)
        assert error < 0.05
        assert ratio.mean() == pytest.approx(1.0, abs=4 * error), name


def test_the_share_that_all_explain_is_what_was_asked_for():
    d = data()
    draws = drawn(bd.Model("y ~ x + c + s(z, k=6) + rw(t) + (1 + x | g)", d, priors=R2))
    assert stats.kstest(draws["R2"], stats.beta(2, 3).cdf).pvalue > 1e-3
    assert draws["R2"].mean() == pytest.approx(0.4, abs=4 * 0.2 / np.sqrt(DRAWS))
    assert draws["R2_share"].shape[1] == 7
    np.testing.assert_allclose(draws["R2_share"].sum(axis=1), 1.0)
    for share in draws["R2_share"].T:
        assert stats.kstest(share, stats.beta(0.5, 3.0).cdf).pvalue > 1e-4
    assert np.abs(np.corrcoef(draws["R2"], draws["sigma"])[0, 1]) < 0.05


def test_where_all_rows_have_one_variance_the_predictor_has_the_quantiles_asked_for():
    """With columns of ±1 and groups a row's predictor is Normal(0, sigma² tau²) whatever the shares are."""
    d = data(64)
    d["x"], d["w"] = np.tile([-1.0, 1.0], 32), np.tile([-1.0, -1.0, 1.0, 1.0], 16)
    draws = drawn(bd.Model("y ~ x + w + (1 | g) + (0 + x | c)", d, priors=R2))
    row = 5
    eta = draws["x"] * d.x[row] + draws["w"] * d.w[row]
    eta = eta + draws["1|g"][:, pd.Categorical(d.g).codes[row]] + draws["x|c"][:, pd.Categorical(d.c).codes[row]] * d.x[row]
    rng = np.random.default_rng(3)
    odds = rng.gamma(2.0, size=DRAWS) / rng.gamma(3.0, size=DRAWS)
    assert stats.ks_2samp(eta / draws["sigma"], np.sqrt(odds) * rng.normal(size=DRAWS)).pvalue > 1e-3


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_the_unit_of_a_column_changes_nothing(scale):
    one, other = (bd.Model("y ~ x + (1 + x | g)", d, priors=R2) for d in (data(), data().assign(x=lambda d: scale * d.x)))
    a, b = drawn(one, 50), drawn(other, 50)
    for name in ("R2", "R2_share", "1|g", "sigma"):
        np.testing.assert_allclose(a[name], b[name], rtol=1e-9)
    for name in ("x", "x|g", "x|g_sigma"):
        np.testing.assert_allclose(a[name], scale * b[name], rtol=1e-9)


def test_a_monotonic_effect_and_a_network_have_shares():
    d = data()
    model = bd.Model("y ~ mo(t) + net(z, hidden=[3]) + (1 | g)", d, priors=R2)
    own = {owner.name: owner.adds for owner in shares(model.spec, "R2")}
    assert own == {
        "mo(t)": (pytest.approx(d.t.std(ddof=0)),),
        "net(z)_sigma": (1.0,),
        "1|g_sigma": (1.0,),
    }
    draws = drawn(model, 200)
    scale = draws["sigma"] * np.sqrt(draws["R2"] / (1 - draws["R2"]))
    np.testing.assert_allclose(draws["net(z)_sigma"], scale * np.sqrt(draws["R2_share"][:, 1]))


# The density


@pytest.mark.parametrize(("mean", "precision", "concentration"), [(0.5, 2.0, 0.5), (0.3, 6.0, 1.5)])
def test_log_density_is_that_of_what_is_drawn(mean, precision, concentration):
    """By quadrature in polar coordinates: it has mass 1, and R2 and the shares have the moments asked for."""
    density = PRIORS["R2D2M2"].log_density
    # r² / (1 + r²) = u and an angle, with many points at the ends where densities may be infinite.
    nodes, weights = np.polynomial.legendre.leggauss(200)
    v = 0.5 * (nodes + 1.0)
    u, du = np.sin(0.5 * np.pi * v) ** 2, 0.5 * np.pi * np.sin(np.pi * v) * 0.5 * weights
    r, dr = np.sqrt(u / (1 - u)), 0.5 / np.sqrt(u) / (1 - u) ** 1.5
    angle, d_angle = 0.5 * np.pi * v, 0.25 * np.pi * weights
    points = np.stack([r[:, None] * np.cos(angle), r[:, None] * np.sin(angle)], axis=2)
    mass = np.exp(density(points, mean, precision, concentration)) * (r * dr * du)[:, None] * d_angle
    assert mass.sum() == pytest.approx(1.0, abs=1e-4)
    assert (mass * u[:, None]).sum() == pytest.approx(mean, abs=1e-4)
    expected = concentration * (concentration + 1) / (2 * concentration * (2 * concentration + 1))
    assert (mass * np.cos(angle) ** 4).sum() == pytest.approx(expected, abs=1e-4)


def quadrature(d: pd.DataFrame) -> dict[str, float]:
    """Return posterior moments of ``y ~ x + (1 | g)`` with sigma 1, on a grid of standard deviations, by dense normal algebra."""
    y, x = d.y.to_numpy(), (d.x - d.x.mean()).to_numpy() / d.x.std(ddof=0)
    z = (d.g.to_numpy()[:, None] == np.unique(d.g)).astype(float)
    one = np.ones((len(y), 1))
    location, width = y.mean(), 2.5 * y.std()
    t = (np.arange(60) + 0.5) / 60
    grid = 4.0 * t**2 / (1 - 0.6 * t)  # finer near 0
    step = np.gradient(grid, t)
    total = dict.fromkeys(("mass", "R2", "share", "x", "x2", "sd"), 0.0)
    for i, a in enumerate(grid):
        for j, b in enumerate(grid):
            covariance = np.eye(len(y)) + width**2 * one @ one.T + a**2 * np.outer(x, x) + b**2 * z @ z.T
            left = y - location
            solved, logdet = np.linalg.solve(covariance, np.stack([left, x], axis=1)), np.linalg.slogdet(covariance)[1]
            prior = PRIORS["R2D2M2"].log_density(np.array([a, b]), 0.4, 5.0, 0.5)
            weight = np.exp(-0.5 * (left @ solved[:, 0] + logdet) + prior + 40.0) * step[i] * step[j]
            mean, variance = a**2 * x @ solved[:, 0], a**2 - a**4 * x @ solved[:, 1]
            square = a**2 + b**2
            values = {"mass": 1.0, "R2": square / (1 + square), "share": a**2 / square, "x": mean}
            values |= {"x2": variance + mean**2, "sd": b}
            total = {name: total[name] + weight * values[name] for name in total}
    return {name: value / total["mass"] for name, value in total.items()}


def test_the_posterior_is_that_of_a_dense_quadrature():
    d = data(40)
    fit = bd.Model("y ~ x + (1 | g)", d, sigma=bd.known(1.0), priors=R2).fit(seed=2, progress=False)
    assert fit.idata.attrs["method"] == "collapsed"
    assert fit.idata.attrs["exact"]
    expected, posterior = quadrature(d), fit.idata["posterior"]
    unit = d.x.std(ddof=0)
    found = {
        "R2": posterior["R2"],
        "share": posterior["R2_share"].sel(R2_term="x"),
        "x": posterior["x"] * unit,
        "x2": (posterior["x"] * unit) ** 2,
        "sd": posterior["1|g_sigma"],
    }
    for name, value in found.items():
        error = float(value.std()) / np.sqrt(1500)  # effective draws: more than 2,000 of 4,000
        assert float(value.mean()) == pytest.approx(expected[name], abs=4 * error), name


def compared(one: Any, other: Any, names: tuple[str, ...]) -> None:
    a, b = one.summary(), other.summary()
    for name in names:
        error = np.hypot(a.loc[name, "mcse_mean"], b.loc[name, "mcse_mean"])
        assert a.loc[name, "mean"] == pytest.approx(b.loc[name, "mean"], abs=5 * error), name
        assert a.loc[name, "sd"] == pytest.approx(b.loc[name, "sd"], rel=0.15), name


EVERY = ("Intercept", "x", "c[w]", "1|g_sigma", "R2", "R2_share[x]", "R2_share[1|g_sigma]")


def test_the_order_of_terms_changes_nothing():
    d = data()
    fits = [
        bd.Model(text, d, priors={"R2": "R2D2(0.5, 2)"}).fit("collapsed", seed=3, progress=False)
        for text in ("y ~ x + c + (1 | g)", "y ~ (1 | g) + c + x")
    ]
    compared(*fits, (*EVERY, "sigma"))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("formula", "family", "method"),
    [("y ~ x + c + (1 | g)", "gaussian", "collapsed"), ("n ~ x + c + (1 | g)", "poisson", "transport")],
)
def test_engines_agree(formula, family, method):
    model = bd.Model(formula, data(), family=family, priors={"R2": "R2D2(0.5, 2)"})
    compared(model.fit(method, seed=3, progress=False), model.fit("nuts", seed=4, progress=False), EVERY)


def test_where_nothing_is_explained_all_standard_deviations_may_be_0_together():
    """With seven shares the density is infinite where all are 0; coordinates take that away."""
    rng = np.random.default_rng(5)
    d = data().assign(y=rng.normal(size=60))
    fit = bd.Model("y ~ x + c + s(z, k=6) + (1 | g) + (1 | t)", d, priors={"R2": "R2D2(0.5, 2)"}).fit(seed=2, progress=False)
    assert fit.idata.attrs["method"] == "collapsed"
    assert str(fit.diagnose()).startswith("trust")
    assert float(fit.idata["posterior"]["R2"].mean()) < 0.4


def test_of_many_shares_another_engine_is_chosen_and_why_is_said():
    d = data().assign(**{f"v{k}": np.random.default_rng(k).normal(size=60) for k in range(9)})
    model = bd.Model("y ~ " + " + ".join(f"v{k}" for k in range(9)), d, priors=R2)
    with pytest.raises(bd.BayesdeepError, match="R2 is shared among 9 standard deviations; at most 8"):
        model.fit("collapsed", progress=False)


# Residual standard deviations


def reason(model: bd.Model, name: str = "x") -> str:
    return str(model.priors.loc[name, "reason"])


def test_the_residual_sd_of_other_families_is_what_a_row_is_worth_at_the_intercept():
    d = data()
    p, n = d.k.mean(), d.n.mean()
    for formula, family, link, number in (
        ("k ~ x", "bernoulli", "logit", 1 / np.sqrt(p * (1 - p))),
        ("k ~ x", "bernoulli", "probit", np.sqrt(p * (1 - p)) / stats.norm.pdf(stats.norm.ppf(p))),
        ("n ~ x", "poisson", "log", 1 / np.sqrt(n)),
        ("n ~ x", "poisson", "sqrt", 0.5),
        ("c ~ x", "cumulative", "logit", np.pi / np.sqrt(3)),
    ):
        rows = d.assign(c=pd.Categorical(d.c, ordered=True)) if family == "cumulative" else d
        model = bd.Model(formula, rows, family=family, link=link, priors=R2)
        (prior,) = (q.prior for q in model.spec.priors if q.name == "x")
        assert prior.get("residual_sd") == pytest.approx(number, rel=1e-5), (family, link)
        assert f"{number:.4g}"[:5] in reason(model)
        draws = drawn(model, 400)
        adds = d.x.std(ddof=0)
        ratio = (draws["x"] * adds / number) ** 2 / (draws["R2"] / (1 - draws["R2"]))
        assert ratio.mean() == pytest.approx(1.0, abs=4 * np.sqrt(2 / 400))


def test_it_can_be_a_parameter_a_known_one_or_a_number():
    d = data()
    assert "· sigma / " in reason(bd.Model("y ~ x", d, family="student_t", priors=R2))
    given = bd.Model("y ~ x", d.assign(se=np.tile([1.0, 2.0], 30)), sigma=bd.known("se"), priors=R2)
    assert next(p.prior for p in given.spec.priors if p.name == "x").get("residual_sd") == pytest.approx(np.sqrt(2.5))
    own = bd.Model("n ~ x", d, family="negative_binomial", priors={"R2": "R2D2M2(0.5, 2, residual_sd=1.5)"})
    assert "1.5 (given)" in reason(own)


# What is explained


def test_what_terms_explain_is_their_covariance_with_the_predictor():
    d = data()
    fit = bd.Model("y ~ x + s(z, k=6) + (1 | g)", d, priors=R2).fit(draws=200, chains=2, seed=1, progress=False)
    table, posterior = fit.explained(), fit.idata["posterior"].to_dataset().stack(sample=("chain", "draw"))
    assert list(table.columns) == ["mean", "lower", "upper"]
    assert table["mean"].sum() == pytest.approx(1.0)
    eta = fit.draws(kind="linear").stack(sample=("chain", "draw")).transpose("sample", "obs").values
    group = posterior["1|g"].transpose("sample", "g").values[:, pd.Categorical(d.g).codes]
    line = posterior["x"].values[:, None] * d.x.to_numpy()
    for part, at in ((line, "1 + x"), (group, "(1 | g)")):
        apart = eta - eta.mean(axis=1, keepdims=True)
        expected = ((part - part.mean(axis=1, keepdims=True)) * apart).mean(axis=1) / (apart**2).mean(axis=1)
        row = table.loc[at]
        expected_row = [expected.mean(), *np.quantile(expected, (0.05, 0.95))]
        np.testing.assert_allclose(row, expected_row, rtol=1e-6, err_msg=str(table))


@pytest.mark.filterwarnings("ignore")
def test_reports_and_sensitivity_stand(tmp_path):
    fit = bd.Model("y ~ x + (1 | g)", data(), priors=R2).fit(seed=1, progress=False)
    text = bd.report(fit, tmp_path / "r.md").read_text()
    assert "What do the terms explain?" in text
    assert "R2_share[1|g_sigma]" in text or "1|g_sigma" in text
    assert "R2D2M2" in text
    table = prior_sensitivity(fit)
    assert {"x", "1|g_sigma"} <= set(table.attrs["left_out"])
    assert "sigma" in table.index


# What is given, printed and kept


def test_a_prior_of_its_own_takes_a_term_out():
    d = data()
    own = {"x": "Normal(0, 1)", "1|g": "Normal(0, HalfNormal(1))"}
    model = bd.Model("y ~ x + c + (1 | g) + (1 | t)", d, priors=R2 | own)
    assert [owner.name for owner in shares(model.spec, "R2")] == ["c", "1|t_sigma"]
    assert str(model.priors.loc["x", "prior"]) == "Normal(0, 1)"
    assert drawn(model, 5)["R2_share"].shape == (5, 2)


def test_the_model_prints_every_number_with_its_reason():
    model = bd.Model("y ~ x + (1 | g)", data(), priors={"R2": "R2D2(mean=0.5, precision=2)"})
    assert "R2        ~ R2D2M2(0.5, 2, 0.5), shared by x, 1|g_sigma" in str(model.spec)
    assert reason(model).startswith("sd √(R2_share · R2 / (1 − R2)) · sigma / 1.762 (root mean square over rows")
    assert reason(model, "1|g_sigma") == "√(R2_share · R2 / (1 − R2)) · sigma"
    assert model.priors.loc["x", "origin"] == "user"
    same = bd.Model("y ~ x + (1 | g)", data(), priors={"R2": bd.priors.R2D2(0.5, precision=2, concentration=0.5)})
    assert same.spec == model.spec


def test_it_is_saved_and_written_to_a_card(tmp_path):
    d = data()
    d.to_csv(tmp_path / "d.csv", index=False)
    for formula, family in (("y ~ x + s(z, k=6) + (1 | g)", "gaussian"), ("k ~ x + (1 | g)", "bernoulli")):
        model = bd.Model(formula, d, family=family, priors=R2)
        card = model.to_card(tmp_path / f"{family}.toml", data="d.csv")
        assert "R2D2M2(0.4, 5, 0.5" in card.read_text()
        again = bd.Model.from_card(card)
        assert [(p.name, p.key, p.reason) for p in again.spec.priors] == [(p.name, p.key, p.reason) for p in model.spec.priors]
        fit = model.fit(seed=1, draws=100, chains=2, progress=False)
        loaded = bd.load(fit.save(tmp_path / f"{family}.nc"))
        assert loaded.spec == model.spec
        new = d.head(3).assign(g=["p", "new", "q"])
        one, other = (one.predict(new, new_groups="sample", seed=1) for one in (loaded, fit))
        pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    ("formula", "priors", "says"),
    [
        ("y ~ x", {"R2": "R2D2(mean=0, precision=2)"}, "argument 'mean' is 0; it must be positive"),
        ("y ~ x", {"R2": "R2D2(mean=1, precision=2)"}, "argument 'mean' is 1; it must lie between 0 and 1"),
        ("y ~ x", {"R2": "R2D2(mean=0.5, precision=0)"}, "argument 'precision' is 0; it must be positive"),
        ("y ~ x", {"R2": "R2D2(mean=0.5, precison=2)"}, "no argument 'precison'; did you mean 'precision'"),
        ("y ~ x", {"R2": "Normal(0, 1)"}, "prior 'R2': Normal\\(0, 1\\) is a prior of one quantity.*write R2D2"),
        ("y ~ 1", {"R2": "R2D2()"}, "prior 'R2': there is no term to share the variance among"),
        ("y ~ x", {"R2": "R2D2()", "x": "Normal(0, 1)"}, "all terms have a prior of their own; leave 'R2' out, or one of x"),
        ("y ~ x", {"x": "R2D2M2()"}, "is a joint prior of all terms, and not one of 'x' alone; its key is 'R2'"),
    ],
)
def test_what_is_refused(formula, priors, says):
    with pytest.raises(PriorError, match=says):
        bd.Model(formula, data(), priors=priors)


def test_where_the_share_is_not_defined_it_is_refused():
    d = data()
    with pytest.raises(PriorError, match="sigma has a formula of its own and differs between rows"):
        bd.Model("y ~ x", d, sigma="~ z", priors=R2)
    with pytest.raises(PriorError, match="a categorical response has a predictor for each level"):
        bd.Model("c ~ x", d, family="categorical", priors=R2)
    with pytest.raises(PriorError, match="give it as a number on the predictor's scale, R2D2M2"):
        bd.Model("y ~ x", d.assign(y=d.y.abs() + 0.1), family="gamma", priors=R2)


def test_a_column_of_that_name_is_a_column():
    d = data().rename(columns={"z": "R2"})
    model = bd.Model("y ~ R2", d, priors={"R2": "Normal(0, 3)"})
    assert str(model.priors.loc["R2", "prior"]) == "Normal(0, 3)"
    assert "R2_share" not in model._graph.reported


def test_it_is_written_down_once_with_what_follows_from_it():
    model = bd.Model("y ~ x + s(z) + (1 | g)", data(), priors=R2)
    assert str(model).count("R2D2M2") == 1
    lines = equations(model.spec).splitlines()
    assert "R2 ~ Beta(2, 3): mean 0.4, precision 5" in lines
    assert "φ = R2_share ~ Dirichlet(0.5, …, 0.5), the shares of x, 1|g_sigma, s(z)_linear, s(z)_sigma" in lines
    assert f"    β(x) ~ Normal(0, s[x] · σ / {data().x.std(ddof=0):.4g})" in lines
    assert "    1|g_sigma = s[1|g_sigma] · σ" in lines
