"""Draws of a linear system to the arrays the posterior shows, by name."""

import numpy as np

from bayesdeep.core.effects import Columns, Grouped, Places, Process, Scaled, Varying, root_of
from bayesdeep.core.linear import Derived, Factor, LinearSystem, Scale
from bayesdeep.core.names import quantity_name
from bayesdeep.core.registry import PRIORS
from bayesdeep.linear.hyperparameters import values_of
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.slots import read_name

from .linear_layout import EffectsPart, Layout


def posterior_arrays(
    spec: ModelSpec,
    layout: Layout,
    system: LinearSystem,
    centre: float,
    positions: np.ndarray,
    coefficients: tuple[np.ndarray, ...],
) -> dict[str, np.ndarray]:
    """Return every reported quantity by name, each ``(draw, …)``.

    Parameters
    ----------
    positions
        Hyperparameters' coordinates ``(draw, hyperparameter)``.
    coefficients
        Population coefficients ``(draw, column)``, then for each factor its effects ``(draw, level, width)``.
    """
    found = _population(layout, centre, coefficients[0] + system.origin)
    by_class: dict[str, list[np.ndarray]] = {}
    if layout.standard_error is None:
        found["sigma"] = _scale(system.sigma, positions)
    if layout.intercept:
        found[f"{layout.prefix}Intercept"] = found[f"{layout.prefix}Intercept"] - shift_of_shares(layout, coefficients)
    found |= _of_budgets(spec, system, positions)
    for place in layout.effects:
        if place.share:
            own = _shared(place, coefficients)
            found[layout.prefix + quantity_name(place.share)] = own[:, 0] if place.effect.pieces[0].scalar else own
            continue
        factor, effects = system.factors[place.factor], coefficients[1 + place.factor]
        for name, value in _spreads(spec, layout.prefix, place, factor, positions).items():
            if place.stratum is None:
                found[name] = value
            else:
                by_class.setdefault(name, []).append(value)
        own = _by_level(place, effects)
        for piece in place.effect.pieces:
            values = own[:, :, piece.start : piece.stop]
            if isinstance(place.rows, Columns | Places):
                found[layout.prefix + piece.slot] = values[:, 0]
            else:
                shown = values[:, :, 0] if piece.scalar else values.transpose(0, 2, 1)
                _put(found, layout.prefix + piece.slot, place, shown)
    # Classes come last of an sd's dimensions, and before the pairs of correlations.
    roles = {e.correlation: 1 for p in layout.effects if isinstance(e := p.effect.law, Varying) and e.correlation}
    for name, each in by_class.items():
        found[name] = np.stack(each, axis=roles.get(name.removeprefix(layout.prefix), -1))
    return found


def _put(found: dict[str, np.ndarray], name: str, place: EffectsPart, values: np.ndarray) -> None:
    """Write effects ``(draw, …, level)`` into what is found, those of a class of levels beside those of the others."""
    if place.levels is None or not isinstance(place.rows, Grouped):
        found[name] = values
        return
    if name not in found:
        found[name] = np.empty((*values.shape[:-1], len(place.rows.labels)))
    found[name][..., place.levels] = values


def _shared(place: EffectsPart, coefficients: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the coefficients ``(draw, column)`` of population columns that have a share of a budget."""
    return _by_level(place, coefficients[1 + place.factor])[:, 0] / place.unit


def shift_of_shares(layout: Layout, coefficients: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return what population columns with a share of a budget add to the predictor at what was taken off them ``(draw,)``."""
    total = np.zeros(len(coefficients[0]))
    for place in layout.effects:
        total = total + (_shared(place, coefficients) @ np.array(place.less) if place.share else 0.0)
    return total


def _of_budgets(spec: ModelSpec, system: LinearSystem, positions: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the posterior shows of budgets."""
    found: dict[str, np.ndarray] = {}
    for joint in system.joint:
        sds = joint.values(positions)
        prior = next(p.prior for p in spec.priors if p.key == joint.key)
        found |= {f"{joint.key}{one.suffix}": one.value(sds) for one in PRIORS[prior.name].reports}
    return found


def _by_level(place: EffectsPart, effects: np.ndarray) -> np.ndarray:
    """Return an effect's coefficients ``(draw, level, coefficient)`` from its factor's ``(draw, level, width)``."""
    if place.place is not None:
        return effects.sum(axis=2)[:, place.place, None]
    width = place.effect.width
    own = effects[:, :, place.start : place.start + width * max(place.copies, 1)]
    if isinstance(place.effect.law, Process):
        return place.effect.law.counted(own)
    if not place.copies or isinstance(place.rows, Columns):
        return own
    own = own.reshape(len(own), place.copies, width)
    root = root_of(place.effect.law)
    return own if root is None else root @ own


def _population(layout: Layout, centre: float, coefficients: np.ndarray) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    scaled = coefficients / layout.sds
    if layout.intercept:
        found[f"{layout.prefix}Intercept"] = scaled[:, 0] + centre - scaled[:, 1:] @ layout.means[1:]
    for place in layout.columns:
        for piece in place.effect.pieces:
            own = scaled[:, place.start + piece.start : place.start + piece.stop]
            found[layout.prefix + quantity_name(piece.slot)] = own[:, 0] if piece.scalar else own
    return found


def _scale(scale: Scale, positions: np.ndarray) -> np.ndarray:
    return np.full(len(positions), scale.value) if scale.index is None else np.exp(positions[:, scale.index])


def _spreads(spec: ModelSpec, prefix: str, place: EffectsPart, factor: Factor, positions: np.ndarray) -> dict[str, np.ndarray]:
    found = {}
    law = place.effect.law
    if isinstance(law, Scaled | Process):
        scale = factor.scales[place.start]
        assert isinstance(scale, Derived)
        names = (read_name(spec, prefix, slot) for slot in law.slots)
        return dict(zip(names, values_of(scale.of, positions), strict=True))
    for piece in place.effect.pieces:
        scales = factor.scales[place.start + piece.start : place.start + piece.stop]
        own = [_scale(s, positions) for s in scales if isinstance(s, Scale)]
        effects = spec.prior(prefix + piece.slot)
        if effects is None:
            sds = place.effect.sds(piece)
            found[prefix + piece.sd] = own[0] if sds.labels is None else np.stack([own[k] for k in sds.first], axis=1)
        elif any(isinstance(s, Scale) and s.index is not None for s in scales):
            found[f"{effects.key}_{PRIORS[effects.prior.name].scale}"] = own[0]
    slot = place.effect.law.correlation
    if slot is not None:
        first = next(first for start, _, first in factor.blocks if start == place.start)
        size = place.effect.width
        pairs = size * (size - 1) // 2
        found[prefix + slot] = correlations(np.tanh(positions[:, first : first + pairs]), size)
    return found


def correlations(partial: np.ndarray, size: int) -> np.ndarray:
    """Return correlations below the diagonal, row by row ``(draw, pair)``, from partial ones in the same order."""
    rows: list[list[np.ndarray]] = [[np.ones(len(partial))]]
    k = 0
    for i in range(1, size):
        row, left = [], np.ones(len(partial))
        for _ in range(i):
            row.append(partial[:, k] * left)
            left = left * np.sqrt(1.0 - partial[:, k] ** 2)
            k += 1
        rows.append([*row, left])
    found = [
        sum((a * b for a, b in zip(rows[i], rows[j], strict=False)), start=np.zeros(len(partial)))
        for i in range(1, size)
        for j in range(i)
    ]
    return np.stack(found, axis=1)
