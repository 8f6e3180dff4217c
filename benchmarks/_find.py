"""A benchmark joins by being a file of this folder whose name does not begin with an underscore."""

from importlib import import_module
from pathlib import Path

from ._cards import Benchmark


def names() -> list[str]:
    """Return the names of the benchmarks, sorted."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))


def find(name: str) -> Benchmark:
    """Return a benchmark by name."""
    if name not in names():
        raise SystemExit(f"benchmarks: there is no '{name}'; there are {', '.join(names())}")
    return import_module(f"benchmarks.{name}").BENCHMARK
