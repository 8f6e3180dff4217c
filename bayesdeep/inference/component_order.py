"""Components of a mixture in a definite order, where nothing else says which is the first."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import function_of
from bayesdeep.results.graph_cache import evaluation_graph
from bayesdeep.results.rows import Rows, TrainingRows, containers
from bayesdeep.spec.model_spec import ModelSpec

MOST_ROWS = 200
"""Rows whose predictors are averaged to order components by."""


def in_definite_order(spec: ModelSpec, rows: TrainingRows, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return draws by name ``(draw, …)``, those of components that are alike in the order of their predictors."""
    components = FAMILIES[spec.family].components
    if components is None or not isinstance(rows, Rows):
        return values
    some = rows.take(np.unique(np.linspace(0, rows.rows - 1, min(rows.rows, MOST_ROWS)).astype(np.int64)))
    return components.in_order(values, partial(_level, spec, some, values), partial(_alike, spec))


def _level(spec: ModelSpec, rows: Rows, values: Mapping[str, np.ndarray], parameter: str) -> np.ndarray | None:
    """Return a parameter on average over rows ``(draw,)``."""
    graph = evaluation_graph(spec, rows)
    found = function_of(graph, [graph.response.params[parameter]])(values, containers(rows, 0, rows.rows))[0]
    return np.asarray(found).reshape(len(found), -1).mean(axis=1)


def _alike(spec: ModelSpec, one: str, other: str) -> bool:
    """Return whether two parameters have one formula, one link and one prior."""
    texts = [spec.formulas.get(name, "").partition("~")[2].strip() for name in (one, other)]
    priors = [
        sorted((p.name.removeprefix(name), str(p.prior)) for p in spec.priors if p.name == name or p.name.startswith(f"{name}_"))
        for name in (one, other)
    ]
    return texts[0] == texts[1] and priors[0] == priors[1] and spec.links.get(one) == spec.links.get(other)
