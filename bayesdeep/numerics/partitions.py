r"""One partition that stands for many: the one whose expected distance to them is least.

From the probability :math:`p_{ij}` that two members are in one cluster follow the expected loss of Binder, the sum over pairs of
:math:`|1(c_i = c_j) - p_{ij}|`, and, up to what does not depend on the partition, a lower bound of the expected variation of
information,

.. math:: \frac{1}{n} \sum_i \Big[ \log_2 \sum_j 1(c_i = c_j) - 2 \log_2 \sum_j p_{ij} 1(c_i = c_j)
    + \log_2 \sum_j p_{ij} \Big] .

The search starts from the best of the drawn partitions, all in one and each alone, and moves one member after another to where
the loss is least, until no move helps. That is a local minimum; a better one may be elsewhere.

Wade and Ghahramani (2018), Bayesian cluster analysis: point estimation and credible balls, Bayesian Analysis 13(2), 559-626,
doi:10.1214/17-BA1073. Binder (1978), Bayesian cluster analysis, Biometrika 65(1), 31-38, doi:10.1093/biomet/65.1.31.
"""

from collections.abc import Callable

import numpy as np

MAX_SWEEPS, MAX_MOVED = 50, 400
"""Of all members, after which the search stops (a few are usual); and members up to which they are moved: a sweep goes with the
cube of their number. Of more the best of the partitions given is returned."""


def binder(labels: np.ndarray, together: np.ndarray) -> float:
    """Return the expected loss of Binder of a partition ``(member,)``, a mean over pairs of members."""
    same = labels[:, None] == labels[None, :]
    pairs = len(labels) * (len(labels) - 1)
    return float(np.abs(same - together)[~np.eye(len(labels), dtype=bool)].sum() / pairs) if pairs else 0.0


def information(labels: np.ndarray, together: np.ndarray) -> float:
    """Return the lower bound of the expected variation of information of a partition ``(member,)``, in bits."""
    same = labels[:, None] == labels[None, :]
    own = np.log2(same.sum(axis=1)) - 2 * np.log2((together * same).sum(axis=1)) + np.log2(together.sum(axis=1))
    return float(own.mean())


LOSSES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"vi": information, "binder": binder}
"""By name: ``loss(labels, together)``."""


def representative(together: np.ndarray, candidates: np.ndarray, loss: str) -> tuple[np.ndarray, float]:
    """Return the partition of least expected loss that was found, labels ``(member,)`` from 0, and its loss.

    Parameters
    ----------
    together
        ``(member, member)``: the probability of each two to be in one cluster, 1 of each with itself.
    candidates
        Labels ``(candidate, member)`` to start from.
    loss
        A name among :data:`LOSSES`.
    """
    of, count = LOSSES[loss], len(together)
    starts = np.vstack([np.zeros((1, count), dtype=np.int64), np.arange(count)[None], candidates])
    starts = np.unique(np.array([in_order(one) for one in starts]), axis=0)
    losses = [of(one, together) for one in starts]
    labels, least = starts[int(np.argmin(losses))].copy(), min(losses)
    for _ in range(MAX_SWEEPS if count <= MAX_MOVED else 0):
        before = least
        for member in range(count):
            for other in range(labels.max() + 2):
                moved = labels.copy()
                moved[member] = other
                if (value := of(moved, together)) < least - 1e-12:
                    labels, least = in_order(moved), value
        if least == before:
            break
    return labels, least


def in_order(labels: np.ndarray) -> np.ndarray:
    """Return the same partition with labels from 0 in the order in which they are met."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse])
