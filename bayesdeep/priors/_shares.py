"""Shares that sum to 1, as a stick that is broken."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.core.terms import Scope


def broken_stick(scope: Scope, name: str, concentration: float, size: int) -> Any:
    r"""Return ``(share,)`` with density proportional to :math:`\prod_k \zeta_k^{a - 1}`, :math:`a` the concentration.

    :math:`\zeta_k = v_k \prod_{j<k} (1 - v_j)` with :math:`v_k \sim \mathrm{Beta}(a, (K - k) a)` independent, and the last
    share is what is left. ``name`` begins that of the hidden variable with the parts :math:`v`.
    """
    a, broken = concentration, size - 1
    if not broken:
        return pt.ones(1)
    left_to_others: Sequence[float] = [a * (size - 1 - k) for k in range(broken)]
    part = scope.hidden(f"{name}_part", "Beta", {"alpha": [a] * broken, "beta": left_to_others}, broken, "simplex")
    left = pt.log1p(-part)
    # A share moves with its own part times what the parts before it left over.
    scope.shows(part, sum(((broken - 1 - k) * left[k].sum() for k in range(broken - 1)), start=0.0))
    # Sums of logarithms: a product of many rests would have no derivative where one of them is 0.
    before = pt.exp(scope.dot(pt.constant(np.tril(np.ones((size, broken)), -1)), left))
    return before * pt.concatenate([part, pt.ones_like(part[:1])], axis=0)
