"""Who is wrong where: every number against one worked out by hand, on rows whose groups and inputs are known."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.compare.assessed_fit import Assessed, elpd_record
from bayesdeep.compare.errors_by_region import BY, KEPT, risks
from bayesdeep.compare.proper_scores import row_scores
from bayesdeep.compare.regions import distance, ground_of, group_sizes, outside, thirds
from bayesdeep.comparison import Comparison
from bayesdeep.design.frame import read_frame

SIZES = {"a": 1, "b": 3, "c": 6, "d": 7, "e": 25}
ROWS = sum(SIZES.values())


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    group = np.repeat(list(SIZES), list(SIZES.values()))
    kind = np.where(np.arange(ROWS) % 3 == 0, "u", "v").astype(object)
    kind[5] = "rare"
    return pd.DataFrame({"y": rng.normal(size=ROWS), "x": rng.normal(size=ROWS), "kind": kind, "g": group})


@pytest.fixture(scope="module")
def fits(made_up: Any, data: pd.DataFrame) -> dict[str, Any]:
    return {"one": made_up(bd.Model("y ~ x + kind + (1 | g)", data)), "two": made_up(bd.Model("y ~ x", data))}


def assessed(y: np.ndarray, seed: int, spread: float = 1.0, places: np.ndarray | None = None) -> Assessed:
    rng = np.random.default_rng(seed)
    places = np.arange(len(y)) if places is None else places
    scores = row_scores(rng.normal(0, spread * rng.uniform(0.5, 2, len(places)), size=(400, len(places))), y[places])
    values = rng.normal(-1, 0.3, len(y))
    record = elpd_record(values, float(values.sum()), 400)
    return Assessed("loo", record, float(values.mean()), scores, log_scores=values, places=places)


def comparison(fits: Any, found: dict[str, Assessed], **options: Any) -> Comparison:
    table = pd.DataFrame({"elpd": [a.elpd.elpd for a in found.values()]}, index=list(found))
    return Comparison(table, pd.DataFrame(), found, fits, **options)


@pytest.fixture(scope="module")
def both(fits: Any, data: pd.DataFrame) -> Comparison:
    y = data["y"].to_numpy()
    return comparison(fits, {"one": assessed(y, 1), "two": assessed(y, 2, 0.7, np.setdiff1d(np.arange(ROWS), [4, 9]))})


def test_group_sizes_leave_out_the_row_itself(both: Comparison, data: pd.DataFrame) -> None:
    others = data.groupby("g")["y"].transform("size").to_numpy() - 1
    assert np.array_equal(group_sizes(ground_of(both), "g"), others)
    table = both.errors("size").xs("one", level="fit")["rows"].droplevel("by")
    assert table.to_dict() == {"0 (new)": 1, "1–5": 9, "6–20": 7, "21 or more": 25}


def test_sizes_of_held_out_rows_count_training_rows(fits: Any) -> None:
    new = pd.DataFrame({"y": [0.0, 1, 2], "x": [0.0, 99, 0], "kind": ["u", "u", "v"], "g": ["e", "new", "b"]})
    y = new["y"].to_numpy()
    held = comparison(fits, {"one": assessed(y, 1), "two": assessed(y, 2)}, data=read_frame(new))
    assert group_sizes(ground_of(held), "g").tolist() == [25, 0, 3]
    assert outside(ground_of(held)).tolist() == [False, True, False]


def test_left_out_groups_are_new(fits: Any, both: Comparison) -> None:
    grouped = comparison(fits, dict(both.assessed), target="groups", by="g")
    assert not group_sizes(ground_of(grouped), "g").any()
    assert set(grouped.errors("size").index.get_level_values("where")) == {"0 (new)"}


def test_outside_is_beyond_all_other_rows(both: Comparison, fits: Any, data: pd.DataFrame) -> None:
    x = data["x"].to_numpy()
    alone = np.array([x[i] > np.delete(x, i).max() or x[i] < np.delete(x, i).min() for i in range(ROWS)])
    alone[5] = True  # the only row of its level
    assert np.array_equal(outside(ground_of(both)), alone)
    grouped = comparison(fits, dict(both.assessed), target="groups", by="g")
    g = data["g"].to_numpy()
    apart = np.array([x[i] > x[g != g[i]].max() or x[i] < x[g != g[i]].min() for i in range(ROWS)])
    apart[5] = True
    assert np.array_equal(outside(ground_of(grouped)), apart)


def test_distance_is_mahalanobis(made_up: Any) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 3)) @ rng.normal(size=(3, 3)), columns=["y", "u", "v"])
    fit = made_up(bd.Model("y ~ u + v", frame))
    found = distance(ground_of(SimpleNamespace(fits={"f": fit}, target="rows", data=None)))
    x = frame[["u", "v"]].to_numpy()
    inverse = np.linalg.inv(np.cov(x, rowvar=False))
    by_hand = [np.sqrt((row - x.mean(axis=0)) @ inverse @ (row - x.mean(axis=0))) for row in x]
    # The columns are scaled by their sd before, which a full covariance undoes.
    assert found == pytest.approx(np.array(by_hand), rel=1e-9)


def test_thirds_keep_equal_values_together() -> None:
    low, middle, high = thirds(np.array([1.0, 1, 1, 1, 2, 3]))
    assert (low.sum(), middle.sum(), high.sum()) == (4, 0, 2)
    assert [m.sum() for m in thirds(np.arange(9.0))] == [3, 3, 3]


@pytest.mark.parametrize("name", ["one", "two"])
def test_scores_of_a_region_are_those_of_its_rows(both: Comparison, data: pd.DataFrame, name: str) -> None:
    one, first = both.assessed[name], both.assessed["one"]
    row = both.errors().loc[("size", "21 or more", name)]
    mask = (data["g"] == "e").to_numpy()
    own = mask[one.places]
    y, s = data["y"].to_numpy()[one.places][own], one.scores
    error = s.mean[own] - y
    assert row["rows"] == own.sum()
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert row["rmse_se"] == pytest.approx(np.std(error**2, ddof=1) / np.sqrt(len(y)) / (2 * row["rmse"]))
    assert row["mae"] == pytest.approx(np.mean(np.abs(s.median[own] - y)))
    assert row["crps"] == pytest.approx(s.crps[own].mean())
    assert row["width_90"] == pytest.approx(s.width[own].mean())
    assert row["coverage_90"] == pytest.approx(np.mean((s.upto[own] >= 0.05) & (s.below[own] < 0.95)))
    shared = one.places[own]
    assert row["log_score"] == pytest.approx(one.log_scores[shared].mean())
    apart = one.log_scores[shared] - first.log_scores[shared]
    assert row["log_score_diff"] == pytest.approx(apart.mean())
    assert row["log_score_dse"] == pytest.approx(apart.std(ddof=1) / np.sqrt(len(apart)))


def test_regions_share_out_the_rows(both: Comparison) -> None:
    whole = both.errors()
    for by in BY:
        counts = whole.loc[by].groupby("fit")["rows"].sum()
        assert counts.to_dict() == {"one": ROWS, "two": ROWS - 2}
    weighted = (whole["rows"] * whole["mae"]).loc["size"].groupby("fit").sum() / counts
    assert weighted["one"] == pytest.approx(both.assessed["one"].scores.mae)
    for name in ("one", "two"):
        own = whole.loc["size"].xs(name, level="fit")
        held = (own["coverage_90"] * own["rows"]).sum() / own["rows"].sum()
        assert held == pytest.approx(both.assessed[name].scores.coverage(0.9))


def test_risks_by_hand_with_ties() -> None:
    loss, doubt = np.array([4.0, 1, 3, 0]), np.array([2.0, 1, 2, 3])
    assert risks(loss, doubt) == pytest.approx([1, (1 + 3.5) / 2, 8 / 3, 2.0])


def test_selective_prediction(both: Comparison) -> None:
    found = both.selective()
    s = both.assessed["one"].scores
    loss = np.abs(s.median - s.y)
    order = np.argsort(s.width)
    for kept in KEPT:
        count = int(np.ceil(kept * ROWS - 1e-9))
        assert found.curve.loc[kept, "one"] == pytest.approx(loss[order][:count].mean())
    by_hand = np.mean([loss[order][:k].mean() for k in range(1, ROWS + 1)])
    least = np.mean([np.sort(loss)[:k].mean() for k in range(1, ROWS + 1)])
    assert found.areas.loc["one", ["aurc", "random", "oracle"]].tolist() == pytest.approx([by_hand, loss.mean(), least])
    assert found.areas.loc["one", "gained"] == pytest.approx((loss.mean() - by_hand) / (loss.mean() - least))


def test_classes_have_accuracy(made_up: Any) -> None:
    frame = pd.DataFrame({"y": [0, 1, 1, 0, 1, 1], "x": np.arange(6.0), "g": [*"aabbbb"]})
    fits = {"f": made_up(bd.Model("y ~ x + (1 | g)", frame, family="bernoulli"))}
    p = np.array([0.1, 0.9, 0.2, 0.6, 0.7, 0.8])
    codes, values = frame["y"].to_numpy(), np.log(np.where(frame["y"] == 1, p, 1 - p))
    record = elpd_record(values, float(values.sum()), 20)
    one = Assessed(
        "loo",
        record,
        values.mean(),
        probabilities=np.stack([1 - p, p], 1),
        codes=codes,
        log_scores=values,
        places=np.arange(6),
    )
    found = comparison(fits, {"f": one})
    assert found.errors("size")["accuracy"].tolist() == pytest.approx([4 / 6])
    assert found.errors("size")["log_score"].tolist() == pytest.approx([values.mean()])
    assert "rmse" not in found.errors()
    # Sure of 0.1, 0.9 (right), then 0.2 and 0.8 (one wrong), 0.7 (right), 0.6 (wrong).
    assert found.selective().curve.loc[[1.0, 0.3], "f"].tolist() == pytest.approx([2 / 6, 0.0])


def test_what_cannot_be_asked_is_said(both: Comparison, made_up: Any, data: pd.DataFrame) -> None:
    with pytest.raises(bd.FitError, match="unknown by='sizes'; did you mean 'size'"):
        both.errors("sizes")
    with pytest.raises(bd.FitError, match="no grouping factor 'h'"):
        both.errors("size", factor="h")
    plain = comparison({"two": both.fits["two"]}, {"two": both.assessed["two"]})
    assert len(plain.errors("size")) == 0
    with pytest.raises(bd.FitError, match="no errors by 'size'"):
        bd.plot.errors(plain)


def test_fits_that_failed_and_baselines_are_no_trouble(both: Comparison, fits: Any) -> None:
    table = pd.DataFrame({"elpd": [-1.0, -2.0, np.nan]}, index=["ridge", "one", "two"])
    found = {"ridge": both.assessed["two"], "one": both.assessed["one"]}
    mixed = Comparison(table, pd.DataFrame(), found, fits)
    assert set(mixed.errors().index.get_level_values("fit")) == {"ridge", "one"}
    assert (mixed.errors("size").xs("ridge", level="fit")["log_score_diff"] == 0).all()
    assert list(mixed.selective().curve) == ["ridge", "one"]


def test_pictures_show_the_numbers(both: Comparison) -> None:
    figure = bd.plot.errors(both, "size")
    lines = {str(line.get_label()): line.get_ydata() for line in figure.axes[0].lines}
    table = both.errors("size")
    for name in ("one", "two"):
        assert lines[name] == pytest.approx(table.xs(name, level="fit")["rmse"].to_numpy())
    curve = bd.plot.selective(both).axes[0].lines[1]
    assert curve.get_ydata() == pytest.approx(both.selective().curve["two"].to_numpy())
