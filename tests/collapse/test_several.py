"""Standard deviations that several numbers make: every engine means the same model by them, or says that it cannot."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.collapse.row_values import predictor
from bayesdeep.core.effects import Columns, Effect, Grouped, Piece, Scaled
from bayesdeep.core.priors import Slot
from bayesdeep.core.quantities import BASIS, EFFECTS
from bayesdeep.core.records import Default
from bayesdeep.core.terms import Term
from bayesdeep.graph.evaluate import forward_draws, row_function
from bayesdeep.report.mathematics import equations

LEVELS, NOISE = tuple("abcdefgh"), 0.5
GRAPH = 2.0 * np.eye(8) - np.eye(8, k=1) - np.eye(8, k=-1) + 0.3 * np.eye(8)
VALUES, VECTORS = np.linalg.eigh(np.linalg.inv(GRAPH))


def shared_out(values: Any, xp: Any) -> Any:
    sd, share = values
    return sd * xp.sqrt(share * VALUES + 1.0 - share)


def slots(state: Any, spread: float) -> tuple[Slot, ...]:
    default = Default(f"HalfNormal({spread:.4g})", "a spread")
    share = Default("Beta(2, 2)", "either")
    return (Slot("wave_sigma", "positive", default, "sd", 1, spread), Slot("rho", "unit", share, "hyperparameter"))


def waves(state: Any) -> tuple[Effect, ...]:
    piece = Piece("wave", 0, 8, "wave_basis", tuple(range(8)), "wave_sigma", "wave")
    rows = Columns("Z", (0.0,) * 8, (1.0,) * 8)
    return (Effect(rows, Scaled(("wave_sigma",), shared_out, ("rho",), text="{0} √({1} λ[b] + 1 - {1})"), (piece,), BASIS),)


def regions(state: Any) -> tuple[Effect, ...]:
    rows = Grouped("region", LEVELS, "codes", None, True)
    law = Scaled(("wave_sigma",), shared_out, ("rho",), VECTORS)
    return (Effect(rows, law, (Piece("u", 0, 1, sd="wave_sigma", name="1"),), EFFECTS),)


def both(state: Any) -> tuple[Effect, ...]:
    """Return the same as ``regions`` as a sum of two: of levels that are related, and of levels that are not."""
    rows = Grouped("region", LEVELS, "codes", None, True)
    lean = Scaled(("wave_sigma",), lambda v, xp: v[0] * xp.sqrt(v[1] * VALUES), ("rho",), VECTORS)
    alone = Scaled(("wave_sigma",), lambda v, xp: v[0] * xp.sqrt(1.0 - v[1]), ("rho",))
    return tuple(
        Effect(rows, law, (Piece(name, 0, 1, sd="wave_sigma", name="1"),), EFFECTS) for law, name in ((lean, "u"), (alone, "v"))
    )


def arrays(state: Any, node: Any, context: Any) -> dict[str, np.ndarray]:
    at = np.asarray(context.values(node.arguments[0]))
    return {"codes": at.astype(np.int64), "Z": np.cos(np.outer(at, np.arange(8)))}


EFFECTS_OF: dict[str, Callable[[Any], tuple[Effect, ...]]] = {"waves": waves, "regions": regions, "both": both}


@pytest.fixture(autouse=True)
def visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    from bayesdeep.core import registry

    for one in registry.registries():
        monkeypatch.setattr(one, "_added", dict(one._added))
        monkeypatch.setattr(one, "_loaded", dict(one._loaded))
    for name, effects in EFFECTS_OF.items():
        groups = (lambda state: {}) if effects is waves else (lambda state: {"region": LEVELS})
        term = Term(
            name, lambda node, context: {}, arrays, slots, effects=effects, groups=groups, call=True,
            words=lambda state: frozenset({"linear"}), example=f"{name}(a)",
        )
        bd.register(term)


def frame(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    at = np.arange(rows) % 8
    eta = 0.6 * np.sin(at)
    return pd.DataFrame({"a": at.astype(float), "y": eta + rng.normal(0, NOISE, rows), "c": rng.poisson(np.exp(1 + eta))})


def dense(data: pd.DataFrame, waves: bool, prior_sd: float, spread: float) -> dict[str, np.ndarray]:
    """Return moments of the model by sums over a grid of (sd, rho), each a normal distribution of the rows."""
    at, y = data.a.to_numpy(int), data.y.to_numpy()
    columns = np.cos(np.outer(data.a, np.arange(8))) if waves else VECTORS[at]
    sds, shares = np.exp(np.linspace(np.log(1e-3), np.log(8 * spread), 120)), (np.arange(40) + 0.5) / 40
    weights, means, variances = [], [], []
    for sd in sds:
        for share in shares:
            z = columns * shared_out((sd, share), np)
            prior = z @ z.T + prior_sd**2
            whole = prior + NOISE**2 * np.eye(len(y))
            solved = np.linalg.solve(whole, np.column_stack([y, prior]))
            log = -0.5 * y @ solved[:, 0] - 0.5 * np.linalg.slogdet(whole)[1]
            weights.append(log - 0.5 * (sd / spread) ** 2 + np.log(sd) + np.log(share * (1 - share)))
            means.append(prior @ solved[:, 0])
            variances.append(np.diag(prior) - np.einsum("ij,ji->i", prior, solved[:, 1:]))
    w = np.exp(np.array(weights) - max(weights))
    w /= w.sum()
    mean = w @ np.array(means)
    second = w @ (np.array(variances) + np.array(means) ** 2)
    grid = np.array([(sd, share) for sd in sds for share in shares])
    numbers = w @ grid
    numbers_sd = np.sqrt(w @ grid**2 - numbers**2)
    return {"mean": mean, "sd": np.sqrt(second - mean**2), "numbers": numbers, "numbers_sd": numbers_sd}


def model(term: str, response: str = "y") -> bd.Model:
    own = {"sigma": bd.known(NOISE)} if response == "y" else {"family": "poisson"}
    priors = {"Intercept": "Normal(0, 2)", "wave_sigma": "HalfNormal(1)"}
    return bd.Model(f"{response} ~ {term}(a)", frame(), priors=priors, **own)


@pytest.mark.parametrize(
    ("term", "method"),
    [(term, "collapsed") for term in EFFECTS_OF]
    + [pytest.param(term, "nuts", marks=pytest.mark.integration) for term in EFFECTS_OF]
    + [pytest.param(term, "gibbs", marks=pytest.mark.integration) for term in ("waves", "regions")],
)
def test_the_posterior_is_that_of_dense_normal_algebra(term: str, method: str) -> None:
    fit = model(term).fit(method, seed=1, progress=False, draws=300 if method == "gibbs" else 1000)
    expected = dense(frame(), term == "waves", 2.0, 1.0)
    summary = fit.summary(var_names=["wave_sigma", "rho"])
    error = expected["numbers_sd"] / np.sqrt(summary.ess_bulk.to_numpy(float))
    assert (np.abs(summary["mean"].to_numpy(float) - expected["numbers"]) < 5 * error + 1e-3).all()
    flat = fit.draws(kind="linear").values.reshape(-1, 60)
    effective = float(summary.ess_bulk.min())
    assert (np.abs(flat.mean(axis=0) - expected["mean"]) / expected["sd"]).max() < 5 / np.sqrt(effective)
    np.testing.assert_allclose(flat.std(axis=0), expected["sd"], rtol=5 / np.sqrt(2 * effective) + 0.01)


@pytest.mark.parametrize("term", list(EFFECTS_OF))
def test_the_graph_and_the_system_have_the_same_names_and_predictors(term: str) -> None:
    fit = model(term).fit("collapsed", draws=20, chains=1, seed=1, progress=False)
    sampled = model(term).fit("map", seed=1, progress=False)
    assert [(n, v.dims[2:]) for n, v in fit.posterior.data_vars.items()] == [
        (n, v.dims[2:]) for n, v in sampled.posterior.data_vars.items()
    ]
    assert {n: v.attrs["role"] for n, v in fit.posterior.data_vars.items()} == {
        n: v.attrs["role"] for n, v in sampled.posterior.data_vars.items()
    }


@pytest.mark.parametrize("term", list(EFFECTS_OF))
def test_the_graph_is_cut_at_what_is_reported(term: str) -> None:
    """Predictions start from the coefficients of the posterior, never from the numbers that they were drawn with."""
    made = model(term)
    graph, rows = made._graph, made.__dict__["_rows"]
    draws = forward_draws(graph, list(graph.reported), 7, {}, 1)
    found = row_function(graph, ["linear"])(draws)[0]
    np.testing.assert_allclose(found, predictor(made.spec, draws, rows.arrays, 60), rtol=1e-10)


@pytest.mark.parametrize("term", ["waves", pytest.param("regions", marks=pytest.mark.integration), "both"])
def test_of_counts_transport_finds_what_laplaces_method_does(term: str) -> None:
    one = model(term, "c").fit("transport", seed=1, progress=False)
    two = model(term, "c").fit("laplace_marginal", seed=1, progress=False)
    dims = ("chain", "draw")
    values = [fit.draws(kind="linear") for fit in (one, two)]
    assert float((np.abs(values[0].mean(dims) - values[1].mean(dims)) / values[0].std(dims)).max()) < 0.15
    for name in ("wave_sigma", "rho"):
        own = [fit.posterior[name] for fit in (one, two)]
        assert abs(float(own[0].mean() - own[1].mean())) < 0.15 * float(own[0].std())


@pytest.mark.integration
def test_of_counts_transport_finds_what_nuts_does() -> None:
    one = model("regions", "c").fit("transport", seed=1, progress=False)
    two = model("regions", "c").fit("nuts", seed=1, progress=False)
    dims = ("chain", "draw")
    values = [fit.draws(kind="linear") for fit in (one, two)]
    assert float((np.abs(values[0].mean(dims) - values[1].mean(dims)) / values[0].std(dims)).max()) < 0.15


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_likelihoods_alone_are_refused(method: str) -> None:
    with pytest.raises(bd.FitError, match=f"'{method}' does not apply: .* made of wave_sigma and rho"):
        model("waves").fit(method, seed=1, progress=False)


@pytest.mark.parametrize(
    ("term", "line"),
    [
        ("waves", "s[b] = wave_sigma √(rho λ[b] + 1 - rho)"),
        ("regions", "u₁ = root c, c[b] ~ Normal(0, s[b])"),
        ("both", "    s = a function of wave_sigma and rho"),
    ],
)
def test_the_mathematics_say_what_standard_deviations_are_made_of(term: str, line: str) -> None:
    assert line in equations(model(term).spec)
