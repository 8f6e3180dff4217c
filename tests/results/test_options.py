"""Laws over the options of every method: a value that makes no sense is refused, by name, and NumPy's numbers are numbers."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.draws import Engine
from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import ENGINES
from bayesdeep.inference.run import settings_of


def engines() -> Iterator[Engine]:
    for name in ENGINES:
        yield from (ENGINES[name], *ENGINES[name].variants.values())


OPTIONS = [
    pytest.param(engine, f.name, get_args(hint) or (hint,), id=f"{engine.name}-{engine.settings.__name__}-{f.name}")
    for engine in engines()
    for f in fields(engine.settings)
    for hint in [get_type_hints(engine.settings)[f.name]]
]
NEVER = [[1], {"a": 1}, (0.01,), object(), b"adam", np.array([1.0, 2.0]), 1j]
"""What no option is."""
WRONG: dict[type, list[Any]] = {
    int: ["10", 10.0, 0.5, True, -1, float("nan"), float("inf")],
    float: ["0.01", True, -1.0, -1, float("nan"), float("inf"), float("-inf")],
    bool: ["yes", 1, 0, 0.0],
    str: [3, True, "no such thing"],
}


@pytest.mark.parametrize(("engine", "name", "types"), OPTIONS)
def test_a_value_that_makes_no_sense_is_refused_by_name(engine: Engine, name: str, types: tuple[type, ...]) -> None:
    (kind,) = [t for t in types if t is not type(None)]
    for value in [*NEVER, *WRONG[kind], *([] if type(None) in types else [None])]:
        with pytest.raises(FitError, match=rf"^{engine.name}: [\w, ]*\b{name}\b"):
            settings_of(engine, {}, {name: value})


@pytest.mark.parametrize("engine", [pytest.param(e, id=f"{e.name}-{e.settings.__name__}") for e in engines()])
def test_defaults_are_of_their_own_type_and_numbers_of_numpy_are_numbers(engine: Engine) -> None:
    given = asdict(engine.settings())
    assert asdict(settings_of(engine, {}, given)) == given
    turned = {bool: np.bool_, int: np.int64, float: np.float64, str: np.str_}
    found = asdict(settings_of(engine, {}, {k: turned[type(v)](v) for k, v in given.items() if v is not None}))
    assert found == given
    assert all(type(found[k]) is type(v) for k, v in given.items())


def test_a_fit_says_which_option_is_wrong_before_anything_is_done() -> None:
    model = bd.Model("y ~ net(x, hidden=[2])", {"x": [1.0, 2.0, 3.0, 4.0], "y": [1.0, 3.0, 2.0, 4.0]})
    with pytest.raises(FitError, match=r"sgd: learning_rate is '0\.01'; give a finite number or None"):
        model.fit("sgd", learning_rate="0.01", seed=1, progress=False)
    with pytest.raises(FitError, match="draws is '10'; give a whole number"):
        model.fit("nuts", draws="10", seed=1, progress=False)
