"""What a fit predicts: draws of its rows or of other ones, tables of them, and scores of responses under them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesdeep.core.registry import FAMILIES

from .fitted import Fitted, asked_rows, blocks_of, flat_draws, own_rows, seed_for
from .log_score import log_score_rows
from .mixed_predictions import mixed_blocks, mixed_predicted
from .new_group_warnings import settled
from .new_groups import for_groups
from .prediction_blocks import blocks, check_kind, several_predictors
from .prediction_tables import level_table, predictor_table, response_table, summary_table
from .predictive_distribution import predictive_blocks
from .rows import Rows, check_units

if TYPE_CHECKING:
    import xarray as xr


def predictive_draws(
    fit: Fitted, data: Any = None, kind: str = "response", new_groups: str | None = None, seed: int | None = None
) -> "xr.DataArray":
    """Return :meth:`bayesdeep.Fit.draws`, ``(chain, draw, obs)`` or ``(chain, draw, obs, level)``."""
    import xarray as xr

    spec, rows = fit.spec, asked_rows(fit, data)
    new_groups = settled(new_groups, spec, rows, "draws")
    array = _by_chain(fit, rows, check_kind(kind, spec), new_groups, seed)
    dims = ["chain", "draw", "obs"]
    coords: dict[str, Any] = {dim: np.arange(size) for dim, size in zip(dims, array.shape, strict=False)}
    if array.ndim == 4:
        labels = list(spec.response.levels or ())
        dims.append(f"{spec.response.name}_level")
        coords[dims[-1]] = labels if len(labels) == array.shape[3] else labels[1:]
    return xr.DataArray(array, dims=dims, coords=coords, name=spec.response.name, attrs={"kind": kind})


def log_likelihood(fit: Fitted) -> "xr.DataArray":
    """Return the log likelihood of the training rows ``(chain, draw, obs)``."""
    import xarray as xr

    array = _by_chain(fit, own_rows(fit, "fit"), "pointwise", "sample", None)
    dims = ("chain", "draw", "obs")
    return xr.DataArray(
        array, dims=dims, coords={dim: np.arange(size) for dim, size in zip(dims, array.shape, strict=True)}
    )


def _by_chain(fit: Fitted, rows: Rows, what: str, new_groups: str, seed: int | None) -> np.ndarray:
    """Return what :func:`~bayesdeep.results.fitted.blocks_of` yields as one array ``(chain, draw, obs[, level])``."""
    flat = np.concatenate([value for _, _, value in blocks_of(fit, rows, what, new_groups, seed)], axis=1)
    return flat.reshape(*fit.sizes, *flat.shape[1:])


def prediction_table(
    fit: Fitted,
    data: Any = None,
    kind: str = "response",
    interval: float = 0.9,
    new_groups: str | None = None,
    seed: int | None = None,
) -> pd.DataFrame:
    """Return :meth:`bayesdeep.Fit.predict`, with the rows' own index."""
    rows = asked_rows(fit, data)
    made = rows_table(fit, rows, kind, interval, settled(new_groups, fit.spec, rows, "predict"), seed)
    made.index = pd.RangeIndex(rows.rows) if rows.index is None else pd.Index(rows.index)
    return made


def rows_table(
    fit: Fitted,
    rows: Rows,
    kind: str = "response",
    interval: float = 0.9,
    new_groups: str = "sample",
    seed: int | None = None,
) -> pd.DataFrame:
    """Return predictions of rows that are arrays already, as a table with a new index; see :meth:`bayesdeep.Fit.predict`."""
    return mixed_table([fit], [rows], kind, interval, new_groups, [seed_for(fit, seed)])


def mixed_table(
    fits: Sequence[Fitted], rows: Sequence[Rows], kind: str, interval: float, new_groups: str, seeds: Sequence[int]
) -> pd.DataFrame:
    """Return a table of the mixture of what fits of one model predict, with equal shares, each of rows of its own."""
    spec, count = fits[0].spec, rows[0].rows
    words, levels = FAMILIES[spec.family].words, spec.response.levels or ()
    by_level = "levels" in words
    what = check_kind("mean" if by_level and kind == "response" else kind, spec)
    given = [
        (spec, for_groups(flat_draws(fit), own, new_groups), own, seed)
        for fit, own, seed in zip(fits, rows, seeds, strict=True)
    ]
    if what == "predictive":
        new = mixed_predicted(
            [predictive_blocks(spec, draws, own, new_groups, seed) for spec, draws, own, seed in given]
        )
        return response_table(new, count, interval)
    made = mixed_blocks([blocks(spec, draws, own, what, new_groups, seed) for spec, draws, own, seed in given])
    if by_level and what == "mean":
        return level_table(made, count, levels, mode="several_columns" not in words)
    if several_predictors(spec):
        return predictor_table(made, count, interval, levels[1:])
    return summary_table(made, count, interval)


def log_scores(fit: Fitted, data: Any = None, new_groups: str | None = None, seed: int | None = None) -> np.ndarray:
    """Return the log predictive density of each row ``(obs,)``; see :meth:`bayesdeep.Fit.log_score`."""
    rows = asked_rows(fit, data, "log_score", observed=True)
    check_units(fit.spec, rows)
    new_groups = settled(new_groups, fit.spec, rows, "log_score")
    posterior, seed = for_groups(flat_draws(fit), rows, new_groups), seed_for(fit, seed)
    return log_score_rows(blocks(fit.spec, posterior, rows, "pointwise", new_groups, seed), rows.rows)
