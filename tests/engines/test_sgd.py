"""The point estimate: its gradient is unbiased, it is the penalised mode where that is known, and its noise is honest."""

import jax
import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.engines._training.train_coordinates import coordinates, first
from bayesdeep.engines._training.train_draws import trained
from bayesdeep.engines._training.train_program import Inputs, loss_function, precision, program_inputs
from bayesdeep.engines._training.train_settings import SgdSettings, recipe
from bayesdeep.engines._training.train_split import FEW_ROWS, slots, split
from bayesdeep.engines._training.train_steps import rates
from bayesdeep.inference.batch_target import batches_of
from bayesdeep.inference.run import words_of

QUICK = {"epochs": 60, "progress": False, "seed": 3}


def data(rows: int = 240, seed: int = 1) -> pd.DataFrame:
    """Return rows whose predictor is 1.5 sin(2x) and an effect of a group."""
    rng = np.random.default_rng(seed)
    x, z, group = rng.uniform(-2, 2, rows), rng.normal(size=rows), rng.integers(0, 8, rows)
    effect = rng.normal(0, 0.7, 8)[group]
    wave = 1.5 * np.sin(2 * x)
    d = pd.DataFrame({"x": x, "z": z, "g": [f"g{k}" for k in group]})
    d["y"] = wave + 0.3 * rng.normal(size=rows)
    d["h"] = wave + np.where(x > 0, 1.0, 0.1) * rng.normal(size=rows)
    d["b"] = (rng.uniform(size=rows) < 1 / (1 + np.exp(-2 * wave - effect))).astype(int)
    d["k"] = rng.poisson(np.exp(0.5 + 0.6 * wave))
    level = np.digitize(wave + 0.6 * rng.logistic(size=rows), [-0.7, 0.7])
    d["c"] = np.array(["one", "two", "three"])[level]
    d["o"] = pd.Categorical(np.array(["low", "mid", "high"])[level], ["low", "mid", "high"], ordered=True)
    return d


MODELS = {
    "gaussian": ("y ~ net(x, hidden=[12])", "y ~ 1", "gaussian", {}),
    "two layers": ("y ~ net(x, z, hidden=[8, 8])", "y ~ 1", "gaussian", {}),
    "with sigma": ("h ~ net(x, hidden=[12])", "h ~ 1", "gaussian", {"sigma": "~ net(x, hidden=[6])"}),
    "bernoulli by group": ("b ~ net(x, hidden=[12]) + (1 | g)", "b ~ 1", "bernoulli", {}),
    "poisson": ("k ~ net(x, hidden=[12])", "k ~ 1", "poisson", {}),
    "categorical": ("c ~ net(x, hidden=[12])", "c ~ 1", "categorical", {}),
    "cumulative": ("o ~ net(x, hidden=[12])", "o ~ 1", "cumulative", {}),
}


def batch_target(model: bd.Model) -> object:
    """Return what the engines see of a model."""
    words = words_of(model.spec)
    return batches_of(model.spec, model.__dict__["_rows"], "sgd", words)[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_learned(name: str) -> None:
    formula, plain, family, others = MODELS[name]
    train, test = data(), data(rows=400, seed=2).assign(g="g0")
    fit = bd.Model(formula, train, family, **others).fit("sgd", progress=False, seed=3)
    again = bd.Model(formula, train, family, **others).fit("sgd", progress=False, seed=3)
    other = bd.Model(formula, train, family, **others).fit("sgd", progress=False, seed=4)
    assert all(np.isfinite(v.values).all() for v in fit.idata.posterior.data_vars.values())
    names = list(fit.idata.posterior.data_vars)
    assert all(np.array_equal(fit.idata.posterior[n].values, again.idata.posterior[n].values) for n in names)
    assert any(not np.array_equal(fit.idata.posterior[n].values, other.idata.posterior[n].values) for n in names)
    baseline = bd.Model(plain, train, family).fit("map", progress=False, seed=3)
    assert fit.log_score(test) > baseline.log_score(test) + 0.05


@pytest.mark.few(1)
@pytest.mark.parametrize("penalty", [True, False])
def test_gradients_of_an_epoch_have_the_full_gradient_as_their_mean(penalty: bool) -> None:
    target = batch_target(bd.Model("b ~ z + net(x, hidden=[5]) + (1 | g)", data(rows=103), "bernoulli"))
    chosen = recipe(SgdSettings(batch_size=16, precision="float64", penalty=penalty), target.rows)
    where, rng = coordinates(target, penalty), np.random.default_rng(0)
    parts = split(target.rows, 0.0, 1, rng)
    places = slots(parts.training, 16)
    rows = places.shuffled(parts.training, [rng])
    batches, width = places.filled.shape[1:]
    # 103 rows make seven batches of 14 or 15.
    assert (batches, width) == (7, 15)
    assert np.array_equal(np.sort(rows[0][places.filled[0] > 0]), np.arange(103))
    w, v = where.split(first(target, "prior", [rng]) + 0.1 * rng.normal(size=target.dim), target.start)
    with precision("float64"):
        all_rows = target.all_rows_function(103)(target.start, target.arrays)
        numbers: Inputs = program_inputs(target, chosen, where, parts, places, np.arange(103))
        some = jax.jit(jax.grad(loss_function(target, chosen, where, width)), static_argnums=4)
        each = [
            some(w[0], v[0], target.take(own), filled, batches, 103.0, all_rows, (), numbers)
            for own, filled in zip(rows[0], places.filled[0], strict=True)
        ]

        def density(w: object) -> object:
            x = where.join(w, v[0], numbers.unit, numbers.fixed)
            fit = target.rows_function(103)(x, target.arrays, (), all_rows).sum()
            return -(fit + (target.prior(x) if penalty else 0.0)) / 103

        whole = np.asarray(jax.jit(jax.grad(density))(w[0]))
    assert np.abs(whole).max() > 1e-3
    np.testing.assert_allclose(np.mean(each, axis=0), whole, rtol=0, atol=1e-10)


def test_without_a_hidden_layer_it_is_ridge_regression() -> None:
    rng, rows = np.random.default_rng(5), 90
    x = rng.normal([3.0, -1.0, 50.0], [1.0, 2.0, 10.0], (rows, 3))
    y = x @ [0.5, -0.4, 0.03] + rng.normal(size=rows)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y})
    model = bd.Model("y ~ net(a, b, c, hidden=[])", frame, sigma=bd.known(0.9), priors={"Intercept": "Normal(1, 4)"})
    options = {"held_out": 0.0, "batch_size": rows, "epochs": 4000, "precision": "float64", "seed": 1, "progress": False}
    fit = model.fit("sgd", **options)
    target = batch_target(model)
    name = next(n for n, at in target.blocks.items() if target.roles[at.flat[0]] == "weight")
    ones = target.start.copy()
    ones[target.blocks[name]] = 1.0
    # Coefficients are the standardised weights times these, and those are penalised by half their squares.
    units = target.weights(ones)[name]
    centred = x - x.mean(axis=0)
    design = np.column_stack([np.ones(rows), centred * units])
    penalty = np.diag([1 / 4**2, *np.ones(3)])
    centre = np.array([1.0 / 4**2, 0, 0, 0])
    mode = np.linalg.solve(design.T @ design / 0.9**2 + penalty, design.T @ y / 0.9**2 + centre)
    found = fit.idata.posterior["net(a, b, c)_w1"].values.squeeze()
    np.testing.assert_allclose(found, mode[1:] * units, rtol=1e-4)
    prediction = fit.predict(frame, kind="mean")["mean"].to_numpy()
    np.testing.assert_allclose(prediction, design @ mode, rtol=1e-4)


@pytest.mark.integration
def test_noise_does_not_collapse_where_a_network_could_meet_every_row() -> None:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(rng.normal(size=(250, 4)), columns=list("abcd"))
    frame["y"] = 5 + 2.0 * rng.normal(size=250)
    model = bd.Model("y ~ net(a, b, c, d, hidden=[60])", frame)
    options = {"seed": 2, "progress": False, "epochs": 150, "patience": 150}
    sigma = model.fit("sgd", **options).idata.posterior["sigma"].item()
    assert sigma == pytest.approx(2.0, rel=0.2)


@pytest.mark.integration
def test_without_penalty_it_comes_nearer_to_the_training_rows() -> None:
    frame = data(rows=60).assign(y=lambda d: d.y + np.random.default_rng(1).normal(size=60))
    model = bd.Model("y ~ net(x, z, hidden=[30])", frame, sigma=bd.known(1.0))
    options = {"held_out": 0.0, "epochs": 600, "seed": 1, "progress": False}
    errors = []
    for penalty in (True, False):
        mean = model.fit("sgd", penalty=penalty, **options).predict(frame, kind="mean")["mean"].to_numpy()
        errors.append(float(np.mean((mean - frame.y) ** 2)))
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.integration
def test_a_diverging_learning_rate_says_so() -> None:
    model = bd.Model("y ~ net(x, hidden=[10])", data())
    with pytest.raises(FitError, match=r"sgd: training diverged.*Lower learning_rate"):
        model.fit("sgd", optimizer="sgd", learning_rate=1e5, **QUICK)


class Interrupting:
    """Progress that is interrupted when it is told of the second piece of work."""

    calls = 0

    def update(self, done: int, total: int, note: str = "") -> None:
        self.calls += 1
        if self.calls == 2:
            raise KeyboardInterrupt


@pytest.mark.integration
def test_an_interruption_keeps_the_best_so_far() -> None:
    target = batch_target(bd.Model("y ~ net(x, hidden=[8])", data(rows=80)))
    settings = SgdSettings(epochs=500, patience=500)
    draws = trained(settings, target, 1, Interrupting(), "sgd")
    assert draws.status == "interrupted"
    assert draws.positions.shape == (1, 1, target.dim)
    assert 0 < draws.details["best_epoch"] <= draws.details["epochs"] < 500
    assert "interrupted" in draws.advice[0]
    assert draws.details["ended_by"] == "interruption"


def test_every_row_is_judged_once_where_there_are_few() -> None:
    parts = split(90, 0.1, 1, np.random.default_rng(0))
    assert parts.together
    assert np.array_equal(np.sort(np.concatenate(parts.held_out)), np.arange(90))
    assert np.array_equal(parts.training[parts.wanted[0]], np.arange(90))
    for training, held_out in zip(parts.training, parts.held_out, strict=True):
        assert not set(training) & set(held_out)
    many = split(FEW_ROWS + 10, 0.1, 1, np.random.default_rng(0))
    assert (len(many.training), many.judged) == (1, 201)


def test_schedules_rise_and_fall_as_they_say() -> None:
    def rate(**options: object) -> np.ndarray:
        return rates(recipe(SgdSettings(epochs=50, learning_rate=0.2, **options), 32), 1, np.arange(51)).ravel()

    assert np.allclose(rate(schedule="constant")[:50], 0.2)
    cosine = rate(schedule="cosine", warm_up=0.2)
    assert np.argmax(cosine) == 10
    assert cosine[0] < 0.1 * 0.2
    assert np.all(np.diff(cosine[10:]) < 0)
    assert rate(schedule="exponential")[49] == pytest.approx(0.2 * 0.01 ** (49 / 50))
    # The epoch after the last only judges.
    assert rate()[50] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimizer": "adm"}, "optimizer must be one of.*did you mean 'adam'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"held_out": 0.95}, "held_out is 0.95"),
        ({"held_out": 0.0}, "no rows are held out.*sigma"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(FitError, match=said):
        bd.Model("y ~ net(x, hidden=[4])", data(rows=40)).fit("sgd", seed=1, progress=False, **options)


@pytest.mark.integration
def test_starting_weights_have_the_variance_the_rule_says() -> None:
    target = batch_target(bd.Model("y ~ net(x, z, hidden=[40, 60])", data(rows=40)))
    x = first(target, "he", [np.random.default_rng(k) for k in range(40)])
    found = [target.weights(row)["net(x, z)_w2_z"] for row in x]
    assert np.std(found) == pytest.approx(np.sqrt(2 / 40), rel=0.01)
    x = first(target, "glorot", [np.random.default_rng(k) for k in range(40)])
    found = [target.weights(row)["net(x, z)_w2_z"] for row in x]
    assert np.std(found) == pytest.approx(np.sqrt(2 / 100), rel=0.01)
    assert not any(np.any(target.weights(row)["net(x, z)_b1_z"]) for row in x)


def test_units_that_do_nothing_are_counted() -> None:
    from bayesdeep.engines._training.train_units import constant_advice, constant_units

    target = batch_target(bd.Model('y ~ net(x, hidden=[10], activation="relu")', data(rows=60)))
    x = first(target, "prior", [np.random.default_rng(1)])[0]
    before = constant_units(target, x, np.random.default_rng(0))
    x[target.blocks["net(x)_b1_z"][:4]] = -1000.0
    ((dead, units),) = constant_units(target, x, np.random.default_rng(0)).values()
    assert (dead, units) == (4 + sum(n for n, _ in before.values()), 10) or dead >= 4
    assert "of 10 units of hidden layer 1" in constant_advice(constant_units(target, x, np.random.default_rng(0)))[0]
