"""Processes: a basis with the covariance that it stands for, the posterior of dense normal algebra, and no guess far out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import halfnorm, invgamma

import bayesdeep as bd
from bayesdeep.terms import gp
from bayesdeep.terms._gp_box import box_of, frequencies_of, functions
from bayesdeep.terms._gp_covariances import COVARIANCES, sds_of
from bayesdeep.terms._gp_lengths import lengths_between

NAMES = list(COVARIANCES)


def kernel(name: str, x: np.ndarray, other: np.ndarray, length: float) -> np.ndarray:
    r = cdist(x, other) / length
    root = np.sqrt({"matern52": 5.0, "matern32": 3.0}.get(name, 1.0)) * r
    return {
        "exp_quad": np.exp(-0.5 * r**2),
        "matern52": (1.0 + root + root**2 / 3.0) * np.exp(-root),
        "matern32": (1.0 + root) * np.exp(-root),
        "exponential": np.exp(-r),
    }[name]


def frame(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.uniform(0, 10, (2, rows))
    eta = np.sin(x) + 0.1 * x
    g = rng.choice(list("ab"), rows)
    return pd.DataFrame(
        {
            "x": x, "z": z, "g": g, "y": 5.0 + eta + rng.normal(0, 0.3, rows), "c": rng.poisson(np.exp(1.0 + 0.6 * eta)),
            "v": eta * z + rng.normal(0, 0.3, rows), "w": np.where(g == "a", eta, -eta) + rng.normal(0, 0.3, rows),
        }
    )  # fmt: skip


def state_of(formula: str, data: pd.DataFrame) -> dict[str, Any]:
    terms = bd.Model(formula, data).spec.predictors[0].terms
    return next(dict(term.state) for term in terms if term.kind == "gp")


def linear(fit: bd.Fit, data: pd.DataFrame | None = None) -> np.ndarray:
    draws = fit.draws(kind="linear") if data is None else fit.draws(data, kind="linear")
    return np.asarray(draws.values).reshape(-1, draws.shape[-1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("columns", [1, 2])
def test_the_basis_has_the_covariance_it_stands_for(name: str, columns: int) -> None:
    """At the length scales of the prior and over the rows, without the level, which the intercept has."""
    x = np.random.default_rng(1).uniform(-3, 7, (150, columns))
    counts = (30, 30) if (columns, name) == (2, "exponential") else None
    box = box_of(x, COVARIANCES[name], counts, None, "here")
    which, frequencies = frequencies_of(box.counts, box.widths)
    z, centre = functions(x, box.centre, box.widths, which), np.eye(150) - 1.0 / 150
    for length in (1.5 * box.lengths.low, box.lengths.low**0.5 * box.lengths.usual**0.5):
        made = (z * sds_of(name, frequencies, box.widths)([1.0, length], np) ** 2) @ z.T
        expected = centre @ kernel(name, x, x, length) @ centre
        worst = {"exponential": 0.08, "matern32": 0.05}.get(name, 0.03) * columns
        assert np.abs(centre @ made @ centre - expected).max() < worst * np.diag(expected).max()


def test_of_many_functions_the_covariance_is_exact() -> None:
    x = np.linspace(0, 4, 50)[:, None]
    which, frequencies = frequencies_of((600,), np.array([12.0]))
    z = functions(x, np.array([2.0]), np.array([12.0]), which)
    for name, within in zip(NAMES, (1e-9, 1e-6, 1e-4, 2e-2), strict=True):
        sds = sds_of(name, frequencies, np.array([12.0]))([np.array([[1.7], [1.0]]), np.array([[0.8], [1.3]])], np)
        for own, sd, length in zip(sds, (1.7, 1.0), (0.8, 1.3), strict=True):
            np.testing.assert_allclose((z * own**2) @ z.T, sd**2 * kernel(name, x, x, length), atol=within * 3)


@pytest.mark.parametrize(("low", "high"), [(0.1, 2.0), (3.0, 9.0), (1e-4, 1.0)])
def test_the_length_scales_prior_has_its_quantiles(low: float, high: float) -> None:
    found = lengths_between(low, high, 0.95)
    own = invgamma(found.alpha, scale=found.beta)
    np.testing.assert_allclose(own.cdf([low, high, found.usual]), [0.01, 0.99, 0.95], rtol=1e-6)


def test_the_posterior_is_that_of_dense_normal_algebra() -> None:
    """Sums over a grid of sd, length scale and noise, with the covariance itself, of rows and of places between them."""
    rng = np.random.default_rng(4)
    x = np.sort(rng.uniform(0, 5, 25))
    y = np.sin(2 * x) + rng.normal(0, 0.3, 25)
    new = np.array([0.7, 2.5, 4.9])
    priors = {"gp(x)_sigma": "HalfNormal(1)", "gp(x)_lengthscale": "InverseGamma(4, 4)", "sigma": "HalfNormal(0.5)"}
    model = bd.Model("y ~ gp(x)", pd.DataFrame({"x": x, "y": y}), priors={**priors, "Intercept": "Normal(0, 3)"})
    fit = model.fit(seed=1, progress=False)
    places = np.concatenate([x, new])[:, None]
    less = np.eye(28) - np.concatenate([np.full((28, 25), 1 / 25), np.zeros((28, 3))], axis=1)
    sds, lengths = np.exp(np.linspace(np.log(0.15), np.log(5), 18)), np.exp(np.linspace(np.log(0.2), np.log(6), 24))
    noises = np.exp(np.linspace(np.log(0.12), np.log(0.9), 18))
    sd, noise = (value.ravel()[:, None, None] for value in np.meshgrid(sds, noises, indexing="ij"))
    logs, means, seconds, at = [], [], [], []
    for length in lengths:
        k = kernel("exp_quad", places, places, length)
        cross = sd**2 * (less @ k @ less[:25].T) + 9.0
        whole = cross[:, :25] + noise**2 * np.eye(25)
        right = np.concatenate([np.broadcast_to(y[:, None], (len(sd), 25, 1)), cross.transpose(0, 2, 1)], axis=2)
        lean = np.linalg.solve(whole, right)
        mean = (cross @ lean[:, :, :1])[:, :, 0]
        variance = sd[:, 0] ** 2 * np.diag(less @ k @ less.T) + 9.0 - np.einsum("bij,bji->bi", cross, lean[:, :, 1:])
        one, other = sd[:, 0, 0], noise[:, 0, 0]
        prior = halfnorm.logpdf(one) + invgamma.logpdf(length, 4, scale=4) + halfnorm.logpdf(other, scale=0.5)
        found = -0.5 * lean[:, :, 0] @ y - 0.5 * np.linalg.slogdet(whole)[1] + prior
        logs += list(found + np.log(one * length * other))
        means += list(mean)
        seconds += list(variance + mean**2)
        at += list(np.column_stack([one, np.full(len(one), length), other]))
    w = np.exp(np.array(logs) - max(logs))
    w /= w.sum()
    mean = w @ np.array(means)
    wide = np.sqrt(w @ np.array(seconds) - mean**2)
    for found, span in ((linear(fit), slice(0, 25)), (linear(fit, pd.DataFrame({"x": new})), slice(25, 28))):
        assert (np.abs(found.mean(axis=0) - mean[span]) / wide[span]).max() < 0.08
        np.testing.assert_allclose(found.std(axis=0), wide[span], rtol=0.08)
    summary = fit.summary(var_names=["gp(x)_sigma", "gp(x)_lengthscale", "sigma"])
    centre, spread = w @ np.array(at), np.sqrt(w @ np.array(at) ** 2 - (w @ np.array(at)) ** 2)
    assert (np.abs(summary["mean"].to_numpy(float) - centre) / spread).max() < 0.1
    np.testing.assert_allclose(summary["sd"].to_numpy(float), spread, rtol=0.15)


@pytest.mark.integration
@pytest.mark.parametrize(("response", "family", "quick"), [("y", "gaussian", "collapsed"), ("c", "poisson", "transport")])
def test_sampled_it_is_what_is_found_without_its_coefficients(response: str, family: str, quick: str) -> None:
    model = bd.Model(f"{response} ~ gp(x, m=25)", frame(80), family=family)
    one, two = (model.fit(method, seed=1, progress=False) for method in (quick, "nuts"))
    assert float(two.summary().ess_bulk.min()) > 300
    values = [linear(fit) for fit in (one, two)]
    assert (np.abs(values[0].mean(axis=0) - values[1].mean(axis=0)) / values[0].std(axis=0)).max() < 0.2
    for name in ("gp(x)_sigma", "gp(x)_lengthscale"):
        own = [np.asarray(fit.posterior[name]).ravel() for fit in (one, two)]
        assert abs(own[0].mean() - own[1].mean()) < 0.25 * own[0].std()


def test_of_counts_transport_finds_what_laplaces_method_does() -> None:
    model = bd.Model("c ~ gp(x, m=25)", frame(120), family="poisson")
    one, two = (model.fit(method, seed=1, progress=False) for method in ("transport", "laplace_marginal"))
    values = [linear(fit) for fit in (one, two)]
    assert (np.abs(values[0].mean(axis=0) - values[1].mean(axis=0)) / values[0].std(axis=0)).max() < 0.2
    truth = 1.0 + 0.6 * (np.sin(frame(120).x) + 0.1 * frame(120).x)
    assert np.sqrt(np.mean((values[0].mean(axis=0) - truth) ** 2)) < 0.2


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("formula", "response"),
    [("gp(x)", "y"), ("gp(x, by=z)", "v"), ("g + gp(x, by=g)", "w"), ("gp(x, z, m=8)", "y"), ("0 + gp(x, cov='matern32')", "y")],
)
def test_predictions_at_the_rows_are_the_fit_also_of_a_saved_one(formula: str, response: str, tmp_path: Any) -> None:
    data = frame()
    fit = bd.Model(f"{response} ~ {formula}", data).fit("collapsed", seed=1, draws=100, progress=False)
    own = linear(fit)
    np.testing.assert_allclose(linear(fit, data), own, rtol=1e-9, atol=1e-9)
    fit.save(tmp_path / "fit.bd")
    np.testing.assert_allclose(linear(bd.load(tmp_path / "fit.bd"), data.head(7)), own[:, :7], rtol=1e-9, atol=1e-9)
    truth = {"y": 5.0 + np.sin(data.x) + 0.1 * data.x, "v": (np.sin(data.x) + 0.1 * data.x) * data.z}
    truth["w"] = np.where(data.g == "a", 1.0, -1.0) * (np.sin(data.x) + 0.1 * data.x)
    assert np.sqrt(np.mean((own.mean(axis=0) - truth[response]) ** 2)) < 0.15


def test_neither_unit_nor_origin_of_a_column_matters_and_the_length_scale_goes_with_it() -> None:
    data = frame(120)
    moved = data.assign(x=1e4 - 250.0 * data.x)
    one, two = (bd.Model("y ~ gp(x)", own).fit(seed=1, progress=False) for own in (data, moved))
    np.testing.assert_allclose(linear(two).mean(axis=0), linear(one).mean(axis=0), atol=0.03)
    lengths = [float(fit.posterior["gp(x)_lengthscale"].median()) for fit in (one, two)]
    assert lengths[1] == pytest.approx(250.0 * lengths[0], rel=0.1)
    sds = [float(fit.posterior["gp(x)_sigma"].median()) for fit in (one, two)]
    assert sds[1] == pytest.approx(sds[0], rel=0.1)


def test_a_process_is_0_on_average_unless_there_is_no_intercept() -> None:
    data = frame()
    def columns(formula: str) -> dict[str, np.ndarray]:
        rows = bd.Model(formula, data).__dict__["_rows"]
        return {name.rsplit(".", 1)[1]: array for name, array in rows.arrays.items()}

    np.testing.assert_allclose(columns("y ~ gp(x)")["Z"].mean(axis=0), 0.0, atol=1e-12)
    assert np.abs(columns("y ~ 0 + gp(x)")["Z"].mean(axis=0)).max() > 0.1
    by = columns("y ~ gp(x, by=z)")
    np.testing.assert_allclose(by["constant"][:, 0] @ by["Z"], 0.0, atol=1e-8)
    levels = columns("y ~ gp(x, by=g)")
    for key, level in (("Z", "a"), ("Z1", "b")):
        own = (data.g == level).to_numpy()
        np.testing.assert_allclose(levels[key][own].mean(axis=0), 0.0, atol=1e-12)
        assert not levels[key][~own].any()


def test_slopes_and_curves_are_those_of_the_function() -> None:
    data = frame(400)
    fit = bd.Model("y ~ gp(x)", data).fit(seed=1, progress=False)
    figure = bd.plot.smooths(fit)
    assert figure.axes[0].get_ylabel() == "gp(x)"
    new = pd.DataFrame({"x": [2.0, 5.0, 8.0]})
    step = [linear(fit, new.assign(x=new.x + h)) for h in (-1e-3, 1e-3)]
    slope = (step[1] - step[0]) / 2e-3
    assert (np.abs(slope.mean(axis=0) - (np.cos(new.x) + 0.1)) < 4 * slope.std(axis=0)).all()
    assert np.isfinite(fit.slopes("x").to_numpy(dtype=object)[0, -3:].astype(float)).all()


def test_two_processes_and_groups_stand_beside_one_another() -> None:
    data = frame().assign(h=np.arange(200) % 10)
    fit = bd.Model("y ~ gp(x, m=12) + gp(z, m=12) + (1 | h)", data).fit("collapsed", seed=1, draws=200, progress=False)
    names = {"gp(x)_sigma", "gp(x)_lengthscale", "gp(z)_sigma", "gp(z)_lengthscale", "1|h_sigma"}
    assert names <= set(fit.posterior.data_vars)
    assert float(fit.posterior["gp(z)_sigma"].median()) < float(fit.posterior["gp(x)_sigma"].median())


REFUSED: dict[str, tuple[str, Any, str]] = {
    "option": ("y ~ gp(x, covv='matern52')", lambda d: d, "no option 'covv'.*did you mean 'cov'"),
    "covariance": ("y ~ gp(x, cov='matern25')", lambda d: d, "cov='matern25' is not the name of a covariance"),
    "m": ("y ~ gp(x, m=2.5)", lambda d: d, "m=2.5 is not a whole number"),
    "several m": ("y ~ gp(x, m=[3, 4])", lambda d: d, "is not a whole number of basis functions"),
    "product": ("y ~ gp(x, z, m=60)", lambda d: d, "makes 3,600 basis functions, of which 1,500"),
    "rough": ("y ~ gp(x, z, cov='exponential')", lambda d: d, r"\d,\d+ basis functions were needed .* as in m=15"),
    "c": ("y ~ gp(x, c=0.5)", lambda d: d, "c=0.5 is not a number of 1.2 or more"),
    "number": ("y ~ gp(x, 5)", lambda d: d, "a function of 1 to 4 columns"),
    "by": ("y ~ gp(x, by=2)", lambda d: d, "by=2 is not a column"),
    "constant": ("y ~ gp(x)", lambda d: d.assign(x=3.0), "'x' is constant"),
    "few": ("y ~ gp(x)", lambda d: d.assign(x=(d.x > 5) * 1.0), "has 2 different values"),
    "level": ("y ~ gp(x, by=g)", lambda d: d.assign(g=["c", *d.g[1:]]), "level 'c' of 'g' has 1 different values"),
    "twice": ("v ~ z + gp(x, by=z)", lambda d: d, "leave 'z' by itself out"),
    "arithmetic": ("y ~ gp(x + z)", lambda d: d, r"gp\(I\(x \+ z\)\)"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_no_process_is_refused(name: str) -> None:
    formula, change, message = REFUSED[name]
    with pytest.raises(bd.BayesdeepError, match=message):
        bd.Model(formula, change(frame()))


@pytest.mark.parametrize("option", ["", ", c=1.5"])
def test_rows_far_out_are_refused_and_the_box_that_would_do_is_said(option: str) -> None:
    data = frame()
    fit = bd.Model(f"y ~ gp(x{option})", data).fit("map", seed=1, progress=False)
    state = state_of(f"y ~ gp(x{option})", data)
    edge = state["centre"][0] + state["reach"][0]
    assert np.isfinite(linear(fit, pd.DataFrame({"x": [edge - 1e-3]}))).all()
    with pytest.raises(bd.DataError, match=r"x = 18 lies too far out: the process is known from .* give c=") as said:
        fit.predict(pd.DataFrame({"x": [1.0, 18.0]}))
    c = str(said.value).split("give c=")[1].split(" ")[0]
    wider = state_of(f"y ~ gp(x, c={c})", data)
    assert wider["centre"][0] + wider["reach"][0] >= 18.0


def test_the_prior_says_where_its_numbers_come_from() -> None:
    chosen = bd.Model("y ~ gp(x)", frame()).spec.prior("gp(x)_lengthscale")
    assert chosen is not None
    assert chosen.prior.name == "InverseGamma"
    assert "one 20th of the range" in chosen.reason
    assert "the range" in chosen.reason
    few = bd.Model("y ~ gp(x)", frame(9)).spec.prior("gp(x)_lengthscale")
    assert few is not None
    assert "the distance of neighbouring values" in few.reason
    coarse = bd.Model("y ~ gp(x, m=10)", frame()).spec.prior("gp(x)_lengthscale")
    assert coarse is not None
    assert "what 10 functions tell apart" in coarse.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exp_quad", "matern32"])
def test_bands_cover_what_was_simulated(name: str) -> None:
    """90 % bands of curves over 200 sets drawn from a process, averaged over x."""
    rng, x = np.random.default_rng(7), np.linspace(0, 10, 60)
    root = np.linalg.cholesky(kernel(name, x[:, None], x[:, None], 2.0) + 1e-9 * np.eye(60))
    inside = []
    for k in range(200):
        truth = root @ rng.standard_normal(60)
        data = pd.DataFrame({"x": x, "y": truth + rng.normal(0, 0.4, 60)})
        found = linear(bd.Model(f"y ~ gp(x, cov='{name}')", data).fit(seed=k, draws=250, progress=False))
        low, high = np.quantile(found, [0.05, 0.95], axis=0)
        inside.append(((low <= truth) & (truth <= high)).mean())
    assert 0.87 < np.mean(inside) < 0.93


def test_the_record_says_what_it_is() -> None:
    assert gp.TERM.words({}) == frozenset({"linear"})
