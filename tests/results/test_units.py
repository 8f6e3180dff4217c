"""Log scores are in the units of the data, whatever scale the model is on."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd

RNG = np.random.default_rng(5)
X = RNG.normal(size=60)
DATA = pd.DataFrame({"x": X, "y": np.exp(0.4 + 0.5 * X + 0.6 * RNG.normal(size=60)), "n": RNG.uniform(1, 2, 60)})
DATA["below"] = np.maximum(DATA.y - 1.5, 0.0)
DATA["k"], DATA["w"] = RNG.poisson(2, 60), RNG.uniform(0.5, 2, 60)
DATA["status"] = np.where(DATA.y > 3, "right", "none")
NEW = DATA.iloc[:7]


def at_mode(left: str, family: str = "gaussian", **options) -> bd.Fit:
    return bd.Model(f"{left} ~ x", DATA, family=family, **options).fit(method="map", seed=1, progress=False)


def test_a_normal_model_of_the_logarithm_scores_as_the_lognormal_model_it_is():
    one, other = at_mode("log(y)"), at_mode("y", "lognormal")
    for data in (None, NEW):
        np.testing.assert_allclose(one.log_score(data, pointwise=True), other.log_score(data, pointwise=True), atol=1e-4)
    assert one.log_score() == pytest.approx(other.log_score(), abs=1e-5)
    np.testing.assert_allclose(
        one.kfold(2, seed=1, progress=False).elpd_i, other.kfold(2, seed=1, progress=False).elpd_i, atol=1e-3
    )


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("left", "scaled"),
    [("y", "I(y * {})"), ("weighted(y, w)", "weighted(I(y * {}), w)"), ("censored(y, status)", "censored(I(y * {}), status)")],
)
def test_a_change_of_units_changes_no_score(left, scaled):
    one, other = at_mode(left), at_mode(scaled.format(10.0))
    np.testing.assert_allclose(one.log_score(pointwise=True), other.log_score(pointwise=True), atol=2e-3)


@pytest.mark.integration
def test_what_has_a_probability_of_its_own_has_no_units():
    one, other = at_mode("below", "tobit"), at_mode("I(below * 10)", "tobit")
    np.testing.assert_allclose(one.log_score(pointwise=True), other.log_score(pointwise=True), atol=2e-3)
    counts = at_mode("k", "poisson"), at_mode("I(k * 1)", "poisson"), at_mode("I(k * 2)", "poisson")
    assert counts[0].log_score() == pytest.approx(counts[1].log_score(), abs=1e-6)
    doubled = bd.Model("k ~ x", DATA.assign(k=2 * DATA.k), family="poisson").fit(method="map", seed=1, progress=False)
    assert counts[2].log_score() == pytest.approx(doubled.log_score(), abs=1e-6)


def test_loo_and_saved_fits_have_the_same_units(tmp_path):
    fit = bd.Model("log(y) ~ x", DATA).fit(method="laplace", draws=2000, chains=1, seed=1, progress=False)
    kept = bd.load(fit.save(tmp_path / "fit.nc"))
    assert kept.log_score() == pytest.approx(fit.log_score(), abs=1e-12)
    # Laplace's draws and the sample size: leave-one-out is a little below the score of rows that were fitted to.
    assert 0 < fit.log_score() - fit.loo().elpd / len(DATA) < 0.2
    np.testing.assert_allclose(
        np.exp(np.asarray(fit.log_likelihood()["log_likelihood"][fit.spec.response.name])).mean(axis=(0, 1)),
        np.exp(fit.log_score(pointwise=True)),
    )


@pytest.mark.parametrize("left", ["I(y / n)", "abs(x2)"])
def test_where_the_units_are_not_those_of_one_column_there_is_no_score(left):
    data = DATA.assign(x2=DATA.x)
    fit = bd.Model(f"{left} ~ x", data).fit(method="map", seed=1, progress=False)
    with pytest.raises(bd.BayesdeepError, match=r"^log_score: no density of one column follows from that of '"):
        fit.log_score()
    with pytest.raises(bd.BayesdeepError, match=r"^log_score: no density"):
        fit.log_score(data.iloc[:3] if left != "abs(x2)" else data)
