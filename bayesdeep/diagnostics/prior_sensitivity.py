r"""Whether conclusions hang on the prior: power scaling of the prior and of the likelihood.

The posterior is reweighted to what it would be with the prior :math:`p(\theta)^\alpha` for :math:`\alpha` a little below and
above 1, and likewise with the likelihood; how fast each marginal moves is the sensitivity. ArviZ does the reweighting (Pareto
smoothed importance sampling, nothing is fitted again) and measures the distance. As its authors advise for multilevel models,
only the priors at the top are scaled, not the distribution of group effects; of a network, the scales, not the weights.

References
----------
Kallioinen, Paananen, Bürkner and Vehtari (2024), Detecting and diagnosing prior and likelihood sensitivity with power-scaling,
Statistics and Computing 34(57), https://doi.org/10.1007/s11222-023-10366-5
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.effects import Columns
from bayesdeep.core.errors import FitError
from bayesdeep.core.lazy import pm, xr
from bayesdeep.core.names import quantity_name
from bayesdeep.core.priors import ChosenPrior, PriorSpec
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.graph.scope import distribution
from bayesdeep.inference.loo import LEAST_DRAWS
from bayesdeep.results.fitted import Fitted, blocks_of, own_rows
from bayesdeep.spec.slots import prefixed

ROLES = ("intercept", "coefficient", "sd", "correlation", "parameter", "scale")
LIMIT = 0.05
"""Sensitivities above it deserve a look (Kallioinen et al. 2024)."""
SAYS = {
    (True, True): "prior and data pull in different directions, or the prior is informative",
    (True, False): "the prior decides; the data say little",
    (False, True): "",
    (False, False): "",
}


def prior_sensitivity(fit: Fitted) -> pd.DataFrame:
    """Return how sensitive each parameter's posterior is to power scaling of the prior and of the likelihood.

    Parameters
    ----------
    fit
        A fit with draws from the posterior.

    Returns
    -------
    pandas.DataFrame
        Index: parameter. Columns ``prior`` and ``likelihood``: the gradient of the cumulative Jensen-Shannon distance with
        respect to ``log2(alpha)``; ``diagnosis``, in words, where the prior's is 0.05 or more. 0.05 means about what moving
        the mean by a twentieth of its standard deviation does for halving or doubling the log prior. ``attrs["left_out"]``:
        priors that were not scaled since they are joint over hidden quantities (Horseshoe, R2D2), improper, or on thresholds.

    Raises
    ------
    FitError
        For points and approximations, which are no posterior draws, with fewer than 25 draws, or if no prior can be scaled.
    """
    shape, attrs = fit.sizes, fit.idata.attrs
    if "residuals_of" in attrs:
        raise FitError(
            f"prior_sensitivity: residuals of {attrs['residuals_of']} are correlated, so that rows have one likelihood for all "
            "of these, and none of one response can be scaled"
        )
    if not attrs["exact"] or shape[0] * shape[1] < LEAST_DRAWS:
        raise FitError(
            f"prior_sensitivity: needs at least {LEAST_DRAWS} draws from the posterior; {attrs['method']} has none"
        )
    densities = log_prior(fit)
    if not densities.data_vars:
        raise FitError("prior_sensitivity: none of the model's priors can be scaled by itself")
    names = list(densities.data_vars)
    total = sum(v.sum(axis=1) for _, _, v in blocks_of(fit, own_rows(fit, "prior_sensitivity"), "pointwise"))
    likelihood = xr.Dataset({fit.spec.response.name: (("chain", "draw"), np.asarray(total).reshape(shape))})
    posterior = fit.posterior[[n for n in names if n in fit.posterior]]
    groups = {"posterior": posterior, "log_prior": densities, "log_likelihood": likelihood}
    found = _table(xr.DataTree.from_dict(groups))
    found["diagnosis"] = [
        SAYS[bool(p >= LIMIT), bool(q >= LIMIT)] for p, q in zip(found["prior"], found["likelihood"], strict=True)
    ]
    found.attrs["left_out"] = tuple(p.name for p in _priors(fit) if p.name not in densities.data_vars)
    return found


def _table(tree: xr.DataTree) -> pd.DataFrame:
    """Return ArviZ's table without the message it logs; the diagnosis says the same."""
    from arviz_stats import psense_summary

    logger = logging.getLogger("arviz_stats.psense")
    before = logger.disabled
    logger.disabled = True
    try:
        table = psense_summary(tree, threshold=LIMIT, round_to=6)
    finally:
        logger.disabled = before
    return table[["prior", "likelihood"]].astype(float)


def _priors(fit: Fitted) -> list[ChosenPrior]:
    return [p for p in fit.spec.priors if p.role in ROLES]


def log_prior(fit: Fitted) -> xr.Dataset:
    """Return the log density of each prior that can be scaled by itself, ``(chain, draw)`` by the parameter's posterior name.

    Each is a function of reported quantities alone: the intercept's of the predictor at the columns' means, where its prior is.
    Those of a correlation matrix leave out the constant.
    """
    posterior = fit.posterior
    found: dict[str, Any] = {}
    for chosen in _priors(fit):
        name = chosen.name.removesuffix("_raw") if chosen.role == "intercept" else chosen.name
        plugin = PRIORS[chosen.prior.name]
        plain = all(not isinstance(value, PriorSpec) and value is not None for _, value in chosen.prior.arguments)
        if name not in posterior or not plain or not plugin.proper:
            continue
        values = np.asarray(posterior[name].transpose("chain", "draw", ...), dtype=float)
        if chosen.prior.name == "LKJ":
            # With a predictor for each level there is a matrix for each, and the levels come last.
            density = (_number(chosen.prior, "eta") - 1.0) * _log_determinant(np.moveaxis(values, 2, -1))
        elif plugin.block is not None:
            continue
        else:
            shift = _at_means(fit, chosen) if chosen.role == "intercept" else 0.0
            density = _density(chosen.prior, values + shift)
        found[name] = (("chain", "draw"), density.reshape(*values.shape[:2], -1).sum(axis=2))
    return xr.Dataset(found)


def _number(prior: PriorSpec, name: str) -> float:
    value = prior.get(name)
    assert isinstance(value, float)
    return value


def _density(prior: PriorSpec, values: np.ndarray) -> np.ndarray:
    import pytensor
    import pytensor.tensor as pt

    variable = pt.tensor("x", dtype="float64", shape=(None,) * values.ndim)
    arguments = {k: np.float64(v) for k, v in prior.arguments}  # type: ignore[arg-type]
    run = pytensor.function(
        [variable], pm.logp(distribution(prior.name).dist(**arguments), variable), mode=array_mode()
    )
    return np.asarray(run(values))


def _log_determinant(pairs: np.ndarray) -> np.ndarray:
    """Return the log determinant of correlation matrices given by their lower triangles ``(…, pair)``."""
    size = round((1 + np.sqrt(1 + 8 * pairs.shape[-1])) / 2)
    matrix = np.broadcast_to(np.eye(size), (*pairs.shape[:-1], size, size)).copy()
    rows, columns = np.tril_indices(size, -1)
    matrix[..., rows, columns] = matrix[..., columns, rows] = pairs
    return np.linalg.slogdet(matrix)[1]


def _at_means(fit: Fitted, chosen: ChosenPrior) -> Any:
    """Return the difference between the predictor at the columns' means and the intercept, ``(chain, draw[, level])``.

    It is 0 where the prior is that of the uncentred intercept itself.
    """
    posterior, main, total = fit.posterior, FAMILIES[fit.spec.family].bare, 0.0
    for predictor in fit.spec.predictors:
        if prefixed(predictor.parameter, main, "Intercept") != chosen.name:
            continue
        for effect in (e for t in predictor.terms if (declare := TERMS[t.kind].effects) for e in declare(t.state)):
            rows = effect.rows
            for piece in effect.pieces if isinstance(rows, Columns) and rows.intercept else ():
                name = quantity_name(prefixed(predictor.parameter, main, piece.slot))
                own = posterior[name].transpose("chain", "draw", ...)
                value = np.asarray(own)[:, :, None] if piece.scalar else np.asarray(own)
                total = total + np.einsum("cdk...,k->cd...", value, np.array(rows.means[piece.start : piece.stop]))
    return total
