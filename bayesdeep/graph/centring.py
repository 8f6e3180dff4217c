r"""The coordinates in which effects of groups are sampled: chosen from what the rows say of each, before sampling.

An effect :math:`u` with prior :math:`N(\mu, s^2)` can be sampled as itself (centred), as :math:`(u - \mu) / s` (non-centred), or
as anything in between (Papaspiliopoulos, Roberts and Sköld 2007, Statistical Science 22, 59-73). Were what the rows say of
it normal, with precision :math:`I` and location :math:`b / I`, then given all else it would have

.. math:: E(u) = m(s) = \frac{b + \mu / s^2}{I + 1 / s^2}, \qquad \operatorname{var}(u) = v(s)^2 = \frac{1}{I + 1 / s^2},

and :math:`(u - m(s)) / v(s)` is then standard normal whatever :math:`s` is: neither does it lie elsewhere, nor is it narrower,
where :math:`s` is small or large. What is sampled is

.. math:: q = \frac{r}{s} (u - m(s)), \qquad r = \sqrt{1 + \bar I s^2},

with the group's own :math:`I`, or where groups differ little with their median :math:`\bar I`, which takes one root and one
logarithm instead of one a group. Groups with many rows are in effect centred, and as :math:`s` goes to 0 the coordinates of all
go over into non-centred ones. The same, said as a prior for :math:`q`:

.. math:: q \sim N\left(\frac{s r (I \mu - b)}{1 + I s^2}, r^2\right), \qquad u = \mu + s (q - E(q)) / r .

The model is the same for every :math:`I` and :math:`b`, which are numbers from a pilot fit. The pull :math:`b` goes with the
coefficients of the population and with the effects that come before, :math:`b = b_0 - \sum_c k_c (\beta_c - \hat\beta_c)`, with
numbers :math:`k_c` from the same fit (:mod:`bayesdeep.graph.pilot_information`). This is the Gaussian map of the exact methods
(Papaspiliopoulos and Roberts 2003, Bayesian Statistics 7, 307-326, on such coordinates in general), effect by effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .pilot_fit import PilotFit
from .pilot_information import Follow

NEGLIGIBLE = 0.02
"""Terms of whose every effect the rows take away less than this share of the prior variance are sampled as non-centred."""

DIFFERENT = 30.0
"""Up to this ratio of the information of groups with much and with little, all are sampled in one unit."""

WIDER = 3.0
"""By how much the standard deviations may be larger than the pilot fit has them."""


@dataclass(frozen=True)
class Centring:
    """How the effects of one term are sampled.

    Attributes
    ----------
    information, pull, effects
        ``(coefficient, group)``: the rows' precision of each effect, this times what they alone would have it be, and the
        pilot fit's value.
    usual
        By coefficient, the information in whose units effects are sampled: one number where groups differ little.
    population
        ``(coefficient, group, column)``: how much the pull falls when a coefficient of the population rises by one; without
        columns for not at all.
    within
        By pair of coefficients, the second before the first: the same for the effects of the term itself.
    others
        By coefficient and key of a term before this one: the same for its effects, one coefficient after another.
    """

    information: np.ndarray
    pull: np.ndarray
    effects: np.ndarray
    usual: tuple[Any, ...]
    population: np.ndarray
    within: Mapping[tuple[int, int], Follow]
    others: Mapping[tuple[int, str, int], Follow]


def centring(pilot: PilotFit | None) -> Mapping[str, Centring]:
    """Return how the effects are sampled, by term key; terms that are not centred at all are left out."""
    if pilot is None:
        return {}
    places = [(b.key, k) for b in pilot.blocks if b.factor is not None for k in range(b.width)]
    found = {}
    for key, of in pilot.told.items():
        information = np.stack([t.information for t in of])
        if (information * (WIDER * pilot.each_sd(key)) ** 2).max() < NEGLIGIBLE:
            continue
        within, others = {}, {}
        for k, t in enumerate(of):
            for place, follow in t.earlier.items():
                other, coefficient = places[place]
                if other == key:
                    within[k, coefficient] = follow
                else:
                    others[k, other, coefficient] = follow
        found[key] = Centring(
            information,
            np.stack([t.pull for t in of]),
            pilot.effects[key],
            tuple(_usual(row) for row in information),
            np.stack([t.population for t in of]),
            within,
            others,
        )
    return found


def _usual(information: np.ndarray) -> Any:
    """Return the information in whose units effects are sampled: a root and a logarithm for each group take their time."""
    low, middle, high = np.quantile(information, (0.05, 0.5, 0.95))
    return float(middle) if high <= DIFFERENT * low else information


def described(pilot: PilotFit | None) -> dict[str, float]:
    """Return how far effects are centred, for results: from 0, not at all, to 1, the mean over groups.

    By ``"centred <term key>[coefficient]"``, the share of the prior variance that the rows take away.
    """
    return {
        f"centred {key}[{k}]": round(float((1.0 - 1.0 / (1.0 + row * sd**2)).mean()), 3)
        for key, found in centring(pilot).items()
        for k, (row, sd) in enumerate(zip(found.information, (pilot.each_sd(key) if pilot else ()), strict=True))
    }
