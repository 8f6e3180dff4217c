"""Hyperbolic tangent and logistic function in single precision, for loops that become vector instructions.

The arithmetic is that of :mod:`bayesdeep.numerics.vector_math`, with half the bits: an exponential is a power of two times a
quotient of polynomials, here the Padé approximant of order [3/3], which is within 1e-8 of it on the reduced range; the results
are within three units of the last place. Twice as many numbers go into an instruction, and the quotient is shorter.
"""

from functools import cache
from math import log, log2
from typing import Any

import numpy as np

from .vector_math import CONTRACT, reinterpreted

# Constants of this precision: with one of double precision all arithmetic after it would be double.
ONE, TWO, HALF = np.float32(1.0), np.float32(2.0), np.float32(0.5)
TENTH, LAST = np.float32(1.0 / 10.0), np.float32(1.0 / 120.0)
INVERSE_LN2, ROUNDER = np.float32(1.0 / log(2.0)), np.float32(1.5 * 2.0**23)
LN2_HIGH = np.float32(0.693359375)
"""ln 2 to nine bits: a whole number of up to 15 bits times it is exact."""
LN2_LOW = np.float32(log(2.0) - 0.693359375)
BIAS, MANTISSA = np.int32(127), np.int32(23)
FAR = np.float32(10.0)
"""From here tanh is 1 to single precision."""
FARTHEST = np.float32(np.floor(log2(np.finfo(np.float32).max)) * log(2.0) - 1.0)
"""Arguments of the logistic function are held within it: its power of two must be a normal number."""


@cache
def single_math() -> tuple[Any, Any]:
    """Return ``tanh`` and ``logistic`` of a number of any size, made when first used, since numba is not imported before."""
    from numba import njit
    from numba.core import types

    bits_of, single_of = reinterpreted(types.int32, types.float32), reinterpreted(types.float32, types.int32)

    @njit(forceinline=True, error_model="numpy", fastmath=CONTRACT)
    def parts(x: Any) -> Any:
        # exp(x) = s (E + O) / (E - O), with s a power of two.
        shifted = x * INVERSE_LN2 + ROUNDER
        octaves = shifted - ROUNDER
        r = (x - octaves * LN2_HIGH) - octaves * LN2_LOW
        z = r * r
        return ONE + z * TENTH, r * (HALF + z * LAST), single_of((bits_of(shifted) + BIAS) << MANTISSA)

    @njit(forceinline=True, error_model="numpy", fastmath=CONTRACT)
    def tanh(x: Any) -> Any:
        x = x if x < FAR else FAR
        x = x if x > -FAR else -FAR
        even, odd, s = parts(TWO * x)
        above, below = s + ONE, s - ONE
        return (below * even + above * odd) / (above * even + below * odd)

    @njit(forceinline=True, error_model="numpy", fastmath=CONTRACT)
    def logistic(x: Any) -> Any:
        x = x if x < FARTHEST else FARTHEST
        x = x if x > -FARTHEST else -FARTHEST
        even, odd, s = parts(x)
        up = s * (even + odd)
        return up / (up + (even - odd))

    return tanh, logistic
