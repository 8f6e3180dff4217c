"""How many coefficients of a linear model have to be factorised together, and in how many cells its factors meet."""

from collections import Counter
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from bayesdeep.core.effects import Effect, Process, Scaled
from bayesdeep.core.linear import eliminated
from bayesdeep.spec.model_spec import ModelSpec

from .linear_layout import Layout, layout_of


def beside_largest(spec: ModelSpec, arrays: Mapping[str, np.ndarray], *, sparse: bool = False) -> int:
    """Return how many coefficients are left when the factor with the most levels has been eliminated group by group.

    Factors in which it is nested, and they in each other, are eliminated after it and do not count.

    Parameters
    ----------
    spec
        A model that :func:`~bayesdeep.collapse.row_system.why_not_rows` has nothing against. Of several predictors those are
        factorised together that each of them leaves.
    arrays
        The rows' arrays, first axis ``rows``.
    sparse
        Whether the graph of effects that lean on neighbours is made use of.
    """
    return sum(_beside_largest(layout_of(spec, k, sparse=sparse), arrays) for k in range(len(spec.predictors)))


def _beside_largest(layout: Layout, arrays: Mapping[str, np.ndarray]) -> int:
    codes, bases = _codes(layout, arrays), _bases(layout)
    # In principal axes a basis is a factor of as many levels, which lies in no other.
    sizes = [(width, 1) if k in bases else (levels, width) for k, (_, levels, width) in enumerate(layout.factors)]
    chain = eliminated(sizes, lambda a, b: not bases & {a, b} and _nested(codes[a], codes[b]))
    return len(layout.means) + sum(n * width for k, (n, width) in enumerate(sizes) if k not in chain)


def cells(spec: ModelSpec, rows: int) -> int:
    """Return at most how many products there are among the coefficients of different factors, each counted from both sides."""
    factors = [(levels, width) for _, levels, width in layout_of(spec).factors]
    return sum(2 * min(rows, a * b) * v * w for (a, v), (b, w) in combinations(factors, 2))


def _bases(layout: Layout) -> set[int]:
    """Return the factors whose coefficients are those of a basis with one standard deviation."""
    alone = Counter(place.factor for place in layout.effects)
    one = {p.factor for p in layout.effects if p.copies and len(p.effect.pieces) == 1 and _one_sd(p.effect)}
    return {factor for factor in one if alone[factor] == 1}


def _one_sd(effect: Effect) -> bool:
    return not isinstance(effect.law, Scaled | Process) and effect.sds(effect.pieces[0]).count == 1


def _codes(layout: Layout, arrays: Mapping[str, np.ndarray]) -> dict[int, np.ndarray]:
    return {place.factor: place.codes(arrays, slice(None), -1) for place in layout.effects}


def _nested(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Return whether each group of ``inner`` lies in one group of ``outer``; rows of codes below 0 are in none."""
    there = (inner >= 0) & (outer >= 0)
    inner, outer = inner[there], outer[there]
    if not len(inner):
        return True
    first = np.zeros(int(inner.max()) + 1, dtype=outer.dtype)
    first[inner] = outer
    return bool(np.array_equal(first[inner], outer))
