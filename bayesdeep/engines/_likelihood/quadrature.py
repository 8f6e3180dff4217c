r"""Effects of one grouping factor integrated out by adaptive Gauss-Hermite quadrature.

With the mode :math:`\hat b` and the curvature :math:`\hat s^{-2}` of a group's log likelihood and log prior :math:`g`,

.. math:: \int e^{g(b)}\, db \approx \sqrt 2\, \hat s \sum_k w_k\, e^{z_k^2}\, e^{g(\hat b + \sqrt 2\, \hat s z_k)},

with the nodes and weights of Gauss and Hermite; a single node is Laplace's method (Liu and Pierce 1994).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bayesdeep.core.errors import FitError
from bayesdeep.core.rowwise import RowSystem

from .._laplace.inner_newton import Inner
from .._laplace.newton_step import Mode

LOG_ROOT_TWO_PI = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class Nodes:
    """The rule, and which rows are of which group.

    Attributes
    ----------
    places, log_weights
        :math:`\\sqrt 2 z_k`, and :math:`\\log w_k + z_k^2 + \\log \\sqrt 2` ``(node,)``.
    groups
        Sums over a group's rows, sparse ``(level, obs)``.
    codes, column
        Each row's group ``(obs,)``, and what its effect is multiplied by ``(obs,)``, None for 1.
    """

    places: np.ndarray
    log_weights: np.ndarray
    groups: sparse.csr_array
    codes: np.ndarray
    column: np.ndarray | None

    def log_marginal(self, inner: Inner, mode: Mode) -> np.ndarray:
        """Return the log likelihood ``(batch,)`` at the mode's hyperparameters and population coefficients."""
        eta = inner.predictor(mode.scales, mode.at) + inner.rows.offset[:, None]
        root = mode.scales.roots[0][0][0]
        assert root is not None
        centre = mode.at.standard[0][:, :, 0].T
        spread = 1.0 / mode.factored.done[0].lower[0][0].T
        terms = np.empty((len(self.places), *centre.shape))
        for k, place in enumerate(self.places):
            move = place * spread
            along = (root * move)[self.codes]
            along = along if self.column is None else along * self.column[:, None]
            rows = inner.rows.likelihood.value(eta + along, mode.values)
            prior = -0.5 * (centre + move) ** 2 - LOG_ROOT_TWO_PI
            terms[k] = self.log_weights[k] + self.groups @ np.ascontiguousarray(rows) + prior
        highest = terms.max(axis=0)
        found = np.log(np.exp(terms - highest).sum(axis=0)) + highest + np.log(spread)
        total = found.sum(axis=0)
        return np.where(np.isfinite(mode.log_marginal), total, -np.inf)


def nodes_of(rows: RowSystem, count: int) -> Nodes | None:
    """Return the rule with ``count`` nodes for a model's only effects; None where one node or no effect is all there is.

    Raises
    ------
    FitError
        Where there is more than one effect to integrate out together.
    """
    factors = rows.system.factors
    if count == 1 or not factors:
        return None
    if len(factors) > 1 or factors[0].width > 1:
        found = ", ".join(f"'{f.name}' with {f.width} effect{'s' if f.width > 1 else ''} a group" for f in factors)
        raise FitError(
            f"ml: nodes={count}: quadrature is for one grouping factor with one effect a group, and this model has {found}; "
            "leave nodes out for Laplace's method, or use method='nuts'"
        )
    z, weights = np.polynomial.hermite.hermgauss(count)
    codes, column = rows.codes[0], rows.effects[0][0]
    own = codes
    if rows.predictors > 1 and column is not None:
        # The effects are in one predictor, whose rows alone they are not 0 in.
        by = column.reshape(rows.predictors, -1)
        own = codes.reshape(by.shape)[int(np.argmax(by.any(axis=1)))]
    each = np.arange(len(own))
    groups = sparse.csr_array((np.ones(len(own)), (own, each)), shape=(factors[0].levels, len(own)))
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights) + z**2 + 0.5 * np.log(2.0)
    return Nodes(np.sqrt(2.0) * z, log_weights, groups, codes, column)
