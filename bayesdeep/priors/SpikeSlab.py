"""The spike and slab: a mixture of a narrow and a wide normal distribution about 0."""

from functools import cache
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.priors import Prior

from . import _densities


@cache
def distribution() -> Any:
    """Return the distribution's class, made when first used, since PyMC is not imported before."""
    from pymc.distributions.dist_math import check_parameters
    from pytensor.tensor.random.op import RandomVariable

    class SpikeSlabRV(RandomVariable):
        """Draws of it."""

        name = "spike_slab"
        signature = "(),(),()->()"
        dtype = "floatX"
        _print_name = ("SpikeSlab", "\\operatorname{SpikeSlab}")

        @classmethod
        def rng_fn(cls, rng: Any, probability: Any, spike: Any, slab: Any, size: Any = None) -> Any:
            if size is None:
                size = np.broadcast_shapes(np.shape(probability), np.shape(spike), np.shape(slab))
            wide = rng.uniform(size=size) < probability
            return np.where(wide, slab, spike) * rng.normal(size=size)

    class SpikeSlab(pm.Continuous):
        """A normal of sd ``slab`` with a probability, and else one of sd ``spike``."""

        rv_op = SpikeSlabRV()

        @classmethod
        def dist(cls, probability: Any, spike: Any, slab: Any, **options: Any) -> Any:
            return super().dist([pt.as_tensor(v) for v in (probability, spike, slab)], **options)

        @staticmethod
        def support_point(rv: Any, size: Any, probability: Any, spike: Any, slab: Any) -> Any:
            del size, probability, spike, slab
            return pt.zeros_like(rv)

        @staticmethod
        def logp(value: Any, probability: Any, spike: Any, slab: Any) -> Any:
            def normal(sigma: Any) -> Any:
                return -0.5 * (value / sigma) ** 2 - pt.log(sigma) - 0.5 * np.log(2 * np.pi)

            found = pt.logaddexp(pt.log1p(-probability) + normal(spike), pt.log(probability) + normal(slab))
            return check_parameters(
                found, probability > 0, probability < 1, spike > 0, slab > 0, msg="0 < probability < 1, spike > 0, slab > 0"
            )

    return SpikeSlab


PRIOR = Prior(
    "SpikeSlab",
    ("probability", "spike", "slab"),
    defaults={"probability": 0.5, "spike": 0.05, "slab": 1.0},
    positive=("probability", "spike", "slab"),
    unit=("probability",),
    rv=distribution,
    log_density=_densities.spike_slab,
    median=lambda probability, spike, slab: 0.0,
    example={"probability": 0.3, "spike": 0.05, "slab": 1.4},
    notes=(
        "Normal about 0 with sd ``slab`` with the given ``probability``, else with the small sd ``spike``; continuous, so that "
        "gradient-based methods can sample it (George and McCulloch 1993, Journal of the American Statistical Association "
        "88, 881-889, doi:10.1080/01621459.1993.10476353)."
    ),
)
