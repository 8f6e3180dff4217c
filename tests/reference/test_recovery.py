"""Data simulated from each kind of response in the recursive-GLM literature, fitted, and the truth recovered.

The rows follow the table of response types and inverse links in Mohamed, *A statistical view of deep learning (I):
recursive GLMs* (2015), and the package's further families. A true value counts as recovered within four posterior
standard deviations (under a right model that fails once in 16,000 parameters), and the posterior must have learned
something: its standard deviation is below half a unit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import bayesdeep as bd

ROWS = 800


@dataclass(frozen=True)
class Case:
    """A family and link, and how to draw a response given the predictor ``0.4 + 0.7 x`` (or as ``truth`` says)."""

    family: str
    draw: Callable[[np.ndarray, np.random.Generator], Any]
    link: str | None = None
    formula: str = "y ~ x"
    truth: dict[str, float] = field(default_factory=dict)
    intercept: float = 0.4
    slope: float = 0.7
    options: dict[str, Any] = field(default_factory=dict)


def _softmax_draw(eta: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    scores = np.c_[np.zeros_like(eta), eta, -eta]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return {"y": np.array(["a", "b", "c"])[(rng.random((len(eta), 1)) > p.cumsum(axis=1)).sum(axis=1)]}


def _multinomial_draw(eta: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    scores = np.c_[np.zeros_like(eta), eta, -eta]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    counts = np.array([rng.multinomial(8, row) for row in p])
    return {"a": counts[:, 0], "b": counts[:, 1], "d": counts[:, 2]}


def _ordered_draw(noise: Callable[..., np.ndarray]) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    return lambda eta, rng: np.digitize(eta - 0.4 + noise(size=len(eta), random_state=rng), [-1.0, 0.5, 1.5])


def _chance(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (rng.random(len(p)) < p).astype(int)


def _hurdle_draw(eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mu = np.exp(eta)
    above = stats.nbinom.ppf(rng.uniform((1 + mu / 2.0) ** -2.0, 1), 2.0, 2.0 / (2.0 + mu))
    return above * (rng.random(len(eta)) > 0.3)


def _cascade(eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return counts that each set off 0.4 more on average."""
    total = generation = rng.poisson(0.6 * np.exp(eta))
    while generation.any():
        generation = rng.poisson(0.4 * generation)
        total = total + generation
    return total


def _even(eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return Conway-Maxwell-Poisson counts with power 2.5, their rate found by bisection."""
    y, mean = np.arange(60.0), np.exp(eta)[:, None]
    low, high = np.full_like(mean, -20.0), np.full_like(mean, 20.0)
    for _ in range(80):
        p = special.softmax((low + high) / 2 * y - 2.5 * special.gammaln(y + 1), axis=1)
        more = (p * y).sum(axis=1, keepdims=True) < mean
        low, high = np.where(more, (low + high) / 2, low), np.where(more, high, (low + high) / 2)
    return (rng.random(mean.shape) > p.cumsum(axis=1)).sum(axis=1)


CUTS = {"threshold[0]": -1.0, "threshold[1]": 0.5, "threshold[2]": 1.5}

CASES = {
    "real, identity": Case("gaussian", lambda e, r: r.normal(e, 0.8), truth={"sigma": 0.8}),
    "binary, logit": Case("bernoulli", lambda e, r: _chance(1 / (1 + np.exp(-e)), r)),
    "binary, probit": Case("bernoulli", lambda e, r: _chance(stats.norm.cdf(e), r), "probit"),
    "binary, Gumbel (cloglog)": Case("bernoulli", lambda e, r: _chance(1 - np.exp(-np.exp(e)), r), "cloglog"),
    "binary, loglog": Case("bernoulli", lambda e, r: _chance(np.exp(-np.exp(-e)), r), "loglog"),
    "binary, cauchit": Case("bernoulli", lambda e, r: _chance(stats.cauchy.cdf(e), r), "cauchit"),
    "binary -1/+1, tanh": Case("bernoulli", lambda e, r: 2 * _chance((1 + np.tanh(e)) / 2, r) - 1, "tanh"),
    "trials, logit": Case(
        "binomial", lambda e, r: {"k": r.binomial(7, 1 / (1 + np.exp(-e))), "n": np.full(len(e), 7)},
        formula="prop(k, n) ~ x",
    ),
    "categorical, softmax": Case(
        "categorical", _softmax_draw,
        truth={"Intercept[b]": 0.4, "Intercept[c]": -0.4, "x[b]": 0.7, "x[c]": -0.7},
    ),
    "counts by level, softmax": Case(
        "multinomial", _multinomial_draw, formula="c(a, b, d) ~ x",
        truth={"Intercept[b]": 0.4, "Intercept[d]": -0.4, "x[b]": 0.7, "x[d]": -0.7},
    ),
    "counts, exponential": Case("poisson", lambda e, r: r.poisson(np.exp(e))),
    "counts, square": Case("poisson", lambda e, r: r.poisson(e**2), "sqrt", intercept=3.0),
    "counts, overdispersed": Case(
        "negative_binomial", lambda e, r: r.negative_binomial(2.0, 2.0 / (2.0 + np.exp(e))), truth={"alpha": 2.0}
    ),
    "counts, extra zeros": Case(
        "zero_inflated_poisson", lambda e, r: r.poisson(np.exp(e)) * (r.random(len(e)) > 0.3), truth={"zi": 0.3}
    ),
    "counts, hurdle": Case(
        "hurdle_poisson",
        lambda e, r: stats.poisson.ppf(r.uniform(np.exp(-np.exp(e)), 1), np.exp(e)) * (r.random(len(e)) > 0.3),
        truth={"hu": 0.3},
    ),
    "counts, overdispersed with extra zeros": Case(
        "zero_inflated_negative_binomial",
        lambda e, r: r.negative_binomial(2.0, 2.0 / (2.0 + np.exp(e))) * (r.random(len(e)) > 0.3),
        intercept=1.5, truth={"alpha": 2.0, "zi": 0.3},
    ),
    "counts, overdispersed behind a hurdle": Case(
        "hurdle_negative_binomial", _hurdle_draw, intercept=1.0, truth={"alpha": 2.0, "hu": 0.3}
    ),
    "counts, cascading": Case("generalized_poisson", _cascade, truth={"lam": 0.4}),
    "counts, less spread than Poisson": Case("com_poisson", _even, truth={"nu": 2.5}),
    "trials, overdispersed": Case(
        "beta_binomial",
        lambda e, r: {"k": r.binomial(12, r.beta(5 / (1 + np.exp(-e)), 5 / (1 + np.exp(e)))), "n": np.full(len(e), 12)},
        formula="prop(k, n) ~ x", truth={"kappa": 5.0},
    ),
    "trials, extra zeros": Case(
        "zero_inflated_binomial",
        lambda e, r: {"k": r.binomial(7, 1 / (1 + np.exp(-e))) * (r.random(len(e)) > 0.3), "n": np.full(len(e), 7)},
        formula="prop(k, n) ~ x", truth={"zi": 0.3},
    ),
    "non-negative, gamma, reciprocal": Case(
        "gamma", lambda e, r: r.gamma(3.0, 1 / (3.0 * e)), "inverse", intercept=4.0, truth={"alpha": 3.0}
    ),
    "non-negative, gamma, log": Case("gamma", lambda e, r: r.gamma(3.0, np.exp(e) / 3.0), truth={"alpha": 3.0}),
    "positive, inverse gaussian": Case("inverse_gaussian", lambda e, r: r.wald(np.exp(e), 4.0), truth={"lam": 4.0}),
    "positive, exponential": Case("exponential", lambda e, r: r.exponential(np.exp(e))),
    "positive, weibull": Case(
        "weibull", lambda e, r: r.weibull(2.0, len(e)) * np.exp(e) / stats.weibull_min(2.0).mean(),
        truth={"alpha": 2.0},
    ),
    "positive, lognormal": Case("lognormal", lambda e, r: np.exp(r.normal(e, 0.5)), truth={"sigma": 0.5}),
    "share, beta": Case(
        "beta", lambda e, r: r.beta(8 / (1 + np.exp(-e)), 8 / (1 + np.exp(e))).clip(1e-9, 1 - 1e-9),
        truth={"kappa": 8.0},
    ),
    "sparse, tobit / ReLU": Case("tobit", lambda e, r: np.maximum(0.0, r.normal(e, 0.8)), truth={"sigma": 0.8}),
    "ordered, logit": Case("cumulative", _ordered_draw(stats.logistic.rvs), truth={"x": 0.7, **CUTS}),
    "ordered, probit": Case("cumulative", _ordered_draw(stats.norm.rvs), "probit", truth={"x": 0.7, **CUTS}),
    "heavy tails": Case("student_t", lambda e, r: e + 0.8 * r.standard_t(4, len(e)), truth={"sigma": 0.8}),
    "quantile": Case(
        "asymmetric_laplace", lambda e, r: e + r.normal(size=len(e)) - stats.norm.ppf(0.8),
        options={"quantile": bd.known(0.8)},
    ),
}
QUICK = {"binary, Gumbel (cloglog)", "counts, square", "sparse, tobit / ReLU"}


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in CASES]
)
def test_truth_is_recovered(name: str) -> None:
    case, rng = CASES[name], np.random.default_rng(20260)
    x = rng.uniform(-1.5, 1.5, ROWS)
    drawn = case.draw(case.intercept + case.slope * x, rng)
    data = {"x": x, **(drawn if isinstance(drawn, dict) else {"y": drawn})}
    model = bd.Model(case.formula, data, case.family, link=case.link, **case.options)
    fit = model.fit("nuts", draws=500, tune=500, chains=2, seed=3, progress=False)
    truth = case.truth
    if not any(key.startswith(("x", "threshold")) for key in truth):
        truth = {"Intercept": case.intercept, "x": case.slope, **truth}
    table = fit.summary(kind="stats")
    for key, true in truth.items():
        mean, sd = table.loc[key, "mean"], table.loc[key, "sd"]
        assert abs(mean - true) < 4 * sd, f"{key}: {mean:.3f} ± {sd:.3f}, truth {true}"
        assert sd < 0.5 * max(1.0, abs(true)), f"{key}: sd {sd:.3f} says nothing"
