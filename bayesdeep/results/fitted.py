"""A fitted model as a record, and the few things that everybody asks of one.

Whoever draws, scores, compares or explains a fit takes a :class:`Fitted` and calls functions: those here, and those of the rooms
in between. The class that users see, with a method for each of these functions, is :class:`bayesdeep.Fit`, at the top.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesdeep.core.columns import Column
from bayesdeep.core.errors import FitError
from bayesdeep.core.random import checked_seed, derive
from bayesdeep.design.frame import read_frame
from bayesdeep.spec.model_spec import ModelSpec

from .draw_arrays import flat_posterior
from .labelled import Tree, as_datatree
from .lagged_rows import lagged_term, with_lags
from .prediction_blocks import blocks
from .rows import Rows, StreamedRows, TrainingRows, rows_in_memory, rows_of

if TYPE_CHECKING:
    import xarray as xr


class _AsTree:
    """A field that is set to draws in either form, and read as ``xarray.DataTree``, which is made when it is first read."""

    def __get__(self, record: Any, owner: type) -> "xr.DataTree":
        if record is None:
            raise AttributeError("idata")  # There is no default.
        tree = as_datatree(vars(record)["_held"])
        vars(record)["_held"] = tree
        return tree

    def __set__(self, record: Any, value: "Tree | xr.DataTree") -> None:
        vars(record)["_held"] = value


@dataclass(frozen=True, eq=False, repr=False)
class Fitted:
    """A model, the rows it was fitted to, and the draws that came of it.

    Attributes
    ----------
    spec
        The model as data.
    rows
        The training rows as arrays.
    idata
        ``xarray.DataTree`` with the groups posterior, sample_stats, observed_data and constant_data; see
        :class:`bayesdeep.Fit`. Its ``attrs`` say how the draws were made. It is made of plain arrays when it is first asked for.
    explain_choice
        Which engine was taken, and why.
    """

    spec: ModelSpec
    rows: TrainingRows
    idata: _AsTree = _AsTree()
    explain_choice: str = ""

    @property
    def held(self) -> "Tree | xr.DataTree":
        """Return the draws as they are held: as ``idata`` once that was asked for, else as plain arrays that read like it."""
        held: Tree | xr.DataTree = vars(self)["_held"]
        return held

    @property
    def posterior(self) -> "xr.Dataset":
        """Return the posterior group as a Dataset."""
        return self.idata["posterior"].to_dataset()

    @property
    def sizes(self) -> tuple[int, int]:
        """Return the number of chains, and of draws of each."""
        sizes = self.held["posterior"].sizes
        return int(sizes["chain"]), int(sizes["draw"])

    @property
    def columns(self) -> Mapping[str, Column]:
        """Return the data's columns that the model reads, by name, on the training rows; nothing where they are not held."""
        return self.rows.columns

    @property
    def in_memory(self) -> bool:
        """Return whether the training rows are there, and not only sums over them."""
        return not isinstance(self.rows, StreamedRows)


def own_rows(fit: Fitted, where: str) -> Rows:
    """Return the training rows; ``where`` begins the error text.

    Raises
    ------
    FitError
        Where the rows were only summed up.
    """
    return rows_in_memory(fit.rows, where)


def asked_rows(
    fit: Fitted, data: Any, where: str = "predict", *, observed: bool = False, paths: bool = False
) -> Rows:
    """Return the rows of ``data``, coded as in fitting; the training rows for None. ``observed``: with their responses.

    A response that leans on the rows before it finds them among the training rows. Rows that lean on others whose responses are
    not known either are refused, except by who draws ``paths`` of them (:mod:`bayesdeep.results.paths_ahead`).
    """
    if data is None:
        return own_rows(fit, where)
    rows = rows_of(fit.spec, read_frame(data), observed=observed)
    term = lagged_term(fit.spec)
    if term is None:
        return rows
    rows = with_lags(fit.spec, rows, own_rows(fit, where))
    if rows.ahead is not None and not paths:
        first = int(np.argmax((rows.ahead >= 0).any(axis=1)))
        raise FitError(
            f"{where}: row {first + 1} lies several steps after the last row of its series ({term.source}), and leans on "
            "responses that are not known; draws() and predict() draw these, and here rows are one step ahead at most"
        )
    return rows


def flat_draws(fit: Fitted) -> dict[str, np.ndarray]:
    """Return the posterior as arrays ``(chain * draw, …)`` by name."""
    return flat_posterior(fit.held["posterior"].to_dataset(), fit.spec)


def seed_for(fit: Fitted, seed: int | None, where: str = "predict") -> int:
    """Return the seed of what is drawn from a fit: the one given, else one derived from the fit's own for predictions."""
    seed = checked_seed(seed, where)
    return derive(fit.held.attrs["seed"], "predict") if seed is None else seed


def blocks_of(
    fit: Fitted, rows: Rows, what: str, new_groups: str = "sample", seed: int | None = None
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield first row, last row + 1 and values ``(chain * draw, rows of the block[, level])`` for all the rows.

    Parameters
    ----------
    what
        As the graph calls it: ``"pointwise"`` (log likelihood), ``"mean"``, ``"linear"``, ``"predictive"``.
    new_groups, seed
        For groups the model was not fitted to, and for what is drawn.
    """
    return blocks(fit.spec, flat_draws(fit), rows, what, new_groups, seed_for(fit, seed))
