"""Draws from the prior and of responses under it."""

from __future__ import annotations

import numpy as np

from bayesdeep.core.errors import PriorError
from bayesdeep.core.lazy import xr
from bayesdeep.core.random import derive
from bayesdeep.core.registry import PRIORS
from bayesdeep.graph.evaluate import forward_draws
from bayesdeep.spec.model_spec import ModelSpec

from .prediction_blocks import blocks
from .rows import Rows
from .tree import data_datasets, posterior_dataset


def prior_tree(spec: ModelSpec, rows: Rows, draws: int, seed: int) -> xr.DataTree:
    """Return a tree with groups ``prior``, ``prior_predictive``, ``observed_data`` and ``constant_data``.

    Raises
    ------
    PriorError
        When a prior is improper, naming it.
    """
    for chosen in spec.priors:
        if not PRIORS[chosen.prior.name].proper:
            raise PriorError(f"prior '{chosen.name}': {chosen.prior} is improper and cannot be drawn from")
    graph = rows.graph(spec)
    values = forward_draws(graph, list(graph.reported), draws, {}, derive(seed, "prior"))
    parts = [
        v for _, _, v in blocks(spec, values, rows, "predictive", "sample", derive(seed, "prior predictive"))
    ]
    flat = np.concatenate(parts, axis=1)
    dims = ("chain", "draw", "obs", f"{spec.response.name}_count")[: flat.ndim + 1]
    predictive = xr.Dataset({spec.response.name: (dims, flat[None])}, coords={"obs": np.arange(rows.rows)})
    observed, constant = data_datasets(rows, spec)
    tree = xr.DataTree.from_dict(
        {
            "prior": posterior_dataset(graph, values, 1, draws),
            "prior_predictive": predictive,
            "observed_data": observed,
            "constant_data": constant,
        }
    )
    tree.attrs["seed"] = seed
    return tree
