"""Laws of a graph's key: whatever can change the value is in it, or is an argument."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from bayesdeep.graph.evaluate import array_mode
from bayesdeep.ops.structure import Lifted, Unstable, lift, structure_key

Function = Callable[[Any], Any]


def lifted(function: Function, shape: tuple[int | None, ...] = (None, None)) -> tuple[Lifted, Any]:
    x = pt.TensorType("float64", shape=shape)()
    return lift([function(x)], {}), x


def key(function: Function, shape: tuple[int | None, ...] = (None, None)) -> str:
    made, x = lifted(function, shape)
    return structure_key(made.outputs, [x, *made.arguments])


DIFFERENT: list[Function] = [
    lambda x: x,
    lambda x: x * 2.0,
    lambda x: x * 3.0,
    lambda x: x + 2.0,
    lambda x: x * 0.3,
    lambda x: x * np.array([[0.3, 0.7]]),
    lambda x: pt.exp(x),
    lambda x: pt.log(x),
    lambda x: x.sum(axis=0),
    lambda x: x.sum(axis=1),
    lambda x: x.T,
    lambda x: x[0],
    lambda x: x[1],
    lambda x: x[:1],
    lambda x: x[:, [0, 1]],
    lambda x: x[:, [1, 0]],
    lambda x: pt.concatenate([x, x], axis=0),
    lambda x: pt.concatenate([x, x], axis=1),
    lambda x: x.astype("float32"),
    lambda x: x.astype("int64"),
    lambda x: pt.ge(x, 0.0),
    lambda x: pt.gt(x, 0.0),
    lambda x: x - x.T,
    lambda x: x.T - x,
    lambda x: pt.special.softmax(x, axis=0),
    lambda x: pt.special.softmax(x, axis=1),
]


def test_different_functions_have_different_keys():
    keys = [key(f) for f in DIFFERENT]
    assert len(set(keys)) == len(keys)
    assert key(DIFFERENT[0], (None, 1)) != key(DIFFERENT[0], (None, 2)) != key(DIFFERENT[0])


def test_keys_are_the_same_every_time():
    for function in DIFFERENT:
        assert key(function) == key(function)


NUMBERS: list[tuple[Function, Function]] = [
    (lambda x: x * 0.3, lambda x: x * 0.7),
    (lambda x: x * np.array([[0.3, 0.7]]), lambda x: x * np.array([[-1.3, 1.7]])),
    (lambda x: pt.full((7,), x[0, 0]), lambda x: pt.full((300,), x[0, 0])),
    (lambda x: x * pytensor.shared(np.ones((2, 2))), lambda x: x * pytensor.shared(np.zeros((2, 2)))),
]


@pytest.mark.parametrize(("one", "other"), NUMBERS)
def test_numbers_and_lengths_are_arguments_and_one_code_serves_both(one: Function, other: Function):
    assert key(one) == key(other)
    (first, x), (second, _) = lifted(one), lifted(other)
    run = pytensor.function([x, *first.arguments], list(first.outputs), mode=array_mode(), on_unused_input="ignore")
    at = np.array([[1.5, -2.0], [0.5, 4.0]])
    for function, values in ((one, first.values), (other, second.values)):
        z = pt.matrix()
        expected = pytensor.function([z], function(z), mode=array_mode())(at)
        np.testing.assert_array_equal(run(at, *values)[0], expected)


def test_lengths_of_one_are_structure():
    assert key(lambda x: pt.full((1,), x[0, 0])) != key(lambda x: pt.full((2,), x[0, 0]))


def test_what_has_no_lasting_name_is_refused():
    from pytensor.compile.ops import wrap_py

    def double(x: np.ndarray) -> np.ndarray:
        return 2 * x

    operation = wrap_py(itypes=[pt.dmatrix], otypes=[pt.dmatrix])(double)
    with pytest.raises(Unstable):
        key(operation)
