"""`collapsed` and `nuts` give one posterior: the worked models, and one seed one result."""

from pathlib import Path

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.collapse import why_not
from bayesdeep.numerics.mcmc import ess_bulk

CARDS = sorted(Path(__file__).parents[2].glob("models/*/*.toml"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:left out .* rows with missing values")
@pytest.mark.parametrize("card", CARDS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_same_posterior_as_nuts(card):
    model = bd.Model.from_card(card)
    if why_not(model.spec) is not None:
        pytest.skip("not a linear Gaussian model")
    ours = model.fit("collapsed", seed=1, progress=False).idata.posterior
    nuts = model.fit("nuts", seed=2, draws=2000, progress=False).idata.posterior
    assert list(ours.data_vars) == list(nuts.data_vars)
    for name in ours.data_vars:
        assert ours[name].dims == nuts[name].dims
        a, b = (np.asarray(p[name]).reshape(4, p.sizes["draw"], -1) for p in (ours, nuts))
        sd = b.std(axis=(0, 1))
        moves = sd > 0
        errors = np.sqrt(1 / ess_bulk(a) + 1 / ess_bulk(b))
        distance = np.abs(a.mean(axis=(0, 1)) - b.mean(axis=(0, 1))) / np.where(moves, sd, 1.0)
        # 5 standard errors: there are hundreds of quantities a model.
        assert (distance[moves] < 5 * errors[moves] + 0.01).all(), name


@pytest.mark.integration
def test_a_seed_makes_it_reproducible():
    model = bd.Model("log_radon ~ floor + (1 + floor | county)", bd.load_dataset("radon"))
    first, again, other = (model.fit(seed=s, draws=50, progress=False).idata.posterior for s in (1, 1, 2))
    assert model.fit(seed=1, draws=50, progress=False).idata.attrs["method"] == "collapsed"
    for name in first.data_vars:
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])


def test_the_effective_sample_size_is_nearly_the_number_of_draws():
    model = bd.Model("log_radon ~ floor + (1 + floor | county)", bd.load_dataset("radon"))
    fit = model.fit(seed=1, progress=False)
    # 178 estimates of a size of 4,000 each vary by some 5 %.
    assert fit.summary().ess_bulk.min() > 2800
    assert fit.idata.attrs["details"]["efficiency"] > 0.85
