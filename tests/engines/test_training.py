"""Engines that train networks: laws over all three, and what each promises."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError

pytestmark = pytest.mark.slow
rng = np.random.default_rng(11)
ROWS = 120
X, Z = rng.uniform(-2, 2, (2, ROWS))
MEAN = np.sin(2 * X)
DATA = {
    "x": X, "z": Z, "g": rng.choice(list("abcd"), ROWS), "y": MEAN + rng.normal(0, 0.3, ROWS), "noise": rng.normal(0, 2.0, ROWS),
    "b": (MEAN + rng.logistic(0, 0.3, ROWS) > 0).astype(int), "k": rng.poisson(np.exp(1 + MEAN)),
}  # fmt: skip
METHODS = {"sgd": {}, "ensemble": {"members": 2}, "dropout": {"draws": 30}}
SHORT = {"epochs": 60, "seed": 1, "progress": False}


@pytest.mark.parametrize("method", METHODS)
def test_a_network_beats_a_line_on_new_rows_of_a_curve(method: str) -> None:
    x = np.random.default_rng(12).uniform(-2, 2, 400)
    new = {"x": x, "y": np.sin(2 * x) + np.random.default_rng(13).normal(0, 0.3, 400)}
    line = bd.Model("y ~ x", DATA).fit(seed=1, draws=100, progress=False)
    net = bd.Model("y ~ net(x, hidden=[10])", DATA).fit(method, **METHODS[method], seed=1, progress=False)
    assert net.log_score(new) > line.log_score(new) + 0.3
    assert not net.idata.attrs["exact"]
    # Draws as many as there are networks.
    assert net.idata["posterior"].sizes["draw"] == {"sgd": 1, "ensemble": 2, "dropout": 30}[method]


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_gives_the_same_networks(method: str) -> None:
    model = bd.Model("b ~ net(x, z, hidden=[4]) + (1 | g)", DATA, "bernoulli")
    one, two, other = (
        model.fit(method, **METHODS[method], **(SHORT | {"epochs": 5, "seed": seed})).draws(kind="linear").to_numpy()
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one).all()
    assert np.abs(one - other).max() > 1e-3


def test_the_noise_is_not_learned_from_rows_the_network_has_seen() -> None:
    options = {"penalty": False, "patience": 300, "epochs": 300, "seed": 1, "progress": False}
    fit = bd.Model("noise ~ net(x, z, hidden=[60])", DATA).fit("sgd", **options)
    # The response is noise of sd 2; 120 rows give its sd to 7 %, and a network that follows them adds to the error.
    assert 1.7 < float(fit.posterior["sigma"].squeeze()) < 3.5


def test_the_penalty_is_the_prior() -> None:
    """Without hidden layers the mode given noise and scale is ridge regression, on the rows that are trained on."""
    sigma, priors = 0.5, {"net(x)_sigma": "HalfNormal(1)"}
    formula = "y ~ net(x, hidden=[], prior='normal', orthogonal=False)"
    model = bd.Model(formula, DATA, priors=priors, sigma=bd.known(sigma))
    fit = model.fit("sgd", held_out=0.0, epochs=1500, batch_size=ROWS, precision="float64", seed=1, progress=False)
    post = fit.posterior
    s = float(post["net(x)_sigma"].squeeze())
    z = (X - X.mean()) / X.std()
    design = np.column_stack([np.ones(ROWS), z])
    # The intercept's prior is Normal(mean, 2.5 spreads).
    chosen = next(p for p in model.spec.priors if p.name == "Intercept").prior
    precision = np.diag([1 / float(chosen.get("sigma")) ** 2, 1 / s**2])
    right = design.T @ DATA["y"] / sigma**2 + precision @ [float(chosen.get("mu")), 0.0]
    mode = np.linalg.solve(design.T @ design / sigma**2 + precision, right)
    # Reported in the units of x.
    assert float(post["net(x)_w1"].squeeze()) * X.std() == pytest.approx(mode[1], abs=1e-6)


def test_without_the_penalty_training_rows_are_met_more_closely() -> None:
    few = {name: values[:25] for name, values in DATA.items()}
    model = bd.Model("y ~ net(x, z, hidden=[40])", few, sigma=bd.known(0.3))
    options = {"held_out": 0.0, "epochs": 1500, "batch_size": 25, "schedule": "constant", "seed": 1, "progress": False}
    errors = [
        np.mean((model.fit("sgd", penalty=penalty, **options).predict(kind="mean")["mean"] - few["y"]) ** 2)
        for penalty in (True, False)
    ]
    assert errors[1] < 0.8 * errors[0]


def test_a_rate_that_diverges_says_so() -> None:
    model = bd.Model("k ~ net(x, hidden=[4], activation='relu')", DATA, "poisson")
    with pytest.raises(FitError, match=r"sgd: training diverged.*learning_rate"):
        model.fit("sgd", optimizer="sgd", learning_rate=1e6, **SHORT)


def test_left_out_units_are_weights_that_are_zero() -> None:
    fit = bd.Model("y ~ net(x, hidden=[8])", DATA).fit("dropout", rate=0.5, draws=400, **(SHORT | {"epochs": 5}))
    share = float((fit.posterior["net(x)_w2"] == 0).mean())
    assert share == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(3200))


def test_dropout_without_units_is_refused() -> None:
    with pytest.raises(FitError, match="no network with hidden units"):
        bd.Model("y ~ x", DATA).fit("dropout", **SHORT)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"learning_rate": -1.0}, "learning_rate is -1"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"held_out": 1.5}, "held_out is 1.5"),
        ({"momentum": 0.5}, "no option 'momentum'"),
    ],
)
def test_options_that_make_no_sense(options: dict, words: str) -> None:
    with pytest.raises(FitError, match=words):
        bd.Model("y ~ net(x)", DATA).fit("sgd", seed=1, progress=False, **options)


def test_an_interruption_keeps_the_best_so_far() -> None:
    from bayesdeep.engines import sgd
    from bayesdeep.results.batches import batches_of
    from bayesdeep.results.run import starting_units, words_of

    class Stop:
        def update(self, done: int, total: int, note: str = "") -> None:
            del done, total, note
            raise KeyboardInterrupt

    model = bd.Model("y ~ net(x, hidden=[4])", DATA)
    _, target = batches_of(
        model.spec, model.__dict__["_rows"], "sgd", words_of(model.spec), starting_units(model.spec)
    )
    found = sgd.run(sgd.ENGINE.settings(epochs=300), target, 1, Stop())
    assert found.status == "interrupted"
    assert np.isfinite(found.positions).all()
    assert "interrupted" in found.advice[0]
