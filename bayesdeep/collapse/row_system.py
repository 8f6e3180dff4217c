"""Models that are linear in Gaussian coefficients but whose response is anything: which they are, and their rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import Derived, Hyperparameter, JointScales, LinearSystem, Moments, Scale
from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.core.rowwise import FamilyParameter, RowLikelihood, RowSystem, Shares, Thresholds
from bayesdeep.spec.declared import by_threshold
from bayesdeep.spec.model_spec import ModelSpec

from .eligibility import _scale, apart_reason, covariance_reason, terms_reason
from .hyper import halved, likely
from .linear_layout import Layout, in_thresholds, layout_of
from .moments import columns_of, effects_of_rows, moments_of
from .posterior_values import posterior_arrays, shift_of_shares
from .prior_rows import PriorRow, beside, prior_rows
from .system import SystemTarget, system_of


@dataclass(frozen=True)
class RowTarget(SystemTarget):
    """What an engine sees of such a model: its rows too, whose ``system`` it is."""

    rows: RowSystem = field(kw_only=True)


@dataclass(frozen=True)
class Part:
    """One predictor's share of a system.

    Attributes
    ----------
    layout, system
        Of the predictor alone.
    columns, factors, hyperparameters
        Where its population columns, its factors and its hyperparameters lie in the system of all predictors.
    """

    layout: Layout
    system: LinearSystem
    columns: slice
    factors: slice
    hyperparameters: slice

    def arrays(self, spec: ModelSpec, positions: np.ndarray, coefficients: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        """Return what the posterior shows of the predictor, by name, each ``(draw, …)``."""
        beta, *effects = coefficients
        own = (beta[:, self.columns], *effects[self.factors])
        return posterior_arrays(spec, self.layout, self.system, 0.0, positions[:, self.hyperparameters], own)


@dataclass(frozen=True)
class RowLayout:
    """The parts of a model by its rows, the main predictor's first."""

    parts: tuple[Part, ...]
    rows: RowSystem

    def arrays(self, spec: ModelSpec, positions: np.ndarray, coefficients: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        """Return what the posterior shows, by name, each ``(draw, …)``."""
        found: dict[str, np.ndarray] = {}
        for part in self.parts:
            found |= part.arrays(spec, positions, coefficients)
        values = self.rows.values(positions)
        if in_thresholds(spec):  # they are counted from the columns' means, as an intercept would be
            main = self.parts[0]
            beta = (coefficients[0][:, main.columns] + main.system.origin) / main.layout.sds
            own = (coefficients[0], *coefficients[1:][main.factors])
            shift = beta @ main.layout.means + shift_of_shares(main.layout, own)
            values |= {p.name: values[p.name] + shift[:, None] for p in self.rows.parameters if isinstance(p, Thresholds)}
        return found | values


def why_not_marginal(spec: ModelSpec) -> str | None:
    """Return why the coefficients cannot be integrated out by Laplace's method, in a clause; None if they can."""
    others = _modelled(spec)
    if others and not spec.nonlinear:
        return f"{', '.join(others)} has a formula of its own, so that it differs between rows"
    return why_not_rows(spec)


def why_not_rows(spec: ModelSpec) -> str | None:
    """Return why a model is not one of rows with linear predictors and Gaussian coefficients, in a clause; None if it is."""
    family = FAMILIES[spec.family]
    reason = why_not_predictors(spec) or covariance_reason(spec)
    if reason is not None:
        return reason
    for parameter in family.plain({family.main.name, *spec.known, *_modelled(spec)}):
        chosen = spec.prior(parameter.name)
        support = "cut" if parameter.shape == "cut" else parameter.support
        reason = _REASONS.get(support, _positive)(chosen, support)
        if reason is not None:
            return reason
    return None


def why_not_predictors(spec: ModelSpec) -> str | None:
    """Return why predictors are not linear in coefficients of which those of groups are normal, in a clause; None if they are."""
    return _by_level(spec) or terms_reason(spec, normal=False, sparse=True)


def why_not_by_row(spec: ModelSpec) -> str | None:
    """Return why a row's likelihood is no function of the main predictor and of what a draw says, in a clause; None if it is."""
    return _by_level(spec) or _beside(spec) or (why_not_predictors(spec) if _modelled(spec) else None)


def _beside(spec: ModelSpec) -> str | None:
    """Return that a term says more of a row than what it adds to the predictor, in a clause; None if none does."""
    for term in (term for predictor in spec.predictors for term in predictor.terms):
        plugin = TERMS[term.kind]
        if plugin.lags(term.state):
            return f"{term.source} has a response lean on the rows before it"
        if "noise" in plugin.words(term.state):
            return f"{term.source} adds to the variance of a response"
        if by_threshold(term):
            return apart_reason(term.source)
    return None


def _by_level(spec: ModelSpec) -> str | None:
    """Return why a row of data is several predictors or numbers, one for each level, in a clause; None if it is not."""
    family = FAMILIES[spec.family]
    if family.main.shape == "contrast":
        return f"a {spec.family} response has a predictor for each level"
    if "several_columns" in family.words:
        return f"a {spec.family} response is several numbers a row"
    return None


def _modelled(spec: ModelSpec) -> list[str]:
    """Return the parameters beside the main one that have formulas."""
    return [p.parameter for p in spec.predictors[1:]]


def _positive(chosen: ChosenPrior | None, support: str) -> str | None:
    assert chosen is not None
    if support != "positive":
        return f"the parameter {chosen.name} is neither positive nor a probability"
    return _scale(chosen)


def _any_number(chosen: ChosenPrior | None, support: str) -> str | None:
    del support
    assert chosen is not None
    if PRIORS[chosen.prior.name].log_density is None:
        return f"the prior of {chosen.name}, {chosen.prior}, has no density on arrays"
    return f"the prior of {chosen.name}, {chosen.prior}, has a hyperprior" if chosen.prior.nested else None


def _anywhere(chosen: ChosenPrior | None, support: str) -> str | None:
    assert chosen is not None
    if PRIORS[chosen.prior.name].support != "real":
        return f"the prior of {chosen.name}, {chosen.prior}, does not cover all numbers"
    return _any_number(chosen, support)


def _dirichlet(chosen: ChosenPrior | None, support: str) -> str | None:
    del support
    assert chosen is not None
    if chosen.prior.name != "Dirichlet":
        return f"the prior of {chosen.name} is {chosen.prior}, not a Dirichlet distribution"
    return f"the prior of {chosen.name}, {chosen.prior}, has a hyperprior" if chosen.prior.nested else None


_REASONS: Mapping[str, Callable[[ChosenPrior | None, str], str | None]] = {
    **dict.fromkeys(("unit", "one_to_two", "real"), _any_number), "cut": _anywhere, "simplex": _dirichlet,
}  # fmt: skip
"""By support of a parameter, or its shape, why its prior is in the way."""


def row_system_of(
    spec: ModelSpec,
    arrays: Mapping[str, np.ndarray],
    response: Response,
    likelihood: RowLikelihood,
    *,
    sparse: bool = False,
) -> RowLayout:
    """Return the rows of a model that :func:`why_not_rows` has nothing against.

    Parameters
    ----------
    arrays
        By ``"term key.array"``, first axis ``obs``.
    response
        Of the same rows.
    likelihood
        Of the same rows, as a function of the predictors.
    sparse
        Whether effects that lean on neighbours have the graph of these.
    """
    each = [_alone(spec, number, arrays, response, sparse) for number in range(len(spec.predictors))]
    parts, rows = _together(each, likelihood)
    found, parameters = list(rows.system.hyperparameters), list[FamilyParameter | Thresholds | Shares]()
    for name in likelihood.parameters:
        parameter = FAMILIES[spec.family].parameter(name)
        assert parameter is not None
        if parameter.shape == "cut":
            count, increasing = len(parameter.cut_labels(spec.response.levels)), parameter.support == "ordered"
            parameters.append(Thresholds(name, len(found), count, _density(spec, name), increasing))
            found += _cuts(name, parameter.cells(response)[0], count, increasing)
        elif parameter.shape == "shares":
            size = len(parameter.labels)
            parameters.append(Shares(name, len(found), size, _concentration(spec, name)))
            found += [Hyperparameter(f"{name}[{label}]", "real", np.zeros_like, 0.0) for label in parameter.labels[:-1]]
        else:
            parameters.append(FamilyParameter(name, len(found), _kind(spec, name)))
            found.append(_hyperparameter(spec, name))
    system = replace(rows.system, hyperparameters=tuple(found), joint=_of_parameter(spec, parts, parameters))
    priors = [_in_all(part, prior, system.columns) for part in parts for prior in prior_rows(spec, part.layout)]
    return RowLayout(parts, beside(replace(rows, system=system, parameters=tuple(parameters)), priors))


def _of_parameter(
    spec: ModelSpec, parts: tuple[Part, ...], parameters: list[FamilyParameter | Thresholds | Shares]
) -> tuple[JointScales, ...]:
    """Return joint priors of the main predictor's scales, those in units of a parameter of the family with its hyperparameter."""
    family, found = FAMILIES[spec.family], []
    name = None if family.residual is None else family.residual(spec.links[family.main.name])
    for joint in parts[0].system.joint:
        number = next(p.prior.get("residual_sd") for p in spec.priors if p.key == joint.key)
        own = [p.index for p in parameters if isinstance(p, FamilyParameter) and p.name == name]
        found.append(joint if isinstance(number, float) else replace(joint, over=Scale(own[0])))
    return tuple(found)


def _in_all(part: Part, prior: PriorRow, columns: int) -> PriorRow:
    """Return a predictor's prior in terms of the columns of all predictors."""
    direction = np.zeros(columns)
    direction[part.columns] = prior.direction
    return replace(prior, direction=direction)


def _alone(
    spec: ModelSpec, number: int, arrays: Mapping[str, np.ndarray], response: Response, sparse: bool
) -> tuple[Layout, LinearSystem, RowSystem]:
    """Return a predictor's layout, its system and its rows, as if there were no other."""
    layout = replace(layout_of(spec, number, sparse=sparse), standard_error=1.0)
    count = len(response.value)
    nothing = Response(response.name, np.zeros(count))
    plain = replace(layout, standard_error=None, shifts=())
    system = system_of(spec, layout, moments_of(plain, arrays, nothing, 0.0), 0.0)
    whole = slice(0, count)
    offset = np.zeros(count)
    for key in layout.shifts:
        offset = offset + arrays[key]
    columns = columns_of(layout, arrays, whole, offset)[:, :-1]
    codes, effects = effects_of_rows(layout, arrays, whole)
    rows = RowSystem(
        system,
        columns,
        tuple(np.asarray(code, dtype=np.int64) for code in codes),
        tuple(tuple(None if z is None else np.asarray(z, dtype=np.float64) for z in by) for by in effects),
        offset + columns @ system.origin,
        (),
        RowLikelihood((), _none, _none),  # type: ignore[arg-type]
    )
    return layout, system, rows


def _none(*given: Any) -> np.ndarray:
    raise AssertionError(given)


def _together(
    each: list[tuple[Layout, LinearSystem, RowSystem]], likelihood: RowLikelihood
) -> tuple[tuple[Part, ...], RowSystem]:
    """Return the predictors' shares, and their rows one predictor after another."""
    parts: list[Part] = []
    at = [0, 0, 0]
    for layout, system, _ in each:
        sizes = (system.columns, len(system.factors), system.dim)
        places = [slice(start, start + size) for start, size in zip(at, sizes, strict=True)]
        parts.append(Part(layout, system, *places))
        at = [place.stop for place in places]
    if len(each) == 1:
        return tuple(parts), replace(each[0][2], likelihood=likelihood)
    count, number = len(each[0][2].offset), len(each)
    columns = np.zeros((number * count, at[0]))
    precision = np.zeros((at[0], at[0]))
    codes, effects = list[np.ndarray](), list[tuple[np.ndarray | None, ...]]()
    for k, (part, (_, system, rows)) in enumerate(zip(parts, each, strict=True)):
        own = slice(k * count, (k + 1) * count)
        columns[own, part.columns] = rows.columns
        precision[part.columns, part.columns] = system.precision
        codes += [_placed(code, own, number * count) for code in rows.codes]
        effects += [tuple(_placed(z, own, number * count) for z in by) for by in rows.effects]
    system = LinearSystem(
        _groups_met(parts),
        tuple(_moved(factor, part.hyperparameters.start) for part in parts for factor in part.system.factors),
        Scale(None, 1.0),
        tuple(h for part in parts for h in part.system.hyperparameters),
        precision,
        sum(part.system.prior_constant for part in parts),
        np.concatenate([part.system.origin for part in parts]),
        {
            part.factors.start + k: _in_place(table, part.columns, at[0])
            for part in parts
            for k, table in part.system.apart.items()
        },
    )
    offset = np.concatenate([rows.offset for _, _, rows in each])
    return tuple(parts), RowSystem(system, columns, tuple(codes), tuple(effects), offset, (), likelihood, number)


def _placed(values: np.ndarray | None, own: slice, count: int) -> np.ndarray:
    """Return the values in a predictor's own rows, and 0 in those of others."""
    found = np.zeros(count, dtype=np.float64 if values is None else values.dtype)
    found[own] = 1.0 if values is None else values
    return found


def _in_place(table: np.ndarray, columns: slice, count: int) -> np.ndarray:
    """Return a table ``(column, coefficient)`` of a predictor's columns as one of all columns."""
    found = np.zeros((count, table.shape[1]))
    found[columns] = table
    return found


def _moved(factor: Any, by: int) -> Any:
    """Return a factor whose hyperparameters come after others."""
    scales = tuple(_scale_moved(scale, by) for scale in factor.scales)
    return replace(factor, scales=scales, blocks=tuple((start, stop, first + by) for start, stop, first in factor.blocks))


def _scale_moved(scale: Scale | Derived, by: int) -> Scale | Derived:
    if isinstance(scale, Derived):
        return Derived(scale.of.moved(by), scale.place)
    return scale if scale.index is None else Scale(scale.index + by, scale.value)


def _groups_met(parts: list[Part]) -> Moments:
    """Return which groups occur together: none of different predictors, whose effects no row has both of."""
    between = {}
    sizes = [(part, k, f.levels * f.width) for part in parts for k, f in enumerate(part.system.factors)]
    for a, (one, first, height) in enumerate(sizes):
        for b, (other, second, width) in enumerate(sizes[a + 1 :], a + 1):
            same = one is other
            between[a, b] = one.system.moments.between[first, second] if same else sparse.csr_array((height, width))
    return Moments(0.0, 0.0, np.zeros((0, 0)), (), (), between)


def _concentration(spec: ModelSpec, name: str) -> float:
    """Return the one number of the Dirichlet prior of shares."""
    chosen = spec.prior(name)
    assert chosen is not None
    value = chosen.prior.get("a")
    return float(value) if isinstance(value, float | int) else 1.0


def _kind(spec: ModelSpec, name: str) -> str:
    parameter = FAMILIES[spec.family].parameter(name)
    assert parameter is not None
    return parameter.support if parameter.support in ("unit", "one_to_two", "real") else "scale"


def _density(spec: ModelSpec, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the log prior density of a parameter."""
    chosen = spec.prior(name)
    assert chosen is not None
    log_density: Any = PRIORS[chosen.prior.name].log_density
    return partial(log_density, **{k: v for k, v in chosen.prior.arguments if v is not None})


def _hyperparameter(spec: ModelSpec, name: str) -> Hyperparameter:
    density = _density(spec, name)
    kind = _kind(spec, name)
    if kind in ("unit", "one_to_two"):
        low = 1.0 if kind == "one_to_two" else 0.0
        start = likely(spec, name, low + 0.5, low + 0.02, low + 0.98) - low
        return Hyperparameter(name, "partial", halved(lambda p: density(low + p)), 2.0 * start - 1.0)
    if kind == "real":
        return Hyperparameter(name, "real", density, _centre(spec, name))
    return Hyperparameter(name, "scale", density, likely(spec, name, 1.0, 0.0, np.inf))


def _centre(spec: ModelSpec, name: str) -> float:
    """Return a value to start a real number from: the prior's median where it has one, else 0."""
    chosen = spec.prior(name)
    assert chosen is not None
    median = PRIORS[chosen.prior.name].median
    arguments = {k: v for k, v in chosen.prior.arguments if isinstance(v, float)}
    return 0.0 if median is None else float(median(**arguments))


def _cuts(name: str, cells: np.ndarray, count: int, increasing: bool) -> list[Hyperparameter]:
    """Return the hyperparameters that thresholds are made of; they start where the shares between them are on a logit scale.

    Increasing ones divide all levels into those below and above, others a level and those above it.
    """
    shares = (np.bincount(cells, minlength=count + 1) + 0.5) / (len(cells) + 1.0)
    below = np.cumsum(shares)[:-1] / shares.sum()
    if not increasing:
        left = shares[::-1].cumsum()[::-1]
        own = np.log(shares[:-1] / left[1:])
        return [Hyperparameter(f"{name}[{k}]", "real", np.zeros_like, float(start)) for k, start in enumerate(own)]
    at = np.log(below / (1.0 - below))
    starts = [float(at[0]), *(float(step) for step in np.log(np.diff(at)))]
    return [Hyperparameter(f"{name}[{k}]", "real", np.zeros_like, start) for k, start in enumerate(starts)]
