"""Rules of the house that import-linter cannot express: plug-ins know nothing of each other, and imports stay light."""

import subprocess
import sys

import grimp
import pytest

PLUGINS = ("families", "terms", "priors", "transforms", "responses", "engines", "baselines", "report.sections")


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("bayesdeep")


@pytest.mark.parametrize("folder", PLUGINS)
def test_plugins_import_only_private_siblings(imports: grimp.ImportGraph, folder: str) -> None:
    package = f"bayesdeep.{folder}"
    members = imports.find_children(package)
    assert members
    wrong = [
        (member, other)
        for member in members
        for other in imports.find_modules_directly_imported_by(member)
        if other in members and not other.rsplit(".", 1)[1].startswith("_")
    ]
    assert not wrong


@pytest.mark.parametrize("folder", PLUGINS[:-1])
def test_plugins_import_nothing_of_ours_but_core(imports: grimp.ImportGraph, folder: str) -> None:
    package = f"bayesdeep.{folder}"
    for member in imports.find_children(package):
        for other in imports.find_modules_directly_imported_by(member):
            assert other.startswith((package, "bayesdeep.core", "bayesdeep.numerics", "bayesdeep.linear")), (member, other)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, bayesdeep; heavy = {'numpy', 'pandas', 'pymc', 'pytensor', 'arviz', 'numba', 'xarray'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
