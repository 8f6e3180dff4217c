"""What the scopes of one model share while it is built: names, dimensions, data, and what each term leaves for others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.quantities import Quantity
from bayesdeep.core.records import Family
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.posterior_names import free_dimension, taken_names

from .centring import centring
from .lagged import Lagged
from .pilot_fit import PilotFit


@dataclass(frozen=True, eq=False)
class Root:
    """What standardised effects of groups are multiplied by; see :meth:`bayesdeep.core.terms.Scope.register_covariance_factor`.

    Attributes
    ----------
    sds, rows, prior
        As the term gave them.
    standard
        By coefficient, the name of the hidden variable and the place along its first axis, or None.
    width
        Number of predictors of the parameter; None for one.
    """

    sds: tuple[Any, ...]
    rows: Sequence[Sequence[Any]] | None
    standard: tuple[tuple[str, int | None], ...]
    prior: str
    width: int | None

    def tensor(self) -> Any:
        """Return a factor of the covariance matrix ``(coefficient, coefficient, width)``; 1 for a single predictor."""
        count, zero = len(self.sds), np.zeros(self.width or 1)
        entries = []
        for i, sd in enumerate(self.sds):
            for j in range(count):
                factor = float(i == j) if self.rows is None else self.rows[i][j] if j <= i else 0.0
                entries.append(pt.as_tensor(sd * factor) + zero)
        return pt.stack(entries).reshape((count, count, self.width or 1))


class Builder:
    """What the scopes of one model share while it is built.

    Attributes
    ----------
    spec, family, main, bare
        The model as data, its family, the name of this one's main parameter, and that of the parameter whose quantities have no
        name before them: the same, or none.
    data
        Tensors of the rows by ``"term key.array name"``, filled while the model is built.
    reported
        The ledger: what the posterior shows, by name; predictions start from these.
    factors
        By dimension that runs over the levels of a grouping factor: the factor.
    coords
        Labels by dimension.
    thresholds_shift
        The predictor at the columns' means, for families whose thresholds are centred in the intercept's place.
    pilot, centring
        A pilot fit, and from it how the effects of groups are sampled, by term key; see
        :mod:`bayesdeep.graph.centring`.
    likely_sds
        By slot of a standard deviation of effects, likely values, in whose units it is sampled; without for graphs that are not
        sampled from.
    population
        By key of a term that the pilot fit has, its ``"level"`` at the columns' means and its ``"slopes"`` ``(column,)``, once
        they are made.
    effects
        Effects of groups, ``(group,)`` a coefficient, by term key, once they are made.
    blocks, budgets
        What joint priors made, by their key and the slot: coefficients, and standard deviations.
    parameters
        Parameters of the family without a formula that are made already, by name.
    roles, units
        By name of a random variable: what it is, and its natural scale where that is not 1.
    made_of
        By name of a reported quantity, the hidden variable with its standardised values.
    fixed
        Values of variables by name that are fixed instead of estimated.
    staged
        Variables that are to be trained to a point first, by name.
    shared
        What several terms have in common, by name.
    predictors
        By parameter of a non-linear formula, its predictor ``(obs,)`` or ``()``.
    lifts
        By parameter, how much terms lift the predictor of all rows.
    means
        By parameter, what terms that are not columns add at the means of theirs.
    noise
        Variances ``(obs,)`` beside that of a normal response.
    lagged
        How the response's mean goes with what was left over at the rows before.
    observed
        Whether the rows have the response, so that what else they say counts.
    once
        What several terms of one predictor have in common, by name.
    numbers
        Memory per row (array elements), by which prediction blocks are sized.
    masked, masks, mask_sizes, outgoing
        Whether the units of layers are multiplied by masks, these tensors by name, how many units each is for, and the names
        of the hidden variables with the weights that go out from these units.
    single
        Whether hidden layers are computed in single precision.
    sampled_rows
        The number of rows with responses where the graph is to be sampled from in coordinates that suit them, else 0.
    covariance_factors
        Cholesky factors of group effects' covariances: what standardised effects are multiplied by.
    places
        Where variables start, by slot, if not at their priors' centres: a number, or one a coefficient.
    apart
        How far from there chains start, by slot, in units of what is sampled, if not at a share of their natural scale.
    auxiliary
        Names of auxiliary variables with no one-to-one counterpart in the posterior; no change-of-variables term.
    stretches
        Of hidden variables that the posterior reports as a transform of theirs: log|d reported / d sampled|.
    taken
        Names that users see; auxiliary variables and dimensions make way for them.
    model, obs, prefix
        The PyMC model, or the part of one that is the response's, its dimension of rows, and what comes before its names.
    copied
        Whether its rows are copies, one for each value that a missing number can have (:mod:`bayesdeep.graph.summed_out`).
    filled
        Of columns that have a formula of their own: their missing values.
    together
        ``together(parameter, key)``: a term's effects that are correlated with those of other terms.
    """

    def __init__(
        self,
        spec: ModelSpec,
        family: Family,
        pilot: PilotFit | None = None,
        masked: bool = False,
        fixed: Mapping[str, np.ndarray] | None = None,
        single: bool = False,
        sampled_rows: int = 0,
    ) -> None:
        self.spec, self.family, self.main = spec, family, family.main.name
        self.bare = family.bare
        self.fixed = fixed or {}
        self.staged: dict[str, Any] = {}
        self.shared: dict[str, Any] = {}
        self.once: dict[str, Any] = {}
        self.predictors: dict[str, Any] = {}
        self.lifts: dict[str, Any] = {}
        self.means: dict[str, Any] = {}
        self.noise: list[Any] = []
        self.lagged: list[Lagged] = []
        self.observed = False
        self.numbers = 1
        self.data: dict[str, Any] = {}
        self.reported: dict[str, Quantity] = {}
        self.factors: dict[str, str] = {}
        self.units: dict[str, float] = {}
        self.made_of: dict[str, str] = {}
        self.terms = frozenset(term.key for predictor in spec.predictors for term in predictor.terms)
        self.coords: dict[str, tuple[Any, ...]] = {}
        self.blocks: dict[str, dict[str, Any]] = {}
        self.budgets: dict[str, dict[str, Any]] = {}
        self.parameters: dict[str, Any] = {}
        self.nested: dict[tuple[str, str], Any] = {}
        self.thresholds_shift: Any = 0.0
        self.pilot, self.centring = pilot, centring(pilot)
        self.likely_sds: Mapping[str, Any] = {}
        self.population: dict[str, dict[str, Any]] = {}
        self.effects: dict[str, list[Any]] = {}
        self.roles: dict[str, str] = {}
        self.masked, self.single, self.sampled_rows = masked, single, sampled_rows
        self.masks: dict[str, Any] = {}
        self.mask_sizes: dict[str, int] = {}
        self.outgoing: dict[str, tuple[str, ...]] = {}
        self.covariance_factors: list[Root] = []
        self.places: Mapping[str, Any] = {}
        self.apart: Mapping[str, float] = {}
        self.auxiliary: set[str] = set()
        self.stretches: list[Any] = []
        self.taken = taken_names(spec, self.bare)
        self.model = pm.modelcontext(None)
        self.obs, self.prefix = "obs", ""
        self.together = _alone
        self.copied = False
        self.filled: Mapping[str, Any] = {}

    def unused(self, name: str) -> str:
        """Return a name for something the posterior does not show; it gives way to names that users see."""
        while name in self.taken or name in pm.modelcontext(None).named_vars:
            name += "_"
        return name

    def dim(self, name: str, labels: tuple[Any, ...], factor: str = "") -> str:
        """Declare a dimension, of a factor's levels if one is named; a name that is taken gets a suffix."""
        unique = free_dimension(name, labels, self.coords, self.taken)
        if unique not in self.coords:
            self.coords[unique] = tuple(labels)
            pm.modelcontext(None).add_coord(unique, _coordinate(labels), length=None)
        if factor:
            self.factors[unique] = factor
        return unique


def _alone(parameter: str, key: str) -> list[Any]:
    """Return nothing: no effects are correlated with those of other terms."""
    raise AssertionError(f"{parameter}: {key}")


def _coordinate(labels: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(label.item() if isinstance(label, np.generic) else label for label in labels)
