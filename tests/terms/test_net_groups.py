"""Networks that vary by group, embedded categories, and groups the model was not fitted to."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FitError, FormulaError
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.build import units_of
from bayesdeep.graph.evaluate import forward_draws
from bayesdeep.inference.kfold import group_codes
from bayesdeep.results.new_groups import with_new_groups
from bayesdeep.results.prediction_blocks import blocks
from bayesdeep.results.rows import rows_of

DRAWS = 400


def data(rows: int = 36) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    d = pd.DataFrame({"x": rng.normal(4, 2, rows), "z": rng.normal(size=rows), "g": np.tile(list("pqrs"), rows)[:rows]})
    return d.assign(y=rng.normal(size=rows), level=np.tile(list("BCA"), rows)[:rows], a=np.tile(list("uvw"), rows)[:rows])


def made(formula: str, draws: int = DRAWS) -> tuple[bd.Model, dict[str, np.ndarray]]:
    family = "categorical" if formula.startswith("level") else "gaussian"
    model = bd.Model(formula, data(), family=family)
    return model, forward_draws(model._graph, list(model._graph.reported), draws, {}, 1)


def extended(model: bd.Model, draws: dict[str, np.ndarray], new: pd.DataFrame, how: str) -> dict[str, np.ndarray]:
    rows = rows_of(model.spec, read_frame(new), observed=False)
    return with_new_groups(model.spec, draws, rows, how, 5)


def linear(model: bd.Model, draws: dict[str, np.ndarray], new: pd.DataFrame, how: str) -> np.ndarray:
    rows = rows_of(model.spec, read_frame(new), observed=False)
    return np.concatenate([v for _, _, v in blocks(model.spec, draws, rows, "linear", how, 5)], axis=1)


EFFECTS = {
    "y ~ x + net(x, embed(g, 2), hidden=[3])": {"net(x, embed(g, 2))_g": 2},
    "y ~ x + (0 + net(x, z, hidden=[3]) | g)": {"net(x, z)|g": 2},
    "y ~ x + (net(x, embed(g, 2), hidden=[3]) | g)": {"net(x, embed(g, 2))_g": 2, "net(x, embed(g, 2))|g": 2, "1|g": 1},
    "y ~ x + (0 + net(x, hidden=[4, 3], pool='weights') | g)": {
        "net(x)|g": 2, "net(x)_w1|g": 3, "net(x)_b1|g": 2, "net(x)_w2|g": 3, "net(x)_b2|g": 2
    },
    "level ~ x + net(x, embed(g, 2), hidden=[3])": {"net(x, embed(g, 2))_g": 2},
    "level ~ x + (net(x, z, hidden=[4]) | g)": {"net(x, z)|g": 2, "1|g": 1},
    "level ~ (0 + net(x, hidden=[3, 2], pool='weights') | g)": {
        "net(x)|g": 2, "net(x)_w1|g": 3, "net(x)_b1|g": 2, "net(x)_w2|g": 3, "net(x)_b2|g": 2
    },
}


@pytest.mark.few(3)
@pytest.mark.parametrize("formula", list(EFFECTS))
def test_new_groups_stand_behind_the_known_ones(formula):
    model, draws = made(formula)
    new = data().head(6).assign(g=["p", "new", "s", "other", "new", "q"])
    found = extended(model, draws, new, "sample")
    longer = {name: axis for name in draws for axis in range(draws[name].ndim) if found[name].shape != draws[name].shape}
    assert set(longer) == set(EFFECTS[formula])
    for name, axis in EFFECTS[formula].items():
        assert found[name].shape[axis] == 6
        np.testing.assert_array_equal(np.take(found[name], range(4), axis=axis), draws[name])
        fresh, known = np.take(found[name], [4, 5], axis=axis), draws[name]
        # The same distribution: as many pairs of ranks as could be by chance.
        assert stats.ks_2samp(fresh.ravel()[::3], known.ravel()[::3]).pvalue > 1e-4
        one, other = (np.take(fresh, k, axis=axis).ravel() for k in (0, 1))
        assert (one != other).all()
        assert abs(stats.spearmanr(np.sign(one), np.sign(other))[0]) < 4 / np.sqrt(len(one))
    values = linear(model, draws, new, "sample")
    assert np.isfinite(values).all()
    old = linear(model, draws, new.iloc[[0, 2, 5]], "raise")
    np.testing.assert_allclose(values[:, [0, 2, 5]], old, rtol=1e-10, atol=1e-10)
    with pytest.raises(FitError, match="'g' has 2 groups the model was not fitted to: new, other"):
        linear(model, draws, new, "raise")


@pytest.mark.few(1)
@pytest.mark.parametrize("formula", [f for f in EFFECTS if f.startswith("y") and "|" in f.replace("||", "")])
def test_the_average_group_has_the_populations_function(formula):
    model, draws = made(formula, 20)
    new = data().head(5).assign(g="new")
    found = linear(model, draws, new, "average")
    silent = {k: np.zeros_like(v) if k in EFFECTS[formula] else v for k, v in draws.items()}
    np.testing.assert_allclose(found, linear(model, silent, new.assign(g="p"), "raise"), rtol=1e-10, atol=1e-10)


def test_new_places_have_the_learned_scale():
    model, draws = made("y ~ net(x, embed(g, 3), hidden=[2])", 3000)
    found = extended(model, draws, data().head(1).assign(g="new"), "sample")
    name = "net(x, embed(g, 3))_g"
    standard = found[name][:, 1, 4] / draws[f"{name}_sigma"]
    assert stats.kstest(standard, stats.norm.cdf).pvalue > 1e-3
    assert not extended(model, draws, data().head(1).assign(g="new"), "average")[name][:, :, 4].any()


def test_orthogonal_to_groups_a_new_group_is_like_the_average_row():
    model = bd.Model("y ~ x + net(x, z, hidden=[3], orthogonal='groups') + (1 | g)", data())
    (term,) = [t for p in model.spec.predictors for t in p.terms if t.kind == "net"]
    new = data().head(1).assign(g="new", x=data().x.mean())
    rows = rows_of(model.spec, read_frame(new), observed=False)
    basis = rows.arrays[f"{term.key}.Q"]
    whole = rows_of(model.spec, read_frame(data()), observed=False).arrays[f"{term.key}.Q"]
    np.testing.assert_allclose(basis[0], whole.mean(axis=0), atol=1e-12)


def test_a_category_that_is_an_input_has_no_new_levels():
    model, draws = made("y ~ net(x, a, hidden=[2])", 4)
    with pytest.raises(DataError, match="column 'a' has level 'k' that the model was not fitted to"):
        linear(model, draws, data().head(3).assign(a="k"), "sample")


def test_groups_that_stay_together_in_cross_validation():
    for formula in ("y ~ net(x, embed(g, 2))", "y ~ (0 + net(x) | g)", "y ~ net(embed(a, 2), x) + (1 | g)"):
        model = bd.Model(formula, data())
        codes = group_codes(model.spec, model.__dict__["_rows"], "g")
        np.testing.assert_array_equal(codes, data().g.map(dict(zip("pqrs", range(4), strict=True))))


def test_a_network_for_each_group_is_for_few_groups():
    d = data(62).assign(g=np.arange(62) // 2)
    with pytest.raises(FormulaError, match=r"31 groups of 'g'.*up to 30 groups.*pool='last'"):
        bd.Model("y ~ (net(x, pool='weights') | g)", d)
    bd.Model("y ~ (net(x, hidden=[2], pool='weights') | g)", d[d.g < 30])
    bd.Model("y ~ (net(x, hidden=[2]) | g)", d)


def test_an_implicit_1_stays_as_in_other_groups():
    assert "1|g_sigma" in {p.name for p in bd.Model("y ~ (net(x) | g)", data()).spec.priors}
    assert "1|g_sigma" not in {p.name for p in bd.Model("y ~ (0 + net(x) | g)", data()).spec.priors}


@pytest.mark.parametrize("pool", ["last", "weights"])
def test_groups_functions_are_what_is_reported(pool):
    """The value by hand, from reported weights alone."""
    formula = f"y ~ 0 + (0 + net(x, hidden=[3, 2], pool='{pool}', orthogonal=False, name='f') | g)"
    model, draws = made(formula, 5)
    d = data()
    codes = d.g.map(dict(zip("pqrs", range(4), strict=True))).to_numpy()
    inputs = ((d.x - d.x.mean()) / d.x.std(ddof=0)).to_numpy()
    found = linear(model, draws, d, "raise")
    for k in range(5):
        w = {name: value[k] for name, value in draws.items()}
        for row in range(0, 36, 7):
            g, h = codes[row], np.array([inputs[row]])
            for layer in ("1", "2"):
                own = [w[f"f_{v}{layer}|g"][..., g] if pool == "weights" else 0.0 for v in "wb"]
                h = np.tanh(h @ (w[f"f_w{layer}"] + own[0]) + w[f"f_b{layer}"] + own[1])
            assert found[k, row] == pytest.approx(h @ (w["f_w3"] + w["f|g"][:, g]), rel=1e-9)


def test_memory_of_a_row():
    """Rows by units, whatever the number of groups; rows by units by groups only where all weights vary."""
    d = data(400).assign(g=np.arange(400) // 4)
    assert units_of(bd.Model("y ~ (net(x, hidden=[8]) | g)", d)._graph) == 8
    assert units_of(bd.Model("y ~ net(x, embed(g, 3), hidden=[8])", d)._graph) == 8
    few = bd.Model("y ~ (net(x, hidden=[8], pool='weights') | g)", data())
    assert units_of(few._graph) == 32
    assert units_of(bd.Model("level ~ (net(x, hidden=[8]) | g)", data(), family="categorical")._graph) == 16
