"""What errors call the possible responses of a family."""

from math import inf, pi

import pytest

from bayesdeep.core.supports import POSITIVE, REAL, UNIT, Support, in_words


@pytest.mark.parametrize(
    ("support", "atoms", "whole", "words"),
    [
        (REAL, (), False, "numbers of any size and sign"),
        (POSITIVE, (), False, "numbers above 0"),
        (POSITIVE, (0.0,), False, "numbers from 0"),
        (POSITIVE, (), True, "counts 0, 1, 2, …"),
        (UNIT, (), False, "numbers above 0 and below 1"),
        (UNIT, (0.0, 1.0), False, "numbers from 0 to 1"),
        (UNIT, (0.0,), False, "numbers from 0 and below 1"),
        ((-pi, pi), (), False, "numbers from -pi to pi"),
        ((-inf, 2.5), (), False, "numbers below 2.5"),
        ((-inf, 2.5), (2.5,), False, "numbers up to 2.5"),
        ((1.0, inf), (), True, "whole numbers from 1"),
    ],
)
def test_supports_in_words(support: Support, atoms: tuple[float, ...], whole: bool, words: str) -> None:
    assert in_words(support, atoms, whole) == words
