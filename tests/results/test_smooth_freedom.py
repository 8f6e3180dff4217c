"""Effective degrees of freedom: the trace of a hat matrix, written out, for bases, groups and families."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.roles import shown
from bayesdeep.results import smooth_freedom
from bayesdeep.results.fitted import flat_draws
from bayesdeep.results.smooth_freedom import freedom
from bayesdeep.terms._smooth_bases import BASES

N = 60
PRIORS = {"x": 2.0, "s(z)_linear": 0.7}


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=N), "z": rng.uniform(0, 9, N), "v": rng.normal(1, 0.3, N)})
    data["w"] = rng.uniform(1, 3, N)
    data["g"], data["h"] = np.array(list("abcd"))[np.arange(N) % 4], np.array(list("pqr"))[np.arange(N) // 20]
    return data.assign(y=np.sin(data.z) + 0.3 * rng.normal(size=N), c=rng.poisson(2, N), b=rng.integers(0, 2, N))


def found(fit: bd.Fit) -> dict[str, np.ndarray]:
    return freedom(fit.spec, fit.rows, flat_draws(fit), fit.sizes)


def by_hand(columns: list[np.ndarray], precisions: list[Any], weights: Any) -> np.ndarray:
    """Return the diagonal of (X'WX + P)⁻¹ X'WX; precisions are numbers, one a block, or matrices."""
    x = np.concatenate(columns, axis=1)
    prior, begin = np.zeros((x.shape[1], x.shape[1])), 0
    for own, precision in zip(columns, precisions, strict=True):
        size = own.shape[1]
        prior[begin : begin + size, begin : begin + size] = precision * np.eye(size) if np.ndim(precision) == 0 else precision
        begin += size
    gram = x.T @ (np.broadcast_to(weights, (len(x),))[:, None] * x)
    return np.diag(np.linalg.solve(gram + prior, gram))


def indicator(values: pd.Series) -> np.ndarray:
    return (values.to_numpy()[:, None] == np.unique(values)).astype(float)


@pytest.mark.parametrize("dense", [0, 150])
@pytest.mark.parametrize("bs", tuple(BASES))
def test_it_is_the_trace_with_all_else_estimated_beside(
    bs: str, dense: int, made_up: Callable[..., bd.Fit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smooth_freedom, "MOST_DENSE", dense)
    data = frame()
    priors = {"x": "Normal(0, 2)"}
    model = bd.Model(f"y ~ x + s(z, bs='{bs}', k=6) + (1 | g) + (0 + v | h)", data, priors=priors)
    values = {"s(z)_sigma": np.geomspace(0.01, 10, 4), "sigma": np.array([0.5, 1, 2, 0.1]), "1|g_sigma": 0.8, "v|h_sigma": 0.3}
    fit = made_up(model, draws=2, values=values)
    arrays = model.__dict__["_rows"].arrays
    smooth = arrays["mu_s_3.Z"] if "mu_s_3.Z" in arrays else next(v for k, v in arrays.items() if k.endswith(".Z"))
    line = [v for k, v in arrays.items() if k.endswith(".line")]
    own = found(fit)["s(z)"].ravel()
    for k in range(4):
        precisions = [0.0, 1 / 2.0**2, 1 / values["s(z)_sigma"][k] ** 2, 1 / 0.8**2, 1 / 0.3**2]
        columns = [np.ones((N, 1)), data[["x"]].to_numpy(), smooth, indicator(data.g), indicator(data.h) * data[["v"]].to_numpy()]
        # The straight line's prior is none that shrinks: it is counted as 1, and estimated with its own prior.
        slope = model.spec.prior("s(z)_linear")
        if line:
            assert slope is not None
            columns.append(line[0])
            precisions.append(1 / float(slope.prior.get("sigma")) ** 2)  # type: ignore[arg-type]
        share = by_hand(columns, precisions, 1 / values["sigma"][k] ** 2)
        assert own[k] == pytest.approx(share[2 : 2 + smooth.shape[1]].sum() + len(line), rel=1e-6)


def test_correlated_effects_of_groups_are_estimated_beside_it(made_up: Callable[..., bd.Fit]) -> None:
    data = frame()
    model = bd.Model("y ~ s(z, bs='cc', k=6) + (1 + v | g)", data)
    values = {"s(z)_sigma": 0.6, "sigma": 0.7, "1|g_sigma": 0.8, "v|g_sigma": 0.5, "g_corr": np.array([[0.6]])}
    own = found(made_up(model, draws=1, chains=1, values=values))["s(z)"].ravel()
    arrays = model.__dict__["_rows"].arrays
    smooth = next(v for k, v in arrays.items() if k.endswith(".Z"))
    groups = indicator(data.g)
    law = np.linalg.inv(np.array([[0.64, 0.6 * 0.4], [0.6 * 0.4, 0.25]]))
    columns = [np.ones((N, 1)), smooth, np.concatenate([groups, groups * data[["v"]].to_numpy()], axis=1)]
    share = by_hand(columns, [0.0, 1 / 0.36, np.kron(law, np.eye(4))], 1 / 0.49)
    assert own[0] == pytest.approx(share[1 : 1 + smooth.shape[1]].sum(), rel=1e-6)


INFORMATION: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "poisson": ("c", np.exp),
    "bernoulli": ("b", lambda eta: np.exp(eta) / (1 + np.exp(eta)) ** 2),
}


@pytest.mark.parametrize("family", INFORMATION)
def test_rows_count_by_their_information(family: str, made_up: Callable[..., bd.Fit]) -> None:
    data, (response, information) = frame(), INFORMATION[family]
    model = bd.Model(f"weighted({response}, w) ~ s(z, bs='cc', k=6)", data, family=family)
    values = {"s(z)_sigma": 0.6, "Intercept": 0.4}
    fit = made_up(model, draws=1, chains=1, values=values)
    eta = fit.draws(kind="linear").to_numpy()[0, 0]
    smooth = next(v for k, v in model.__dict__["_rows"].arrays.items() if k.endswith(".Z"))
    share = by_hand([np.ones((N, 1)), smooth], [0.0, 1 / 0.36], data.w.to_numpy() * information(eta))
    assert found(fit)["s(z)"].item() == pytest.approx(share[1:].sum(), rel=1e-6)


def test_a_smooth_of_another_parameter_has_its_own(made_up: Callable[..., bd.Fit]) -> None:
    model = bd.Model("y ~ x", frame(), sigma="~ s(z, bs='cc', k=6)")
    fit = made_up(model, draws=1, chains=1, values={"sigma_s(z)_sigma": 0.6, "sigma_Intercept": 0.2})
    # Minus the second derivative of a normal log density by log sigma: twice the squared residual in sds.
    smooth = next(v for k, v in model.__dict__["_rows"].arrays.items() if k.endswith(".Z"))
    draws = flat_draws(fit)
    sd = np.exp(0.2 + smooth @ draws["sigma_s(z)"][0])
    z = (frame().y.to_numpy() - fit.draws(kind="linear").to_numpy()[0, 0]) / sd
    share = by_hand([np.ones((N, 1)), smooth], [0.0, 1 / 0.36], 2 * z**2)
    assert found(fit)["sigma_s(z)"].item() == pytest.approx(share[1:].sum(), rel=1e-6)


@pytest.mark.parametrize("bs", tuple(BASES))
def test_without_a_departure_it_is_its_line_and_without_a_penalty_all_of_it(bs: str, made_up: Callable[..., bd.Fit]) -> None:
    model = bd.Model(f"y ~ h + s(z, bs='{bs}', k=7, by=h)", frame())
    lines = int(BASES[bs].straight)
    for sd, each in ((1e-8, lines), (1e8, lines + 7 - 1 - lines - (bs == "cc"))):
        fit = made_up(model, draws=1, chains=1, values={**{f"s(z):h[{k}]_sigma": sd for k in "pqr"}, "sigma": 0.3})
        own = found(fit)
        assert list(own) == [f"s(z):h[{k}]" for k in "pqr"]
        np.testing.assert_allclose([v.item() for v in own.values()], each, atol=1e-3)


def test_units_do_not_matter_and_few_draws_stand_for_many(
    made_up: Callable[..., bd.Fit], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, moved = frame(), frame().assign(z=lambda d: 1e4 * d.z - 3, y=lambda d: 1e-3 * d.y)
    sds = np.geomspace(0.1, 1, 40)
    one = found(made_up(bd.Model("y ~ s(z)", data), values={"s(z)_sigma": sds, "sigma": 0.4}))["s(z)"]
    two = found(made_up(bd.Model("y ~ s(z)", moved), values={"s(z)_sigma": 1e-3 * sds, "sigma": 0.4e-3}))["s(z)"]
    np.testing.assert_allclose(one, two, rtol=1e-6)
    monkeypatch.setattr(smooth_freedom, "PRODUCTS", 0)
    monkeypatch.setattr(smooth_freedom, "FEWEST", 10)
    few = found(made_up(bd.Model("y ~ s(z)", data), values={"s(z)_sigma": sds, "sigma": 0.4}))["s(z)"]
    np.testing.assert_allclose(few, np.repeat(one[:, ::4], 4, axis=1), rtol=1e-12)


def test_of_a_straight_line_it_reaches_down_to_1_and_is_in_posterior_summary_and_file(tmp_path: Any) -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"x": rng.uniform(0, 1, 200)})
    data["y"] = 2 * data.x + 0.3 * rng.normal(size=200)
    model = bd.Model("y ~ s(x)", data)
    fit = model.fit(seed=1, progress=False)
    own = fit.summary().loc["s(x)_edf"]
    # On average over what the rows leave open it is more than 1: they do not say that the sd is 0.
    assert own["eti89_lb"] < 1.3
    assert own["mean"] < 3.5
    assert float(model.fit("reml", progress=False).posterior["s(x)_edf"].squeeze()) < 1.5
    assert fit.posterior["s(x)_edf"].shape == fit.sizes
    assert "s(x)_edf" in fit.summary(var_names=["s(x)_edf"]).index
    fit.save(tmp_path / "fit.nc")
    np.testing.assert_array_equal(bd.load(tmp_path / "fit.nc").posterior["s(x)_edf"], fit.posterior["s(x)_edf"])
    # Judged are the quantities that it is made of.
    assert "s(x)_edf" not in shown(fit.posterior)


def test_where_it_has_no_meaning_there_is_none(made_up: Callable[..., bd.Fit]) -> None:
    data = frame()
    assert found(made_up(bd.Model("y ~ x + (1 | g)", data))) == {}
    assert found(made_up(bd.Model("h ~ s(z, k=4)", data, family="categorical"))) == {}
