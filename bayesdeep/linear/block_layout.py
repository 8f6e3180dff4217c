"""A linear system laid out for elimination: products among its factors, and between them and the rest."""

from dataclasses import replace

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import LinearSystem

from .block_elimination import Blocks
from .levels import Level, Nesting


def lay_out(system: LinearSystem, chain: tuple[int, ...], parents: dict[tuple[int, int], np.ndarray]) -> Blocks:
    """Return the system laid out for eliminating the factors of ``chain`` one after another.

    ``parents[f, g]`` is the group of ``g`` each group of ``f`` lies in, for ``f`` before ``g`` in the chain.
    """
    if system.noise is None:
        return _laid_out(system, chain, parents)
    each = [_laid_out(replace(system, moments=one), chain, parents) for one in system.noise.moments]
    first, levels = each[0], []
    for place, level in enumerate(first.levels):
        own = [one.levels[place] for one in each]
        above = {k: (nesting, np.stack([one.parents[k][1] for one in own])) for k, (nesting, _) in level.parents.items()}
        levels.append(Level(level.factor, np.stack([one.own for one in own]), np.stack([one.rest for one in own]), above))
    return Blocks(system, tuple(levels), np.stack([one.rest for one in each]), first.inner)


def _laid_out(system: LinearSystem, chain: tuple[int, ...], parents: dict[tuple[int, int], np.ndarray]) -> Blocks:
    moments, p = system.moments, system.columns
    inner, at = [], p
    for number, factor in enumerate(system.factors):
        if number not in chain:
            inner.append((number, at))
            at += factor.levels * factor.width
    rest = np.zeros((at + 1, at + 1))
    spots = np.r_[0:p, at]
    rest[np.ix_(spots, spots)] = moments.gram
    for number, start in inner:
        _put_inner(rest, system, number, start, inner, spots)
    levels = []
    for place, number in enumerate(chain):
        factor = system.factors[number]
        coupled = np.zeros((factor.levels, factor.width, at + 1))
        coupled[:, :, spots] = moments.with_columns[number]
        for other, start in inner:
            table = between(system, number, other)
            dense = np.asarray(table.todense()).reshape(factor.levels, factor.width, -1)
            coupled[:, :, start : start + dense.shape[2]] = dense
        above = {}
        for later in range(place + 1, len(chain)):
            lies_in = parents[number, chain[later]]
            wide = system.factors[chain[later]].width
            table = between(system, number, chain[later])
            nesting = Nesting.of(lies_in, system.factors[chain[later]].levels)
            above[later] = (nesting, _nested_products(table, lies_in, factor.width, wide))
        levels.append(
            Level(
                number,
                np.ascontiguousarray(moments.own[number].transpose(1, 2, 0)),
                np.ascontiguousarray(coupled.transpose(1, 2, 0)),
                above,
            )
        )
    return Blocks(system, tuple(levels), rest, tuple(inner))


def between(system: LinearSystem, first: int, second: int) -> sparse.csr_array:
    """Return the products between two factors' coefficients, in the order asked for."""
    found = system.moments.between
    return found[first, second] if (first, second) in found else found[second, first].T.tocsr()


def _put_inner(
    rest: np.ndarray, system: LinearSystem, number: int, start: int, inner: list[tuple[int, int]], spots: np.ndarray
) -> None:
    factor, moments = system.factors[number], system.moments
    stop = start + factor.levels * factor.width
    for j in range(factor.levels):
        span = slice(start + j * factor.width, start + (j + 1) * factor.width)
        rest[span, span] = moments.own[number][j]
    rest[start:stop, spots] = moments.with_columns[number].reshape(stop - start, -1)
    rest[spots, start:stop] = rest[start:stop, spots].T
    for other, begin in inner:
        if other > number:
            table = between(system, number, other).toarray()
            rest[start:stop, begin : begin + table.shape[1]] = table
            rest[begin : begin + table.shape[1], start:stop] = table.T


def _nested_products(table: sparse.csr_array, lies_in: np.ndarray, width: int, wide: int) -> np.ndarray:
    """Return ``(width, wide, level)``: the only block each group has with a factor it is nested in."""
    rows = np.arange(len(lies_in))
    found = np.empty((width, wide, len(lies_in)))
    for k in range(width):
        for m in range(wide):
            found[k, m] = np.asarray(table[rows * width + k, lies_in * wide + m]).ravel()
    return found
