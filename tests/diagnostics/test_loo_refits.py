"""Leave-one-out with effects of groups integrated out is what refits without each row find."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp

import bayesdeep as bd
from bayesdeep.display.progress import Silent
from bayesdeep.inference.loo import loo_from_blocks
from bayesdeep.inference.refit import refits, run_refits
from bayesdeep.results.fitted import blocks_of, own_rows
from bayesdeep.results.prediction_blocks import blocks

pytestmark = pytest.mark.slow


def seizures(rng: np.random.Generator) -> tuple[str, pd.DataFrame, str]:
    """Return counts of 12 subjects at four visits as epilepsy trials have them, more varied than Poisson ones."""
    subject = np.repeat(np.arange(12), 4)
    base = rng.normal(size=12)[subject]
    y = rng.poisson(np.exp(1.5 + 0.6 * base + 0.5 * rng.normal(size=12)[subject] + 0.5 * rng.normal(size=48)))
    frame = pd.DataFrame({"y": y, "base": base, "subject": subject.astype(str), "visit": np.arange(48).astype(str)})
    return "y ~ base + (1 | subject) + (1 | visit)", frame, "poisson"


def ticks(rng: np.random.Generator) -> tuple[str, pd.DataFrame, str]:
    """Return counts of ticks on chicks in 16 broods, mostly of three, some very many."""
    brood = np.repeat(np.arange(16), 3)
    height = rng.normal(size=16)[brood]
    y = rng.poisson(np.exp(0.7 - 0.8 * height + 0.9 * rng.normal(size=16)[brood] + 0.6 * rng.normal(size=48)))
    frame = pd.DataFrame({"y": y, "height": height, "brood": brood.astype(str), "chick": np.arange(48).astype(str)})
    return "y ~ height + (1 | brood) + (1 | chick)", frame, "poisson"


def pairs(rng: np.random.Generator) -> tuple[str, pd.DataFrame, str]:
    """Return yes or no of 30 pairs."""
    pair, x = np.repeat(np.arange(30), 2), rng.normal(size=60)
    y = (rng.random(60) < 1 / (1 + np.exp(-(0.3 + x + 1.8 * rng.normal(size=30)[pair])))).astype(int)
    return "y ~ x + (1 | pair)", pd.DataFrame({"y": y, "x": x, "pair": pair.astype(str)}), "bernoulli"


def visits(rng: np.random.Generator) -> tuple[str, pd.DataFrame, str]:
    """Return negative binomial counts of 25 people, two each."""
    person, x = np.repeat(np.arange(25), 2), rng.normal(size=50)
    mean = np.exp(1.2 + 0.5 * x + 0.9 * rng.normal(size=25)[person])
    y = rng.negative_binomial(4.0, 4.0 / (4.0 + mean))
    return "y ~ x + (1 | person)", pd.DataFrame({"y": y, "x": x, "person": person.astype(str)}), "negative_binomial"


def score(alone: str | None, spec, posterior, held, out, seed) -> float:
    """Return the log score of the row that was left out, its own effect drawn 25 times a draw."""
    draws = {name: np.repeat(value, 25, axis=0) if alone else value for name, value in posterior.items()}
    if alone:
        sd = draws[f"1|{alone}_sigma"]
        draws[f"1|{alone}"] = sd[:, None] * np.random.default_rng(seed).normal(size=(len(sd), 1)) * np.ones(48)
    ((*_, value),) = blocks(spec, draws, held, "pointwise", "sample", seed)
    return float(logsumexp(value) - np.log(len(value)))


ALONE = {seizures: "visit", ticks: "chick"}


@pytest.mark.parametrize("made", [seizures, ticks, pairs, visits])
def test_it_is_what_refits_without_each_row_find(made):
    formula, frame, family = made(np.random.default_rng(7))
    fit = bd.Model(formula, frame, family).fit(seed=1, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = loo_from_blocks(fit.held, blocks_of(fit, own_rows(fit, "loo"), "pointwise"), len(frame))
    found = fit.loo()
    assert found.integrated
    assert not found.warning
    jobs = refits(fit, {f"row {i}": np.array([i]) for i in range(len(frame))}, 5, partial(score, ALONE.get(made)))
    done = run_refits({"": jobs}, None, 1, Silent())[""]
    exact = np.array([one.visited for one in done])
    ours, theirs = np.asarray(found.elpd_i), np.asarray(plain.elpd_i)
    print(
        f"{made.__name__}: elpd of refits {exact.sum():.2f}, integrated {ours.sum():.2f} (largest gap of a row "
        f"{np.abs(ours - exact).max():.2f}), plain {theirs.sum():.2f} ({np.abs(theirs - exact).max():.2f}); k-hat above "
        f"{plain.good_k:.2f}: plain {int((np.asarray(plain.pareto_k) > plain.good_k).sum())} (max "
        f"{np.asarray(plain.pareto_k).max():.2f}), integrated {int((np.asarray(found.pareto_k) > found.good_k).sum())} "
        f"(max {np.asarray(found.pareto_k).max():.2f})"
    )
    np.testing.assert_allclose(ours, exact, atol=0.15)  # Of 4,000 draws each.
    assert abs(ours.sum() - exact.sum()) < 0.6
    assert abs(ours.sum() - exact.sum()) < abs(theirs.sum() - exact.sum())
