"""Derivatives that Laplace's method of networks goes by: row by row, and through what all rows decide."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.engines._training.trained_start import compiled_loss
from bayesdeep.engines.laplace.network_coordinates import parts_of
from bayesdeep.engines.laplace.network_curvature import functions_of
from bayesdeep.engines.laplace.network_evidence import climb, curved, prior_precision
from bayesdeep.engines.laplace.network_linear import mode_at
from bayesdeep.inference.batch_target import batches_of
from bayesdeep.inference.run import words_of

ROWS = 60


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {
        "x": rng.normal(size=ROWS),
        "z": rng.normal(size=ROWS),
        "g": rng.choice(list("abcd"), ROWS),
        "y": rng.normal(size=ROWS),
        "b": rng.integers(0, 2, ROWS),
        "k": rng.poisson(2, ROWS),
    }


@pytest.mark.integration
@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("y ~ x + (1 | g) + net(x, z, hidden=[4, 3])", "gaussian"),
        ("b ~ net(x, z, hidden=[3], orthogonal=False) + (1 | g)", "bernoulli"),
        ("k ~ (net(x, hidden=[3]) | g)", "poisson"),
    ],
)
def test_slopes_by_row_are_those_of_all_rows_together(data, formula: str, family: str) -> None:
    import jax

    model, rng = bd.Model(formula, data, family), np.random.default_rng(1)
    with jax.enable_x64(True):
        _, target = batches_of(model.spec, model.__dict__["_rows"], "laplace", words_of(model.spec))
        functions, x = functions_of(target, rng), target.initial(rng)
        whole = jax.jacfwd(lambda v: target.linear_function(ROWS)(v, target.arrays, ()))(x)
    np.testing.assert_allclose(functions.slopes(x, functions.all_rows(x)), whole, atol=1e-12)
    some = np.array([2, 0])
    eta, slopes = functions.jacobian(x, some)
    np.testing.assert_allclose(slopes, whole[:, some], atol=1e-12)
    step = 1e-6 * np.eye(target.dim)[2]
    up, down = (functions.predictor(at, functions.all_rows(at)) for at in (x + step, x - step))
    change = up - down
    np.testing.assert_allclose(change / 2e-6, slopes[:, 0], atol=1e-6)
    assert eta.shape == (ROWS,)


def grouped(seed: int = 4, groups: int = 15, each: int = 15, noise: float = 0.2) -> tuple[dict[str, np.ndarray], float]:
    """Return rows of a wave and effects of groups, and the sd of these."""
    rng = np.random.default_rng(seed)
    g, u = np.repeat(np.arange(groups), each), rng.normal(0, 1, groups)
    x = rng.uniform(-2, 2, len(g))
    return {"x": x, "g": g.astype(str), "y": np.sin(2 * x) + u[g] + noise * rng.normal(size=len(g))}, float(u.std())


@pytest.mark.integration
@pytest.mark.parametrize(
    ("formula", "family"),
    [("y ~ x + (1 | g) + net(x, z, hidden=[3])", "gaussian"), ("b ~ net(x, z, hidden=[40]) + (1 | g)", "bernoulli")],
)
def test_the_determinant_is_differentiated_as_differences_say(data, formula: str, family: str) -> None:
    model, rng = bd.Model(formula, data, family), np.random.default_rng(1)
    _, target = batches_of(model.spec, model.__dict__["_rows"], "laplace", words_of(model.spec))
    functions = functions_of(target, rng)
    parts, x = parts_of(target, functions, rng), target.initial(rng)
    found = curved(functions, parts, x, rng)
    columns = functions.jacobian(x, parts.weights)[1]
    information = functions.information(x, parts.directions)[1]
    precision, _ = prior_precision(functions, x, parts.weights, rng)
    dense = np.diag(precision) + (columns.T * information) @ columns
    assert found.half == pytest.approx(0.5 * np.linalg.slogdet(dense)[1], abs=1e-8)
    for place, k in enumerate(parts.scales):
        step = 1e-3 * np.eye(target.dim)[k]
        up, down = (curved(functions, parts, x + sign * step, rng, sloped=False).half for sign in (1, -1))
        assert found.slope[place] == pytest.approx((up - down) / 2e-3, rel=1e-4, abs=1e-5)


@pytest.mark.integration
def test_an_sd_that_is_far_off_goes_where_it_belongs() -> None:
    rows, sd = grouped()
    model, rng = bd.Model("y ~ net(x, hidden=[4]) + (1 | g)", rows), np.random.default_rng(1)
    _, target = batches_of(model.spec, model.__dict__["_rows"], "laplace", words_of(model.spec))
    functions, loss = functions_of(target, rng), compiled_loss(target, "float64")
    parts, ones = parts_of(target, functions, rng), np.ones(target.rows)
    at = next(k for k, name in enumerate(target.names) if name.startswith("1|g_sigma"))
    found = []

    def slope_of(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, _, slope = loss(x, ones)
        return -value, -slope

    def solved(x: np.ndarray) -> np.ndarray:
        return mode_at(slope_of, functions, parts, x, 3).x

    for away in (-1.5, 1.5):
        x = target.initial(np.random.default_rng(2))
        x[at] = np.log(sd) + away
        reached = climb(slope_of, functions, parts, solved(x), 60, 20, 0.02, rng, solved, lambda done: None)
        found.append(np.exp(reached.x[at]))
    assert found == pytest.approx([sd, sd], rel=0.12)


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "each", "noise"), [(30, 20, 0.3), (30, 30, 0.1)])
def test_seeds_agree_on_the_sd_of_groups(groups: int, each: int, noise: float) -> None:
    rows, sd = grouped(groups=groups, each=each, noise=noise)
    fits = [bd.Model("y ~ net(x, hidden=[8]) + (1 | g)", rows).fit("laplace", seed=k, progress=False) for k in range(6)]
    assert [fit.idata.attrs["status"] for fit in fits] == ["ok"] * 6
    found = [float(fit.idata.posterior["1|g_sigma"].mean()) for fit in fits]
    assert found == pytest.approx([sd] * 6, rel=0.2)
