"""Laws of every method: a normal posterior that is known, seeds, the shape of what it returns, honest claims."""

from functools import cache
from typing import Any

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import ENGINES

from .examples import columns, example_of

PRIOR_SD, NOISE = 2.0, 0.7


def fitted(name: str, seed: int = 1) -> Any:
    """Return a fit of a normal response with known noise; a network where the method is for networks only."""
    options = example_of(ENGINES[name], "method", name, "options with which it takes seconds, {} if none are needed")
    priors = {"Intercept_raw": f"Normal(0, {PRIOR_SD})", "x": f"Normal(0, {PRIOR_SD})"}
    try:
        model = bd.Model("y ~ x", columns(), sigma=bd.known(NOISE), priors=priors)
        return model.fit(name, seed=seed, progress=False, **options)
    except FitError as error:
        if "network" not in str(error):
            raise
    model = bd.Model("y ~ net(x, hidden=[3])", columns(), sigma=bd.known(NOISE))
    return model.fit(name, seed=seed, progress=False, **options)


once = cache(fitted)


def exact() -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the posterior of intercept and slope."""
    data = columns()
    design = np.column_stack([np.ones(len(data)), data["x"]])
    covariance = np.linalg.inv(design.T @ design / NOISE**2 + np.eye(2) / PRIOR_SD**2)
    return covariance @ design.T @ data["y"] / NOISE**2, covariance


@pytest.mark.few(6)
@pytest.mark.parametrize("name", ENGINES)
def test_a_normal_posterior_is_found(name: str) -> None:
    posterior = once(name).idata["posterior"].to_dataset()
    if "x" not in posterior:
        assert all(np.isfinite(v).all() for v in posterior.data_vars.values())
        return
    mean, covariance = exact()
    sds, draws = np.sqrt(np.diag(covariance)), np.stack([posterior[v].values.ravel() for v in ("Intercept", "x")])
    # What is trained stops by rows that are held out: some standard deviations from where all rows would take it.
    near = 0.3 if once(name).idata.attrs["exact"] else 3.0 if ENGINES[name].needs & {"batches"} else 0.5
    assert (np.abs(draws.mean(axis=1) - mean) < near * sds).all()
    if once(name).idata.attrs["exact"]:
        np.testing.assert_allclose(draws.std(axis=1), sds, rtol=0.2)


@pytest.mark.few(9)
@pytest.mark.parametrize("name", ENGINES)
def test_it_returns_what_it_claims(name: str) -> None:
    engine, fit = ENGINES[name], once(name)
    assert engine.name == name
    assert bool(fit.idata.attrs["exact"]) <= engine.exact
    assert fit.idata.attrs["method"] == name
    posterior = fit.idata["posterior"]
    assert set(posterior.sizes) >= {"chain", "draw"}
    for word in ("compile", "tune", "sample", "total"):
        assert fit.idata.attrs[f"seconds_{word}"] >= 0
    assert np.isfinite(fit.predict({"x": [0.0]})[["mean", "sd"]]).all(axis=None)


@pytest.mark.parametrize("name", [n for n in ENGINES if not ENGINES[n].needs])
def test_a_seed_says_which_draws(name: str) -> None:
    one, same = once(name).idata["posterior"].to_dataset(), fitted(name).idata["posterior"].to_dataset()
    for variable in one.data_vars:
        np.testing.assert_array_equal(one[variable], same[variable])


def test_what_is_missing_is_a_sentence(worked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    bd.register(replace(worked["ENGINE"], example=None), replace=True)
    with pytest.raises(pytest.fail.Exception, match="The method 'prior_point' lacks an example: options"):
        fitted("prior_point")
    bd.register(replace(worked["ENGINE"]), replace=True)
    assert fitted("prior_point").idata["posterior"].sizes["draw"] == 1
