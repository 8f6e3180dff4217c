"""Every public function and method says in an error of ours what is wrong with an argument; none ends in a raw one."""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.compare.comparable import common_groups
from bayesdeep.core import arguments
from bayesdeep.core.errors import BayesdeepError, FitError
from bayesdeep.inference.kfold import group_codes

WRONG = {"an object": object(), "an array": np.array([0.05, 0.95]), "bytes": b"x", "a table": pd.DataFrame({"q": [1.0, 2.0]})}
"""What no argument can be; of data a table is refused for its columns."""


def data() -> pd.DataFrame:
    rng, n = np.random.default_rng(0), 40
    frame = pd.DataFrame({"x": rng.normal(size=n), "y": rng.normal(size=n)})
    return frame.assign(g=[f"g{i % 4}" for i in range(n)], t=np.arange(n) % 2)


@pytest.fixture(scope="module")
def doors(made_up) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Return every public function and method, with arguments of the right kind for those that have no default."""
    model = bd.Model("y ~ x + t + (1 | g)", data())
    fit, other = made_up(model, draws=30), made_up(bd.Model("y ~ 1", data()), draws=30)
    comparison = bd.compare({"a": fit, "b": other}, data=data(), progress=False)
    first = {"elpd_differences": comparison, "errors": comparison, "selective": comparison, "calibration": comparison}
    found: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        f"plot.{name}": (getattr(bd.plot, name), (first.get(name, fit), *{"ranks": (["x"],), "curve": ("x",)}.get(name, ())))
        for name in bd.plot.__all__
    }
    needed = {"contrasts": ("x",), "curve": ("x",), "save": ("never.nc",), "report": ("never.html",), "to_card": ("never.toml",)}
    needed |= {"from_card": ("never.toml",), "from_pymc": (fit.idata,)}
    for label, thing in (("fit", fit), ("model", model), ("comparison", comparison)):
        for name, method in inspect.getmembers(thing, callable):
            if not name.startswith("_"):
                found[f"{label}.{name}"] = (method, needed.get(name, ()))
    found |= {"compare": (bd.compare, ({"a": fit, "b": other},)), "explain": (bd.explain, (fit,))}
    found |= {"report": (bd.report, (fit, "never.html")), "load": (bd.load, ("never.nc",))}
    found |= {"load_dataset": (bd.load_dataset, ("radon",)), "Model": (bd.Model, ("y ~ x", data()))}
    return found


def wrong_calls(door: Callable[..., Any], right: tuple[Any, ...]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield calls of a door in which one argument is wrong, and what they are called."""
    for place, parameter in enumerate(inspect.signature(door).parameters.values()):
        for what, value in WRONG.items():
            given, named = list(right), {}
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                named["no_such_option"] = value
            elif place < len(right):
                given[place] = value
            else:
                named[parameter.name] = value
            yield f"{parameter.name} = {what}", lambda given=given, named=named: door(*given, **named)


def test_no_argument_of_a_public_door_ends_in_a_raw_error(doors):
    """The law over all there is: an argument of a wrong type is refused by an error of ours, which begins with where."""
    raw, through = [], []
    assert len(doors) > 40
    for name, (door, right) in doors.items():
        for what, call in wrong_calls(door, right):
            try:
                call()
            except BayesdeepError:
                continue
            except Exception as error:
                raw.append(f"{name}, {what}: {type(error).__name__}: {str(error)[:80]}")
            else:
                through.append(f"{name}, {what}")
    assert not raw
    assert not through


@pytest.mark.parametrize("wrong", [(0.05, 0.95), [0.9], "0.9", float("nan"), True, None, np.array([0.9]), 0, 1, 1.0, -0.5, 90])
def test_an_interval_is_one_probability_at_every_door(wrong, doors):
    asked = [name for name, (door, _) in doors.items() if "interval" in inspect.signature(door).parameters]
    assert {"fit.predict", "fit.slopes", "fit.contrasts", "fit.curve", "plot.curve", "plot.forest"} <= set(asked)
    for name in asked:
        door, right = doors[name]
        with pytest.raises(FitError, match=r"interval is .*; it is a probability between 0 and 1, such as 0\.9"):
            door(*right, interval=wrong)


@pytest.mark.parametrize("right", [0.9, np.float64(0.9), np.float32(0.5)])
def test_numbers_of_any_make_are_probabilities(right, doors):
    table = doors["fit.predict"][0](interval=right)
    assert (table["lower"] < table["upper"]).all()


def test_two_ends_are_told_from_a_probability(doors):
    with pytest.raises(FitError, match=r"predict: interval is \(0\.05, 0\.95\).*the part between"):
        doors["fit.predict"][0](interval=(0.05, 0.95))


@pytest.mark.parametrize("huge", [10**7, 10**12, 10**23])
def test_nothing_of_a_size_that_no_memory_holds_is_begun(huge, doors):
    asked = {"fit.curve": "points", "plot.curve": "points", "model.prior_predictive": "draws", "explain": "draws"}
    asked |= {"plot.calibration": "draws", "plot.predictive_check": "draws", "plot.network": "draws", "plot.ranks": "bins"}
    for name, option in asked.items():
        door, right = doors[name]
        if option in inspect.signature(door).parameters:
            with pytest.raises(FitError, match=rf"{option} is {huge}; give a whole number from 1 to 1,000,000"):
                door(*right, **{option: huge})


def test_ranks_are_of_something(doors):
    with pytest.raises(FitError, match=r"names is .*; give at least one name"):
        doors["plot.ranks"][0](doors["plot.ranks"][1][0], [])


@pytest.mark.parametrize("check", [arguments.seed, arguments.whole, arguments.count])
@pytest.mark.parametrize("wrong", [-1, 1.0, 2.5, "1", True, (1, 2), float("nan")])
def test_whole_numbers(check, wrong):
    with pytest.raises(FitError, match=r"^here: thing is .*whole number"):
        check(wrong, "here", "thing")
    check(np.int32(3), "here", "thing")


def test_options_that_are_not_there_have_the_nearest_name(doors):
    for name, text in (("fit.predict", "predict"), ("plot.forest", "plot"), ("fit.slopes", "slopes")):
        door, right = doors[name]
        with pytest.raises(FitError, match=rf"^{text}: there is no option 'intervall'; did you mean 'interval'\?"):
            door(*right, intervall=0.9)


def test_errors_of_a_fit_say_what_is_wanted(doors):
    fit = doors["compare"][1][0]["a"]
    for plot in (bd.plot.errors, bd.plot.selective, bd.plot.elpd_differences, bd.plot.calibration):
        if plot is bd.plot.calibration:
            assert plot(fit).axes
            continue
        with pytest.raises(FitError, match=r"what bd\.compare returned"):
            plot(fit)


def test_fits_may_be_called_by_what_is_no_text(doors):
    fits = doors["compare"][1][0]
    found = bd.compare({1: fits["a"], ("b", 2): fits["b"]}, data=data(), progress=False)
    named = bd.compare({"1": fits["a"], "('b', 2)": fits["b"]}, data=data(), progress=False)
    pd.testing.assert_frame_equal(found.table, named.table)
    assert set(found.fits) == {"1", "('b', 2)"}
    with pytest.raises(FitError, match="two fits are called '1'"):
        bd.compare({1: fits["a"], "1": fits["b"]}, data=data())


@pytest.fixture(scope="module")
def symbols(made_up):
    frame = data().rename(columns={"x": "x [m/s]", "g": "mg/L"}).assign(h=np.arange(40) % 3)
    return frame, made_up(bd.Model("y ~ `x [m/s]` + (1 | `mg/L`) + (1 | h:`mg/L`)", frame), draws=30)


@pytest.mark.few(1)
@pytest.mark.parametrize("written", ["mg/L", "`mg/L`", "mg÷L"])
def test_columns_whose_names_have_symbols_are_called_as_in_the_data(written, symbols, made_up):
    frame, fit = symbols
    codes = group_codes(fit.spec, fit.rows, written)
    np.testing.assert_array_equal(np.unique(frame["mg/L"], return_inverse=True)[1], codes)
    np.testing.assert_array_equal(group_codes(fit.spec, fit.rows, "h:mg/L"), group_codes(fit.spec, fit.rows, "h:`mg/L`"))
    assert bd.plot.shrinkage(fit, written).axes
    assert bd.plot.group_effects(fit, f"1|{written}").axes
    other = made_up(bd.Model("y ~ 1 + (1 | `mg/L`)", frame), draws=30)
    found = bd.compare({"a": fit, "b": other}, data=frame, progress=False)
    plain = found.errors("size", factor="mg÷L")
    pd.testing.assert_frame_equal(found.errors("size", factor=written), plain)
    np.testing.assert_array_equal(common_groups({"a": fit, "b": other}, written), codes)
    assert fit.slopes("x [m/s]", by="mg/L")["mg/L"].tolist() == sorted(set(frame["mg/L"]))


def test_a_room_does_not_hide_the_function_of_its_name() -> None:
    import bayesdeep.compare.rank
    import bayesdeep.report.section

    assert inspect.isfunction(bd.compare)
    assert inspect.isfunction(bd.report)
    assert bayesdeep.compare is bd.compare


def test_the_stub_for_editors_has_every_public_name_from_its_home() -> None:
    stub = Path(bd.__file__).with_suffix(".pyi").read_text()
    read = [node for node in ast.parse(stub).body if isinstance(node, ast.ImportFrom)]
    homes = {node.names[0].asname: node.module for node in read}
    expected = {name: f"bayesdeep.{home}" for name, home in bd._HOME.items()} | dict.fromkeys(bd._MODULES, "bayesdeep")
    assert homes == expected


def test_public_doors_say_what_they_return(doors) -> None:
    """So that an editor completes after the dot: no door returns "anything"."""
    vague = [name for name, (door, _) in doors.items() if inspect.signature(door).return_annotation in (Any, "Any")]
    untold = [name for name, (door, _) in doors.items() if inspect.signature(door).return_annotation is inspect.Signature.empty]
    assert not vague
    assert not untold
