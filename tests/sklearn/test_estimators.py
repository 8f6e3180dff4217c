"""The estimators inside scikit-learn's tools, and equal to the fits they hold."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bayesdeep as bd
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.fit import Fit

FEW = {"draws": 150, "tune": 100, "chains": 2, "random_state": 1}


def frame(rows: int = 80) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(3)
    g = np.arange(rows) % 5
    x, z = rng.normal(size=(2, rows))
    y = 1 + 2 * x + np.linspace(-1, 1, 5)[g] + 0.4 * rng.normal(size=rows)
    return pd.DataFrame({"x": x, "z": z, "g": [f"g{i}" for i in g]}), y


@pytest.fixture(scope="module")
def grouped() -> bd.sklearn.BayesRegressor:
    X, y = frame()
    return bd.sklearn.BayesRegressor("y ~ x + (1 | g)", **FEW).fit(X, y)


def test_it_is_the_model_of_the_formula(grouped):
    X, y = frame()
    fit = bd.Model("y ~ x + (1 | g)", X.assign(y=y)).fit(draws=150, tune=100, chains=2, seed=1, progress=False)
    mean, sd = grouped.predict(X, return_std=True)
    np.testing.assert_allclose(mean, fit.predict(X, kind="mean")["mean"])
    np.testing.assert_allclose(sd, fit.predict(X)["sd"])
    np.testing.assert_allclose(mean, grouped.fit_.predict(X, kind="mean")["mean"])
    assert grouped.score(X, y) > 0.9
    assert list(grouped.feature_names_in_) == ["x", "z", "g"]


def test_pickles_predict_the_same_and_hold_nothing_compiled(grouped):
    X, _ = frame()
    text = pickle.dumps(grouped)
    again = pickle.loads(text)
    np.testing.assert_array_equal(again.predict(X), grouped.predict(X))
    assert again.fit_.idata.attrs["seed"] == 1
    assert isinstance(grouped.__getstate__()["fit_"], bytes)
    assert b"pytensor" not in text.lower().replace(b'"pytensor"', b"")
    assert not hasattr(clone(grouped), "fit_")


def test_new_groups_and_text_columns(grouped):
    X, _ = frame()
    new = X.head(4).assign(g="never seen")
    _, known = grouped.predict(X.head(4), return_std=True)
    with pytest.warns(UserWarning, match="all 4 rows are of a group of 'g' .* 'never seen'") as told:
        _, unseen = grouped.predict(new, return_std=True)
    assert len(told) == 1
    assert (unseen > known).all()


def test_cross_validation_pipeline_and_search():
    X, y = frame()
    array = X[["x", "z"]].to_numpy()
    assert cross_val_score(bd.sklearn.BayesRegressor("~ x + (1 | g)", **FEW), X, y, cv=2).min() > 0.8
    piped = make_pipeline(StandardScaler(), bd.sklearn.BayesRegressor(**FEW))
    assert cross_val_score(piped, array, y, cv=2).min() > 0.5
    search = GridSearchCV(bd.sklearn.BayesRegressor(**FEW), {"formula": ["~ x1", "~ x0"]}, cv=2).fit(array, y)
    assert search.best_params_ == {"formula": "~ x0"}
    pandas = make_pipeline(StandardScaler().set_output(transform="pandas"), bd.sklearn.BayesRegressor("y ~ x", **FEW))
    assert pandas.fit(X[["x", "z"]], y).score(X[["x", "z"]], y) > 0.5


def test_weights_are_numbers_of_rows():
    """With priors that are given, a row of weight 3 is three rows: equal up to Monte Carlo error."""
    X, y = frame(30)
    X = X[["x"]]
    weights = np.arange(30) % 3
    priors = {"x": "Normal(0, 3)", "Intercept": "Normal(0, 5)", "sigma": "HalfNormal(2)"}
    made = bd.sklearn.BayesRegressor("y ~ x", priors=priors, draws=1000, tune=200, chains=2, random_state=1)
    one = clone(made).fit(X, y, sample_weight=weights)
    at = np.repeat(np.arange(30), weights)
    two = clone(made).fit(X.iloc[at], y[at])
    plain = clone(made).fit(X, y)
    draws = one.fit_.posterior
    for name in ("x", "sigma"):
        error = 5 * float(draws[name].std()) / np.sqrt(1000)
        assert float(draws[name].mean()) == pytest.approx(float(two.fit_.posterior[name].mean()), abs=error)
    assert abs(float(draws["x"].std()) / float(plain.fit_.posterior["x"].std()) - 1) > 0.02
    assert one.fit_.rows.rows == (weights > 0).sum()


def test_two_classes_keep_their_labels():
    X, y = frame()
    classes = np.where(y < 0, 7, 3)
    two = bd.sklearn.BayesClassifier("y ~ x", method="map", random_state=1).fit(X, classes)
    assert list(two.classes_) == [3, 7]
    np.testing.assert_allclose(two.predict_proba(X)[:, 1], two.fit_.predict(X, kind="mean")["mean"])
    assert two.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(len(X)))
    assert two.score(X, classes) > 0.8


@pytest.mark.slow
def test_more_classes_keep_their_labels():
    X, y = frame()
    codes = np.digitize(y, [0, 2])
    three = bd.sklearn.BayesClassifier("y ~ x", method="map", random_state=1)
    three.fit(X, np.array(["low", "middle", "high"])[codes])
    probabilities = three.predict_proba(X)
    assert list(three.classes_) == ["high", "low", "middle"] == list(three.fit_.spec.response.levels)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(X)))
    table = three.fit_.predict(X)
    np.testing.assert_allclose(probabilities, table[["high", "low", "middle"]])
    assert list(three.predict(X)) == list(table["mode"])
    ordered = bd.sklearn.BayesClassifier("y ~ x", "cumulative", "map", random_state=1).fit(X, codes)
    assert ordered.fit_.spec.family == "cumulative"
    assert ordered.score(X, codes) > 0.6


NAMES = ["little", "some", "a lot"]
CODES = np.repeat([0, 1, 2, 0, 2], 12)
AT = np.array(NAMES)[CODES]


@pytest.mark.few(4)
@pytest.mark.parametrize(
    ("response", "levels"),
    [
        (pd.Categorical(AT, NAMES, ordered=True), NAMES),
        (pd.Series(pd.Categorical(AT, NAMES, ordered=True), index=np.arange(60) + 7), NAMES),
        (pd.Series(pd.Categorical(AT, NAMES[::-1], ordered=True)), NAMES[::-1]),
        (pd.Series(pd.Categorical(AT, ["none", *NAMES], ordered=True)), ["none", *NAMES]),
        (pl.Series(AT.tolist(), dtype=pl.Enum(NAMES)), NAMES),
        (CODES, [0, 1, 2]),
        (CODES.astype(float) * 5 + 5, [5, 10, 15]),
        (np.array(["9", "10", "11"])[CODES], ["9", "10", "11"]),
        (pd.Categorical(np.array([3, 2, 1])[CODES], [3, 2, 1], ordered=True), [3, 2, 1]),
        (CODES > 0, [False, True]),
    ],
    ids=["categorical", "series", "turned", "absent", "enum", "integers", "floats", "digits", "numbers", "bool"],
)
def test_ordered_classes_have_the_order_they_declare(response, levels, monkeypatch):
    """The model's levels are in that order; ``classes_`` and the columns of probabilities are sorted, as everywhere else."""
    _fit_nothing(monkeypatch)
    X = pd.DataFrame({"x": np.linspace(-1, 1, 60)})
    made = bd.sklearn.BayesClassifier("~ x", "cumulative").fit(X, response)
    assert list(made.fit_.spec.response.levels) == levels
    values = np.asarray(response).ravel()
    assert [levels[code] for code in made.fit_.rows.response.value] == values.tolist()
    assert list(made.classes_) == sorted(levels)
    found = made.predict_proba(X[:3])
    table = made.fit_.predict(X[:3], kind="mean")
    for place, label in enumerate(made.classes_):
        np.testing.assert_array_equal(found[:, place], table.iloc[:, levels.index(label)])


@pytest.mark.parametrize(
    "response",
    [AT, AT.astype(object), AT.tolist(), pd.Series(AT), pd.Categorical(AT), pl.Series(AT.tolist()),
     pl.Series(AT.tolist(), dtype=pl.Categorical), np.array(NAMES[:2])[CODES % 2]],
)
def test_classes_without_an_order_are_refused_by_ordinal_families(response):
    X = pd.DataFrame({"x": np.linspace(-1, 1, 60)})
    with pytest.raises(BayesdeepError, match=r"have no order; declare it, as by pandas\.Categorical"):
        bd.sklearn.BayesClassifier("~ x", "cumulative").fit(X, response)


def test_declared_order_does_not_change_other_classifiers(monkeypatch):
    _fit_nothing(monkeypatch)
    X = pd.DataFrame({"x": np.linspace(-1, 1, 60)})
    made = bd.sklearn.BayesClassifier("~ x").fit(X, pd.Categorical(AT, NAMES, ordered=True))
    assert list(made.classes_) == sorted(NAMES) == list(made.fit_.spec.response.levels)


def _fit_nothing(monkeypatch):
    """Let the prior stand in for the posterior."""
    def fit(model, *given, **options):
        prior = model.prior_predictive(20, seed=1)["prior"].to_dataset()
        tree = xr.DataTree.from_dict({"posterior": prior})
        tree.attrs.update({"method": "none", "exact": True, "status": "ok", "advice": [], "seed": 1, "settings": {}})
        return Fit(model.spec, model.__dict__["_rows"], tree)

    monkeypatch.setattr(bd.Model, "fit", fit)


@pytest.mark.slow
def test_networks_of_all_columns():
    X, y = frame()
    made = bd.sklearn.BayesRegressor(net=(4,), method="map", random_state=1).fit(X[["x", "z"]], y)
    assert "net(., hidden=[4])" in made.fit_.spec.formulas["mu"]
    assert made.score(X[["x", "z"]], y) > 0.5


def test_what_is_refused():
    X, y = frame()
    regressor, classifier = bd.sklearn.BayesRegressor, bd.sklearn.BayesClassifier
    for estimator, response, text in [
        (regressor("log(y) ~ x"), y, "left side is a name or nothing"),
        (regressor("z ~ x"), y, "X has a column 'z'"),
        (regressor("y ~ xx"), y, "did you mean 'x'"),
        (regressor("y ~ x", "bernoulli"), y, "use BayesClassifier"),
        (regressor("y ~ x", "gausian"), y, "did you mean 'gaussian'"),
        (regressor("y ~ x", net=(4,)), y, "not both"),
        (classifier("y ~ x", "gaussian"), y > 0, "unknown family 'gaussian'"),
        (classifier("y ~ x"), np.zeros(len(y), int), "one class"),
    ]:
        with pytest.raises(BayesdeepError, match=text):
            estimator.fit(X, response)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    from bayesdeep.core import optional

    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs scikit-learn.*bayesdeep\[sklearn\]"):
        optional.require("sklearn", "scikit-learn", "sklearn", "bayesdeep.sklearn")


def test_a_formula_may_name_a_labelled_table_in_every_fold() -> None:
    labels, rng = list("abcdef"), np.random.default_rng(0)
    near = pd.DataFrame(np.eye(6, k=1) + np.eye(6, k=-1), index=labels, columns=labels)
    region = rng.choice(labels, 60)
    y = np.arange(6)[[labels.index(r) for r in region]] + 0.1 * rng.normal(size=60)
    one = bd.sklearn.BayesRegressor("y ~ car(region, W, type='icar')", arrays={"W": near}, draws=50, chains=2, random_state=1)
    scores = cross_val_score(one, pd.DataFrame({"region": region}), pd.Series(y, name="y"), cv=3, error_score="raise")
    assert scores.min() > 0.9
