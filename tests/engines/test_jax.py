"""JAX's density is the model's, and BlackJAX's NUTS draws from the same posterior as nutpie's."""

import os
import subprocess
import sys

import jax
import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.display.progress import Silent
from bayesdeep.engines import nuts
from bayesdeep.engines._jax import jax_chains
from bayesdeep.engines._jax import jax_nuts as _jax_nuts
from bayesdeep.engines._jax import jax_tuning as _jax_tuning
from bayesdeep.engines.nuts import nutpie_chains as _nutpie
from bayesdeep.graph import jax_target as jax_module
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.jax_target import JaxTarget, jax_target, require_device
from bayesdeep.graph.precondition import mixings
from bayesdeep.graph.target import target_from_pymc
from bayesdeep.numerics.mcmc import ess_bulk, measure, rhat

RESPONSES = {
    "bernoulli": "b",
    **dict.fromkeys((n for n in FAMILIES if "trials" in FAMILIES[n].words), "prop(k, n)"),
    "beta": "u",
    "categorical": "c",
    "cumulative": "o",
    "multinomial": "cbind(m1, m2, m3)",
    "poisson": "k",
    "negative_binomial": "k",
    "hurdle_poisson": "k",
    "zero_inflated_poisson": "k",
    **dict.fromkeys(["exponential", "gamma", "inverse_gaussian", "lognormal", "tobit", "weibull"], "p"),
}
QUICK = ("bernoulli", "poisson", "student_t", "negative_binomial", "cumulative")
SETTINGS = nuts.NutsSettings(draws=1000, tune=500)


def data(rows: int = 120) -> pd.DataFrame:
    """Return columns for every family; more than 64 rows, so that arrays of rows are arguments."""
    rng = np.random.default_rng(5)
    d = pd.DataFrame(
        {
            "x": rng.normal(3, 2, rows),
            "z": rng.normal(size=rows),
            "g": np.resize(list("abcdefgh"), rows),
            "p": rng.gamma(2, 1, rows),
            "u": rng.beta(2, 3, rows),
            "k": np.minimum(rng.poisson(2, rows), 9),
            "n": 10 + rng.integers(0, 3, rows),
            "c": np.resize(["one", "two", "three"], rows),
            "w": rng.uniform(0.2, 3, rows),
        }
    )
    # Nearly the same as x, so that the sampler's coordinates are turned.
    d["v"] = d.x + 0.1 * rng.normal(size=rows)
    effect = rng.normal(0, 1, 8)[np.resize(np.arange(8), rows)]
    d["y"] = 1 + 0.5 * d.z + effect + rng.normal(size=rows)
    d["b"] = (rng.uniform(size=rows) < 1 / (1 + np.exp(-0.5 * d.z - effect))).astype(int)
    d["o"] = pd.Categorical(np.resize(["low", "mid", "high"], rows), ["low", "mid", "high"], ordered=True)
    d["m1"], d["m2"], d["m3"] = rng.integers(0, 4, (3, rows)) + 1
    return d


def both(formula: str, family: str, d: pd.DataFrame | None = None, **options: object) -> tuple[object, JaxTarget, tuple]:
    """Return a model's graph, its target on JAX and the turned coordinates."""
    model = bd.Model(formula, data() if d is None else d, family=family, **options)
    rows = model.__dict__["_rows"]
    graph = rows.graph(model.spec, sampled=True)
    turned = mixings(model.spec, rows.arrays, graph.pilot)
    return graph, jax_target(graph.model, frozenset({"some"}), mixings=turned), turned


def points(target: JaxTarget, count: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [target.start + 0.3 * target.jitter * rng.normal(size=target.dim) for _ in range(count)]


@pytest.mark.few(2)
@pytest.mark.parametrize(
    "family", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES]
)
def test_density_and_gradient_are_the_models(family):
    response = RESPONSES.get(family, "k" if "discrete" in FAMILIES[family].words else "y")
    graph, target, _ = both(f"{response} ~ x + (1 | g)", family)
    mode = {"mode": array_mode(), "on_unused_input": "ignore"}
    logp, slope = graph.model.compile_logp(**mode), graph.model.compile_dlogp(**mode)
    assert not target.layout.mixed
    for x in points(target):
        point = target.unravel(x)
        value, gradient = target.logp_dlogp(x)
        assert isinstance(value, float)
        assert gradient.dtype == np.float64
        assert value == pytest.approx(float(logp(point)), rel=1e-9)
        np.testing.assert_allclose(gradient, slope(point), rtol=1e-9, atol=1e-9 * np.abs(gradient).max())


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("formula", "family"),
    [("b ~ x + v + z + (1 + z | g)", "bernoulli"), ("weighted(y, w) ~ x + v + (z | g)", "gaussian")],
)
def test_it_is_the_compiled_target_in_the_same_coordinates(formula, family):
    graph, target, turned = both(formula, family)
    other = target_from_pymc(graph.model, frozenset({"some"}), mixings=turned)
    assert target.layout.mixed, "the coordinates are meant to be turned here"
    assert target.words == other.words | {"jax"}
    assert target.names == other.names
    assert target.native is None
    np.testing.assert_array_equal(target.jitter, other.jitter)
    np.testing.assert_allclose(
        target.initial(np.random.default_rng(3)), other.initial(np.random.default_rng(3)), rtol=1e-12
    )
    for x in points(target):
        (value, gradient), (expected, slope) = target.logp_dlogp(x), other.logp_dlogp(x)
        assert value == pytest.approx(expected, rel=1e-9)
        np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-9 * np.abs(slope).max())
        for name, part in target.unravel(x).items():
            np.testing.assert_array_equal(part, other.unravel(x)[name])


# The sampler


class Once:
    """Programs by settings and layout, so that one test file compiles each of them once."""

    def __init__(self, original):
        self.original, self.made = original, {}

    def __call__(self, settings, target, groups):
        key = (settings, id(target), groups[0].batched, len(groups))
        if key not in self.made:
            self.made[key] = self.original(settings, target, groups)
        return self.made[key]


ONCE = Once(_jax_nuts._programs)


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch):
    monkeypatch.setattr(_jax_nuts, "_programs", ONCE)


@pytest.fixture(scope="module")
def bernoulli():
    return both("b ~ z + (1 | g)", "bernoulli")


@pytest.fixture(scope="module")
def reference(bernoulli):
    """Return nutpie's draws of the same target, a long run."""
    graph, _, turned = bernoulli
    target = target_from_pymc(graph.model, mixings=turned)
    return nuts.run(nuts.NutsSettings(draws=4000), target, 11, Silent()).positions


def assert_same_posterior(found: np.ndarray, expected: np.ndarray) -> None:
    """Compare means and standard deviations, five Monte Carlo errors apart at the most."""
    a, b = (measure(d, ("mean", "sd", "mcse_mean", "mcse_sd")) for d in (found, expected))
    for name in ("mean", "sd"):
        error = np.hypot(a[f"mcse_{name}"], b[f"mcse_{name}"])
        np.testing.assert_array_less(np.abs(a[name] - b[name]), 5 * error)
        # The errors are small enough for the comparison to mean something.
        assert (error < 0.15 * b["sd"]).all()


@pytest.mark.integration
@pytest.mark.parametrize("layout", ["threads", "batch"])
def test_draws_are_from_the_posterior(bernoulli, reference, layout):
    _, target, _ = bernoulli
    # Tuned as long as by default: the step size settles from below, where trajectories are accepted more often than it aims at.
    settings = nuts.NutsSettings(draws=1000)
    draws = _jax_nuts.run_jax(settings, target, 3, Silent(), layout=layout)
    assert draws.exact
    assert draws.status == "ok"
    assert draws.positions.shape == (4, 1000, target.dim)
    assert draws.positions.dtype == np.float64
    assert rhat(draws.positions).max() < 1.02
    assert ess_bulk(draws.positions).min() > 300
    assert_same_posterior(draws.positions, reference)
    assert set(draws.stats) == {ours for ours, _ in _nutpie.STATS.values()}
    assert all(values.shape == (4, 1000) for values in draws.stats.values())
    assert draws.stats["diverging"].dtype == bool
    assert draws.stats["acceptance_rate"].mean() == pytest.approx(settings.target_accept, abs=0.1)
    assert draws.stats["n_steps"].sum() < draws.details["gradients"] < 10 * draws.stats["n_steps"].sum()
    assert draws.details["backend"].startswith("jax ")
    assert min(draws.seconds_compile, draws.seconds_tune, draws.seconds_sample) > 0
    value, _ = target.logp_dlogp(draws.positions[2, 7])
    assert draws.stats["lp"][2, 7] == pytest.approx(value, rel=1e-9)
    # The energy is the kinetic one on top, half a squared normal a coordinate.
    kinetic = draws.stats["energy"] + draws.stats["lp"]
    assert kinetic.mean() == pytest.approx(target.dim / 2, rel=0.1)


@pytest.mark.integration
def test_a_seed_fixes_the_draws_however_they_are_cut(bernoulli, monkeypatch):
    _, target, _ = bernoulli
    one = _jax_nuts.run_jax(SETTINGS, target, 3, Silent())
    monkeypatch.setattr(jax_chains, "PIECE_SECONDS", 0.001)
    same = _jax_nuts.run_jax(SETTINGS, target, 3, Silent())
    other = _jax_nuts.run_jax(SETTINGS, target, 4, Silent())
    np.testing.assert_array_equal(one.positions, same.positions)
    assert (one.positions != other.positions).any(axis=(1, 2)).all()
    first = one.positions[:, 0]
    assert len(np.unique(first, axis=0)) == 4, "every chain has its own random numbers"


class Stops:
    """Interrupts once the note no longer says that chains are tuning, and so much is done."""

    def __init__(self, at: int) -> None:
        self.at = at

    def update(self, done: int, total: int, note: str = "") -> None:
        if done >= self.at and "interrupted" not in note:
            raise KeyboardInterrupt


@pytest.mark.integration
@pytest.mark.parametrize("layout", ["threads", "batch"])
def test_an_interruption_keeps_the_draws(bernoulli, layout, monkeypatch):
    _, target, _ = bernoulli
    monkeypatch.setattr(jax_chains, "PIECE_SECONDS", 0.001)
    monkeypatch.setattr(jax_chains, "POLL_SECONDS", 0.001)
    whole = _jax_nuts.run_jax(SETTINGS, target, 3, Silent(), layout=layout)
    draws = _jax_nuts.run_jax(SETTINGS, target, 3, Stops(2500), layout=layout)
    chains, kept, _ = draws.positions.shape
    assert draws.status == "interrupted"
    assert 1 <= chains <= 4
    assert kept >= 1
    assert chains * kept < 4000
    assert f"{chains} chains of {kept} draws" in draws.advice[0]
    assert any(np.array_equal(draws.positions[0], chain[:kept]) for chain in whole.positions)
    assert draws.stats["lp"].shape == (chains, kept)


@pytest.mark.integration
def test_an_interruption_before_the_first_draw_is_passed_on(bernoulli, monkeypatch):
    monkeypatch.setattr(jax_chains, "PIECE_SECONDS", 0.001)
    with pytest.raises(KeyboardInterrupt, match="before the first draw"):
        _jax_nuts.run_jax(SETTINGS, bernoulli[1], 3, Stops(0))


def test_options_of_the_other_sampler_are_refused(bernoulli):
    with pytest.raises(FitError, match="adaptation='low_rank'"):
        nuts.run(nuts.NutsSettings(adaptation="low_rank"), bernoulli[1], 1, Silent())


# Tuning


def test_plan_covers_every_iteration():
    for tune in (1, 19, 20, 100, 150, 1000):
        todo = _jax_tuning.plan(tune, 7)
        assert len(todo.number) == tune + 7
        assert todo.tuning.sum() == tune
        assert todo.tuning_ends.nonzero()[0].tolist() == [tune - 1]
        assert not todo.in_window[tune:].any()
        assert not (todo.window_ends & ~todo.in_window).any()
        if todo.in_window.any():
            assert todo.window_ends[todo.in_window.nonzero()[0].max()]
        assert todo.in_window.any() == (tune >= _jax_tuning.FEWEST)
    # Stan's manual: 75, then 25, 50, 100, 200 and what is left, then 50.
    assert (_jax_tuning.plan(1000, 0).window_ends.nonzero()[0] + 1).tolist() == [100, 150, 250, 450, 950]


def tuning(state, draws, gradients, acceptance, slopes):
    """Return the state after tuning on given draws, all of it in one program."""

    def one(state, now):
        todo, *rest = now
        return _jax_tuning.update(state, todo, *rest, target_accept=0.8, slopes=slopes), None

    with jax.enable_x64(True):
        return jax.lax.scan(one, state, (_jax_tuning.plan(len(draws), 0), draws, gradients, acceptance))[0]


@pytest.mark.parametrize(("slopes", "tolerance"), [(True, 1e-9), (False, 0.5)])
def test_windows_find_the_scales(slopes, tolerance):
    scales, rng = np.array([1e-3, 1.0, 1e4]), np.random.default_rng(0)
    draws = rng.normal(size=(300, 3)) * scales
    with jax.enable_x64(True):
        tuned = tuning(_jax_tuning.start(np.ones(3), np.ones(3)), draws, -draws / scales**2, np.full(300, 0.8), slopes)
    np.testing.assert_allclose(tuned.inverse_mass, scales**2, rtol=tolerance)


def test_step_size_grows_with_acceptance():
    def tuned(acceptance):
        still = np.zeros((19, 1))
        return tuning(_jax_tuning.start(np.ones(1), np.ones(1)), still, still, np.full(19, acceptance), True)

    low, high = tuned(0.5), tuned(1.0)
    assert float(low.step_size) < 1.0 < float(high.step_size)
    # The last step takes the averaged one.
    assert float(high.step_size) == pytest.approx(np.exp(float(high.log_average)), rel=1e-6)


# Precision and what programs hold


def test_arrays_of_rows_are_arguments(bernoulli):
    _, target, _ = bernoulli
    with target.tracing():
        sizes = [np.size(c) for c in jax.make_jaxpr(target.density)(target.start, *target.data).consts]
    assert max(sizes, default=0) <= jax_module.LARGE
    assert max(np.size(array) for array in target.data) == 120


def test_precision_is_the_targets_whatever_jax_is_set_to(bernoulli):
    graph, target, turned = bernoulli
    x = points(target)[0]
    expected, slope = target.logp_dlogp(x)
    with jax.enable_x64(False):
        value, gradient = target.logp_dlogp(x)
    assert value == expected
    np.testing.assert_array_equal(gradient, slope)
    before = jax.config.jax_enable_x64
    small = jax_target(graph.model, mixings=turned, precision="float32")
    value, gradient = small.logp_dlogp(x)
    assert jax.config.jax_enable_x64 == before
    assert value != expected
    assert value == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-3, atol=1e-4)
    with small.tracing():
        assert jax.eval_shape(small.density, x.astype("float32"), *small.data).dtype == np.float32
    with pytest.raises(FitError, match="precision"):
        jax_target(graph.model, precision="float16")


# Through fit


@pytest.mark.integration
def test_fit_on_jax_agrees_with_fit_on_the_cpu():
    model = bd.Model("y ~ z + (1 | g)", data())
    common = {"method": "nuts", "seed": 2, "progress": False}
    fits = [model.fit(device=device, **common) for device in ("jax", "cpu")]
    flat = [np.concatenate([_scalars(f.idata.posterior[v]) for v in f.idata.posterior], axis=-1) for f in fits]
    assert_same_posterior(*flat)
    assert fits[0].idata.attrs["details"]["device"] == jax.devices()[0].platform
    assert "device='jax'" in fits[0].explain_choice
    assert "device" not in fits[1].explain_choice


def _scalars(values) -> np.ndarray:
    return values.to_numpy().reshape(values.sizes["chain"], values.sizes["draw"], -1)


def test_other_methods_use_jax_too():
    model = bd.Model("b ~ z", data(), family="bernoulli")
    found = [model.fit("map", device=device, seed=1, progress=False).idata.posterior for device in ("jax", "cpu")]
    for name in found[0]:
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=1e-5, atol=1e-6)


def test_collapsed_stays_on_the_cpu_and_says_so():
    fit = bd.Model("y ~ z", data()).fit(device="gpu", seed=1, draws=50, tune=50, progress=False)
    assert fit.idata.attrs["method"] == "collapsed"
    assert "device='gpu' is not used" in fit.explain_choice


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_an_error():
    with pytest.raises(FitError, match=r"device='gpu': JAX sees no GPU, only cpu.*bayesdeep\[gpu\]"):
        bd.Model("b ~ z", data(), family="bernoulli").fit(device="gpu", progress=False)
    require_device("jax")


def test_jax_that_is_not_installed_is_an_error(monkeypatch):
    monkeypatch.setattr(jax_module, "find_spec", lambda name: None if name == "blackjax" else object())
    with pytest.raises(FitError, match=r"not installed: blackjax\. pip install blackjax"):
        bd.Model("b ~ z", data(), family="bernoulli").fit(device="jax", progress=False)


SEVERAL = """
import jax, numpy as np
assert len(jax.local_devices()) == 2
import pandas as pd
import bayesdeep as bd
from bayesdeep.numerics.mcmc import rhat
from bayesdeep.core.progress import Silent
from bayesdeep.engines import nuts
from bayesdeep.engines._jax import jax_chains, jax_nuts as _jax_nuts
from bayesdeep.graph.jax_target import jax_target
rng = np.random.default_rng(0)
model = bd.Model("b ~ x", {"x": rng.normal(size=90), "b": np.resize([0, 1, 1], 90)}, family="bernoulli")
target = jax_target(model.pymc)
jax_chains._devices = jax.local_devices
groups = _jax_nuts._groups(nuts.NutsSettings(chains=3), target, 1, [target.start] * 3, "batch")
assert [list(g.chains) for g in groups] == [[0, 1], [2]], groups
assert {d for g in groups for d in g.keys.devices()} == set(jax.local_devices())
draws = _jax_nuts.run_jax(nuts.NutsSettings(chains=3), target, 1, Silent(), layout="batch")
assert draws.positions.shape == (3, 1000, 2)
assert rhat(draws.positions).max() < 1.02
print("done")
"""


@pytest.mark.slow
def test_chains_are_shared_out_among_devices():
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run([sys.executable, "-W", "error", "-c", SEVERAL], env=env, capture_output=True, text=True)
    assert ran.stdout.endswith("done\n"), ran.stderr
