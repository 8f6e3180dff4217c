"""Models of data that stay on disk: the posterior is that of the rows in memory, and rows are only asked for where given."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.fit import Fit

FORMULA = "y ~ x + a + (1 + x | g)"


def frame(rows: int = 800) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    d = pd.DataFrame(
        {"x": rng.normal(40, 2, rows), "a": rng.choice(["p", "q"], rows), "g": rng.integers(0, 12, rows)}
    )
    own = rng.normal(size=12)
    return d.assign(y=0.4 * d.x + own[d.g] + (d.a == "q") + rng.normal(size=rows))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("rows") / "rows.parquet"
    frame().to_parquet(found)
    return found


@pytest.fixture(scope="module")
def fitted(path: Path) -> Fit:
    return bd.Model(FORMULA, path).fit(seed=3, draws=250, progress=False)


@pytest.fixture(scope="module")
def whole() -> Fit:
    return bd.Model(FORMULA, frame()).fit(seed=3, draws=250, progress=False)


def test_the_posterior_is_that_of_the_rows_in_memory(fitted: Fit, whole: Fit) -> None:
    ours, theirs = fitted.summary(kind="stats"), whole.summary(kind="stats")
    assert list(ours.index) == list(theirs.index)
    # The same seed goes through the same arithmetic: only rounding in the sums differs.
    difference = (ours["mean"] - theirs["mean"]).abs() / theirs["sd"]
    assert difference.max() < 1e-4
    assert fitted.idata.attrs["method"] == "collapsed"
    assert fitted.diagnose().verdict == whole.diagnose().verdict


def test_new_rows_are_predicted_and_scored_as_with_rows_in_memory(fitted: Fit, whole: Fit) -> None:
    new = frame(20).assign(g=[0, 99] * 10)
    for kind in ("mean", "response"):
        ours, theirs = (fit.predict(new, kind=kind, seed=5, new_groups="sample") for fit in (fitted, whole))
        assert np.abs(ours - theirs).max().max() < 1e-3
    assert fitted.draws(new, new_groups="sample").sizes["obs"] == 20
    assert fitted.log_score(frame(50)) == pytest.approx(whole.log_score(frame(50)), abs=1e-4)


ROWS_NEEDED: dict[str, Any] = {
    "predict": lambda fit: fit.predict(),
    "draws": lambda fit: fit.draws(),
    "log_score": lambda fit: fit.log_score(),
    "loo": lambda fit: fit.loo(),
    "kfold": lambda fit: fit.kfold(2),
    "log_likelihood": lambda fit: fit.log_likelihood(),
    "posterior_predictive": lambda fit: fit.posterior_predictive(),
    "pymc": lambda fit: fit.model.pymc,
    "prior_predictive": lambda fit: fit.model.prior_predictive(10),
    "graph": lambda fit: fit.model.graph(),
    "nuts": lambda fit: fit.model.fit("nuts", progress=False),
    "advi": lambda fit: fit.model.fit("advi", progress=False),
    "compare": lambda fit: bd.compare({"a": fit, "b": Fit(fit.spec, fit.rows, fit.idata)}),
}


@pytest.mark.parametrize("what", ROWS_NEEDED)
def test_what_needs_the_rows_says_so(fitted: Fit, what: str) -> None:
    with pytest.raises(bd.FitError, match="not in memory"):
        ROWS_NEEDED[what](fitted)


def test_saved_and_read_back(fitted: Fit, tmp_path: Path) -> None:
    saved = bd.load(fitted.save(tmp_path / "fit.nc"))
    assert saved.summary(kind="stats").equals(fitted.summary(kind="stats"))
    new = frame(7)
    assert saved.predict(new).equals(fitted.predict(new))
    assert saved.model.rows == 800
    with pytest.raises(bd.FitError, match="not in memory"):
        saved.predict()
    with pytest.raises(bd.FitError, match="make the model from its data again"):
        saved.model.fit(progress=False)


def test_the_model_can_be_looked_at_and_fitted_again(path: Path) -> None:
    model = bd.Model(FORMULA, path)
    assert "800 rows" in repr(model)
    assert model.rows == 800
    first = model.fit(seed=1, draws=50, progress=False)
    assert first.summary(kind="stats").equals(model.fit(seed=1, draws=50, progress=False).summary(kind="stats"))
    assert first.explain_choice.startswith("collapsed")


def test_a_report_leaves_out_what_needs_rows(fitted: Fit, tmp_path: Path) -> None:
    text = bd.report(fitted, tmp_path / "report.md").read_text()
    assert "800 rows" in text
    assert "Read once, from files" in text
    assert "predictions look like" not in text


def test_rows_left_out_are_told(tmp_path: Path) -> None:
    d = frame(100)
    d.loc[:4, "x"] = np.nan
    d.to_csv(tmp_path / "gaps.csv", index=False)
    with pytest.warns(UserWarning, match="left out 5 of 100 rows with missing values: x 5"):
        model = bd.Model("y ~ x", tmp_path / "gaps.csv", missing="drop")
    assert model.rows == 95


@pytest.mark.parametrize(
    ("formula", "family", "options", "text"),
    [
        ("y ~ x", "student_t", {}, "the response is student_t, not gaussian"),
        ("y ~ x", "gaussian", {"sigma": "~ x"}, "sigma has a formula of its own"),
        ("y ~ x", "gaussian", {"link": "log"}, "the link of mu is log"),
        ("y ~ x", "gaussian", {"priors": {"x": "Laplace(0, 1)"}}, "the prior of x is Laplace"),
    ],
)
def test_models_that_need_rows_are_refused(
    path: Path, formula: str, family: str, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(bd.DataError, match=text):
        bd.Model(formula, path, family, **options)
