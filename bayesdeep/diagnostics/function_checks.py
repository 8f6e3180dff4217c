r"""Convergence of networks as functions: what they predict is judged, their weights are not.

Units of a layer can be exchanged and signs turned without any change of the function, so that chains agree on weights by
accident at best. Judged are the main predictor at stored rows and probes and the log likelihood of the stored rows
(:mod:`bayesdeep.results.function_draws`), and everything with a meaning: coefficients, standard deviations, parameters of
the family.

**Limits.** Networks are expensive, and a thousand draws are many. R-hat estimates by how much an interval would still shrink:
at 1.05 by 5 %, which no use of an interval notices, and chains of some ten independent draws each can show it. It is asked of
95 % of the points, since among hundreds the largest R-hat is extreme by chance; from 1.2 on it is alarming. With 50 independent
draws a mean is known to :math:`1/\sqrt{50}`, or 14 %, of its posterior sd, which adds 1 % to the sd of its error.

**Agreement.** Whether chains differ where it matters to someone who predicts is a question of size:

.. math:: \text{share} = \sum_i \operatorname{var}_c\big(\bar\mu_{ci}\big) \Big/ \sum_i \operatorname{var}(y_i^{\text{new}})

with :math:`\bar\mu_{ci}` the mean over the draws of chain :math:`c` of row :math:`i`'s expected response, the first variance
between chains (divided by their number less one), and the second that of a new response over all draws, noise included. At
0.02 chains place a prediction 0.14 of its own standard deviation apart, which changes the width of intervals by 1 %.

References
----------
Izmailov, Vikram, Hoffman and Wilson (2021), What are Bayesian neural network posteriors really like?, ICML,
arXiv:2104.14421 (R-hat in function space). Vehtari et al. (2021), https://doi.org/10.1214/20-BA1221.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bayesdeep.core.lazy import xr
from bayesdeep.core.registry import ENGINES
from bayesdeep.core.roles import unnamed
from bayesdeep.numerics.mcmc import rhat
from bayesdeep.results.convergence_table import Convergence, convergence

from .checks import Check, Limits, names

GROUP = "functions"
JUDGED = ("predictor", "log_likelihood")
NETWORK = Limits(1.05, 1.2, 50, 10, 0.15, "twice the tune and draws")
"""Limits of a network's values and of named quantities beside it."""
SHARE_OF_POINTS = 0.95
AGREEMENT, DISAGREEMENT, NEGLIGIBLE = 0.02, 0.05, 0.01
"""Share of predictive variance between chains that is good, that is alarming, and that no prediction shows."""
SCALES = 1.1
WEIGHTS = 200
"""Weights whose R-hat is looked at, to say whether they agree."""


def points(functions: xr.Dataset) -> Convergence:
    """Return convergence at every point of the group ``functions``."""
    return convergence(functions[[name for name in JUDGED if name in functions]], every=True)


def function_checks(
    found: Convergence, functions: xr.Dataset, chains: int, draws: int, longer: str = NETWORK.longer
) -> list[Check]:
    """Check R-hat and effective sizes of a network's values, and how far its chains are apart as predictions.

    ``found`` is that of :func:`points`; ``longer`` are the options of a longer run, for the advice.
    """
    table = found.table
    if table.empty or draws < 4:
        return []
    if chains == 1:
        return _sizes(table, longer, alarming=True)
    share = agreement(functions)
    values = table["rhat"].fillna(np.inf)
    most, worst = float(values.quantile(SHARE_OF_POINTS, interpolation="higher")), float(values.max())
    far = values[values > NETWORK.rhat].sort_values(ascending=False)
    # Chains that differ by far less than responses vary give intervals of responses that are as good as one another's.
    alarming = not share <= NEGLIGIBLE
    severe = (most > NETWORK.rhat_bad and alarming) or (most > NETWORK.rhat and share > DISAGREEMENT)
    good = most <= NETWORK.rhat
    meaning = (
        f"the chains agree on the function at 95 % of {len(table)} points: rows, probes between them, log likelihoods"
        if good
        else f"at {len(far)} of {len(table)} points the chains describe different functions, most at {names(far.index[:2])}"
    )
    again = f"Fit again with {longer}: the chains do not yet agree on the function."
    limit, advice = f"<= {NETWORK.rhat}", () if good else (again,)
    rows = [Check("R-hat of predictions, 95 %", most, limit, good, meaning, 2 if severe else 1, advice, "function", True)]
    alone = good and worst > NETWORK.rhat_bad
    look = (f"Look at the function where its chains disagree: {names(far.index[:3])}.",) if alone else ()
    largest = f"the largest is that of '{values.idxmax()}'"
    limit, fine = f"<= {NETWORK.rhat_bad}", worst <= NETWORK.rhat_bad
    rows.append(Check("R-hat of predictions, worst", worst, limit, fine, largest, 1, look))
    return [*rows, *_sizes(table, longer if good else "", alarming), *_agreement_check(share, most, longer)]


def _sizes(table: pd.DataFrame, longer: str, alarming: bool) -> list[Check]:
    """Check the effective sizes that 95 % of the points reach; without ``longer`` nothing is advised."""
    found: list[Check] = []
    for column, what in (("ess_bulk", "bulk"), ("ess_tail", "tail")):
        sizes = table[column].fillna(0.0)
        value = float(sizes.quantile(1 - SHARE_OF_POINTS, interpolation="lower"))
        good = value >= NETWORK.ess
        meaning = f"independent draws of the function, reached at 95 % of the points; fewest for '{sizes.idxmin()}'"
        advised = not good and bool(longer) and all(check.passed for check in found)
        advice = (f"Fit again with {longer}: the function has few independent draws.",) if advised else ()
        severity = 2 if value < NETWORK.ess_bad and alarming else 1
        title, limit = f"{what} ESS of predictions, 95 %", f">= {NETWORK.ess}"
        found.append(Check(title, value, limit, good, meaning, severity, advice, "function", True))
    return found


def _agreement_check(share: float, most: float, longer: str) -> list[Check]:
    if np.isnan(share):
        return []
    meaning = f"the chains' mean predictions differ by {share:.2%} of the predictive variance"
    severity = 2 if share > DISAGREEMENT and most > NETWORK.rhat else 1
    advised = share > AGREEMENT and most <= NETWORK.rhat
    advice = (f"Fit again with {longer}: the chains' mean predictions are still apart.",) if advised else ()
    title, limit, good = "agreement between chains", f"<= {AGREEMENT}", share <= AGREEMENT
    return [Check(title, share, limit, good, meaning, severity, advice, "function", True)]


def agreement(functions: xr.Dataset) -> float:
    """Return the variance between chains as a share of predictive variance; the module's text has the formula.

    Parameters
    ----------
    functions
        The group ``functions``; NaN without its ``predictive_variance``, as for truncated responses, or with one chain.
    """
    if "predictive_variance" not in functions.coords or functions.sizes["chain"] < 2:
        return float("nan")
    rows = functions.sizes["row"]
    mean = functions["mean"] if "mean" in functions else functions["predictor"].isel(probe=slice(0, rows))
    between = np.asarray(mean.transpose("chain", "draw", ...)).mean(axis=1).var(axis=0, ddof=1)
    total = float(np.asarray(functions["predictive_variance"]).sum())
    return float(between.sum()) / total if total > 0 else float("nan")


def scale_checks(posterior: xr.Dataset, scales: Iterable[str], chains: int, draws: int) -> list[Check]:
    """Check R-hat of the scales of layers and inputs: these make up for each other, so that it is never worse than a caution."""
    found = [name for name in scales if name in posterior]
    if not found or chains == 1 or draws < 4:
        return []
    table = convergence(logs(posterior[found], found)).table
    if table.empty:
        return []
    values = table["rhat"].fillna(np.inf)
    worst = float(values.max())
    good = worst <= SCALES
    meaning = f"the largest is that of '{values.idxmax()}'; layers and inputs can make up for each other"
    advice = () if good else ("Do not report the scales of the network's layers and inputs: the chains disagree on them.",)
    return [Check("R-hat of the network's scales", worst, f"<= {SCALES}", good, meaning, 1, advice)]


def logs(posterior: xr.Dataset, positive: Iterable[str]) -> xr.Dataset:
    """Return a Dataset with the logarithm of those of these variables that are positive throughout."""
    changed = {name: np.log(posterior[name]) for name in positive if name in posterior and bool((posterior[name] > 0).all())}
    return posterior.assign(changed)


def weights_agree(posterior: xr.Dataset) -> bool:
    """Return whether R-hat of 95 % of the weights is good; of at most 200 of them, evenly spaced."""
    hidden = [np.asarray(posterior[name].transpose("chain", "draw", ...)) for name in unnamed(posterior)]
    if not hidden or hidden[0].shape[0] < 2 or hidden[0].shape[1] < 4:
        return True
    flat = np.concatenate([v.reshape(*v.shape[:2], -1) for v in hidden], axis=2)
    some = np.unique(np.linspace(0, flat.shape[2] - 1, WEIGHTS, dtype=int))
    values = rhat(flat[..., some])
    return not float(np.nanquantile(values, SHARE_OF_POINTS)) > NETWORK.rhat if np.isfinite(values).any() else True


def nonfinite_weights(posterior: xr.Dataset) -> list[str]:
    """Return the names of weights with draws that are NaN or infinite."""
    return [name for name in unnamed(posterior) if not np.isfinite(np.asarray(posterior[name])).all()]


def alternatives() -> str:
    """Return what else there is where longer chains do not help."""
    others = [f"method='{name}'" for name in ("mclmc", "ensemble") if name in ENGINES]
    more = f"; {' and '.join(others)} look for more of them in less time" if others else ""
    stacking = f"fit.stack_chains() weighs the chains by how well each predicts{more}"
    return f"If chains still disagree, several functions fit about equally well: {stacking}."
