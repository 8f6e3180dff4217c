"""The Cholesky factorisation in place, against NumPy's."""

import numpy as np
import pytest

from bayesdeep.numerics.cholesky import factorise


@pytest.mark.parametrize("size", [1, 2, 7, 130])
def test_lower_triangle_is_numpys_and_the_rest_is_left_alone(size: int) -> None:
    rng = np.random.default_rng(size)
    square = rng.normal(size=(size, size))
    square = square @ square.T + size * np.eye(size)
    matrix = np.where(np.tri(size, dtype=bool), square, 7.0)
    assert factorise(matrix)
    np.testing.assert_allclose(np.tril(matrix), np.linalg.cholesky(square), rtol=1e-12, atol=1e-12)
    assert (matrix[np.triu_indices(size, 1)] == 7.0).all()


def test_what_is_not_positive_definite_is_told() -> None:
    assert not factorise(np.array([[1.0, 0.0], [2.0, 1.0]]))


@pytest.mark.parametrize("matrix", [np.eye(2, dtype=np.float32), np.eye(3)[:, ::-1], np.ones((2, 3)), np.ones(4)])
def test_what_lapack_would_misread_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(ValueError, match="C order"):
        factorise(matrix)
