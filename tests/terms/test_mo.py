"""Monotonic effects: what they can be, what they are counted in, that they are sampled right, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.graph.evaluate import array_mode, forward_draws, function_of, row_function
from bayesdeep.graph.own_scale import own_scale_density
from bayesdeep.report.mathematics import equations

LEVELS = ["none", "low", "mid", "high", "top"]
SHARES = np.array([0.05, 0.6, 0.05, 0.3])
STEP, INTERCEPT, NOISE = 0.8, 1.0, 0.5


def frame(rows: int = 240, seed: int = 0, levels: int = 5) -> pd.DataFrame:
    """Return rows with an ordered category ``x``, the same as whole numbers ``k`` from 3, and a response."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, levels, rows)
    way = np.concatenate([[0.0], np.cumsum(SHARES)]) * len(SHARES) * STEP
    z = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "x": pd.Categorical([LEVELS[c] for c in codes], categories=LEVELS, ordered=True),
            "t": [LEVELS[c] for c in codes],
            "k": codes + 3,
            "z": z,
            "g": [f"g{i}" for i in rng.integers(0, 3, rows)],
            "y": INTERCEPT + way[codes] + 0.3 * z + NOISE * rng.normal(size=rows),
        }
    )


def prior_draws(model: bd.Model, count: int = 400) -> dict[str, np.ndarray]:
    return forward_draws(model._graph, list(model._graph.reported), count, {}, 1)


@pytest.fixture(scope="module")
def fit() -> bd.Fit:
    return bd.Model("y ~ mo(x) + z", frame()).fit("nuts", draws=400, tune=400, seed=1, progress=False)


def levels_of(fit: bd.Fit) -> np.ndarray:
    """Return the predictor's draws ``(draw, level)``."""
    rows = pd.DataFrame({"x": LEVELS, "z": 0.0})
    return fit.draws(rows, kind="linear").stack(d=("chain", "draw")).transpose("d", "obs").values


@pytest.mark.parametrize(
    ("term", "levels"),
    [
        ("mo(cut(z, [-inf, 0, 1, inf]))", ["(-inf, 0]", "(0, 1]", "(1, inf]"]),
        ("mo(factor(k))", [3, 4, 5, 6, 7]),
        ("mo(C(t, levels=['none', 'low', 'mid', 'high', 'top']))", LEVELS),
    ],
)
def test_calls_that_order_levels_are_taken(term: str, levels: list[Any]) -> None:
    model = bd.Model(f"y ~ {term}", frame())
    (learned,) = (t.state for t in model.spec.predictors[0].terms if t.kind == "mo")
    assert learned["levels"] == levels


def test_a_call_that_orders_nothing_is_refused_with_its_column() -> None:
    with pytest.raises(bd.FormulaError, match=r"no order.*mo\(C\(k, levels=\[5, 3, 4"):
        bd.Model("y ~ mo(C(k, reference=5))", frame())


def test_draws_only_rise_or_only_fall_and_the_coefficient_is_the_mean_step(fit: bd.Fit) -> None:
    steps = np.diff(levels_of(fit), axis=1)
    mean = fit.posterior["mo(x)"].stack(d=("chain", "draw")).values
    assert (steps * np.sign(mean)[:, None] >= 0).all()
    np.testing.assert_allclose(steps.mean(axis=1), mean, rtol=1e-9)
    shares = fit.posterior["mo(x)_simplex"].stack(d=("chain", "draw")).transpose("d", ...)
    assert shares.dims[1:] == ("mo(x)_level",)
    assert shares["mo(x)_level"].values.tolist() == LEVELS[1:]
    np.testing.assert_allclose(steps, 4 * mean[:, None] * shares.values, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(shares.sum("mo(x)_level"), 1.0, rtol=1e-12)


def test_what_was_simulated_is_found(fit: bd.Fit) -> None:
    for name, truth in {"mo(x)": STEP, "mo(x)_simplex": SHARES, "Intercept": INTERCEPT, "z": 0.3, "sigma": NOISE}.items():
        draws = fit.posterior[name]
        mean, sd = draws.mean(("chain", "draw")).values, draws.std(("chain", "draw")).values
        assert (np.abs(mean - truth) < 4 * sd).all(), name
        assert (sd < 0.12).all()


def test_slopes_are_differences_of_levels(fit: bd.Fit) -> None:
    levels = levels_of(fit)
    table = fit.slopes("x")
    assert table["contrast"].tolist() == [f"{level} - none" for level in LEVELS[1:]]
    np.testing.assert_allclose(table["estimate"], (levels - levels[:, :1]).mean(axis=0)[1:], rtol=1e-7)


def test_slopes_of_whole_numbers_are_differences_too() -> None:
    numbers = bd.Model("y ~ mo(k) + z", frame()).fit("laplace", draws=50, seed=1, progress=False)
    assert numbers.slopes("k")["contrast"].tolist() == ["4 - 3", "5 - 3", "6 - 3", "7 - 3"]
    assert numbers.contrasts({"k": "sequential"})["contrast"].tolist() == ["4 - 3", "5 - 4", "6 - 5", "7 - 6"]


def test_it_is_saved_with_its_levels(fit: bd.Fit, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit")
    again = bd.load(tmp_path / "fit")
    rows = pd.DataFrame({"x": ["top", "none"], "z": 0.0})
    pd.testing.assert_frame_equal(again.predict(rows, kind="mean"), fit.predict(rows, kind="mean"))
    with pytest.raises(bd.DataError, match=r"column 'x' has a level that mo\(x\), fitted to 'none', .*'tip'"):
        again.predict(pd.DataFrame({"x": ["tip"], "z": [0.0]}))


@pytest.mark.parametrize("text", ["mo(k)", "mo(C(t, levels=['none', 'low', 'mid', 'high', 'top']))"])
def test_the_same_order_is_the_same_effect_however_it_is_told(text: str) -> None:
    data = frame()
    one, other = (bd.Model(f"y ~ {t}", data) for t in ("mo(x)", text))
    arrays = [model.__dict__["_rows"].arrays["mu_mo_1.steps"] for model in (one, other)]
    np.testing.assert_array_equal(*arrays)
    assert [str(p.prior) for p in one.spec.priors] == [str(p.prior) for p in other.spec.priors]


def test_a_level_without_rows_has_a_step() -> None:
    data = frame(levels=4)
    data["x"] = data["x"].where(data["x"] != "low", "mid").astype(data["x"].dtype)
    data["k"] = data["k"].where(data["k"] != 4, 5)
    for text, name in (("mo(x)", "mo(x)"), ("mo(k)", "mo(k)")):
        model = bd.Model(f"y ~ {text}", data)
        found = prior_draws(model, 5)[f"{name}_simplex"]
        # Nobody can know that the numbers do not end where the rows do.
        assert found.shape == (5, 4 if text == "mo(x)" else 3)
    point = bd.Model("y ~ mo(x)", data).fit("laplace", draws=20, seed=1, progress=False)
    assert np.isfinite(point.predict(pd.DataFrame({"x": ["low", "top"]}), kind="mean")).all(axis=None)


def test_two_levels_are_a_column_of_0_and_1() -> None:
    data = frame(levels=2)
    data["x"] = data["x"].cat.remove_unused_categories()
    data["k"] -= 3
    # The intercept's usual prior is on the predictor at the columns' means, and a monotonic effect is no column.
    priors = {"Intercept_raw": "Normal(1, 2)"}
    ours, column = (bd.Model(f"y ~ {t} + z", data, priors=priors) for t in ("mo(x)", "k"))
    chosen, other = ({p.name: p for p in model.spec.priors} for model in (ours, column))
    assert str(chosen["mo(x)"].prior) == str(other["k"].prior)
    assert chosen["mo(x)"].unit == pytest.approx(other["k"].unit, rel=1e-12)
    assert chosen.keys() - {"mo(x)"} == other.keys() - {"k"}
    draws = prior_draws(ours, 5)
    given = {name.replace("mo(x)", "k"): value for name, value in draws.items()}
    found = [row_function(m._graph, ["linear"])(d)[0] for m, d in ((ours, draws), (column, given))]
    np.testing.assert_allclose(*found, rtol=1e-12)
    assert "mo(x)_simplex" not in draws


def hand_written(data: pd.DataFrame, priors: dict[str, tuple[float, float]], a: float) -> pm.Model:
    with pm.Model() as model:
        b, b_z = (pm.Normal(name, *priors[name]) for name in ("b", "z"))
        intercept = pm.Normal("Intercept", *priors["Intercept"])
        shares = pm.Dirichlet("shares", np.full(4, a))
        sigma = pm.HalfNormal("sigma", 1.0)
        way = pm.math.concatenate([[0.0], shares.cumsum()])
        mu = intercept + b * 4 * way[data["x"].cat.codes.to_numpy()] + b_z * data["z"].to_numpy()
        pm.Normal("y", mu, sigma, observed=data["y"].to_numpy())
    return model


@pytest.mark.parametrize("a", [1.0, 2.5])
def test_the_density_is_that_of_a_model_written_by_hand(a: float) -> None:
    data = frame(60)
    priors = {"Intercept_raw": "Normal(1, 2)", "mo(x)": "Normal(0.5, 1.5)", "z": "Normal(0, 1)", "sigma": "HalfNormal(1)"}
    model = bd.Model("y ~ mo(x) + z", data, priors=priors | {"mo(x)_simplex": f"Dirichlet({a})"})
    graph = model._graph
    ours = graph.model.compile_fn(own_scale_density(graph), inputs=graph.model.value_vars, mode=array_mode())
    other = hand_written(data, {"b": (0.5, 1.5), "z": (0.0, 1.0), "Intercept": (1.0, 2.0)}, a)
    theirs = other.compile_fn(other.logp(jacobian=False), inputs=other.value_vars, mode=array_mode())
    rng, apart = np.random.default_rng(3), []
    for _ in range(6):
        b, z, level, log_sigma = rng.normal(size=4)
        part = rng.uniform(0.05, 0.95, 3)
        shares = np.append(part, 1.0) * np.append(1.0, np.cumprod(1.0 - part))
        values: dict[str, Any] = {}
        for variable in graph.model.free_RVs:
            value = graph.model.rvs_to_values[variable].name
            if "part" in variable.name:
                values[value] = np.log(part) - np.log1p(-part)
            elif variable.name == "mo(x)":
                values[value] = b
            elif variable.name == "z":
                values[value] = z
            elif variable.name == "sigma":
                values[value] = log_sigma
            else:  # The intercept at the means of the columns that are columns.
                values[value] = level + z * data["z"].mean()
        by_hand = {"b": b, "z": z, "Intercept": level, "sigma_log__": log_sigma}
        by_hand["shares_simplex__"] = pm.distributions.transforms.simplex.forward(shares).eval()
        apart.append(float(ours(values)) - float(theirs(by_hand)))
    np.testing.assert_allclose(apart, 0.0, atol=1e-8)


@pytest.mark.parametrize("a", [0.5, 1.0, 4.0])
def test_shares_before_data_are_dirichlet(a: float) -> None:
    model = bd.Model("y ~ mo(x)", frame(), priors={"mo(x)_simplex": f"Dirichlet({a})"})
    shares = prior_draws(model, 3000)["mo(x)_simplex"]
    for k in range(4):
        assert stats.kstest(shares[:, k], stats.beta(a, 3 * a).cdf).pvalue > 1e-3
    expected = np.full((4, 4), -1.0) + 4 * np.eye(4)
    np.testing.assert_allclose(np.cov(shares.T), expected / 16 / (4 * a + 1), atol=0.012)


@pytest.mark.integration
@pytest.mark.parametrize("method", ["advi", "map", "laplace", "pathfinder"])
def test_methods_agree_with_nuts(fit: bd.Fit, method: str) -> None:
    other = bd.Model("y ~ mo(x) + z", frame()).fit(method, seed=1, progress=False)
    for name in ("mo(x)", "mo(x)_simplex"):
        exact = fit.posterior[name]
        apart = np.abs(other.posterior[name].mean(("chain", "draw")) - exact.mean(("chain", "draw")))
        assert (apart < 1.2 * exact.std(("chain", "draw"))).all(), name


@pytest.mark.parametrize(
    ("family", "response", "options"),
    [
        ("categorical", "t", {}),
        ("poisson", "count", {}),
        ("cumulative", "x", {}),
        ("gaussian", "y", {"sigma": "~ mo(k)"}),
    ],
)
def test_it_stands_in_any_predictor(family: str, response: str, options: dict[str, str]) -> None:
    data = frame(80).assign(count=lambda d: np.random.default_rng(0).poisson(np.exp(0.3 * d["y"])))
    model = bd.Model(f"{response} ~ {'z' if options else 'mo(k)'}", data, family=family, **options)
    logp = model.pymc.compile_logp(mode=array_mode())
    assert np.isfinite(logp(model.pymc.initial_point()))
    name = "sigma_mo(k)" if options else "mo(k)"
    draws = prior_draws(model, 3)
    np.testing.assert_allclose(draws[f"{name}_simplex"].sum(axis=1), 1.0, rtol=1e-12)
    assert draws[f"{name}_simplex"].shape == ((3, 4, 4) if family == "categorical" else (3, 4))
    assert f"{name}ᵢ" in equations(model.spec)


def test_it_is_written_down_as_what_it_is() -> None:
    text = equations(bd.Model("y ~ mo(x)", frame()).spec)
    assert "mo(x)ᵢ = β(mo(x)) · 4 · Σ_(j ≤ cᵢ) ζ[j], with cᵢ the steps of xᵢ above the lowest of none < low < mid" in text
    assert "ζ = mo(x)_simplex" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mo(t)", r"no order \('high', 'low', .*from the lowest, mo\(C\(t, levels=\["),
        ("mo(z)", r"not whole .* write s\(z\)"),
        ("mo(I(k * 1000))", "4001 levels|2000 levels"),
        ("mo(one)", "every row has the same value, 7"),
        ("mo(x, z)", "one ordered category"),
        ("mo(x, k=3)", "no options"),
        ("mo(x) + x", "leave 'x' by itself out"),
        ("(mo(x) | g)", r"write mo\(x\) outside of the bracket as well"),
        ("(mo(x) * z | g)", r"mo\(\) cannot vary by group; write the product"),
    ],
)
def test_what_is_refused_says_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(bd.FormulaError, match=said):
        bd.Model(f"y ~ {text}", frame().assign(one=7))


@pytest.mark.parametrize("value", [2, 8, 4.5])
def test_a_number_without_a_step_is_refused_by_name(value: float) -> None:
    point = bd.Model("y ~ mo(k)", frame()).fit("laplace", draws=5, seed=1, progress=False)
    with pytest.raises(bd.DataError, match=rf"column 'k' has the value {value:g} .*whole numbers from 3 to 7"):
        point.predict(pd.DataFrame({"k": [3, value]}))


def test_priors_of_shares_are_dirichlet() -> None:
    with pytest.raises(bd.PriorError, match=r"'mo\(x\)_simplex', which needs Dirichlet\(a\)"):
        bd.Model("y ~ mo(x)", frame(), priors={"mo(x)_simplex": "Beta(1, 1)"})
    with pytest.raises(bd.PriorError, match=r"does not fit 'mo\(x\)'"):
        bd.Model("y ~ mo(x)", frame(), priors={"mo(x)": "Dirichlet(1)"})
    with pytest.raises(bd.PriorError, match="must be positive"):
        bd.Model("y ~ mo(x)", frame(), priors={"mo(x)_simplex": "Dirichlet(0)"})


def test_a_joint_prior_holds_it_with_the_other_coefficients() -> None:
    model = bd.Model("y ~ mo(x) + z", frame(), priors={"population": "Horseshoe()"})
    assert prior_draws(model, 3)["mo(x)"].shape == (3,)


@pytest.mark.parametrize(
    ("text", "names", "columns"),
    [
        ("mo(k) * z", ("mo(k)", "mo(k):z"), lambda d: [np.ones(len(d)), d["z"]]),
        ("z + mo(k) + z:mo(k)", ("mo(k)", "mo(k):z"), lambda d: [np.ones(len(d)), d["z"]]),
        ("mo(k) * z - mo(k)", ("mo(k):z",), lambda d: [d["z"]]),
        ("g + mo(k):g", ("mo(k):g",), lambda d: [d["g"] == g for g in ("g0", "g1", "g2")]),
        ("mo(k) * g", ("mo(k)", "mo(k):g"), lambda d: [np.ones(len(d)), d["g"] == "g1", d["g"] == "g2"]),
        ("mo(k) * two", ("mo(k)", "mo(k):two"), lambda d: [np.ones(len(d)), d["two"] == "b"]),
    ],
)
@pytest.mark.parametrize("prior", [{}, {"population": "Horseshoe()"}], ids=["", "joint"])
def test_in_products_the_mean_step_depends_on_columns_and_the_shares_are_the_same(
    text: str, names: tuple[str, ...], columns: Any, prior: dict[str, str]
) -> None:
    data = frame(50).assign(two=lambda d: np.where(d["z"] > 0, "a", "b"))
    model = bd.Model(f"y ~ {text}", data, priors=prior)
    draws = prior_draws(model, 4)
    assert {name for name in draws if name.startswith("mo(k)")} == {*names, "mo(k)_simplex"}
    coefficients = np.concatenate([draws[name].reshape(4, -1) for name in names], axis=1)
    step = coefficients @ np.stack([np.asarray(c, dtype=float) for c in columns(data)])
    way = 4 * np.concatenate([np.zeros((4, 1)), draws["mo(k)_simplex"].cumsum(axis=1)], axis=1)[:, data["k"] - 3]
    part = next(key for key in model._graph.response.parts if "_mo_" in key)
    found = function_of(model._graph, [model._graph.response.parts[part]])(draws)[0]
    np.testing.assert_allclose(found, way * step, rtol=1e-9, atol=1e-9)


def test_products_of_several_predictors_and_what_they_are_called() -> None:
    data = frame(80)
    model = bd.Model("t ~ mo(k) * z + mo(k):g", data, family="categorical")
    assert np.isfinite(model.pymc.compile_logp(mode=array_mode())(model.pymc.initial_point()))
    draws = prior_draws(model, 2)
    assert draws["mo(k):z"].shape == (2, 4)
    assert draws["mo(k):g"].shape == (2, 2, 4)
    text = equations(bd.Model("y ~ mo(k) * g + z:mo(k)", data).spec)
    assert "mo(k)ᵢ = (β(mo(k)) + β(mo(k):g)[gᵢ] + β(mo(k):z) · zᵢ) · 4 · Σ_(j ≤ cᵢ) ζ[j]" in text


@pytest.mark.integration
def test_products_that_were_simulated_are_found() -> None:
    data = frame(400, seed=5)
    way = np.concatenate([[0.0], np.cumsum(SHARES)])[data["k"] - 3] * 4
    noise = np.random.default_rng(1).normal(0.0, 0.5, len(data))
    data["y"] = 1.0 + way * (0.5 + 0.3 * data["z"]) + 0.2 * data["z"] + noise
    posterior = bd.Model("y ~ mo(k) * z", data).fit("nuts", draws=400, tune=400, seed=1, progress=False).posterior
    for name, truth in {"mo(k)": 0.5, "mo(k):z": 0.3, "z": 0.2, "mo(k)_simplex": SHARES}.items():
        draws = posterior[name]
        sd = draws.std(("chain", "draw")).values
        assert (np.abs(draws.mean(("chain", "draw")).values - truth) < 4 * sd).all(), name
        assert (sd < 0.1).all()


def test_products_are_learned_once_and_made_again() -> None:
    data = frame()
    point = bd.Model("y ~ mo(x) * g", data).fit("laplace", draws=30, seed=1, progress=False)
    few = data.tail(7)
    own = point.draws(kind="linear").values[..., -7:]
    np.testing.assert_allclose(point.draws(few, kind="linear").values, own, rtol=1e-9)
    with pytest.raises(bd.DataError, match="'g9'"):
        point.predict(few.assign(g="g9"))
    assert len(point.slopes("x", by="g")) == 12


@pytest.mark.parametrize(("text", "said"), [("mo(k):mo(x)", "cannot be multiplied with each other"), ("mo(k) * k", "leave 'k'")])
def test_products_that_mean_nothing_are_refused(text: str, said: str) -> None:
    with pytest.raises(bd.FormulaError, match=said):
        bd.Model(f"y ~ {text}", frame())
