"""Leave-one-out in blocks equals ArviZ on everything at once."""

import warnings

import arviz as az
import numpy as np
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.inference.loo import loo_from_blocks, too_large


def make(rng: np.random.Generator, rows: int = 30, chains: int = 4, draws: int = 250, outlier: float = 0.0):
    """Return a tree with a log likelihood, and that as an array ``(chain * draw, obs)``."""
    y = rng.normal(size=rows)
    y[3] += outlier
    mu = y.mean() + rng.normal(size=(chains, draws)) / np.sqrt(rows)
    ll = -0.5 * (y - mu[..., None]) ** 2 - 0.5 * np.log(2 * np.pi)
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mu": (("chain", "draw"), mu)}),
            "log_likelihood": xr.Dataset({"y": (("chain", "draw", "obs"), ll)}, coords={"obs": np.arange(rows)}),
        }
    )
    tree.attrs.update(exact=True, method="nuts")
    return tree, ll.reshape(-1, rows)


def blocks(ll: np.ndarray, step: int):
    return ((i, min(i + step, ll.shape[1]), ll[:, i : i + step]) for i in range(0, ll.shape[1], step))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize(("step", "limit"), [(30, 10**8), (7, 10**8), (7, 10), (1, 10)])
def test_blocks_equal_arviz(rng, step, limit):
    tree, ll = make(rng)
    theirs = az.loo(tree, pointwise=True)
    ours = loo_from_blocks(tree, blocks(ll, step), 30, limit=limit)
    for name in ("elpd", "se", "p", "good_k"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-10)
    for name in ("n_samples", "n_data_points", "scale", "warning", "kind"):
        assert getattr(ours, name) == getattr(theirs, name)
    xr.testing.assert_allclose(ours.elpd_i.drop_vars(["chain", "draw"], errors="ignore"), theirs.elpd_i)
    xr.testing.assert_allclose(ours.pareto_k, theirs.pareto_k)
    assert (ours.log_weights is None) == (limit == 10)
    assert str(ours).startswith(str(theirs).rstrip()[:60])


def test_high_khat_warns(rng):
    tree, ll = make(rng, rows=12, outlier=60.0)
    with pytest.warns(UserWarning, match="of 12 rows have Pareto k-hat"):
        found = loo_from_blocks(tree, blocks(ll, 5), 12, limit=10)
    assert found.warning
    assert "kfold" in repr(found)


def test_approximate_draws_are_marked_without_a_warning(rng):
    tree, ll = make(rng)
    tree.attrs.update(exact=False, corrected=True, method="laplace")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = loo_from_blocks(tree, blocks(ll, 30), 30, pointwise=False)
    assert found.elpd_i is None
    assert "laplace" in found.advice[0]
    assert "laplace" in repr(found)


def test_a_point_has_no_loo(rng):
    tree, ll = make(rng, chains=1, draws=1)
    tree.attrs["method"] = "map"
    with pytest.raises(FitError, match=r"loo: map gives 1 draw.*kfold"):
        loo_from_blocks(tree, blocks(ll, 30), 30)


@pytest.mark.slow
def test_memory_grows_by_what_is_kept_of_a_row_and_not_by_its_draws(made_up, monkeypatch):
    """500 draws of a row are 4,000 bytes; of what is kept, the scores, a few hundred are."""
    import tracemalloc

    import pandas as pd

    import bayesdeep as bd
    from bayesdeep.compare.assessed_fit import by_loo

    monkeypatch.setattr("bayesdeep.results.prediction_blocks.BLOCK", 10_000)
    fits, rng = [], np.random.default_rng(0)
    near = {
        "Intercept": 0.1 * rng.normal(size=500),
        "x": 0.1 * rng.normal(size=500),
        "sigma": rng.uniform(0.7, 0.8, 500),
    }
    for rows in (200, 800):
        x = np.linspace(-1, 1, rows)
        model = bd.Model("y ~ x", pd.DataFrame({"y": np.sin(99 * x), "x": x}))
        fits.append(made_up(model, draws=250, chains=2, values=near))
    by_loo(fits[0])
    peaks = []
    for fit in fits:
        tracemalloc.start()
        found = by_loo(fit)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(found.scores.y) == fit.rows.rows
        assert found.elpd.log_weights is None
    assert (peaks[1] - peaks[0]) / 600 < 1500


def test_rows_of_weight_zero_have_a_score_of_zero() -> None:
    rng = np.random.default_rng(2)
    data = {"y": rng.normal(size=40), "w": np.r_[np.zeros(3), np.ones(37)]}
    fit = bd.Model("weighted(y, w) ~ 1", data).fit(seed=1, draws=200, chains=2, progress=False)
    found = fit.loo()
    assert np.asarray(found.elpd_i)[:3] == pytest.approx(0.0, abs=1e-8)
    assert np.isfinite(found.elpd)
    assert len(np.asarray(found.elpd_i)) == 40


def test_a_tail_without_a_number_is_a_bad_one() -> None:
    assert too_large(np.array([0.1, 0.8, np.nan]), 0.7).tolist() == [False, True, True]
