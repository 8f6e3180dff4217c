"""Shapes of what users get, for every family: one size for each name of a dimension, wherever it is met."""

from typing import Any

import numpy as np
import pytest
from jaxtyping import Bool, Float, Integer, Num, jaxtyped

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES

CHAINS, DRAWS = 2, 12


@pytest.mark.few(5)
@pytest.mark.parametrize("name", list(FAMILIES))
def test_arrays_have_the_shapes_their_names_say(name: str, of_family: Any, made_up: Any) -> None:
    fit = made_up(of_family(name, "x + (1 + x | g)"), draws=DRAWS, chains=CHAINS)
    words = FAMILIES[name].words
    per_level = " contrast" if FAMILIES[name].main.shape == "contrast" else ""
    means = " level" if words & {"levels", "several_columns"} else ""
    several = " level" if "several_columns" in words else ""
    posterior = fit.idata["posterior"]
    prefix = "" if FAMILIES[name].bare else f"{FAMILIES[name].main.name}_"
    with jaxtyped("context"):  # a name has one size from here to the end
        assert isinstance(posterior[f"{prefix}x"].values, Float[np.ndarray, f"chain draw{per_level}"])
        assert isinstance(posterior[f"{prefix}1|g"].values, Float[np.ndarray, f"chain draw group{per_level}"])
        assert isinstance(fit.draws(kind="mean").values, Float[np.ndarray, f"chain draw obs{means}"])
        assert isinstance(fit.draws(kind="response", seed=1).values, Num[np.ndarray, f"chain draw obs{several}"])
        log_likelihood = next(iter(fit.log_likelihood()["log_likelihood"].data_vars.values()))
        assert isinstance(log_likelihood.values, Float[np.ndarray, "chain draw obs"])
        assert isinstance(fit.log_score(pointwise=True), Float[np.ndarray, " obs"])
        assert posterior.sizes["chain"] == CHAINS
        assert posterior.sizes["draw"] == DRAWS


def test_engines_return_what_their_record_says() -> None:
    rng = np.random.default_rng(0)
    data = {"y": rng.normal(size=30), "x": rng.normal(size=30), "g": np.resize(list("abcde"), 30)}
    fit = bd.Model("y ~ x + (1 + x | g)", data).fit("nuts", draws=20, tune=30, chains=2, seed=1, progress=False)
    stats = fit.idata["sample_stats"]
    with jaxtyped("context"):
        assert isinstance(fit.idata["posterior"]["1|g"].values, Float[np.ndarray, "chain draw group"])
        assert isinstance(fit.idata["posterior"]["x|g"].values, Float[np.ndarray, "chain draw group"])
        assert isinstance(stats["lp"].values, Float[np.ndarray, "chain draw"])
        assert isinstance(stats["diverging"].values, Bool[np.ndarray, "chain draw"])
        assert isinstance(stats["n_steps"].values, Integer[np.ndarray, "chain draw"])
