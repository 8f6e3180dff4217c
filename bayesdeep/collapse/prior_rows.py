"""Priors of population coefficients that are not normal, as rows beside those of the data.

A coefficient's log prior density is a function of a linear predictor, as a row's log likelihood is. Such rows come after those of
the data, and an engine that works on rows needs to know nothing else of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.registry import PRIORS
from bayesdeep.core.rowwise import RowLikelihood, RowSystem, Values
from bayesdeep.spec.model_spec import ModelSpec

from .eligibility import about_a_location
from .linear_layout import Layout
from .system import intercept_direction

STEP = 1e-4
"""Of differences, in units of the prior's scale."""


@dataclass(frozen=True)
class PriorRow:
    """A prior as a row.

    Attributes
    ----------
    direction
        The coefficient as a combination of the system's ``(column,)``.
    log_density
        Elementwise.
    scale
        Of the prior.
    """

    direction: np.ndarray
    log_density: Callable[[np.ndarray], np.ndarray]
    scale: float

    def terms(self, value: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the log density and two derivatives, by differences."""
        h = STEP * self.scale
        middle, above, below = (self.log_density(value + s) for s in (0.0, h, -h))
        return middle, (above - below) / (2.0 * h), (above - 2.0 * middle + below) / h**2


def prior_rows(spec: ModelSpec, layout: Layout) -> list[PriorRow]:
    """Return the priors of a predictor's population coefficients that are not normal."""
    found: list[PriorRow] = []

    def put(chosen: ChosenPrior | None, direction: np.ndarray) -> None:
        if chosen is None or not about_a_location(chosen):
            return
        plugin = PRIORS[chosen.prior.name]
        arguments = {k: v for k, v in chosen.prior.arguments if v is not None}
        assert plugin.log_density is not None
        scale = chosen.prior.get(str(plugin.scale))
        found.append(PriorRow(direction, partial(plugin.log_density, **arguments), scale if isinstance(scale, float) else 1.0))

    for place in layout.columns:
        if place.rows.intercept and layout.intercept:
            raw = spec.prior(f"{layout.prefix}Intercept_raw")
            chosen = spec.prior(f"{layout.prefix}Intercept") if raw is None else raw
            put(chosen, intercept_direction(layout, raw=raw is not None))
        for piece in place.effect.pieces:
            for k in range(place.start + piece.start, place.start + piece.stop):
                direction = np.zeros(len(layout.means))
                direction[k] = 1.0 / layout.sds[k]
                put(spec.prior(layout.prefix + quantity_name(piece.slot)), direction)
    return found


def beside(rows: RowSystem, priors: Sequence[PriorRow]) -> RowSystem:
    """Return rows and, after them, priors whose directions are in terms of all of the system's columns."""
    if not priors:
        return rows
    count = len(priors)
    directions = np.array([prior.direction for prior in priors])

    def placed(column: np.ndarray | None) -> np.ndarray:
        own = np.ones(len(rows.offset)) if column is None else column
        return np.concatenate([own, np.zeros(count, dtype=own.dtype)])

    return replace(
        rows,
        columns=np.concatenate([rows.columns, directions]),
        codes=tuple(placed(code) for code in rows.codes),
        effects=tuple(tuple(placed(z) for z in by) for by in rows.effects),
        offset=np.concatenate([rows.offset, directions @ rows.system.origin]),
        likelihood=_likelihood(rows.likelihood, priors),
        priors=count,
    )


def _likelihood(likelihood: RowLikelihood, priors: Sequence[PriorRow]) -> RowLikelihood:
    """Return the likelihood of rows, the last of whose predictors are coefficients."""
    count = len(priors)

    def joined(order: int, rows: tuple[np.ndarray, ...], eta: np.ndarray) -> tuple[np.ndarray, ...]:
        own = [prior.terms(value) for prior, value in zip(priors, eta[-count:], strict=True)]
        return tuple(np.concatenate([part, [terms[k] for terms in own]]) for k, part in enumerate(rows[: order + 1]))

    def value(eta: np.ndarray, values: Values) -> np.ndarray:
        return joined(0, (likelihood.value(eta[:-count], values),), eta)[0]

    def derivatives(eta: np.ndarray, values: Values) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = joined(2, likelihood.derivatives(eta[:-count], values), eta)
        return found[0], found[1], found[2]

    def slopes(eta: np.ndarray, values: Values) -> tuple[np.ndarray, np.ndarray]:
        found = joined(1, likelihood.with_slopes(eta[:-count], values), eta)
        return found[0], found[1]

    return replace(likelihood, value=value, derivatives=derivatives, slopes=slopes)
