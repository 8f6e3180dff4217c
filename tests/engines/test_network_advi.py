"""Mean-field variational inference of networks by mini-batches: its gradient, its bound, what it predicts."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import ENGINES
from bayesdeep.engines.advi.network_advi import bound_function
from bayesdeep.inference.batch_target import batches_of
from bayesdeep.inference.run import words_of

rng = np.random.default_rng(4)
ROWS = 600
X, Z = rng.uniform(-2, 2, (2, ROWS))
DATA = {"x": X, "z": Z, "y": np.sin(2 * X) + 0.5 * Z + rng.normal(0, 0.3, ROWS)}


def test_the_bound_of_some_rows_is_on_average_that_of_all() -> None:
    import jax

    model = bd.Model("y ~ net(x, hidden=[3], orthogonal=False)", {k: v[:60] for k, v in DATA.items()})
    _, target = batches_of(model.spec, model.__dict__["_rows"], "advi", words_of(model.spec))
    with jax.enable_x64(True):
        noise = np.random.default_rng(1).normal(size=(1, target.dim))
        parameters = np.concatenate([target.start + 0.1, np.full(target.dim, -2.0)])
        of = {size: jax.jit(jax.value_and_grad(bound_function(target, size))) for size in (20, 60)}
        whole = of[60](parameters, noise, tuple(a[None] for a in target.arrays))
        parts = [of[20](parameters, noise, tuple(a[None, i : i + 20] for a in target.arrays)) for i in (0, 20, 40)]
    assert np.mean([float(v) for v, _ in parts]) == pytest.approx(float(whole[0]), rel=1e-10)
    assert np.mean([np.asarray(g) for _, g in parts], axis=0) == pytest.approx(np.asarray(whole[1]), rel=1e-8, abs=1e-8)


@pytest.mark.integration
def test_it_reaches_the_bound_that_all_rows_at_once_reach() -> None:
    model = bd.Model("y ~ net(x, z, hidden=[4], orthogonal=False)", DATA)
    fit = model.fit("advi", seed=1, batch_size=200, draws=50, progress=False)
    assert fit.idata.attrs["details"]["batch_size"] == 200
    whole = model.fit("advi", seed=1, batch_size=ROWS, steps=6000, draws=50, progress=False)
    # Of a bound near -200; other modes of so small a network differ by a few units.
    assert fit.idata.attrs["details"]["elbo"] > whole.idata.attrs["details"]["elbo"] - 15


@pytest.mark.integration
def test_it_predicts_new_rows_of_a_curve_and_a_seed_repeats_it() -> None:
    own = np.random.default_rng(5)
    x, z = own.uniform(-2, 2, (2, 300))
    new = {"x": x, "z": z, "y": np.sin(2 * x) + 0.5 * z + own.normal(0, 0.3, 300)}
    line = bd.Model("y ~ x + z", DATA).fit(seed=1, draws=100, progress=False)
    model = bd.Model("y ~ z + net(x, hidden=[8])", DATA)
    fit, again = (model.fit("advi", seed=3, steps=3000, draws=100, progress=False) for _ in range(2))
    np.testing.assert_array_equal(fit.posterior["sigma"], again.posterior["sigma"])
    assert not fit.idata.attrs["exact"]
    assert fit.log_score(new) > line.log_score(new) + 0.3
    assert float(fit.posterior["sigma"].mean()) == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"steps": 0}, "steps"), ({"learning_rate": -1.0}, "learning_rate"), ({"precision": "half"}, "precision")],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(FitError, match=f"advi: {said}"):
        ENGINES["advi"].variants["network"].settings(**options)


@pytest.mark.integration
def test_a_rate_that_diverges_says_so() -> None:
    with pytest.raises(FitError, match=r"advi: the evidence lower bound is no number.*learning_rate"):
        bd.Model("y ~ net(x, hidden=[3])", DATA).fit("advi", learning_rate=1e4, steps=250, seed=1, progress=False)
