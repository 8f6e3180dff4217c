"""How a linear system is best eliminated, read off its sizes and which factor is nested in which."""

import numpy as np

from bayesdeep.core.linear import LinearSystem, eliminated

from .block_elimination import Blocks
from .block_layout import between, lay_out
from .by_neighbours import ByNeighbours, lay_out_neighbours
from .crossed import LARGEST_REST, Crossed, lay_out_crossed
from .unexplored import UnexploredError

SMALL_REST = 150
"""Columns of the rest up to which many values are worked on at once."""

LARGEST_COUPLING = 50_000_000
"""Products between an eliminated factor and the rest that are kept densely."""

LARGEST_DENSE_REST, PRODUCTS_A_SPARSE_ONE = 1_500, 30
"""Columns of the rest up to which products with it are taken densely where most of them are not 0; and how many of those cost as
much as one of sparse matrices (measured in 2026)."""


def plan(system: LinearSystem) -> Blocks | Crossed | ByNeighbours:
    """Return the system laid out for evaluation, by its graph where coefficients lean on their neighbours; see below."""
    leaning = any(factor.neighbours is not None for factor in system.factors)
    return lay_out_neighbours(system) if leaning else plan_by_groups(system)


def plan_by_groups(system: LinearSystem) -> Blocks | Crossed:
    """Return a system without a graph laid out for evaluation.

    Raises
    ------
    FitError
        Where large factors are crossed so that the rest is too large to factorise.
    """
    lies_in: dict[tuple[int, int], np.ndarray | None] = {}

    def nested(inner: int, outer: int) -> bool:
        lies_in[inner, outer] = nested_in(system, inner, outer)
        return lies_in[inner, outer] is not None

    # One group is no loop over groups: its coefficients are factorised with the rest, by LAPACK and not entry by entry.
    several = [k for k, f in enumerate(system.factors) if f.levels > 1 or f.width == 1]
    sizes = [(system.factors[k].levels, system.factors[k].width) for k in several]
    chain = [several[k] for k in eliminated(sizes, lambda a, b: nested(several[a], several[b]))]
    parents = {pair: at for pair, at in lies_in.items() if at is not None and set(pair) <= set(chain)}
    rest = system.columns + sum(f.levels * f.width for k, f in enumerate(system.factors) if k not in chain)
    coupled = sum(system.factors[k].levels * system.factors[k].width for k in chain) * (rest + 1)
    if rest <= SMALL_REST and coupled <= LARGEST_COUPLING:
        return lay_out(system, tuple(chain), parents)
    if not chain:
        return lay_out(system, (), {})
    if any(factor.each for factor in system.factors):
        if rest <= LARGEST_DENSE_REST:
            return lay_out(system, tuple(chain), parents)
        raise UnexploredError("levels with an sd each lie beside another large factor; use method='nuts'")
    if rest <= LARGEST_DENSE_REST and coupled * rest <= PRODUCTS_A_SPARSE_ONE * _sparse_products(system, chain[0]):
        return lay_out(system, tuple(chain), parents)
    rest = system.columns + sum(f.levels * f.width for k, f in enumerate(system.factors) if k != chain[0])
    if system.noise is not None:
        raise UnexploredError("several responses have large factors that are crossed; use method='nuts'")
    if rest > LARGEST_REST:
        raise UnexploredError(
            f"beside '{system.factors[chain[0]].name}', {rest:,} coefficients have to be factorised together "
            f"(at most {LARGEST_REST:,}); use method='gibbs'"
        )
    return lay_out_crossed(system, chain[0])


def _sparse_products(system: LinearSystem, first: int) -> int:
    """Return how many products of coefficients that meet in a level of a factor there are, over its levels."""
    factor = system.factors[first]
    met = np.full(factor.levels * factor.width, system.columns)
    for other in range(len(system.factors)):
        if other != first:
            met += np.diff(between(system, first, other).indptr)
    return int((met.astype(float) ** 2).sum())


def nested_in(system: LinearSystem, inner: int, outer: int) -> np.ndarray | None:
    """Return the group of ``outer`` in which each group of ``inner`` lies ``(level,)``; None if some lie in several."""
    table = between(system, inner, outer).tocoo()
    keep = table.data != 0
    first = table.coords[0][keep] // system.factors[inner].width
    second = table.coords[1][keep] // system.factors[outer].width
    at = np.zeros(system.factors[inner].levels, dtype=np.int64)
    at[first] = second
    return at if np.array_equal(at[first], second) else None
