"""What is degenerate gets the right posterior or an error that says what is wrong; never NaN, never a hang."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 60
    made = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "g": rng.integers(0, 6, n).astype(str),
            "one": "a",
            "each": np.arange(n).astype(str),
            "big": rng.normal(size=n) * 1e12,
            "far": 1e12 + rng.normal(size=n),
            "still": 2.0,
        }
    )
    return made.assign(double=2 * made.x, y=1 + made.x + rng.normal(size=n))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("formula", "priors"),
    [
        ("y ~ x + double", {}),
        ("y ~ x + (1 | one)", {}),
        ("y ~ x + (1 | each)", {}),
        ("y ~ big", {}),
        ("y ~ far", {}),
        pytest.param("y ~ (1 + x + big | each)", {}, marks=pytest.mark.slow),
        ("y ~ x + (1 | g)", {"1|g_sigma": "HalfFlat()"}),
        ("y ~ x + (1 | g)", {"1|g_sigma": "Uniform(0, 0.001)"}),
        ("y ~ x + (1 | g)", {"1|g_sigma": "Gamma(0.1, 1)"}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*combinations of one another:UserWarning")
@pytest.mark.filterwarnings("ignore:.*has one level:UserWarning")
def test_degenerate_but_proper(frame, formula, priors):
    fit = bd.Model(formula, frame, priors=priors).fit("collapsed", seed=1, draws=500, progress=False)
    posterior = fit.idata.posterior
    assert all(np.isfinite(posterior[name]).all() for name in posterior.data_vars)
    if "1|g_sigma" in priors and "Uniform" in priors["1|g_sigma"]:
        assert float(posterior["1|g_sigma"].max()) <= 0.001


@pytest.mark.parametrize(("mean", "sd"), [(5.0, 1e-3), (-1000.0, 1e-3), (1e6, 1e-3)])
def test_a_narrow_prior_far_from_what_the_data_say_is_obeyed(frame, mean, sd):
    posterior = bd.Model("y ~ x", frame, priors={"x": f"Normal({mean}, {sd})"}).fit("collapsed", seed=1, progress=False).posterior
    assert abs(float(posterior["x"].mean()) - mean) < 0.2 * sd
    assert float(posterior["x"].std()) == pytest.approx(sd, rel=0.1)
    # The rest of the response is noise then; the prior on its sd counts for little beside so many rows.
    left = frame.y - mean * frame.x
    assert float(posterior["sigma"].mean()) == pytest.approx(float(left.std()), rel=0.1)


@pytest.mark.filterwarnings("ignore:.*combinations of one another:UserWarning")
def test_collinear_columns_keep_the_sum_the_data_determine(frame):
    both = bd.Model("y ~ x + double", frame).fit("collapsed", seed=1, progress=False).idata.posterior
    alone = bd.Model("y ~ x", frame).fit("collapsed", seed=1, progress=False).idata.posterior["x"]
    total = both["x"] + 2 * both["double"]
    assert abs(float(total.mean() - alone.mean())) < 0.2 * float(alone.std())
    assert float(total.std()) == pytest.approx(float(alone.std()), rel=0.1)


def test_units_of_the_response_do_not_matter(frame):
    small, large = (
        bd.Model("y ~ x + (1 | g)", frame.assign(y=frame.y * unit)).fit("collapsed", seed=1, progress=False).idata.posterior
        for unit in (1e-12, 1e9)
    )
    for name in ("x", "sigma", "1|g_sigma"):
        # Default priors are written with four digits.
        assert float(large[name].mean()) / 1e21 == pytest.approx(float(small[name].mean()), rel=0.02)


@pytest.mark.filterwarnings("ignore:.*combinations of one another:UserWarning")
@pytest.mark.parametrize(
    ("formula", "priors", "text"),
    [
        ("still ~ x", {}, "posterior of 'sigma' has no maximum within reach"),
        ("y ~ x + double", {"x": "Flat()", "double": "Flat()"}, "combinations of each other"),
    ],
)
def test_no_posterior_is_an_error(frame, formula, priors, text):
    model = bd.Model(formula, frame, priors=priors)
    with pytest.raises(bd.FitError, match=text):
        model.fit("collapsed", seed=1, progress=False)


@pytest.mark.parametrize("rows", [6, 7, 8, 10, 14, 20, 30, 300])
def test_a_response_that_its_predictors_reproduce_is_refused_whatever_the_number_of_rows(rows):
    x = np.random.default_rng(0).normal(size=(rows, 4))
    columns = {**{f"x{k}": x[:, k] for k in range(4)}, "y": x[:, 0]}
    with pytest.raises(bd.FitError, match="posterior of 'sigma' has no maximum within reach"):
        bd.Model("y ~ x0 + x1 + x2 + x3", columns).fit("collapsed", seed=1, progress=False)


@pytest.mark.parametrize("noise", [1e-5, 1e-2])
def test_little_noise_is_not_taken_for_none(noise):
    rng = np.random.default_rng(1)
    x = rng.normal(size=12)
    fit = bd.Model("y ~ x", {"x": x, "y": x + noise * rng.normal(size=12)}).fit("collapsed", seed=1, progress=False)
    residual = noise * np.std(np.random.default_rng(1).normal(size=(2, 12))[1])
    assert float(fit.posterior["sigma"].median()) == pytest.approx(residual, rel=0.4)


def test_improper_scales_of_few_groups_are_refused(frame):
    with pytest.raises(bd.PriorError, match=r"prior '1\|one_sigma': HalfFlat\(\) with 1 group"):
        bd.Model("y ~ x + (1 | one)", frame, priors={"1|one_sigma": "HalfFlat()"})


@pytest.mark.parametrize(
    ("formula", "options", "text"),
    [
        ("y ~ x", {"family": "student_t"}, "the response is student_t"),
        ("y ~ x", {"sigma": "~ x"}, "sigma has a formula of its own"),
        ("y ~ x", {"priors": {"x": "StudentT(3, 0, 1)"}}, "the prior of x is StudentT"),
        ("y ~ x + (1 | g)", {"priors": {"1|g_sigma": "HalfNormal(Exponential(1))"}}, "has a hyperprior"),
        ("y ~ x + (1 | g)", {"priors": {"1|g": "StudentT(4, 0, HalfNormal(1))"}}, "not normal"),
    ],
)
def test_it_says_why_it_does_not_apply(frame, formula, options, text):
    model = bd.Model(formula, frame, **options)
    with pytest.raises(bd.FitError, match=text):
        model.fit("collapsed", progress=False)
