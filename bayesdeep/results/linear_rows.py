"""Row functions of linear Gaussian models in NumPy, with the signature that those of graphs have."""

from collections.abc import Callable, Mapping

import numpy as np

from bayesdeep.collapse.row_values import log_density, noise_sd, predictor
from bayesdeep.spec.model_spec import ModelSpec

Arrays = Mapping[str, np.ndarray]


def linear_function(spec: ModelSpec, what: str, seed: int) -> Callable[..., list[np.ndarray]]:
    """Return a function of draws and the rows' arrays: ``linear mean pointwise predictive``, each ``(draw, row)``."""
    rng = np.random.default_rng(seed)

    def function(draws: Arrays, data: Arrays) -> list[np.ndarray]:
        rows = rows_in(data)
        if what == "pointwise":
            return [log_density(spec, draws, data, rows)]
        mean = predictor(spec, draws, data, rows)
        return [mean if what != "predictive" else rng.normal(mean, noise_sd(spec, draws, data))]

    return function


def rows_in(data: Arrays) -> int:
    """Return how many rows arrays are of."""
    return len(next(iter(data.values())))
