"""Pictures of predictions along a variable: lines are the table's numbers, and axes say what they show."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.fit import Fit


def data(rows: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"x": rng.normal(size=rows), "y": rng.normal(size=rows), "c": np.array(list("uvw"))[np.arange(rows) % 3]}
    )
    return frame.assign(g=np.arange(rows) % 10, k=np.arange(rows) % 4, n=4)


@pytest.fixture(scope="module")
def line(made_up: Callable[..., Fit]) -> Fit:
    return made_up(bd.Model("y ~ x * c + (1 | g)", data()))


def test_a_line_for_each_value(line: Fit) -> None:
    figure = bd.plot.curve(line, "x", "c", data=True, points=4, interval=0.5)
    table = line.curve("x", "c", points=4, interval=0.5)
    (axes,) = figure.axes
    lines = [one for one in axes.lines if one.get_linestyle() == "-"]
    assert [one.get_label() for one in lines] == ["u", "v", "w"]
    for one, value in zip(lines, "uvw", strict=True):
        own = table[table["c"] == value]
        np.testing.assert_allclose(one.get_ydata(), own["estimate"])
    edges = axes.collections[0].get_paths()[0].vertices[:, 1]
    first = table[table["c"] == "u"]
    assert (edges.min(), edges.max()) == pytest.approx((first["lower"].min(), first["upper"].max()))
    dots = [one for one in axes.lines if one.get_linestyle() == "None"]
    assert sorted(np.concatenate([one.get_ydata() for one in dots])) == pytest.approx(sorted(data()["y"]))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "expected y")


def test_levels_are_points_at_their_names(line: Fit) -> None:
    figure = bd.plot.curve(line, "c", {"g": [0, 1]}, data=True, kind="response")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["u", "v", "w"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["g 0", "g 1"]
    assert axes.get_ylabel() == "y"


def test_a_plot_for_each_level_of_the_response(made_up: Callable[..., Fit]) -> None:
    fit = made_up(bd.Model("c ~ x", data(), "categorical"))
    figure = bd.plot.curve(fit, "x", points=3)
    assert [axes.get_ylabel() for axes in figure.axes] == [f"probability of {c}" for c in "uvw"]
    with pytest.raises(bd.FitError, match="not on the curve's scale"):
        bd.plot.curve(fit, "x", data=True)
    counts = made_up(bd.Model("prop(k, n) ~ x", data(), "binomial"))
    assert bd.plot.curve(counts, "x", points=3).axes[0].get_ylabel() == "expected proportion of k"
    assert bd.plot.curve(counts, "x", points=3, kind="linear").axes[0].get_ylabel() == "logit of expected k"


def test_too_many_lines(line: Fit) -> None:
    with pytest.raises(bd.FitError, match=r"'g' has 10 values, and at most 8 lines .* by=\{'g': \[0, 1\]\}"):
        bd.plot.curve(line, "x", "g")
    with pytest.raises(bd.FitError, match="a line for each value of one column"):
        bd.plot.curve(line, "x", ["c", "g"])
