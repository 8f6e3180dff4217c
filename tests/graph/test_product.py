"""Products of matrices: values and derivatives are NumPy's, whichever is turned over, compiled or not."""

import numpy as np
import pytest

from bayesdeep.core.lazy import pt
from bayesdeep.ops.product import product


@pytest.mark.few(3)
@pytest.mark.parametrize("mode", ["FAST_COMPILE", "NUMBA"])
@pytest.mark.parametrize(("turn_a", "turn_b"), [(False, False), (True, False), (False, True), (True, True)])
def test_values_and_derivatives(turn_a: bool, turn_b: bool, mode: str) -> None:
    import pytensor

    rng = np.random.default_rng(3)
    a, b, weight = rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    x, y = pt.matrix("x"), pt.matrix("y")
    out = product(x, y, turn_a=turn_a, turn_b=turn_b)
    function = pytensor.function([x, y], [out, *pt.grad((out * weight).sum(), [x, y])], mode=mode)
    value, by_a, by_b = function(a.T.copy() if turn_a else a, b.T.copy() if turn_b else b)
    assert value == pytest.approx(a @ b, rel=1e-13)
    left, right = weight @ b.T, a.T @ weight
    assert by_a == pytest.approx(left.T if turn_a else left, rel=1e-13)
    assert by_b == pytest.approx(right.T if turn_b else right, rel=1e-13)
