"""Pictures of smooths: curves are what the term alone adds to the predictor."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

import bayesdeep as bd


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_a_curve_is_the_terms_addend_alone(family: str, made_up) -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.uniform(0, 9, 40), "z": rng.normal(size=40), "g": np.arange(40) % 5, "y": rng.poisson(2, 40)})
    fit = made_up(bd.Model("y ~ s(x, k=5) + s(z, k=4, bs='cr') + (1 | g)", data, family=family))
    figure = bd.plot.smooths(fit, interval=0.5, points=7)
    assert [(a.get_xlabel(), a.get_ylabel()) for a in figure.axes] == [("x", "s(x)"), ("z", "s(z)")]
    for axes, name, other in zip(figure.axes, ("x", "z"), ("z", "x"), strict=True):
        (line,) = [one for one in axes.lines if len(one.get_xdata()) == 7]
        at = np.linspace(data[name].min(), data[name].max(), 7)
        np.testing.assert_allclose(line.get_xdata(), at)
        # Of rows that differ in this column alone, differences are the curve's.
        rows = pd.DataFrame({name: at, other: 0.3, "g": 0})
        drawn = fit.draws(rows, kind="linear").mean(("chain", "draw")).to_numpy()
        np.testing.assert_allclose(np.diff(line.get_ydata()), np.diff(drawn), atol=1e-9)
        # And it is 0 on average over the rows.
        curve = np.interp(data[name], *bd.plot.smooths(fit, points=2000).axes["xz".index(name)].lines[1].get_data())
        assert abs(curve.mean()) < 1e-3 * np.abs(curve).max()


def test_one_smooth_is_drawn_by_its_name_with_its_levels_or_as_a_surface(made_up) -> None:
    rng = np.random.default_rng(0)
    x, (z, w) = rng.uniform(0, 9, 60), rng.normal(size=(2, 60))
    data = pd.DataFrame({"x": x, "z": z, "w": w, "g": np.resize(["a", "b"], 60)})
    fit = made_up(bd.Model("y ~ s(x, k=5, by=g) + s(w, z, k=8) + g", data.assign(y=data.x)))
    assert len(bd.plot.smooths(fit).axes) == 1 + 4  # A colour bar beside each of the surface's plots.
    (axes,) = bd.plot.smooth(fit).axes
    assert axes.get_ylabel() == "s(x, k=5, by=g)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert [len(dots.get_offsets()) for dots in axes.collections if isinstance(dots, PathCollection)] == [30, 30]
    (alone,) = bd.plot.smooth(fit, "s(x):g[b]", data=False).axes
    assert alone.get_ylabel() == "s(x):g[b]"
    assert len(alone.collections) == 1
    mean, sd, *_ = bd.plot.smooth(fit, "s(w, z)").axes
    assert (mean.get_xlabel(), mean.get_ylabel(), sd.get_xlabel()) == ("w", "z", "w")
    (slope,) = bd.plot.smooth(fit, "s(x):g[a]", slope=True).axes
    assert slope.get_ylabel() == "slope of s(x):g[a]"
    with pytest.raises(bd.BayesdeepError, match=r"there is no smooth 's\(v\)'; there are: s\(x\):g\[a\], "):
        bd.plot.smooth(fit, "s(v)")
    for figure in (bd.plot.smooths(fit), bd.plot.smooths(fit, slope=True)):
        figure.canvas.draw()


def test_without_smooths_and_with_a_predictor_a_level_it_is_refused(made_up) -> None:
    data = pd.DataFrame({"x": np.arange(12.0), "y": np.arange(12) % 5, "c": np.resize(["a", "b", "c"], 12)})
    with pytest.raises(bd.BayesdeepError, match="has no smooth"):
        bd.plot.smooths(made_up(bd.Model("y ~ x", data)))
    with pytest.raises(bd.BayesdeepError, match="a predictor for each of its levels"):
        bd.plot.smooths(made_up(bd.Model("c ~ s(x, k=4)", data, family="categorical")))
