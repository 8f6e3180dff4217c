"""Baselines beside fits in a comparison: equal to scikit-learn by hand, on the models' own folds."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import bayesdeep as bd
from bayesdeep.compare.held_out_scores import Scored, Work
from bayesdeep.compare.proper_scores import row_scores
from bayesdeep.compare.scored_baseline import normal_scores, prepare, with_baselines
from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.inference.kfold import make_folds

ROWS, K = 120, 4


def data(seed: int = 5, rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    county = np.arange(rows) % 8
    x, w = rng.normal(size=(2, rows))
    y = 1 + x + np.linspace(-1, 1, 8)[county] + 0.5 * rng.normal(size=rows)
    kind = np.array(["a", "b", "c"])[np.digitize(y, [0.3, 1.5])]
    columns = {"y": y, "x": x, "w": w, "county": county, "up": (y > 1).astype(int), "kind": kind}
    return pd.DataFrame({**columns, "n": rng.poisson(np.exp(x / 2))})


@pytest.fixture(scope="session")
def drawn(made_up):
    """Return ``drawn(formula, df, family)``: a fit that cost nothing and says of itself what a report asks."""

    def make(formula: str, df: pd.DataFrame, family: str = "gaussian") -> bd.Fit:
        rng = np.random.default_rng(1)
        values = {"x": rng.normal(0.5, 0.1, 60), "Intercept": rng.normal(0, 0.1, 60)} if family == "poisson" else {}
        fit = made_up(bd.Model(formula, df, family), draws=30, values=values)
        fit.idata.attrs |= {
            "method": "nuts",
            **{f"seconds_{stage}": 0.0 for stage in ("compile", "tune", "sample", "total")},
        }
        return fit

    return make


@pytest.fixture(scope="module")
def fits(drawn) -> dict[str, bd.Fit]:
    """Return fits that cost nothing; what they are worth does not matter here."""
    df = data()
    formulas = {
        "normal": ("y ~ x + (1 | county)", "gaussian"),
        "wide": ("y ~ x + w", "gaussian"),
        "two": ("up ~ x", "bernoulli"),
    }
    formulas |= {"three": ("kind ~ x + w", "categorical"), "count": ("n ~ x", "poisson")}
    return {name: drawn(formula, df, family) for name, (formula, family) in formulas.items()}


def compared(fits: dict, baselines: dict, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bd.compare({**fits, **baselines}, k=K, progress=False, score="loo", **options)


def prepared(numbers: list[str], levels: list[str], last) -> object:
    parts = [
        ("n", StandardScaler(), numbers),
        ("l", OneHotEncoder(handle_unknown="ignore", sparse_output=False), levels),
    ]
    return make_pipeline(ColumnTransformer(parts), last)


@pytest.mark.integration
def test_ridge_is_scikit_learn_by_hand_on_the_same_folds(fits):
    found = compared({"normal": fits["normal"], "wide": fits["wide"]}, {"ridge": "ridge"})
    df, folds = data(), make_folds(ROWS, K, 0)
    inputs = df[["x", "w", "county"]].assign(county=df["county"].astype(str))
    model = prepared(["x", "w"], ["county"], RidgeCV(alphas=np.logspace(-3, 3, 13)))
    mean = cross_val_predict(model, inputs, df["y"], cv=PredefinedSplit(folds))
    scores = found.assessed["ridge"].scores
    np.testing.assert_allclose(scores.mean, mean, rtol=1e-12)
    inside = folds != 1
    inner = make_folds(int(inside.sum()), 5, derive(0, "baseline 1"))
    residuals = df["y"][inside] - cross_val_predict(model, inputs[inside], df["y"][inside], cv=PredefinedSplit(inner))
    sd = np.sqrt(np.mean(residuals**2))
    np.testing.assert_allclose(scores.width[folds == 1], 2 * 1.6448536269514722 * sd, rtol=1e-9)
    assert found.table.loc["ridge", "rmse"] == pytest.approx(np.sqrt(np.mean((df["y"] - mean) ** 2)))
    assert set(found.fits) == {"normal", "wide"}
    assert not found.table.loc["ridge", "exact"]
    assert "baselines in 4 folds" in found.table.attrs["scored_on"]
    assert any("learned from 75%" in note for note in found.notes)


def test_probabilities_are_scikit_learns_as_if_one_row_more_were_seen(fits):
    found = compared({"three": fits["three"]}, {"ridge": "ridge"})
    df, folds = data(), make_folds(ROWS, K, 0)
    model = prepared(["x", "w"], [], LogisticRegression(max_iter=2000))
    plain = cross_val_predict(model, df[["x", "w"]], df["kind"], cv=PredefinedSplit(folds), method="predict_proba")
    mixed = np.empty_like(plain)
    for fold in range(K):
        counts = df["kind"][folds != fold].value_counts().sort_index().to_numpy()
        n, out = counts.sum(), folds == fold
        mixed[out] = (n * plain[out] + (counts + 1) / (n + 3)) / (n + 1)
    np.testing.assert_allclose(found.assessed["ridge"].probabilities, mixed, rtol=1e-9)
    codes = df["kind"].astype("category").cat.codes.to_numpy()
    assert found.table.loc["ridge", "elpd"] == pytest.approx(np.log(mixed[np.arange(ROWS), codes]).sum())
    assert found.table.loc["ridge", "accuracy"] == pytest.approx((mixed.argmax(axis=1) == codes).mean())


def test_groups_stay_together(fits):
    df, models = data(), {"normal": fits["normal"]}
    groups = df["county"].to_numpy()
    nothing = Scored({}, {}, "groups left out")
    scored, attrs = with_baselines(nothing, prepare({"knn": "knn"}, models), models, Work(k=K, progress=False), groups)
    one = scored.found["knn"]
    assert len(one.elpd.elpd_i) == 8
    np.testing.assert_allclose(np.asarray(one.elpd.elpd_i), np.bincount(groups, weights=one.log_scores))
    folds = make_folds(ROWS, K, 0, groups)
    model = prepared(["x"], ["county"], KNeighborsRegressor(round(np.sqrt(ROWS * (K - 1) / K))))
    mean = cross_val_predict(model, df[["x", "county"]], df["y"], cv=PredefinedSplit(folds))
    np.testing.assert_allclose(one.scores.mean, mean)
    assert attrs["knn"]["exact"] is False


def test_held_out_rows(fits):
    df, new = data(), data(seed=6, rows=60).assign(county=99)
    with pytest.warns(UserWarning, match="compare: all 60 rows are of a group of 'county' .*: 99; their effects are drawn"):
        found = bd.compare({"normal": fits["normal"], "ridge": "ridge"}, data=new, progress=False)
    model = prepared(["x"], ["county"], RidgeCV(alphas=np.logspace(-3, 3, 13)))
    model.fit(df[["x", "county"]], df["y"])
    np.testing.assert_allclose(found.assessed["ridge"].scores.mean, model.predict(new[["x", "county"]]), rtol=1e-10)
    assert len(found.assessed["ridge"].log_scores) == 60


def test_counts_have_errors_but_no_elpd(fits):
    found = compared({"count": fits["count"]}, {"ridge": "ridge", "knn": "knn"})
    assert list(found.table["rank"]) == [0, 1, 2]
    assert found.table.index[0] == "count"
    assert np.isnan(found.table.loc["ridge", "elpd"])
    assert np.isfinite(found.table.loc[["ridge", "knn"], ["rmse", "mae", "crps", "coverage_90"]].to_numpy()).all()
    assert "no elpd" in found.table.loc["ridge", "warning"]
    assert set(found.calibration) == {"count", "ridge", "knn"}


def test_normal_scores_are_those_of_very_many_draws():
    rng = np.random.default_rng(0)
    y, mean, sd = np.array([0.3, -2.0, 5.0]), np.array([0.0, 1.0, 4.5]), np.array([1.0, 2.0, 0.1])
    drawn, exact = row_scores(mean + sd * rng.normal(size=(200_000, 3)), y), normal_scores(y, mean, sd)
    np.testing.assert_allclose(exact.crps, drawn.crps, atol=4 * 2 / np.sqrt(200_000))
    np.testing.assert_allclose(exact.pit, drawn.pit, atol=4 * 0.5 / np.sqrt(200_000))
    np.testing.assert_allclose(exact.width, drawn.width, rtol=0.01)


def test_what_is_refused(fits, drawn):
    normal = fits["normal"]
    weighted = drawn("weighted(y, k) ~ x", data().assign(k=2.0))
    for given, text in [
        ({"a": normal, "b": "gradient bosting"}, "did you mean 'gradient boosting'"),
        ({"a": normal, "b": "ridge", "c": "ridge"}, "the same baseline"),
        ({"a": "ridge", "b": "knn"}, "at least one fit"),
        ({"a": normal, "b": "lda"}, "cannot predict a number; those that can: gaussian process"),
        ({"a": weighted, "b": "ridge"}, "recorded as weighted"),
        ({"a": drawn("y ~ 1", data()), "b": "ridge"}, "these read none"),
    ]:
        with pytest.raises(FitError, match=text):
            bd.compare(given, progress=False)


def test_what_scikit_learn_refuses_keeps_its_place(drawn):
    df = data().assign(rare=["q"] * 3 + ["r"] * 60 + ["s"] * 57)
    found = compared({"a": drawn("rare ~ x", df, "categorical")}, {"svm": "svm", "lda": "lda"})
    assert "scikit-learn" in found.table.loc["svm", "warning"]
    assert np.isnan(found.table.loc["svm", "elpd"])
    assert np.isfinite(found.table.loc["lda", "elpd"])


def test_report(fits, tmp_path):
    found = compared({"normal": fits["normal"]}, {"ridge": "ridge"})
    text = found.report(tmp_path / "report.md").read_text(encoding="utf-8")
    assert "ridge" in text
    assert "could not be written" not in text
