"""Compiled Pareto smoothing gives ArviZ's numbers, whatever the rows; and holds no more than a block of them."""

import tracemalloc
import warnings

import arviz as az
import numpy as np
import pytest
import xarray as xr
from arviz_stats.base import array_stats

from bayesdeep.inference import loo
from bayesdeep.numerics import psis as _psis
from bayesdeep.numerics.psis import smooth_few, smooth_rows, tail_length

ROWS = {
    "light tail": lambda rng, draws: -rng.uniform(size=draws),
    "bounded ratios": lambda rng, draws: np.log1p(rng.uniform(size=draws)),
    "normal": lambda rng, draws: -0.5 * rng.normal(0.3, 0.1, size=draws) ** 2 - 0.9,
    "far from zero": lambda rng, draws: rng.normal(-1e4, 0.5, size=draws),
    "above zero": lambda rng, draws: rng.normal(300.0, 0.5, size=draws),
    "nearly constant": lambda rng, draws: -1.0 + 1e-9 * rng.normal(size=draws),
    "heavy": lambda rng, draws: -0.7 * rng.exponential(size=draws),
    "shape above one": lambda rng, draws: -2.5 * rng.exponential(size=draws),
    "shape far above one": lambda rng, draws: -20.0 * rng.exponential(size=draws),
    "magnitudes apart": lambda rng, draws: -90.0 * rng.exponential(size=draws),
    "underflow": lambda rng, draws: -5000.0 * rng.exponential(size=draws),
    "one outlier": lambda rng, draws: np.append(rng.normal(size=draws - 1), -60.0),
    "ties": lambda rng, draws: np.round(rng.normal(size=draws), 1),
    "two values": lambda rng, draws: np.where(np.arange(draws) % 50 == 0, -2.0, -1.0),
    "quartile is minimum": lambda rng, draws: np.where(
        np.arange(draws) % 33 == 0, -2.0 - rng.uniform(size=draws), -1.0
    ),
    "sorted": lambda rng, draws: np.sort(rng.normal(size=draws)),
    "sorted down": lambda rng, draws: np.sort(rng.normal(size=draws))[::-1],
    "impossible in a draw": lambda rng, draws: np.append(rng.normal(size=draws - 1), -np.inf),
    "impossible in most": lambda rng, draws: np.where(np.arange(draws) % 3 > 0, -np.inf, rng.normal(size=draws)),
    "infinite": lambda rng, draws: np.append(rng.normal(size=draws - 1), np.inf),
    "not a number": lambda rng, draws: np.append(np.nan, rng.normal(size=draws - 1)),
}
SIZES = [(25, 1.0), (199, 0.9), (1000, 1.0), (1000, 0.03), (1000, 2.9), (2003, 0.4)]


def arviz_rows(values: np.ndarray, efficiency: float) -> tuple[np.ndarray, ...]:
    """Return ArviZ's elpd, p, k and log weights of rows ``(draw, obs)``."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        weights, k = array_stats.psislw(values.T, r_eff=efficiency)
        found = [
            array_stats.loo(row[None], log_weights=own[None], pareto_k=shape)
            for row, own, shape in zip(values.T, weights, k, strict=True)
        ]
    elpd, _, p = np.array(found).T
    return elpd, p, k, weights


def matched(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return log weights sorted by log likelihood: which of two equal draws gets which weight is nowhere promised."""
    return np.array([own[np.lexsort((own, row))] for row, own in zip(values.T, weights, strict=True)])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("draws", "efficiency"), SIZES)
@pytest.mark.parametrize("smooth", [smooth_rows, smooth_few])
def test_every_kind_of_row_gets_arvizs_numbers(draws, efficiency, smooth):
    rng = np.random.default_rng(draws)
    values = np.stack([make(rng, draws) for make in ROWS.values() for _ in range(2)], axis=1)
    with np.errstate(all="ignore"):
        found = smooth(values, efficiency, keep_weights=True)
    elpd, p, k, weights = arviz_rows(values, efficiency)
    for i, name in enumerate(np.repeat(list(ROWS), 2)):
        ours, theirs = [found.elpd_i[i], found.p_i[i], found.pareto_k[i]], [elpd[i], p[i], k[i]]
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8, err_msg=name)
    np.testing.assert_allclose(matched(values, found.log_weights), matched(values, weights), rtol=1e-8, atol=1e-8)
    assert draws < 100 or (k[np.isfinite(k)].min() < 0 and k[np.isfinite(k)].max() > 1)


def test_most_rows_are_smoothed_by_the_loop(monkeypatch):
    asked = []
    monkeypatch.setattr(_psis, "_one_by_one", lambda values, efficiency, at, *rest: asked.extend(at))
    rng = np.random.default_rng(0)
    values = np.stack([make(rng, 1000) for make in ROWS.values()], axis=1)
    smooth_rows(values, 1.0, keep_weights=False)
    names = [list(ROWS)[i] for i in asked]
    assert names == ["underflow", "impossible in a draw", "impossible in most", "infinite", "not a number"]


def test_a_constant_row_is_refused_as_by_arviz():
    values = np.random.default_rng(0).normal(size=(100, 3))
    values[:, 1] = -1.0
    with pytest.raises(ValueError, match="All tail values are the same"):
        arviz_rows(values, 1.0)
    with pytest.raises(ValueError, match="All tail values are the same"):
        smooth_rows(values, 1.0, keep_weights=False)


@pytest.mark.parametrize("draws", [25, 100, 225, 226, 1000, 4000, 100_000])
@pytest.mark.parametrize("efficiency", [0.01, 0.3, 1.0, 1.7, 8.0])
def test_tail_length_is_arvizs(draws, efficiency):
    assert tail_length(draws, efficiency) == array_stats._get_ps_tails(draws, efficiency, tail="right")


def test_neither_threads_nor_layout_nor_weights_change_a_bit():
    values = np.random.default_rng(1).normal(size=(60, 700)).astype(np.float32)
    first = smooth_rows(values.astype(float), 0.8, keep_weights=True, cores=1)
    assert first.log_weights.shape == (700, 60)
    np.testing.assert_allclose(np.logaddexp.reduce(first.log_weights, axis=1), 0.0, atol=1e-12)
    frozen = np.broadcast_to(values.astype(float), values.shape)
    for given in (values, np.asfortranarray(values), frozen, np.repeat(values, 2, axis=1)[:, ::2]):
        again = smooth_rows(given, 0.8, keep_weights=False, cores=3)
        assert again.log_weights is None
        for name in ("elpd_i", "p_i", "pareto_k"):
            np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


def posterior(chains: int, draws: int) -> xr.DataTree:
    """Return a posterior with one quantity."""
    mu = np.random.default_rng(2).normal(size=(chains, draws))
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"mu": (("chain", "draw"), mu)})})
    tree.attrs.update(exact=True, method="nuts")
    return tree


@pytest.mark.parametrize("compiled_from", [0, 10**9])
@pytest.mark.parametrize("limit", [10**8, 10])
def test_the_record_is_arvizs(monkeypatch, limit, compiled_from):
    monkeypatch.setattr(loo, "COMPILED_FROM", compiled_from)
    rng, tree = np.random.default_rng(5), posterior(4, 250)
    values = rng.normal(-1.0, 0.1, size=(4, 250, 30))
    values[..., 7] = -3.0 * rng.exponential(size=(4, 250))
    log_likelihood = xr.Dataset({"y": (("chain", "draw", "obs"), values)}, coords={"obs": np.arange(30)})
    theirs_of = xr.DataTree.from_dict({"posterior": tree["posterior"].to_dataset(), "log_likelihood": log_likelihood})
    with pytest.warns(UserWarning, match="Pareto"):
        theirs = az.loo(theirs_of, pointwise=True)
    flat = values.reshape(1000, 30)
    with pytest.warns(UserWarning, match="1 of 30 rows"):
        ours = loo.loo_from_blocks(tree, ((i, i + 10, flat[:, i : i + 10]) for i in (0, 10, 20)), 30, limit=limit)
    for name in ("elpd", "se", "p", "good_k"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-10)
    for name in ("n_samples", "n_data_points", "scale", "warning", "kind", "approx_posterior"):
        assert getattr(ours, name) == getattr(theirs, name)
    xr.testing.assert_allclose(ours.elpd_i, theirs.elpd_i)
    xr.testing.assert_allclose(ours.pareto_k, theirs.pareto_k)
    assert str(ours).replace("\n", "").startswith(str(theirs).split("Pareto k")[0].replace("\n", ""))
    for line in str(theirs).split("\n"):
        assert line.strip() in str(ours)
    if limit == 10:
        assert ours.log_weights is None
    else:
        xr.testing.assert_allclose(ours.log_weights, theirs.log_weights)


def test_few_numbers_need_no_compiled_code(monkeypatch):
    monkeypatch.setattr(loo, "smooth_rows", None)
    values = np.random.default_rng(0).uniform(size=(100, 4))
    assert loo.loo_from_blocks(posterior(4, 25), [(0, 4, values)], 4).n_data_points == 4


def test_memory_is_that_of_a_block():
    """Of 40,000 rows with 100 draws, 32 MB, a hundredth is there at a time; what is kept of a row is 24 bytes."""
    rows, step, tree = 40_000, 400, posterior(2, 50)
    block = np.random.default_rng(3).uniform(size=(100, step))
    blocks = [(i, i + step) for i in range(0, rows, step)]
    smooth_rows(block, 1.0, keep_weights=False)
    tracemalloc.start()
    found = loo.loo_from_blocks(tree, ((a, b, block + 1e-6 * a) for a, b in blocks), rows, limit=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.elpd_i.size == found.pareto_k.size == rows
    assert 24 * rows < peak < 6_000_000
