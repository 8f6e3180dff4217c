r"""The coordinate in which standard deviations of effects are sampled.

A standard deviation that may be 0 has a density that ends there: its logarithm has a long tail to the left, in whose units the
upper end, where effects move most with it, is steep, and steps that suit the tail diverge there. In :math:`t`, with

.. math:: s = f c \sinh\left(\frac{\kappa}{f} \log(1 + e^t)\right)

for a likely value :math:`c`, small values lie evenly, as the standard deviation itself does, down to a soft end at 0; far above
:math:`f c`, where priors have heavy tails, it is logarithmic. A likely value that is wrong by a factor of ten does little harm.
"""

from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.effects import Process, Scaled
from bayesdeep.core.lazy import pt
from bayesdeep.core.quantities import SD
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.slots import prefixed

from .pilot_fit import PilotFit

UNIT = 0.3
r"""Of a likely value, a unit of the coordinate above 0: :math:`\kappa`."""

FAR = 4.0
"""Likely values from which the coordinate is logarithmic: the number ``f``."""

SHARE = 0.5
"""Of its natural scale, what a standard deviation is likely to be where there is no pilot fit."""


def likely_sds(spec: ModelSpec, pilot: PilotFit | None) -> dict[str, Any]:
    """Return likely values of standard deviations of effects that may be anything from 0, by slot.

    Those of the pilot fit, a number or one a coefficient, and where it has none a share of their natural scale.
    """
    found: dict[str, Any] = {
        p.name: SHARE * p.unit for p in spec.priors if p.role == SD and PRIORS[p.prior.name].support == "positive"
    }
    return found | {name: sds for name, sds in _of_pilot(spec, pilot).items() if name in found}


def _of_pilot(spec: ModelSpec, pilot: PilotFit | None) -> dict[str, Any]:
    """Return the pilot fit's standard deviations by slot."""
    found: dict[str, Any] = {}
    if pilot is None:
        return found
    main = FAMILIES[spec.family].bare
    for predictor, term in ((p, t) for p in spec.predictors for t in p.terms):
        declare = TERMS[term.kind].effects
        # Of what several numbers make together the pilot fit has one sd for all.
        for effect in (e for e in (declare(term.state) if declare else ()) if not isinstance(e.law, Scaled | Process)):
            start = 0
            for piece in (p for p in effect.pieces if p.sd):
                name, basis, of = prefixed(predictor.parameter, main, piece.sd), f"{term.key}.{piece.slot}", effect.sds(piece)
                likely = pilot.sds.get(basis, pilot.sds.get(term.key))
                if likely is not None:
                    own = likely[start : start + of.count]
                    found[name] = float(own[0]) if of.labels is None else own if effect.strata is None else own[:, None]
                start += of.count
    return found


def sd_coordinate(likely: Any) -> Any:
    """Return PyMC's transform for a standard deviation with these likely values, a number or one an entry."""
    return _transform()(np.asarray(likely, dtype=np.float64))


@cache
def _transform() -> Any:
    """Return the class, made when first used, since PyMC is not imported before."""
    from pymc.distributions.transforms import Transform

    class StandardDeviation(Transform):
        """Between a standard deviation and ``t``; see the module."""

        name = "sd"

        def __init__(self, likely: np.ndarray) -> None:
            self.likely = likely

        def forward(self, value: Any, *inputs: Any) -> Any:
            del inputs
            return pt.log(pt.expm1(pt.arcsinh(value / (FAR * self.likely)) * (FAR / UNIT)))

        def backward(self, value: Any, *inputs: Any) -> Any:
            del inputs
            return FAR * self.likely * pt.sinh(UNIT / FAR * pt.softplus(value))

        def log_jac_det(self, value: Any, *inputs: Any) -> Any:
            del inputs
            angle = UNIT / FAR * pt.softplus(value)
            # The hyperbolic cosine's logarithm, without overflow, and that of softplus's slope.
            return np.log(0.5 * UNIT * self.likely) + angle + pt.softplus(-2.0 * angle) - pt.softplus(-value)

    return StandardDeviation
