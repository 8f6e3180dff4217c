r"""Where sampling of a non-linear model starts: a fit of its population coefficients before the model is built.

A non-linear predictor may be level, or have no value, over much of its priors, and a chain that starts there stays there or finds
another mode than the others. So what is sought first, without effects of groups, is the maximum of

.. math:: -\tfrac{n}{2} \log \sum_i w_i (y_i - E_i(\theta))^2 + \log p(\theta),

from the priors' medians and from the best of draws about them. It is a place to start and no more: the posterior does not depend
on it, and how far chains are put apart is its standard error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.effects import Columns, Given, Shift
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.links import find_link
from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.records import Family, Response
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec, PredictorSpec
from bayesdeep.spec.nonlinear_scales import log_density, median_of, reach_of
from bayesdeep.spec.slots import prefixed

MAX_ROWS, MAX_COEFFICIENTS = 2_000, 30
"""Rows that are looked at, evenly chosen of more, and coefficients up to which they are sought together."""
TRIES, CLIMBED, SEED = 400, 3, 1
"""Places that are tried, and how many of the best are followed; of both :data:`MORE` times as many where a prior has no scale."""
MORE = 4
ROUNDS, EVALUATIONS = 3, 50
"""Of least squares, whose residuals' size is known only after a round of them."""
WIDEST, DECADES = 1.5, 4.0
"""Scales of a prior within which places lie; powers of ten, either way, where a prior has no scale."""
STEP, FAR = 1e-3, 1e100
"""Of second differences, a share of a scale; and what stands for an infinite misfit."""
APART, UNSURE = 2.0, 0.2
"""Standard errors that chains start apart; and shares of a prior's scale, where there is no standard error."""


@dataclass(frozen=True)
class NonlinearPilot:
    """Where variables start, by slot, and how far from there, in units of what is sampled."""

    places: Mapping[str, Any]
    apart: Mapping[str, float]


@dataclass(frozen=True)
class _Coefficient:
    """A number that is sought: its slot, which entry of it, its prior, and the coordinate it is sought in."""

    slot: str
    chosen: ChosenPrior
    centre: float | None
    scale: float

    def density(self, value: float) -> float:
        """Return the prior's log density; 0 where it has none of its own."""
        known = PRIORS[self.chosen.prior.name].log_density is not None and not self.chosen.prior.nested
        return float(log_density(self.chosen.prior, np.array([value]))[0]) if known else 0.0

    @property
    def positive(self) -> bool:
        return PRIORS[self.chosen.prior.name].support == "positive"

    def at(self, z: Any) -> Any:
        """Return the value ``z`` scales from the prior's median."""
        if self.centre is None:
            return self.scale * np.sinh(z) if not self.positive else self.scale * np.exp(z)
        return self.centre * np.exp(self.scale * z) if self.positive else self.centre + self.scale * z


@dataclass(frozen=True)
class _Linear:
    """A parameter's population predictor: ``offset + columns @ coefficients``, with the places of these among all."""

    parameter: str
    columns: np.ndarray
    offset: np.ndarray
    places: slice


def check_value(spec: ModelSpec, arrays: Mapping[str, np.ndarray], rows: int) -> None:
    """Raise where a non-linear formula has no value at the medians of its parameters' priors.

    Raises
    ------
    FormulaError
        Saying which part has none, in which row, and what the parameters are there.
    """
    coefficients, parts = _parts(spec, arrays, np.arange(rows))
    if any(c.centre is None for c in coefficients):
        return
    values = {p.parameter: v for p, v in zip(parts, _predictors(parts, np.array([c.centre for c in coefficients])), strict=True)}
    for term in spec.predictors[0].terms:
        record = TERMS[term.kind]
        if record.combined is None:
            continue
        try:
            record.combined(term.state, _own(arrays, term.key, None), values, strict=True)
        except FormulaError as error:
            said = ", ".join(f"{c.chosen.name} = {c.centre:.4g}" for c in coefficients)
            raise FormulaError(
                f"formula '{next(iter(spec.formulas.values()))}': {error}, at the medians of the priors ({said}); give "
                "parameters priors under which it has a value, such as LogNormal(0, 1) of what is positive"
            ) from None


def nonlinear_pilot(spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response) -> NonlinearPilot | None:
    """Return where the population coefficients of a non-linear formula start; None for a sum of terms."""
    if not spec.nonlinear:
        return None
    count = len(response.value)
    kept = np.arange(count) if count <= MAX_ROWS else np.unique(np.linspace(0, count - 1, MAX_ROWS).astype(int))
    coefficients, parts = _parts(spec, arrays, kept)
    if not coefficients or len(coefficients) > MAX_COEFFICIENTS:
        return _unfitted(coefficients)
    expected = expected_of(FAMILIES[spec.family], spec.predictors[0].link, response, kept)
    if expected is None:
        return _unfitted(coefficients)
    term = spec.predictors[0].terms[0]
    combined, own = TERMS[term.kind].combined, _own(arrays, term.key, kept)
    assert combined is not None
    y = np.asarray(response.value, dtype=np.float64)[kept]
    weights = np.ones(len(y)) if response.weights is None else np.asarray(response.weights, dtype=np.float64)[kept]

    def left(z: np.ndarray) -> np.ndarray:
        theta = np.array([c.at(v) for c, v in zip(coefficients, z, strict=True)])
        values = {p.parameter: v for p, v in zip(parts, _predictors(parts, theta), strict=True)}
        with np.errstate(all="ignore"):
            eta = np.broadcast_to(combined(term.state, own, values), y.shape)
            return np.asarray(np.sqrt(weights) * (y - expected(eta)))

    def misfit(z: np.ndarray) -> float:
        density = sum(c.density(float(c.at(v))) for c, v in zip(coefficients, z, strict=True))
        with np.errstate(all="ignore"):
            found = 0.5 * len(y) * np.log(np.sum(left(z) ** 2) + 1e-300) - density
        return float(found) if np.isfinite(found) else FAR

    z = _lowest(left, misfit, np.array([c.centre is None for c in coefficients]))
    return _unfitted(coefficients) if z is None else _fitted(coefficients, z, _errors(misfit, z))


def _parts(
    spec: ModelSpec, arrays: Mapping[str, np.ndarray], kept: np.ndarray
) -> tuple[list[_Coefficient], list[_Linear]]:
    """Return the population coefficients of all parameters of the formula, and the parameters' predictors of them."""
    coefficients: list[_Coefficient] = []
    parts: list[_Linear] = []
    for predictor in (p for p in spec.predictors if p.parameter in spec.nonlinear):
        names, columns, offset = _population(spec, predictor, arrays, kept)
        begin = len(coefficients)
        coefficients += [_coefficient(spec, name) for name in names]
        parts.append(_Linear(predictor.parameter, columns, offset, slice(begin, begin + len(names))))
    return coefficients, parts


def _population(
    spec: ModelSpec, predictor: PredictorSpec, arrays: Mapping[str, np.ndarray], kept: np.ndarray
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return slots by column, the columns ``(obs, column)`` and what is added to them; an intercept is at the columns' means."""
    main = next(iter(spec.formulas))
    names: list[str] = []
    columns: list[np.ndarray] = []
    offset = np.zeros(len(kept))
    for term in predictor.terms:
        declare, own = TERMS[term.kind].effects, _own(arrays, term.key, kept)
        for effect in () if declare is None else declare(term.state):
            rows = effect.rows
            if isinstance(rows, Shift):
                offset = offset + own[rows.array]
            if not isinstance(rows, Columns) or not isinstance(effect.law, Given):
                continue
            intercept = prefixed(predictor.parameter, main, "Intercept")
            raw = spec.prior(f"{intercept}_raw") is not None
            if rows.intercept:
                names.append(f"{intercept}_raw" if raw else intercept)
                columns.append(np.ones(len(kept)))
            table = own[rows.array] if rows.array is not None else np.zeros((len(kept), 0))
            table = table if raw or not rows.intercept else table - np.asarray(rows.means)
            for piece in effect.pieces:
                names += [prefixed(predictor.parameter, main, piece.slot)] * piece.size
            columns += list(np.asarray(table, dtype=np.float64).T)
    return names, np.stack(columns, axis=1) if columns else np.zeros((len(kept), 0)), offset


def _coefficient(spec: ModelSpec, name: str) -> _Coefficient:
    chosen = spec.prior(name)
    assert chosen is not None, name
    plugin = PRIORS[chosen.prior.name]
    if plugin.log_density is None or chosen.prior.nested:
        return _Coefficient(name, chosen, 0.0, chosen.unit)
    centre, reach = median_of(chosen.prior), reach_of(chosen.prior)
    if centre is None or reach is None or (plugin.support == "positive" and centre <= 0):
        return _Coefficient(name, chosen, None, 1.0)
    return _Coefficient(name, chosen, centre, np.log1p(reach / centre) if plugin.support == "positive" else reach)


def _own(arrays: Mapping[str, np.ndarray], key: str, kept: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return a term's own arrays by their names in it, of the rows that are kept."""
    own = {name.removeprefix(f"{key}."): values for name, values in arrays.items() if name.startswith(f"{key}.")}
    return own if kept is None else {name: values[kept] for name, values in own.items()}


def _predictors(parts: list[_Linear], theta: np.ndarray) -> list[np.ndarray]:
    return [part.offset + part.columns @ theta[part.places] for part in parts]


def expected_of(family: Family, link: str, response: Response, kept: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
    """Return the mean of a response as a function of its predictor; None where it is none, or not known.

    Other parameters are as in the family's example.
    """
    if np.ndim(response.value) != 1 or {"levels", "ordered"} & family.words:
        return None
    on_arrays = find_link(link, "link", FormulaError).on_arrays
    inverse = (lambda eta: eta) if family.main.link_in_family else None if on_arrays is None else lambda eta: on_arrays(eta)[0]
    if "gaussian" in family.words or "about" in family.words:
        return inverse
    law = None if family.row_law is None else family.row_law(link)
    if law is None or inverse is None:
        return None
    trials = None if response.trials is None else np.asarray(response.trials, dtype=np.float64)[kept][None]
    others = {name: np.full((1, 1), float(value)) for name, value in family.example.items() if np.ndim(value) == 0}
    return lambda eta: law.mean(others | {family.main.name: np.asarray(inverse(eta))[None]}, trials)[0]


def _lowest(
    left: Callable[[np.ndarray], np.ndarray], misfit: Callable[[np.ndarray], float], free: np.ndarray
) -> np.ndarray | None:
    """Return the place of the smallest misfit that is found; None where there is none that is finite.

    ``left(z)`` are the rows' residuals; ``free`` are coefficients whose priors have no width.
    """
    rng = np.random.default_rng(SEED)
    more = MORE if free.any() else 1
    drawn = rng.uniform(-1.0, 1.0, (TRIES * more, len(free))) * np.where(free, np.log(10.0) * DECADES, WIDEST)
    tried = np.concatenate([np.zeros((1, len(free))), drawn])
    values = np.array([misfit(z) for z in tried])
    # The medians are followed in any case.
    best = [0, *(k for k in np.argsort(values, kind="stable") if k)][: CLIMBED * more + 1]
    found = [(values[k], tried[k]) for k in best]
    for k in (k for k in best if values[k] < FAR):
        z = tried[k]
        for _ in range(ROUNDS):
            z = _least_squares(left, z, free)
        found.append((misfit(z), z))
    value, z = min(found, key=lambda one: one[0])
    return z if value < FAR else None


def _least_squares(left: Callable[[np.ndarray], np.ndarray], z: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return the least squares from a place on, where a scale of a prior counts as much as a residual's own size there."""
    from scipy.optimize import least_squares

    size = float(np.sqrt(np.mean(left(z) ** 2))) or 1.0

    def both(at: np.ndarray) -> np.ndarray:
        return np.concatenate([left(at) / size, np.where(free, 0.0, at)])

    try:
        found = least_squares(both, z, max_nfev=EVALUATIONS)
    except (ValueError, np.linalg.LinAlgError):  # nowhere to go from here: a slope that is no number
        return z
    return np.asarray(found.x)


def _errors(misfit: Callable[[np.ndarray], float], z: np.ndarray) -> np.ndarray:
    """Return standard errors from second differences of the misfit; NaN where these say none."""
    size, step = len(z), np.eye(len(z)) * STEP
    hessian = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            corners = [misfit(z + a * step[i] + b * step[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            hessian[i, j] = hessian[j, i] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4.0 * STEP**2)
    with np.errstate(all="ignore"):
        try:
            variances = np.diag(np.linalg.inv(hessian))
        except np.linalg.LinAlgError:
            return np.full(size, np.nan)
        return np.sqrt(np.where(variances > 0, variances, np.nan))


def _fitted(coefficients: list[_Coefficient], z: np.ndarray, errors: np.ndarray) -> NonlinearPilot:
    places: dict[str, list[float]] = {}
    apart: dict[str, float] = {}
    for c, at, error in zip(coefficients, z, errors, strict=True):
        value = float(c.at(at))
        width = UNSURE if not np.isfinite(error) else min(APART * float(error), UNSURE * 5)
        places.setdefault(c.slot, []).append(value)
        slope = float(c.at(at + STEP) - c.at(at - STEP)) / (2.0 * STEP)
        own = width * slope * _stretch(c, value)
        apart[c.slot] = min(apart.get(c.slot, np.inf), abs(own))
    return NonlinearPilot({slot: np.array(v) if len(v) > 1 else v[0] for slot, v in places.items()}, apart)


def _unfitted(coefficients: list[_Coefficient]) -> NonlinearPilot:
    """Return the priors' medians as places to start."""
    return _fitted(coefficients, np.zeros(len(coefficients)), np.full(len(coefficients), np.nan))


def _stretch(c: _Coefficient, value: float) -> float:
    """Return how much of a unit of what is sampled one of the coefficient's own is."""
    plugin = PRIORS[c.chosen.prior.name]
    if plugin.support == "positive":
        return 1.0 / value
    if plugin.support == "bounded":
        low, high = (c.chosen.prior.get(end) for end in ("lower", "upper"))
        room = [abs(value - end) for end in (low, high) if isinstance(end, float) and np.isfinite(end)]
        return sum(1.0 / max(r, 1e-300) for r in room) if room else 1.0
    return 1.0
