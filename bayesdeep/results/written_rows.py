"""Row functions in NumPy of models whose response is not normal, with the signature that those of graphs have.

Predictors are linear in their coefficients, and the family has written its distribution down (:attr:`Family.row_law`, and
:attr:`Family.row_terms` for log likelihoods). The same values as the model's graph has, to rounding, without building one.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from bayesdeep.collapse.row_system import why_not_predictors
from bayesdeep.collapse.row_values import predictor
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.links import find_link
from bayesdeep.core.records import Response, RowLaw
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.row_likelihood import row_likelihood
from bayesdeep.spec.model_spec import ModelSpec

from .linear_rows import rows_in
from .rows import FIELDS, Rows

Arrays = Mapping[str, np.ndarray]
PLAIN = frozenset({"weighted", "prop"})
"""What may have been done to a response: neither changes its distribution but for the number of trials."""
DRAWN = PLAIN | {"censored"}
"""What may have been done to one that is drawn: where its draws are cut off whoever draws sees to."""


def written_function(spec: ModelSpec, rows: Rows, what: str, seed: int) -> Callable[..., list[np.ndarray]] | None:
    """Return a function of draws and the rows' arrays: ``linear mean pointwise predictive``, each ``(draw, row[, level])``.

    None where the model's graph has to say.
    """
    if what == "linear":
        return _linear(spec) if why_not_predictors(spec) is None else None
    if what == "pointwise":
        return partial(_pointwise, spec, rows.response) if is_written(spec, rows.response) else None
    law = law_of(spec)
    if law is None or what not in ("mean", "predictive"):
        return None
    rng = np.random.default_rng(seed)

    def function(draws: Arrays, data: Arrays) -> list[np.ndarray]:
        given, trials = params_of(spec, draws, data), trials_in(spec, data)
        return [law.mean(given, trials) if what == "mean" else law.draw(rng, given, trials)]

    return function


def law_of(spec: ModelSpec) -> RowLaw | None:
    """Return a response's distribution in NumPy; None where the model's graph has to say."""
    family, main = FAMILIES[spec.family], spec.predictors[0]
    if family.row_law is None or not set(spec.response.modifiers) <= DRAWN:
        return None
    curved = spec.predictors[1:] if family.main.link_in_family else spec.predictors
    if any(find_link(p.link, "link", FormulaError).on_arrays is None for p in curved):
        return None
    return None if why_not_predictors(spec) is not None else family.row_law(main.link)


def is_written(spec: ModelSpec, response: Response) -> bool:
    """Return whether family and links have written the rows' log likelihood down, and nothing was done to the response."""
    family, (main, *others) = FAMILIES[spec.family], spec.predictors
    if family.row_terms is None or spec.known or not set(spec.response.modifiers) <= PLAIN | family.written_for:
        return False
    if why_not_predictors(spec) is not None or (family.atoms and response.log_slope is not None):
        return False
    if others and (family.parameter_terms is None or family.parameter_terms(response, main.link) is None):
        return False
    if any(find_link(p.link, "link", FormulaError).on_arrays is None for p in others):
        return False
    return family.row_terms(response, main.link) is not None


def params_of(spec: ModelSpec, draws: Arrays, data: Arrays) -> dict[str, np.ndarray]:
    """Return the response's parameters by name, as :class:`~bayesdeep.core.records.RowLaw` takes them."""
    family, rows, found = FAMILIES[spec.family], rows_in(data), {}
    for number, one in enumerate(spec.predictors):
        parameter, eta = family.parameter(one.parameter), predictor(spec, draws, data, rows, number)
        curve = find_link(one.link, "link", FormulaError).on_arrays
        inside = parameter is not None and parameter.link_in_family
        found[one.parameter] = eta if inside or curve is None else curve(eta)[0]
    for parameter in family.parameters:
        known = spec.known.get(parameter.name)
        if parameter.name in found or (known is None and parameter.fixed is not None):
            continue
        if known is None:
            value = draws[parameter.name]
            found[parameter.name] = value if parameter.is_vector else value[:, None]
        else:
            found[parameter.name] = np.atleast_2d(data[parameter.name] if isinstance(known.value, str) else known.value)
    return found


def trials_in(spec: ModelSpec, data: Arrays) -> np.ndarray | None:
    """Return the rows' numbers of trials ``(1, row)``; None without any."""
    name = f"{spec.response.name}_trials"
    return np.asarray(data[name])[None] if name in data else None


def _linear(spec: ModelSpec) -> Callable[..., list[np.ndarray]]:
    def function(draws: Arrays, data: Arrays) -> list[np.ndarray]:
        return [predictor(spec, draws, data, rows_in(data))]

    return function


def _pointwise(spec: ModelSpec, response: Response, draws: Arrays, data: Arrays) -> list[np.ndarray]:
    """Return the rows' log likelihood ``(draw, row)``, in units of the column that the response was made of."""
    rows = rows_in(data)
    own = response.with_(**{f: data.get(f"{response.name}_{f}") for f in FIELDS})
    likelihood = row_likelihood(spec, data, own)
    eta = [predictor(spec, draws, data, rows, number).T for number in range(len(spec.predictors))]
    values = {name: draws[name] for name in likelihood.parameters}
    value = likelihood.value(np.ascontiguousarray(np.concatenate(eta)), values).T
    if own.log_slope is None or "discrete" in FAMILIES[spec.family].words:
        return [value]
    return [value + own.log_slope * (1.0 if own.weights is None else own.weights)]
