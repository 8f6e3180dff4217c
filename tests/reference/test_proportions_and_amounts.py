"""Maximum likelihood of amounts with zeros, of proportions with ends, and of compositions: the numbers of other software."""

import json
from pathlib import Path

import numpy as np
import pytest

import bayesdeep as bd

READ = json.loads((Path(__file__).parent / "proportions_and_amounts.json").read_text())
DATA = {name: np.asarray(values) for name, values in READ["data"].items()}
CASES = [
    pytest.param(name, marks=[pytest.mark.integration] if "dirichlet" in name else [])  # which are compiled
    for name, case in READ.items()
    if isinstance(case, dict) and "family" in case
]


def value(fit, name):
    """Return an estimate by its name in the posterior, ``x[b]`` for the level b."""
    quantity, _, label = name.partition("[")
    array = fit.posterior[quantity].squeeze()
    return float(array[[str(v) for v in array[array.dims[-1]].values].index(label[:-1])] if label else array)


@pytest.mark.parametrize("name", CASES)
def test_estimates_are_those_of_other_software(name):
    case = READ[name]
    model = bd.Model(case["formula"], DATA, family=case["family"], **case["others"])
    shares = "dirichlet" in name
    if shares:
        priors = {key: "HalfFlat()" if key == "kappa" else "Flat()" for key in ("Intercept_raw", "x", "kappa")}
        model = bd.Model(case["formula"], DATA, family=case["family"], priors=priors)
    fit = model.fit("map" if shares else "ml", seed=1, progress=False)
    for key, expected in case["estimates"].items():
        assert value(fit, key) == pytest.approx(expected, rel=2e-3 if shares else 5e-4, abs=5e-4), key
    pointwise = fit.log_likelihood()["log_likelihood"].to_dataset().to_array() if shares else fit.idata.attrs["log_likelihood"]
    found = float(np.sum(pointwise))
    assert found == pytest.approx(case["loglik"], abs=2e-3)
