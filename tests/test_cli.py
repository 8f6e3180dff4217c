"""The command line: starts fast, says what is wrong in one line, and does what the same verbs in Python do."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.cards import find_cards
from bayesdeep.cli import main
from bayesdeep.cli.command_parser import make_parser
from bayesdeep.cli.command_phrases import pairs
from bayesdeep.cli.compare_models import card_names
from bayesdeep.cli.fit_model import changed, find_model
from bayesdeep.core.priors import Known

COMMANDS = ("demo", "models", "fit", "compare", "report", "predict")
FAST = ["--method", "laplace", "--draws", "50", "--chains", "1", "--seed", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with data, two cards and a saved fit."""
    made = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(1)
    x = rng.normal(size=40)
    data = pd.DataFrame({"y": 2 * x + rng.normal(size=40), "x": x, "g": [*"abcd"] * 10})
    data.to_csv(made / "d.csv", index=False)
    data.drop(columns="y").head(3).to_parquet(made / "new.parquet")
    for name, formula in (("one", "y ~ 1"), ("two", "y ~ x")):
        text = f'title = "Card {name}"\nformula = "{formula}"\ndata = "d.csv"\n'
        (made / f"{name}.toml").write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def saved(folder: Path) -> Path:
    assert main(["fit", str(folder / "d.csv"), "y ~ x", *FAST, "--quiet", "--out", str(folder / "fit.nc")]) == 0
    return folder / "fit.nc"


def run(*words: str, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "bayesdeep", *words], capture_output=True, text=True, **options)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Return what is said on stderr about a mistake of the user's."""
    assert main([str(word) for word in words]) == 2
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return shown.err


def test_help_is_fast() -> None:
    begin = time.perf_counter()
    shown = run("--help")
    assert time.perf_counter() - begin < 3
    assert shown.returncode == 0
    assert all(command in shown.stdout for command in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from bayesdeep.cli import main; main(['fit', '--help']); "
        "sys.exit(bool({'numpy', 'pandas', 'pymc', 'xarray', 'matplotlib', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_commands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert command in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"bayesdeep {bd.__version__}\n"


def test_models_as_a_process() -> None:
    shown = run("models")
    assert shown.returncode == 0
    assert "radon/slopes" in shown.stdout
    assert "log_radon ~ floor + (1 + floor | county)  (gaussian; data radon)" in shown.stdout


def test_models_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == [name for name, _ in find_cards()]
    assert set(listed[0]) == {"name", "title", "formula", "family", "data", "about", "path"}


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_stops_reading() -> None:
    command = [sys.executable, "-m", "bayesdeep", "models"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 141
    assert said == b""


def test_interrupt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bayesdeep.cli.list_models.run", interrupted)
    assert main(["models"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("bayesdeep.cli.list_models.run", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["models"])


@pytest.mark.parametrize(
    "words", [[], ["fti"], ["fit"], ["fit", "radon/slopes", "--draw", "5"], ["fit", "radon", "y ~ x", "--draws", "x"]]
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "usage: bayesdeep" in refused(capsys, *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit", "radon/slope"], "did you mean 'radon/slopes'?"),
        (["fit", "absent.toml"], "card 'absent.toml': there is no such file"),
        (["fit", "absent.csv", "y ~ x"], "data: there is no file 'absent.csv'"),
        (["fit", "model.pkl", "y ~ x"], "neither a card"),
        (["fit", "http://example.org/d.csv", "y ~ x"], "there is no file"),
        (["fit", "radon"], "formula: is missing"),
        (["fit", "radon", "log_radon ~ flor"], "no column 'flor' in the data; did you mean 'floor'?"),
        (["fit", "radon/pooled", "--family", "gausian"], "did you mean 'gaussian'?"),
        (["fit", "radon/pooled", "--prior", "flor=Normal(0, 1)"], "did you mean 'floor'?"),
        (["fit", "radon/pooled", "--prior", "floor"], "--prior 'floor': write NAME=VALUE"),
        (["fit", "radon/pooled", "--prior", "floor=Normal()", "--prior", "floor=Flat()"], "given twice"),
        (["fit", "radon/pooled", "--parameter", "data=~ x"], "has no parameter 'data'"),
        (["fit", "radon/pooled", "--known", "sigma=flor"], "flor"),
        (["fit", "radon/pooled", "--method", "nutz"], "did you mean 'nuts'?"),
        (["fit", "radon/pooled", "--draws", "0"], "draws is 0"),
        (["fit", "radon/pooled", "--out", "fit.pkl"], "should end in .nc"),
        (["fit", "radon/pooled", "--out", "no/such/fit.nc"], "there is no folder"),
        (["fit", "penguins", "body_mass_g ~ bill_length_mm"], "missing"),
        (["compare", "radon/pooled", "radon/pooled"], "given twice"),
        (["compare", "radon/pooled"], "one card, 'pooled', is nothing to compare"),
        (["compare", "radon/pooled", "--report", "report.pdf"], "should end in .html or .md"),
        (["report", "absent.nc"], "there is no file 'absent.nc'"),
        (["predict", "absent.nc", "radon"], "there is no file 'absent.nc'"),
        (["predict", "absent.nc", "radom"], "did you mean 'radon'?"),
    ],
)
def test_mistakes(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(capsys, *words)
    assert said in err
    assert err.startswith("bayesdeep: ")


def test_mistakes_name_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert "pooled.toml'" in refused(capsys, "fit", "radon/pooled", "--prior", "floor=Normel(0, 1)")


def test_pairs() -> None:
    assert pairs(["a = Normal(mu=0, sigma=1)"], "--prior") == {"a": "Normal(mu=0, sigma=1)"}
    assert pairs(["net(x, hidden=[8])=Normal(0, 1)"], "--prior") == {"net(x, hidden=[8])": "Normal(0, 1)"}


def test_options_change_a_card() -> None:
    words = ["fit", "eight_schools/normal", "y ~ 1", "--link", "log", "--prior", "Intercept=Normal(0, 9)"]
    words += ["--known", "sigma=2", "--family", "student_t", "--parameter", "nu=~ 1"]
    arguments = make_parser().parse_args(words)
    card = changed(find_model(arguments.target, arguments.formula), arguments)
    assert (card.formula, card.link, card.family) == ("y ~ 1", "log", "student_t")
    assert card.priors == {"Intercept": "Normal(0, 9)", "1|school_sigma": "HalfCauchy(5)"}
    assert card.parameters == {"sigma": Known(2.0), "nu": "~ 1"}


@pytest.mark.integration
def test_fit_of_data_with_nuts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", str(folder / "d.csv"), "y ~ x + (1 | g)", "--prior", "x=Normal(0, 1)", "--method", "nuts"]
    assert main([*words, "--draws", "50", "--tune", "50", "--chains", "1", "--seed", "3"]) == 0
    shown = capsys.readouterr().out
    for text in ("40 rows of", "y ~ x + (1 | g)", "~ Normal(0, 1)", "ess_bulk", "1|g_sigma", "seconds (", "seed 3"):
        assert text in shown
    assert any(verdict in shown for verdict in ("trust: ", "caution: "))


def test_fit_of_a_card_saves_and_does_not_overwrite(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "two.nc"
    words = ["fit", str(folder / "two.toml"), *FAST, "--out", str(out)]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "Card two" in shown
    assert f"saved {out}" in shown
    assert bd.load(out).idata.attrs["method"] == "laplace"
    before = out.read_bytes()
    assert "exists; pass --overwrite" in refused(capsys, *words)
    assert out.read_bytes() == before
    assert main([*words[:-4], "--seed", "2", *words[-2:], "--overwrite"]) == 0
    assert bd.load(out).idata.attrs["seed"] == 2


def test_dropped_rows_are_a_note(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = pd.read_csv(folder / "d.csv")
    data.loc[0, "x"] = np.nan
    data.to_csv(folder / "gap.csv", index=False)
    assert "missing" in refused(capsys, "fit", folder / "gap.csv", "y ~ x")
    assert main(["fit", str(folder / "gap.csv"), "y ~ x", "--missing", "drop", "--quiet", *FAST]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("note: ")
    assert "Intercept" in shown.out


@pytest.mark.integration
def test_many_effects_are_left_out_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "radon/intercepts", "--method", "map", "--quiet"]) == 0
    short = capsys.readouterr().out
    assert "(85 effects of single groups are not shown; --all shows them)" in short
    assert "1|county_sigma" in short
    assert "1|county[" not in short


def test_a_title_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.toml"
    path.write_text('title = "\\u001b[2Jgone"\nformula = "y ~ 1"\ndata = "eight_schools"\n', encoding="utf-8")
    assert main(["fit", str(path), *FAST]) == 0
    shown = capsys.readouterr().out
    assert "\\x1b[2Jgone" in shown
    assert "\x1b" not in shown


def test_predict(folder: Path, saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", str(saved), str(folder / "new.parquet"), "--interval", "0.5", "--seed", "4"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "mean,sd,lower,upper"
    assert len(printed.splitlines()) == 4
    out = folder / "pred.csv"
    assert main([*words, "--out", str(out)]) == 0
    assert "3 rows" in capsys.readouterr().out
    assert out.read_text(encoding="utf-8").splitlines() == printed.splitlines()
    assert "exists; pass --overwrite" in refused(capsys, *words, "--out", out)
    assert "did you mean 'mean'" in refused(capsys, *words, "--kind", "meen")
    assert "interval is 2" in refused(capsys, *words, "--interval", "2")
    assert "not a saved fit" in refused(capsys, "predict", folder / "d.csv", folder / "d.csv")


WRONG_FITS = {
    "absent.nc": "there is no file 'absent.nc'",
    "folder": "is a folder",
    "empty": "the file is empty",
    "d.csv": "not a saved fit",
    "cut.nc": "damaged",
    "flipped.nc": "is damaged: its checksum",
}
WRONG_DATA = {
    "absent.csv": "there is no file",
    "folder.csv": "is a folder",
    "empty.csv": "cannot be read as csv: the file is empty",
    "blank.csv": "cannot be read as csv",
    "head.csv": "there are no rows",
    "binary.csv": "cannot be read as CSV: line 3",
    "latin.csv": "cannot be read as csv",
    "empty.parquet": "cannot be read as parquet: the file is empty",
    "text.parquet": "cannot be read as parquet",
    "cut.parquet": "cannot be read as parquet",
    "fit.nc": "is no CSV or Parquet file and no example data set",
}
WRONG_OUTPUTS = {
    "there": "exists; pass --overwrite",
    "folder": "is a folder",
    "none/out": "there is no folder",
    "d.csv/out": "there is no folder",
    "nul\0": "NUL",
}


@pytest.fixture(scope="module")
def wrong(folder: Path, saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files above."""
    made, whole = tmp_path_factory.mktemp("wrong"), saved.read_bytes()
    for name in ("folder", "folder.csv", "folder.nc", "folder.html", "folder.toml"):
        (made / name).mkdir()
    flipped, parquet = bytearray(whole), (folder / "new.parquet").read_bytes()
    flipped[len(whole) // 2] ^= 8
    contents = {
        **dict.fromkeys(["empty", "empty.csv", "empty.parquet", "empty.toml"], b""),
        **dict.fromkeys(["there.csv", "there.nc", "there.html"], b"mine"),
        "d.csv": (folder / "d.csv").read_bytes(),
        "fit.nc": whole,
        "cut.nc": whole[: len(whole) // 2],
        "flipped.nc": bytes(flipped),
        "blank.csv": b"\n\n",
        "head.csv": b"y,x,g\n",
        "binary.csv": bytes(range(256)) * 9,
        "latin.csv": b"y,x,g\n1,2,\xe9\n",
        "text.parquet": b"y,x,g\n",
        "cut.parquet": parquet[: len(parquet) // 2],
        "binary.toml": bytes(range(256)),
    }
    for name, content in contents.items():
        (made / name).write_bytes(content)
    return made


@pytest.mark.parametrize("name", list(WRONG_FITS))
def test_wrong_fits(name: str, wrong: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(wrong)
    for words in (["predict", name, "d.csv"], ["report", name, "--out", "out.html"]):
        assert WRONG_FITS[name] in refused(capsys, *words)
    assert not (wrong / "out.html").exists()


@pytest.mark.parametrize("name", list(WRONG_DATA))
def test_wrong_data(name: str, wrong: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(wrong)
    assert WRONG_DATA[name] in refused(capsys, "predict", "fit.nc", name)
    if not name.endswith(".nc"):
        assert WRONG_DATA[name] in refused(capsys, "fit", name, "y ~ x", *FAST)
        (wrong / "card.toml").write_text(f'formula = "y ~ x"\ndata = "{name}"\n', encoding="utf-8")
        for words in (["fit", "card.toml"], ["compare", "card.toml", "eight_schools/normal"]):
            assert WRONG_DATA[name] in refused(capsys, *words, *FAST)


@pytest.mark.parametrize("name", ["folder.toml", "empty.toml", "binary.toml", "absent.toml"])
def test_wrong_cards(name: str, wrong: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(wrong)
    for words in (["fit", name], ["compare", "eight_schools/normal", name]):
        assert f"card '{name}': " in refused(capsys, *words, *FAST)


@pytest.mark.parametrize("name", list(WRONG_OUTPUTS))
def test_wrong_outputs(name: str, wrong: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(wrong)
    before = sorted(path.name for path in wrong.rglob("*"))
    for ending, *words in (
        [".csv", "predict", "fit.nc", "d.csv", "--out"],
        [".nc", "fit", "d.csv", "y ~ x", *FAST, "--out"],
        [".html", "report", "fit.nc", "--out"],
        [".html", "compare", "eight_schools/normal", "eight_schools/normal", *FAST, "--report"],
    ):
        assert WRONG_OUTPUTS[name] in refused(capsys, *words, f"{name}{ending}")
    assert sorted(path.name for path in wrong.rglob("*")) == before
    assert (wrong / "there.csv").read_bytes() == b"mine"


def test_a_demo_that_has_no_folder(wrong: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(wrong)
    for out, said in (("d.csv", "cannot write to the folder"), ("d.csv/in", "cannot write"), ("a\0", "NUL")):
        assert said in refused(capsys, "demo", "--out", out)


def test_predictions_are_written_completely_or_not_at_all(
    folder: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pred.csv"
    out.write_text("mine")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    words = ["predict", saved, folder / "d.csv", "--out", out, "--overwrite"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert "No space left on device" in refused(capsys, *words)
    assert out.read_text() == "mine"
    assert main([str(word) for word in words]) == 0
    assert out.read_text().startswith("mean,sd")
    assert [path.name for path in tmp_path.iterdir()] == ["pred.csv"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a full device")
def test_a_full_or_closed_stdout() -> None:
    for shell in ("exec {0} -m bayesdeep models > /dev/full", "exec {0} -m bayesdeep models >&-"):
        done = subprocess.run(["sh", "-c", shell.format(sys.executable)], capture_output=True, text=True)
        assert done.returncode == (2 if "full" in shell else 0)
        assert done.stderr == ("bayesdeep: output: No space left on device\n" if "full" in shell else "")


def test_an_error_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "d.csv"
    path.write_text("y,\x1b[2Jgone\n1,2\n3,4\n5,6\n", encoding="utf-8")
    shown = refused(capsys, "fit", path, "y ~ x")
    assert "\\x1b[2Jgone" in shown
    assert "\x1b" not in shown


@pytest.mark.integration
def test_compare_and_report(folder: Path, saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = folder / "cmp.md"
    assert main(["compare", str(folder / "one.toml"), str(folder / "two.toml"), *FAST, "--report", str(report)]) == 0
    shown = capsys.readouterr().out
    assert "elpd" in shown
    assert "one" in shown
    assert "y ~ x" in shown
    assert report.stat().st_size > 100
    out = folder / "fit.html"
    assert main(["report", str(saved), "--out", str(out)]) == 0
    assert "<html" in out.read_text(encoding="utf-8").lower()
    assert "exists; pass --overwrite" in refused(capsys, "report", saved, "--out", out)
    assert main(["report", str(saved), "--out", str(out), "--overwrite"]) == 0


@pytest.mark.integration
def test_a_card_that_fails_leaves_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = folder / "bad.toml"
    bad.write_text('formula = "y ~ net(x, hidden=[2])"\ndata = "d.csv"\n[fit]\nmethod = "collapsed"\n', encoding="utf-8")
    cards, report = [str(folder / "one.toml"), str(bad)], folder / "failed.md"
    common = ["--draws", "50", "--chains", "1", "--seed", "1", "--quiet"]
    assert main(["compare", *cards, str(folder / "two.toml"), *common, "--report", str(report)]) == 2
    shown = capsys.readouterr()
    assert "1 of 3 cards could not be fitted: bad: fit: method 'collapsed' does not apply" in shown.err
    assert "elpd" in shown.out
    text = report.read_text(encoding="utf-8")
    assert "“bad” could not be fitted: fit: method 'collapsed' does not apply" in text
    assert "2 models" in text
    assert main(["compare", *cards, *common, "--report", str(report), "--overwrite"]) == 2
    assert "only one could be fitted" in capsys.readouterr().out
    assert "could not be fitted" in report.read_text(encoding="utf-8")
    assert "does not apply" in refused(capsys, "compare", bad, _copy(bad), *common)


def _copy(card: Path) -> Path:
    other = card.with_name("worse.toml")
    other.write_bytes(card.read_bytes())
    return other


def test_no_permission_is_said_before_any_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    words = ["compare", folder / "one.toml", folder / "two.toml", *FAST, "--report", folder / "new.html"]
    assert "no permission to write in" in refused(capsys, *words)
    assert not (folder / "new.html").exists()


def test_names_of_compared_cards(tmp_path: Path) -> None:
    text = 'formula = "y ~ 1"\ndata = "eight_schools"\n'
    paths = [tmp_path / name for name in ("a/one.toml", "b/one.toml", "b/two.toml")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    from bayesdeep.cards import read_card

    assert card_names([read_card(path) for path in paths]) == ["a/one", "b/one", "two"]


def test_demo_hands_on_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    told: list[tuple] = []
    fake = types.ModuleType("bayesdeep.demo")
    fake.run_demo = lambda *given, **named: told.append((*given, named))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bayesdeep.demo", fake)
    assert main(["demo", "--out", "here", "--quick", "--seed", "7"]) == 0
    assert main(["demo"]) == 0
    assert told == [(Path("here"), True, {"seed": 7}), (Path("bayesdeep-demo"), False, {})]
