"""Laws of kept machine code: the same numbers as code made for this model alone, whatever was fitted before."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.precondition import mixings
from bayesdeep.graph.target import PyMCTarget, target_from_pymc
from bayesdeep.numerics import code_cache as reuse

QUICK = {"mode": array_mode(), "on_unused_input": "ignore"}
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
    **dict.fromkeys(["exponential", "gamma", "inverse_gaussian", "lognormal", "weibull"], "p"),
}


def data(seed: int, rows: int, groups: int, scale: float) -> pd.DataFrame:
    """Return columns for every family; the seeds give data sets that differ in everything but their names."""
    rng = np.random.default_rng(seed)
    d = pd.DataFrame(
        {
            "x": scale * rng.normal(3, 2, rows),
            "z": rng.normal(size=rows),
            "a": np.resize(list("uvw"), rows),
            "g": np.resize([f"g{i}" for i in range(groups)], rows),
            "y": scale * rng.normal(5, 1, rows),
            "p": scale * rng.gamma(2, 1, rows),
            "u": rng.beta(2, 3, rows),
            "b": np.resize([0, 1, 1], rows),
            "k": np.minimum(rng.poisson(2, rows), 9),
            "n": 10 + rng.integers(0, 3, rows),
            "c": np.resize(["one", "two", "three"], rows),
            "w": rng.uniform(0.2, 3, rows),
        }
    )
    d["o"] = pd.Categorical(np.resize(["low", "mid", "high"], rows), ["low", "mid", "high"], ordered=True)
    d["m1"], d["m2"], d["m3"] = rng.integers(0, 4, (3, rows)) + 1
    return d


FIRST, SECOND = data(1, 40, 5, 1.0), data(2, 67, 8, 37.3)


def target(formula: str, d: pd.DataFrame, **options: Any) -> PyMCTarget:
    model = bd.Model(formula, d, **options)
    return target_from_pymc(model.pymc, mixings=mixings(model.spec, model.__dict__["_rows"].arrays))


def numbers(found: PyMCTarget, seed: int = 0, **how: Any) -> tuple[list[float], list[np.ndarray]]:
    """Return log density and gradient at three points."""
    rng = np.random.default_rng(seed)
    points = [found.start + 0.2 * found.jitter * rng.normal(size=found.dim) for _ in range(3)]
    both = [found.logp_dlogp(x) for x in points]
    return [v for v, _ in both], [g for _, g in both]


def reference(found: PyMCTarget, seed: int = 0) -> tuple[list[float], list[np.ndarray]]:
    """Return the same from PyMC's own functions on Python's linker, with the chain rule of the turned coordinates."""
    logp, slope = found.model.compile_logp(**QUICK), found.model.compile_dlogp(**QUICK)
    rng = np.random.default_rng(seed)
    values, slopes = [], []
    for _ in range(3):
        point = found.unravel(found.start + 0.2 * found.jitter * rng.normal(size=found.dim))
        values.append(float(logp(point)))
        back = np.array(slope(point))
        for at, matrix in found.layout.mixed:
            back[at] = matrix.T @ back[at]
        slopes.append(back)
    return values, slopes


def assert_same(found: PyMCTarget) -> None:
    values, slopes = numbers(found)
    expected, expected_slopes = reference(found)
    np.testing.assert_allclose(values, expected, rtol=1e-10)
    for ours, theirs in zip(slopes, expected_slopes, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8 * max(1.0, np.abs(theirs).max()))
    x = found.start + 0.1
    native = found.native
    assert native is not None
    code, value, gradient = native(x)
    assert code == 0
    assert value == found.logp_dlogp(x)[0]
    np.testing.assert_array_equal(gradient, found.logp_dlogp(x)[1])


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept"
    monkeypatch.setenv("BAYESDEEP_CACHE_DIR", str(folder))
    reuse.clear()
    return folder


def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one with every compilation."""
    made: list[int] = []
    original = reuse._only_result

    def counted(dispatcher: Any) -> Any:
        made.append(1)
        return original(dispatcher)

    monkeypatch.setattr(reuse, "_only_result", counted)
    return made


# The same numbers


@pytest.mark.slow
@pytest.mark.parametrize("family", list(FAMILIES))
def test_code_made_for_other_data_gives_the_numbers_of_these(family: str, monkeypatch: pytest.MonkeyPatch):
    made = builds(monkeypatch)
    formula = f"{RESPONSES.get(family, 'k' if 'discrete' in FAMILIES[family].words else 'y')} ~ x + z + a + (1 + x | g)"
    for d in (FIRST, SECOND):
        assert_same(target(formula, d, family=family))
    assert len(made) == 1


SHRUNK = {"x": "Horseshoe()", "z": "Horseshoe()"}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("y ~ 1", {}),
    ("y ~ 0 + a", {}),
    ("weighted(y, w) ~ x + (1 | g)", {}),
    ("y ~ x + offset(z) + (0 + a | g)", {"sigma": "~ z + (1 | g)"}),
    ("k ~ poly(x, 3) + a:z + (1 + x || g)", {"family": "negative_binomial"}),
    ("y ~ x + z", {"priors": SHRUNK}),
    ("y ~ x + (1 | g)", {"priors": {"x": "StudentT(4, 0.3, 1.7)", "1|g": "Normal(0, Exponential(0.4))"}}),
    ("c ~ x + z + bs(x, 5)", {"family": "categorical"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("formula", "options"), VARIANTS)
def test_the_same_with_other_terms_and_priors(formula: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    made = builds(monkeypatch)
    for d in (FIRST, SECOND):
        assert_same(target(formula, d, **options))
    assert len(made) == 1


def test_a_second_data_set_needs_no_compilation(monkeypatch: pytest.MonkeyPatch):
    made = builds(monkeypatch)
    assert_same(target("y ~ x + (1 | g)", FIRST))
    assert_same(target("y ~ x + (1 | g)", SECOND))
    assert len(made) == 1


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:.*has one level:UserWarning")
def test_one_group_is_another_structure_and_right():
    # An axis of length 1 broadcasts; code for longer ones must not be used for it, nor the other way round.
    for groups in (1, 5, 1):
        assert_same(target("y ~ 1 + (1 | g)", data(3, 30, groups, 1.0)))


def test_data_are_those_at_the_time_of_the_call():
    model = bd.Model("y ~ x", FIRST).pymc
    found = target_from_pymc(model)
    before = found.logp_dlogp(found.start)
    for shared in model.data_vars:
        shared.get_value(borrow=True)[...] = 0
    after = found.logp_dlogp(found.start)
    assert after[0] == before[0]


# Keys


def key_of(formula: str, d: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, **options: Any) -> str | None:
    """Return a model's key without compiling it."""
    from bayesdeep.graph import target as module

    class Found(Exception):
        pass

    def stop(key: str | None, build: Any) -> None:
        raise Found(key)

    with monkeypatch.context() as patch:
        patch.setattr(module, "code_for", stop)
        with pytest.raises(Found) as found:
            target(formula, d, **options)
    return found.value.args[0]


DIFFERENT: list[tuple[str, dict[str, Any]]] = [
    ("y ~ x", {}),
    ("y ~ x + z", {}),
    ("y ~ 0 + x", {}),
    ("y ~ a", {}),
    ("y ~ x", {"family": "student_t"}),
    ("y ~ x", {"sigma": "~ z"}),
    ("y ~ x", {"sigma": bd.known(2.0)}),
    ("y ~ x", {"priors": {"x": "Normal(0, 1)"}}),
    ("y ~ x", {"priors": {"x": "Laplace(0, 1.3)"}}),
    ("y ~ x", {"priors": {"x": "StudentT(4, 0, 1.3)"}}),
    ("y ~ x", {"priors": {"x": "StudentT(5, 0, 1.3)"}}),
    ("weighted(y, w) ~ x", {}),
    ("p ~ x", {"family": "gamma", "link": "log"}),
    ("b ~ x", {"family": "bernoulli"}),
    ("b ~ x", {"family": "bernoulli", "link": "probit"}),
    ("b ~ x", {"family": "bernoulli", "link": "cloglog"}),
    ("k ~ x", {"family": "poisson"}),
    ("y ~ x + (1 | g)", {}),
    ("y ~ x + (1 + x | g)", {}),
    ("y ~ x + (1 + x || g)", {}),
]


def test_another_structure_has_another_key(monkeypatch: pytest.MonkeyPatch):
    keys = [key_of(formula, FIRST, monkeypatch, **options) for formula, options in DIFFERENT]
    assert None not in keys
    assert len(set(keys)) == len(keys)


def test_other_numbers_have_the_same_key(monkeypatch: pytest.MonkeyPatch):
    for formula, options in DIFFERENT[:3]:
        assert key_of(formula, FIRST, monkeypatch, **options) == key_of(formula, SECOND, monkeypatch, **options)
    one, two = ({"priors": {"x": f"Normal(0.1, {scale})"}} for scale in (0.7, 0.9))
    assert key_of("y ~ x", FIRST, monkeypatch, **one) == key_of("y ~ x", FIRST, monkeypatch, **two)


# Files


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.code")
    return path


def forget_memory() -> None:
    reuse.clear(files=False)


def test_files_are_read_by_the_next_process_and_only_the_users_own(own_folder: Path, monkeypatch: pytest.MonkeyPatch):
    made = builds(monkeypatch)
    first = numbers(target("y ~ x", FIRST))
    assert own_folder.stat().st_mode & 0o777 == 0o700
    forget_memory()
    again = numbers(target("y ~ x", FIRST))
    assert again[0] == first[0]
    np.testing.assert_array_equal(again[1], first[1])
    assert len(made) == 1
    own_folder.chmod(0o770)
    forget_memory()
    target("y ~ x", FIRST)
    assert len(made) == 2


@pytest.mark.few(1)
@pytest.mark.parametrize("damage", ["shorter", "a bit", "garbage", "empty", "another's name", "no pickle"])
def test_a_damaged_file_costs_time_only(damage: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch):
    import hashlib
    import pickle

    made = builds(monkeypatch)
    target("y ~ x", FIRST)
    path = only_file(own_folder)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    foreign, nonsense = pickle.dumps(("other.code", pickle.loads(whole[32:])[1])), b"no pickle at all"
    path.write_bytes(
        {
            "shorter": whole[: len(whole) // 2],
            "a bit": bytes(flipped),
            "garbage": np.random.default_rng(0).bytes(2000),
            "empty": b"",
            "another's name": hashlib.sha256(foreign).digest() + foreign,
            "no pickle": hashlib.sha256(nonsense).digest() + nonsense,
        }[damage]
    )
    forget_memory()
    assert_same(target("y ~ x", SECOND))
    assert len(made) == 2
    # The damaged file has been replaced by a good one.
    forget_memory()
    assert_same(target("y ~ x", SECOND))
    assert len(made) == 2


def test_clear_removes_the_files(own_folder: Path, monkeypatch: pytest.MonkeyPatch):
    made = builds(monkeypatch)
    found = target("y ~ x", FIRST)
    assert reuse.clear() == 1
    assert not list(own_folder.glob("*"))
    assert_same(found)
    target("y ~ x", FIRST)
    assert len(made) == 2


def test_an_empty_variable_means_no_files(own_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BAYESDEEP_CACHE_DIR", "")
    assert reuse.cache_folder() is None
    target("y ~ x", FIRST)
    assert not own_folder.exists()


SCRIPT = """
import sys; sys.path.insert(0, {tests!r})
import test_reuse as t
from bayesdeep.graph import reuse
made = []
original = reuse._only_result
reuse._only_result = lambda d: made.append(1) or original(d)
found = t.target("y ~ x + a + (1 + x | g)", t.SECOND)
print(len(made), [v.hex() for v in t.numbers(found)[0]], float(found.native(found.start)[1]).hex())
"""


@pytest.mark.slow
def test_a_new_process_compiles_nothing_and_gets_the_same_bits():
    script = SCRIPT.format(tests=str(Path(__file__).parent))
    said = []
    for seed in ("1", "2"):
        # Another order of sets must not make another key.
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        said.append(done.stdout.strip().split(" ", 1))
    assert said[0][0] == "1"
    assert said[1][0] == "0"
    assert said[0][1] == said[1][1]


@pytest.mark.skipif(sys.platform != "linux", reason="folders of Linux")
def test_the_folder_is_the_users_own_for_caches(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("BAYESDEEP_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert reuse.cache_folder() == tmp_path / "bayesdeep"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert reuse.cache_folder() == tmp_path / ".cache" / "bayesdeep"
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("BAYESDEEP_CACHE_DIR", "~/own")
    assert reuse.cache_folder() == tmp_path / "own"
