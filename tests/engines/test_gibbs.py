"""The Gibbs sampler: its parts draw from what they say they draw from, and the whole agrees with what is integrated exactly."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.engines import gibbs
from bayesdeep.inference.linear_target import linear_source
from bayesdeep.linear.hyperparameters import scales_of
from bayesdeep.linear.joint_lanczos import Roots, lay_out_jointly
from bayesdeep.linear.lanczos import powers
from bayesdeep.linear.unexplored import UnexploredError
from bayesdeep.numerics.row_blocks import ONE_CORE_ENTRIES, RowBlocks
from bayesdeep.numerics.slices import step


def crossed(rows: int = 90) -> dict[str, Any]:
    """Return rows of two crossed factors, with an effect of ``x`` that varies over one of them."""
    rng = np.random.default_rng(4)
    a, b, x = rng.integers(8, size=rows), rng.integers(5, size=rows), rng.normal(size=rows)
    u, v = rng.normal(size=(8, 2)) @ [[0.8, 0.3], [0.0, 0.4]], 0.6 * rng.normal(size=5)
    y = 1.0 + 0.5 * x + u[a, 0] + u[a, 1] * x + v[b] + 0.7 * rng.normal(size=rows)
    return {"y": y, "x": x, "a": a.astype(str), "b": b.astype(str), "w": rng.uniform(0.5, 2.0, rows)}


MODELS = {
    "crossed, with correlated slopes": "y ~ x + (1 + x | a) + (1 | b)",
    "independent slopes": "y ~ x + (1 + x || b) + (1 | a)",
    "a smooth": "y ~ s(x, k=5) + (1 | a)",
    "weights": "weighted(y, w) ~ x + (1 | a) + (1 | b)",
    "one factor": "y ~ x + (1 | a)",
    "no factor": "y ~ x",
    "factors alone": "y ~ 0 + (1 | a) + (1 | b)",
    "a factor alone": "y ~ 0 + (1 + x | a)",
}


@pytest.mark.parametrize("columns", [1, 4])
def test_powers_of_a_matrix(columns: int) -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(60, 60))
    matrix, exponents = root @ root.T / 60 + np.eye(60), np.resize([-0.5, -1.0], columns)
    vectors = rng.normal(size=(60, columns))
    values, turned = np.linalg.eigh(matrix)
    expected = np.stack([turned @ (values**e * (turned.T @ v)) for e, v in zip(exponents, vectors.T, strict=True)], axis=1)
    found, passes = powers(lambda v: matrix @ v, vectors, exponents, 1e-10)
    np.testing.assert_allclose(found, expected, atol=1e-8)
    assert passes < 60


def test_powers_of_a_matrix_with_few_eigenvalues_and_of_nothing() -> None:
    matrix, vectors = np.diag(np.repeat([1.0, 4.0], 10)), np.ones((20, 2))
    vectors[:, 1] = 0.0
    found, _ = powers(lambda v: matrix @ v, vectors, np.array([-0.5, -1.0]), 1e-10)
    np.testing.assert_allclose(found[:, 0], np.repeat([1.0, 0.5], 10), rtol=1e-10)
    assert (found[:, 1] == 0).all()


@pytest.mark.integration
def test_a_recursion_that_does_not_converge_says_so() -> None:
    values = np.logspace(-13, 0, 2000)
    with pytest.raises(UnexploredError, match="nearly combinations of each other"):
        powers(lambda v: values[:, None] * v, np.ones((2000, 1)), np.array([-1.0]), 1e-10)


@pytest.mark.parametrize("width", [0.05, 1.0, 40.0])
def test_slices_leave_a_density_as_it_is(width: float) -> None:
    """Points drawn from a skew density and moved a few times have that density still, whatever the width of the slices."""
    rng, exact = np.random.default_rng(2), stats.gamma(3.0)

    def log_density(points: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return exact.logpdf(points[:, 0]) + stats.norm.logpdf(points[:, 1], points[:, 0])

    points = np.stack([exact.rvs(4000, random_state=rng), np.zeros(4000)], axis=1)
    points[:, 1] = points[:, 0] + rng.normal(size=4000)
    start = points
    for k in (0, 1, 0, 1):
        points = step(log_density, points, k, width, rng)
    assert stats.kstest(points[:, 0], exact.cdf).pvalue > 1e-3
    assert stats.kstest(points[:, 1] - points[:, 0], "norm").pvalue > 1e-3
    assert (points != start).all()


def test_blocks_of_rows_do_not_change_a_product() -> None:
    from scipy import sparse

    rng = np.random.default_rng(3)
    matrix = sparse.csr_array(sparse.random_array((900, 700), density=0.3, rng=rng))
    assert matrix.nnz > ONE_CORE_ENTRIES
    vectors = rng.normal(size=(700, 3))
    with ThreadPoolExecutor(3) as pool:
        split = RowBlocks.of(matrix, 3)
        assert len(split.blocks) == 3
        np.testing.assert_array_equal(split.times(vectors, pool), RowBlocks.of(matrix, 1).times(vectors, pool))


@pytest.mark.parametrize("name", MODELS)
def test_coefficients_given_scales_have_their_normal_distribution(name: str) -> None:
    """Mean and covariance of many draws are those of the dense linear system, within Monte Carlo error."""
    model = bd.Model(MODELS[name], crossed())
    system = linear_source(model.spec, model._rows, "gibbs")[1].system
    many = 4000
    point = np.random.default_rng(5).normal(scale=0.3, size=system.dim) - 0.4
    scales = scales_of(system, np.tile(point, (many, 1)))
    with ThreadPoolExecutor(1) as pool:
        joint = lay_out_jointly(system, pool)
        roots = Roots.of(scales)
        drawn, _ = joint.draw(roots, np.random.default_rng(6))
        sizes = [len(drawn[0]), *(f.levels * f.width for f in system.factors)]
        unit = joint.products(_parts(np.eye(sum(sizes)), system))
    gram = np.concatenate([p.reshape(-1, sum(sizes)) for p in unit])
    prior = np.zeros_like(gram)
    prior[: sizes[0], : sizes[0]] = system.precision
    at = sizes[0]
    for factor, root in zip(system.factors, roots.factors, strict=True):
        each = np.linalg.inv(root[:, :, 0] @ root[:, :, 0].T)
        for _ in range(factor.levels):
            prior[at : at + factor.width, at : at + factor.width] = each
            at += factor.width
    covariance = np.linalg.inv(gram * roots.inverse[0] + prior)
    mean = covariance @ np.concatenate([r.ravel() for r in joint.responses]) * roots.inverse[0]
    flat = np.concatenate([c.reshape(-1, many) for c in drawn])
    sds = np.sqrt(np.diag(covariance))
    assert np.abs((flat.mean(axis=1) - mean) / sds).max() < 4.5 / np.sqrt(many)
    # The correlations' Monte Carlo errors are at most 1 / sqrt(many), the variances' sqrt(2 / many).
    found = np.cov(flat) / np.outer(sds, sds)
    assert np.abs(found - covariance / np.outer(sds, sds)).max() < 5.5 * np.sqrt(2 / many)


def _parts(flat: np.ndarray, system: Any) -> list[np.ndarray]:
    found, at = [flat[: system.columns]], system.columns
    for f in system.factors:
        found.append(flat[at : at + f.levels * f.width].reshape(f.levels, f.width, -1))
        at += f.levels * f.width
    return found


@pytest.mark.few(0, more=4)
@pytest.mark.parametrize("name", MODELS)
def test_it_agrees_with_what_is_integrated_exactly(name: str) -> None:
    model = bd.Model(MODELS[name], crossed())
    exact = model.fit("collapsed", seed=1, progress=False).summary()
    fit = model.fit("gibbs", draws=600, seed=2, progress=False)
    found = fit.summary()
    assert list(found.index) == list(exact.index)
    assert found.r_hat.max() < 1.03
    error = np.sqrt(found["sd"] ** 2 / found.ess_bulk + exact["sd"] ** 2 / exact.ess_bulk)
    assert (np.abs(found["mean"] - exact["mean"]) / error).max() < 4.5
    # Standard deviations: relative error of about sqrt(1 / (2 ess)), more for the tails of scales.
    assert np.abs(np.log(found["sd"] / exact["sd"])).max() < 6 * np.sqrt(1 / found.ess_bulk.min())
    assert fit.idata.attrs["exact"]


def test_the_joint_density_is_that_of_the_model() -> None:
    """``lp`` differs by a constant from the density worked out from the reported draws by SciPy."""
    data = crossed()
    model = bd.Model("y ~ 0 + (1 | a) + (1 | b)", data, priors={"sigma": "HalfNormal(2)"})
    fit = model.fit("gibbs", draws=40, tune=20, chains=1, seed=3, progress=False)
    draws = fit.idata["posterior"].to_dataset().isel(chain=0)
    y, a, b = data["y"], data["a"].astype(int), data["b"].astype(int)
    u, v = draws["1|a"].values, draws["1|b"].values
    sigma, sd_u, sd_v = (draws[n].values[:, None] for n in ("sigma", "1|a_sigma", "1|b_sigma"))
    found = stats.norm.logpdf(y, u[:, a] + v[:, b], sigma).sum(axis=1)
    found += stats.norm.logpdf(u, 0.0, sd_u).sum(axis=1) + stats.norm.logpdf(v, 0.0, sd_v).sum(axis=1)
    system = linear_source(model.spec, model._rows, "gibbs")[1].system
    for hyper in system.hyperparameters:
        value = draws[hyper.name].values
        found += hyper.log_density(value) + np.log(value)
    lp = fit.idata["sample_stats"]["lp"].values[0]
    np.testing.assert_allclose(lp - found, (lp - found)[0], atol=1e-6)
    assert np.ptp(found) > 1


def test_one_seed_gives_one_result() -> None:
    model = bd.Model("y ~ x + (1 | a) + (1 | b)", crossed())
    first, second = (model.fit("gibbs", draws=20, tune=10, seed=7, progress=False).idata["posterior"] for _ in range(2))
    for name in first.data_vars:
        np.testing.assert_array_equal(first[name], second[name])


def test_an_interrupt_keeps_whole_draws() -> None:
    class Bar:
        def update(self, done: int, total: int, note: str = "") -> None:
            del total, note
            if done == 30:
                raise KeyboardInterrupt

    model = bd.Model("y ~ x + (1 | a) + (1 | b)", crossed())
    target = linear_source(model.spec, model._rows, "gibbs")[1]
    found = gibbs.run(gibbs.GibbsSettings(draws=50, tune=10), target, 1, Bar())
    assert found.status == "interrupted"
    assert found.positions.shape[:2] == (4, 20)
    assert all(c.shape[:2] == (4, 20) for c in found.coefficients or ())
    assert "20 draws are kept" in found.advice[0]


def test_rows_that_were_read_once_will_do(tmp_path: Any) -> None:
    import pandas as pd

    pd.DataFrame(crossed()).to_csv(tmp_path / "rows.csv", index=False)
    formula = "y ~ x + (1 + x | a) + (1 | b)"
    read, kept = bd.Model(formula, str(tmp_path / "rows.csv")), bd.Model(formula, crossed())
    found, expected = (m.fit("gibbs", draws=10, tune=5, seed=1, progress=False).posterior for m in (read, kept))
    np.testing.assert_allclose(found["x"], expected["x"], atol=1e-4)


@pytest.mark.parametrize("response", ["constant", "repeated"])
def test_a_response_without_noise_is_refused(response: str) -> None:
    data = crossed()
    data["y"] = np.ones(90) if response == "constant" else 3.0 + 2.0 * data["x"]
    with pytest.raises(FitError, match="gibbs: the predictors and groups reproduce the response exactly"):
        bd.Model("y ~ x + (1 | a)", data).fit("gibbs", progress=False, draws=2000)


@pytest.mark.filterwarnings("ignore:.*combinations of one another:UserWarning")
def test_what_it_cannot_do_it_refuses() -> None:
    data = crossed()
    with pytest.raises(FitError, match="gibbs: draws must be at least 1, not 0"):
        gibbs.GibbsSettings(draws=0)
    counts = {**data, "y": np.arange(90) % 4}
    with pytest.raises(FitError, match="method 'gibbs' does not apply"):
        bd.Model("y ~ x + (1 | a)", counts, family="poisson").fit("gibbs", progress=False)
    twice = {**data, "z": 2 * np.asarray(data["x"])}
    flat = {"x": "Flat()", "z": "Flat()"}
    with pytest.raises(FitError, match="gibbs: columns are combinations of each other and have flat priors"):
        bd.Model("y ~ x + z + (1 | a)", twice, priors=flat).fit("gibbs", progress=False)
