"""One partition that stands for many."""

from itertools import product

import numpy as np
import pytest

from bayesdeep.numerics.partitions import LOSSES, binder, in_order, information, representative


def drawn(seed: int, members: int = 6, draws: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((draws, members)) < 0.7, np.arange(members) // 2, rng.integers(0, 3, (draws, members)))
    return labels, (labels[:, :, None] == labels[:, None, :]).mean(axis=0)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the variation of information of two partitions, in bits, from its definition."""
    joint = np.array([[np.mean((a == i) & (b == j)) for j in np.unique(b)] for i in np.unique(a)])
    entropy = lambda p: -(p[p > 0] * np.log2(p[p > 0])).sum()  # noqa: E731
    return 2 * entropy(joint) - entropy(joint.sum(axis=0)) - entropy(joint.sum(axis=1))


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_no_partition_has_a_smaller_loss(loss):
    for seed in range(3):
        labels, together = drawn(seed)
        found, least = representative(together, labels[:5], loss)
        every = np.unique([in_order(np.array(one)) for one in product(range(4), repeat=6)], axis=0)
        assert least == pytest.approx(min(LOSSES[loss](one, together) for one in every), abs=1e-12)
        assert LOSSES[loss](found, together) == pytest.approx(least, abs=1e-12)


def test_binders_loss_is_the_mean_over_draws():
    labels, together = drawn(1)
    point = np.array([0, 0, 1, 1, 2, 2])
    pairs = [np.abs((point[:, None] == point) * 1.0 - (one[:, None] == one)).sum() / 30 for one in labels]
    assert binder(point, together) == pytest.approx(np.mean(pairs))


def test_the_bound_is_one_and_exact_for_one_draw():
    labels, together = drawn(2)
    for point in (np.zeros(6, dtype=int), np.arange(6), np.array([0, 0, 1, 1, 2, 2])):
        one = labels[3]
        assert information(point, (one[:, None] == one) * 1.0) == pytest.approx(distance(point, one), abs=1e-12)
    point = np.array([0, 0, 1, 1, 2, 2])
    # Jensen's inequality is on the middle term alone; the last, constant in the partition, is at most its expectation.
    shift = np.log2(together.sum(axis=1)).mean() - np.mean([np.log2((o[:, None] == o).sum(axis=1)).mean() for o in labels])
    assert information(point, together) - shift <= np.mean([distance(point, one) for one in labels]) + 1e-12
