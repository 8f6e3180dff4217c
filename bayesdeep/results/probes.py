"""Points at which a network's function is kept: rows of the data, and mixtures of them that lie off the data.

Chains that agree at the training rows may still hold several functions between them. Probes are made of values that occur:
each column is taken from a training row of its own, so that a probe is inside every column's range and off the data. Columns
that one expression needs together, those of the response, and grouping factors come from one row.
"""

from collections.abc import Iterator

import numpy as np

from bayesdeep.core.columns import Frame
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.core.registry import TERMS
from bayesdeep.formula.expand import columns
from bayesdeep.formula.nodes import Formula
from bayesdeep.spec.model_spec import ModelSpec

from .data_columns import taken
from .rows import FIELDS, Rows, rows_of


def has_network(spec: ModelSpec) -> bool:
    """Return whether a term of the model is a network."""
    return any("network" in TERMS[t.kind].words(t.state) for p in spec.predictors for t in p.terms)


def probe_rows(spec: ModelSpec, rows: Rows, count: int, rng: np.random.Generator) -> tuple[Rows, np.ndarray] | None:
    """Return probes as rows without a response, and their origins; None where there are none to be had.

    Parameters
    ----------
    spec
        The model.
    rows
        The training rows, with their ``columns``.
    count
        Number of probes; fewer where the model's arithmetic has no value at some.

    Returns
    -------
    tuple or None
        The probes, and of each value the training row it is from ``(probe, column)``, in the order of ``rows.columns``.
    """
    if not rows.columns or rows.rows < 2:
        return None
    origin = mixture(list(rows.columns), together(spec), rows.rows, count, rng)
    mixed = {name: taken({name: c}, origin[:, k])[name] for k, (name, c) in enumerate(rows.columns.items())}
    try:
        made = rows_of(spec, Frame(mixed, count), observed=False)
    except BayesdeepError:
        return None
    good = np.ones(count, dtype=bool)
    for array in made.arrays.values():
        good &= np.isfinite(array).reshape(count, -1).all(axis=1)
    if not good.any() or any(made.unseen.values()):
        return None
    return made.take(good), origin[good]


def mixture(
    names: list[str], blocks: list[set[str]], rows: int, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Return a training row for each column of each probe ``(probe, column)``; the columns of a block share theirs."""
    owner = {name: next((k for k, block in enumerate(blocks) if name in block), name) for name in names}
    drawn = {own: rng.integers(0, rows, count) for own in dict.fromkeys(owner.values())}
    return np.stack([drawn[owner[name]] for name in names], axis=1)


def together(spec: ModelSpec) -> list[set[str]]:
    """Return sets of columns, without overlaps, that have to come from one row."""
    nodes = spec.nodes.values()
    sets = [{name for f in nodes for group in f.groups for part in group.factor for name in columns(part)}]
    sets += [set(names) for formula in nodes for names in _expressions(formula)]
    joined: list[set[str]] = []
    for names in filter(None, sets):
        apart = [other for other in joined if not other & names]
        joined = [*apart, names.union(*(other for other in joined if other & names))]
    return joined


def _expressions(formula: Formula) -> Iterator[tuple[str, ...]]:
    """Yield the columns of everything that is worked out from several columns at once."""
    if formula.response is not None:
        yield columns(formula.response)
    products = [*formula.products, *(p for group in formula.groups for p in group.products)]
    yield from (columns(factor) for product in products for factor in product)
    calls = [*formula.specials, *(call for group in formula.groups for call in group.specials)]
    yield from (columns(argument) for call in calls for argument in call.arguments)


def stacked(stored: Rows, probes: Rows | None) -> Rows:
    """Return training rows followed by probes; a probe has the response of one of the rows, which means nothing."""
    if probes is None:
        return stored
    again = np.concatenate([np.arange(stored.rows), np.resize(np.arange(stored.rows), probes.rows)])
    parts = {f: getattr(stored.response, f) for f in FIELDS}
    response = stored.response.with_(**{f: None if v is None else v[again] for f, v in parts.items()})
    arrays = {name: np.concatenate([value, probes.arrays[name]]) for name, value in stored.arrays.items()}
    return Rows(arrays, response, len(again), observed=True)
