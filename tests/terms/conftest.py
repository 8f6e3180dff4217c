"""What tests of terms share: whether two ways of fitting find the same predictor."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def predictors_agree() -> Callable[..., None]:
    """Return a check that two fits' predictors agree row by row.

    Means differ by at most ``most`` posterior sds; sds, where this is asked, by at most the share ``sds``.
    """

    def check(one: Any, two: Any, most: float, sds: float | None = None) -> None:
        dims = ("chain", "draw")
        a, b = (fit.draws(kind="linear") for fit in (one, two))
        assert float((np.abs(a.mean(dims) - b.mean(dims)) / a.std(dims)).max()) < most
        if sds is not None:
            np.testing.assert_allclose(b.std(dims), a.std(dims), rtol=sds)

    return check
