r"""A generalised linear mixed model: any likelihood, one linear predictor, Gaussian coefficients.

.. math:: \log p(y \mid \beta, u, \phi) = \sum_i \ell_i(\eta_i, \phi), \qquad
    \eta = o + X\beta + \sum_f Z_f u_f, \qquad u_{fj} \sim N(0, T_f T_f^\top)

with a few family parameters :math:`\phi`. Given scales, correlations and :math:`\phi` the coefficients' posterior is nearly
Gaussian; an engine that can use this finds the rows as ``target.rows``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .linear import LinearSystem

Values = Mapping[str, np.ndarray]
"""Family parameters by name, each ``(batch,)``."""


@dataclass(frozen=True)
class RowLikelihood:
    """Each row's log likelihood as a function of its predictor, elementwise.

    Attributes
    ----------
    parameters
        Names of the family parameters that are estimated.
    value
        ``value(eta, parameters) -> (obs, batch)`` from ``eta`` ``(obs, batch)`` and parameters by name ``(batch,)``.
    derivatives
        The same with first and second derivatives by ``eta``: three arrays ``(obs, batch)``.
    slopes
        The same with the first derivatives only, two arrays; None where those of ``derivatives`` are as cheap.
    seconds_compile
        Time it took to build them.
    side_by_side
        Whether several threads may call them at once.
    """

    parameters: tuple[str, ...]
    value: Callable[[np.ndarray, Values], np.ndarray]
    derivatives: Callable[[np.ndarray, Values], tuple[np.ndarray, np.ndarray, np.ndarray]]
    seconds_compile: float = 0.0
    side_by_side: bool = False
    slopes: Callable[[np.ndarray, Values], tuple[np.ndarray, np.ndarray]] | None = None

    def with_slopes(self, eta: np.ndarray, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """Return log likelihoods and first derivatives ``(obs, batch)``."""
        return self.derivatives(eta, values)[:2] if self.slopes is None else self.slopes(eta, values)


@dataclass(frozen=True)
class FamilyParameter:
    """A family parameter among the hyperparameters.

    Attributes
    ----------
    name
        As the posterior shows it.
    index
        Which of the system's hyperparameters it is.
    kind
        ``"scale"``: the natural value itself. ``"unit"``: a number ``p`` between 0 and 1; the hyperparameter is the
        ``"partial"`` one ``2 p - 1``.
    """

    name: str
    index: int
    kind: str

    def value(self, positions: np.ndarray) -> np.ndarray:
        """Return the natural values ``(batch,)`` at coordinates ``(batch, hyperparameter)``."""
        x = positions[:, self.index]
        return np.exp(x) if self.kind == "scale" else 0.5 * (1.0 + np.tanh(x))


@dataclass(frozen=True)
class RowSystem:
    """Rows and what is known of their coefficients.

    Attributes
    ----------
    system
        Priors, factors and hyperparameters, with a residual sd of 1 that is not used. Its moments carry only which groups
        occur together, not the response.
    columns
        Population columns, centred and scaled ``(obs, column)``.
    codes, effects
        Each row's group by factor ``(obs,)``, and by factor its varying columns ``(obs,)`` (None for a column of ones).
    offset
        ``(obs,)``.
    parameters
        Family parameters among the hyperparameters.
    likelihood
        Of the rows.
    """

    system: LinearSystem
    columns: np.ndarray
    codes: tuple[np.ndarray, ...]
    effects: tuple[tuple[np.ndarray | None, ...], ...]
    offset: np.ndarray
    parameters: tuple[FamilyParameter, ...]
    likelihood: RowLikelihood

    def values(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Return the family parameters by name, each ``(batch,)``, at coordinates ``(batch, hyperparameter)``."""
        return {p.name: p.value(positions) for p in self.parameters}
