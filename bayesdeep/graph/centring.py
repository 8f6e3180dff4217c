r"""How far the effects of groups are centred: chosen from the data, before sampling.

An effect :math:`u` with prior :math:`N(\mu, s^2)` can be sampled as itself (centred), as :math:`(u - \mu) / s`
(non-centred), or as anything in between (Papaspiliopoulos, Roberts and Sköld 2007, Statistical Science 22, 59-73; Gorinova,
Moore and Hoffman 2020, ICML):

.. math:: q \sim N(\lambda \mu, s^{2\lambda}), \qquad u = \mu + s^{1 - \lambda} (q - \lambda \mu).

The model is the same for every :math:`\lambda`. Sampling is easy where the location and the width of :math:`q` do not move with
:math:`\log s`. With :math:`I` the rows' information on :math:`u` and :math:`r = I s^2 / (1 + I s^2)`, given :math:`s`,

.. math:: \frac{d \log E(q)}{d \log s} = \lambda + 1 - 2r, \qquad \frac{d \log \operatorname{sd}(q)}{d \log s} = \lambda - r .

The Fisher information that :math:`q` then has on :math:`\log s`,
:math:`(\lambda + 1 - 2r)^2\, r / (1 - r) + 2 (\lambda - r)^2`, since :math:`E(q)^2 / \operatorname{var}(q)` is
:math:`r / (1 - r)` on average, is least at

.. math:: \lambda = \frac{r}{2 - r} = \frac{I s^2}{I s^2 + 2}.

Of groups there are many, and :math:`s` is known well. The coefficients of a basis are few, of which the rows tell the first ones
only: :math:`\log s` has a standard deviation of about :math:`(2 \sum r^2)^{-1/2}`, and a coefficient that is centred where
:math:`s` is nearly 0 is what chains get stuck at. Their :math:`r` is therefore that of a value of :math:`s` so low that it is
hardly met.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .pilot_fit import PilotFit

LOG_SD_LOWER_BOUND_SDS = 2.0
"""Standard deviations of ``log s`` by which the value lies lower at which coefficients of a basis are centred."""

NEGLIGIBLE = 0.02
"""Coefficients whose every group is centred less than this are sampled in the non-centred form altogether."""


@dataclass(frozen=True)
class Centring:
    """How the effects of one term are sampled.

    Attributes
    ----------
    weights
        From 0, not centred, to 1, centred, ``(coefficient, group)``.
    follow
        ``(coefficient, group, column)``: how far the location of what is sampled goes with the population's coefficients;
        None for not at all.
    others
        By key of a term before this one, ``(coefficient * group, coefficient * group)``: the same for its effects.
    """

    weights: np.ndarray
    follow: np.ndarray | None
    others: Mapping[str, np.ndarray]


def centring(pilot: PilotFit | None) -> Mapping[str, Centring]:
    """Return how the effects are sampled, by term key; terms that are not centred at all are left out."""
    found = {}
    for key, share in ({} if pilot is None else pilot.shrinkage).items():
        assert pilot is not None
        if any(block.key == key and block.basis for block in pilot.blocks):
            share = _lower(share)
        weights = share / (2.0 - share)
        if weights.max() < NEGLIGIBLE:
            continue
        follow, unit = pilot.follow.get(key), pilot.sds[key][:, None] ** (weights - 1.0)
        if follow is not None:
            follow = follow * unit[:, :, None]
        others = {second: m * unit.reshape(-1, 1) for (first, second), m in pilot.between.items() if first == key}
        found[key] = Centring(weights, follow, others)
    return found


def _lower(share: np.ndarray) -> np.ndarray:
    """Return shares ``(coefficient, group)`` of the prior variance that rows take away, at a lower sd."""
    further = np.exp(-2.0 * LOG_SD_LOWER_BOUND_SDS / np.sqrt(2.0 * (share**2).sum()))
    ratio = share / np.maximum(1.0 - share, 1e-12) * further
    return ratio / (1.0 + ratio)


def described(pilot: PilotFit | None) -> dict[str, float]:
    """Return how far effects are centred, the mean over groups by ``"centred <term key>[coefficient]"``, for results."""
    return {
        f"centred {key}[{k}]": round(float(row.mean()), 3)
        for key, found in centring(pilot).items()
        for k, row in enumerate(found.weights)
    }
