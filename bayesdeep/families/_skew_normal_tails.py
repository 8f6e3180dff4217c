r"""The skew-normal distribution function as a logarithm, accurate in both tails.

For :math:`h \ge 0` and a slant :math:`\alpha \ge 0`, from Owen's T function (Owen 1956, Annals of Mathematical Statistics 27(4);
Azzalini 1985, Scandinavian Journal of Statistics 12(2)) with :math:`\tan\theta = \sinh s`,

.. math:: P(Z \le -h) = \Phi(-h) - 2 T(h, \alpha) = 2\,[T(h, \infty) - T(h, \alpha)]
    = \frac1\pi \int_{\operatorname{asinh} \alpha}^\infty \exp\left(-\tfrac12 h^2 \cosh^2 s\right) \frac{ds}{\cosh s},

a positive integral in which nothing cancels. With the opposite slant it is :math:`2 \Phi(-h)` less this, which is at most half of
it; above 0 it is one less that of the mirror image.
"""

from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.core.links import log_normal_cdf

NODES = 48
NOTHING = 74.0
"""Twice minus the logarithm of what double precision does not see beside 1."""
LEAST, LOG_2, LOG_PI = 1e-12, float(np.log(2.0)), float(np.log(np.pi))


@cache
def _rule() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss and Legendre's rule on (0, 1)."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    return 0.5 * (x + 1.0), 0.5 * w


def log_below(z: Any, alpha: Any) -> Any:
    """Return ``log P(Z <= z)`` of the skew-normal variable of slant ``alpha``, location 0 and scale 1."""
    z, alpha = pt.as_tensor(z), pt.as_tensor(alpha)
    below = pt.le(z, 0.0)
    tail = _log_tail(pt.maximum(abs(z), LEAST), pt.switch(below, alpha, -alpha))
    return pt.switch(below, tail, pt.log1mexp(pt.minimum(tail, -1e-16)))


def _log_tail(h: Any, alpha: Any) -> Any:
    """Return ``log P(Z <= -h)`` for ``h > 0``."""
    both = LOG_2 + log_normal_cdf(-h)
    lesser = _log_integral(h, abs(alpha))
    return pt.switch(pt.lt(alpha, 0.0), both + pt.log1mexp(pt.minimum(lesser - both, -0.5)), lesser)


def _log_integral(h: Any, alpha: Any) -> Any:
    share, weights = _rule()
    start = pt.arcsinh(alpha)
    # To where the exponential has fallen by all that double precision has, or one over the hyperbolic cosine has.
    length = pt.minimum(pt.arcsinh(pt.sqrt(alpha * alpha + NOTHING / (h * h))) - start, 0.5 * NOTHING)
    apart = pt.shape_padright(length) * share
    first = pt.shape_padright(start)
    fall = 0.5 * pt.shape_padright(h * h) * pt.sinh(apart) * pt.sinh(apart + 2.0 * first)
    sums = (weights * pt.exp(-fall) / pt.cosh(first + apart)).sum(axis=-1)
    return -0.5 * h * h * (1.0 + alpha * alpha) + pt.log(sums) + pt.log(length) - LOG_PI
