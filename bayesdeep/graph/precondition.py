r"""Coordinates in which population-level coefficients are nearly independent.

NUTS adapts the scale of each coordinate but not how coordinates go together. The coefficients of 85 counties against one
reference county all share that county's error; the coefficients of neighbouring spline columns pull on each other. Around
the posterior's centre their precision is about

.. math:: H = X_c^\top X_c / s^2 + D^{-2}

with the centred columns :math:`X_c`, the natural spread :math:`s` of the predictor and the scales :math:`D` of the priors. With
:math:`H = C C^\top` and :math:`\beta = C^{-\top} q` the coordinates :math:`q` are about independent with unit scale. The model
is the same; only what the sampler sees is turned and stretched, by a constant matrix whose Jacobian is a constant.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesdeep.core.effects import Columns, Given
from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec, PredictorSpec
from bayesdeep.spec.slots import prefixed

from .pilot_fit import PilotFit

MIN_CONDITION_NUMBER = 8.0
"""Condition number of the correlations from which turning the coordinates pays for the multiplication."""

MAX_COLUMNS = 1500


@dataclass(frozen=True)
class Mixing:
    """Variables whose values, one after another, are ``matrix @ q``.

    Attributes
    ----------
    names
        Names of the random variables, in the order of the matrix's rows; each a scalar or a vector, or with a further
        axis that the matrix does not touch.
    matrix
        ``(coefficient, coefficient)``.
    """

    names: tuple[str, ...]
    matrix: np.ndarray


def mixings(
    spec: ModelSpec, arrays: Mapping[str, np.ndarray], pilot: PilotFit | None = None
) -> tuple[Mixing, ...]:
    """Return a mixing for each predictor whose columns are correlated enough to be worth one.

    A pilot fit knows the precision of the main predictor's columns with the effects of groups integrated out.
    """
    found = (_mixing(spec, predictor, arrays, pilot) for predictor in spec.predictors)
    return tuple(mixing for mixing in found if mixing is not None)


def _mixing(
    spec: ModelSpec, predictor: PredictorSpec, arrays: Mapping[str, np.ndarray], pilot: PilotFit | None
) -> Mixing | None:
    main = FAMILIES[spec.family].bare
    for term in predictor.terms:
        declare = TERMS[term.kind].effects
        effect = next((e for e in declare(term.state) if isinstance(e.law, Given) and e.pieces), None) if declare else None
        if effect is None or not isinstance(effect.rows, Columns) or not 2 <= effect.width <= MAX_COLUMNS:
            continue
        design = arrays[f"{term.key}.{effect.rows.array}"]
        names = tuple(prefixed(predictor.parameter, main, piece.slot) for piece in effect.pieces)
        sizes = [piece.size for piece in effect.pieces]
        priors = [spec.prior(name) for name in names]
        if not all(prior is not None and _is_plain(prior) for prior in priors):
            return None
        scales = np.repeat([_scale(prior) for prior in priors if prior is not None], sizes)
        spread = spec.response.spread if predictor.parameter == main else 1.0
        means = design.mean(axis=0) if effect.rows.intercept else 0.0
        places = None if pilot is None else pilot.places(term.key)
        if pilot is not None and places is not None:
            # The intercept, which comes first where there is one, keeps its own coordinate.
            own = slice(places.stop - len(scales), places.stop)
            known = pilot.precision[own, own]
        else:
            known = _gram(design, means) / spread**2
        precision = known + np.diag(1.0 / scales**2)
        return _from_precision(names, precision)
    return None


def _gram(design: np.ndarray, means: np.ndarray | float) -> np.ndarray:
    rows = len(design)
    return design.T @ design - rows * np.outer(means, means) if np.ndim(means) else design.T @ design


def _from_precision(names: tuple[str, ...], precision: np.ndarray) -> Mixing | None:
    diagonal = np.sqrt(np.maximum(np.diag(precision), 1e-300))
    if not np.isfinite(precision).all():
        return None
    correlation = precision / np.outer(diagonal, diagonal) + 1e-8 * np.eye(len(diagonal))
    values = np.linalg.eigvalsh(correlation)
    if values[0] <= 0 or values[-1] / values[0] < MIN_CONDITION_NUMBER:
        return None
    lower = np.linalg.cholesky(correlation)
    matrix = np.linalg.inv(lower).T / diagonal[:, None]
    return Mixing(names, np.ascontiguousarray(matrix))


def _is_plain(chosen: ChosenPrior) -> bool:
    """Return whether the coefficient itself is what is sampled: no hyperparameters, no joint prior, no bounds."""
    plugin = PRIORS[chosen.prior.name]
    return plugin.support == "real" and all(isinstance(value, float) for _, value in chosen.prior.arguments)


def _scale(chosen: ChosenPrior) -> float:
    scale = PRIORS[chosen.prior.name].scale
    value = chosen.prior.get(scale) if scale else None
    return float(value) if isinstance(value, float) else np.inf
