"""Which factors of a product get all their levels and which leave the first one out.

A categorical factor of full coding ``a`` spans the constant and its contrasts: ``a = 1 + a-``. A product of
factors therefore is the sum of the contrasts of all its subsets, and what an earlier product of the same
numeric part already spans need not come again. The rest is put together to as few pieces as possible:
``a- + a-:b-`` is ``a-:b`` with all levels of ``b``. This is Patsy's algorithm (N. J. Smith); where R's
differs (``1 + a:b``), R's matrix has redundant columns.
"""

from collections.abc import Sequence
from itertools import combinations

Piece = frozenset[tuple[int, bool]]
"""Categorical factors by number, each with whether it has all levels."""


def pieces(categorical: Sequence[int], spanned: set[frozenset[int]]) -> tuple[Piece, ...]:
    """Return the pieces that a product adds to what is spanned already.

    Parameters
    ----------
    categorical
        The product's categorical factors.
    spanned
        Subsets of factors whose contrasts earlier products with the same numeric factors span. The new ones
        are added.
    """
    new = [subset for subset in _subsets(categorical) if subset not in spanned]
    spanned.update(new)
    found: list[Piece] = [frozenset((factor, False) for factor in subset) for subset in new]
    while _joined(found):
        pass
    return tuple(found)


def _subsets(factors: Sequence[int]) -> list[frozenset[int]]:
    sizes = range(len(factors) + 1)
    return [frozenset(subset) for size in sizes for subset in combinations(factors, size)]


def _joined(found: list[Piece]) -> bool:
    """Join the first short piece that fits into a longer one, ``a-`` and ``a-:b-`` to ``a-:b``."""
    for i, short in enumerate(found):
        for j in range(i + 1, len(found)):
            extra = found[j] - short
            if len(found[j]) == len(short) + 1 and len(extra) == 1:
                ((factor, _),) = extra
                found[j] = short | {(factor, True)}
                del found[i]
                return True
    return False
