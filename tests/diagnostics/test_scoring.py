"""Scores on rows and groups that fits have not seen: equal to ArviZ, to refits by hand and to brute force."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

import bayesdeep as bd
from bayesdeep.compare import held_out_scores as scoring
from bayesdeep.compare.assessed_fit import by_loo
from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.fit import Fit
from bayesdeep.inference import refit as refit_module
from bayesdeep.inference.loo import bad_rows
from bayesdeep.inference.run import find_engine, run_engine

QUICK = {"draws": 150, "tune": 150, "chains": 2, "seed": 1, "progress": False}


def data(far: bool = True) -> pd.DataFrame:
    """Return rows of six groups, three of them ``far`` away from all others."""
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=60), np.arange(60) % 6
    y = 1 + x + rng.normal(size=6)[g] + 0.5 * rng.normal(size=60)
    if far:
        x[:3], y[:3] = [5.0, -5.0, 6.0], [-10.0, 20.0, 9.0]
    return pd.DataFrame({"y": y, "x": x, "g": [f"g{i}" for i in g]})


@pytest.fixture(scope="module")
def fits() -> dict[str, Fit]:
    return {f: bd.Model(f, data()).fit("collapsed", **QUICK) for f in ("y ~ x", "y ~ x + (1 | g)")}


@pytest.fixture(scope="module")
def compared(fits):
    return bd.compare(fits, progress=False)


def refitted(fit: Fit, out: np.ndarray, seed: int) -> Fit:
    """Return the fit without some rows, made by hand."""
    rows = fit.rows.take(np.setdiff1d(np.arange(fit.rows.rows), out))
    common = {"draws": QUICK["draws"], "tune": QUICK["tune"], "chains": QUICK["chains"]}
    return Fit(fit.spec, rows, run_engine(fit.spec, rows, find_engine("collapsed"), common, {}, seed, False))


class Known:
    """What ArviZ's reloo asks for, answered by refits by hand, or by what we found."""

    def __new__(cls, tree: xr.DataTree, value):
        import arviz as az

        class Wrapper(az.SamplingWrapper):
            def sel_observations(self, idx):
                return None, idx

            def sample(self, modified_observed_data):
                return None

            def get_inference_data(self, fitted_model):
                return None

            def log_likelihood__i(self, excluded_obs, idata__i):
                return xr.DataArray(np.full((1, 1), value(int(excluded_obs))), dims=("chain", "draw"))

        return Wrapper(None, idata_orig=tree)


def test_exact_refits_of_bad_rows_are_those_by_hand_and_reloo_of_arviz(fits, compared):
    import arviz as az

    fit = fits["y ~ x"]
    frame, found = data(), compared.assessed["y ~ x"]
    bad = bad_rows(by_loo(fit).elpd)
    assert 1 <= len(bad) <= scoring.MOST_REFITS
    base = derive(1, "without a row")

    def by_hand(row: int) -> float:
        seed = derive(base, f"row {row}")
        return float(refitted(fit, np.array([row]), seed).log_score(frame.iloc[[row]], seed=seed))

    tree = fit.log_likelihood()
    with pytest.warns(UserWarning, match="shape parameter of Pareto"):
        weights = az.loo(tree, pointwise=True)
    theirs = az.reloo(Known(tree, by_hand), weights, pointwise=True)
    for name in ("elpd", "se", "p"):
        assert getattr(found.elpd, name) == pytest.approx(getattr(theirs, name), rel=1e-9)
    np.testing.assert_allclose(found.elpd.elpd_i, theirs.elpd_i, rtol=1e-9)
    np.testing.assert_allclose(found.elpd.pareto_k, theirs.pareto_k, rtol=1e-9)
    assert not found.elpd.warning
    assert f"{len(bad)} rows with Pareto k-hat above" in compared.table.loc["y ~ x", "warning"]
    assert found.log_score == pytest.approx(theirs.elpd / 60)
    # Weights alone would have these rows predicted by a fit that knew them.
    scores, naive = found.scores, by_loo(fit).scores
    other = np.setdiff1d(np.arange(60), bad)
    assert np.array_equal(scores.crps[other], naive.crps[other])
    assert not np.any(scores.crps[bad] == naive.crps[bad])
    assert compared.table.attrs["scored_on"].startswith("scored by PSIS leave-one-out")
    assert "'y ~ x'" not in compared.table.attrs["scored_on"]


def test_too_many_bad_rows_put_all_fits_on_the_same_folds(fits, monkeypatch):
    monkeypatch.setattr(scoring, "MOST_REFITS", 0)
    found = bd.compare(fits, k=3, progress=False)
    assert {one.kind for one in found.assessed.values()} == {"folds"}
    assert "in the same 3 folds" in found.table.attrs["scored_on"]
    assert " of 60 rows have Pareto k-hat above 0.60" in found.table.loc["y ~ x", "warning"]
    forced = bd.compare(fits, k=3, score="folds", progress=False)
    assert forced.table["elpd"].to_dict() == found.table["elpd"].to_dict()


def test_loo_alone_never_refits(fits, monkeypatch):
    monkeypatch.setattr(refit_module, "run_engine", None)
    found = bd.compare(fits, score="loo", progress=False)
    assert "not reliable" in found.table.loc["y ~ x", "warning"]


def as_if_it_took(fit: Fit, seconds: float) -> Fit:
    """Return the fit with another time that it took, of which 5 seconds were compiling."""
    tree = fit.idata.copy()
    tree.attrs.update(fit.idata.attrs)
    tree.attrs.update(seconds_total=seconds + 5.0, seconds_compile=5.0)
    return Fit(fit.spec, fit.rows, tree)


def point_of(fit: Fit) -> Fit:
    tree = fit.idata.copy()
    tree["posterior"] = xr.DataTree(fit.posterior.isel(chain=[0], draw=[0]))
    return Fit(fit.spec, fit.rows, tree)


def test_refits_that_take_long_are_said_and_not_done(fits, monkeypatch):
    bad = bad_rows(by_loo(fits["y ~ x"]).elpd)
    slow = {name: as_if_it_took(fit, 600.0) for name, fit in fits.items()}
    loo = bd.compare(fits, score="loo", progress=False).table
    real, done = refit_module.run_engine, []
    monkeypatch.setattr(refit_module, "run_engine", lambda *given: done.append(1) or real(*given))
    for given, refits in ((slow, "auto"), (fits, False), (fits, 0)):
        found = bd.compare(given, refits=refits, progress=False)
        assert not done
        assert found.table["elpd"].to_dict() == loo["elpd"].to_dict()
        (said,) = [note for note in found.notes if "'y ~ x' exactly" in note]
        minutes = f"{len(bad) * 10} minutes" if given is slow else "a second"
        assert said.endswith(f"that takes {len(bad)} refits, about {minutes}, which refits=True does")
        assert f"rows {', '.join(str(i) for i in bad[:5])}" in said
        assert "not reliable" in found.table.loc["y ~ x", "warning"]
        assert said in repr(found)
    quick = bd.compare({name: as_if_it_took(fit, 1.0) for name, fit in fits.items()}, progress=False)
    every = len(done)
    assert every >= len(bad)
    assert not [note for note in quick.notes if "exactly" in note]
    done.clear()
    bd.compare(slow, refits=True, progress=False)
    assert len(done) == every
    done.clear()
    bd.compare(slow, refits=every - 1, progress=False)
    assert 0 < len(done) < every


def test_folds_that_take_long_are_said_and_not_done(fits, monkeypatch):
    monkeypatch.setattr(scoring, "MOST_REFITS", 0)
    monkeypatch.setattr(refit_module, "run_engine", None)
    slow = {name: as_if_it_took(fit, 60.0) for name, fit in fits.items()}
    found = bd.compare(slow, k=3, progress=False)
    (said,) = [note for note in found.notes if "leave-one-out does not serve" in note]
    assert "to refit all in the same 3 folds instead: that takes 6 refits, about 6 minutes, which refits=True does" in said
    assert {one.kind for one in found.assessed.values()} == {"loo"}
    halves = bd.compare(slow, k=3, workers=2, progress=False).notes
    assert any("about 3 minutes" in note for note in halves)


def test_fits_that_only_refits_can_score_keep_their_place(fits, monkeypatch):
    given = {**fits, "point": point_of(as_if_it_took(fits["y ~ x"], 100.0))}
    real = refit_module.run_engine
    monkeypatch.setattr(refit_module, "run_engine", lambda *given: real(*given) if len(given[1].response.value) > 50 else 1 / 0)
    for refits in ("auto", False, 2):
        found = bd.compare(given, k=3, refits=refits, progress=False)
        row = found.table.loc["point"]
        assert np.isnan(row["elpd"])
        assert "it is scored by refits in 3 folds: that takes 3 refits, about 5 minutes, which refits=True" in row["warning"]


def test_refits_that_are_asked_for_are_done_or_refused(fits):
    slow = {name: as_if_it_took(fit, 600.0) for name, fit in fits.items()}
    assert {one.kind for one in bd.compare(slow, k=2, score="folds", progress=False).assessed.values()} == {"folds"}
    for options, text in (
        ({"score": "folds", "refits": False}, "score='folds' with k=2 takes 4 refits, about 40 minutes, and refits=False"),
        ({"target": "groups", "by": "g", "refits": 3}, "target='groups' in 2 folds takes 4 refits"),
    ):
        with pytest.raises(FitError, match=text):
            bd.compare(slow, k=2, progress=False, **options)
    for wrong in ("yes", -1, 1.5, None):
        with pytest.raises(FitError, match="compare: refits is"):
            bd.compare(fits, refits=wrong, progress=False)


def test_folds_are_refits_by_hand(fits):
    """The rows left out go another way, through the data frame."""
    fit, frame = fits["y ~ x + (1 | g)"], data()
    found = fit.kfold(k=3, progress=False)
    assessed = bd.compare(fits, k=3, score="folds", progress=False).assessed["y ~ x + (1 | g)"]
    base = derive(1, "kfold")
    for fold in range(3):
        out, seed = np.flatnonzero(found.folds == fold), derive(base, f"fold {fold}")
        again = refitted(fit, out, seed)
        scores = again.log_score(frame.iloc[out], pointwise=True, seed=seed)
        np.testing.assert_allclose(np.asarray(found.elpd_i)[out], scores, rtol=1e-12)
        expected = np.asarray(again.draws(frame.iloc[out], kind="mean")).reshape(-1, len(out))
        # New responses are drawn a thousand times or more, however many draws of the parameters there are.
        error = np.sqrt(np.asarray(again.posterior["sigma"] ** 2).mean() / 1_000)
        np.testing.assert_allclose(assessed.scores.mean[out], expected.mean(axis=0), atol=4 * error)
    np.testing.assert_array_equal(assessed.log_scores, found.elpd_i)
    assert assessed.elpd.se == pytest.approx(np.sqrt(60) * np.std(found.elpd_i.values, ddof=1))


def test_groups_left_out_are_integrated_over_their_distribution():
    """Brute force: refit without the group; the density of a row given the hyperparameters is normal, in closed form."""
    frame = data(far=False)
    fit = bd.Model("y ~ x + (1 | g)", frame).fit("collapsed", **QUICK)
    found = fit.kfold(k=3, by="g", progress=False)
    scores = np.asarray(found.elpd_i)
    base, bound = derive(1, "kfold"), []
    for fold in range(3):
        out = np.flatnonzero(found.folds == fold)
        assert frame["g"].iloc[out].nunique() == 2
        draws = refitted(fit, out, derive(base, f"fold {fold}")).posterior.stack(s=("chain", "draw"))
        a, b, sd, noise = (draws[name].values[:, None] for name in ("Intercept", "x", "1|g_sigma", "sigma"))
        x, y = frame["x"].to_numpy()[out], frame["y"].to_numpy()[out]
        exact = norm.logpdf(y, a + b * x, np.hypot(sd, noise))
        effects = np.random.default_rng(fold).normal(size=a.shape) * sd
        sampled = norm.pdf(y, a + b * x + effects, noise)
        error = sampled.std(axis=0) / sampled.mean(axis=0) / np.sqrt(len(a))
        gap = scores[out] - (logsumexp(exact, axis=0) - np.log(len(a)))
        bound.append(gap / np.maximum(error, 0.01))
    worst = np.concatenate(bound)
    assert np.abs(worst).max() < 5
    assert abs(worst.mean()) < 1
    own = pd.Series(scores).groupby(frame["g"]).sum()
    np.testing.assert_allclose(np.sort(found.units), np.sort(own))
    assert found.se == pytest.approx(np.sqrt(6) * own.std())


def test_new_rows_and_new_groups_are_ranked_differently():
    """Free means of groups know groups they have seen, and nothing of others; a line for all is the other way round."""
    rng = np.random.default_rng(4)
    g = np.arange(96) % 8
    x = rng.normal(size=96)
    y = x + 1.5 * rng.normal(size=8)[g] + 0.5 * rng.normal(size=96)
    frame = pd.DataFrame({"y": y, "x": x, "g": [f"g{i}" for i in g]})
    models = {
        "one line": bd.Model("y ~ x", frame),
        "free means": bd.Model("y ~ 0 + g + x", frame, priors={"g": "Normal(0, 100)"}),
        "multilevel": bd.Model("y ~ x + (1 | g)", frame),
    }
    fits = {name: model.fit("collapsed", **QUICK) for name, model in models.items()}
    rows = bd.compare(fits, progress=False).table
    groups = bd.compare(fits, target="groups", by="g", k=2, progress=False).table
    for table, last in ((rows, "one line"), (groups, "free means")):
        assert table.index[-1] == last
        assert table.loc[last, "elpd_diff"] < -4
        assert table.loc[last, "elpd_diff"] < -2 * table.loc[last, "dse"]
    assert rows.loc["free means", "elpd_diff"] > -4
    assert groups.loc["one line", "elpd_diff"] > -4


def test_a_fit_that_fails_keeps_its_row_and_loses_no_other(fits, monkeypatch):
    real = refit_module.run_engine

    def failing(spec, *others):
        if "1 | g" in spec.formulas["mu"]:
            raise FloatingPointError("the factor is singular")
        return real(spec, *others)

    monkeypatch.setattr(refit_module, "run_engine", failing)
    found = bd.compare(fits, k=3, score="folds", progress=False)
    row = found.table.loc["y ~ x + (1 | g)"]
    assert list(found.table["rank"]) == [0, 1]
    assert row[["elpd", "weight", "rmse", "coverage_90"]].isna().all()
    assert row["warning"] == "FloatingPointError: the factor is singular"
    assert list(found.assessed) == ["y ~ x"]
    assert found.table.loc["y ~ x", "weight"] == 1
    assert found.table["rank"].dtype == int
    assert found.table["exact"].dtype == bool
    assert list(found.calibration) == ["y ~ x"]
    assert "singular" in repr(found)
    # Where only single rows are refitted, the estimate without these refits is left.
    kept = bd.compare(fits, progress=False).table.loc["y ~ x + (1 | g)"]
    assert "refits without rows of large Pareto k-hat failed" in kept["warning"]
    assert np.isfinite(kept["elpd"])
    monkeypatch.setattr(refit_module, "run_engine", lambda *arguments: 1 / 0)
    with pytest.raises(FitError, match=r"every fit failed: 'y ~ x': ZeroDivisionError.*; 'y ~ x \+ \(1 \| g\)'"):
        bd.compare(fits, k=3, score="folds", progress=False)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"score": "fold"}, "did you mean 'folds'"),
        ({"score": "folds", "data": data()}, "without data"),
        ({"score": "loo", "target": "groups", "by": "g"}, "without data"),
        ({"score": "folds", "k": 1}, "2 or more"),
        ({"score": "folds", "workers": 0}, "compare: workers is 0"),
    ],
)
def test_what_is_refused(fits, options, text):
    with pytest.raises(FitError, match=text):
        bd.compare(fits, progress=False, **options)


def test_points_cannot_be_weighed(fits):
    one = fits["y ~ x"]
    tree = one.idata.copy()
    tree["posterior"] = xr.DataTree(one.posterior.isel(chain=[0], draw=[0]))
    point = Fit(one.spec, one.rows, tree)
    with pytest.raises(FitError, match="'point' has none; score='auto'"):
        bd.compare({**fits, "point": point}, score="loo", progress=False)
