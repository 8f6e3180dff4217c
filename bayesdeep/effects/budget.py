r"""Where the uncertainty of a prediction comes from: its variance as a sum of parts.

By the law of total variance the variance of a new response of row :math:`n` is

.. math:: \operatorname{Var} y_n = \underbrace{\operatorname{E} \operatorname{Var}(y_n \mid \theta)}_{\text{noise}}
    + \underbrace{\operatorname{Var}_c \operatorname{E}(\mu_n \mid c)}_{\text{between}}
    + \underbrace{\operatorname{E}_c \operatorname{Var}(\mu_n \mid c)}_{\text{within chains}},
    \qquad \mu_n = \operatorname{E}(y_n \mid \theta),

over posterior draws :math:`\theta` and chains :math:`c`. The predictor is a sum of parts, :math:`\eta_n = \sum_k \eta_{kn}`: the
population's, the groups', the smooths' and the networks'. They are correlated (an intercept with the mean of the groups), so
that their variances do not add up. What does is each part's covariance with the whole; with an identity link a part contributes
:math:`\operatorname{Cov}(\eta_{kn}, \mu_n)`, which is also its Shapley value (Owen and Prieur 2017): what adding the part to the
others changes, averaged over all orders of adding. With other links the contributions are in proportion to these covariances,

.. math:: \operatorname{Var}(\mu_n) \operatorname{Cov}(\eta_{kn}, \mu_n) / \operatorname{Cov}(\eta_n, \mu_n) .

Owen and Prieur (2017), On Shapley value for measuring importance of dependent inputs, SIAM/ASA Journal on Uncertainty
Quantification 5(1), 986-1002, doi:10.1137/16M1097717.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.collapse.row_values import addends, is_linear
from bayesdeep.core.errors import FitError
from bayesdeep.core.quantities import BASIS
from bayesdeep.core.random import checked_seed
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.graph.build import units_of
from bayesdeep.graph.evaluate import function_of
from bayesdeep.results.fitted import Fitted, asked_rows, flat_draws, seed_for
from bayesdeep.results.graph_cache import evaluation_graph
from bayesdeep.results.new_group_warnings import settled
from bayesdeep.results.new_groups import for_groups, with_new_groups
from bayesdeep.results.prediction_blocks import block_rows, check_kind
from bayesdeep.results.predictive_distribution import noise_blocks
from bayesdeep.results.rows import Rows, containers
from bayesdeep.spec.declared import effects_of
from bayesdeep.spec.model_spec import ModelSpec

PARTS = ("population", "group", "smooth", "network")
"""What an addend of the predictor may belong to. Each has its column, ``smooth`` only where the model has one."""
NOISE_DRAWS = 4_000
"""Predictive draws a row from which the noise is estimated where its variance has no closed form."""


def budget(fit: Fitted, data: Any = None, new_groups: str | None = None, seed: int | None = None) -> pd.DataFrame:
    """Return :meth:`bayesdeep.Fit.budget`."""
    rows, seed = asked_rows(fit, data), checked_seed(seed, "budget")
    new_groups = settled(new_groups, fit.spec, rows, "budget")
    posterior = for_groups(flat_draws(fit), rows, new_groups)
    return variance_parts(fit.spec, posterior, fit.sizes[0], rows, new_groups, seed_for(fit, seed))


def variance_parts(
    spec: ModelSpec, posterior: Mapping[str, np.ndarray], chains: int, rows: Rows, new_groups: str, seed: int
) -> pd.DataFrame:
    """Return the variance of each row's prediction as a sum of parts.

    Parameters
    ----------
    spec
        The model.
    posterior
        Draws by name, ``(chain * draw, …)``.
    chains
        Number of chains.
    rows
        The rows.
    new_groups
        As for predictions.
    seed
        Of new groups' effects, and of predictive draws.

    Returns
    -------
    pandas.DataFrame
        Columns ``noise population group network between total``, and ``smooth`` before ``network`` where the model has one, in
        the response's units squared, ``total`` the sum of the others; the rows' own index. See :meth:`bayesdeep.Fit.budget`.
    """
    _check(spec)
    # What a censored row would record is bounded; its budget is that of the response itself.
    rows = replace(rows, observed=False, response=rows.response.with_(status=None, upper=None))
    draws = with_new_groups(spec, posterior, rows, new_groups, seed)
    count = len(next(iter(posterior.values()))) if posterior else 1
    noise = np.empty(rows.rows)
    for start, stop, value in noise_blocks(spec, posterior, rows, new_groups, seed, NOISE_DRAWS):
        noise[start:stop] = value
    function, keys, numbers = mean_and_parts(spec, rows)
    kinds = kinds_of_parts(spec, keys)
    columns = ["noise", *(part for part in PARTS if part != "smooth" or part in kinds.values()), "between", "total"]
    found = np.empty((rows.rows, len(columns)))
    step = block_rows(count, max(numbers, len(keys) + 1))
    for start in range(0, rows.rows, step):
        stop = min(start + step, rows.rows)
        mean, *parts = (_whole(v, count, stop - start) for v in function(draws, containers(rows, start, stop)))
        block = _of_block(noise[start:stop], mean, dict(zip(keys, parts, strict=True)), kinds, chains)
        found[start:stop] = np.column_stack([block[name] for name in columns])
    index = pd.RangeIndex(rows.rows) if rows.index is None else pd.Index(rows.index)
    return pd.DataFrame(found, columns=columns, index=index)


def _check(spec: ModelSpec) -> None:
    """Raise for responses whose mean is not one number."""
    words = FAMILIES[spec.family].words
    if words & {"levels", "several_columns"}:
        raise FitError(
            f"budget: a {spec.family} response has a probability a level and no variance; look at "
            "fit.draws(kind='mean') instead, level by level"
        )
    if spec.nonlinear:
        raise FitError(
            "budget: a non-linear formula is no sum of a population's, groups' and networks' parts, among which variance could "
            "be divided; fit.draws(kind='mean') has what rows are expected to be, draw by draw"
        )
    check_kind("mean", spec)


def mean_and_parts(spec: ModelSpec, rows: Rows) -> tuple[Callable[..., list[np.ndarray]], tuple[str, ...], int]:
    """Return a function of draws and rows to their means and the predictor's addends, the addends' term keys, and its size."""
    keys = tuple(term.key for term in spec.predictors[0].terms)
    if not is_linear(spec):
        graph = evaluation_graph(spec, rows)
        one = graph.response
        return function_of(graph, [one.mean, *one.parts.values()]), tuple(one.parts), units_of(graph)

    def function(draws: Mapping[str, np.ndarray], data: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        parts = addends(spec, draws, data)
        return [sum(parts.values(), start=np.zeros((1, 1))), *(parts[key] for key in keys)]

    return function, keys, 1


def kinds_of_parts(spec: ModelSpec, keys: Sequence[str]) -> dict[str, str]:
    """Return which of :data:`PARTS` each addend of the main predictor belongs to, by term key."""
    found = {}
    for term in spec.predictors[0].terms:
        if term.key in keys:
            words = TERMS[term.kind].words(term.state)
            basis = any(effect.role == BASIS for effect in effects_of(term))
            found[term.key] = (
                "network" if "network" in words else "group" if "hierarchical" in words else "smooth" if basis else "population"
            )
    return found


def _whole(value: np.ndarray, draws: int, rows: int) -> np.ndarray:
    """Return an array ``(draw, row)`` also of what does not vary over draws."""
    return np.broadcast_to(value, (draws, rows))


def _of_block(
    noise: np.ndarray, mean: np.ndarray, parts: Mapping[str, np.ndarray], kinds: Mapping[str, str], chains: int
) -> dict[str, np.ndarray]:
    """Return a block of the table: ``(row,)`` by column.

    Parameters
    ----------
    noise
        ``(row,)``.
    mean
        Expected responses ``(chain * draw, row)``.
    parts, kinds
        Addends of the predictor ``(chain * draw, row)`` by term key, and what each belongs to.
    chains
        Number of chains.
    """
    by_chain = mean.reshape(chains, -1, mean.shape[1])
    of_chains = by_chain.mean(axis=1)
    between = of_chains.var(axis=0)
    apart = by_chain - of_chains[:, None]
    within = (apart**2).mean(axis=(0, 1))
    shared = dict.fromkeys(PARTS, np.zeros(mean.shape[1]))
    for key, part in parts.items():
        own = part.reshape(by_chain.shape)
        # The mean's deviations sum to 0 in each chain, so that the part's mean does not matter; less of it rounds better.
        covariance = ((own - own.mean(axis=1, keepdims=True)) * apart).mean(axis=(0, 1))
        shared[kinds[key]] = shared[kinds[key]] + covariance
    whole = sum(shared.values())
    unit = np.divide(within, whole, out=np.zeros_like(within), where=whole != 0)
    columns = {"noise": noise, **{kind: unit * shared[kind] for kind in PARTS}, "between": between}
    return {**columns, "total": np.sum(list(columns.values()), axis=0)}
