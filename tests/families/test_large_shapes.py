"""The negative binomial's closed form where its shape is large and its counts are: every digit that the numbers allow."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES

COUNTS = (0, 1, 7, 1000, 10**9)
PREDICTORS = (-3.0, 0.2, 2.0, 7.0, 20.8, 60.0)
BERNOULLI = ((1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730))


def log_gamma(z: Decimal) -> Decimal:
    """Return ``log gamma(z)`` by Stirling's series beyond 60, and the recurrence below."""
    shift = Decimal(0)
    while z < 60:
        shift += z.ln()
        z += 1
    two_pi = Decimal("6.283185307179586476925286766559005768394338798750")
    found = (z - Decimal("0.5")) * z.ln() - z + two_pi.ln() / 2
    for k, (above, below) in enumerate(BERNOULLI, 1):
        found += Decimal(above) / Decimal(below) / (2 * k * (2 * k - 1) * z ** (2 * k - 1))
    return found - shift


def exact(count: int, eta: float, shape: float) -> tuple[float, float, float]:
    with localcontext() as context:
        context.prec = 90
        y, e, a = Decimal(count), Decimal(eta), Decimal(shape)
        mu = e.exp()
        value = log_gamma(y + a) - log_gamma(a) - log_gamma(y + 1) + y * (e - a.ln()) - (y + a) * (1 + mu / a).ln()
        return float(value), float(a * (y - mu) / (a + mu)), float(-(y + a) * a * mu / (a + mu) ** 2)


@pytest.mark.parametrize("shape", [0.3, 5.0, 99.0, 101.0, 1e4, 1e6, 1e9, 1e13, 1e17, 1e40])
def test_values_and_derivatives(shape):
    """Beside another shape, as several are computed at once."""
    response = Response("y", np.array(COUNTS))
    terms = FAMILIES["negative_binomial"].row_terms(response, "log")
    for eta in PREDICTORS:
        found = terms(np.full((len(COUNTS), 2), eta), {"alpha": np.array([[shape, 2.0]])}, 2)
        alone = terms(np.full((len(COUNTS), 1), eta), {"alpha": np.array([[shape]])}, 2)
        for part, own in zip(found, alone, strict=True):
            # How many are computed at once changes the last digits of the terms, which may cancel.
            np.testing.assert_allclose(part[:, :1], own, rtol=1e-11, atol=1e-14 * max(COUNTS) * max(abs(eta), 25.0))
        for row, count in enumerate(COUNTS):
            expected = exact(count, eta, shape)
            # A predictor is known to a unit in its last place, which is what a sum of this size can lose.
            size = max(1.0, count * max(abs(eta), 1.0), count * np.log(max(count, 2)), np.exp(min(eta, 700.0)) * (count == 0))
            assert found[0][row, 0] == pytest.approx(expected[0], rel=1e-12, abs=1e-14 * size)
            assert found[1][row, 0] == pytest.approx(expected[1], rel=1e-9, abs=1e-14 * size + 1e-13 * abs(expected[2]))
            assert found[2][row, 0] == pytest.approx(expected[2], rel=1e-9)


def test_the_limit_is_poisson():
    response = Response("y", np.array(COUNTS))
    eta = np.array(PREDICTORS[:5])[:, None]
    shaped = FAMILIES["negative_binomial"].row_terms(response, "log")(eta, {"alpha": np.array([[np.inf]])}, 2)
    limit = FAMILIES["poisson"].row_terms(response, "log")(eta, {}, 2)
    for part, own in zip(shaped, limit, strict=True):
        np.testing.assert_allclose(part, own, rtol=1e-9, atol=1e-5)
