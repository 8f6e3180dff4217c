"""The conda environment names the same packages with the same bounds as the project file."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"matplotlib": "matplotlib-base"}
"""What conda-forge calls a package otherwise; its ``matplotlib`` adds a Qt window system that nothing here needs."""


def project() -> dict:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def environment() -> tuple[list[str], list[str]]:
    """Return the conda and the pip dependencies; the file is plain enough to need no YAML reader."""
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    lines = text.split("\ndependencies:\n")[1].splitlines()
    conda = [line.removeprefix("  - ") for line in lines if line.startswith("  - ") and line != "  - pip:"]
    pip = [line.removeprefix("      - ") for line in lines if line.startswith("      - ")]
    assert len(conda) + len(pip) + 1 == len([line for line in lines if line.strip()])
    return conda, pip


def split(requirement: str) -> tuple[str, frozenset[str]]:
    """Return a requirement's name and its bounds."""
    name, bounds = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(.*)", requirement).groups()
    return name, frozenset(bound.strip() for bound in bounds.split(",") if bound.strip())


def test_conda_dependencies_are_the_projects() -> None:
    wanted = dict(split(text) for text in project()["project"]["dependencies"])
    wanted = {CONDA_NAMES.get(name, name): bounds for name, bounds in wanted.items()}
    wanted |= {"python": frozenset([project()["project"]["requires-python"]]), "pip": frozenset()}
    assert dict(split(text) for text in environment()[0]) == wanted


def test_pip_section_is_the_project_and_its_tools() -> None:
    first, *tools = environment()[1]
    assert first == "-e ."
    assert sorted(map(split, tools)) == sorted(split(text) for text in project()["dependency-groups"]["dev"])


def test_nothing_is_listed_twice() -> None:
    for part in environment():
        names = [text if text.startswith("-") else split(text)[0] for text in part]
        assert len(set(names)) == len(names)


def test_yaml_reads_it_the_same_way() -> None:
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda, pip = environment()
    assert found["dependencies"] == [*conda, {"pip": pip}]
    assert found["channels"][0] == "conda-forge"
