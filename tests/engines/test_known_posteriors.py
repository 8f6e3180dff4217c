"""Laws of the methods on densities whose answers are known."""

import signal
import threading
import time
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from bayesdeep.core.draws import Engine
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import ENGINES as METHODS
from bayesdeep.engines import _variational, nuts
from bayesdeep.engines.nuts import nutpie_chains as _nutpie
from bayesdeep.numerics.adam import climb

ENGINES = {name: METHODS[name] for name in METHODS if not METHODS[name].needs}
"""Methods that need a density and nothing else; what is known of the others is in tests/conformance."""
WITH_DRAWS = [n for n in ENGINES if ENGINES[n].jacobian]
QUICK = {name: {**ENGINES[name].example, **({"cores": 1} if name == "nuts" else {})} for name in ENGINES}


@dataclass
class Quiet:
    """Remembers what was reported."""

    calls: list = field(default_factory=list)

    def update(self, done, total, note=""):
        self.calls.append((done, total, note))


@dataclass
class Plain:
    """A target from a Python function."""

    dim: int
    density: object
    start: float = 1.0
    words: frozenset = frozenset()
    seconds_compile: float = 0.0

    @property
    def names(self):
        return tuple(f"x{i}" for i in range(self.dim))

    def logp_dlogp(self, x):
        return self.density(x)

    def initial(self, rng):
        return rng.uniform(-self.start, self.start, self.dim)


def run(name, target, seed=1, **options):
    engine: Engine = ENGINES[name]
    return engine.run(engine.settings(**(QUICK[name] | options)), target, seed, Quiet())


MEAN = np.array([1.0, -5.0, 3.0, 0.1, 10.0])
_A = np.random.default_rng(0).normal(size=(5, 5))
COVARIANCE = _A @ _A.T / 3 + np.diag([0.1, 0.2, 1.0, 2.0, 3.0])
PRECISION = np.linalg.inv(COVARIANCE)


def gaussian_density(x):
    slope = -PRECISION @ (x - MEAN)
    return float(0.5 * (x - MEAN) @ slope), slope


def funnel_density(x):
    # x[0] is the log sd (scale 0.7) of two further coordinates
    rest, tight = x[1:], np.exp(-2 * x[0])
    value = -0.5 * (x[0] / 0.7) ** 2 - rest.size * x[0] - 0.5 * tight * rest @ rest
    first = -x[0] / 0.7**2 - rest.size + tight * rest @ rest
    return float(value), np.concatenate([[first], -tight * rest])


def skewed_density(x):
    # the log of a Gamma(1.2) variable: a long tail to the left, a short one to the right
    return float((1.2 * x - np.exp(x)).sum()), 1.2 - np.exp(x)


def no_density(x):
    return float("nan"), np.full(x.size, np.nan)


GAUSSIAN = Plain(5, gaussian_density)


@pytest.mark.parametrize("name", WITH_DRAWS)
def test_gaussian_is_recovered(name):
    fit = run(name, GAUSSIAN)
    flat = fit.positions.reshape(-1, 5)
    sds = np.sqrt(np.diag(COVARIANCE))
    assert fit.status == "ok", fit.advice
    assert fit.stats["lp"].shape == fit.positions.shape[:2]
    assert fit.stats["lp"][1, 7] == pytest.approx(gaussian_density(fit.positions[1, 7])[0])
    # 2000 draws, at worst about a fifth of them independent: six standard errors
    np.testing.assert_array_less(np.abs(flat.mean(axis=0) - MEAN) / sds, 6 / np.sqrt(400))
    np.testing.assert_allclose(flat.std(axis=0), sds, rtol=0.25 if name == "advi" else 0.15)


def test_mode_of_a_gaussian_is_its_mean():
    fit = run("map", GAUSSIAN)
    assert fit.positions.shape == (1, 1, 5)
    np.testing.assert_allclose(fit.positions[0, 0], MEAN, atol=1e-4)


@pytest.mark.parametrize("name", list(ENGINES))
def test_claims_and_empty_target(name):
    assert ENGINES[name].name == name
    fit = run(name, Plain(0, lambda x: (2.5, np.zeros(0))))
    assert fit.positions.shape[2] == 0
    assert (fit.stats["lp"] == 2.5).all()


def test_mean_field_has_the_conditional_sds():
    settings = _variational.VariationalSettings()
    normal, reached = _variational.fit_mean_field(GAUSSIAN, settings, np.random.default_rng(3), Quiet(), "advi")
    assert reached.converged
    np.testing.assert_allclose(normal.factor, 1 / np.sqrt(np.diag(PRECISION)), rtol=0.07)


def test_averaged_ascent_reaches_the_top_of_a_noisy_hill():
    rng = np.random.default_rng(0)
    top = np.array([3.0, -2.0])

    def slope(x):
        return -float((x - top) @ (x - top)) + rng.normal(), -2 * (x - top) + rng.normal(size=2)

    reached = climb(slope, np.zeros(2), lambda x, stage: np.ones(2), (0.1, 0.01), 8000, Quiet(), "hill")
    assert reached.converged
    np.testing.assert_allclose(reached.parameters, top, atol=0.1)


@pytest.mark.few(2)
@pytest.mark.parametrize("name", list(ENGINES))
def test_same_seed_same_draws(name):
    one, same, other = run(name, GAUSSIAN, 5), run(name, GAUSSIAN, 5), run(name, GAUSSIAN, 6)
    np.testing.assert_array_equal(one.positions, same.positions)
    if name != "map":
        assert not np.array_equal(one.positions, other.positions)


@pytest.mark.parametrize("name", ["laplace", "advi", "pathfinder"])
def test_skewed_target_is_flagged_or_corrected(name):
    fit = run(name, Plain(3, skewed_density))
    mean = -0.2890398966  # digamma(1.2)
    if fit.status == "ok":
        assert fit.details["khat"] < 0.7
        np.testing.assert_allclose(fit.positions.mean(axis=(0, 1)), mean, atol=0.2)
    else:
        assert fit.details["khat"] >= 0.7
        assert fit.advice


def test_laplace_of_a_funnel_is_doubtful():
    fit = run("laplace", Plain(6, funnel_density, words=frozenset({"hierarchical"})))
    assert fit.status == "doubtful"
    assert any("multilevel" in a for a in fit.advice)


def test_nuts_in_a_funnel():
    fit = run("nuts", Plain(3, funnel_density), draws=1000, tune=500, target_accept=0.95, chains=2)
    log_sd = fit.positions[..., 0]
    assert abs(log_sd.mean()) < 0.25
    assert log_sd.std() == pytest.approx(0.7, rel=0.2)
    if fit.stats["diverging"].any():
        assert any("target_accept" in a for a in fit.advice)


def test_nuts_statistics_have_arviz_names():
    fit = run("nuts", GAUSSIAN)
    names = "lp diverging energy tree_depth n_steps step_size acceptance_rate reached_max_treedepth"
    assert set(fit.stats) == set(names.split())
    assert all(v.shape == (2, 400) for v in fit.stats.values())
    assert fit.stats["diverging"].dtype == bool
    assert fit.seconds_tune > 0 < fit.seconds_sample


def test_nuts_says_when_trees_are_cut():
    fit = run("nuts", GAUSSIAN, max_treedepth=1)
    assert fit.stats["reached_max_treedepth"].mean() > 0.05
    assert any("max_treedepth" in a for a in fit.advice)


@pytest.mark.parametrize("name", list(ENGINES))
def test_density_that_is_never_finite(name):
    with pytest.raises(FitError, match="not finite"):
        run(name, Plain(2, no_density))


def test_nuts_when_only_the_start_is_finite():
    calls = []

    def spoilt(x):
        calls.append(1)
        return gaussian_density(x) if len(calls) < 2 else no_density(x)

    with pytest.raises(FitError, match="nuts"):
        run("nuts", Plain(5, spoilt))


def test_nuts_passes_on_what_the_density_raises():
    calls = []

    def broken(x):
        calls.append(1)
        if len(calls) > 500:
            raise ZeroDivisionError("the model broke")
        return gaussian_density(x)

    with pytest.raises(FitError, match="the model broke"):
        run("nuts", Plain(5, broken))


def test_signal_keeps_the_draws_of_nuts():
    calls, sampling = [], threading.Event()

    def slow(x):
        calls.append(1)
        if len(calls) > 1000:
            sampling.set()
        time.sleep(2e-4)
        return gaussian_density(x)

    def interrupt():
        sampling.wait(60)
        time.sleep(1.0)
        signal.raise_signal(signal.SIGINT)

    # Shells start what runs in the background with this signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer = threading.Thread(target=interrupt, daemon=True)
        timer.start()
        fit = run("nuts", Plain(5, slow), draws=100_000, tune=100)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert fit.status == "interrupted"
    assert 10 < fit.positions.shape[1] < 100_000
    assert fit.stats["lp"].shape == fit.positions.shape[:2]
    assert "interrupted" in fit.advice[0]


@pytest.mark.parametrize("name", list(ENGINES))
def test_interrupt_inside_the_density_keeps_what_is_there(name):
    # In the middle of its work; of a method that is not listed, soon.
    after = {"nuts": 6000, "advi": 4000, "fullrank_advi": 4000, "pathfinder": 1500}.get(name, 30)
    calls = []

    def interrupted(x):
        calls.append(1)
        if len(calls) == after:
            raise KeyboardInterrupt
        return gaussian_density(x)

    fit = run(name, Plain(5, interrupted), **({"draws": 2000} if name == "nuts" else {}))
    assert fit.status == "interrupted"
    assert np.isfinite(fit.positions).all()
    assert fit.positions.size > 0


@pytest.mark.parametrize(
    ("lengths", "kept"), [([5, 5, 5], [0, 1, 2]), ([100, 100, 3, 0], [0, 1]), ([0, 7], [1]), ([0, 0], [])]
)
def test_chains_kept_after_an_interrupt(lengths, kept):
    assert _nutpie._longest_block(lengths) == kept


@pytest.mark.parametrize("options", [{"draws": 0}, {"target_accept": 1.0}, {"adaptation": "dense"}])
def test_wrong_options_are_refused(options):
    with pytest.raises(FitError, match=next(iter(options))):
        replace(nuts.NutsSettings(), **options)


def test_precision_of_hidden_layers_is_one_of_two():
    with pytest.raises(FitError, match="precision must be 'single' or 'double', not 'half'"):
        nuts.NetworkNutsSettings(precision="half")
