"""What a baseline promises: a scikit-learn estimator that models are held against."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Baseline:
    """A method of prediction without a model of ours. One file in ``baselines/`` defines one as ``BASELINE``.

    Attributes
    ----------
    name
        As written in ``compare``: the file's name with blanks for underscores.
    title
        A phrase for reports.
    words
        What it can do: ``"regression"``, ``"classification"``; ``"spread"`` if for numbers its ``predict`` takes ``return_std``
        and the standard deviation it returns includes noise.
    estimator
        ``estimator(task, rows, seed)``: an unfitted scikit-learn estimator for ``task``, one of the first two words, and about
        ``rows`` rows. Inputs are numbers: standardised columns, and 0/1 for each level of a category. Classifiers have
        ``predict_proba``.
    most_rows
        Where its cost grows faster than the rows, how many it takes.
    example
        What it must be able to see, in a test: ``"line"`` (a straight line), ``"curve"`` or ``"steps"``.
    """

    name: str
    title: str
    words: frozenset[str]
    estimator: Callable[[str, int, int], Any]
    most_rows: int | None = None
    example: str = ""
