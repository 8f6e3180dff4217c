"""Loops in C: they agree with NumPy wherever arguments lie, and are built, kept and loaded only where that is safe."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from bayesdeep.numerics import c_library, code_cache, lane_loops, mixture_rows, sparse_factors, turns

EXTREMES = np.array(
    [np.inf, -np.inf, np.nan, 0.0, -0.0, 709.7, 709.8, -709.0, 800.0, -800.0, 36.0, -36.0, 1e-300, 1e-9, 1.0, -3.0]
)

needs_compiler = pytest.mark.skipif(lane_loops.lane_loops() is None, reason="no C compiler")


def predictors(lanes: int) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(lanes)
    eta = rng.normal(0, 3, (400, lanes))
    eta[:200] = rng.choice(EXTREMES, (200, lanes))
    return eta, rng


def agree(mine: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...], size: np.ndarray) -> None:
    """Assert that both agree to rounding; ``size`` is that of the terms, which may cancel."""
    for a, b in zip(mine, theirs, strict=True):
        same = np.isclose(a, b, rtol=1e-12, atol=0.0, equal_nan=True)
        with np.errstate(all="ignore"):
            assert (same | (np.abs(a - b) <= 4e-15 * np.nan_to_num(size, nan=0.0, posinf=0.0))).all()


@needs_compiler
@pytest.mark.parametrize("lanes", [1, 3, 4, 5, 8, 32])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_rows_in_c_are_those_in_numpy(lanes: int, order: int) -> None:
    eta, rng = predictors(lanes)
    y = rng.choice([0.0, 1.0, 3.0, 1e9], 400)
    trials, base = y + rng.choice([0.0, 1.0, 1e9], 400), rng.normal(size=400)
    with np.errstate(all="ignore"):
        size = (trials[:, None] + 1.0) * (np.abs(eta) + 1.0)
        agree(
            lane_loops.logistic(eta, y, trials, base, order),
            lane_loops.logistic_in_numpy(eta, y[:, None], trials[:, None], base[:, None], order),
            size,
        )
        agree(
            lane_loops.counts(eta, y, base, order),
            lane_loops.counts_in_numpy(eta, y[:, None], base[:, None], order),
            (y[:, None] + 1.0) * (np.abs(eta) + 1.0),
        )
        alpha = rng.choice([1e-4, 0.3, 40.0, 1e8], lanes)
        place, table = rng.integers(0, 7, 400), rng.normal(size=(7, lanes))
        agree(
            lane_loops.logistic_shifted(eta, y, np.log(alpha), alpha, table, place, order),
            lane_loops.logistic_in_numpy(eta - np.log(alpha), y[:, None], y[:, None] + alpha, table[place], order),
            (y[:, None] + alpha + 1.0) * (np.abs(eta) + 20.0),
        )


@needs_compiler
@pytest.mark.parametrize("lanes", [1, 3, 8, 32])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_slices_in_c_are_those_in_numpy(lanes: int, order: int) -> None:
    eta, rng = predictors(lanes)
    steps = rng.choice([1e-9, 0.4, 3.0, 900.0], (4, lanes))
    end = np.full((1, lanes), np.inf)
    at, place = np.concatenate([-end, np.cumsum(steps, axis=0) - 2.0, end]), rng.integers(0, 5, 400)
    with np.errstate(all="ignore"):
        base = np.log(-np.expm1(at[:-1] - at[1:]))
        agree(
            lane_loops.slices(eta, at, place, order),
            lane_loops.slices_in_numpy(at[place + 1] - eta, at[place] - eta, base[place], order),
            np.abs(eta) + np.abs(base[place]) + 5.0,
        )


@needs_compiler
@pytest.mark.parametrize("by_row", [True, False])
@pytest.mark.parametrize("lanes", [1, 3, 8, 32])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_rows_with_zeros_of_their_own_in_c_are_those_in_numpy(lanes: int, order: int, by_row: bool) -> None:
    eta, rng = predictors(lanes)
    y, base = rng.choice([0.0, 0.0, 1.0, 3.0, 1e9], 400), rng.normal(size=400)
    share = rng.choice([1e-300, 1e-16, 1e-3, 0.3, 0.5, 0.97, 1.0 - 1e-15], (400 if by_row else 1, lanes))
    with np.errstate(all="ignore"):
        mean = np.exp(np.clip(eta, -700.0, 700.0))
        size = (y[:, None] + 1.0) * (np.minimum(np.abs(eta), 1e3) + 1.0) + mean + np.abs(np.log(share))
        # Where a zero's two kinds are as likely, their shares and with them its slope change as fast as this.
        bend = np.maximum(size, mean * np.minimum(mean, 750.0) ** 2)
        for in_c, in_numpy in (
            (mixture_rows.inflated, mixture_rows.inflated_in_numpy), (mixture_rows.hurdle, mixture_rows.hurdle_in_numpy)
        ):
            mine, theirs = in_c(eta, share, y, base, order), in_numpy(eta, share, y[:, None], base[:, None], order)
            agree(mine, theirs, np.where(y[:, None] == 0.0, bend, size))
        theirs = mixture_rows.inflation_in_numpy(eta, share, y[:, None])
        agree(mixture_rows.inflation(eta, share, y), theirs, np.maximum(np.abs(theirs[1]), 1e-290))


@needs_compiler
@pytest.mark.parametrize("lanes", [1, 4, 11, 16])
def test_sparse_products_are_scipys(lanes: int) -> None:
    rng = np.random.default_rng(0)
    matrix = sparse.random_array((60, 23), density=0.2, rng=rng, format="csr")
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    x, start = rng.normal(size=(23, lanes)), rng.normal(size=(60, lanes))
    expected = start + matrix @ x
    np.testing.assert_allclose(lane_loops.add_product(matrix, x, start), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(lane_loops.product(matrix, x[::-1][::-1]), matrix @ x, rtol=1e-12, atol=1e-14)


@needs_compiler
@pytest.mark.parametrize("lanes", [1, 4, 13])
def test_factors_are_those_of_dense_matrices(lanes: int) -> None:
    rng, size = np.random.default_rng(lanes), 40
    i, j = np.nonzero(np.tril(rng.random((size, size)) < 0.06, -1))
    values, diagonal = rng.normal(size=(len(i), lanes)), rng.uniform(8, 12, (size, lanes))
    prior = rng.uniform(0, 1, (size + 1, lanes))
    nowhere = np.setdiff1d(np.arange(1, size), i[j == 0])[:1]  # an entry that only the second summand has
    pattern = sparse_factors.pattern_of(
        size,
        (i, j, np.arange(len(i))),
        (nowhere, np.zeros(1, dtype=np.int64), np.array([size])),
        len(i) + np.arange(size),
        np.arange(size),
    )
    right, z, g = rng.normal(size=(3, size, lanes))
    stretch = rng.uniform(1, 2, size)
    diagonal[5, 0] = -3.0
    factors = sparse_factors.factorise(pattern, np.concatenate([values, diagonal]), prior, right)
    drawn, middle = sparse_factors.solved(pattern, factors, z, stretch), sparse_factors.solved(pattern, factors)
    white = sparse_factors.whiten(pattern, factors, g.copy(), stretch)
    back = sparse_factors.noise_of(pattern, factors, drawn, stretch)
    assert not np.isfinite(factors.log_det[0])
    for lane in range(1, lanes):
        dense = np.diag(diagonal[:, lane] + prior[:size, lane])
        dense[i, j] = dense[j, i] = values[:, lane]
        dense[nowhere, 0] = dense[0, nowhere] = prior[size, lane]
        root = np.linalg.cholesky(dense)
        np.testing.assert_allclose(factors.log_det[lane], np.linalg.slogdet(dense)[1], rtol=1e-12)
        np.testing.assert_allclose(middle[:, lane], np.linalg.solve(dense, right[:, lane]), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            drawn[:, lane] - middle[:, lane], np.linalg.solve(root.T, stretch * z[:, lane]), rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(white[:, lane], stretch * np.linalg.solve(root, g[:, lane]), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(back[:, lane], z[:, lane], rtol=1e-9, atol=1e-12)


@needs_compiler
@pytest.mark.parametrize("lanes", [1, 3, 32])
def test_a_turn_is_that_of_numpy(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(lanes)
    z, p, gradient = rng.normal(size=(3, 41, lanes))
    expected = None
    for library in (lane_loops.lane_loops(), None):
        monkeypatch.setattr(turns, "lane_loops", lambda library=library: library)
        at, momentum = z.copy(), p.copy()
        turns.turn(at, momentum, 0.3)
        turns.turn(at, momentum, -0.7, 0.9, gradient)
        expected = (at, momentum) if expected is None else expected
    np.testing.assert_allclose(at, expected[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(momentum, expected[1], rtol=1e-12, atol=1e-14)
    one, other = np.cos(0.3) * z + np.sin(0.3) * p, np.cos(0.3) * p - np.sin(0.3) * z
    other += 0.9 * (gradient + one)
    np.testing.assert_allclose(at, np.cos(0.7) * one - np.sin(0.7) * other, rtol=1e-12, atol=1e-14)


@needs_compiler
def test_determinants_far_from_1_are_kept() -> None:
    size = 60
    nothing = (np.zeros(0, dtype=np.int64),) * 3
    pattern = sparse_factors.pattern_of(size, nothing, nothing, np.arange(size), np.full(size, -1))
    for value in (1e-200, 1e200, 0.3):
        entries = np.full((size, 3), value)
        found = sparse_factors.factorise(pattern, entries, np.zeros((1, 3)), np.zeros((size, 3)))
        np.testing.assert_allclose(found.log_det, size * np.log(value), rtol=1e-13)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that builds or loads the library as a new process would, in an empty folder."""
    monkeypatch.setenv("BAYESDEEP_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.delenv("BAYESDEEP_COMPILE", raising=False)
    return lambda: c_library.c_library.__wrapped__(lane_loops.SOURCE)


@needs_compiler
def test_a_library_is_kept_and_loaded_again(fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fresh() is not None
    (kept,) = (tmp_path / "kept").glob("*.library")
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    built = []
    monkeypatch.setattr(c_library, "_built", lambda *given: built.append(given))
    assert fresh() is not None
    assert not built
    assert code_cache.clear() >= 1
    assert not kept.exists()


@pytest.mark.integration
@needs_compiler
@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of files")
def test_what_others_may_have_written_is_not_loaded(fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fresh() is not None
    (kept,) = (tmp_path / "kept").glob("*.library")
    loaded: list[str] = []
    cdll = c_library.ctypes.CDLL
    monkeypatch.setattr(c_library.ctypes, "CDLL", lambda path: loaded.append(path) or cdll(path))
    kept.chmod(0o666)
    assert fresh() is not None
    assert not stat.S_IMODE(kept.stat().st_mode) & 0o022  # built again in its place
    kept.parent.chmod(0o755)
    assert fresh() is not None
    assert loaded[-1] != str(kept)
    kept.parent.chmod(0o700)
    kept.unlink()
    kept.symlink_to(shutil.copy(lane_loops.SOURCE, tmp_path))
    assert fresh() is not None
    assert not kept.is_symlink() or loaded[-1] != str(kept)


def test_without_a_compiler_there_is_numpy(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_library.shutil, "which", lambda name: None)
    assert fresh() is None
    monkeypatch.undo()
    monkeypatch.setenv("BAYESDEEP_COMPILE", "0")
    assert fresh() is None


def test_a_compiler_that_fails_is_as_none(fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(c_library.shutil, "which", lambda name: str(broken))
    assert fresh() is None


@needs_compiler
@pytest.mark.integration
def test_processes_that_build_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    code = "from bayesdeep.numerics.lane_loops import lane_loops; assert lane_loops() is not None"
    environment = {**os.environ, "BAYESDEEP_CACHE_DIR": str(tmp_path / "kept")}
    running = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(4)]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_the_source_is_part_of_the_package() -> None:
    assert lane_loops.SOURCE.is_file()
    assert lane_loops.SOURCE.parent == Path(lane_loops.__file__).parent
