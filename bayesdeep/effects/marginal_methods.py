"""The methods of a fit that speak of its inputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.results.fitted import Fitted

SHARED = {
    "by": arguments.optional(arguments.names),
    "kind": arguments.text,
    "at": arguments.either(arguments.text, Mapping),
    "interval": arguments.probability,
    "new_groups": arguments.optional(arguments.text),
    "seed": arguments.seed,
}
"""What the three methods have in common."""
MAPPED = arguments.optional(arguments.either(arguments.names, Mapping))


class Marginal(Fitted):
    """What :class:`~bayesdeep.fit.Fit` can say of the columns its predictors read."""

    @arguments.checked("slopes", **SHARED, variables=arguments.optional(arguments.names))
    def slopes(
        self,
        variables: str | Sequence[str] | None = None,
        data: Any = None,
        *,
        by: str | Sequence[str] | None = None,
        kind: str = "mean",
        at: str | Mapping[str, Any] = "rows",
        interval: float = 0.9,
        new_groups: str | None = None,
        seed: int | None = None,
    ) -> pd.DataFrame:
        r"""Return how much the expected response changes with each variable: average or conditional slopes.

        Of a number :math:`x_j` the slope at row :math:`n` is, for each posterior draw :math:`\theta`,

        .. math:: \frac{\partial \operatorname{E}(y_n \mid \theta)}{\partial x_{nj}}
            \approx \frac{f_\theta(x_{nj} + h) - f_\theta(x_{nj} - h)}{2 h},

        with :math:`h` one ten-thousandth of the standard deviation of the column in the data the model was fitted to; at the ends
        of its range, one-sided. All other columns stay, so that whatever a formula makes of a variable (powers, splines,
        products, a network) is part of its slope. Of text, categories and true/false it is the difference of each level
        from the first, or from the reference of ``C()``. Of a number that has only two values, such as an indicator of 0
        and 1, it is the difference between these, the larger less the smaller: there is no slope where there is nothing
        between. Other whole numbers are numbers; numbers inside ``C()`` or right of a bar are levels.

        Parameters
        ----------
        variables
            Names; by default every column that does more than group rows.
        data
            Rows to use instead of the training rows.
        by
            Columns of the rows: slopes are averaged within each of their levels. With another ``at`` than ``"rows"``, they take
            each of their levels (numbers with many values: ends and quartiles).
        kind
            ``"mean"``: of the expected response, in the response's units (of ``prop(k, n)`` the expected proportion, of a
            response with levels their probabilities). ``"linear"``: of the main predictor, on the link's scale.
        at
            ``"rows"``: the average over the rows. ``"means"``: at one row with numbers at their means and categories at the most
            frequent level; ``"typical"``: with medians in the means' place. ``{"x": [0, 1]}``: at these values, in all
            combinations, others as for ``"means"``. Columns that only group rows are then those of a new group.
        interval
            Probability of the equal-tailed interval from ``lower`` to ``upper``.
        new_groups
            As for :meth:`draws`, but None does as ``"average"``, and warns where the answer is about rows of groups the model was
            not fitted to. Both sides of a difference have the same groups.
        seed
            As for :meth:`draws`.

        Returns
        -------
        pandas.DataFrame
            A row a variable, contrast and group: ``term``, ``contrast`` (``dY/dX``, or ``b - a`` of levels and of
            two values), the columns of
            ``by`` and ``at``, ``level`` for responses with several, ``estimate`` (posterior mean), ``sd``, ``lower``, ``upper``,
            and ``prob_positive``, the probability that the effect is above 0. ``attrs["averaged_over"]`` says what it is an
            average of.

        Raises
        ------
        FitError
            For a column the model does not use, or values it does not know.

        Notes
        -----
        An effect is one of the model's predictor, not of an intervention, unless what else matters is in the model.

        References
        ----------
        Arel-Bundock, Greifer and Heiss (2024), How to interpret statistical models using marginaleffects for R and Python,
        Journal of Statistical Software 111(9), https://doi.org/10.18637/jss.v111.i09
        """
        from .slopes import slopes

        return slopes([self], variables, data, by, kind, at, interval, new_groups, seed)

    @arguments.checked(
        "contrasts", **SHARED, variables=arguments.either(arguments.names, Mapping), comparison=arguments.text
    )
    def contrasts(
        self,
        variables: str | Sequence[str] | Mapping[str, Any],
        comparison: str = "difference",
        data: Any = None,
        *,
        by: str | Sequence[str] | None = None,
        kind: str = "mean",
        at: str | Mapping[str, Any] = "rows",
        interval: float = 0.9,
        new_groups: str | None = None,
        seed: int | None = None,
    ) -> pd.DataFrame:
        r"""Return expected responses at one value of a variable against those at another, all else being as it is.

        Means over the rows (of a group) are taken first and compared then: with ``comparison="ratio"`` this is the ratio of
        average responses, not the average of rows' ratios.

        Parameters
        ----------
        variables
            Names, or what is to be compared by name. Of levels: ``"reference"`` (each with the first; the default),
            ``"pairwise"``, ``"sequential"`` (each with the one before), ``"minmax"`` (the last with the first), or two
            levels ``("a", "b")``, which is b less a. Of a number: a number to add to the rows' own values (the default is
            1, but of a number with only two values, such as 0 and 1, the larger against the smaller), two values ``(0,
            1)``, ``"sd"`` (from half a standard deviation below the mean to half a one above), ``"iqr"`` (from the lower to
            the upper quartile), ``"minmax"``; and the words for levels where it has at most 12 values.
        comparison
            ``"difference"``, ``"ratio"``, or ``"log_ratio_of_odds"`` of means that are probabilities.
        data, by, kind, at, interval, new_groups, seed
            As for :meth:`slopes`. Spreads are those of the data the model was fitted to.

        Returns
        -------
        pandas.DataFrame
            The columns of :meth:`slopes`. ``prob_positive`` is the probability that a difference or log ratio is above 0, or a
            ratio above 1.

        Raises
        ------
        FitError
            For a column the model does not use, values it does not know, and ratios of what may be negative. With
            ``new_groups="sample"``, where other values of the variable make groups that the model was not fitted to.
        """
        from .contrasts import contrasts

        return contrasts([self], variables, comparison, data, by, kind, at, interval, new_groups, seed)

    @arguments.checked(
        "curve", **(SHARED | {"by": MAPPED}), x=arguments.text, average=arguments.flag, points=arguments.size
    )
    def curve(
        self,
        x: str,
        by: str | Sequence[str] | Mapping[str, Any] | None = None,
        data: Any = None,
        *,
        kind: str = "mean",
        average: bool = False,
        points: int = 50,
        interval: float = 0.9,
        new_groups: str | None = None,
        seed: int | None = None,
        times: Any = None,
    ) -> pd.DataFrame:
        """Return predictions along a variable; :func:`bayesdeep.plot.curve` draws them.

        Parameters
        ----------
        x
            The variable: a number over its range in the data the model was fitted to, its two values if it has only two, or all
            levels of a category.
        by
            Columns, or values of columns by name, of which every combination has a curve. Without values: all levels of a
            category or group, all of up to five different numbers, else ends and quartiles.
        data
            Rows whose typical values, or over which, instead of the training rows.
        kind
            ``"mean"``, ``"linear"`` or ``"response"``, as for :meth:`draws`; of ``prop(k, n)`` the mean is the proportion. Of
            lifetimes also ``"survival"``, the probability of living longer than a time, ``"hazard"``, and ``"rmst"``, the mean
            lifetime as far as a time (restricted mean survival time), all from time 0, also of rows that enter late; ``x`` may
            then be the column of the times itself.
        average
            False: other numbers are at their means, categories at the most frequent level, columns that only group rows those
            of a new group. True: the average over all rows, each with ``x`` and ``by`` set to the values of the grid.
        points
            Of a number.
        interval
            Probability of the equal-tailed interval from ``lower`` to ``upper``.
        new_groups, seed
            As for :meth:`slopes`; ``"average"`` is the centre of the groups' distribution, ``"sample"`` adds the uncertainty
            about which group it is.
        times
            Of survival, hazards and restricted means: a time, or several. Along the times themselves they are ``points`` from 0
            to the longest time in the data by default.

        Returns
        -------
        pandas.DataFrame
            A row a point: ``x`` and ``by`` under their own names, ``level`` for responses with several, ``estimate`` (posterior
            mean), ``sd``, ``lower``, ``upper``.

        Raises
        ------
        FitError
            For a column the model does not use, or values it does not know.
        """
        from .curve import curve

        return curve(self, x, by, data, kind, average, points, interval, new_groups, seed, times)
