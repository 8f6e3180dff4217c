"""Laws of every baseline, which sees what it says it sees, and of every section, which has something to say where it says so."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.compare.baseline_data import Problem
from bayesdeep.compare.baseline_fit import by_fold
from bayesdeep.compare.scored_baseline import assessed_of
from bayesdeep.core.registry import BASELINES, SECTIONS
from bayesdeep.inference.kfold import make_folds
from bayesdeep.report import subject_of
from bayesdeep.report.document import Figure, Table
from bayesdeep.report.section import Section

from .examples import columns, example_of

SIGNALS = {"line": lambda x: 2 * x, "curve": lambda x: 2 * np.sin(1.5 * x), "steps": lambda x: 2.0 * np.floor(1.5 * x)}
ROWS = 120


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_sees_its_example(name: str) -> None:
    baseline, rng = BASELINES[name], np.random.default_rng(1)
    shape = example_of(baseline, "baseline", name, f"what it must be able to see, one of {', '.join(SIGNALS)}")
    x = rng.normal(size=ROWS)
    signal = SIGNALS[shape](x) + 0.3 * rng.normal(size=ROWS)
    table = pd.DataFrame({"x": x})
    for task in sorted(baseline.words & {"regression", "classification"}):
        y = signal if task == "regression" else (signal > np.median(signal)).astype(int)
        problem = Problem(table, y, task, 0 if task == "regression" else 2, False, ())
        found = assessed_of(by_fold(baseline, problem, make_folds(ROWS, 4, 0), None, 1), problem, "folds", ())
        if task == "regression":
            assert found.scores.rmse < 0.6 * y.std()
        else:
            assert found.log_score > np.log(0.5) * 0.8


@pytest.fixture(scope="module")
def subjects() -> dict[str, Any]:
    data = columns(rows=120)
    fit = bd.Model("y ~ x + (1 | g)", data).fit("collapsed", seed=1, progress=False)
    flat = bd.Model("y ~ x", data).fit("collapsed", seed=1, progress=False)
    network = bd.Model("y ~ net(x, hidden=[3])", data).fit("laplace", seed=1, progress=False)
    smooth = bd.Model("y ~ s(x, k=5) + (1 | g)", data).fit("collapsed", seed=1, progress=False)
    budget = bd.Model("y ~ x + (1 | g)", data, priors={"R2": "R2D2(0.5, 2)"}).fit("collapsed", seed=1, progress=False)
    return {
        "budget": subject_of(budget),
        "fit": subject_of(fit),
        "network": subject_of(network),
        "smooth": subject_of(smooth),
        "comparison": subject_of(bd.compare({"a": fit, "b": flat})),
    }


def has_something_to_say(section: Section, name: str, subjects: dict[str, Any]) -> None:
    which = example_of(section, "section", name, f"a subject it has something to say about, one of {', '.join(subjects)}")
    assert section.applies(subjects[which])
    for subject in subjects.values():
        blocks = section.blocks(subject) if section.applies(subject) else (None,)
        assert blocks
        for block in blocks:
            if isinstance(block, Figure | Table):
                assert block.caption.endswith(".")


@pytest.mark.few(2)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_something_to_say(name: str, subjects: dict[str, Any]) -> None:
    assert SECTIONS[name].title
    has_something_to_say(SECTIONS[name], name, subjects)


def test_a_section_of_a_visitor(worked: dict[str, Any], subjects: dict[str, Any]) -> None:
    assert "words" in SECTIONS.names()
    has_something_to_say(worked["SECTION"], "words", subjects)
    with pytest.raises(pytest.fail.Exception, match="The section 'words' lacks an example: a subject"):
        has_something_to_say(Section("Words", 95, worked["SECTION"].applies, worked["SECTION"].blocks), "words", subjects)
