"""The README's example prints what it claims."""

import re
from pathlib import Path

import bayesdeep as bd

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_model_prints_as_in_the_readme() -> None:
    claimed = next(text for kind, text in BLOCKS if not kind and text.startswith("Model of"))
    model = bd.Model("log_radon ~ floor + (1 + floor | county)", bd.load_dataset("radon"))
    assert str(model).strip() == claimed.strip()


def test_every_family_and_method_is_listed() -> None:
    from bayesdeep.core.registry import ENGINES, FAMILIES

    text = README.read_text(encoding="utf-8")
    missing = [name for name in (*FAMILIES, *ENGINES) if name not in text]
    assert not missing


def test_code_in_contributing_runs() -> None:
    """The worked plug-ins are complete: each block defines a plug-in of the contract it explains."""
    from bayesdeep.core.draws import Engine
    from bayesdeep.core.priors import Prior
    from bayesdeep.core.records import Family

    text = (README.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    made: list[object] = []
    for block in blocks:
        space: dict[str, object] = {"__name__": "worked_example"}
        exec(compile(block, "CONTRIBUTING.md", "exec", dont_inherit=True), space)
        made += [space[name] for name in ("FAMILY", "PRIOR", "ENGINE") if name in space]
    assert [type(x) for x in made] == [Family, Prior, Engine]
