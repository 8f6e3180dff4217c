"""A report on a network speaks of what it predicts and never of its weights."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.cli.command_phrases import summary_text
from bayesdeep.results.draw_arrays import flat_posterior
from bayesdeep.results.function_draws import functions_dataset


@pytest.fixture(scope="module")
def fit(made_up):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["y", "x"])
    frame["g"] = [f"g{i % 5}" for i in range(40)]
    made = made_up(bd.Model("y ~ x + net(x, hidden=[5]) + (1 | g)", frame), draws=60)
    values = flat_posterior(made.posterior, made.spec)
    made.idata["functions"] = xr.DataTree(functions_dataset(made.spec, made.rows, values, 2, 60, 1))
    made.idata.attrs |= {"method": "nuts", "spec": made.spec.to_json(), "details": {}, "versions": {}}
    made.idata.attrs |= {f"seconds_{part}": 1.0 for part in ("compile", "tune", "sample", "total")}
    return made


def weights(fit) -> list[str]:
    return [str(name) for name, value in fit.posterior.data_vars.items() if value.attrs.get("role") in ("weight", "held")]


@pytest.mark.integration
def test_report_names_no_weight(fit, tmp_path):
    text = bd.report(fit, tmp_path / "report.md").read_text(encoding="utf-8").replace("\\", "")
    assert not any(name in text for name in weights(fit))
    assert "predictions, 95 %" in text
    assert "1|g" in text


@pytest.mark.parametrize("every", [True, False])
def test_printed_table_names_no_weight(fit, every):
    text = summary_text(fit, every)
    assert weights(fit)
    assert not any(name in text for name in weights(fit))
    assert "net(x)_sigma" in text
