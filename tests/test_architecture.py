"""Rules of the house that import-linter cannot express: plug-ins know nothing of each other, and imports stay light."""

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import grimp
import pytest

from bayesdeep.core.registry import ENGINES, TERMS

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


HOUSE = Path(__file__).parents[1] / "bayesdeep"
FILES = sorted(HOUSE.rglob("*.py"))
GUESSES = {
    "what a name means is in the ledger, not in its spelling": (
        r"""endswith\(\s*\(?["']_(sigma|corr|sd|raw|lengthscale)"""
        r"""|["']\|["']\s+(not\s+)?in\b|\.r?partition\(["']\|["']"""
        r"""|startswith\(["'](1\||net\(|s\()"""
    ),
    "a term's state is its own: ask what it declares": (
        r"""\bterm\.state\[|\.state\.get\(|\bstate\[["'](factor|labels|columns|codes|options|name)["']"""
    ),
    "a fit is a Fitted, a model a ModelSpec": r"\b(fit|model): Any\b",
}


@pytest.mark.parametrize("rule", GUESSES)
def test_nothing_is_guessed_that_is_declared(rule: str) -> None:
    own = ("terms",) if "state" in rule else ()
    found = [
        f"{path.relative_to(HOUSE)}:{number}"
        for path in FILES
        if path.relative_to(HOUSE).parts[0] not in own
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(GUESSES[rule], line) and not line.lstrip().startswith("#")
    ]
    assert not found, rule


def test_no_stage_asks_for_a_term_or_an_engine_by_name() -> None:
    names = {*TERMS, *ENGINES}
    assert len(names) > 10
    asked = re.compile(rf"""(\bt(erm)?\.kind|\bmethod|\bengine) (==|!=|in|not in) \(?["']({"|".join(sorted(names))})["']""")
    plugins = tuple(folder.split(".")[0] for folder in PLUGINS[:-1])
    found = [
        f"{path.relative_to(HOUSE)}: {match[0]}"
        for path in FILES
        if path.relative_to(HOUSE).parts[0] not in plugins
        for match in asked.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_rooms_have_a_head_page_and_files_a_name_of_their_own() -> None:
    rooms = [path for path in FILES if path.name == "__init__.py" and len(list(path.parent.glob("*.py"))) > 3]
    bare = [str(path.relative_to(HOUSE)) for path in rooms if len(path.read_text(encoding="utf-8").split('"""')[1].split()) < 25]
    assert not bare, "say in its __init__ what the room is for, and what its files have"
    plugin = {path for folder in PLUGINS for path in (HOUSE / folder.replace(".", "/")).iterdir()}
    names = Counter(path.name for path in FILES if path.name != "__init__.py" and path not in plugin)
    assert not {name for name, count in names.items() if count > 1}


REFERENCE = re.compile(r":(mod|func|class|data):`~?((?:bayesdeep)?\.[\w.]+)`")


def _is_there(role: str, target: str, home: Path) -> bool:
    """Return whether a file has what a docstring in the folder ``home`` refers to."""
    place = HOUSE.parent / target.replace(".", "/") if target[0] != "." else home / target[1:].replace(".", "/")
    if role == "mod":
        return place.with_suffix(".py").is_file() or place.is_dir()
    defined = re.compile(rf"^(def |class |from .* import .*\b)?{re.escape(place.name)}\b", re.MULTILINE)
    parent = place.parent
    files = (parent.with_suffix(".py"), parent / "__init__.py", parent / "__init__.pyi")
    return any(file.is_file() and defined.search(file.read_text(encoding="utf-8")) for file in files)


def test_what_docstrings_refer_to_is_there() -> None:
    gone = [
        f"{path.relative_to(HOUSE)}: {target}"
        for path in FILES
        for role, target in REFERENCE.findall(path.read_text(encoding="utf-8"))
        if not _is_there(role, target, path.parent)
    ]
    assert not gone


def test_what_benchmarks_import_of_the_package_is_there() -> None:
    """They are not run with the tests; what they name must not go away under them."""
    missing = []
    folder = Path(__file__).parents[1] / "benchmarks"
    for path in [*sorted(folder.glob("*.py")), *sorted((folder / "peers").rglob("*.py"))]:  # not what peers installed
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bayesdeep"):
                module = importlib.import_module(str(node.module))
                missing += [f"{path.name}: {node.module}.{a.name}" for a in node.names if not hasattr(module, a.name)]
    assert not missing
