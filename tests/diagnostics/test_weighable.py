"""Leave-one-out is given where draws are the posterior's, with the right value, and refused everywhere else."""

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.compare.held_out_scores import can_be_weighed
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import ENGINES
from bayesdeep.inference.loo import loo_from_blocks

ON_DENSITIES = [name for name in ENGINES.names() if not ENGINES[name].needs & {"batches", "rows"}]
"""Those that a Gaussian formula can be fitted by in a second or two."""


def data(alike: float) -> pd.DataFrame:
    """Return rows whose two inputs are correlated."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=60)
    w = alike * x + np.sqrt(1 - alike**2) * rng.normal(size=60)
    return pd.DataFrame({"y": 1 + x - 0.5 * w + rng.normal(size=60), "x": x, "w": w})


@pytest.fixture(scope="module")
def reference() -> dict[float, np.ndarray]:
    """Return each row's log score without it, by refitting 60 times a method that is exact and quick."""
    found = {}
    for alike in (0.0, 0.995):
        fit = bd.Model("y ~ x + w", data(alike)).fit("collapsed", draws=1000, chains=2, seed=1, progress=False)
        found[alike] = np.asarray(fit.kfold(k=60, progress=False).elpd_i)
    return found


@pytest.mark.few(0)
@pytest.mark.parametrize("alike", [0.0, 0.995])
@pytest.mark.parametrize("name", ON_DENSITIES)
def test_leave_one_out_is_that_of_refits_or_refused(name, alike, reference):
    options = {} if name == "map" else {"draws": 1000, "chains": 2}
    fit = bd.Model("y ~ x + w", data(alike)).fit(name, seed=1, progress=False, **options)
    if not can_be_weighed(fit):
        assert not ENGINES[name].exact
        with pytest.raises(FitError, match=r"^loo: .*fit\.kfold\(\)"):
            fit.loo()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = fit.loo()
    # 2,000 draws leave a standard error of about 0.02 for the row that is hardest to tell.
    np.testing.assert_allclose(np.asarray(found.elpd_i), reference[alike], atol=0.12)
    assert found.elpd == pytest.approx(reference[alike].sum(), abs=0.6)


def test_independent_normals_are_not_weighed_where_they_are_wrong():
    fit = bd.Model("y ~ x + w", data(0.995)).fit("advi", seed=1, progress=False)
    assert fit.idata.attrs["details"]["khat"] > 0.7
    with pytest.raises(FitError, match=r"loo: the draws of advi are not the posterior's"):
        fit.loo()
    other = bd.Model("y ~ x", data(0.995)).fit("collapsed", seed=1, progress=False)
    with pytest.raises(FitError, match=r"compare: score='loo' .*'b' has none; .*the draws of advi are not the posterior's"):
        bd.compare({"a": other, "b": fit}, score="loo")


@pytest.mark.few(3)
@pytest.mark.parametrize("name", ENGINES.names())
@pytest.mark.parametrize("corrected", [False, True])
def test_every_door_gives_one_answer(name, corrected, made_up, tmp_path):
    """Of the same fit, ``loo``, ``stack_chains`` and ``compare`` say alike whether its draws can be weighed."""
    fit = made_up(bd.Model("y ~ x", data(0.0)), draws=100, chains=2, values={"Intercept": 1.0, "x": 1.0, "sigma": 1.0})
    fit.idata.attrs |= {"method": name, "exact": ENGINES[name].exact, "corrected": corrected, "spec": fit.spec.to_json()}
    fit = bd.load(fit.save(tmp_path / "fit.nc"))
    if ENGINES[name].exact or corrected:
        assert can_be_weighed(fit)
        assert np.isfinite(fit.loo().elpd)
        assert fit.stack_chains().idata.attrs["chain_weights"]
        return
    assert not can_be_weighed(fit)
    for call, text in [(fit.loo, "kfold"), (fit.stack_chains, "method='nuts'")]:
        with pytest.raises(FitError, match=text):
            call()


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (np.full(100, np.nan), "row 1 is not finite in 100 of 100 draws"),
        (np.r_[-np.inf, np.full(99, -1.0)], "row 1 is not finite in 1 of 100 draws"),
        (np.repeat([-2.0, -1.0], 50), "no weights can be found"),
    ],
)
def test_rows_that_no_weights_can_be_found_for_are_neither_a_number_nor_a_raw_error(row, text):
    values = np.column_stack([np.linspace(-2, -1, 100), row])
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(coords={"chain": [0], "draw": np.arange(100)})})
    with pytest.raises(FitError, match=rf"^loo: .*{text}.*fit\.kfold\(\)"):
        loo_from_blocks(tree, [(0, 2, values)], 2)
