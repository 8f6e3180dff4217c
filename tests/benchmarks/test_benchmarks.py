"""The benchmark harness: what it lists, that every tool gets the same numbers, and that its tables add up."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import bayesdeep as bd
from bayesdeep.results.tree import posterior_dataset
from benchmarks import _find, _run
from benchmarks.__main__ import listing, main, options, parser
from benchmarks._cards import TOOLS, Card, Group, is_effect, prior
from benchmarks._design import design
from benchmarks._environments import requirements
from benchmarks._measure import disagreement, quality
from benchmarks._tables import COLUMNS, agreement, markdown, median_runs, row
from benchmarks.peers import _handwritten
from benchmarks.peers._tree import scalars
from benchmarks.peers.bambi.worker import priors as bambi_priors

pytestmark = pytest.mark.integration
CARDS = [card for name in _find.names() for card in _find.find(name).cards]
SMALL = [
    c for c in CARDS if c.name.split("_")[0] not in ("rows", "large", "insteval", "verbagg") or c.name == "rows_1e3"
]


def frame_of(card):
    """Return the card's data; skip where they need the extra ``data``."""
    try:
        return card.frame()
    except bd.DataError as error:
        pytest.skip(str(error))


def test_every_benchmark_is_listed_with_its_cards():
    text = listing()
    for name in _find.names():
        assert re.search(rf"^{name} ", text, re.MULTILINE)
    assert {"radon", "radon_second", "insteval", "classics", "generalised", "rows", "large"} <= set(_find.names())
    assert all(card.name in text for card in CARDS)
    assert len({card.name for card in CARDS}) == len(CARDS)


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(SystemExit, match=r"there is no 'radom'; there are .*radon"):
        main(["radom"])
    with pytest.raises(SystemExit, match="there is no tool 'stan'"):
        main(["radon", "--peers", "stan"])


@pytest.mark.parametrize(
    ("arguments", "caches"), [([], ("cold", "warm")), (["--cold"], ("cold",)), (["--warm"], ("warm",))]
)
def test_the_caches_asked_for(arguments, caches):
    assert options(parser().parse_args(arguments)).caches == caches


@pytest.mark.parametrize("tool", [t for t in TOOLS if t != "bayesdeep"])
def test_every_environment_is_pinned(tool):
    lines = [x for x in requirements(tool).read_text().splitlines() if x and not x.strip().startswith("#")]
    assert lines
    assert all("==" in line for line in lines)


@pytest.mark.parametrize("card", SMALL, ids=lambda c: c.name)
def test_bayesdeep_takes_every_prior_of_the_card_and_adds_none(card):
    """A prior under a name the model does not have would be an error; one left out would be a default."""
    table = bd.Model(card.formula, frame_of(card), card.family, priors=card.priors).priors
    assert set(table.index) == set(card.priors)
    assert set(table["origin"]) == {"user"}
    for name, text in card.priors.items():
        assert prior(str(table["prior"][name])) == prior(text)


@pytest.mark.parametrize("card", SMALL, ids=lambda c: c.name)
def test_hand_written_models_and_bambi_have_the_numbers_of_the_card(card):
    record, arrays = card.record(), design(card, frame_of(card))
    given = {key: prior(text) for key, text in card.priors.items()}
    intercept, means, sds = _handwritten.population_priors(record, arrays)
    assert intercept == given["Intercept"][1]
    for slot, mean, sd in zip(arrays["X_slots"], means, sds, strict=True):
        assert {"mu": mean, "sigma": sd} == given[str(slot)][1]
    seen = {"Intercept", *map(str, arrays["X_slots"])}
    for block in _handwritten.blocks(record, arrays):
        for (term, _), sd in zip(block.names, block.sds, strict=True):
            assert sd == given[f"{term}|{block.name}_sigma"]
            seen.add(f"{term}|{block.name}_sigma")
        if block.eta is not None:
            assert block.eta == given[f"{block.name}_corr"][1]["eta"]
            seen.add(f"{block.name}_corr")
    assert set(card.priors) - seen <= {"sigma", "alpha"}

    theirs = bambi_priors(record, lambda name, **arguments: (name, arguments))
    for key, value in given.items():
        if value[0] == "LKJ":
            assert key not in theirs
        elif "|" in key:
            assert theirs[key.removesuffix("_sigma")] == ("Normal", {"mu": 0, "sigma": value})
        else:
            assert theirs[key] == value


@pytest.mark.parametrize("card", SMALL, ids=lambda c: c.name)
def test_the_names_of_hand_written_models_are_those_of_bayesdeep(card):
    """Otherwise the table of agreement would be empty where the tools disagree most."""
    arrays, frame = design(card, frame_of(card)), frame_of(card)
    fake = {"Intercept": np.zeros((1, 2)), "beta": np.zeros((1, 2, arrays["X"].shape[1]))}
    fake |= {name: np.zeros((1, 2)) for name in ("sigma", "alpha") if name in card.priors}
    for k, block in enumerate(_handwritten.blocks(card.record(), arrays)):
        size = len(block.names)
        fake |= {f"sd_{k}": np.zeros((1, 2, size)), f"corr_{k}": np.zeros((1, 2, size, size))}
        fake[f"u_{k}"] = np.zeros((1, 2, len(block.levels), size))
    theirs = _handwritten.scalars(card.record(), arrays, fake)
    graph = bd.Model(card.formula, frame, card.family, priors=card.priors)._graph
    shapes = {name: [len(graph.coords[d]) for d in graph.dims[name]] for name in graph.reported}
    ours = scalars(posterior_dataset(graph, {k: np.zeros((2, *v)) for k, v in shapes.items()}, 1, 2))
    assert set(theirs) == set(ours)


def test_the_design_codes_text_against_its_first_level():
    import pandas as pd

    frame = pd.DataFrame({"y": [1.0, 2, 3, 4], "k": ["a", "b", "c", "a"], "g": ["u", "v", "v", "u"], "h": list("1122")})
    card = Card("toy", "", "", lambda: frame, "y", {}, ("k",), (Group(("g", "h"), ("1", "k")),))
    arrays = design(card, frame)
    np.testing.assert_array_equal(arrays["X"], [[0, 0], [1, 0], [0, 1], [0, 0]])
    assert arrays["X_names"].tolist() == ["k[b]", "k[c]"]
    assert arrays["levels_0"].tolist() == ["u:1", "u:2", "v:1", "v:2"]
    np.testing.assert_array_equal(arrays["codes_0"], [0, 2, 3, 1])
    np.testing.assert_array_equal(arrays["Z_0"], np.column_stack([np.ones(4), arrays["X"]]))


def test_effects_are_told_from_parameters():
    assert is_effect("1|county[Aitkin]")
    assert is_effect("machine|worker[B, 1]")
    assert not any(map(is_effect, ("1|county_sigma", "machine|worker_sigma[B]", "county_corr[1, floor]", "floor")))


def test_quality_of_independent_draws_is_their_number():
    """4,000 independent draws; the ESS estimate's own error is a few per cent. One scalar never moves."""
    values = np.random.default_rng(1).normal(size=(3, 4, 1000))
    values[2] = 7.0
    found = quality(["a", "1|g[1]", "fixed"], values)
    assert found["scalars"] == 2
    assert 3300 < found["ess_bulk"] < 4700
    assert found["rhat"] < 1.01
    assert set(found["parameters"]) == {"a"}
    assert found["parameters"]["a"]["mean"] == pytest.approx(values[0].mean())


def test_disagreement_is_in_monte_carlo_errors():
    a = {"x": {"mean": 0.0, "sd": 1.0, "ess": 100.0}}
    b = {"x": {"mean": 0.5, "sd": 2.0, "ess": 400.0}, "y": {"mean": 0.0, "sd": 1.0, "ess": 1.0}}
    assert disagreement(a, b) == {"x": pytest.approx(0.5 / np.hypot(0.1, 0.1))}


def toy(tool: str, total: float, mean: float = 0.0, repeat: int = 0) -> dict:
    seconds = {"build": 1.0, "compile": 2.0, "tune": 3.0, "draw": 1.0, "sampling": 4.0, "summary": 0.5, "total": total}
    return {
        "card": "toy", "tool": tool, "cache": "cold", "repeat": repeat, "rows": 1234, "load": 0.5, "seconds": seconds,
        "memory_mb": 300.4, "notes": ["n|m"], "versions": {"python": "3"}, "point": {}, "rhat": 1.0049, "ess_bulk": 800.0,
        "ess_tail": 600.0, "parameters": {"1|g_sigma": {"mean": mean, "sd": 0.1, "ess": 800.0}},
    }  # fmt: skip


def test_a_row_of_the_table_divides_rightly():
    line = dict(zip(COLUMNS, row(toy("bayesdeep", 8.0)), strict=True))
    assert line["compile"] == "3"
    assert line["tune + draw"] == "4"
    assert line["ESS/s drawing"] == "200"
    assert line["ESS/s total"] == "100"
    assert line["peak MB"] == "300"
    assert line["R-hat"] == "1.005"
    failed = row({"tool": "x", "cache": "cold", "error": "no"})
    assert len(failed) == len(COLUMNS)
    assert failed[-1] == "failed: no"


def test_the_median_run_is_shown():
    runs = [toy("a", total, repeat=k) for k, total in enumerate((9.0, 1.0, 5.0))]
    assert [r["seconds"]["total"] for r in median_runs(runs)] == [5.0]


def test_a_page_has_every_tool_and_says_who_disagrees():
    results = [toy("bayesdeep", 8.0), toy("nutpie", 9.0, mean=0.001), toy("bambi", 9.0, mean=0.1)]
    name = "radon"
    benchmark = _find.find(name)
    benchmark = replace(benchmark, cards=(replace(benchmark.cards[0], name="toy"),))
    where = {"date": "today", "cpus": 2, "processor": "p", "system": "s"}
    page = markdown(name, benchmark, results, where)
    _, worries = agreement(results)
    assert ["differ" in w for w in worries] == [False, True]
    assert "1,234 rows" in page
    for line in (line for line in page.splitlines() if line.startswith("| bayes")):
        # A bar inside a cell would add a column.
        assert len(re.findall(r"(?<!\\)\|", line)) == len(COLUMNS) + 1


def test_caches_of_a_run_are_all_in_its_folder(tmp_path):
    found = _run.cache_environment(tmp_path)
    assert {"NUMBA_CACHE_DIR", "PYTENSOR_FLAGS", "JAX_COMPILATION_CACHE_DIR"} <= set(found)
    assert found["PYTENSOR_FLAGS"] == f"base_compiledir={tmp_path / 'pytensor'}"


def test_half_the_counties_is_another_data_set():
    from benchmarks.radon_second import half, resampled

    whole = bd.load_dataset("radon")
    assert half()["county"].nunique() == whole["county"].nunique() // 2
    again = resampled()
    assert again["county"].value_counts().to_dict() == whole["county"].value_counts().to_dict()
    assert not again["log_radon"].equals(whole["log_radon"])


def test_simulated_rows_have_the_effects_they_are_said_to_have():
    """The slope of 100,000 rows: its standard error is the sd of 1,000 slopes over their root, and the noise's share."""
    from benchmarks._simulate import NOISE, SDS, SLOPE, varying_slope

    frame = varying_slope(100_000, 1000)
    fit = stats.linregress(frame["x"], frame["y"])
    assert abs(fit.slope - SLOPE) < 4 * np.hypot(SDS[1] / np.sqrt(1000), NOISE / np.sqrt(100_000))
