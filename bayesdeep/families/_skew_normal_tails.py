r"""The skew-normal distribution function as a logarithm, accurate in both tails.

For :math:`z \le 0` and any slant :math:`\alpha`, from Owen's T function (Owen 1956, Annals of Mathematical Statistics 27(4);
Azzalini 1985, Scandinavian Journal of Statistics 12(2)),

.. math:: P(Z \le z) = \Phi(z) - 2 T(z, \alpha) = 2\,[T(|z|, \infty) - T(|z|, \alpha)]
    = \frac1\pi \int_{\arctan \alpha}^{\pi/2} \exp\left(-\frac{z^2}{2 \cos^2\theta}\right) d\theta,

a positive integral in which nothing cancels; above 0 it is one less that of the mirror image. With :math:`w = |z| \tan\theta` it
is :math:`\frac1\pi e^{-z^2/2} \int_{|z|\alpha}^\infty e^{-w^2/2}\,\frac{|z|}{z^2 + w^2}\,dw`, which is as wide as a normal
density however far out ``z`` is.
"""

from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt

NODES = 48
FAR_OUT, FAR_SIDE = 4.0, 3.0
"""Distance from 0, and product of it with the slant, from which the second form is taken."""
REACH = 8.6
"""Standard deviations within which all of a normal density lies, to double precision."""


@cache
def _rule() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss and Legendre's rule on (0, 1)."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    return 0.5 * (x + 1.0), 0.5 * w


def log_below(z: Any, alpha: Any) -> Any:
    """Return ``log P(Z <= z)`` of the skew-normal variable of slant ``alpha``, location 0 and scale 1."""
    z, alpha = pt.as_tensor(z), pt.as_tensor(alpha)
    below = pt.le(z, 0.0)
    tail = _log_tail(abs(z), pt.switch(below, alpha, -alpha))
    return pt.switch(below, tail, pt.log1mexp(pt.minimum(tail, -1e-16)))


def _log_tail(h: Any, alpha: Any) -> Any:
    """Return ``log P(Z <= -h)`` for ``h >= 0``."""
    side = h * alpha
    scaled = pt.gt(h, FAR_OUT) | pt.gt(side, FAR_SIDE)
    near = _by_angle(pt.where(scaled, 1.0, h), pt.where(scaled, 0.0, alpha))
    far = _by_distance(pt.where(scaled, h, FAR_OUT), pt.where(scaled, side, 0.0))
    return pt.switch(scaled, far, near)


def _by_angle(h: Any, alpha: Any) -> Any:
    share, weights = _rule()
    start = pt.arctan(alpha)
    # The angle left to a right one, kept off 0, where there is nothing of the integrand.
    room = 0.5 * np.pi - start
    rest = pt.shape_padright(room) * share
    inside = -0.5 * (pt.shape_padright(h) / pt.sin(rest)) ** 2
    return pt.log((weights * pt.exp(inside)).sum(axis=-1)) + pt.log(room) - float(np.log(np.pi))


def _by_distance(h: Any, side: Any) -> Any:
    share, weights = _rule()
    start = pt.maximum(side, -REACH)
    # From there to where the density has fallen by all that double precision has.
    length = pt.sqrt(pt.maximum(start, 0.0) ** 2 + REACH**2) - start
    apart = pt.shape_padright(length) * share
    first, far = pt.shape_padright(pt.maximum(start, 0.0)), pt.shape_padright(start) + apart
    inside = -0.5 * (far - first) * (far + first)
    sums = (weights * pt.exp(inside) / (1.0 + (far / pt.shape_padright(h)) ** 2)).sum(axis=-1)
    ends = -0.5 * h * h - 0.5 * pt.maximum(start, 0.0) ** 2
    return ends + pt.log(sums) + pt.log(length) - pt.log(h) - float(np.log(np.pi))
