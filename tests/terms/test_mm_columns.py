"""``(0 + mmc(x1, x2) | mm(g1, g2))``: columns that each member of a row has of its own."""

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
from bayesdeep.graph.evaluate import forward_draws, row_function
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.report.mathematics import equations

LEVELS = ("a", "b", "c", "d", "e", "f", "h")
OWN = "mmc(x1, x2)"


def data(rows: int = 60, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x1, x2, z = rng.normal(size=(3, rows))
    w1, w2 = rng.uniform(0.2, 1.5, (2, rows))
    g1, g2 = rng.integers(0, len(LEVELS), (2, rows))
    u = np.linspace(-1.5, 1.5, len(LEVELS))
    y = 1.0 + (w1 * u[g1] * x1 + w2 * u[g2] * x2) / (w1 + w2) + rng.normal(0, 0.4, rows)
    frame = pd.DataFrame({"y": y, "x1": x1, "x2": x2, "z": z, "w1": w1, "w2": w2, "hit": rng.integers(0, 2, rows)})
    return frame.assign(g1=[LEVELS[i] for i in g1], g2=[LEVELS[i] for i in g2])


def system(model: bd.Model) -> Any:
    rows, layout = model.__dict__["_rows"], layout_of(model.spec)
    centre = centre_of(layout, rows.arrays, rows.response)
    return system_of(model.spec, layout, moments_of(layout, rows.arrays, rows.response, centre), centre)


@pytest.mark.parametrize("options", ["", ", weights=[w1, w2]", ", weights=[w1, w2], scale=False"])
def test_collapsed_density_is_the_dense_one(options: str) -> None:
    from scipy.stats import multivariate_normal

    frame = data()
    formula = f"y ~ (1 + {OWN} + z | mm(g1, g2{options}))"
    own = system(bd.Model(formula, frame, priors={"Intercept": "Normal(0, 3)"}))
    name = "mm(g1, g2)"
    values = {f"1|{name}_sigma": 0.7, f"{OWN}|{name}_sigma": 1.1, f"z|{name}_sigma": 0.4, "sigma": 0.5}
    rho = np.array([[1.0, 0.3, -0.2], [0.3, 1.0, 0.4], [-0.2, 0.4, 1.0]])
    partial = iter([rho[1, 0], rho[2, 0], (rho[2, 1] - rho[1, 0] * rho[2, 0]) / np.sqrt((1 - 0.3**2) * (1 - 0.2**2))])
    point = [np.log(values[h.name]) if h.kind == "scale" else np.arctanh(next(partial)) for h in own.hyperparameters]
    weights = frame[["w1", "w2"]].to_numpy() if options else np.full((len(frame), 2), 0.5)
    weights = weights if "False" in options else weights / weights.sum(axis=1, keepdims=True)
    each = [np.zeros((len(frame), len(LEVELS))) for _ in range(3)]
    for m, (g, x) in enumerate([("g1", "x1"), ("g2", "x2")]):
        at = np.arange(len(frame)), np.array([LEVELS.index(v) for v in frame[g]])
        for matrix, column in zip(each, (1.0, frame[x].to_numpy(), frame["z"].to_numpy()), strict=True):
            np.add.at(matrix, at, weights[:, m] * column)
    sds = np.array([0.7, 1.1, 0.4])
    covariance = np.kron(np.outer(sds, sds) * rho, np.eye(len(LEVELS)))
    total = np.hstack(each) @ covariance @ np.hstack(each).T + 9.0 + 0.25 * np.eye(len(frame))
    expected = multivariate_normal(np.zeros(len(frame)), total).logpdf(frame["y"])
    np.testing.assert_allclose(plan(own).log_likelihood(scales_of(own, np.array([point]))), expected, rtol=1e-9)


def test_members_that_coincide_are_one() -> None:
    frame = data().assign(g2=lambda d: d["g1"], x2=lambda d: d["x1"])
    points = np.random.default_rng(0).normal(scale=0.5, size=(4, 4))
    plain = system(bd.Model("y ~ (1 + x1 | g1)", frame))
    expected = plan(plain).log_likelihood(scales_of(plain, points))
    for options in ("", ", weights=[w1, w2]"):
        own = system(bd.Model(f"y ~ (1 + {OWN} | mm(g1, g2{options}))", frame))
        np.testing.assert_allclose(plan(own).log_likelihood(scales_of(own, points)), expected, rtol=1e-9)
    # And a column that is the same for both is the column.
    same = system(bd.Model("y ~ (1 + mmc(z, z) | mm(g1, g2))", data()))
    shared = system(bd.Model("y ~ (1 + z | mm(g1, g2))", data()))
    np.testing.assert_allclose(
        plan(same).log_likelihood(scales_of(same, points)), plan(shared).log_likelihood(scales_of(shared, points)), rtol=1e-9
    )


@pytest.mark.parametrize("family", ["gaussian", "bernoulli", "categorical"])
@pytest.mark.parametrize("inner", [f"0 + {OWN}", f"1 + z * {OWN}", "0 + mmc(log(w1), w2 / 2)"])
def test_the_graph_says_what_numpy_says(family: str, inner: str) -> None:
    frame = data().assign(kind=lambda d: d["g2"].where(d["g2"].isin(["a", "b"]), "c"))
    response = {"gaussian": "y", "bernoulli": "hit", "categorical": "kind"}[family]
    model = bd.Model(f"{response} ~ ({inner.replace('w2 / 2', 'I(w2 / 2)')} | mm(g1, g2, weights=[w1, w2]))", frame, family)
    draws = forward_draws(model._graph, list(model._graph.reported), 5, {}, 1)
    arrays = model.__dict__["_rows"].arrays
    found = row_function(model._graph, ["linear"])(draws)[0]
    if family == "categorical":
        flat = [{name: value[..., k] for name, value in draws.items()} for k in range(2)]
        found = np.moveaxis(np.asarray(found)[..., -2:], -1, 0)
    else:
        flat, found = [draws], np.asarray(found)[None]
    for own, value in zip(flat, found, strict=True):
        np.testing.assert_allclose(value, sum(addends(model.spec, own, arrays).values()), rtol=1e-9, atol=1e-12)


def test_new_rows_have_each_member_times_its_own_column(tmp_path: Path) -> None:
    fit = bd.Model(f"y ~ (0 + {OWN} | mm(g1, g2))", data(200)).fit("collapsed", seed=1, draws=200, progress=False)
    fit.save(tmp_path / "fit.nc")
    new = pd.DataFrame({"x1": [2.0, 0.0], "x2": [0.0, -1.0], "g1": ["a", "a"], "g2": ["new", "h"]})
    found = bd.load(tmp_path / "fit.nc").draws(new, kind="linear", new_groups="sample").to_numpy()
    effects = fit.posterior[f"{OWN}|mm(g1, g2)"]
    expected = fit.posterior["Intercept"] + effects.sel({"mm(g1, g2)": "a"})
    np.testing.assert_allclose(found[..., 0], expected.to_numpy())  # Half of twice the effect; the new member counts 0 times.
    expected = fit.posterior["Intercept"] - 0.5 * effects.sel({"mm(g1, g2)": "h"})
    np.testing.assert_allclose(found[..., 1], expected.to_numpy())
    truth = np.linspace(-1.5, 1.5, len(LEVELS))
    assert np.corrcoef(effects.mean(("chain", "draw")), truth)[0, 1] > 0.95
    assert np.isfinite(fit.loo().elpd)
    assert fit.slopes("x1") is not None
    assert f"u({OWN})[mm(g1, g2)ₘᵢ] · {OWN}ₘᵢ" in equations(fit.model.spec)


def test_the_scale_of_a_slope_is_that_of_all_members_columns() -> None:
    frame = data()
    model = bd.Model(f"y ~ (0 + {OWN} | mm(g1, g2))", frame)
    frame = frame.assign(x2=10 * frame["x2"])
    wider = bd.Model(f"y ~ (0 + {OWN} | mm(g1, g2))", frame)
    name = f"{OWN}|mm(g1, g2)_sigma"
    scale, other = (dict(m.spec.prior(name).prior.arguments)["sigma"] for m in (model, wider))  # type: ignore[union-attr]
    both = frame[["x1", "x2"]].to_numpy()
    assert other * both.std() == pytest.approx(scale * data()[["x1", "x2"]].to_numpy().std(), rel=1e-3)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("y ~ mmc(x1, x2)", r"mmc\(\) is a column of each member; it stands as in \(0 \+ mmc\(x1, x2\) \| mm\(g1, g2\)\)"),
        ("y ~ (mmc(x1, x2) | g1)", "stands as in"),
        ("y ~ (1 | mm(g1, mmc(x1, x2)))", "stands as in"),
        ("y ~ (log(mmc(x1, x2)) | mm(g1, g2))", "stands as in"),
        ("mmc(x1, x2) ~ z", "stands as in"),
        ("y ~ (mmc(x1) | mm(g1, g2))", r"has 1 columns, and mm\(g1, g2\) 2 members"),
        ("y ~ (mmc(x1, x2, by=z) | mm(g1, g2))", "takes no options"),
        ("y ~ (mmc(g1, x2) | mm(g1, g2))", "'g1' is not numeric"),
        ("y ~ (mmc(x1, nowhere) | mm(g1, g2))", "no column 'nowhere'"),
        ("y ~ (x1 + mmc(x1, x2) | mm(g1, g2))", "stands there for all members, too"),
        ("y ~ (mcc(x1, x2) | mm(g1, g2))", "'mcc'; did you mean 'mmc'"),
    ],
)
def test_what_is_refused(formula: str, text: str) -> None:
    with pytest.raises(bd.BayesdeepError, match=text):
        bd.Model(formula, data())


@pytest.mark.integration
def test_engines_agree() -> None:
    model = bd.Model(f"y ~ (0 + {OWN} | mm(g1, g2))", data(150))
    exact = model.fit("collapsed", seed=1, progress=False).posterior
    effects = f"{OWN}|mm(g1, g2)"
    for method in ("gibbs", "nuts"):
        other = model.fit(method, seed=2, progress=False).posterior
        for name in ("Intercept", f"{effects}_sigma", effects):
            apart = np.abs(other[name].mean(("chain", "draw")) - exact[name].mean(("chain", "draw")))
            assert float((apart / exact[name].std(("chain", "draw"))).max()) < 0.25, (method, name)
