"""Columns that are called like a dimension of every tree, or like something else that trees have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.names import DIMENSIONS
from bayesdeep.fit import Fit

OTHERS = ("level", "posterior", "sample", "mean")
ROWS = 24
G = np.array(list("abcd"))[np.arange(ROWS) % 4]


def data(name: str, values: Any) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    rows = {"y": rng.normal(size=ROWS), "x": rng.normal(size=ROWS), "g": G}
    return {**rows, name: values if values is not None else rng.normal(size=ROWS)}


WAYS: dict[str, tuple[str, str, Any, dict[str, Any]]] = {
    "number": ("y ~ x + {}", "gaussian", None, {}),
    "category": ("y ~ x + {}", "gaussian", np.array(["u", "v", "w"])[np.arange(ROWS) % 3], {}),
    "interaction": ("y ~ x*{}", "gaussian", G, {}),
    "spline": ("y ~ poly({}, 2)", "gaussian", None, {}),
    "group": ("y ~ x + (1 + x | {})", "gaussian", G, {}),
    "slopes": ("y ~ (1 + {} | g)", "gaussian", None, {}),
    "parameter": ("y ~ x", "gaussian", G, {"sigma": "~ {} + (1 | {})"}),
    "offset": ("y ~ x + offset({})", "gaussian", None, {}),
    "network": ("y ~ net({}, embed(g, 2), hidden=[2])", "gaussian", None, {}),
    "embedded": ("y ~ net(x, embed({}, 2), hidden=[2])", "gaussian", G, {}),
    "response": ("{} ~ x + (1 | g)", "gaussian", None, {}),
    "counts": ("{} ~ x", "poisson", np.arange(ROWS) % 3, {}),
    "ordered": ("{} ~ x", "cumulative", np.arange(ROWS) % 3, {}),
    "classes": ("{} ~ x + (1 | g)", "categorical", np.array(["u", "v", "w"])[np.arange(ROWS) % 3], {}),
    "trials": ("prop({}, 9) ~ x", "binomial", np.arange(ROWS) % 3, {}),
}


def model(name: str, way: str) -> bd.Model:
    formula, family, values, options = WAYS[way]
    column = f"`{name}`"
    made = {key: text.replace("{}", column) for key, text in options.items()}
    return bd.Model(formula.replace("{}", column), data(name, values), family, **made)


def saved(fit: Fit, folder: Path) -> Fit:
    fit.idata.attrs["spec"] = fit.spec.to_json()
    return bd.load(fit.save(folder / "fit.nc"))


@pytest.mark.few(1)
@pytest.mark.parametrize(("way", "name"), [(way, DIMENSIONS[i % 3]) for i, way in enumerate(WAYS)])
def test_they_are_fitted_predicted_saved_and_summed_up(
    way: str, name: str, made_up: Callable[..., Fit], tmp_path: Path
) -> None:
    """The same draws under another name predict the same, from a file too."""
    fit, plain = made_up(model(name, way)), made_up(model("other", way))
    assert set(DIMENSIONS) & set(fit.posterior.data_vars) == set()
    values, (_, _, given, _) = data(name, None), WAYS[way]
    new = data(name, given) | {"x": values["x"]}
    like = {("other" if key == name else key): value for key, value in new.items()}
    expected = plain.predict(like, kind="mean").to_numpy()
    np.testing.assert_array_equal(fit.predict(new, kind="mean").to_numpy(), expected)
    np.testing.assert_array_equal(fit.predict(kind="mean").to_numpy(), plain.predict(kind="mean").to_numpy())
    assert fit.posterior_predictive(seed=1)["posterior_predictive"].data_vars
    assert len(fit.summary(kind="stats")) == len(plain.summary(kind="stats"))
    again = saved(fit, tmp_path)
    np.testing.assert_array_equal(again.predict(new, kind="mean").to_numpy(), expected)


@pytest.mark.parametrize(("name", "way"), list(zip(OTHERS, ["category", "group", "response", "number"], strict=True)))
def test_other_names_of_trees_are_no_trouble(name: str, way: str, made_up: Callable[..., Fit], tmp_path: Path) -> None:
    fit = made_up(model(name, way))
    again = saved(fit, tmp_path)
    np.testing.assert_array_equal(again.predict(kind="mean").to_numpy(), fit.predict(kind="mean").to_numpy())


def test_their_names() -> None:
    for name in ("chain", "obs"):
        spec = model(name, "category")
        assert f"{name}_" in spec.priors.index
        coordinates = spec.prior_predictive(2, seed=1)["prior"].to_dataset().coords
        assert list(coordinates[f"{name}_level"].values) == ["v", "w"]
        grouped = model(name, "group").prior_predictive(2, seed=1)["prior"].to_dataset()
        assert list(grouped.coords[f"{name}_level"].values) == list("abcd")
        assert f"1|{name}" in grouped


@pytest.mark.parametrize("key", ["chain", "chain_", "chain, x", "x,chain"])
def test_priors_take_the_columns_name(key: str) -> None:
    made = bd.Model("y ~ x + chain", data("chain", None), priors={key: "Normal(0, 0.125)"})
    assert made.priors.loc["chain_", "prior"] == "Normal(0, 0.125)"


def test_a_column_that_has_that_name_already_is_refused() -> None:
    rows = data("chain", None) | {"chain_": np.arange(float(ROWS))}
    with pytest.raises(bd.FormulaError, match="two quantities of the model would be called 'chain_'"):
        bd.Model("y ~ chain + chain_", rows)


def test_linear_systems_report_them_too() -> None:
    name = "chain"
    fit = bd.Model(f"y ~ x + {name} + (0 + {name} | g)", data(name, None)).fit(
        "collapsed", draws=40, tune=40, chains=1, seed=1, progress=False
    )
    assert {f"{name}_", f"{name}|g"} <= set(fit.posterior.data_vars)
    assert len(fit.summary(kind="stats")) > 3


ODD_LABELS = (
    "a/b", "a,b", "x[1]", "a:b", "", " ", "é€", "😀", "nan", "None", "a|b", "`q`", "'", '"', "\\", "a\nb", "<b>", "%s", "{x}",
    "chain", "mode", "True", "$x$",
)


@pytest.mark.parametrize("formula", ["y ~ x + t", "y ~ x + (1 | t)", "y ~ t:x", "y ~ net(x, embed(t, 2), hidden=[2])"])
def test_labels_with_any_characters(formula: str, made_up: Callable[..., Fit], tmp_path: Path) -> None:
    labels = np.array(ODD_LABELS, dtype=object)[np.arange(4 * len(ODD_LABELS)) % len(ODD_LABELS)]
    rng = np.random.default_rng(1)
    rows = {"y": rng.normal(size=len(labels)), "x": rng.normal(size=len(labels)), "t": labels}
    fit = made_up(bd.Model(formula, rows))
    again = saved(fit, tmp_path)
    np.testing.assert_array_equal(again.predict(rows, kind="mean").to_numpy(), fit.predict(kind="mean").to_numpy())
    assert len(again.summary(kind="stats")) == len(fit.summary(kind="stats"))


@pytest.mark.parametrize("family", ["categorical", "cumulative"])
def test_classes_with_any_labels(family: str, made_up: Callable[..., Fit], tmp_path: Path) -> None:
    levels = ["mode", "mean", "a/b,[1]", "\n", "\0"]
    rows = {"y": pd.Categorical([levels[i % 5] for i in range(20)], levels, ordered=True), "x": np.linspace(0, 1, 20)}
    fit = made_up(bd.Model("y ~ x", rows, family))
    table = saved(fit, tmp_path).predict({"x": [0.0, 1.0]}, kind="mean")
    np.testing.assert_allclose(table.iloc[:, :5].to_numpy(dtype=float).sum(axis=1), 1.0)
    assert list(table.columns) == [*levels, "mode_"]
