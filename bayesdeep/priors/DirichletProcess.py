r"""Groups in clusters: the law of a group's effect is itself unknown, a mixture with the weights of a Dirichlet process.

A group's effect, in units of the standard deviation :math:`s` of groups, is drawn from

.. math:: \sum_{k=1}^K w_k \, N(c_k, h^2), \qquad \sum_k w_k c_k = 0, \qquad \sum_k w_k c_k^2 + h^2 = 1 ,

with the clusters' weights :math:`w_k = v_k \prod_{j<k} (1 - v_j)`, :math:`v_k \sim \mathrm{Beta}(1, \alpha)`, :math:`v_K = 1`
(truncated stick breaking), and centres and the width common to all clusters from :math:`m_k \sim N(0, 1)` and
:math:`\tau \sim \mathrm{LogNormal}(\log 0.2, 0.25^2)` (``within`` is the 0.2), moved and stretched to mean 0 and variance 1.

Three choices are behind this. Which cluster a group belongs to is summed out, so that every engine that works with densities can
fit it. For that clusters have a width: groups of a cluster are alike and not equal, and the width is estimated. And the
mixture's mean and variance are held: a free mean of the groups would be the intercept's as well, which then says little, and
:math:`s` is the standard deviation of groups, as it is where their law is normal. That law is among those allowed: it is one
cluster.

Ishwaran and James (2001), Gibbs sampling methods for stick-breaking priors, Journal of the American Statistical Association
96(453), 161-173, doi:10.1198/016214501750332758. Yang, Dunson and Baird (2010), Semiparametric Bayes hierarchical models with
mean and variance constraints, Computational Statistics & Data Analysis 54(9), 2172-2186, doi:10.1016/j.csda.2010.03.025.
"""

from collections.abc import Mapping
from functools import cache
from math import log
from typing import Any

import numpy as np

from bayesdeep.core.errors import PriorError
from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.priors import EffectsLaw, Prior
from bayesdeep.core.quantities import HYPERPARAMETER, WEIGHT
from bayesdeep.core.terms import Scope

MOST_CLUSTERS = 50
WITHIN_LOG_SD = 0.25


@cache
def distribution() -> Any:
    """Return the distribution's class, made when first used, since PyMC is not imported before."""
    from pytensor.tensor.random.op import RandomVariable

    class ClustersRV(RandomVariable):
        """Draws of it."""

        name = "clusters"
        signature = "(k),(k),(),(),()->()"
        dtype = "floatX"
        _print_name = ("Clusters", "\\operatorname{Clusters}")

        @classmethod
        def rng_fn(cls, rng: Any, weight: Any, centre: Any, within: Any, mu: Any, sigma: Any, size: Any = None) -> Any:
            if size is None:
                size = np.broadcast_shapes(
                    np.shape(mu), np.shape(sigma), weight.shape[:-1], centre.shape[:-1], np.shape(within)
                )
            below = np.cumsum(weight, axis=-1)[..., :-1]
            chosen = (rng.uniform(size=size)[..., None] > below).sum(axis=-1)
            centres = np.broadcast_to(centre, (*size, centre.shape[-1]))
            own = np.take_along_axis(centres, chosen[..., None], axis=-1)[..., 0]
            return mu + sigma * (own + within * rng.normal(size=size))

    class Clusters(pm.Continuous):
        """A mixture of normal distributions of one width, moved by ``mu`` and stretched by ``sigma``."""

        # What differs by draw comes first: PyTensor, given an axis of draws, reads off the first what shape there is.

        rv_op = ClustersRV()

        @classmethod
        def dist(cls, mu: Any, sigma: Any, weight: Any, centre: Any, within: Any, **options: Any) -> Any:
            return super().dist([pt.as_tensor(v) for v in (weight, centre, within, mu, sigma)], **options)

        @staticmethod
        def support_point(rv: Any, size: Any, weight: Any, centre: Any, within: Any, mu: Any, sigma: Any) -> Any:
            del size, sigma, weight, centre, within
            return pt.zeros_like(rv) + mu

        @staticmethod
        def logp(value: Any, weight: Any, centre: Any, within: Any, mu: Any, sigma: Any) -> Any:
            return pt.logsumexp(_parts((value - mu) / sigma, weight, centre, within, pt), axis=-1) - pt.log(sigma)

    return Clusters


def _parts(z: Any, weight: Any, centre: Any, within: Any, xp: Any) -> Any:
    """Return the log of each cluster's weight times its density ``(…, cluster)`` at standardised effects ``(…,)``."""
    apart = (z[..., None] - centre) / within[..., None]
    return xp.log(weight) - 0.5 * apart**2 - xp.log(within)[..., None] - 0.5 * log(2 * np.pi)


def belonging(standard: np.ndarray, weight: np.ndarray, centre: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return the probability that each group belongs to each cluster ``(draw, group, cluster)``.

    Parameters
    ----------
    standard
        Effects ``(draw, group)``; ``centre`` ``(draw, cluster)`` and ``within`` ``(draw,)`` are in the same unit.
    weight
        ``(draw, cluster)``.
    """
    with np.errstate(divide="ignore"):
        parts = _parts(standard, weight[:, None], centre[:, None], within[:, None], np)
    parts = np.exp(parts - parts.max(axis=-1, keepdims=True))
    return np.asarray(parts / parts.sum(axis=-1, keepdims=True))


def fill(arguments: dict[str, Any], columns: int, rows: int) -> dict[str, Any]:
    """Check the number of clusters."""
    del columns, rows
    count = arguments["K"]
    if count != int(count) or not 2 <= count <= MOST_CLUSTERS:
        raise PriorError(
            f"argument 'K' is {count:g}; it is the largest number of clusters, a whole number from 2 to {MOST_CLUSTERS}"
        )
    return arguments


def clusters(scope: Scope, slot: str, arguments: Mapping[str, Any], sd: Any) -> tuple[dict[str, Any], tuple[Any, Any]]:
    """Return the weights ``(cluster,)``, centres ``(cluster,)`` and width ``()`` of standardised effects, and report them.

    And mean and sd that the mixture had before it was moved and stretched: rows know where clusters lie, and less of the mean,
    which goes with the weights.
    """
    count = int(arguments["K"])
    stick = scope.hidden(f"{slot}_stick", "Beta", {"alpha": 1.0, "beta": arguments["alpha"]}, (count - 1,), "simplex")
    place = scope.hidden(f"{slot}_place", "Normal", {"mu": 0.0, "sigma": 1.0}, (count,))
    own = {"mu": log(arguments["within"]), "sigma": WITHIN_LOG_SD}
    width = scope.hidden(f"{slot}_width", "LogNormal", own, ())
    left = pt.concatenate([[1.0], pt.cumprod(1.0 - stick)])
    weight = pt.concatenate([stick, [1.0]]) * left
    middle = (weight * place).sum()
    apart = place - middle
    root = pt.sqrt((weight * apart**2).sum() + width**2)
    unit = sd / root
    dim = scope.dim(f"{slot}_cluster", tuple(range(1, count + 1)))
    # Which cluster is called which says nothing, and chains may differ in it: tables and diagnoses leave them out.
    weight = scope.report(f"{slot}_weight", weight, (dim,), WEIGHT)
    centre = scope.report(f"{slot}_centre", unit * apart, (dim,), WEIGHT)
    within = scope.report(f"{slot}_within", unit * width, (), HYPERPARAMETER)
    return {"weight": weight, "centre": centre / sd, "within": within / sd}, (middle, root)


def occupied(scope: Scope, slot: str, given: Mapping[str, Any], standard: Any) -> None:
    r"""Report the number of clusters that have a group: given the effects :math:`\sum_k 1 - \prod_j (1 - p_{jk})`."""
    parts = _parts(standard, given["weight"], given["centre"], given["within"], pt)
    none = pt.prod(1.0 - pt.special.softmax(parts, axis=-1), axis=0)
    scope.report(f"{slot}_clusters", (1.0 - none).sum(), (), HYPERPARAMETER)


PRIOR = Prior(
    "DirichletProcess",
    ("alpha", "K", "within"),
    support="effects",
    positive=("alpha", "K", "within"),
    defaults={"alpha": 1.0, "K": 10.0, "within": 0.2},
    location="mu",
    scale="sigma",
    rv=distribution,
    fill=fill,
    law=EffectsLaw(
        clusters, occupied, words=frozenset({"clusters"}), reads=("weight", "centre", "within"), belongs=belonging
    ),
    example={"alpha": 1.0, "K": 6.0, "within": 0.2},
    notes=(
        "Effects of groups that fall into clusters, at most ``K``: a mixture of normal distributions with the weights of a "
        "Dirichlet process of concentration ``alpha`` (truncated stick breaking; Ishwaran and James 2001, "
        "doi:10.1198/016214501750332758), with mean 0 and the sd of the groups, whose prior is that of ``…_sigma`` as for normal "
        "effects. Groups of a cluster differ by a small sd that is estimated; its prior's median is ``within`` times the sd of "
        "the clusters' centres."
    ),
)
