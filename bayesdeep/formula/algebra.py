"""R's algebra of products, on whole numbers.

A factor is a small number, a product a tuple of factors. A sum of products is a dictionary from the product's
set of factors, written as a bit mask, to the product as first written: ``a:b`` and ``b:a`` are one key.
"""

from collections.abc import Iterable

MAX_PRODUCTS = 2_000
MAX_FACTORS = 50
_MAX_PAIRS = 100_000

Products = dict[int, tuple[int, ...]]


class TooLargeError(Exception):
    """A sum that multiplies out to more, or longer, products than any data could support."""


_MANY = f"more than {MAX_PRODUCTS:,} terms"
_LONG = f"a product of more than {MAX_FACTORS} columns"


def single(factor: int) -> Products:
    """Return the sum of one product of one factor."""
    return {1 << factor: (factor,)}


def plus(left: Products, right: Products) -> Products:
    """Return ``left + right``; what is in both keeps its first place and spelling."""
    return left | {mask: product for mask, product in right.items() if mask not in left}


def minus(left: Products, right: Products) -> Products:
    """Return ``left - right``."""
    return {mask: product for mask, product in left.items() if mask not in right}


def interact(left: Products, right: Products) -> Products:
    """Return ``left : right``, every product of the one times every product of the other."""
    if len(left) * len(right) > _MAX_PAIRS:
        raise TooLargeError(_MANY)
    result: Products = {}
    for first, factors in left.items():
        for second, more in right.items():
            mask = first | second
            if mask not in result:
                if mask.bit_count() > MAX_FACTORS:
                    raise TooLargeError(_LONG)
                result[mask] = factors + tuple(f for f in more if not first >> f & 1)
        if len(result) > MAX_PRODUCTS:
            raise TooLargeError(_MANY)
    return result


def cross(left: Products, right: Products) -> Products:
    """Return ``left * right``, that is ``left + right + left:right``."""
    return _checked(plus(plus(left, right), interact(left, right)))


def nest(left: Products, right: Products) -> Products:
    """Return ``left / right``: ``right`` within the levels of everything in ``left``."""
    factors = tuple(dict.fromkeys(f for product in left.values() for f in product))
    return _checked(plus(left, interact({_mask(factors): factors}, right)))


def power(base: Products, exponent: int) -> Products:
    """Return ``base ** exponent``: all products of up to ``exponent`` of its terms."""
    result = base
    for _ in range(exponent - 1):
        larger = interact(result, base)
        if len(larger) == len(result):
            break
        result = larger
    return result


def by_degree(products: Products) -> tuple[tuple[int, ...], ...]:
    """Return the products in R's order: by number of factors, then as written."""
    return tuple(sorted(products.values(), key=len))


def _mask(factors: Iterable[int]) -> int:
    mask = 0
    for factor in factors:
        mask |= 1 << factor
    return mask


def _checked(products: Products) -> Products:
    if len(products) > MAX_PRODUCTS:
        raise TooLargeError(_MANY)
    return products
