"""Counts and yes/no that are hard to fit, by ``fit()`` with its defaults: the right posterior, by numerical integration."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import log_expit, roots_hermitenorm

import bayesdeep as bd


def moments(log_p: np.ndarray, **axes: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return mean and sd of quantities on a grid from its log density."""
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    found = {}
    for name, value in axes.items():
        mean = float((p * value).sum())
        found[name] = (mean, float(np.sqrt((p * (value - mean) ** 2).sum())))
    return found


def fitted(formula: str, frame: pd.DataFrame, family: str, priors: dict[str, str]) -> Any:
    return bd.Model(formula, frame, family=family, priors=priors).fit(seed=3, progress=False)


def agrees(fit: Any, name: str, mean: float, sd: float) -> None:
    """Check a quantity's mean and sd to 4.5 Monte Carlo errors."""
    row = fit.summary(var_names=[name]).iloc[0]
    error = 4.5 * row["mcse_mean"]
    assert error < 0.25 * sd
    assert row["mean"] == pytest.approx(mean, abs=error)
    assert row["sd"] == pytest.approx(sd, abs=4.5 * row["mcse_sd"])


def test_complete_separation_under_proper_priors() -> None:
    """The data put no end to the slope; its prior does."""
    x = np.array([-2.0, -1.2, -0.9, -0.3, 0.2, 0.4, 1.5, 2.3])
    x -= x.mean()
    y = (x > 0.0).astype(int)
    fit = fitted("y ~ x", pd.DataFrame({"x": x, "y": y}), "bernoulli", {"Intercept": "Normal(0, 1.5)", "x": "Normal(0, 3)"})
    a, b = np.meshgrid(np.linspace(-8, 8, 401), np.linspace(-6, 18, 601), indexing="ij")
    log_p = stats.norm(0, 1.5).logpdf(a) + stats.norm(0, 3).logpdf(b)
    for at, yes in zip(x, y, strict=True):
        log_p = log_p + log_expit((a + b * at) * (1 if yes else -1))
    known = moments(log_p, Intercept=a, x=b)
    for name, (mean, sd) in known.items():
        agrees(fit, name, mean, sd)
    assert fit.idata.attrs["status"] == "ok"


def test_a_separated_response_is_not_told_to_widen_its_prior() -> None:
    x = np.linspace(-2, 2, 60)
    frame = pd.DataFrame({"x": x, "y": (x > 0.1).astype(int), "z": np.cos(40 * x)})
    fit = fitted("y ~ x + z", frame, "bernoulli", {"x": "Normal(0, 2)"})
    found = fit.diagnose()
    assert "prior of x" in set(found.evidence.query("~passed")["check"])
    assert found.advice[0].startswith("'x' separates the response")
    assert not any("widen" in sentence for sentence in found.advice)


def of_groups(counts: list[np.ndarray], high: float = 6.0) -> dict[str, tuple[float, float]]:
    """Return the posterior of Poisson counts by group, Intercept ~ N(0, 2), sd ~ HalfNormal(1)."""
    b, t = np.meshgrid(np.linspace(-9, 6, 601), np.linspace(1e-3, high, 300), indexing="ij")
    nodes, weights = roots_hermitenorm(61)
    log_p = stats.norm(0, 2).logpdf(b) + stats.halfnorm(0, 1).logpdf(t)
    for own in counts:
        eta = b[..., None] + t[..., None] * nodes
        inside = own.sum() * eta - len(own) * np.exp(eta)
        top = inside.max(axis=-1, keepdims=True)
        log_p = log_p + top[..., 0] + np.log((np.exp(inside - top) * weights).sum(axis=-1))
    return moments(log_p, **{"Intercept": b, "1|g_sigma": t})


@pytest.mark.few(1)
@pytest.mark.filterwarnings("ignore:.*has one level in these rows:UserWarning")
@pytest.mark.parametrize(
    "counts",
    [
        pytest.param([[3, 5, 2, 4, 3, 6]], id="one group"),
        pytest.param([[0, 0, 0, 0, 0], [4, 3], [5, 2, 2], [6, 1]], id="a group of zeros"),
        pytest.param([[0], [3], [1], [7], [2], [0]], id="groups of one row"),
    ],
)
def test_groups(counts: list[list[int]]) -> None:
    groups = [np.array(own) for own in counts]
    codes = np.repeat([f"g{k}" for k in range(len(groups))], [len(own) for own in groups])
    frame = pd.DataFrame({"y": np.concatenate(groups), "g": codes})
    fit = fitted("y ~ 1 + (1 | g)", frame, "poisson", {"Intercept": "Normal(0, 2)", "1|g_sigma": "HalfNormal(1)"})
    assert fit.idata.attrs["method"] == "transport"
    for name, (mean, sd) in of_groups(groups).items():
        agrees(fit, name, mean, sd)


def test_zeros_alone() -> None:
    frame = pd.DataFrame({"y": np.zeros(30, dtype=int)})
    with pytest.warns(UserWarning, match="'y' is 0 in every row"):
        fit = fitted("y ~ 1", frame, "poisson", {"Intercept": "Normal(-2, 2)"})
    b = np.linspace(-14, 4, 4001)
    agrees(fit, "Intercept", *moments(stats.norm(-2, 2).logpdf(b) - 30 * np.exp(b), Intercept=b)["Intercept"])


def test_an_offset_that_is_the_whole_response() -> None:
    counts = np.array([5, 80, 1000, 10**9, 3 * 10**6])
    frame = pd.DataFrame({"y": counts, "known": np.log(counts)})
    fit = fitted("y ~ 1 + offset(known)", frame, "poisson", {"Intercept": "Normal(0, 1)"})
    agrees(fit, "Intercept", 0.0, 1 / np.sqrt(counts.sum()))


@pytest.mark.parametrize("family", ["poisson", "negative_binomial"])
def test_counts_of_a_thousand_million_that_follow_a_line(family: str) -> None:
    """They vary less than Poisson counts would: the shape is beyond all bounds, and the coefficients are as well known."""
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=60), rng.integers(0, 6, 60)
    y = (1e9 * np.exp(0.2 * x)).astype(int)
    frame = pd.DataFrame({"x": x, "g": [f"g{k}" for k in g], "y": y})
    fit = fitted("y ~ x + (1 | g)", frame, family, {})
    assert fit.idata.attrs["method"] == "transport"
    design = np.column_stack([np.ones(60), x])
    sds = np.sqrt(np.diag(np.linalg.inv(design.T @ (design * y[:, None]))))
    table = fit.summary(var_names=["Intercept", "x", "1|g_sigma"])
    for name, value, sd in zip(["Intercept", "x"], [np.log(1e9), 0.2], sds, strict=True):
        assert table.loc[name, "mean"] == pytest.approx(value, abs=2 * sd)
        assert 0.93 * sd < table.loc[name, "sd"] < 4 * sd  # groups and the shape take something
    assert table.loc["1|g_sigma", "mean"] < 1e-4
    if family == "negative_binomial":
        assert float(fit.posterior["alpha"].median()) > 1e9
