"""The summary of a fit is ArviZ's, label for label and digit for digit."""

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.results.summary import summary

pytestmark = pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")  # ArviZ divides by zero where nothing varies

DIMS = ("chain", "draw")


def tree(chains: int = 4, draws: int = 60) -> xr.DataTree:
    rng = np.random.default_rng(1)
    shape = (chains, draws)
    levels = rng.normal(size=(*shape, 2, 3)).cumsum(axis=1)
    levels[..., 0, 0] = 0
    posterior = xr.Dataset(
        {
            "Intercept": (DIMS, rng.normal(size=shape)),
            "1|county:floor": (("county", *DIMS), rng.normal(size=(2, *shape))),
            "slopes": ((*DIMS, "county", "age"), levels),
            "nothing": ((*DIMS, "none"), np.zeros((*shape, 0))),
            "count": ((*DIMS, "bare"), rng.poisson(2, size=(*shape, 2))),
        },
        coords={"county": ["LAC QUI, PARLE", "x"], "age": [1.5, 2.0, 30.0]},
    )
    return xr.DataTree.from_dict({"posterior": posterior, "prior": posterior[["Intercept"]] * 2})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kind": "stats"},
        {"kind": "diagnostics"},
        {"ci_prob": 0.5, "ci_kind": "eti"},
        {"ci_prob": 0.98, "round_to": "none"},
        {"var_names": "slopes", "coords": {"county": "x"}},
        {"var_names": ["~slopes"]},
        {"var_names": ["c"], "filter_vars": "like"},
        {"group": "prior"},
        {"kind": "all_median", "var_names": "Intercept"},
        {"ci_kind": "hdi"},
        {"round_to": 2},
        {"round_to": "auto"},
        {"fmt": "long", "var_names": ["Intercept"]},
    ],
    ids=str,
)
def test_table_is_that_of_arviz(options):
    expected = az.summary(tree(), **{"round_to": "none", **options})
    pd.testing.assert_frame_equal(summary(tree(), **options), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("chains", "draws"), [(1, 1), (4, 1), (4, 3), (1, 4), (4, 5), (2, 301)])
def test_few_chains_and_draws(chains, draws):
    made = tree(chains, draws)
    pd.testing.assert_frame_equal(summary(made), az.summary(made, round_to="none"), rtol=1e-9, atol=1e-12)


def test_the_defaults_of_arviz_are_followed():
    with az.rc_context({"stats.ci_prob": 0.8}):
        pd.testing.assert_frame_equal(summary(tree()), az.summary(tree(), round_to="none"), rtol=1e-10, atol=1e-12)
    with az.rc_context({"stats.ci_kind": "hdi"}):
        assert "hdi89_lb" in summary(tree())


def test_labels_name_their_own_draws_whatever_the_order_of_dimensions():
    rng = np.random.default_rng(2)
    posterior = xr.Dataset(
        {
            "a": ((*DIMS, "x", "y"), rng.normal(size=(2, 10, 2, 3))),
            "b": ((*DIMS, "y", "x"), rng.normal(size=(2, 10, 3, 2))),
        },
        coords={"x": ["p", "q"], "y": ["u", "v", "w"]},
    )
    table = summary(xr.DataTree.from_dict({"posterior": posterior}), kind="stats")
    for x in "pq":
        for y in "uvw":
            assert table.loc[f"a[{x}, {y}]", "mean"] == pytest.approx(float(posterior["a"].sel(x=x, y=y).mean()))
            assert table.loc[f"b[{y}, {x}]", "mean"] == pytest.approx(float(posterior["b"].sel(x=x, y=y).mean()))


def test_truth_values_have_shares():
    truths = xr.Dataset({"included": (DIMS, np.random.default_rng(3).random((4, 50)) < 0.4)})
    found = summary(xr.DataTree.from_dict({"posterior": truths}))
    pd.testing.assert_frame_equal(found, summary(xr.DataTree.from_dict({"posterior": truths.astype(float)})))


@pytest.mark.parametrize(
    "options", [{"kind": "some"}, {"ci_kind": "mode"}, {"ci_prob": 2.0}, {"ci_prob": np.inf}, {"group": "nowhere"}]
)
def test_what_arviz_refuses_is_refused(options):
    with pytest.raises((ValueError, KeyError)):
        summary(tree(), **options)


def test_the_tree_is_not_changed():
    made = tree()
    before = made.copy(deep=True)
    summary(made)
    xr.testing.assert_identical(made["posterior"].to_dataset(), before["posterior"].to_dataset())


def with_roles() -> xr.DataTree:
    made = tree()
    posterior = made["posterior"].to_dataset()
    posterior["w1"] = (posterior["slopes"] + 1).assign_attrs(role="weight")
    posterior["removed"] = (posterior["Intercept"] + 1).assign_attrs(role="held")
    return xr.DataTree.from_dict({"posterior": posterior, "prior": made["prior"].to_dataset()})


@pytest.mark.parametrize(
    "options",
    [{}, {"kind": "stats"}, {"round_to": 2}, {"ci_kind": "hdi"}, {"var_names": ["~Intercept"]}, {"var_names": "~w1"},
     {"var_names": ["~w1", "~slopes"]}, {"var_names": ["~ept"], "filter_vars": "like"}, {"group": "prior"}],
    ids=str,
)  # fmt: skip
def test_weights_are_left_out(options):
    names = options.get("var_names")
    plain = [name for name in ([names] if isinstance(names, str) else names or ()) if "w1" not in name]
    expected = summary(tree(), **{**options, "var_names": plain or None})
    pd.testing.assert_frame_equal(summary(with_roles(), **options), expected)


def test_weights_are_shown_where_they_are_asked_for():
    assert list(summary(with_roles(), var_names=["removed"]).index) == ["removed"]
    assert len(summary(with_roles(), var_names="w1")) == 6
    assert len(summary(with_roles(), var_names=["w"], filter_vars="like")) == 6


def test_the_posterior_keeps_its_weights():
    made = with_roles()
    summary(made)
    assert {"w1", "removed"} <= set(made["posterior"].data_vars)


def test_of_freedom_that_few_draws_stand_for_it_is_not_said_how_it_mixes():
    data = pd.DataFrame({"x": np.linspace(0, 6, 60)}).assign(y=lambda d: np.sin(d.x) + 0.1 * np.cos(50 * d.x))
    found = bd.Model("y ~ s(x)", data).fit(seed=1, draws=200, progress=False).summary()
    own = found.loc["s(x)_edf"]
    assert own[["mean", "sd"]].notna().all()
    assert own[["ess_bulk", "ess_tail", "r_hat", "mcse_mean", "mcse_sd"]].isna().all()
    assert found.drop(index="s(x)_edf").notna().all().all()
