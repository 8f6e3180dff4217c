"""The status of a run tells of divergences."""

import numpy as np
import pytest

from bayesdeep.diagnostics.checks import status_check
from bayesdeep.engines._chain_advice import status_of


@pytest.mark.parametrize(
    ("divergences", "interrupted", "network", "status"),
    [
        (0, False, False, "ok"),
        (4, False, False, "ok"),
        (5, False, False, "doubtful"),
        (33, False, False, "doubtful"),
        (33, False, True, "ok"),
        (401, False, True, "doubtful"),
        (33, True, False, "interrupted"),
    ],
)
def test_many_divergences_make_a_run_doubtful(divergences: int, interrupted: bool, network: bool, status: str) -> None:
    diverging = np.zeros((4, 1000), dtype=bool)
    diverging.flat[:divergences] = True
    assert status_of({"diverging": diverging}, interrupted, network) == status


def test_a_diagnosis_says_what_was_read_off_the_draws_once() -> None:
    attrs = {"status": "doubtful", "exact": True, "advice": ["There were 33 divergences.", "Chains were lost."]}
    (row,) = status_check({**attrs, "judged": ["There were 33 divergences."]})
    assert not row.passed
    assert row.severity == 1
    assert row.advice == ("Chains were lost.",)
