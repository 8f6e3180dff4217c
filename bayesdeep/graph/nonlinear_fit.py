r"""A pilot fit of a non-linear multilevel model: where its groups are, and what rows say of each effect.

With the slopes :math:`J_{ip} = \partial \eta_i / \partial \phi_{ip}` of the formula by its parameters
:math:`\phi_p = X_p \theta_p`, the model near the coefficients :math:`\theta` is the linear one with the columns
:math:`J_p X_p`. Gauss–Newton steps on it, with the standard deviations estimated between them (Lindstrom and Bates 1990,
Nonlinear mixed effects models for repeated measures data, Biometrics 46, 673-687), end where
:mod:`bayesdeep.graph.pilot_fit` of that linear model would, and leave the same: in which coordinates effects of groups are best
sampled. The posterior does not depend on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.nonlinear_scales import median_of, reach_of
from bayesdeep.spec.slots import prefixed

from .pilot_fit import CLOSE, STEPS, Block, Curve, PilotFit, curve_of, design_of, finished, likely_variances

HALVINGS = 8
"""Of a step that does not lower the misfit."""
DIFFERENCE = 1e-5
"""Of slopes, a share of the parameter's size."""
MAX_CHANGE = 1.0
"""Largest change of a coefficient in one step, in scales of its prior."""
START_SHARE = 0.3
"""Standard deviations of effects at first, a share of their parameter's scale."""


@dataclass(frozen=True, eq=False)
class _Linearised:
    """The parameters of a formula as linear predictors, and the formula as a function of them.

    Attributes
    ----------
    names
        The parameters.
    blocks, columns, offsets
        Of all coefficients; and by parameter sparse ``(obs, coefficient)``, with columns for all, and ``(obs,)``.
    value
        ``value(parameters by name)``: the formula ``(obs,)``.
    """

    names: tuple[str, ...]
    blocks: tuple[Block, ...]
    columns: tuple[Any, ...]
    offsets: tuple[np.ndarray, ...]
    value: Callable[[Mapping[str, np.ndarray]], np.ndarray]

    def parameters(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Return the parameters ``(obs,)`` by name."""
        parts = zip(self.names, self.columns, self.offsets, strict=True)
        return {name: columns @ theta + offset for name, columns, offset in parts}

    def jacobian(self, theta: np.ndarray) -> Any:
        """Return the formula's slopes by all coefficients, sparse ``(obs, coefficient)``."""
        from scipy import sparse

        at = self.parameters(theta)
        total: Any = 0
        for name, columns in zip(self.names, self.columns, strict=True):
            step = DIFFERENCE * np.maximum(np.abs(at[name]), 1e-8)
            up, down = (self.value({**at, name: at[name] + sign * step}) for sign in (1.0, -1.0))
            total = total + sparse.diags((up - down) / (2.0 * step)) @ columns
        return total.tocsr()


def nonlinear_fit(
    spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response, places: Mapping[str, Any]
) -> PilotFit | None:
    """Return a pilot fit of a non-linear formula whose parameters have effects of groups; None for models it does not know.

    Parameters
    ----------
    spec, arrays, response
        The model and its rows.
    places
        Where population coefficients start, by slot (:func:`bayesdeep.graph.nonlinear_pilot.nonlinear_pilot`).
    """
    model = _linearised(spec, arrays, len(response.value))
    if model is None or not any(b.factor is not None for b in model.blocks) or response.modifiers - {"prop", "weighted"}:
        return None
    curve, normal = curve_of(spec, response, arrays), "about" in FAMILIES[spec.family].words
    if curve is None and not (normal and spec.predictors[0].link == "identity"):
        return None
    theta, centre, precision, scale = _start(spec, model, places)
    with np.errstate(all="ignore"):
        found = _climb(model, response, curve, theta, centre, precision, scale)
        return None if found is None else finished(spec, model.blocks, *found, len(response.value))


def _linearised(spec: ModelSpec, arrays: Mapping[str, np.ndarray], rows: int) -> _Linearised | None:
    from scipy import sparse

    blocks: list[Block] = []
    parts, offsets, begin = [], [], 0
    for predictor in (p for p in spec.predictors if p.parameter in spec.nonlinear):
        design = design_of(predictor.terms, arrays, rows, begin)
        if design is None:
            return None
        blocks += design[0]
        parts.append((begin, design[1]))
        offsets.append(design[2])
        begin += design[1].shape[1]
    columns = []
    for at, own in parts:
        before, after = sparse.csr_matrix((rows, at)), sparse.csr_matrix((rows, begin - at - own.shape[1]))
        columns.append(sparse.hstack([before, own, after]).tocsr())
    (term,) = spec.predictors[0].terms
    combined = TERMS[term.kind].combined
    own_arrays = {k.removeprefix(f"{term.key}."): array for k, array in arrays.items() if k.startswith(f"{term.key}.")}
    assert combined is not None

    def value(parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.broadcast_to(combined(term.state, own_arrays, parameters), (rows,))

    return _Linearised(tuple(spec.nonlinear), tuple(blocks), tuple(columns), tuple(offsets), value)


def _start(
    spec: ModelSpec, model: _Linearised, places: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients to start from, priors' centres and precisions, and scales; intercepts are those of columns at 0."""
    size = model.columns[0].shape[1]
    theta, centre, precision, scale = np.zeros(size), np.zeros(size), np.zeros(size), np.ones(size)
    main = next(iter(spec.formulas))
    for predictor in (p for p in spec.predictors if p.parameter in spec.nonlinear):
        widest = 0.0
        for block in (b for t in predictor.terms for b in model.blocks if b.key == t.key and b.factor is None):
            state = next(t for t in predictor.terms if t.key == block.key)
            at = block.begin
            for effect in TERMS[state.kind].effects(state.state):
                rows = effect.rows
                if rows.intercept:
                    own = prefixed(predictor.parameter, main, "Intercept")
                    chosen = spec.prior(own) or spec.prior(f"{own}_raw")
                    assert chosen is not None
                    theta[at] = _first(places, chosen.name)
                    centre[at], precision[at], scale[at] = _normal(chosen, theta[at])
                    widest, at = max(widest, scale[at]), at + 1
                for piece in effect.pieces:
                    chosen = spec.prior(prefixed(predictor.parameter, main, piece.slot))
                    own_places = slice(at, at + piece.size)
                    if chosen is not None:
                        theta[own_places] = places.get(chosen.name, 0.0)
                        centre[own_places], precision[own_places], scale[own_places] = _normal(chosen, float(theta[at]))
                        widest = max(widest, float(scale[at])) if not rows.intercept else widest
                    if rows.intercept and spec.prior(f"{prefixed(predictor.parameter, main, 'Intercept')}_raw") is None:
                        means = np.asarray(rows.means)[piece.start : piece.stop]
                        theta[block.begin] -= float(means @ theta[own_places])
                    at += piece.size
        for block in (b for b in model.blocks if b.factor is not None and b.key.startswith(f"{predictor.parameter}_")):
            scale[block.span] = widest or 1.0
    return theta, centre, precision, scale


def _first(places: Mapping[str, Any], name: str) -> float:
    return float(np.ravel(places.get(name, 0.0))[0])


def _normal(chosen: ChosenPrior, at: float) -> tuple[float, float, float]:
    """Return centre, precision and scale of a normal distribution that is like a prior; one without a width says nothing."""
    if PRIORS[chosen.prior.name].log_density is None or chosen.prior.nested:
        return 0.0, 1.0 / chosen.unit**2, chosen.unit
    reach, median = reach_of(chosen.prior), median_of(chosen.prior)
    if reach is None or median is None:
        return at, 0.0, max(abs(at), 1e-8)
    return median, 1.0 / reach**2, reach


def _climb(
    model: _Linearised, response: Response, curve: Curve | None, theta: np.ndarray, centre: np.ndarray, own: np.ndarray,
    scale: np.ndarray,
) -> tuple[dict[str, np.ndarray], Any, np.ndarray, np.ndarray] | None:
    """Return variances, the precision ``(coefficient, coefficient)``, the prior's share of its diagonal, and coefficients."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    grouped = [b for b in model.blocks if b.factor is not None]
    units = {b.key: float(scale[b.begin]) for b in grouped}
    variances = {b.key: np.full(b.sds.max() + 1, (START_SHARE * units[b.key]) ** 2) for b in grouped}
    y = np.asarray(response.value, dtype=np.float64)
    weights = np.ones(len(y)) if response.weights is None else np.asarray(response.weights, dtype=np.float64)
    prior, precision = own.copy(), None
    spread = float(np.mean(weights * (y - model.value(model.parameters(theta))) ** 2)) if curve is None else 1.0
    for _ in range(STEPS):
        eta, slopes = model.value(model.parameters(theta)), model.jacobian(theta)
        slope, weight = _curve(curve, eta, y, weights, spread)
        if not (np.isfinite(eta).all() and np.isfinite(slopes.data).all() and np.isfinite(weight).all()):
            return None
        for b in grouped:
            prior[b.span] = 1.0 / variances[b.key][b.sds]
        gram = slopes.T @ sparse.diags(weight) @ slopes
        # A floor, as of a prior ten thousand scales wide, where neither rows nor priors say anything.
        precision = (gram + sparse.diags(prior + 1e-8 / scale**2)).tocsc()
        step = splu(precision).solve(slopes.T @ slope - prior * (theta - centre))
        if not np.isfinite(step).all():
            return None
        step = step * min(1.0, MAX_CHANGE / max(float(np.abs(step / scale).max()), 1e-300))
        theta, moved = _shortened(model, theta, step, slope, weight, prior, centre, eta)
        information, change = gram.diagonal(), float(np.abs(moved / scale).max())
        told = float(np.sum(information / (information + prior + 1e-8 / scale**2)))
        for b in grouped:
            before = variances[b.key]
            variances[b.key] = likely_variances(b, before, theta, information, units[b.key])
            change = max(change, float(np.abs(np.log(variances[b.key] / before)).max()))
        if curve is None:
            left = float(np.sum(weights * (y - model.value(model.parameters(theta))) ** 2))
            spread = left / max(len(y) - min(told, 0.8 * len(y)), 1.0)
        if change < CLOSE:
            break
    assert precision is not None
    return variances, precision.tocsr(), prior, theta


def _curve(
    curve: Curve | None, eta: np.ndarray, y: np.ndarray, weights: np.ndarray, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    return curve(eta) if curve is not None else (weights * (y - eta) / spread, weights / spread)


def _shortened(
    model: _Linearised, theta: np.ndarray, step: np.ndarray, slope: np.ndarray, weight: np.ndarray, prior: np.ndarray,
    centre: np.ndarray, eta: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients after as much of a step as lowers the misfit of the working response, and the step taken."""
    safe = np.maximum(weight, 1e-300)
    working = eta + slope / safe

    def misfit(at: np.ndarray) -> float:
        left = float(np.sum(weight * (working - model.value(model.parameters(at))) ** 2) + np.sum(prior * (at - centre) ** 2))
        return left if np.isfinite(left) else np.inf

    before = misfit(theta)
    for _ in range(HALVINGS):
        if misfit(theta + step) <= before:
            return theta + step, step
        step = 0.5 * step
    return theta, np.zeros_like(step)
