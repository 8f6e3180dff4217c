"""Models whose coefficients can be integrated out: which they are, their sufficient statistics, and the way back.

Here a model becomes a linear Gaussian *system* and the engine ``collapsed`` is *moments × elimination × proposal ×
chain*: ``eligibility`` (``why_not``: what keeps a model from being one) · ``linear_layout`` (where each effect lies) ·
``moments`` (sums of products of rows) · ``system`` (the density of the hyperparameters); elimination, proposal and
chain are in :mod:`bayesdeep.linear`. ``crossing`` counts the coefficients that have to be factorised together, and
``row_system`` is for responses of any family (``laplace_marginal``): linear in normal coefficients, with rows in place
of sums. The way back: ``posterior_values`` (coefficients to a posterior), ``posterior_layout`` (its names),
``row_values`` (rows in NumPy).
"""

from .eligibility import why_not
from .linear_layout import Layout, layout_of
from .moments import add, centre_of, moments_of
from .posterior_values import posterior_arrays
from .system import SystemTarget, system_of

__all__ = ["Layout", "SystemTarget", "add", "centre_of", "layout_of", "moments_of", "posterior_arrays", "system_of", "why_not"]
