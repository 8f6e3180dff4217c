"""A benchmark joins by being a file of this folder with a ``BENCHMARK``; names that begin with ``_`` are not looked at."""

from importlib import import_module
from pathlib import Path

from ._cards import Benchmark


def names() -> list[str]:
    """Return the names of the benchmarks, sorted."""
    files = (p for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))
    return sorted(p.stem for p in files if "\nBENCHMARK = " in p.read_text())


def find(name: str) -> Benchmark:
    """Return a benchmark by name."""
    if name not in names():
        raise SystemExit(f"benchmarks: there is no '{name}'; there are {', '.join(names())}")
    return import_module(f"benchmarks.{name}").BENCHMARK
