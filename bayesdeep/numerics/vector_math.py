"""Exponential and logarithm that a compiler can run on several numbers at once.

The C library's ``exp`` and ``log1p`` are calls, one number at a time. The two below are plain arithmetic without
branches, so that a loop over them becomes vector instructions: a third of the time a row. Both are accurate to a few
units in the last place on the ranges given, which the tests check against NumPy.

The rounding below is arithmetic that means nothing to an optimiser that may reorder sums, and PyTensor's disk cache does not
tell code compiled with such licence from code without: every loop says ``fastmath=False`` itself. All that the functions here
allow is that a product and a sum are rounded once, together, which is exact enough and a third faster.

References
----------
Cody and Waite (1980), Software Manual for the Elementary Functions: reduction of the argument of ``exp``. Baker and
Graves-Morris (1996), Padé Approximants, section 1.2: the quotient of polynomials for ``exp``. The polynomial of the
logarithm is that of ``e_log.c`` in the freely distributable mathematics library of Sun Microsystems (1993).
"""

from dataclasses import dataclass
from functools import cache
from math import comb, factorial
from typing import Any

import numpy as np

CONTRACT = {"contract"}
"""What a compiler may do beyond the letter: one instruction for a product and a sum."""
LEAST_EXPONENT = -708.0
"""Smallest argument of :func:`exp`; below it the result would not be a normal number."""

INVERSE_LN2 = 1.4426950408889634
# ln 2 in two parts; a whole number times the first is exact.
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUNDER = 1.5 * 2.0**52
"""Added and taken away again it rounds to a whole number, which in between stands in the low bits."""
BIAS, MANTISSA = 1023, 52
HALF_OCTAVE = 0.41421356237309503
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = (1.0 / factorial(n) for n in range(2, 14))
# The same exponential as (E + O) / (E - O), its even and its odd powers: 6! / (6 - k)! * (12 - k)! / 12! / k!.
P1, P2, P3, P4, P5, P6 = (comb(6, k) * factorial(12 - k) / factorial(12) for k in range(1, 7))
L1, L2, L3, L4 = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01
L5, L6, L7 = 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01


@dataclass(frozen=True)
class VectorMath:
    """Functions for use inside numba's loops, which must have ``error_model="numpy"`` to become vector instructions.

    Attributes
    ----------
    exp
        ``exp(x)`` for x in [-708, 709].
    tanh, logistic
        ``tanh(x)`` for any number and ``1 / (1 + exp(-x))`` for x in [-708, 709], with one division each.
    log1p
        ``log(1 + t)`` for t in [0, 1].
    total
        Sum of an array; eight running sums, always the same ones, so that the result does not depend on the machine.
    """

    exp: Any
    tanh: Any
    logistic: Any
    log1p: Any
    total: Any


def reinterpreted(wanted: Any, given: Any) -> Any:
    """Return a function, for use inside compiled code, that reads the bits of one type of numba as another."""
    from numba.extending import intrinsic

    def typed(context: Any, value: Any) -> Any:
        del context, value

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            del signature
            return builder.bitcast(values[0], context.get_value_type(wanted))

        return wanted(given), generate

    return intrinsic(typed)


@cache
def vector_math() -> VectorMath:
    """Return the functions, made when first used, since numba is not imported before."""
    from numba import njit
    from numba.core import types

    bits_of, double_of = reinterpreted(types.int64, types.float64), reinterpreted(types.float64, types.int64)

    @njit(forceinline=True, error_model="numpy", fastmath=CONTRACT)
    def exp(x: Any) -> Any:
        shifted = x * INVERSE_LN2 + ROUNDER
        octaves = shifted - ROUNDER
        r = (x - octaves * LN2_HIGH) - octaves * LN2_LOW
        p = C8 + r * (C9 + r * (C10 + r * (C11 + r * (C12 + r * C13))))
        p = C2 + r * (C3 + r * (C4 + r * (C5 + r * (C6 + r * (C7 + r * p)))))
        p = 1.0 + (r + r * r * p)
        return p * double_of((bits_of(shifted) + np.int64(BIAS)) << np.int64(MANTISSA))

    @njit(forceinline=True, error_model="numpy", fastmath=CONTRACT)
    def parts(x: Any) -> Any:
        # exp(x) = s (E + O) / (E - O), with s a power of two.
        shifted = x * INVERSE_LN2 + ROUNDER
        octaves = shifted - ROUNDER
        r = (x - octaves * LN2_HIGH) - octaves * LN2_LOW
        z = r * r
        even = 1.0 + z * (P2 + z * (P4 + z * P6))
        odd = r * (P1 + z * (P3 + z * P5))
        return even, odd, double_of((bits_of(shifted) + np.int64(BIAS)) << np.int64(MANTISSA))

    @njit(forceinline=True, error_model="numpy", fastmath=CONTRACT)
    def tanh(x: Any) -> Any:
        x = x if x < 20.0 else 20.0
        x = x if x > -20.0 else -20.0
        # (exp(2x) - 1) / (exp(2x) + 1); near 0, where s is 1, nothing is subtracted.
        even, odd, s = parts(2.0 * x)
        above, below = s + 1.0, s - 1.0
        return (below * even + above * odd) / (above * even + below * odd)

    @njit(forceinline=True, error_model="numpy", fastmath=CONTRACT)
    def logistic(x: Any) -> Any:
        even, odd, s = parts(x)
        up = s * (even + odd)
        return up / (up + (even - odd))

    @njit(forceinline=True, error_model="numpy", fastmath=CONTRACT)
    def log1p(t: Any) -> Any:
        # log(1 + t) = log(1 + u), or log 2 + log(1 + u) with 1 + u = (1 + t) / 2: u is small either way.
        far = t > HALF_OCTAVE
        u = (t - 1.0) * 0.5 if far else t
        s = u / (2.0 + u)
        z = s * s
        tail = z * (L1 + z * (L2 + z * (L3 + z * (L4 + z * (L5 + z * (L6 + z * L7))))))
        found = 2.0 * s + s * tail
        return (found + LN2_LOW) + LN2_HIGH if far else found

    @njit(error_model="numpy", fastmath=False)
    def total(values: Any) -> Any:
        a = b = c = d = e = f = g = h = 0.0
        whole = values.size // 8 * 8
        for i in range(0, whole, 8):
            a += values[i]
            b += values[i + 1]
            c += values[i + 2]
            d += values[i + 3]
            e += values[i + 4]
            f += values[i + 5]
            g += values[i + 6]
            h += values[i + 7]
        rest = 0.0
        for i in range(whole, values.size):
            rest += values[i]
        return ((a + b) + (c + d)) + ((e + f) + (g + h)) + rest

    return VectorMath(exp, tanh, logistic, log1p, total)
