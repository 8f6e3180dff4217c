"""A fitted model of several responses as a record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayesdeep.spec.joint_spec import JointSpec

from .fitted import Fitted
from .labelled import Tree
from .rows import Rows


@dataclass(frozen=True, eq=False)
class JointRows:
    """The rows of several responses.

    Attributes
    ----------
    each
        Of each response the rows that have it.
    places
        Which of all rows these are ``(obs,)``.
    rows
        How many rows there are in all.
    whole
        Of responses whose missing values are predictors, by number: all rows, with any value where it is missing.
    """

    each: tuple[Rows, ...]
    places: tuple[np.ndarray, ...]
    rows: int
    whole: Mapping[int, Rows] = field(default_factory=dict)

    def take(self, keep: np.ndarray) -> "JointRows":
        """Return some of the rows; ``keep`` are their positions among all, in order."""
        masks = [np.isin(place, keep) for place in self.places]
        return JointRows(
            tuple(rows.take(mask) for rows, mask in zip(self.each, masks, strict=True)),
            tuple(np.searchsorted(keep, place[mask]) for place, mask in zip(self.places, masks, strict=True)),
            len(keep),
            {number: rows.take(keep) for number, rows in self.whole.items()},
        )


@dataclass(frozen=True, eq=False)
class JointFitted:
    """Several responses' model, its rows and draws.

    Attributes
    ----------
    spec, rows
        The model, and the rows of each response.
    tree
        Draws of everything, names of a response's quantities beginning with its own: a :class:`~bayesdeep.results.labelled.Tree`,
        or ``xarray.DataTree`` once that was asked for.
    each
        A fit of every response alone, with its marginal posterior, by name.
    explain_choice
        Which engine was taken, and why.
    """

    spec: JointSpec
    rows: JointRows
    tree: Tree | Any
    each: Mapping[str, Fitted]
    explain_choice: str

    @property
    def sizes(self) -> tuple[int, int]:
        """Return the number of chains, and of draws of each."""
        sizes = self.tree["posterior"].sizes
        return int(sizes["chain"]), int(sizes["draw"])
