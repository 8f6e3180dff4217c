"""The README's example prints what it claims."""

import re
from pathlib import Path

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core import registry
from bayesdeep.core.draws import Engine
from bayesdeep.core.priors import Prior
from bayesdeep.core.records import Family
from bayesdeep.core.terms import Term
from bayesdeep.report.section import Section

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_model_prints_as_in_the_readme() -> None:
    claimed = next(text for kind, text in BLOCKS if not kind and text.startswith("Model of"))
    model = bd.Model("log_radon ~ floor + (1 + floor | county)", bd.load_dataset("radon"))
    assert str(model).strip() == claimed.strip()


def test_families_and_methods_that_are_listed_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    families = re.search(r"^\| families \| (.*) \|$", text, flags=re.MULTILINE)
    methods = re.search(r"^\| methods \| (.*) \|$", text, flags=re.MULTILINE)
    assert families
    assert methods
    listed = families[1].split(", ")
    assert len(listed) > 10
    assert set(listed) <= set(registry.FAMILIES)
    assert set(re.findall(r"`(\w+)`", methods[1])) <= set(registry.ENGINES)


def test_code_in_contributing_runs() -> None:
    """The worked plug-ins are complete: each block defines a plug-in of the contract it explains."""
    made = worked_examples()
    assert [type(x) for x in made.values()] == [Family, Prior, Term, Engine, Section]


def test_the_worked_term_can_be_used_in_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.TERMS._added, "step", worked_examples()["TERM"])
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 6, 200)
    model = bd.Model("y ~ x + step(x, at=3)", {"x": x, "y": 0.5 * x + 2.0 * (x > 3) + rng.normal(0, 0.3, 200)})
    fit = model.fit("map", seed=1, progress=False)
    assert float(fit.posterior["step(x, at=3)"].squeeze()) == pytest.approx(2.0, abs=0.3)
    here, there = fit.predict({"x": [2.99, 3.01]}, kind="mean")["mean"]
    assert there - here == pytest.approx(2.0, abs=0.3)


def worked_examples() -> dict[str, object]:
    """Return what the code blocks of CONTRIBUTING define, in their order."""

    text = (README.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    made: dict[str, object] = {}
    for block in blocks:
        space: dict[str, object] = {"__name__": "worked_example"}
        exec(compile(block, "CONTRIBUTING.md", "exec", dont_inherit=True), space)
        made |= {name: space[name] for name in ("FAMILY", "PRIOR", "TERM", "ENGINE", "SECTION") if name in space}
    return made
