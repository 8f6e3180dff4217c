"""Predictions of several fits of one model as those of their mixture, of which each fit has the same share."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from .predictive_distribution import Predicted

Block = tuple[int, int, np.ndarray]


def mixed_blocks(each: Sequence[Iterable[Block]]) -> Iterator[Block]:
    """Yield first row, last row + 1 and the draws ``(draw, row[, level])`` of all fits, the first one's first."""
    if len(each) == 1:
        yield from each[0]
        return
    for parts in zip(*each, strict=True):
        (start, stop, _), *_ = parts
        yield start, stop, np.concatenate([value for _, _, value in parts])


def mixed_predicted(each: Sequence[Iterable[Predicted]]) -> Iterator[Predicted]:
    """Yield the predictive distributions of the mixture, block by block; its variance is that within and between fits."""
    if len(each) == 1:
        yield from each[0]
        return
    for parts in zip(*each, strict=True):
        means, sds = np.array([part.mean for part in parts]), np.array([part.sd for part in parts])
        mean = means.mean(axis=0)
        sd = np.sqrt((sds**2 + (means - mean) ** 2).mean(axis=0))
        yield Predicted(parts[0].start, parts[0].stop, mean, sd, np.concatenate([part.draws for part in parts]))
