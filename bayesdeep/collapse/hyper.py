"""Hyperparameters of a linear system as its effects ask for them: scales, correlations, and scales made of several numbers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from bayesdeep.core.effects import Piece, Process, Scaled, Sds
from bayesdeep.core.linear import Derived, Hyperparameter, Scale, Several
from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.core.quantities import SD
from bayesdeep.core.registry import PRIORS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shares_of_budget import is_share, shares
from bayesdeep.spec.slots import read_name

Density = Callable[[np.ndarray], np.ndarray]

FARTHEST = 1e8
"""A prior's median beyond this, or its inverse, is no place to start from."""
FIRST_SHARE = 0.3
"""Of the predictor's spread, what effects are at first thought to vary by."""
LOG_2 = float(np.log(2.0))
LIKELY = {"scale": (1.0, 0.0, np.inf), "partial": (0.5, 0.02, 0.98), "real": (0.0, -np.inf, np.inf)}
"""By kind of hyperparameter, its value where the prior does not say one, and the least and greatest to start from."""


@dataclass
class Hyper:
    """Hyperparameters as they are met; those that share a prior's key are one.

    ``sharing`` has of slots with a share of a budget which hyperparameters their scales are, and what they are multiplied by.
    """

    found: list[Hyperparameter] = field(default_factory=list)
    shared: dict[str, int] = field(default_factory=dict)
    sharing: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def share(self, name: str, times: float, start: float) -> Scale:
        """Return a new scale that has a share of a budget: its prior is that of all of them together."""
        self.found.append(Hyperparameter(name, "scale", np.zeros_like, start))
        self.sharing.setdefault(name, []).append((len(self.found) - 1, times))
        return Scale(len(self.found) - 1)

    def scale(self, name: str, prior: PriorSpec, start: float, key: str | None = None) -> Scale:
        """Return a new scale, or the one that ``key`` stands for already."""
        return Scale(self._place(name, prior, start, key, "scale"))

    def _place(self, name: str, prior: PriorSpec, start: float, key: str | None, kind: str) -> int:
        if key is not None and key in self.shared:
            return self.shared[key]
        log_density = PRIORS[prior.name].log_density
        assert log_density is not None
        density: Density = partial(log_density, **{k: v for k, v in prior.arguments if v is not None})
        if kind == "partial":
            density, start = halved(density), 2.0 * start - 1.0
        self.found.append(Hyperparameter(name, kind, density, start))
        if key is not None:
            self.shared[key] = len(self.found) - 1
        return len(self.found) - 1

    def correlations(self, name: str, eta: float, size: int) -> int:
        """Return the index of the first of ``size (size - 1) / 2`` partial correlations under an LKJ prior."""
        first = len(self.found)
        for i in range(1, size):
            for j in range(i):
                density = _partial_density(eta + (size - 2 - j) / 2)
                self.found.append(Hyperparameter(f"{name}[{j}, {i}]", "partial", density, 0.0))
        return first

    def scales(self, spec: ModelSpec, prefix: str, piece: Piece, spread: float, sds: Sds) -> list[Scale]:
        """Return the scale of each of a piece's coefficients, which may share some."""
        effects, size = spec.prior(prefix + piece.slot), piece.size
        if effects is None:
            chosen = spec.prior(prefix + piece.sd)
            assert chosen is not None
            start = FIRST_SHARE * spread / _per_unit(chosen, spread)
            if is_share(chosen):
                adds = next(owner.adds for owner in shares(spec, chosen.key) if owner.name == chosen.name)
                made = [self.share(chosen.name, times, start) for times in adds]
            else:
                made = [self.scale(chosen.name, chosen.prior, start) for _ in range(sds.count)]
            return [made[k] for k in sds.of]
        own = str(PRIORS[effects.prior.name].scale)
        scale = effects.prior.get(own)
        if not isinstance(scale, PriorSpec):
            assert isinstance(scale, float)
            return [Scale(None, scale)] * size
        name = f"{effects.key}_{own}"
        return [self.scale(name, scale, FIRST_SHARE * spread / _per_unit(effects, spread), name)] * size

    def several(
        self, spec: ModelSpec, prefix: str, law: Scaled | Process, multiplier: str, count: int, spread: float
    ) -> list[Derived]:
        """Return ``count`` scales that are functions of several numbers, proportional to that of the slot ``multiplier``."""
        places = {}
        for slot, kind in zip(law.slots, law.kinds, strict=True):
            name = read_name(spec, prefix, slot)
            chosen = spec.prior(name)
            assert chosen is not None, name
            if chosen.role == SD:
                start = FIRST_SHARE * spread / _per_unit(chosen, spread)
                if is_share(chosen):
                    places[slot] = self._shared_once(spec, chosen, start)
                    continue
            else:
                start = likely(spec, name, *LIKELY[kind])
            places[slot] = self._place(name, chosen.prior, start, name, kind)
        made = Several(tuple(places.values()), law.kinds, law.sds, count, places[multiplier] if multiplier else None)
        return [Derived(made, k) for k in range(count)]

    def _shared_once(self, spec: ModelSpec, chosen: ChosenPrior, start: float) -> int:
        """Return the place of a scale with a share of a budget, which several effects may read."""
        if chosen.name not in self.sharing:
            (times,) = next(owner.adds for owner in shares(spec, chosen.key) if owner.name == chosen.name)
            self.share(chosen.name, times, start)
        return self.sharing[chosen.name][0][0]


def _per_unit(chosen: ChosenPrior, spread: float) -> float:
    """Return the standard deviation of the column that an effect belongs to."""
    return spread / chosen.unit if chosen.unit > 0 else 1.0


def _partial_density(shape: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return the log density of ``2 B - 1`` with ``B ~ Beta(shape, shape)``."""
    from scipy.special import betaln

    constant = float(-betaln(shape, shape) - (2 * shape - 1) * np.log(2.0))

    def density(value: np.ndarray) -> np.ndarray:
        return constant + (shape - 1) * np.log1p(-(value**2))

    return density


def halved(density: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return the log density of ``2 p - 1`` for a number ``p`` between 0 and 1 with this one."""

    def found(value: np.ndarray) -> np.ndarray:
        return density(0.5 * (1.0 + value)) - LOG_2

    return found


def likely(spec: ModelSpec, name: str, default: float, lowest: float, highest: float) -> float:
    """Return a value to start from: the prior's median, where it has one that is a number like others."""
    chosen = spec.prior(name)
    assert chosen is not None
    median = PRIORS[chosen.prior.name].median
    arguments = {k: v for k, v in chosen.prior.arguments if isinstance(v, float)}
    value = default if median is None else float(median(**arguments))
    # That of a prior made to be vague, InverseGamma(0.001, 0.001), is beyond all that a parameter can be. A default prior is in
    # the units of the data, whatever these are: a length scale may be a nanometre.
    value = value if chosen.origin == "default" or FARTHEST**-1 < value < FARTHEST else default
    return float(min(max(value, lowest), highest))
