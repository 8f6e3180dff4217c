"""Effects of regions: their law is that of the map, scaled; what is no map is refused; posteriors are those of dense algebra."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.effects import root_of
from bayesdeep.core.registry import TERMS
from bayesdeep.inference.select_engine import choose
from bayesdeep.numerics.sparse_factors import available

# A map in two pieces, an island, and a region that no row has ("g").
PAIRS = {"ab": 1.0, "bc": 1.0, "cd": 1.0, "ad": 1.0, "ac": 1.0, "de": 1.0, "eg": 1.0, "hi": 2.0, "ij": 1.0}
REGIONS = tuple("abcdeghijk")
ISLAND, NO_ROWS = "k", "g"


def table(pairs: dict[str, float] | None = None, regions: tuple[str, ...] = REGIONS) -> pd.DataFrame:
    found = pd.DataFrame(0.0, index=list(regions), columns=list(regions))
    for (one, other), weight in (PAIRS if pairs is None else pairs).items():
        found.loc[one, other] = found.loc[other, one] = weight
    return found


def frame(each: int = 3, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    region = np.repeat([r for r in REGIONS if r != NO_ROWS], each)
    effect = dict(zip(REGIONS, np.linspace(-1.0, 1.0, len(REGIONS)), strict=True))
    x = rng.normal(size=len(region))
    y = 0.5 + 0.3 * x + np.array([effect[r] for r in region]) + rng.normal(0, 0.4, len(region))
    return pd.DataFrame({"region": region, "x": x, "y": y, "count": rng.poisson(np.exp(0.5 * y))})


def model_of(
    formula: str, data: pd.DataFrame, near: pd.DataFrame | None = None, family: str = "gaussian", **given: Any
) -> bd.Model:
    return bd.Model(formula, data, family, arrays={"W": table() if near is None else near}, **given)


def scaled(near: np.ndarray) -> np.ndarray:
    """Return the covariance of the scaled intrinsic law, by generalised inverses of its pieces."""
    todo, found = set(range(len(near))), np.zeros_like(near)
    while todo:
        piece, front = set[int](), [min(todo)]
        while front:
            piece.add(here := front.pop())
            front += [int(k) for k in np.flatnonzero(near[here]) if k not in piece]
        todo -= piece
        own = np.ix_(sorted(piece), sorted(piece))
        if len(piece) == 1:
            found[own] = 1.0
            continue
        inverse = np.linalg.pinv(np.diag(near[own].sum(axis=1)) - near[own])
        found[own] = inverse / np.exp(np.log(np.diag(inverse)).mean())
    return found


def covariance(near: np.ndarray, sigma: float, rho: float) -> np.ndarray:
    return sigma**2 * (rho * scaled(near) + (1.0 - rho) * np.eye(len(near)))


@pytest.mark.parametrize(("kind", "rho"), [("icar", 1.0), ("bym2", 0.7), ("bym2", 1e-9)])
def test_the_law_is_that_of_the_map_scaled(kind: str, rho: float) -> None:
    model = model_of(f"y ~ car(region, W, type='{kind}')", frame())
    (term,) = (t for t in model.spec.predictors[0].terms if t.kind == "car")
    (effect,) = TERMS["car"].effects(term.state)
    law: Any = effect.law
    values = [np.array([1.3]), *([np.array([rho])] if law.shares else [])]
    sds = np.broadcast_to(law.sds(values, np), (law.root.shape[1],))
    root = root_of(law)
    assert root is not None
    found = (root * sds**2) @ root.T
    np.testing.assert_allclose(found, covariance(table().to_numpy(), 1.3, rho), atol=1e-12)


def test_a_standard_deviation_means_the_same_on_every_map() -> None:
    """Weights in another unit, and other maps: the geometric mean of variances over each piece is 1."""
    def state(near: pd.DataFrame, rows: pd.DataFrame) -> Any:
        return next(t.state for t in model_of("y ~ car(region, W)", rows, near).spec.predictors[0].terms if t.kind == "car")

    def variances(found: Any) -> np.ndarray:
        law: Any = TERMS["car"].effects(found)[0].law
        return np.asarray((root_of(law) ** 2) @ law.sds([np.array([1.0]), np.array([1.0])], np) ** 2)

    first, again = state(table(), frame()), state(1000 * table(), frame())
    np.testing.assert_allclose(variances(first), variances(again), rtol=1e-10)
    for piece in ("abcdeg", "hij", "k"):
        own = [REGIONS.index(r) for r in piece]
        np.testing.assert_allclose(np.log(variances(first)[own]).mean(), 0.0, atol=1e-12)


def test_neither_the_order_of_the_table_nor_types_of_labels_matter() -> None:
    data, order = frame(), list(np.random.default_rng(1).permutation(REGIONS))
    numbered = {r: k for k, r in enumerate(REGIONS)}
    renamed = table().rename(index=numbered, columns=numbered)
    first = model_of("y ~ car(region, W)", data)
    assert model_of("y ~ car(region, W)", data, table().loc[:, order]).spec == first.spec
    mixed = model_of("y ~ car(region, W)", data, table().loc[order, :])
    number = model_of("y ~ car(region, W)", data.assign(region=data["region"].map(numbered).astype(str)), renamed)
    for other, labels in ((mixed, order), (number, list(numbered.values()))):
        (term,) = (t for t in other.spec.predictors[0].terms if t.kind == "car")
        assert TERMS["car"].groups(term.state) == {"region": tuple(labels)}
        law: Any = TERMS["car"].effects(term.state)[0].law
        sds, root = law.sds([np.array([1.3]), np.array([0.7])], np), root_of(law)
        assert root is not None
        back = [labels.index(numbered[r] if labels[0] == 0 else r) for r in REGIONS]
        found = ((root * sds**2) @ root.T)[np.ix_(back, back)]
        np.testing.assert_allclose(found, covariance(table().to_numpy(), 1.3, 0.7), atol=1e-12)
        codes = other.__dict__["_rows"].arrays[f"{term.key}.codes"]
        expected = first.__dict__["_rows"].arrays[f"{term.key}.codes"]
        np.testing.assert_array_equal(codes, np.array(back)[expected])


def refuse_entry(one: str, other: str, value: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(near: pd.DataFrame) -> pd.DataFrame:
        near.loc[one, other] = value
        return near

    return change


REFUSED: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "itself": ("car(region, W)", refuse_entry("b", "b", 1.0), "'b' with itself is 1; no level is its own neighbour"),
    "one way": ("car(region, W)", refuse_entry("a", "e", 1.0), "not symmetric: 'a' with 'e' is 1, 'e' with 'a' 0"),
    "negative": ("car(region, W)", refuse_entry("b", "a", -1.0), "'b' with 'a' is -1; neighbours have 1"),
    "missing": ("car(region, W)", refuse_entry("b", "a", np.nan), "missing or infinite"),
    "lacks a region": ("car(region, W)", lambda near: near.drop(index="d", columns="d"), "matrix 'W' has not: 'd'"),
    "other labels": ("car(region, W)", lambda near: near.rename(index={"d": "dd"}), "no row is called 'd'"),
    "not square": ("car(region, W)", lambda near: near.drop(index="d"), "not square"),
    "nobody near": ("car(region, W)", lambda near: 0.0 * near, r"no region of matrix 'W' has a neighbour.*\(1 \| region\)"),
    "no table": ("car(region, V)", lambda near: near, "no formula uses the matrix 'W' of arrays; there are: V"),
    "one argument": ("car(region) + car(x, W)", lambda near: near, "takes a column of regions and the name of an adjacency"),
    "text": ("car(region, 'W') + car(x, W)", lambda near: near, "a quoted text can only be an option's value"),
    "arithmetic": ("car(region, log(x)) + car(x, W)", lambda near: near, "is to name a matrix"),
    "type": ("car(region, W, type='bym')", lambda near: near, "type='bym' is not one of 'bym2', 'icar'.*did you mean 'bym2'"),
    "option": ("car(region, W, tpye='icar')", lambda near: near, "no option 'tpye'.*did you mean 'type'"),
    "two kinds": ("car(region, W) + (1 | gr(region, cov=W))", lambda near: near, "an adjacency in one term and a covariance"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_no_map_is_refused(name: str) -> None:
    formula, change, message = REFUSED[name]
    with pytest.raises(bd.BayesdeepError, match=message):
        model_of(f"y ~ {formula}", frame(), change(table()))


def test_regions_without_neighbours_and_pieces_are_said() -> None:
    (chosen,) = (p for p in model_of("y ~ car(region, W)", frame()).spec.priors if p.name == "car(region)_sigma")
    assert "in 2 pieces, each scaled by itself" in chosen.reason
    assert "k has no neighbours and is independent" in chosen.reason


def by_quadrature(data: pd.DataFrame, kind: str, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means and sds of the regions' effects, and the means of sigma and rho, under the priors of the test below."""
    near = table().to_numpy()
    meet = np.array([[r == region for r in REGIONS] for region in data["region"]], dtype=float)
    x = data["x"].to_numpy()
    design = np.column_stack([np.ones(len(x)), x - x.mean()])
    common = design @ np.diag([4.0, 1.0]) @ design.T + noise**2 * np.eye(len(x))
    sigmas = np.linspace(0.02, 5.0, 100)
    rhos = (np.arange(40) + 0.5) / 40 if kind == "bym2" else np.ones(1)
    weights, means, seconds, places = [], [], [], []
    for sigma in sigmas:
        for rho in rhos:
            prior = covariance(near, sigma, rho)
            total = meet @ prior @ meet.T + common
            gain = np.linalg.solve(total, meet @ prior).T
            mean, left = gain @ data["y"].to_numpy(), prior - gain @ meet @ prior
            log = -0.5 * data["y"] @ np.linalg.solve(total, data["y"]) - 0.5 * np.linalg.slogdet(total)[1]
            weights.append(log - 0.5 * sigma**2)
            means.append(mean)
            seconds.append(np.diag(left) + mean**2)
            places.append([sigma, rho])
    share = np.exp(np.array(weights) - max(weights))
    share /= share.sum()
    mean = share @ np.array(means)
    return mean, np.sqrt(share @ np.array(seconds) - mean**2), share @ np.array(places)


PRIORS = {"Intercept": "Normal(0, 2)", "x": "Normal(0, 1)", "car(region)_sigma": "HalfNormal(1)"}


@pytest.mark.few(2)
@pytest.mark.parametrize("method", ["collapsed", "transport"])
@pytest.mark.parametrize("kind", ["icar", "bym2"])
def test_the_posterior_is_that_of_dense_algebra_and_quadrature(kind: str, method: str) -> None:
    data = frame()
    expected, sd, places = by_quadrature(data, kind, 0.5)
    model = model_of(f"y ~ x + car(region, W, type='{kind}')", data, priors=PRIORS, sigma=bd.known(0.5))
    fit = model.fit(method, seed=1, draws=1000, progress=False)
    draws = fit.posterior["car(region)"].to_numpy().reshape(-1, len(REGIONS))
    assert np.abs((draws.mean(axis=0) - expected) / sd).max() < 0.1
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.1)
    for name, value in zip(("sigma", "rho"), places, strict=True):
        if name == "sigma" or kind == "bym2":
            own = fit.posterior[f"car(region)_{name}"].to_numpy()
            assert abs(own.mean() - value) < 0.1 * own.std(), name
    if kind == "icar":
        for piece in ("abcdeg", "hij"):
            sums = draws[:, [REGIONS.index(r) for r in piece]].sum(axis=1)
            np.testing.assert_allclose(sums, 0.0, atol=1e-6)


def test_regions_without_rows_are_predicted_and_others_refused_by_name() -> None:
    data = frame()
    fit = model_of("y ~ x + car(region, W)", data).fit("collapsed", seed=1, draws=200, progress=False)
    new = pd.DataFrame({"region": [NO_ROWS, "e"], "x": 0.0})
    found = fit.predict(new, kind="mean")
    assert found["sd"].iloc[0] > found["sd"].iloc[1]
    with pytest.raises(bd.DataError, match="matrix 'W' has not: 'nowhere'"):
        fit.predict(pd.DataFrame({"region": ["nowhere"], "x": [0.0]}))


def test_it_stands_beside_other_effects_of_the_same_levels_and_not_of_others() -> None:
    data, known = frame(), [r for r in REGIONS if r != NO_ROWS]
    near = table(PAIRS | {"ek": 1.0}).loc[known, known]
    model = model_of("y ~ car(region, W)", data, near, sigma="~ car(region, W, type='icar') + (1 | region)")
    names = {p.name for p in model.spec.priors}
    assert {"car(region)_sigma", "car(region)_rho", "sigma_car(region)_sigma", "sigma_1|region_sigma"} <= names
    with pytest.raises(bd.FormulaError, match="different levels of 'region'; copy the column"):
        model_of("y ~ car(region, W)", data, sigma="~ (1 | region)")


@pytest.mark.integration
def test_nuts_agrees_with_transport_on_counts() -> None:
    data = frame(each=4, seed=3)
    model = model_of("count ~ x + car(region, W)", data, family="poisson", priors=PRIORS)
    exact = model.fit("transport", seed=1, draws=2000, progress=False)
    nuts = model.fit("nuts", seed=1, draws=1000, chains=2, progress=False)
    for name in ("Intercept", "x", "car(region)_sigma", "car(region)_rho", "car(region)"):
        one, other = exact.posterior[name], nuts.posterior[name]
        apart = np.abs(one.mean(("chain", "draw")) - other.mean(("chain", "draw"))) / one.std(("chain", "draw"))
        assert float(apart.max()) < 0.2, name
        np.testing.assert_allclose(one.std(("chain", "draw")), other.std(("chain", "draw")), rtol=0.25)


def test_a_map_of_many_regions_goes_to_the_engine_that_has_its_graph() -> None:
    side = 11
    labels = [f"r{k}" for k in range(side * side)]
    pairs = {(k, k + 1): 1.0 for k in range(side * side) if (k + 1) % side} | {
        (k, k + side): 1.0 for k in range(side * side - side)
    }
    near = pd.DataFrame(0.0, index=labels, columns=labels)
    for one, other in pairs:
        near.iloc[one, other] = near.iloc[other, one] = 1.0
    rng = np.random.default_rng(0)
    for each, family, method in ((1, "gaussian", "collapsed"), (3, "gaussian", "collapsed"), (1, "poisson", "transport")):
        data = pd.DataFrame({"region": np.repeat(labels, each)})
        data["y"] = rng.poisson(3.0, len(data))
        model = bd.Model("y ~ car(region, W)", data, family, arrays={"W": near})
        rows = model.__dict__["_rows"]
        chosen = choose(model.spec, len(data), arrays=rows.arrays)
        expected = method if available() or family == "gaussian" else chosen.method
        assert chosen.method == expected
