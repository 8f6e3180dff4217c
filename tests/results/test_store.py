"""A saved fit comes back as it was, whatever its labels are; a file that is no saved fit, or no longer, is refused."""

import datetime
import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr

import bayesdeep as bd
from bayesdeep.core.draws import Draws
from bayesdeep.core.registry import FAMILIES, RESPONSES, TERMS
from bayesdeep.fit import Fit
from bayesdeep.results import seal as sealing
from bayesdeep.results.rows import FIELDS
from bayesdeep.results.store import complete, tree_bytes
from bayesdeep.results.tree import make_tree

from ..conformance.examples import columns, example_of, matrices_of, reads_of, setting

ROWS = 24
EACH = np.arange(ROWS)
TEXTS: dict[str, list[Any]] = {
    "plain": ["a", "b", "c"],
    "other scripts": ["é", "😀", "日本"],
    "empty": ["", " ", "a"],
    "slashes": ["a/b", "a", "b/"],
    "NUL": ["a\0", "a", "a\0b"],
    "half characters": ["\ud800", "a", "b"],
    "ends of lines": ["a\nb", "a", "\t"],
    "words for nothing": ["nan", "None", "NA"],
    "long": ["x" * 5000, "y", "z"],
}
LABELS: dict[str, Any] = {
    **{name: pd.Series(np.array(texts, dtype=object)[EACH % 3], dtype=object) for name, texts in TEXTS.items()},
    "whole numbers": EACH % 3,
    "large numbers": np.array([2**64 - 1, 1, 2], dtype=np.uint64)[EACH % 3],
    "numbers": (EACH % 3) * 0.5,
    "truth": EACH % 2 == 0,
    "nullable numbers": pd.array(EACH % 3, dtype="Int64"),
    "nullable truth": pd.array(EACH % 2 == 0, dtype="boolean"),
    "nullable text": pd.array(np.array(["a", "b", "c"])[EACH % 3], dtype="string"),
    "categories": pd.Categorical(np.array(["a", "b", "c"])[EACH % 3], ["c", "unused", "b", "a"]),
    "ordered categories": pd.Categorical(np.array(["a", "b", "c"])[EACH % 3], ["c", "b", "a"], ordered=True),
    "categories of numbers": pd.Categorical(EACH % 3, [2, 1, 0]),
}
DAYS = pd.to_datetime(pd.Series(np.array(["2020-01-01", "2020-06-01", "2021-02-03"])[EACH % 3]))
INDICES: dict[str, Any] = {
    **LABELS,
    "days": DAYS,
    "zones": DAYS.dt.tz_localize("Europe/Berlin"),
    "seconds": DAYS.astype("datetime64[s]"),
    "dates": np.array([datetime.date(2020, 1, 1 + k % 3) for k in EACH], dtype=object),
    "durations": pd.to_timedelta(EACH % 3, unit="h"),
    "months": pd.period_range("2020-01", periods=ROWS, freq="M"),
    "gaps": [np.nan, 1.5, 2.0] * (ROWS // 3),
    "no text": pd.Series([None, "a", "b"] * (ROWS // 3), dtype=object),
    "categories of days": pd.Categorical(DAYS),
    "steps": pd.RangeIndex(5, 5 + 2 * ROWS, 2),
    "mixed": pd.Series([1, "a", 2.5] * (ROWS // 3), dtype=object),
}
OF_RESPONSE = {
    "bernoulli": "b",
    **dict.fromkeys((n for n in FAMILIES if "trials" in FAMILIES[n].words), "prop(k, n)"),
    "beta": "u",
    "categorical": "c",
    "cumulative": "o",
    "multinomial": "cbind(m1, m2, m3)",
    **dict.fromkeys(["poisson", "negative_binomial", "hurdle_poisson", "zero_inflated_poisson"], "k"),
    **dict.fromkeys(["exponential", "gamma", "inverse_gaussian", "lognormal", "weibull", "tobit"], "p"),
}


def data() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    found = pd.DataFrame({"x": rng.normal(size=ROWS), "y": rng.normal(size=ROWS), "w": rng.uniform(0.5, 2, ROWS)})
    found["g"] = np.array(list("abc"))[EACH % 3]
    found["p"], found["u"], found["b"] = rng.gamma(2, 1, ROWS), rng.beta(2, 3, ROWS), EACH % 2
    found["k"], found["n"] = np.minimum(rng.poisson(2, ROWS), 9), 10 + EACH % 3
    found["c"] = np.array(["one", "two", "three"])[EACH % 3]
    found["o"] = pd.Categorical(np.array(["low", "mid", "high"])[EACH % 3], ["low", "mid", "high"], ordered=True)
    found["m1"], found["m2"], found["m3"] = rng.integers(1, 5, (3, ROWS))
    return found.assign(status="none", upper=found.y + 1)


def drawn(model: bd.Model, seed: int = 3, index: Any = None, **attrs: Any) -> Fit:
    """Return a fit whose draws are just numbers between 0.1 and 0.9; nothing is compiled for it."""
    graph, rows, rng = model._graph, model.__dict__["_rows"], np.random.default_rng(0)
    rows = rows if index is None else replace(rows, index=index)
    values = {
        name: rng.uniform(0.1, 0.9, (10, *(len(graph.coords[dim]) for dim in quantity.dims)))
        for name, quantity in graph.reported.items()
    }
    stats = {"lp": np.zeros((2, 5)), "diverging": np.zeros((2, 5), dtype=bool)}
    details = {"khat": float("nan"), "why": ""}
    draws = Draws(np.zeros((2, 5, 1)), stats, True, advice=("Mind é.", ""), details=details)
    tree = make_tree(model.spec, graph, rows, draws, values, "drawn", seed, 0.5, {"steps": 3})
    said = {**tree.attrs, "explain_choice": "because", **attrs}
    if isinstance(tree, xr.DataTree):
        tree.attrs = said
    else:
        tree = replace(tree, attrs=said)
    return Fit(model.spec, rows, tree, "because")


def assert_same(found: Fit, fit: Fit) -> None:
    """Everything that answers are worked out from is as it was, to the bit and the type."""
    assert [n.path for n in found.idata.subtree] == [n.path for n in fit.idata.subtree]
    assert repr(found.idata.attrs) == repr(fit.idata.attrs)
    for node in fit.idata.subtree:
        one, two = node.to_dataset(inherit=False), found.idata[node.path].to_dataset(inherit=False)
        assert node.path == "/" or one.identical(two), node.path
        for name, variable in one.variables.items():
            assert variable.dtype.kind == two[name].dtype.kind, name
            assert np.asarray(variable).tolist() == np.asarray(two[name]).tolist() or variable.dtype.kind == "f", name
    assert repr(found.spec) == repr(fit.spec)
    assert found.explain_choice == fit.explain_choice
    ours, theirs = fit.rows, found.rows
    assert list(ours.arrays) == list(theirs.arrays)
    for name, array in ours.arrays.items():
        assert array.dtype == theirs.arrays[name].dtype
        np.testing.assert_array_equal(array, theirs.arrays[name])
    for name in FIELDS:
        part, again = getattr(ours.response, name), getattr(theirs.response, name)
        assert (part is None) == (again is None), name
        if part is not None:
            assert part.dtype == again.dtype, name
            np.testing.assert_array_equal(part, again)
    assert repr((ours.response.levels, ours.response.ordered)) == repr((theirs.response.levels, theirs.response.ordered))
    for name, column in ours.columns.items():
        again = theirs.columns[name]
        assert repr((column.kind, column.levels, column.ordered)) == repr((again.kind, again.levels, again.ordered))
        assert column.values.dtype == again.values.dtype
        np.testing.assert_array_equal(column.values, again.values)


@pytest.fixture(scope="module")
def model() -> bd.Model:
    return bd.Model("y ~ x + (1 | g)", data())


@pytest.fixture(scope="module")
def fit(model: bd.Model) -> Fit:
    return drawn(model)


@pytest.fixture(scope="module")
def raw(fit: Fit) -> bytes:
    return b"".join(tree_bytes(complete(fit.idata, fit.spec, fit.explain_choice)))


# What is saved comes back


@pytest.mark.few(6)
@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_family(family: str, of_family: Any, tmp_path: Path) -> None:
    fit = drawn(of_family(family, "x"))
    assert_same(bd.load(fit.save(tmp_path / "fit.nc")), fit)


BY_RESPONSE = {
    "c": "o",
    "cbind": "cbind(m1, m2, m3)",
    "censored": "censored(y, upper, status)",
    "prop": "prop(k, n)",
    "p": "p(k, n)",
    "proportion": "proportion(k, n)",
    "success": 'success(g, level="a")',
    "truncated": "truncated(y, lb=-9, ub=9)",
    "weighted": "weighted(y, w)",
}


@pytest.mark.few(8)
@pytest.mark.parametrize("term", list(TERMS))
def test_every_term(term: str, tmp_path: Path) -> None:
    rows = columns()
    arrays = matrices_of(TERMS[term], rows)
    text = example_of(TERMS[term], "term", term, "an addend on x, z, g or h as it is written in a formula")
    response, options = setting(TERMS[term])
    start = "" if TERMS[term].example_reads else "C(n) + "
    fit = drawn(bd.Model(f"{response} ~ {start}{text}", rows, arrays=arrays, **options, **reads_of(TERMS[term])))
    assert_same(bd.load(fit.save(tmp_path / "fit.nc")), fit)


@pytest.mark.parametrize("addend", ["(1 + x || g)", "C(k) + bs(w, df=4) * g", "net(x, hidden=[2])"])
def test_addends_with_a_state_of_their_own(addend: str, tmp_path: Path) -> None:
    fit = drawn(bd.Model(f"y ~ x + {addend}", data()))
    assert_same(bd.load(fit.save(tmp_path / "fit.nc")), fit)


@pytest.mark.parametrize("response", list(RESPONSES))
def test_every_response_function(response: str, tmp_path: Path) -> None:
    families = {"cbind": "multinomial", "c": "cumulative", "success": "bernoulli"}
    families |= dict.fromkeys(("prop", "p", "proportion"), "binomial")
    family = families.get(response, "gaussian")
    fit = drawn(bd.Model(f"{BY_RESPONSE[response]} ~ x", data(), family))
    assert_same(bd.load(fit.save(tmp_path / "fit.nc")), fit)


@pytest.mark.integration
def test_labels_of_groups_and_of_categories(tmp_path: Path) -> None:
    # Numbers that only unsigned integers hold are no labels of groups; those of signed ones are.
    able = LABELS | {"large numbers": np.array([2**62, 2**62 + 1, 2])[EACH % 3]}
    named = {f"g{k}": labels for k, labels in enumerate(able.values())}
    formula = f"y ~ c + {' + '.join(f'(1 | {name})' for name in named)}"
    fit = drawn(bd.Model(formula, data().assign(**named)))
    again = bd.load(fit.save(tmp_path / "fit.nc"))
    assert_same(again, fit)
    for name, labels in named.items():
        (dim,) = again.posterior[f"1|{name}"].dims[2:]
        kept = again.posterior[dim].values.tolist()
        assert len(set(kept)) == len(kept) == len(set(pd.Series(labels).tolist())), name
    assert_same(bd.load(again.save(tmp_path / "again.nc")), fit)


OF_LEVELS = ["NUL", "slashes", "half characters", "empty", "truth", "nullable numbers", "ordered categories"]


@pytest.mark.few(3)
@pytest.mark.parametrize("labels", OF_LEVELS)
def test_labels_of_responses(labels: str, tmp_path: Path) -> None:
    fit = drawn(bd.Model("g ~ x", data().assign(g=LABELS[labels]), "bernoulli" if labels == "truth" else "categorical"))
    assert_same(bd.load(fit.save(tmp_path / "fit.nc")), fit)


@pytest.mark.few(4)
@pytest.mark.parametrize("name", list(INDICES))
def test_the_index_of_the_rows(name: str, model: bd.Model, tmp_path: Path) -> None:
    index = pd.Index(INDICES[name], name="row")
    fit = drawn(model, index=index)
    again = bd.load(fit.save(tmp_path / "fit.nc"))
    assert_same(again, fit)
    pd.testing.assert_index_equal(again.rows.index, index, exact="equiv")


def test_an_index_of_several_levels(model: bd.Model, tmp_path: Path) -> None:
    levels = [pd.Index(INDICES[name], name=name) for name in ("zones", "categories", "NUL", "whole numbers")]
    index = pd.MultiIndex.from_arrays(levels)
    again = bd.load(drawn(model, index=index).save(tmp_path / "fit.nc"))
    pd.testing.assert_index_equal(again.rows.index, index)


ODD: dict[str, Any] = {
    "intervals": pd.interval_range(0, ROWS),
    "tuples": pd.Index([(k, "a") for k in EACH], tupleize_cols=False),
    "bytes": [b"a", b"b"] * (ROWS // 2),
    "days without a type": pd.Index(list(DAYS.to_numpy()), dtype=object),
    "a zone of one's own": DAYS.dt.tz_localize(datetime.timezone(datetime.timedelta(minutes=7), "odd")),
    "lists of labels": pd.Index(pd.arrays.ArrowExtensionArray(pa.array(["a", "b"] * (ROWS // 2)).dictionary_encode())),
}


@pytest.mark.parametrize("name", list(ODD))
def test_an_index_of_other_labels_comes_back_as_texts_or_as_it_was(name: str, model: bd.Model, tmp_path: Path) -> None:
    index = pd.Index(ODD[name], name="row")
    again = bd.load(drawn(model, index=index).save(tmp_path / "fit.nc")).rows.index
    assert again.name == "row"
    assert again.equals(index) or again.tolist() == [str(label) for label in index]


def test_an_index_that_only_numbers_rows_costs_nothing(fit: Fit, tmp_path: Path) -> None:
    assert bd.load(fit.save(tmp_path / "fit.nc")).rows.index is None


@pytest.mark.integration
def test_names_of_columns(tmp_path: Path) -> None:
    names, d = ["a/b", "é", "x y", "obs_index", "units", "time", "coordinates", "y_count", "posterior"], data()
    terms = [f"`{name}` + (1 | `{name} g`)" for name in names]
    columns = {name: d.x**k for k, name in enumerate(names, 2)} | {f"{name} g": d.g for name in names}
    fit = drawn(bd.Model(f"y ~ {' + '.join(terms)}", d.assign(**columns)))
    assert_same(bd.load(fit.save(tmp_path / "fit.nc")), fit)
    for name in names:
        fit = drawn(bd.Model(f"`{name}` ~ 1", d.rename(columns={"y": name})))
        assert_same(bd.load(fit.save(tmp_path / "fit.nc", overwrite=True)), fit)


@pytest.mark.parametrize("seed", [0, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 2**100])
def test_seeds(seed: int, model: bd.Model, tmp_path: Path) -> None:
    fit = drawn(model, seed)
    again = bd.load(fit.save(tmp_path / "fit.nc"))
    assert again.idata.attrs["seed"] == seed
    assert type(again.idata.attrs["seed"]) is int


def test_attributes_of_a_users_own(model: bd.Model, tmp_path: Path) -> None:
    own = {"note": None, "by": {"a": [1, 2.5, "é"], "b": {}}, "nothing": [], "one": ["a"], "yes": True, "nul": "a\0b"}
    own["wide"] = "x" * 10**6
    again = bd.load(drawn(model, **own).save(tmp_path / "fit.nc"))
    assert {name: again.idata.attrs[name] for name in own} == own


def test_answers_are_the_same_after_loading(tmp_path: Path) -> None:
    d = data().assign(g=LABELS["NUL"])
    fit = drawn(bd.Model("y ~ x + (1 | g)", d.set_index(INDICES["zones"])))
    again = bd.load(fit.save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(again.predict(), fit.predict())
    new = d.iloc[[3, 5]].assign(g=["a\0", "unseen"])
    assert again.draws(new, new_groups="sample").identical(fit.draws(new, new_groups="sample"))
    pd.testing.assert_frame_equal(again.summary(), fit.summary())
    assert np.array_equal(again.log_score(pointwise=True), fit.log_score(pointwise=True))


def test_other_programs_read_the_file(fit: Fit, tmp_path: Path) -> None:
    path = fit.save(tmp_path / "fit.nc")
    with xr.open_datatree(path) as opened:
        assert opened["posterior"]["x"].equals(fit.idata["posterior"]["x"])
        assert opened.attrs["method"] == "drawn"
    with h5py.File(path) as opened:
        assert set(opened) >= {"posterior", "observed_data"}


# Places that cannot be written; test_files has the laws


FULL = """
import resource, sys
import bayesdeep as bd
fit = bd.load(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))
for path in sys.argv[2:]:
    try:
        fit.save(path, overwrite=True)
    except bd.FitError as error:
        print(error)
print("alive")
"""


@pytest.mark.integration
@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_full_disk_is_an_error_and_the_process_goes_on(fit: Fit, tmp_path: Path) -> None:
    good = fit.save(tmp_path / "good.nc")
    before = good.read_bytes()
    words = [sys.executable, "-c", FULL, str(good), str(good), str(tmp_path / "new.nc")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("save: cannot write") == 2
    assert done.stdout.endswith("alive\n")
    assert good.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["good.nc"]


def test_what_could_not_be_loaded_is_not_saved(fit: Fit, tmp_path: Path) -> None:
    path = fit.save(tmp_path / "fit.nc")
    before = path.read_bytes()

    def changed(change: Callable[[xr.DataTree], Any]) -> str:
        tree = fit.idata.copy(deep=True)
        tree.attrs = dict(fit.idata.attrs)
        change(tree)
        with pytest.raises(bd.FitError, match=r"^save: ") as found:
            Fit(fit.spec, fit.rows, tree).save(path, overwrite=True)
        assert path.read_bytes() == before
        return str(found.value)

    assert "no group 'posterior'" in changed(lambda tree: tree.__delitem__("posterior"))
    assert "no attribute 'seed'" in changed(lambda tree: tree.attrs.pop("seed"))
    assert "'seed' is 'x', not a whole number" in changed(lambda tree: tree.attrs.update(seed="x"))
    assert "of type object" in changed(lambda tree: tree.attrs.update(own=object()))
    assert "no observed 'y'" in changed(lambda tree: tree.update({"observed_data": xr.DataTree()}))
    assert [path.name for path in tmp_path.iterdir()] == ["fit.nc"]


# Files that are no saved fit, or no longer


def said(path: Any) -> str:
    with pytest.raises(bd.FitError, match=r"^load: ") as found:
        bd.load(path)
    return str(found.value)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "file.nc"
    assert "there is no file" in said(path)
    assert "is a folder" in said(tmp_path)
    assert "path is None; give the path of a file" in said(None)
    assert "NUL" in said("a\0b")
    path.write_bytes(b"")
    assert "is empty" in said(path)
    for content in (b"y,x\n1,2\n", bytes(range(256)) * 9, b"\x89HDF", b"CDF\x01" + bytes(100)):
        path.write_bytes(content)
        assert "not a saved fit" in said(path)
    path.write_bytes(xr.Dataset({"x": ("i", [1.0])}).to_netcdf(engine="h5netcdf"))
    assert "is a NetCDF file, but not a saved fit" in said(path)


def test_a_file_with_a_flipped_bit_or_cut_short_is_refused(raw: bytes, fit: Fit, tmp_path: Path) -> None:
    """Nowhere in the file; no damaged byte is ever handed to HDF5, which might not survive it."""
    path, rng, size = tmp_path / "fit.nc", np.random.default_rng(6), len(raw)
    at_ends = [*range(16), *range(size - 160, size)]
    for place in [*at_ends, *rng.integers(0, size, 300)]:
        damaged = bytearray(raw)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        assert "damaged" in said(path), place
    for length in [*at_ends[1:], *rng.integers(1, size, 60)]:
        path.write_bytes(raw[:length])
        assert "damaged" in said(path), length
    for more in (raw + b"\n", raw + raw, raw[:-90] + raw[-90:] * 2):
        path.write_bytes(more)
        assert "damaged" in said(path)
    path.write_bytes(raw)
    assert_same(bd.load(path), fit)


def test_a_damaged_file_says_which_version_wrote_it(raw: bytes, tmp_path: Path) -> None:
    damaged = bytearray(raw)
    damaged[len(raw) // 2] ^= 1
    (tmp_path / "fit.nc").write_bytes(damaged)
    assert f"bayesdeep {bd.__version__} saved" in said(tmp_path / "fit.nc")


def test_a_file_that_another_program_changed_is_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "fit.nc"
    path.write_bytes(raw)
    with h5py.File(path, "a") as opened:
        opened["posterior"]["x"][...] = 0.0
    assert "damaged" in said(path)


def test_a_format_of_another_version(raw: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, path = raw[: -len(sealing.seal(b""))], tmp_path / "fit.nc"
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "FORMAT", 99)
        patch.setattr(sealing, "__version__", "7.8.9")
        path.write_bytes(content + sealing.seal(content))
    assert "was saved by bayesdeep 7.8.9 in format 99" in said(path)
    assert "load it with version 7.8.9" in said(path)


def resealed(raw: bytes, change: Callable[[Any], Any]) -> bytes:
    """Return a file whose content was changed and whose seal is right: as another version might write it."""
    file = io.BytesIO(raw)
    with h5py.File(file, "a") as opened:
        change(opened)
    content = file.getvalue()
    end = content.find(b"\nbayesdeep fit, format")
    content = content if end < 0 else content[:end]
    return content + sealing.seal(content)


def vast(file: Any) -> None:
    """Add a variable that says it has a terabyte, of which the file holds nothing."""
    like = file["posterior"]["x"]
    made = file["posterior"].create_dataset("vast", shape=(2, 5, 10**11), dtype="f8", chunks=(1, 1, 1000))
    for k in (0, 1):
        made.dims[k].attach_scale(like.dims[k][0])
    scale = file["posterior"].create_dataset("far", shape=(10**11,), dtype="f8", chunks=(1000,))
    scale.make_scale("far")
    made.dims[2].attach_scale(scale)


CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no spec": (lambda f: f.attrs.__delitem__("spec"), "spec"),
    "damaged spec": (lambda f: f.attrs.__setitem__("spec", '{"formulas": {'), "cannot be read"),
    "another spec": (lambda f: f.attrs.__setitem__("spec", '{"a": 1}'), "its record of the model cannot be read"),
    "spec of another type": (lambda f: f.attrs.__setitem__("spec", 5), "cannot be read"),
    "types of another type": (lambda f: f.attrs.__setitem__("bayesdeep_types", 5), "cannot be read"),
    "unknown family": (lambda f: replaced(f, '"family": "gaussian"', '"family": "gauss"'), "the family 'gauss'"),
    "unknown link": (lambda f: replaced(f, '"link": "identity"', '"link": "odd"'), "the link 'odd'"),
    "unknown term": (lambda f: replaced(f, '"kind": "population"', '"kind": "swamp"'), "a term of the kind 'swamp'"),
    "unknown prior": (lambda f: replaced(f, '"name": "Normal"', '"name": "Paranormal"'), "the prior 'Paranormal'"),
    "formula of nonsense": (lambda f: replaced(f, '"mu": "y ~ x + (1 | g)"', '"mu": "y ~ ~ ("'), "record of the model"),
    "no seed": (lambda f: f.attrs.__delitem__("seed"), "no attribute 'seed'"),
    "seed of text": (lambda f: f.attrs.__setitem__("seed", "x"), "'seed' is 'x'"),
    "no posterior": (lambda f: f.__delitem__("posterior"), "no group 'posterior'"),
    "no rows": (lambda f: f.__delitem__("observed_data"), "no group 'observed_data'"),
    "no response": (lambda f: f["observed_data"].__delitem__("y"), "no observed 'y'"),
    "a terabyte": (vast, "it says that it holds"),
}


def replaced(file: Any, old: str, new: str) -> None:
    assert old in file.attrs["spec"]
    file.attrs["spec"] = file.attrs["spec"].replace(old, new)


@pytest.mark.few(6)
@pytest.mark.parametrize("name", list(CHANGES))
def test_content_that_a_fit_cannot_be_made_of(name: str, raw: bytes, tmp_path: Path) -> None:
    change, words = CHANGES[name]
    path = tmp_path / "fit.nc"
    path.write_bytes(resealed(raw, change))
    assert words in said(path)
    assert f"was saved by bayesdeep {bd.__version__}" in said(path)


def test_a_seal_over_no_netcdf_file(tmp_path: Path) -> None:
    for content in (b"", b"text", sealing.HDF5 + bytes(500)):
        (tmp_path / "fit.nc").write_bytes(content + sealing.seal(content))
        assert "cannot be read" in said(tmp_path / "fit.nc")
