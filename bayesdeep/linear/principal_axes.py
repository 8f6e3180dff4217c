r"""Coefficients with one standard deviation in common, in the axes in which their columns are orthogonal.

The coefficients of a basis, or of levels with a known covariance, are :math:`b \sim N(0, \tau^2 I)` with columns :math:`Z` that
every row has all of. With the eigenvectors of :math:`Z^\top Z = Q \Lambda Q^\top` the same model is

.. math:: Z b = (Z Q) c, \qquad c = Q^\top b \sim N(0, \tau^2 I),

whose columns :math:`Z Q` are orthogonal whatever :math:`\tau` is. So the coefficients :math:`c` are as the groups of a factor
with one coefficient each, and are eliminated one by one at a cost that grows with their number and not with its cube: as in
genome-wide models, where one decomposition serves all values of the variances.

References
----------
Lippert, Listgarten, Liu, Kadie, Davidson and Heckerman (2011), FaST linear mixed models for genome-wide association studies,
Nature Methods 8, 833-835, doi:10.1038/nmeth.1681. Wood (2017), Generalized Additive Models, second edition, section 5.4.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg, sparse

from bayesdeep.core.linear import Factor, LinearSystem


@dataclass(frozen=True)
class PrincipalAxes:
    """A linear system, and the way back from its coefficients.

    Attributes
    ----------
    system
        In principal axes: a factor of one level, whose coefficients have one standard deviation, has become one of as many levels
        with a coefficient each.
    axes
        By number of such a factor, ``Q`` ``(coefficient, axis)``.
    """

    system: LinearSystem
    axes: dict[int, np.ndarray]

    def back(self, coefficients: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Return coefficients of this system as those of the system as it was.

        Parameters
        ----------
        coefficients
            Of the columns ``(…, column)``, then of each factor ``(…, level, width)``.
        """
        found = list(coefficients)
        for number, axes in self.axes.items():
            found[1 + number] = (coefficients[1 + number][..., 0] @ axes.T)[..., None, :]
        return tuple(found)


def has_axes(factor: Factor) -> bool:
    """Return whether a factor's coefficients are those of a basis, with one standard deviation."""
    alike = len(set(factor.scales)) == 1 and not factor.blocks and factor.related is None
    return factor.levels == 1 and factor.width > 1 and alike


def in_principal_axes(system: LinearSystem) -> PrincipalAxes:
    """Return a linear system with the coefficients of every basis in principal axes."""
    numbers = [number for number, factor in enumerate(system.factors) if has_axes(factor)]
    if not numbers or system.noise is not None:
        return PrincipalAxes(system, {})
    moments, factors, axes = system.moments, list(system.factors), {}
    own, with_columns = list(moments.own), list(moments.with_columns)
    for number in numbers:
        values, axes[number] = linalg.eigh(moments.own[number][0])
        factor = factors[number]
        factors[number] = replace(factor, levels=factor.width, width=1, scales=factor.scales[:1])
        own[number] = np.maximum(values, 0.0)[:, None, None]
        with_columns[number] = (axes[number].T @ moments.with_columns[number][0])[:, None, :]
    between = {
        (first, second): _turned(table, axes.get(first), axes.get(second)) if {first, second} & set(numbers) else table
        for (first, second), table in moments.between.items()
    }
    turned = replace(moments, own=tuple(own), with_columns=tuple(with_columns), between=between)
    return PrincipalAxes(replace(system, moments=turned, factors=tuple(factors)), axes)


def _turned(table: sparse.csr_array, first: np.ndarray | None, second: np.ndarray | None) -> sparse.csr_array:
    """Return products between the coefficients of two factors when one's, or both's, are in their axes."""
    left = table if first is None else sparse.csr_array(first.T @ table.toarray())
    return sparse.csr_array(left if second is None else left @ second)
