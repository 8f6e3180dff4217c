"""Names, dimensions and labels of group-level and population-level effects, and the covariance they imply."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import bayesdeep as bd


def data(rows: int = 36) -> pd.DataFrame:
    rng = np.random.default_rng(12)
    d = pd.DataFrame(
        {
            "floor": rng.normal(1, 2, rows),
            "x": rng.normal(size=rows),
            "county": np.tile(["Aitkin", "Blue Earth", "Cass"], rows // 3),
            "a": np.repeat(list("ABC"), rows // 3),
            "b": np.tile(list("uv"), rows // 2),
            "period": np.tile([1, 2, 3, 4], rows // 4),
            "treatment": np.tile(["O73", "N25", "P10"], rows // 3),
            "crop": np.repeat(["apple", "cucumber"], rows // 2),
            "y": rng.normal(size=rows),
        }
    )
    return d.assign(period=d.period.astype("category"))


def prior(formula: str, draws: int = 3, frame: pd.DataFrame | None = None, **options: object) -> xr.Dataset:
    """Return prior draws, which have the posterior's names, dimensions and labels."""
    model = bd.Model(formula, data() if frame is None else frame, **options)
    return model.prior_predictive(draws, seed=1)["prior"].to_dataset()


def layout(found: xr.Dataset) -> dict[str, tuple[str, ...]]:
    return {str(k): v.dims[2:] for k, v in found.data_vars.items()}


def test_correlated_intercepts_and_slopes():
    found = prior("y ~ floor + (1 + floor | county)")
    assert layout(found) == {
        "Intercept": (),
        "floor": (),
        "1|county": ("county",),
        "1|county_sigma": (),
        "floor|county": ("county",),
        "floor|county_sigma": (),
        "county_corr": ("county_pair",),
        "sigma": (),
    }
    assert found.county.values.tolist() == ["Aitkin", "Blue Earth", "Cass"]
    assert found.county_pair.values.tolist() == ["1, floor"]


def test_double_bar_has_no_correlation():
    found = prior("y ~ floor + (1 + floor || county)")
    assert "county_corr" not in found
    assert {"1|county", "floor|county", "1|county_sigma", "floor|county_sigma"} <= set(found)


@pytest.mark.parametrize("formula", ["y ~ (1 | a/b)", "y ~ (1 | a) + (1 | a:b)"])
def test_nested_groups(formula):
    found = prior(formula)
    assert found["1|a"].dims[2:] == ("a",)
    assert found["1|a:b"].dims[2:] == ("a:b",)
    assert found["a"].values.tolist() == ["A", "B", "C"]
    assert found["a:b"].values.tolist() == ["A:u", "A:v", "B:u", "B:v", "C:u", "C:v"]
    assert {"1|a_sigma", "1|a:b_sigma"} <= set(found)


def test_only_observed_combinations_are_groups():
    d = data()
    found = prior("y ~ (1 | a:b)", frame=d[~((d.a == "B") & (d.b == "u"))])
    assert found["a:b"].values.tolist() == ["A:u", "A:v", "B:v", "C:u", "C:v"]


@pytest.mark.few(1)
@pytest.mark.parametrize("name", ["obs", "chain", "draw"])
def test_groups_with_the_names_of_our_own_dimensions(name):
    d = data().rename(columns={"county": name})
    found = prior(f"y ~ (1 | {name})", frame=d)
    assert found[f"1|{name}"].dims == ("chain", "draw", f"{name}_level")
    assert found[f"{name}_level"].values.tolist() == ["Aitkin", "Blue Earth", "Cass"]
    model = bd.Model(f"y ~ (1 | {name})", d)
    fit = model.fit("laplace", draws=100, chains=1, seed=1, progress=False)
    assert len(fit.predict(d.assign(**{name: "elsewhere"}).head(3), kind="mean", new_groups="sample")) == 3
    assert fit.summary(kind="stats").index.str.startswith(f"1|{name}[").sum() == 3


def test_whole_number_groups_keep_their_numbers():
    found = prior("y ~ (1 | g)", frame=data().assign(g=np.tile([10, 2, 7], 12)))
    assert found["g"].values.tolist() == [2, 7, 10]
    assert found["g"].dtype.kind == "i"


def test_categorical_slopes():
    found = prior("y ~ (b | a)")
    assert found["1|a"].dims[2:] == ("a",)
    assert found["b|a"].dims[2:] == ("b_level", "a")
    assert found["b|a_sigma"].dims[2:] == ("b_level",)
    assert found["b_level"].values.tolist() == ["v"]
    assert found["a_pair"].values.tolist() == ["1, b[v]"]
    every = prior("y ~ (0 + period | a)")
    assert every["period_level"].values.tolist() == [1, 2, 3, 4]
    assert every["a_pair"].values.tolist()[:3] == [f"period[1], period[{k}]" for k in (2,)] + [
        "period[1], period[3]",
        "period[2], period[3]",
    ]


def test_categorical_population_terms():
    found = prior("y ~ period + C(county)")
    assert found["period"].dims[2:] == ("period_level",)
    assert found["period_level"].values.tolist() == [2, 3, 4]
    assert found["C(county)"].dims[2:] == ("C(county)_level",)
    assert found["C(county)_level"].values.tolist() == ["Blue Earth", "Cass"]
    two = prior("y ~ b")
    assert two["b"].dims[2:] == ("b_level",)
    assert two["b_level"].values.tolist() == ["v"]


def test_interactions_join_their_levels():
    d = data()
    levels = ["N25", "O73", "P10"]
    found = prior("y ~ treatment * crop", frame=d.assign(treatment=pd.Categorical(d.treatment, levels)))
    assert found["treatment:crop"].dims[2:] == ("treatment:crop_level",)
    assert found["treatment:crop_level"].values.tolist() == ["O73, cucumber", "P10, cucumber"]
    assert prior("y ~ x * crop")["x:crop_level"].values.tolist() == ["cucumber"]
    assert prior("y ~ x:floor")["x:floor"].dims[2:] == ()


def test_several_terms_with_one_factor_share_its_dimension():
    found = prior("y ~ (1 | county) + (0 + x | county) + (0 + floor | county)")
    assert {found[f"{k}|county"].dims[2:] for k in ("1", "x", "floor")} == {("county",)}
    assert "county_corr" not in found


@pytest.mark.parametrize("formula", ["y ~ (1 | county) + (1 + x | county)", "y ~ (1 | county) + (1 | county)"])
def test_one_effect_twice_is_refused_or_merged(formula):
    try:
        model = bd.Model(formula, data())
    except bd.FormulaError as error:
        assert "1|county" in str(error)  # noqa: PT017
    else:
        assert [p.name for p in model.spec.priors].count("1|county_sigma") == 1


def test_formulas_of_other_parameters_have_a_prefix():
    found = prior("y ~ x", sigma="~ x + (1 + x | county)")
    names = {"sigma_Intercept", "sigma_x", "sigma_1|county", "sigma_1|county_sigma", "sigma_x|county"}
    assert names | {"sigma_x|county_sigma", "sigma_county_corr"} <= set(found)
    assert "sigma" not in found
    assert found["sigma_1|county"].dims[2:] == ("county",)


def test_factor_that_is_a_population_term_too():
    found = prior("y ~ county + (1 | county)")
    population, group = found["county"].dims[2], found["1|county"].dims[2]
    assert population == "county_level"
    assert group != population
    assert found[population].values.tolist() == ["Blue Earth", "Cass"]
    assert found[group].values.tolist() == ["Aitkin", "Blue Earth", "Cass"]


def test_effects_have_the_implied_covariance():
    rng = np.random.default_rng(0)
    d = pd.DataFrame({"x": rng.normal(size=600), "z": rng.normal(size=600), "g": np.arange(600) % 200, "y": 0.0})
    found = prior("y ~ 1 + (1 + x + z | g)", draws=60, frame=d, priors={"g_corr": "LKJ(1)"})
    effects = np.stack([found[f"{k}|g"].values[0] for k in ("1", "x", "z")], axis=1)
    sds = np.stack([found[f"{k}|g_sigma"].values[0] for k in ("1", "x", "z")], axis=1)
    matrix = np.tile(np.eye(3), (60, 1, 1))
    for label, value in zip(found.g_pair.values, found["g_corr"].values[0].T, strict=True):
        i, j = (["1", "x", "z"].index(k) for k in label.split(", "))
        matrix[:, i, j] = matrix[:, j, i] = value
    covariance = sds[:, :, None] * matrix * sds[:, None, :]
    # whitened with the covariance each draw says, all effects of all groups are independent standard normals
    white = np.linalg.solve(np.linalg.cholesky(covariance), effects)
    assert stats.kstest(white.ravel(), stats.norm.cdf).pvalue > 1e-3
    products = np.einsum("dig,djg->ij", white, white) / (60 * 200)
    np.testing.assert_allclose(products, np.eye(3), atol=5 / np.sqrt(12_000))


def test_location_scale_and_shape_of_group_effects():
    d = data(36).assign(g=np.arange(36))
    found = prior("y ~ 0 + (1 | g)", draws=400, frame=d, priors={"1|g": "StudentT(4, 3, Exponential(2))"})
    z = (found["1|g"] - 3) / found["1|g_sigma"]
    assert stats.kstest(z.values.ravel(), stats.t(4).cdf).pvalue > 1e-3
    fixed = prior("y ~ 0 + (1 + x | g)", draws=400, frame=d, priors={"1|g": "Normal(-2, 0.5)"})
    assert stats.kstest(fixed["1|g"].values.ravel(), stats.norm(-2, 0.5).cdf).pvalue > 1e-3
    assert "1|g_sigma" not in fixed


def test_posterior_has_the_same_layout_as_the_prior():
    formula = "y ~ x * b + (x | county)"
    fit = bd.Model(formula, data()).fit("laplace", draws=100, chains=2, seed=1, progress=False)
    expected = prior(formula)
    assert layout(fit.posterior) == layout(expected)
    for name, labels in expected.coords.items():
        if name not in ("chain", "draw"):
            assert fit.posterior[name].values.tolist() == labels.values.tolist()
    assert not [n for n in fit.posterior if str(n).endswith(("_z", "_partial", "_at_means"))]
