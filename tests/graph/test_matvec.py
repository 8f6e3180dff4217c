"""A matrix times a vector: values, derivatives of both orders, and many at once."""

import numpy as np
import pytensor
import pytest
from pytensor.graph.replace import vectorize_graph

from bayesdeep.core.lazy import pt
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.ops.matvec import factors, matrix_vector, outer_product

rng = np.random.default_rng(5)


def times(transposed: bool, matrix, vector):
    return type(matrix_vector())(transposed)(matrix, vector)


@pytest.mark.few(5)
@pytest.mark.parametrize("mode", ["NUMBA", "PYTHON"])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("columns", [1, 3, 4, 11])
def test_values_and_derivatives(columns: int, transposed: bool, mode: str) -> None:
    matrix = rng.normal(size=(7, columns))
    vector, back = rng.normal(size=(7, columns)[not transposed]), rng.normal(size=(7, columns)[transposed])
    x, v = pt.matrix("x"), pt.vector("v")
    y = times(transposed, x, v)
    outputs = [y, *pt.grad((y * back).sum(), [x, v])]
    found = pytensor.function([x, v], outputs, mode=array_mode() if mode == "PYTHON" else mode)(matrix, vector)
    used = matrix.T if transposed else matrix
    outer = np.outer(back, vector)
    for own, expected in zip(found, [used @ vector, outer.T if transposed else outer, used.T @ back], strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("mode", ["NUMBA", "PYTHON"])
def test_derivatives_of_an_outer_product(mode: str) -> None:
    a, b = pt.vector("a"), pt.vector("b")
    out, back = outer_product()()(a, b), rng.normal(size=(4, 6))
    assert factors(out) == ((a, b),)
    assert factors(a) == ()
    chosen = array_mode() if mode == "PYTHON" else mode
    run = pytensor.function([a, b], [out, *pt.grad((out * back).sum(), [a, b])], mode=chosen)
    x, y = rng.normal(size=4), rng.normal(size=6)
    for own, expected in zip(run(x, y), [np.outer(x, y), back @ y, back.T @ x], strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-13)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("both", [False, True])
def test_stretched_over_draws(transposed: bool, both: bool) -> None:
    """Coefficients vary over draws; so may units."""
    x, v = pt.matrix("x"), pt.vector("v")
    many = {v: pt.matrix("many")} | ({x: pt.tensor3("own")} if both else {})
    run = pytensor.function(
        [x, *many.values()],
        vectorize_graph(times(transposed, x, v), replace=many),
        mode=array_mode(),
        on_unused_input="ignore",
    )
    matrices, vectors = rng.normal(size=(3, 7, 5)), rng.normal(size=(3, 7 if transposed else 5))
    found = run(matrices[0], vectors, *([matrices] if both else []))
    for k in range(3):
        used = matrices[k if both else 0]
        np.testing.assert_allclose(found[k], (used.T if transposed else used) @ vectors[k], rtol=1e-13)
