"""Every plot of a fit works on every family, or refuses with a reason."""

import inspect

import pytest
from matplotlib.figure import Figure

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES

OF_COMPARISONS = {"elpd_differences", "errors", "selective"}
ARGUMENTS = {"ranks": (["x"],), "curve": ("x",)}
PLOTS = [name for name in bd.plot.__all__ if name not in OF_COMPARISONS]
REFUSED = {
    "budget": lambda words: bool(words & {"levels"}),
    "calibration": lambda words: "several_columns" in words,
    "predictive_check": lambda words: "several_columns" in words,
    "network": lambda words: bool(words & {"levels"}),
    "smooth": lambda words: True,  # there is none in these models; see below
    "smooths": lambda words: True,
    "training": lambda words: True,  # nothing was trained
}


@pytest.fixture(scope="module")
def fits(of_family, made_up):
    """Return a fit of every family by name, made when it is asked for."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = made_up(of_family(name, "x + (1 | g)"))
        return made[name]

    return make


def drawn(name, fit):
    """Return the figure, or the reason that there is none."""
    contrast = FAMILIES[fit.spec.family].main.shape == "contrast"
    arguments = ([f"x[{fit.spec.response.levels[1]}]"],) if name == "ranks" and contrast else ARGUMENTS.get(name, ())
    try:
        return getattr(bd.plot, name)(fit, *arguments)
    except bd.FitError as error:
        return str(error)


# Quantities of mixtures have the component's number in their names, and these tests ask for others. Some families' tails are so
# heavy that draws from the prior are infinite.
PLAIN = [name for name in FAMILIES if FAMILIES[name].components is None]


@pytest.mark.few(2)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("name", PLAIN)
def test_every_plot_is_drawn_or_refused(name, fits):
    words, contrast = FAMILIES[name].words, FAMILIES[name].main.shape == "contrast"
    for plot in PLOTS:
        found = drawn(plot, fits(name))
        if plot == "shrinkage":  # Draws from the prior need not lie between: tests of its own say when it is drawn.
            assert isinstance(found, Figure) or "plot: " in found
        elif plot == "group_effects" and contrast:
            assert "several coefficients a group" in found
        elif REFUSED.get(plot, lambda words: False)(words):
            assert isinstance(found, str), plot
        else:
            assert isinstance(found, Figure), (plot, found)
            found.canvas.draw()


@pytest.mark.few(3)
@pytest.mark.parametrize("name", PLAIN)
def test_smooths_are_drawn_where_there_is_one_predictor(name, of_family, made_up):
    contrast = FAMILIES[name].main.shape == "contrast"
    values = {} if contrast else {"s(z)_sigma": 0.3}
    fit = made_up(of_family(name, "s(z, k=4)"), values=values)
    if contrast:
        with pytest.raises(bd.FitError, match="a predictor for each of its levels"):
            bd.plot.smooths(fit)
        return
    figure = bd.plot.smooths(fit)
    assert len(figure.axes) == 1
    figure.canvas.draw()


@pytest.mark.parametrize("plot", PLOTS)
def test_an_intercept_alone_is_drawn_or_refused(plot, of_family, made_up):
    fit = made_up(of_family("gaussian", "1"))
    found = drawn(plot, fit)
    if plot in ("calibration", "predictive_check", "budget"):
        assert isinstance(found, Figure), found
    else:
        assert isinstance(found, str), plot


def test_every_plot_is_asked():
    takes_a_fit = [n for n in bd.plot.__all__ if next(iter(inspect.signature(getattr(bd.plot, n)).parameters)) != "comparison"]
    assert set(takes_a_fit) == set(PLOTS)
