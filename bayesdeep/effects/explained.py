r"""What each term explains: shares of the variance over rows of the main predictor, with intervals.

Over the rows, addends :math:`\eta_k` of the predictor :math:`\eta = \sum_k \eta_k` have covariances with it that sum to its
variance. For every posterior draw a term's share is

.. math:: \operatorname{Cov}_n(\eta_{kn}, \eta_n) / \operatorname{Var}_n(\eta_n) ,

negative where a term only takes back what another one adds. Unlike the shares of a budget, which are of variances as the prior
has them on average, these are of the rows at hand.
"""

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError
from bayesdeep.core.registry import FAMILIES
from bayesdeep.results.fitted import Fitted, flat_draws, own_rows
from bayesdeep.results.prediction_blocks import block_rows
from bayesdeep.results.rows import containers
from bayesdeep.spec.declared import by_threshold

from .budget import mean_and_parts


def explained(fit: Fitted, interval: float = 0.9) -> pd.DataFrame:
    """Return each term's share of what the main predictor's terms explain.

    Parameters
    ----------
    fit
        A fit whose rows are in memory, with one main predictor.
    interval
        Probability of the equal-tailed interval from ``lower`` to ``upper``.

    Returns
    -------
    pandas.DataFrame
        A row a term, as it is written; columns ``mean``, ``lower`` and ``upper``. The intercept counts
        with the population's columns, and adds nothing.

    Raises
    ------
    FitError
        For a response with a predictor for each level, and where a term has an effect on each threshold.
    """
    if FAMILIES[fit.spec.family].main.shape == "contrast":
        raise FitError(f"explained: a {fit.spec.family} response has a predictor for each level, and no one variance of them")
    apart = next((t.source for t in fit.spec.predictors[0].terms if by_threshold(t)), None)
    if apart is not None:
        raise FitError(f"explained: {apart} adds to each threshold something of its own, and no one predictor has all of it")
    rows, draws = own_rows(fit, "explained"), flat_draws(fit)
    function, keys, numbers = mean_and_parts(fit.spec, rows)
    count, step = fit.sizes[0] * fit.sizes[1], block_rows(fit.sizes[0] * fit.sizes[1], max(numbers, len(keys) + 1))
    sums, products = np.zeros((len(keys), count)), np.zeros((len(keys), len(keys), count))
    middle = np.zeros((len(keys), count, 1))
    for start in range(0, rows.rows, step):
        stop = min(start + step, rows.rows)
        _, *found = function(draws, containers(rows, start, stop))
        parts = np.stack([np.broadcast_to(part, (count, stop - start)) for part in found])
        # Squares of what is far from 0, as an intercept is, would leave no digits to their difference.
        if start == 0:
            middle = parts.mean(axis=2, keepdims=True)
        parts = parts - middle
        sums += parts.sum(axis=2)
        products += np.einsum("kdn,mdn->kmd", parts, parts)
    covariance = products / rows.rows - sums[:, None] * sums[None] / rows.rows**2
    own = covariance.sum(axis=1)
    whole = own.sum(axis=0)
    shares = np.divide(own, whole, out=np.zeros_like(own), where=whole > 0)
    tail = 0.5 * (1.0 - interval)
    names = {term.key: " ".join(str(term.source or term.kind).split()) for term in fit.spec.predictors[0].terms}
    lower, upper = np.quantile(shares, (tail, 1.0 - tail), axis=1)
    table = {"mean": shares.mean(axis=1), "lower": lower, "upper": upper}
    return pd.DataFrame(table, index=pd.Index([names[key] for key in keys], name="term"))
