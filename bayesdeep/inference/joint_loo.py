"""Leave-one-out cross-validation of several responses: a row is left out with all its responses."""

import numpy as np
from scipy.special import logsumexp

from bayesdeep.core.errors import FitError, nearest
from bayesdeep.results.joint_fitted import JointFitted
from bayesdeep.results.joint_predictions import log_likelihoods
from bayesdeep.results.labelled import Array

from .loo import check_draws, loo_from_blocks
from .loo_record import Loo


def joint_loo(fit: JointFitted, pointwise: bool = True) -> Loo:
    """Return PSIS leave-one-out cross-validation of whole rows, of all their responses together."""
    check_draws(fit.tree)
    values = log_likelihoods(fit)[0]
    return loo_from_blocks(fit.tree, [(0, values.shape[1], values)], values.shape[1], pointwise)


def loo_by_response(fit: JointFitted) -> tuple[Loo, dict[str, Loo]]:
    """Return leave-one-out of whole rows, and what it says of each response: a row's are all left out, one is foretold.

    Draws are weighed by the likelihood of the whole row: with the weights of one response alone, draws would have seen it through
    the residuals of the others.
    """
    check_draws(fit.tree)
    values, each = log_likelihoods(fit)
    whole = loo_from_blocks(fit.tree, [(0, values.shape[1], values)], values.shape[1], limit=values.size)
    weights = np.asarray(whole.log_weights.transpose("chain", "draw", "obs")).reshape(values.shape)
    weights = weights - logsumexp(weights, axis=0)
    found = {}
    for (name, own), place in zip(each.items(), fit.rows.places, strict=True):
        elpd_i = logsumexp(weights[:, place] + own, axis=0)
        in_sample = logsumexp(own, axis=0) - np.log(len(own))
        rows = {"obs": np.asarray(place)}
        found[name] = whole.with_(
            elpd=float(elpd_i.sum()),
            se=float(np.sqrt(len(place) * elpd_i.var(ddof=1))) if len(place) > 1 else 0.0,
            p=float((in_sample - elpd_i).sum()),
            n_data_points=len(place),
            elpd_i=Array(("obs",), elpd_i, rows),
            pareto_k=Array(("obs",), whole.numbers("pareto_k")[place], rows),
        )
    return whole, found


def loo_of(fit: JointFitted, response: str | None, pointwise: bool) -> Loo:
    """Return leave-one-out of whole rows, of all responses together or of one."""
    if response is None:
        return joint_loo(fit, pointwise)
    if response not in fit.each:
        raise FitError(f"loo: no response '{response}'{nearest(response, fit.each)}; there are {', '.join(fit.each)}")
    found = loo_by_response(fit)[1][response]
    return found if pointwise else found.without("elpd_i", "pareto_k")
