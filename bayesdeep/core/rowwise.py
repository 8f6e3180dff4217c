r"""A generalised linear mixed model: any likelihood, linear predictors, Gaussian coefficients.

.. math:: \log p(y \mid \beta, u, \phi) = \sum_i \ell_i(\eta_i, \phi), \qquad
    \eta = o + X\beta + \sum_f Z_f u_f, \qquad u_{fj} \sim N(0, T_f T_f^\top)

with a few family parameters :math:`\phi`. Where several parameters of the family have predictors, these lie one after another:
the design has ``obs * predictor`` rows, a row of the data at one place in each. Given scales, correlations and :math:`\phi` the
coefficients' posterior is nearly Gaussian; an engine that can use this finds the rows as ``target.rows``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .linear import LinearSystem

Values = Mapping[str, np.ndarray]
"""Family parameters by name, each ``(batch,)``; thresholds are ``(batch, cut)``, shares ``(batch, share)``."""


@dataclass(frozen=True)
class RowLikelihood:
    """Each row's log likelihood as a function of its predictor, elementwise.

    Attributes
    ----------
    parameters
        Names of the family parameters that are estimated.
    value
        ``value(eta, parameters) -> (obs, batch)`` from ``eta`` ``(obs * predictor, batch)`` and parameters by name ``(batch,)``,
        or ``(batch, cut)`` of thresholds.
    derivatives
        The same with first and second derivatives by ``eta``, two arrays of its shape. Second derivatives by two predictors
        are not among them.
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
        """Return log likelihoods ``(obs, batch)`` and first derivatives, of the shape of ``eta``."""
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
        ``"scale"``, ``"real"``: the natural value itself. ``"unit"``: a number ``p`` between 0 and 1; the hyperparameter is the
        ``"partial"`` one ``2 p - 1``. ``"one_to_two"``: the same, and 1.
    """

    name: str
    index: int
    kind: str

    @property
    def places(self) -> slice:
        """Return which of the hyperparameters it is made of."""
        return slice(self.index, self.index + 1)

    def value(self, positions: np.ndarray) -> np.ndarray:
        """Return the natural values ``(batch,)`` at coordinates ``(batch, hyperparameter)``."""
        x = positions[:, self.index]
        if self.kind in ("scale", "real"):
            return np.asarray(np.exp(x) if self.kind == "scale" else x)
        return np.asarray((1.0 if self.kind == "one_to_two" else 0.0) + 0.5 * (1.0 + np.tanh(x)))

    def log_prior(self, positions: np.ndarray) -> np.ndarray:
        """Return what its log prior density has beside that of its hyperparameter ``(batch,)``: nothing."""
        return np.zeros(len(positions))


@dataclass(frozen=True)
class Thresholds:
    """Thresholds among the hyperparameters: of increasing ones the first and the logarithms of the steps between them.

    Attributes
    ----------
    name
        As the posterior shows them.
    first, count
        Which of the system's hyperparameters they begin with, and how many they are.
    log_density
        Elementwise log prior density of a threshold; theirs is the product where they increase.
    increasing
        Whether they increase; else each is a hyperparameter as it is.
    """

    name: str
    first: int
    count: int
    log_density: Callable[[np.ndarray], np.ndarray]
    increasing: bool = True

    @property
    def places(self) -> slice:
        """Return which of the hyperparameters they are made of."""
        return slice(self.first, self.first + self.count)

    def value(self, positions: np.ndarray) -> np.ndarray:
        """Return the thresholds ``(batch, cut)`` at coordinates ``(batch, hyperparameter)``."""
        x = positions[:, self.first : self.first + self.count]
        if not self.increasing:
            return x
        return np.cumsum(np.concatenate([x[:, :1], np.exp(x[:, 1:])], axis=1), axis=1)

    def log_prior(self, positions: np.ndarray) -> np.ndarray:
        """Return the log prior density of the coordinates ``(batch,)``, up to a constant."""
        found = np.asarray(self.log_density(self.value(positions)).sum(axis=1))
        return found + positions[:, self.first + 1 : self.first + self.count].sum(axis=1) if self.increasing else found


@dataclass(frozen=True)
class Shares:
    """Positive numbers that sum to 1 among the hyperparameters, which are the logarithms of the first ones over the last.

    Attributes
    ----------
    name
        As the posterior shows them.
    first, count
        Which of the system's hyperparameters they begin with, and how many shares there are: one more than hyperparameters.
    concentration
        Of their Dirichlet prior, one number for all.
    """

    name: str
    first: int
    count: int
    concentration: float

    @property
    def places(self) -> slice:
        """Return which of the hyperparameters they are made of."""
        return slice(self.first, self.first + self.count - 1)

    def _logs(self, positions: np.ndarray) -> np.ndarray:
        x = positions[:, self.places]
        whole = np.concatenate([x, np.zeros((len(x), 1))], axis=1)
        with np.errstate(invalid="ignore"):  # Of a share at its edge, 0, the error is no number, and so it is of the others.
            return np.asarray(whole - np.logaddexp.reduce(whole, axis=1, keepdims=True))

    def value(self, positions: np.ndarray) -> np.ndarray:
        """Return the shares ``(batch, share)`` at coordinates ``(batch, hyperparameter)``."""
        return np.asarray(np.exp(self._logs(positions)))

    def log_prior(self, positions: np.ndarray) -> np.ndarray:
        """Return the log prior density of the coordinates ``(batch,)``, up to a constant: their volume is the shares' product."""
        return np.asarray(self.concentration * self._logs(positions).sum(axis=1))


@dataclass(frozen=True)
class RowSystem:
    """Rows and what is known of their coefficients.

    Attributes
    ----------
    system
        Priors, factors and hyperparameters, with a residual sd of 1 that is not used. Its moments carry only which groups
        occur together, not the response.
    columns
        Population columns, centred and scaled ``(obs * predictor, column)``; 0 in the rows of other predictors.
    codes, effects
        Each row's group by factor ``(obs * predictor,)``, and by factor its varying columns (None for a column of ones), which
        are 0 in the rows of other predictors.
    offset
        ``(obs * predictor,)``.
    parameters
        Family parameters among the hyperparameters.
    likelihood
        Of the rows.
    predictors
        How many there are.
    priors
        How many rows come after those of the data: population coefficients whose log prior density is no quadratic function.
    """

    system: LinearSystem
    columns: np.ndarray
    codes: tuple[np.ndarray, ...]
    effects: tuple[tuple[np.ndarray | None, ...], ...]
    offset: np.ndarray
    parameters: tuple[FamilyParameter | Thresholds | Shares, ...]
    likelihood: RowLikelihood
    predictors: int = 1
    priors: int = 0

    @property
    def terms(self) -> int:
        """Return of how many terms the log density of rows is the sum: of the data's rows and of priors."""
        return (len(self.offset) - self.priors) // self.predictors + self.priors

    def values(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Return the family parameters by name, ``(batch,)`` or ``(batch, cut)``, at coordinates ``(batch, hyperparameter)``."""
        return {p.name: p.value(positions) for p in self.parameters}

    def log_prior(self, positions: np.ndarray) -> np.ndarray:
        """Return what the log prior density of the coordinates has beside that of each of them ``(batch,)``."""
        return sum((p.log_prior(positions) for p in self.parameters), start=np.zeros(len(positions)))
