"""What ``auto`` chooses: from the model and its size alone."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.inference.select_engine import choose, multilevel_seconds, transport_seconds

rng = np.random.default_rng(0)
DATA = {f"x{i}": rng.normal(size=40) for i in range(1, 11)} | {"y": rng.normal(size=40), "b": rng.integers(0, 2, 40)}


@pytest.mark.parametrize(
    ("formula", "family", "rows", "method"),
    [
        ("y ~ x1", "gaussian", 1000, "collapsed"),
        ("b ~ x1", "bernoulli", 1000, "nuts"),
        ("y ~ net(x1, x2, hidden=[50])", "gaussian", 400, "nuts"),
        ("b ~ net(x1, hidden=[8])", "bernoulli", 2000, "nuts"),
        ("y ~ net(x1, x2, hidden=[200, 200])", "gaussian", 100_000, "ensemble"),
    ],
)
def test_method(formula: str, family: str, rows: int, method: str) -> None:
    choice = choose(bd.Model(formula, DATA, family).spec, rows, 4)
    assert choice.method == method
    assert choice.why.startswith(f"{method}: ")


def test_more_rows_of_a_network_get_fewer_draws_and_say_how_long() -> None:
    spec = bd.Model("y ~ net(x1, x2, x3, hidden=[50])", DATA).spec
    few, many = choose(spec, 100, 4), choose(spec, 900, 4)
    assert few.settings["draws"] > many.settings["draws"] >= 60
    assert many.settings["tune"] >= 110
    assert " of one core" in few.why


def test_the_cheaper_a_network_the_longer_and_finer_its_trajectories() -> None:
    spec = bd.Model("y ~ net(x1, x2, x3, hidden=[50])", DATA).spec
    cheap, usual, dear = (choose(spec, rows) for rows in (40, 250, 900))
    assert [dict(c.options) for c in (cheap, usual, dear)] == [{"max_treedepth": 7}, {}, {"target_accept": 0.8}]
    assert cheap.settings["tune"] >= 110 < usual.settings["tune"]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("given", "depth"), [({}, 7), ({"max_treedepth": 2}, 2), ({"draws": 5}, 6), ({"tune": 5}, 6)], ids=str
)
def test_options_go_with_the_planned_chains_and_after_the_users(given: dict[str, int], depth: int) -> None:
    model = bd.Model("y ~ net(x1, hidden=[2])", DATA)
    assert choose(model.spec, model.rows, 1).options == {"max_treedepth": 7}
    fit = model.fit(**given, chains=1, seed=1, progress=False)
    assert fit.idata.attrs["settings"]["max_treedepth"] == depth


def test_settings_of_the_user_go_first() -> None:
    fit = bd.Model("y ~ net(x1, hidden=[2])", DATA).fit(draws=20, tune=30, chains=1, seed=1, progress=False)
    assert fit.idata.posterior.sizes["draw"] == 20
    assert fit.idata.attrs["settings"]["tune"] == 30


def test_many_rows_with_many_groups_are_approximated_and_that_is_said() -> None:
    groups = np.repeat(np.arange(10_000), 2)
    data = {"y": groups % 2, "g": groups, "x": np.linspace(0, 1, len(groups))}
    model = bd.Model("y ~ x + (1 | g)", data, family="bernoulli")
    assert choose(model.spec, len(groups), 4).method == "nuts"
    found = choose(model.spec, 1_000_000, 4)
    assert found.method == "laplace_marginal"
    assert "It is an approximation" in found.why
    few = bd.Model("y ~ x", data, family="bernoulli")
    assert choose(few.spec, 1_000_000, 4).method == "nuts"


@pytest.mark.parametrize(("second", "method"), [("crossed", "gibbs"), ("nested", "collapsed")])
def test_too_many_crossed_effects_to_factorise_together_are_sampled(second: str, method: str) -> None:
    rows, groups = 40_000, 13_000
    a = np.arange(rows) % groups
    b = np.random.default_rng(0).permutation(rows) % (groups - 1) if second == "crossed" else a // 2
    model = bd.Model("y ~ (1 | a) + (1 | b)", {"y": np.sin(np.arange(rows)), "a": a, "b": b})
    found = choose(model.spec, rows, 4, model._rows.arrays)
    assert found.method == method
    assert ("13,000 coefficients would have to be factorised" in found.why) == (second == "crossed")


@pytest.mark.parametrize("known", ["column", "number"])
def test_tiny_known_standard_errors_are_not_integrated_out_by_differences(known: str) -> None:
    rng = np.random.default_rng(3)
    rows = {"y": rng.normal(size=60), "g": np.resize(list("abc"), 60), "se": np.full(60, 1e-7)}
    for sigma, method in ((1e-7, "nuts"), (1e-3, "collapsed")):
        given = bd.known("se") if known == "column" else bd.known(sigma)
        model = bd.Model("y ~ (1 | g)", rows | {"se": np.full(60, sigma)}, sigma=given)
        chosen = choose(model.spec, 60, arrays=model.__dict__["_rows"].arrays)
        assert chosen.method == method
    with pytest.raises(bd.FitError, match=r"the known sigma is so small beside the response .* use method='nuts'"):
        bd.Model("y ~ (1 | g)", rows, sigma=bd.known("se")).fit("collapsed", progress=False)


def counted(rows: int = 120) -> bd.Model:
    rng = np.random.default_rng(5)
    x, g = rng.normal(size=rows), rng.integers(0, 8, rows)
    return bd.Model("y ~ x + (1 | g)", {"y": rng.poisson(np.exp(0.3 * x + 0.1 * g)), "x": x, "g": g}, family="poisson")


def test_rows_of_any_response_with_normal_coefficients_go_through_the_moving_map() -> None:
    model = counted()
    arrays = model._rows.arrays
    found = choose(model.spec, model.rows, 4, arrays)
    assert found.method == "transport"
    assert found.otherwise is not None
    assert found.otherwise.method == "nuts"
    assert choose(model.spec, model.rows, 4).method == "nuts", "the rows are not in memory"
    # The longer it takes the more NUTS would, but beyond minutes it is not taken.
    assert choose(model.spec, 50_000_000, 4, arrays).method != "transport"
    varying = bd.Model("y ~ x + (1 | g)", {"y": np.arange(40.0), "x": DATA["x1"], "g": np.arange(40) % 4}, sigma="~ x")
    assert choose(varying.spec, 40, 4, varying._rows.arrays).method == "transport"


def test_where_the_map_does_not_fit_nuts_takes_over_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from bayesdeep.engines import transport

    monkeypatch.setattr(transport, "MIN_TRAJECTORY", 1.1)
    fit = counted().fit(draws=100, tune=200, seed=1, progress=False)
    assert fit.idata.attrs["method"] == "nuts"
    assert "transport was tried before: transport: trajectories were accepted" in fit.explain_choice


def test_options_of_nuts_alone_choose_it() -> None:
    fit = counted().fit(draws=100, tune=200, seed=1, progress=False, target_accept=0.9)
    assert fit.idata.attrs["method"] == "nuts"
    assert fit.idata.attrs["settings"]["target_accept"] == 0.9
    with pytest.raises(bd.FitError, match="method 'transport' has no option 'target_acept'"):
        counted().fit(target_acept=0.9, progress=False)


def test_what_a_row_takes_is_declared_by_its_family() -> None:
    """Sums over counts make a row hundreds of times as dear as a closed form, in the estimates of both exact methods."""
    groups = np.resize(list("abcdef"), 60)
    data = {"y": np.arange(60) % 7, "x": np.linspace(0, 1, 60), "g": groups}
    plain, dear = (bd.Model("y ~ x + (1 | g)", data, family=name).spec for name in ("poisson", "com_poisson"))
    for seconds in (lambda spec: transport_seconds(spec, 1000, 0, 4), lambda spec: multilevel_seconds(spec, 1000, 4)):
        assert seconds(dear) > 100 * seconds(plain)


@pytest.mark.parametrize(("name", "said"), [("draw", "did you mean 'draws'"), ("warmup", "here it is 'tune'")])
def test_options_by_other_names_are_told(name: str, said: str) -> None:
    with pytest.raises(bd.FitError, match=f"has no option '{name}'; {said}"):
        counted().fit(progress=False, **{name: 100})


@pytest.mark.parametrize(("name", "said"), [("lr", "learning_rate"), ("n_epochs", "epochs"), ("validation_split", "held_out")])
def test_options_of_training_by_other_names_are_told(name: str, said: str) -> None:
    with pytest.raises(bd.FitError, match=f"method 'sgd' has no option '{name}'; here it is '{said}'"):
        counted().fit("sgd", progress=False, **{name: 1})
    with pytest.raises(bd.FitError, match=f"has no option '{name}'(?!; here)"):
        counted().fit("nuts", progress=False, **{name: 1})
