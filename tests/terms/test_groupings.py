"""What stands right of the bar: a known covariance of the groups, and several groups a row, by dense normal algebra."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.collapse import centre_of, layout_of, moments_of, posterior_arrays, system_of
from bayesdeep.linear.elimination_plan import plan
from bayesdeep.linear.hyperparameters import scales_of

LEVELS = list("abcdef")
ABSENT = "z"
"""A level of the covariance that no row has."""


def covariance(levels: list[str]) -> pd.DataFrame:
    apart = np.abs(np.subtract.outer(np.arange(len(levels)), np.arange(len(levels))))
    return pd.DataFrame(1.3 * 0.7**apart, index=levels, columns=levels)


def table(rows: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    g, h = rng.integers(0, 6, (2, rows))
    x, effects = rng.normal(size=rows), rng.normal(size=(2, 6))
    y = 0.5 * x + effects[0, g] + 0.5 * effects[1, g] * x + 0.4 * rng.normal(size=rows)
    names = np.array(LEVELS)
    return pd.DataFrame(
        {"y": y, "x": x, "g": names[g], "h": names[h], "w": rng.uniform(0.2, 1, rows), "v": rng.uniform(0.2, 1, rows)}
    )


class Integrated:
    """A model's linear system at three points of its hyperparameters, which are named as the posterior names them."""

    def __init__(self, formula: str, data: pd.DataFrame, **options: Any) -> None:
        self.model = bd.Model(formula, data, **options)
        spec, rows = self.model.spec, self.model.__dict__["_rows"]
        layout = layout_of(spec)
        centre = centre_of(layout, rows.arrays, rows.response)
        system = system_of(spec, layout, moments_of(layout, rows.arrays, rows.response, centre), centre)
        rng = np.random.default_rng(11)
        points = rng.uniform(-0.5, 0.5, (3, system.dim))
        solver = plan(system)
        self.values = solver.log_likelihood(scales_of(system, points))
        drawn = solver.draw(scales_of(system, points), np.random.default_rng(1))
        self.named = posterior_arrays(spec, layout, system, centre, points, drawn)


def shares(data: pd.DataFrame, *columns: str, weights: np.ndarray | None = None) -> np.ndarray:
    """Return how much of each level a row has ``(obs, level)``."""
    found = np.zeros((len(data), len(LEVELS)))
    for m, column in enumerate(columns):
        at = [LEVELS.index(label) for label in data[column]]
        found[np.arange(len(data)), at] += 1 / len(columns) if weights is None else weights[:, m]
    return found


def by_hand(named: dict[str, np.ndarray], k: int, factor: str, data: pd.DataFrame, between: np.ndarray) -> float:
    """Return the log density of the responses, whose effects of one level have the covariance ``D R D``."""
    sds = [named[f"{name}|{factor}_sigma"][k] for name in ("1", "x")]
    own = np.diag(sds) @ np.array([[1, named[f"{factor}_corr"][k, 0]], [named[f"{factor}_corr"][k, 0], 1]]) @ np.diag(sds)
    columns = np.stack([np.ones(len(data)), data["x"]])
    total = np.einsum("kl,ki,lj->ij", own, columns, columns) * between
    return stats.multivariate_normal(np.zeros(len(data)), total + named["sigma"][k] ** 2 * np.eye(len(data))).logpdf(data["y"])


def test_a_known_covariance_is_that_of_the_levels() -> None:
    data, whole = table(), covariance([*LEVELS, ABSENT])
    # The order of the table's rows does not matter, labels do.
    shuffled = whole.loc[whole.index[::-1], whole.columns[[3, 0, 1, 6, 2, 5, 4]]]
    made = Integrated("y ~ 0 + (1 + x | gr(g, cov=A))", data, arrays={"A": shuffled})
    z = shares(data, "g")
    between = z @ whole.loc[LEVELS, LEVELS].to_numpy() @ z.T
    for k, value in enumerate(made.values):
        assert value == pytest.approx(by_hand(made.named, k, "g", data, between), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "normed"), [("", None), (", weights=[w, v]", True), (", weights=[w, v], scale=False", False)]
)
def test_several_groups_a_row_are_summed_with_their_weights(options: str, normed: bool | None) -> None:
    data = table()
    made = Integrated(f"y ~ 0 + (1 + x | mm(g, h{options}))", data)
    weights = data[["w", "v"]].to_numpy()
    if normed:
        weights = weights / weights.sum(axis=1, keepdims=True)
    z = shares(data, "g", "h", weights=None if normed is None else weights)
    for k, value in enumerate(made.values):
        assert value == pytest.approx(by_hand(made.named, k, "mm(g, h)", data, z @ z.T), rel=1e-9)


@pytest.mark.parametrize(
    ("right", "options"),
    [("gr(g, cov=A)", {"arrays": {"A": pd.DataFrame(np.eye(6), LEVELS, LEVELS)}}), ("mm(g, copy)", {}), ("mm(g, g)", {})],
)
def test_what_says_nothing_new_is_a_plain_grouping(right: str, options: dict[str, Any]) -> None:
    data = table().assign(copy=lambda d: d["g"])
    plain = Integrated("y ~ x + (1 + x | g)", data)
    np.testing.assert_allclose(Integrated(f"y ~ x + (1 + x | {right})", data, **options).values, plain.values, rtol=1e-10)


def test_a_level_without_rows_is_what_the_others_say_of_it() -> None:
    whole = covariance([*LEVELS, ABSENT])
    fit = bd.Model("y ~ x + (1 | gr(g, cov=A))", table(), arrays={"A": whole}).fit("collapsed", seed=1, progress=False)
    effects = fit.idata["posterior"]["1|g"]
    assert effects["g"].values.tolist() == [*LEVELS, ABSENT]
    known, absent = effects.sel(g=LEVELS).values.reshape(-1, 6), effects.sel(g=ABSENT).values.ravel()
    gain = np.linalg.solve(whole.loc[LEVELS, LEVELS], whole.loc[LEVELS, ABSENT])
    left = absent - known @ gain
    variance = float(whole.loc[ABSENT, ABSENT] - whole.loc[ABSENT, LEVELS] @ gain)
    scaled = left / (fit.idata["posterior"]["1|g_sigma"].values.ravel() * np.sqrt(variance))
    # Standard normal, so that 4,000 draws say its mean and its variance to within 4 standard errors.
    assert abs(scaled.mean()) < 4 / np.sqrt(len(scaled))
    assert abs(scaled.var() - 1) < 4 * np.sqrt(2 / len(scaled))
    # And it can be predicted: there is nothing new in it.
    row = fit.predict(pd.DataFrame({"x": [0.0], "g": [ABSENT]}), kind="mean", new_groups="raise")
    own = (fit.idata["posterior"]["Intercept"] + effects.sel(g=ABSENT)).mean()
    assert row["mean"].iloc[0] == pytest.approx(float(own), abs=1e-8)


def test_a_saved_fit_needs_no_matrix(tmp_path: Any) -> None:
    fit = bd.Model("y ~ x + (1 | gr(g, cov=A))", table(), arrays={"A": covariance(LEVELS)}).fit(seed=1, draws=100, progress=False)
    loaded = bd.load(fit.save(tmp_path / "known.nc"))
    rows = table().head(3)
    pd.testing.assert_frame_equal(loaded.predict(rows), fit.predict(rows))
    assert loaded.kfold(k=2, progress=False).elpd < 0


def test_a_new_member_is_the_same_in_both_columns() -> None:
    fit = bd.Model("y ~ 0 + (1 | mm(g, h))", table()).fit("collapsed", seed=1, draws=500, progress=False)
    rows = pd.DataFrame({"g": ["new", "new", "a"], "h": ["new", "other", "a"]})
    drawn = fit.draws(rows, kind="linear", new_groups="sample").values.reshape(-1, 3)
    sd = fit.idata["posterior"]["1|mm(g, h)_sigma"].values.ravel()
    # One new member twice has the variance of an effect, two new ones half of it.
    for column, share in ((0, 1.0), (1, 0.5)):
        assert (drawn[:, column] / sd).var() == pytest.approx(share, abs=4 * share * np.sqrt(2 / len(sd)))
    with pytest.raises(bd.BayesdeepError, match="new"):
        fit.predict(rows, new_groups="raise")


A = covariance(LEVELS)
BAD: dict[str, tuple[str, Any, str]] = {
    "not there": ("gr(g, cov=B)", {"A": A}, "no formula uses the matrix 'A'"),
    "none": ("gr(g, cov=A)", None, "no matrix 'A'"),
    "unused": ("g", {"A": A}, "no formula uses the matrix 'A'"),
    "not square": ("gr(g, cov=A)", {"A": A.iloc[:4]}, "not square"),
    "lacks a level": ("gr(g, cov=A)", {"A": A.iloc[:5, :5]}, "'f'"),
    "asymmetric": ("gr(g, cov=A)", {"A": A + np.triu(np.full((6, 6), 0.1), 1)}, "not symmetric"),
    "indefinite": ("gr(g, cov=A)", {"A": A - 1.0}, "not positive definite"),
    "missing entry": ("gr(g, cov=A)", {"A": A.where(A > 0.5)}, "missing or infinite"),
    "no labels": ("gr(g, cov=A)", {"A": A.to_numpy()}, "without labels"),
    "other labels": ("gr(g, cov=A)", {"A": A.rename(columns={"a": "q"})}, "different labels"),
    "no cov": ("gr(g)", None, "gr"),
    "option": ("gr(g, cvo=A)", None, "cvo"),
    "one member": ("mm(g)", None, "two or more columns"),
    "weights": ("mm(g, h, weights=[w])", None, "a list of 2 columns"),
    "no column": ("mm(g, hh)", None, "did you mean 'h'"),
    "left of the bar": ("g) + gr(g, cov=A", {"A": A}, "right of '|'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said(case: str) -> None:
    right, arrays, text = BAD[case]
    with pytest.raises(bd.BayesdeepError, match=text):
        bd.Model(f"y ~ x + (1 | {right})", table(), arrays=arrays)


def test_levels_that_the_matrix_lacks_are_refused_when_predicting() -> None:
    fit = bd.Model("y ~ x + (1 | gr(g, cov=A))", table(), arrays={"A": A}).fit(seed=1, draws=50, progress=False)
    with pytest.raises(bd.BayesdeepError, match="matrix 'A'"):
        fit.predict(pd.DataFrame({"x": [0.0], "g": ["new"]}), new_groups="sample")
