"""The table of a posterior that is pooled over several data sets.

Chains of different data sets differ because the data sets do, so that R-hat across them would say nothing of the sampler. It is
taken within each data set, and the largest is shown. Monte Carlo errors follow from those within: with shares of 1 / M,

.. math:: \\operatorname{mcse}(\\bar\\theta)^2 = \\frac{1}{M^2} \\sum_m \\operatorname{mcse}_m^2, \\qquad
    n_\\text{eff} = M^2 \\Big/ \\sum_m \\frac{1}{n_{\\text{eff}, m}},

and, by the derivative of the mixture's variance :math:`\\frac{1}{M} \\sum_m [s_m^2 + (\\bar\\theta_m - \\bar\\theta)^2]`, that of
the standard deviation.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .imputed_fitted import ImputedFitted
from .labelled import completed
from .summary import summary

BETWEEN = "between"
"""Column with the share of a quantity's variance that lies between the data sets' means."""


def imputed_summary(fit: ImputedFitted, **options: Any) -> pd.DataFrame:
    """Return the pooled draws' table; options as of :func:`~bayesdeep.results.summary.summary`.

    Returns
    -------
    pandas.DataFrame
        The columns of any fit's table, means, sds and intervals of the pooled draws; the largest ``r_hat`` of the data sets, and
        sizes and errors that count how each data set was sampled. ``between`` is the share of the variance between the data
        sets' means.
    """
    table = summary(fit.pooled.held, **options)
    alike = {name: value for name, value in options.items() if name not in ("kind", "round_to", "ci_kind", "ci_prob")}
    parts = [summary(completed(one.held), **alike, kind="all") for one in fit.each]
    if "mean" not in table and not any(name in table for name in ("r_hat", "ess_bulk", "mcse_mean")):
        return table
    found = dict(_within(parts))
    digits = options.get("round_to")
    for name, values in found.items():
        if name in table or (name == BETWEEN and "mean" in table):
            series = pd.Series(values, index=parts[0].index).reindex(table.index)
            whole = isinstance(digits, int) and not isinstance(digits, bool)
            table[name] = series.round(digits) if whole else series
    return table


def _within(parts: Sequence[pd.DataFrame]) -> dict[str, np.ndarray]:
    """Return what is said of the pooled draws from what is known of each data set's, by column."""

    def of(name: str) -> np.ndarray:
        return np.array([part[name].to_numpy(dtype=np.float64) for part in parts])

    count = len(parts)
    means, sds, mean_errors, sd_errors = of("mean"), of("sd"), of("mcse_mean"), of("mcse_sd")
    away = means - means.mean(axis=0)
    between, within = (away**2).mean(axis=0), (sds**2).mean(axis=0)
    sd = np.sqrt(between + within)
    with np.errstate(all="ignore"):
        return {
            "r_hat": of("r_hat").max(axis=0),
            **{name: count**2 / (1 / of(name)).sum(axis=0) for name in ("ess_bulk", "ess_tail")},
            "mcse_mean": np.sqrt((mean_errors**2).sum(axis=0)) / count,
            "mcse_sd": np.sqrt(((sds * sd_errors) ** 2 + (away * mean_errors) ** 2).sum(axis=0)) / (count * sd),
            BETWEEN: between / (between + within),
        }
