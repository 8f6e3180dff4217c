"""Directions: the normal distribution's likeness on a circle."""

from collections.abc import Mapping
from math import factorial, pi
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import numbers, refuse_rows

from ._custom import custom
from ._defaults import fixed
from ._scale import values

NEEDS = "angles in radians, from -pi to pi"
LOG_2PI = float(np.log(2.0 * pi))

SERIES, ASYMPTOTIC, TURN = 50, 16, 20.0
"""Terms of the two expansions of the Bessel function, and the concentration from which the second one is taken."""
RISING = np.array([1.0 / factorial(k) ** 2 for k in range(SERIES)])
FALLING = np.cumprod([1.0, *((2 * k - 1) ** 2 / (8.0 * k) for k in range(1, ASYMPTOTIC))])


def code(response: Response) -> Response:
    """Return the response as float64; it must be angles in radians between minus pi and pi."""
    response = numbers(response, "von_mises", NEEDS)
    beyond = np.abs(response.value) > pi * (1.0 + 1e-12)
    advice = "degrees times pi / 180 are radians"
    if ((response.value >= 0.0) & (response.value <= 2.0 * pi * (1.0 + 1e-12))).all():
        advice = "take 2 pi off the angles above pi, which are the same directions"
    refuse_rows(response, beyond, "von_mises", NEEDS, advice)
    return response


def log_scaled_bessel(kappa: Any) -> Any:
    """Return ``log I0(kappa) - kappa``, by the series up to 20 and the asymptotic expansion beyond.

    Abramowitz & Stegun 9.6.12 and 9.7.1.
    """
    low, high = pt.minimum(kappa, TURN), pt.maximum(kappa, TURN)
    rising = pt.log(_polynomial(RISING, 0.25 * low * low)) - low
    falling = pt.log(_polynomial(FALLING, 1.0 / high)) - 0.5 * (LOG_2PI + pt.log(high))
    return pt.switch(pt.lt(kappa, TURN), rising, falling)


def _polynomial(coefficients: np.ndarray, x: Any) -> Any:
    """Return the sum of ``coefficients[k] x^k``, all positive: on an axis of its own, since a chain of 50 compiles long."""
    inner = pt.shape_padright(pt.maximum(pt.as_tensor(x), 1e-300))
    return (coefficients * inner ** np.arange(len(coefficients), dtype=float)).sum(axis=-1)


def rv(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the distribution with density ``exp(kappa cos(y - mu)) / (2 π I0(kappa))`` on ``(-π, π]`` (Mardia & Jupp 2000)."""
    del aux

    def logp(value: Any, mu: Any, kappa: Any) -> Any:
        # cos - 1 by the half angle, and log I0 less kappa, so that large concentrations do not cancel.
        half = pt.sin(0.5 * (value - mu))
        inside = pt.le(abs(value), pi * (1.0 + 1e-12))
        return pt.switch(inside, -2.0 * kappa * half * half - LOG_2PI - log_scaled_bessel(kappa), -np.inf)

    def draw(mu: Any, kappa: Any, size: Any) -> Any:
        return pm.VonMises.dist(mu, kappa, size=size)

    return custom("VonMises", logp, draw, params["mu"], params["kappa"], signature="(),()->()")


def mean(params: Mapping[str, Any], aux: Aux) -> Any:
    """Return ``mu``, the mean direction: that of the sum of unit vectors, and not the mean of angles as numbers."""
    del aux
    return params["mu"]


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return the response's mean direction on the link's scale, and a spread of 1: half a right angle each way about 0."""
    value, weights = values(response)
    direction = np.arctan2(np.average(np.sin(value), weights=weights), np.average(np.cos(value), weights=weights))
    return float(link.forward(np.clip(direction, -3.0, 3.0))), 1.0


KAPPA = fixed("LogNormal(1, 1.5)", "from nearly all round (0.1) to within some 8 degrees of the mean direction (50)")

FAMILY = Family(
    name="von_mises",
    title="von Mises distribution",
    aliases=("circular",),
    parameters=(
        Parameter("mu", ("tan_half", "identity")),
        Parameter("kappa", ("log", "softplus", "identity"), "positive", KAPPA, elsewhere={"concentration": "kappa"}),
    ),
    code=code,
    support=(-np.pi, np.pi),
    rv=rv,
    mean=mean,
    scale=scale,
    example={"mu": 0.3, "kappa": 25.0},
    density="{y} ~ VonMises({mu}, {kappa})\n    mean direction and concentration",
    notes=(
        "Angles in radians from -pi to pi. mu is the mean direction and kappa the concentration, for large values one over the "
        "variance. The mean that is predicted is the mean direction mu, not the mean of angles as numbers; sds, intervals and "
        "averages over draws are of the numbers. The circle is cut at pi, which the tan_half link does not reach: turn the "
        "angles so that few lie near the cut."
    ),
)
