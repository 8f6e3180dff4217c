r"""Chains that do not mix, combined by how well each predicts.

Chains that stay in different modes are not draws in proportion to the modes' masses, and how often a mode is hit depends on where
chains start. Each chain is taken as a model of its own here and their mixture is made to predict rows that were left out:

.. math:: \hat w = \arg\max_w \sum_i \log \sum_c w_c\, p_c(y_i \mid y_{-i}), \qquad w_c \ge 0,\; \sum_c w_c = 1

with :math:`p_c(y_i \mid y_{-i})` by Pareto-smoothed importance sampling from the draws of chain :math:`c`. The result is a
predictive distribution, not the posterior.

References
----------
Yao, Vehtari and Gelman (2022), Stacking for non-mixing Bayesian computations: the curse and blessing of multimodal posteriors,
Journal of Machine Learning Research 23(79), https://jmlr.org/papers/v23/20-1426.html
"""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.inference.loo import LEAST_DRAWS, Loo, combine, loo_parts, why_not_weighed, without_weights
from bayesdeep.results.fitted import Fitted, blocks_of, own_rows

from .rank import shifted

KEPT = ("posterior", "sample_stats", "functions")
"""Groups of draws, of which the chosen ones are kept."""
LEAST_WEIGHT = 0.01
"""Chains with less are left out."""
MOST_BAD = 0.1
"""Share of rows with large Pareto k-hat from which on the weights are doubtful."""


def stack_chains[F: Fitted](fit: F) -> F:
    """Return a fit of one chain, mixed from those of ``fit`` by stacking weights; see :meth:`Fit.stack_chains`."""
    attrs, sizes = fit.idata.attrs, fit.idata["posterior"].sizes
    chains, draws = int(sizes["chain"]), int(sizes["draw"])
    if chains < 2:
        raise FitError(f"stack_chains: the fit has {chains} chain; there is nothing to weigh. Fit with chains=4")
    if draws < LEAST_DRAWS:
        raise FitError(f"stack_chains: {draws} draws a chain are too few for leave-one-out; fit with draws={LEAST_DRAWS} or more")
    problem = why_not_weighed(fit.idata)
    if problem:
        raise FitError(f"stack_chains: {problem}, and leave-one-out weighs posterior draws; fit with method='nuts'")
    found = chain_loos(fit)
    weights = chain_weights(found)
    chain, draw = picks(weights, draws, derive(attrs["seed"], "stack_chains"))
    groups = {g: fit.idata[g].to_dataset() for g in fit.idata.children if g not in ("log_likelihood", "posterior_predictive")}
    groups = {name: taken_draws(data, chain, draw) if name in KEPT else data for name, data in groups.items()}
    if "functions" in groups:
        # It was the variance over all draws of all chains.
        groups["functions"] = groups["functions"].drop_vars("predictive_variance", errors="ignore")
    tree = xr.DataTree.from_dict(groups)
    # Where importance weights fail a chain looks better than it is: one that gets nothing even so is no concern.
    used = [loo for loo, weight in zip(found, weights, strict=True) if weight > 0]
    bad = max(float((np.asarray(loo.pareto_k) > loo.good_k).mean()) for loo in used)
    tree.attrs = {
        **attrs,
        "exact": False,
        "status": "doubtful" if bad > MOST_BAD else attrs.get("status", "ok"),
        "advice": [*_sentences(attrs, weights, bad), *attrs.get("advice", ())],
        "chain_weights": [float(w) for w in weights],
    }
    return replace(fit, idata=tree, explain_choice=f"{fit.explain_choice}; its chains were weighted by stacking")


def chain_loos(fit: Fitted) -> list[Loo]:
    """Return leave-one-out cross-validation of each chain on its own."""
    sizes = fit.idata["posterior"].sizes
    chains, draws = int(sizes["chain"]), int(sizes["draw"])
    one = xr.DataTree.from_dict({"posterior": xr.Dataset(coords={"chain": [0], "draw": np.arange(draws)})})
    one.attrs = {"exact": True}
    parts: list[list[Any]] = [[] for _ in range(chains)]
    for start, stop, value in blocks_of(fit, own_rows(fit, "stack_chains"), "pointwise"):
        for own, flat in zip(parts, np.split(value, chains), strict=True):
            own += [without_weights(part) for _, _, part in loo_parts(one, [(start, stop, flat)], fit.rows.rows)]
    return [combine(own, one) for own in parts]


def chain_weights(found: list[Loo]) -> np.ndarray:
    """Return the weight of each chain ``(chain,)``, which sum to 1; ArviZ's stacking of their leave-one-out densities."""
    import arviz as az

    values = np.array([np.asarray(loo.elpd_i, dtype=float) for loo in found])
    if np.isnan(values).any():
        raise FitError("stack_chains: the log likelihood is not a number in some draws; look at fit.diagnose()")
    records = {f"chain {k}": loo for k, loo in enumerate(found)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = az.compare(shifted(records), method="stacking", round_to="none")
    weights = np.array([max(0.0, float(table.loc[name, "weight"])) for name in records])
    weights[weights < LEAST_WEIGHT] = 0.0
    return weights / weights.sum()


def picks(weights: np.ndarray, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return chain and draw of each draw of the mixture, in random order.

    Each chain gives its share, evenly spaced, and none of its draws twice: the mixture has as many draws as the largest weight
    allows.
    """
    share = np.rint(weights * (draws / weights.max())).astype(int)
    chain = np.repeat(np.arange(len(weights)), share)
    draw = np.concatenate([np.linspace(0, draws - 1, count).round().astype(int) for count in share])
    order = np.random.default_rng(seed).permutation(len(chain))
    return chain[order], draw[order]


def taken_draws(data: xr.Dataset, chain: np.ndarray, draw: np.ndarray) -> xr.Dataset:
    """Return these draws of ``(chain, draw, …)`` variables as one chain."""
    at = {"chain": xr.DataArray(chain, dims="pick"), "draw": xr.DataArray(draw, dims="pick")}
    made = data.isel(at).drop_vars(["chain", "draw"], errors="ignore").rename(pick="draw")
    return made.expand_dims(chain=[0]).assign_coords(draw=np.arange(len(draw)))


def _sentences(attrs: Any, weights: np.ndarray, bad: float) -> list[str]:
    """Return what the mixture is, and whether the densities that its weights rest on can be relied on."""
    shown = ", ".join(f"{w:.2f}" for w in weights)
    said = [
        f"The chains of {attrs.get('method', 'the method')} are weighted by stacking ({shown}): their mixture predicts rows left "
        "out best. Use it to predict; its parameters are not draws from the posterior."
    ]
    if bad > MOST_BAD:
        said.append(
            f"In one of these chains {bad:.0%} of the rows have a large Pareto k-hat: leave-one-out densities, and the weights, "
            "may be far off. Compare log_score() of both fits on rows held out before using the weights."
        )
    return said
