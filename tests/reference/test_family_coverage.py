"""Intervals of every family hold a fixed truth as often as they say; minutes a family, so ``-m slow -k "[tweedie]"`` runs one."""

import pytest

from bayesdeep.core.registry import FAMILIES
from benchmarks.family_coverage import left_out, one, truth_of, wrong

SETS = 100
STUDIED = [name for name, family in FAMILIES.items() if left_out(family) is None]


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIED)
def test_intervals_hold_the_truth(name: str) -> None:
    """The limits know that a share of 100 sets has a standard error of 0.03, and how many parameters there are."""
    tests = sum(len(truth_of(FAMILIES[other])) for other in STUDIED)
    assert not wrong([one(name, seed) for seed in range(1, SETS + 1)], tests)


def test_every_family_has_a_truth() -> None:
    """What is left out is left out for a reason, and the truth of the others has a number for every parameter they have."""
    for name in STUDIED:
        family, truth = FAMILIES[name], truth_of(FAMILIES[name])
        assert {p.name for p in family.plain({family.main.name})} <= {quantity.partition("[")[0] for quantity in truth}
