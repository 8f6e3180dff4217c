r"""The log density on the scale of what the posterior shows, as a function of the unconstrained vector.

A sampler needs the density of the vector it moves, :math:`p(\theta(x)) |\partial \theta / \partial x|`. The highest point of that
is no property of the model: it moves with the transformation. Here :math:`p(\theta(x))` is written down instead, whose
highest point is the mode, and with flat priors the estimate of maximum likelihood. Three kinds of variables are told apart:

* what the posterior shows (standard deviations, thresholds, degrees of freedom, shares, …): no Jacobian;
* hidden variables that determine something shown, as partial correlations determine the correlations: the density of what is
  shown, which is the hidden one's over the stretch that its prior declares (:meth:`~bayesdeep.core.terms.Scope.shows`);
* hidden variables that have no other scale than that of sampling. Effects of groups are in units of their standard
  deviation: the density of the effects themselves has no highest point, it is infinite where all of them and their standard
  deviation are 0. Local scales of a horseshoe, which are infinitely dense at 0 as well for some priors, are on the log scale.
"""

from typing import Any

from .build import Graph


def own_scale_density(graph: Graph) -> Any:
    """Return the scalar tensor, a function of ``graph.model.value_vars``."""
    model = graph.model
    auxiliary = [v for v in model.free_RVs if v.name in graph.auxiliary]
    shown = [v for v in (*model.basic_RVs, *model.potentials) if v not in auxiliary]
    density: Any = model.logp(shown, jacobian=False) if shown else 0.0
    if auxiliary:
        density = density + model.logp(auxiliary)
    stretches = [s for s in graph.stretches if not isinstance(s, float)]
    for stretch in model.replace_rvs_by_values(stretches):
        density = density - stretch
    return density
