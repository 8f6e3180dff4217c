"""Pictures of learned functions: the numbers in them, and that axes say what they show."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.effects.input_function import predictor_of
from bayesdeep.plot.budget_bars import by_size, group_sizes
from bayesdeep.plot.function_grids import fitted, make_axis, surface
from bayesdeep.plot.scales import scales_table


def data(rows: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 2)), columns=["x1", "x2"])
    frame["c"] = np.array(["u", "v", "w"])[np.arange(rows) % 3]
    frame["g"] = np.arange(rows) % 5
    frame["yes"] = frame["x1"] > frame["x2"]
    frame["n"], frame["k"] = 4, np.arange(rows) % 4
    return frame.assign(y=1.0 + frame["x1"] + rng.normal(size=rows))


@pytest.fixture(scope="module")
def net(made_up):
    return made_up(bd.Model("y ~ c + net(x1, x2, hidden=[3]) + (1 | g)", data()))


@pytest.fixture(scope="module")
def line(made_up):
    values = {"Intercept": 1.0, "x1": np.linspace(1, 2, 40), "x2": -0.5, "x1:x2": 0.3, "c": np.array([0.0, 1.0])}
    return made_up(bd.Model("y ~ x1 * x2 + c + (1 | g)", data()), values=values | {"1|g": 0.0})


def test_a_curve_is_the_average_over_other_inputs(line):
    predictor, frame = predictor_of(line, "plot", 40), data()
    axis = make_axis(predictor, "x1", 9)
    assert axis.places[[0, -1]].tolist() == [frame["x1"].min(), frame["x1"].max()]
    curve = surface(predictor, [axis], "mean")
    slope = np.linspace(1, 2, 40)[:, None]
    others = -0.5 * frame["x2"].mean() + (frame["c"] == "w").mean()
    expected = 1.0 + (slope + 0.3 * frame["x2"].mean()) * axis.places + others
    assert curve == pytest.approx(expected, rel=1e-9)
    held = surface(predictor, [axis], "linear", "held")
    # The most frequent level is "u".
    expected = 1.0 + (slope + 0.3 * frame["x2"].mean()) * axis.places - 0.5 * frame["x2"].mean()
    assert held == pytest.approx(expected, rel=1e-9)


def test_a_map_and_levels(line):
    predictor = predictor_of(line, "plot", 40)
    axes = [make_axis(predictor, name, 5) for name in ("x1", "c")]
    assert axes[1].labels == ("u", "v", "w")
    value = surface(predictor, axes, "mean")
    assert value.shape == (40, 5, 3)
    assert value[:, :, 2] - value[:, :, 0] == pytest.approx(1.0)
    assert value[:, :, 1] - value[:, :, 0] == pytest.approx(0.0, abs=1e-12)


def test_fitted_values(net):
    predictor = predictor_of(net, "plot", 1000)
    assert fitted(predictor, "mean") == pytest.approx(net.draws(kind="mean").mean(("chain", "draw")).to_numpy())


def labels(figure) -> list[tuple[str, str]]:
    return [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes if axes.get_visible()]


def test_curves_have_names_and_data(net, line):
    figure = bd.plot.network(net, point=line)
    assert labels(figure) == [("x1", "expected y"), ("x2", "")]
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["mean", "50 %", "90 %", "point fit", "partial residuals"]
    points = figure.axes[0].lines[0]
    assert points.get_xdata() == pytest.approx(data()["x1"].to_numpy())


def test_partial_residuals_are_what_is_left_about_the_curve(line):
    figure = bd.plot.network(line, "x1", draws=40)
    frame, (points, curve) = data(), figure.axes[0].lines
    left = frame["y"] - line.draws(kind="mean").mean(("chain", "draw")).to_numpy()
    height = np.interp(frame["x1"], curve.get_xdata(), curve.get_ydata())
    assert points.get_ydata() == pytest.approx((height + left).to_numpy())
    response = bd.plot.network(line, "x1", data="response").axes[0].lines[0]
    assert response.get_ydata() == pytest.approx(frame["y"].to_numpy())
    assert len(bd.plot.network(line, "x1", data=False).axes[0].lines) == 1


def test_levels_groups_and_maps(net):
    figure = bd.plot.network(net, "g", interval=0.8)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["0", "1", "2", "3", "4"]
    assert "80 %" in [text.get_text() for text in figure.legends[0].get_texts()]
    figure = bd.plot.network(net, ("x1", "c"), draws=10)
    mean, width, *bars = figure.axes
    assert (width.get_xlabel(), mean.get_ylabel(), width.get_ylabel()) == ("x1", "c", "c")
    assert [b.get_ylabel() for b in bars] == ["expected y", "width of the 90 % interval"]


def test_other_responses(made_up):
    fit = made_up(bd.Model("yes ~ net(x1, hidden=[2])", data(), "bernoulli"))
    assert labels(bd.plot.network(fit)) == [("x1", "expected yes")]
    assert labels(bd.plot.network(fit, kind="linear")) == [("x1", "logit of expected yes")]
    with pytest.raises(FitError, match="residuals need an identity link, not logit"):
        bd.plot.network(fit, data="residuals")
    counts = made_up(bd.Model("prop(k, n) ~ x1", data(), "binomial"))
    assert labels(bd.plot.network(counts)) == [("x1", "logit of expected k")]
    with pytest.raises(FitError, match="number of trials; use kind='linear'"):
        bd.plot.network(counts, kind="mean")
    censored = made_up(bd.Model("censored(y, yes) ~ x1", data().assign(yes="right")))
    assert [len(bd.plot.network(censored, data=d).axes[0].lines) for d in (True, "residuals")] == [1, 2]
    with pytest.raises(FitError, match="several levels"):
        bd.plot.network(made_up(bd.Model("c ~ x1", data(), "categorical")))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"inputs": "x3"}, r"plot: the predictor has no input 'x3'"),
        ({"inputs": ("x1", "x2", "c")}, "give one input's name, or two"),
        ({"inputs": ("x1", "x1")}, "give one input's name, or two different"),
        ({"data": "all"}, "unknown data='all'"),
        ({"kind": "median"}, "unknown kind 'median'"),
        ({"others": "mean"}, "unknown others='mean'"),
        ({"interval": 90}, "interval is 90"),
    ],
)
def test_bad_options(net, options, match):
    with pytest.raises(FitError, match=match):
        bd.plot.network(net, **options)


def test_scales(net, line):
    table = scales_table(net)
    assert list(table.index) == ["input x1", "input x2", "layer 1", "output"]
    draws = net.posterior["net(x1, x2)_input_sigma"].sel({"net(x1, x2)_input": "x2"}).to_numpy()
    assert table.loc["input x2", "mean"] == pytest.approx(draws.mean())
    figure = bd.plot.network(net, kind="scales")
    assert labels(figure)[0][0] == "learned scale (log), inputs standardised"
    with pytest.raises(FitError, match="no network with learned scales"):
        bd.plot.network(line, kind="scales")


def test_scales_of_several_networks(made_up):
    fit = made_up(bd.Model("y ~ net(x1, x2, hidden=[2])", data(), sigma="~ net(x2, hidden=[2], skip=True, prior='layer')"))
    index = list(scales_table(fit).index)
    assert "net(x1, x2): input x1" in index
    assert "sigma_net(x2): skip" in index
    assert "sigma_net(x2): layer 1" in index
    assert len(set(index)) == len(index)


def test_what_networks_share_is_there_once(made_up):
    body = "net(x1, x2, hidden=[2], share='body')"
    index = list(scales_table(made_up(bd.Model(f"y ~ {body}", data(), sigma=f"~ {body}"))).index)
    assert index == [
        "body: input x1", "body: input x2", "body: layer 1", "net(x1, x2): output", "sigma_net(x1, x2): output",
    ]  # fmt: skip


def test_budget(net):
    figure = bd.plot.budget(net, by="row")
    assert labels(figure) == [("row, by its total", "variance of y (units²)")]
    table = net.budget()
    tops = {}
    for bar in figure.axes[0].patches:
        tops[bar.get_x()] = tops.get(bar.get_x(), 0.0) + bar.get_height()
    shown = np.sort(table["total"].to_numpy())[np.linspace(0, len(table) - 1, 40).astype(int)]
    assert list(tops.values()) == pytest.approx(shown)
    assert labels(bd.plot.budget(net)) == [("training rows of the g", "variance of y (units²)")]
    with pytest.raises(FitError, match="unknown by='group'"):
        bd.plot.budget(net, by="group")


def test_sizes_of_groups(made_up):
    frame = data(50).assign(g=[0, 1, 1, *[2] * 4, *[3] * 43])
    fit = made_up(bd.Model("y ~ x1 + (1 | g)", frame))
    name, sizes = group_sizes(fit, frame.iloc[[0, 1, 3, 9]].assign(g=[0, 1, 7, 3]))
    assert (name, sizes.tolist()) == ("g", [1, 2, 0, 43])
    table = by_size(pd.DataFrame({"total": [1.0, 2.0, 3.0, 4.0, 6.0]}), np.array([1, 3, 0, 43, 4]))
    assert table["total"].to_dict() == {"new": 3.0, "1": 1.0, "3–4": 4.0, "33–64": 4.0}
