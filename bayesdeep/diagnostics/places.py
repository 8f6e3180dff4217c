r"""Where in a posterior something happened: which scale is small, or large, at just those draws.

Divergences of a funnel gather where one scale is small, and whoever is to mend it has to know which. The draws at them are
compared with the other draws of the same chain by Mann and Whitney's statistic: the share of pairs of which the first is the
larger, one half where the two are alike. Chains are not mixed: one that is elsewhere, and diverges more, says nothing about the
place.

References
----------
Betancourt and Girolami (2015), Hamiltonian Monte Carlo for hierarchical models, arXiv:1312.0906. Papaspiliopoulos, Roberts and
Sköld (2007), Statistical Science 22, 59-73: an effect that is not centred is hard to sample where its scale is large.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.lazy import xr

MIN_SHARE_AWAY, MIN_SDS = 0.15, 2.4
"""How far from one half the share of pairs lies, and in how many of its standard deviations, where a place is named. Three
divergences at the three smallest values of a scale are 3 of them, two are 2.4."""
MAX_SIZE = 50
"""Numbers of a variable that are looked at one by one."""


@dataclass(frozen=True)
class Place:
    """The values of a quantity that a set of draws goes with.

    Attributes
    ----------
    variable
        Its name without labels.
    label
        Its name, ``"1|county_sigma"``.
    small
        Whether the values are small ones.
    share
        Share of pairs, a draw of the set and another one, of which the first is larger.
    """

    variable: str
    label: str
    small: bool
    share: float

    def __str__(self) -> str:
        return f"'{self.label}' is {'small' if self.small else 'large'}"


def where(chosen: np.ndarray, posterior: xr.Dataset, scales: Iterable[str], others: Iterable[str] = ()) -> Place | None:
    """Return the place that draws gather at; None where they gather nowhere.

    A scale that is small comes before everything else, and of several the one that tells the draws apart best.

    Parameters
    ----------
    chosen
        Which draws, ``(chain, draw)``.
    scales, others
        Names of standard deviations of effects, and of other quantities, such as the family's parameters.
    """
    scales = list(scales)
    found = [p for name in (*scales, *others) for p in _places(chosen, posterior, name)]
    low = [p for p in found if p.small and p.variable in scales]
    return max(low or found, key=lambda p: abs(p.share - 0.5), default=None)


def _places(chosen: np.ndarray, posterior: xr.Dataset, name: str) -> list[Place]:
    """Return the places among one variable's numbers."""
    array = posterior[name].transpose("chain", "draw", ...)
    values = np.asarray(array, dtype=float)
    if values.shape[:2] != chosen.shape or not 0 < np.prod(values.shape[2:]) <= MAX_SIZE:
        return []
    flat = values.reshape(*chosen.shape, -1)
    found = []
    for k in range(flat.shape[2]):
        share, sds = shares(chosen, flat[..., k])
        if abs(share - 0.5) >= MIN_SHARE_AWAY and abs(sds) >= MIN_SDS:
            found.append(Place(name, _label(array, name, k), share < 0.5, share))
    return found


def shares(chosen: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return the share of pairs within chains of which the chosen draw is larger, and by how many of its sds it is off one half.

    Parameters
    ----------
    chosen, values
        ``(chain, draw)``.
    """
    above, variance, pairs = 0.0, 0.0, 0.0
    for own, x in zip(chosen, values, strict=True):
        count, rest = int(own.sum()), int((~own).sum())
        if not count or not rest or not np.isfinite(x).all():
            continue
        order = np.sort(x)
        ranks = 0.5 * (np.searchsorted(order, x[own], "left") + np.searchsorted(order, x[own], "right") + 1)
        above += float(ranks.sum()) - 0.5 * count * (count + 1)
        pairs += count * rest
        variance += count * rest * (count + rest + 1) / 12.0
    if not pairs:
        return 0.5, 0.0
    return above / pairs, float((above - 0.5 * pairs) / np.sqrt(variance))


def _label(array: Any, name: str, k: int) -> str:
    dims = list(array.dims)[2:]
    if not dims:
        return name
    at = np.unravel_index(k, array.shape[2:])
    return f"{name}[{', '.join(str(np.asarray(array[dim])[i]) for dim, i in zip(dims, at, strict=True))}]"
