"""What is said of chains with divergences."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from bayesdeep.engines._chain_advice import advice


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "There was 1 divergence: .* if it stays,"), (3, "There were 3 divergences: .* if they stay,")],
)
def test_divergences_are_counted_in_english(count: int, text: str) -> None:
    diverging = np.zeros((2, 50), dtype=bool)
    diverging[0, :count] = True
    stats = {"diverging": diverging, "reached_max_treedepth": np.zeros((2, 50), dtype=bool)}
    settings = SimpleNamespace(target_accept=0.8, max_treedepth=10)
    assert re.search(text, " ".join(advice(settings, stats, "")))
