"""A model as prior and rows: together they are the model's density, and some rows estimate all of them."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.graph.jax_target import jax_target
from bayesdeep.inference.batch_target import batches_of
from bayesdeep.inference.run import words_of

rng = np.random.default_rng(5)
ROWS = 60
DATA = {
    "x": rng.normal(size=ROWS), "z": rng.normal(size=ROWS), "g": rng.choice(list("abcd"), ROWS), "y": rng.normal(size=ROWS),
    "b": rng.integers(0, 2, ROWS), "k": rng.poisson(2, ROWS), "c": rng.choice(["u", "v", "w"], ROWS),
}  # fmt: skip
MODELS = {
    "gaussian": ("y ~ x + (1 | g) + net(x, z, hidden=[4, 3])", "gaussian", {}),
    "distributional": ("y ~ net(x, hidden=[3])", "gaussian", {"sigma": "~ net(z, hidden=[2])"}),
    "bernoulli": ("b ~ net(x, z, hidden=[3], orthogonal=False) + (1 | g)", "bernoulli", {}),
    "poisson": ("k ~ (net(x, hidden=[3]) | g)", "poisson", {}),
    "categorical": ("c ~ net(x, z, hidden=[3])", "categorical", {}),
    "no network": ("y ~ x + (1 | g)", "gaussian", {}),
}


@pytest.fixture(scope="module", params=MODELS)
def made(request: pytest.FixtureRequest):
    import jax

    formula, family, others = MODELS[request.param]
    model = bd.Model(formula, DATA, family, **others)
    with jax.enable_x64(True):
        graph, target = batches_of(
            model.spec, model.__dict__["_rows"], "sgd", words_of(model.spec)
        )
        yield graph, target


@pytest.mark.few(1)
def test_prior_and_rows_are_the_density(made) -> None:
    graph, target = made
    x = target.initial(np.random.default_rng(1))
    # JAX works out the factorials of counts, constants of the data, from 32-bit numbers and in single precision.
    whole = float(target.prior(x)) + float(target.rows_function(target.rows)(x, target.arrays).sum())
    assert whole == pytest.approx(jax_target(graph.model).logp_dlogp(x)[0], rel=1e-8)


@pytest.mark.integration
def test_batches_of_an_epoch_average_to_the_whole(made) -> None:
    import jax

    _, target = made
    x, size = target.initial(np.random.default_rng(2)), 15
    all_rows = target.all_rows_function(target.rows)(x, target.arrays)
    whole = jax.grad(lambda v: target.rows_function(target.rows)(v, target.arrays, (), all_rows).sum())(x)
    parts = np.random.default_rng(0).permutation(target.rows).reshape(-1, size)
    some = target.rows_function(size)
    estimates = [target.rows / size * jax.grad(lambda v, b=b: some(v, target.take(b), (), all_rows).sum())(x) for b in parts]
    np.testing.assert_allclose(np.mean(estimates, axis=0), whole, rtol=1e-9, atol=1e-9)


@pytest.mark.few(2)
def test_units_that_are_left_out_are_weights_that_are_zero(made) -> None:
    _, target = made
    if not target.masks:
        return
    x = target.initial(np.random.default_rng(3))
    masks = [np.ones((target.rows, size)) for size in target.masks.values()]
    function = target.rows_function(target.rows)
    all_rows = target.all_rows_function(target.rows)(x, target.arrays)
    np.testing.assert_allclose(function(x, target.arrays, masks, all_rows), function(x, target.arrays, (), all_rows), rtol=1e-12)
    masks[0][:, 1] = 0.0
    without = x.copy()
    for name in target.layers[next(iter(target.masks))]:
        without[target.blocks[name][1].ravel()] = 0.0
    masked = function(x, target.arrays, masks, all_rows)
    np.testing.assert_allclose(masked, function(without, target.arrays, (), all_rows), rtol=1e-12)


@pytest.mark.few(2)
def test_every_coordinate_has_a_role(made) -> None:
    _, target = made
    known = {"weight", "scale", "effect", "sd", "correlation", "intercept", "coefficient", "parameter"}
    assert set(target.roles) <= known
    assert len(target.roles) == len(target.names) == target.dim
    weights = {name.split("[")[0] for name, role in zip(target.names, target.roles, strict=True) if role == "weight"}
    assert all(name.endswith("_z") for name in weights)


@pytest.mark.few(1)
@pytest.mark.parametrize("penalty", [True, False])
def test_trained_and_tuned_coordinates_make_the_variables(made, penalty: bool) -> None:
    import jax

    from bayesdeep.engines._training.train_coordinates import coordinates

    _, target = made
    where = coordinates(target, penalty)
    w, v = where.split(np.random.default_rng(3).normal(size=target.dim), target.start)
    x, unit = where.whole(w, v, target.start), where.unit[where.trained]
    parts = where.join(w, v, unit, target.start)
    assert [p.shape for p in parts] == [places.shape for places in target.blocks.values()]
    for part, places in zip(parts, target.blocks.values(), strict=True):
        np.testing.assert_allclose(part, x[places], rtol=1e-14)
    # By w, the slope of the density on the variables is that on the vector, in units.
    slope = jax.grad(lambda w: target.prior(where.join(w, v, unit, target.start)))(w)
    np.testing.assert_allclose(slope, (jax.grad(target.prior)(x)[where.trained] * unit), rtol=1e-9, atol=1e-9)
