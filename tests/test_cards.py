"""Model cards: what comes with the package reads, what is wrong is refused in words, and nothing in a card runs."""

import pickle
import subprocess
import sys
import time
import tomllib
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bayesdeep as bd
from bayesdeep.cards import Card, find_card, find_cards, read_card, write_card
from bayesdeep.cards.write_card import card_text, prior_text
from bayesdeep.core.errors import CardError, FormulaError
from bayesdeep.core.priors import ChosenPrior, Known
from bayesdeep.model import model_of_card
from bayesdeep.priors import make_prior
from bayesdeep.spec.model_spec import ModelSpec, ResponseSpec
from bayesdeep.spec.prior_text import read_prior

CARDS = find_cards()
PLAIN = 'formula = "y ~ x"\ndata = "d.csv"\n'


def card(folder: Path, text: str, name: str = "card.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> str:
    """Return the error's text, and check that it says which card and came soon."""
    begin = time.perf_counter()
    with pytest.raises(CardError) as caught:
        read_card(path)
    assert time.perf_counter() - begin < 5
    assert str(caught.value).startswith(f"card '{path}': ")
    return str(caught.value)


def frame(rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    x = rng.normal(size=rows)
    return pd.DataFrame(
        {"y": x + rng.normal(size=rows), "x": x, "z": rng.normal(size=rows), "se": 0.5, "g": [*"abcd"] * (rows // 4)}
    )


def quiet_model(read: Card) -> bd.Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return model_of_card(read)


def test_there_are_cards() -> None:
    assert {"radon/slopes", "eight_schools/normal"} <= {name for name, _ in CARDS}


@pytest.mark.parametrize("path", [path for _, path in CARDS], ids=[name for name, _ in CARDS])
def test_card_of_the_package_makes_a_model_and_comes_back(path: Path, tmp_path: Path) -> None:
    read = read_card(path)
    assert read.title
    assert read.about
    assert read.path == path
    model = quiet_model(read)
    assert model.rows > 0
    again = write_card(model.spec, tmp_path / "again.toml", data=read.data, title=read.title, about=read.about)
    copy = read_card(again)
    assert quiet_model(copy).spec == model.spec
    assert replace(copy, path=path, fit_options=read.fit_options) == read


def test_reading_imports_no_pymc() -> None:
    code = (
        "import sys; from bayesdeep.cards import *; [read_card(p) for _, p in find_cards()]; "
        "print([m for m in ('pymc', 'pytensor', 'pandas', 'arviz') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_all_keys(tmp_path: Path) -> None:
    path = card(
        tmp_path,
        """
        title = "A \\"title\\""
        formula = "y ~ x + (1 | g)"
        family = "student_t"
        link = "identity"
        data = "../d.csv"
        about = "What it is."
        missing = "drop"
        [priors]
        x = "Normal(0, 1)"
        "1|g_sigma" = "HalfNormal(1)"
        [parameters]
        sigma = "~ x"
        nu = { known = 4 }
        [fit]
        method = "nuts"
        draws = 10
        seed = 0
        target_accept = 0.9
        """,
    )
    read = read_card(path)
    assert read.title == 'A "title"'
    assert read.data == "../d.csv"
    assert read.priors == {"x": "Normal(0, 1)", "1|g_sigma": "HalfNormal(1)"}
    assert read.parameters == {"sigma": "~ x", "nu": Known(4.0)}
    assert read.fit_options == {"method": "nuts", "draws": 10, "seed": 0, "target_accept": 0.9}
    assert (read.family, read.link, read.missing) == ("student_t", "identity", "drop")


def test_data_beside_the_card(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    data = frame()
    data.to_csv(tmp_path / "d.csv", index=False)
    data.to_parquet(tmp_path / "a" / "d.PARQUET")
    for name, text in (("1.toml", "../d.csv"), ("2.toml", "d.PARQUET"), ("3.toml", "./d.PARQUET")):
        read = read_card(card(tmp_path / "a", f'formula = "y ~ x"\ndata = "{text}"', name))
        pd.testing.assert_frame_equal(read.load_data(), data)
    model = bd.Model.from_card(tmp_path / "a" / "1.toml")
    assert model.spec == bd.Model("y ~ x", data).spec


def test_absent_and_broken_data(tmp_path: Path) -> None:
    read = read_card(card(tmp_path, PLAIN))
    with pytest.raises(CardError, match=r"there is no file '.*d\.csv'"):
        read.load_data()
    for name, content in (("d.csv", b""), ("d.parquet", b"PAR1 no"), ("d.csv", b"a,b\n1,2\n1,2,3,4\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(bd.DataError, match=r"^data: '.*' cannot be read as"):
            replace(read, data=name).load_data()


def test_errors_of_the_model_say_which_card(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "d.csv", index=False)
    path = card(tmp_path, 'formula = "y ~ w"\ndata = "d.csv"\n')
    with pytest.raises(FormulaError, match="no column 'w'") as caught:
        bd.Model.from_card(path)
    assert caught.value.__notes__ == [f"in card '{path}'"]


@pytest.mark.parametrize(
    "data",
    [
        "http://example.org/d.csv",
        "https://example.org/d.parquet",
        "file:///etc/d.csv",
        "s3://bucket/d.csv",
        "FTP://x/d.csv",
        "/etc/passwd",
        "/tmp/d.csv",
        "~/d.csv",
        "C:\\\\d.csv",
        "C:/d.csv",
        "\\\\\\\\host\\\\d.csv",
        "d.pkl",
        "d.pickle",
        "../d.joblib",
        "d.csv.gz",
        "d.csv\\u0000.pkl",
        "d.npy",
        "d.h5",
        "d.feather",
        "passwd",
        "radom",
        ".",
        "",
    ],
)
def test_data_that_no_card_may_name(data: str, tmp_path: Path) -> None:
    text = refused(card(tmp_path, f'formula = "y ~ x"\ndata = "{data}"'))
    assert "data" in text


def test_data_set_with_the_nearest_name(tmp_path: Path) -> None:
    assert "did you mean 'radon'?" in refused(card(tmp_path, 'formula = "y ~ x"\ndata = "radom"'))


def test_a_pickle_with_a_csv_name_is_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple:
            return (trap.write_text, ("x",))

    for name in ("d.csv", "d.parquet"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(bd.BayesdeepError):
            model_of_card(read_card(card(tmp_path, f'formula = "y ~ x"\ndata = "{name}"')))
    assert not trap.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('formla = "y ~ x"', "unknown key 'formla'; did you mean 'formula'?"),
        ('formula = "y ~ x"\ndata = "radon"\n[prior]', "unknown key 'prior'; did you mean 'priors'?"),
        ('data = "radon"', "formula is missing"),
        ('formula = " "\ndata = "radon"', "formula is missing"),
        ('formula = "y ~ x"', "data is missing"),
        ("formula = 1", "formula is a whole number; it should be text"),
        ('formula = ["y ~ x"]', "formula is a list"),
        ("title = 1979-05-27", "title is a date or time"),
        (PLAIN + "family = true", "family is true or false"),
        (PLAIN + 'family = "gausian"', "did you mean 'gaussian'?"),
        (PLAIN + 'missing = "dorp"', "did you mean 'drop'?"),
        (PLAIN + "missing = false", "missing is true or false"),
        (PLAIN + "link = 1", "link is a whole number"),
        (PLAIN + "link = { mu = 1 }", "link.mu is a whole number"),
        (PLAIN + 'priors = "Normal(0, 1)"', "priors is text; it should be a table, [priors]"),
        (PLAIN + "[priors]\nx = 1.5", "priors.x is a number; it should be text"),
        (PLAIN + "[priors]\nx.y = 'Normal(0, 1)'", "priors.x is a table"),
        (PLAIN + "[[priors]]\nx = 'Normal(0, 1)'", "priors is a list"),
        (PLAIN + "[parameters]\nsigme = '~ x'", "no parameter"),
        (PLAIN + "[parameters]\npriors = '~ x'", "'priors'"),
        (PLAIN + "[parameters]\nsigma = 1.0", "parameters.sigma is a number"),
        (PLAIN + "[parameters]\nsigma = { knwon = 'se' }", "did you mean 'known'?"),
        (PLAIN + "[parameters]\nsigma = {}", "parameters.sigma.known is missing"),
        (PLAIN + "[parameters]\nsigma = { known = true }", "parameters.sigma.known is true or false"),
        (PLAIN + "[parameters]\nsigma = { known = nan }", "parameters.sigma.known is nan"),
        (PLAIN + "[parameters]\nsigma = { known = 1e999 }", "parameters.sigma.known is inf"),
        (PLAIN + f"[parameters]\nsigma = {{ known = 0x{'f' * 9999} }}", "parameters.sigma.known is too large"),
        (PLAIN + "[fit]\nmethod = 'nutz'", "unknown method 'nutz'; did you mean 'nuts'?"),
        (PLAIN + "[fit]\nmethod = 1", "fit.method is a whole number; it should be text"),
        (PLAIN + "[fit]\ndraw = 10", "did you mean 'draws'?"),
        (PLAIN + "[fit]\nmethod = 'nuts'\ntarget_acept = 0.9", "did you mean 'target_accept'?"),
        (PLAIN + "[fit]\nmethod = 'map'\ntarget_accept = 0.9", "unknown key of fit 'target_accept'"),
        (PLAIN + "[fit]\ndraws = 10.5", "fit.draws is a number; it should be a whole number"),
        (PLAIN + "[fit]\nchains = true", "fit.chains is true or false; it should be a whole number"),
        (PLAIN + "[fit]\nseed = '1'", "fit.seed is text"),
        (PLAIN + f"[fit]\nseed = 0x{'f' * 9999}", "fit.seed is too large"),
        (PLAIN + "[fit]\ntarget_accept = [0.9]", "fit.target_accept is a list"),
        ("formula = y ~ x", "is not TOML"),
        (PLAIN + PLAIN, "is not TOML"),
        (f"formula = {'9' * 9999}", "is not TOML"),
    ],
)
def test_wrong_cards(text: str, said: str, tmp_path: Path) -> None:
    if said == "no parameter":
        said = "unknown parameter of family 'gaussian' 'sigme'; did you mean 'sigma'?"
    assert said in refused(card(tmp_path, text))


@pytest.mark.few(5)
@pytest.mark.parametrize(
    "text",
    [
        "a." * 400_000 + "a=1",
        "[" + "a." * 400_000 + "a]",
        'formula={x="""a"""", ' + "a." * 300_000 + "b=1}",
        "a=" + "[" * 900_000,
        "a={b=" * 150_000,
        "a=" + "{b=" * 300_000,
        'a="""' + '\\"""' * 240_000,
        'a="' + '\\"' * 480_000,
        "'" * 990_000,
        '"' * 990_000,
        "\\" * 990_000,
        "".join(f"[{'a.' * 19}b{i}]\n" for i in range(19_000)),
        "".join(f"a{i}=1\n" for i in range(90_000)),
    ],
    ids=lambda text: text[:12].encode("unicode_escape").decode(),
)
def test_cards_made_to_take_long(text: str, tmp_path: Path) -> None:
    refused(card(tmp_path, text))


def test_files_that_are_no_cards(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "absent.toml")
    assert "no such file" in refused(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    assert "is not text" in refused(tmp_path / "binary.toml")
    assert "larger than 1,000,000 bytes" in refused(card(tmp_path, "#" * 1_000_001))


def test_a_long_sentence_may_have_many_dots(tmp_path: Path) -> None:
    dots = ". ".join("abcdefgh" * 10)
    read = read_card(card(tmp_path, PLAIN + f'about = "{dots}" # {dots}\n'))
    assert read.about == dots


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("y ~ x", {}),
        ("y  ~  x+z", {"priors": {"population": "Normal(0, HalfNormal(1))"}}),
        ("y ~ x + z", {"priors": {"z, x": "Normal(0.1, 0.30000000000000004)", "Intercept_raw": "StudentT(3, 0, 2.5)"}}),
        ("y ~ x + z", {"priors": {"population": "Horseshoe()"}}),
        ("y ~ x + z", {"priors": {"population": "Horseshoe(0.1, slab_df=7)"}}),
        ("y ~ x + (1 + x | g)", {"priors": {"1|g_sigma": "HalfNormal(1e-20)", "g_corr": "LKJ(3)"}}),
        ("y ~ x + (1 | g)", {"priors": {"1|g": "Normal(0, HalfNormal(2))", "sigma": "Exponential(0.1)"}}),
        ("y ~ x", {"priors": {"sigma": "TruncatedNormal(0, 1, lower=0)"}}),
        ("y ~ x", {"sigma": "~ z + (1 | g)", "priors": {"sigma_z": "Normal(0, 1)"}}),
        ("y ~ x", {"sigma": bd.known("se")}),
        ("y ~ x", {"sigma": bd.known(0.1)}),
        ("y ~ x", {"sigma": bd.known(1e22)}),
        ("y ~ x", {"family": "student_t", "nu": bd.known(4), "sigma": "~ x"}),
        ("y ~ I(x / 2) +\n\tz", {"missing": "drop"}),
        ("b ~ x", {"family": "bernoulli", "link": "probit"}),
        ("b ~ x", {"family": "bernoulli", "link": "logit"}),
    ],
)
def test_round_trip(formula: str, options: dict, tmp_path: Path) -> None:
    data = frame().assign(b=lambda d: (d.y > 0).astype(int))
    data.to_csv(tmp_path / "d.csv", index=False)
    spec = bd.Model(formula, pd.read_csv(tmp_path / "d.csv"), **options).spec
    path = bd.Model.to_card(bd.Model(formula, data, **options), tmp_path / "m.toml", data="d.csv", title="t")
    assert model_of_card(read_card(path)).spec == spec


def test_only_what_is_not_default_is_written(tmp_path: Path) -> None:
    path = write_card(bd.Model("y ~ x", frame()).spec, tmp_path / "m.toml", data="d.csv")
    assert path.read_text(encoding="utf-8") == 'formula = "y ~ x"\nfamily = "gaussian"\ndata = "d.csv"\n'


def test_writing_refuses(tmp_path: Path) -> None:
    spec, path = bd.Model("y ~ x", frame()).spec, tmp_path / "m.toml"
    write_card(spec, path, data="d.csv")
    for wrong, options in (
        ("exists", {"data": "d.csv"}),
        ("is a URL", {"data": "http://x/d.csv", "overwrite": True}),
        ("absolute", {"data": "/d.csv", "overwrite": True}),
        ("UTF-8 cannot hold", {"data": "d.csv", "overwrite": True, "title": "\ud800"}),
    ):
        with pytest.raises(CardError, match=wrong):
            write_card(spec, path, **options)
    with pytest.raises(CardError, match="no folder"):
        write_card(spec, tmp_path / "none" / "m.toml", data="d.csv")
    assert write_card(spec, path, data="e.csv", overwrite=True) == path
    assert read_card(path).data == "e.csv"
    assert [p.name for p in tmp_path.iterdir()] == ["m.toml"]


@given(st.text(), st.text(min_size=1))
def test_any_text_comes_back(value: str, key: str) -> None:
    prior = make_prior("Normal", 0, 1)
    spec = ModelSpec(
        formulas={"mu": "y ~ x", "sigma": "~ x"},
        others=(),
        family="gaussian",
        links={"mu": "log", "sigma": "log"},
        known={f"n{key}": Known(value), "b": Known(2)},
        predictors=(),
        response=ResponseSpec("y"),
        priors=(ChosenPrior("x", prior, "user", "", key), ChosenPrior("z", prior, "default", "", "z")),
    )
    card = {"formula": "y ~ x", "family": "gaussian", "data": "d.csv", "link": "log", "priors": {key: "Normal(0, 1)"}}
    parameters = {"sigma": "~ x", f"n{key}": {"known": value}, "b": {"known": 2.0}}
    texts = {"title": value, "about": value} if value else {}
    assert tomllib.loads(card_text(spec, "d.csv", value, value)) == card | texts | {"parameters": parameters}


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(min_value=5e-324, allow_infinity=False))
def test_any_number_of_a_prior_comes_back(location: float, scale: float) -> None:
    prior = make_prior("Normal", location, scale)
    assert read_prior(prior_text(prior), "prior") == prior


def test_bounds_of_a_prior_come_back() -> None:
    for prior in (make_prior("TruncatedNormal", 0, 1, upper=3), make_prior("Horseshoe", slab_df=3)):
        assert read_prior(prior_text(prior), "prior") == prior


def test_settings() -> None:
    own = Card("y ~ x", "radon", fit_options={"method": "nuts", "draws": 10, "target_accept": 0.9})
    assert own.settings() == own.fit_options
    assert own.settings(draws=5, seed=None) == {"method": "nuts", "draws": 5, "target_accept": 0.9}
    assert own.settings(method="map") == {"method": "map", "draws": 10}
    assert Card("y ~ x", "radon").settings() == {}


def test_parameters_never_replace_arguments_of_the_model() -> None:
    with pytest.raises(FormulaError, match="has no parameter 'data'"):
        model_of_card(Card("log_radon ~ floor", "radon", parameters={"data": "~ x"}))


@pytest.mark.integration
def test_fit(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "d.csv", index=False)
    path = card(tmp_path, PLAIN + '[fit]\nmethod = "laplace"\ndraws = 20\nchains = 1')
    read = read_card(path)
    fit = model_of_card(read).fit(progress=False, **read.settings(seed=1, draws=30))
    assert fit.idata.attrs["method"] == "laplace"
    assert fit.posterior.sizes["draw"] == 30


def test_names() -> None:
    assert find_card("radon/slopes").name == "slopes.toml"
    assert find_card("here.toml") == Path("here.toml")
    with pytest.raises(CardError, match="did you mean 'radon/slopes'"):
        find_card("radon/slope")
