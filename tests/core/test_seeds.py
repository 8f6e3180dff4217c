"""What a seed may be is the same at every door: a whole number that every file can hold."""

from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.cards.read_card import read_card
from bayesdeep.cli import main
from bayesdeep.core.errors import CardError
from bayesdeep.core.random import checked_seed, whole_seed
from bayesdeep.demo import run_demo
from bayesdeep.explanation import explain
from bayesdeep.inference.kfold import kfold

WRONG = [-1, 2**63, 10**23, 1.0, 1.5, True, np.True_, "1", float("nan"), np.float64(3), [1], 1 << 40_000]
RIGHT = [0, 1, 2**63 - 1, np.int8(3), np.int64(7), np.uint64(2**63 - 1)]


@pytest.mark.parametrize("seed", WRONG, ids=range(len(WRONG)))
def test_what_is_no_seed_is_refused_with_the_value_and_what_would_be_right(seed: Any) -> None:
    with pytest.raises(bd.BayesdeepError, match=r"^here: seed is .*; give a whole number from 0 to 2\*\*63 - 1$") as caught:
        whole_seed(seed, "here")
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("seed", RIGHT, ids=repr)
def test_whole_numbers_of_every_kind_are_seeds(seed: Any) -> None:
    assert checked_seed(seed, "here") == int(seed)
    assert type(checked_seed(seed, "here")) is int
    assert checked_seed(None, "here") is None


def data() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=12), "y": rng.normal(size=12)})


@pytest.fixture(scope="module")
def fit(made_up: Callable[..., Any]) -> Any:
    return made_up(bd.Model("y ~ x", data()), draws=10)


DOORS: dict[str, Callable[[Any, Any], Any]] = {
    "fit": lambda fit, seed: fit.model.fit("map", seed=seed, progress=False),
    "prior_predictive": lambda fit, seed: fit.model.prior_predictive(3, seed=seed),
    "draws": lambda fit, seed: fit.draws(seed=seed),
    "predict": lambda fit, seed: fit.predict(seed=seed),
    "predict new": lambda fit, seed: fit.predict(data().head(2), seed=seed),
    "posterior_predictive": lambda fit, seed: fit.posterior_predictive(seed=seed),
    "log_score": lambda fit, seed: fit.log_score(seed=seed),
    "budget": lambda fit, seed: fit.budget(seed=seed),
    "kfold": lambda fit, seed: kfold(fit, 2, seed=seed, progress=False),
    "compare": lambda fit, seed: bd.compare({"one": fit, "two": copy(fit)}, seed=seed, progress=False),
    "compare new": lambda fit, seed: bd.compare({"one": fit, "two": copy(fit)}, data=data(), seed=seed, progress=False),
    "explain": lambda fit, seed: explain(fit, seed=seed),
    "slopes": lambda fit, seed: fit.slopes(seed=seed),
    "contrasts": lambda fit, seed: fit.contrasts("x", seed=seed),
    "curve": lambda fit, seed: fit.curve("x", seed=seed),
    "calibration": lambda fit, seed: bd.plot.calibration(fit, seed=seed),
    "predictive_check": lambda fit, seed: bd.plot.predictive_check(fit, seed=seed),
    "demo": lambda fit, seed: run_demo("/nowhere", seed=seed),
    "sklearn": lambda fit, seed: bd.sklearn.BayesRegressor("y ~ x", random_state=seed).fit(data()[["x"]], data().y),
}


@pytest.mark.parametrize("door", list(DOORS))
@pytest.mark.parametrize("seed", [-1, 10**23], ids=repr)
def test_every_door_refuses_before_anything_is_done(door: str, seed: int, fit: Any) -> None:
    with pytest.raises(bd.BayesdeepError, match=r"seed is .*give a whole number from 0"):
        DOORS[door](fit, seed)


@pytest.mark.few(2)
@pytest.mark.parametrize("door", ["prior_predictive", "draws", "budget", "compare new", "slopes"])
def test_numpys_integers_are_as_good_as_pythons(door: str, fit: Any) -> None:
    found = [DOORS[door](fit, seed) for seed in (np.int64(5), 5)]
    found = [getattr(f, "table", f) for f in found]
    tables = [f.to_dict() if not isinstance(f, pd.DataFrame) else f.to_dict("list") for f in found]
    assert str(tables[0]) == str(tables[1])


def test_the_largest_seed_can_be_saved_and_is_read_again(tmp_path: Path) -> None:
    made = bd.Model("y ~ x", data()).fit("collapsed", draws=10, chains=2, seed=np.uint64(2**63 - 1), progress=False)
    assert bd.load(made.save(tmp_path / "fit.nc")).idata.attrs["seed"] == 2**63 - 1


@pytest.mark.parametrize("text", ["-1", str(10**23)])
def test_cards_and_the_command_line_refuse_as_well(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data().to_csv(tmp_path / "d.csv", index=False)
    card = tmp_path / "card.toml"
    card.write_text(f'formula = "y ~ x"\ndata = "d.csv"\n[fit]\nseed = {text}\n')
    with pytest.raises(CardError, match="seed is"):
        read_card(card)
    assert main(["fit", str(tmp_path / "d.csv"), "y ~ x", "--seed", text, "--quiet"]) != 0
    assert "seed is" in capsys.readouterr().err
