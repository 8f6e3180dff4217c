r"""Is a smooth a line? The Bayes factor of no departure from what is not penalised, by the density of its sd at 0.

A smooth is a straight line (or a constant, where a basis penalises all else) if the sd :math:`\sigma` of its departure is 0.
Of two models of which one is the other with :math:`\sigma = 0`, and priors that are independent of it, the ratio of marginal
likelihoods is

.. math:: \frac{p(y \mid \sigma = 0)}{p(y)} = \frac{p(\sigma = 0 \mid y)}{p(\sigma = 0)}

(Dickey 1971, Annals of Mathematical Statistics 42, 204-223; Verdinelli and Wasserman 1995, Journal of the American Statistical
Association 90, 614-618), with the prior density given and the posterior one estimated from the draws. The likelihood depends on
:math:`\sigma^2`, so that the density is even about 0: the draws are reflected there and smoothed by a normal kernel. It costs
nothing and holds for every engine and family whose draws are the posterior's. It depends on the prior of :math:`\sigma`, twice as
wide a prior counting twice as much for the line; an improper one, and one that is 0 or infinite at 0, has no such factor.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.registry import PRIORS
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.smooth_parts import SmoothPart
from bayesdeep.spec.shares_of_budget import is_share

FEWEST_DRAWS = 200
NEAR, NEARER = 1e-6, 1e-9
"""Sds, in the prior's own unit, between which a density does not change that has a value at 0."""


@dataclass(frozen=True)
class LineTest:
    """What speaks for a smooth's being no more than what is not penalised.

    Attributes
    ----------
    factor
        The Bayes factor of no departure against one.
    least
        Smaller ones cannot be told from it by so many draws.
    """

    factor: float
    least: float

    @property
    def probability(self) -> float:
        """Return the posterior probability of no departure, where both were equally likely before."""
        return self.factor / (1.0 + self.factor)


def line_test(fit: Fitted, part: SmoothPart) -> LineTest | str:
    """Return the test of one smooth, or in a clause why there is none."""
    if len(part.sds) > 1:
        return "it has several sds, of which all would have to be 0"
    chosen, attrs = fit.spec.prior(part.sds[0]), fit.held.attrs
    if chosen is None or part.sds[0] not in fit.held["posterior"].to_dataset().data_vars:
        return "its sd has no prior of its own"
    if is_share(chosen):
        return "its sd has a share of a budget of variance, and no prior of its own"
    chains, count = fit.sizes
    if chains * count < FEWEST_DRAWS:
        return "a point estimate has no density" if chains * count == 1 else f"{chains * count} draws are too few"
    if not attrs["exact"]:
        return f"draws of {attrs['method']} are not the posterior's"
    prior = _density_at_0(chosen)
    if prior is None:
        return f"the prior {chosen.prior} of its sd has no density at 0 to compare with"
    draws = np.asarray(fit.held["posterior"].to_dataset()[part.sds[0]].transpose("chain", "draw", ...).to_numpy()).ravel()
    return _test(draws, prior)


def _test(draws: np.ndarray, prior: float) -> LineTest:
    """Return the test from draws of the sd and its prior density at 0."""
    low, high = np.quantile(draws, [0.25, 0.75])
    unit = min(float(draws.std()), float(high - low) / 1.34) or float(draws.std()) or 1e-300
    width = 1.06 * unit * len(draws) ** -0.2
    # Each draw stands on both sides of 0, and half of the mass on one side.
    peak = 2.0 / (width * np.sqrt(2 * np.pi))
    posterior = peak * float(np.exp(-0.5 * (draws / width) ** 2).mean())
    least = peak / len(draws) / prior
    return LineTest(max(posterior / prior, least), least)


def _density_at_0(chosen: ChosenPrior) -> float | None:
    """Return the prior density of an sd at 0; None where there is none that is a number above 0."""
    record = PRIORS[chosen.prior.name]
    if record.log_density is None or not record.proper or chosen.prior.nested or record.support != "positive":
        return None
    arguments: dict[str, Any] = {k: v for k, v in chosen.prior.arguments if v is not None}
    unit = chosen.unit if chosen.unit > 0 else 1.0
    with np.errstate(all="ignore"):
        near, nearer = (float(record.log_density(np.array([far * unit]), **arguments)[0]) for far in (NEAR, NEARER))
    return float(np.exp(nearer)) if np.isfinite(nearer) and abs(near - nearer) < 1e-3 else None
