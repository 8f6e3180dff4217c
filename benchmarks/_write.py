"""The files that a benchmark leaves: numbers, tables and a picture."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ._cards import Benchmark
from ._picture import bars
from ._tables import machine, markdown


def write(folder: Path, name: str, benchmark: Benchmark, results: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Write ``NAME.json``, ``NAME.md`` and ``NAME.png``, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    where = machine()
    paths = [folder / f"{name}.{kind}" for kind in ("json", "md", "png")]
    whole = {"benchmark": name, "title": benchmark.title, "machine": where, "results": list(results)}
    paths[0].write_text(json.dumps(whole, indent=1) + "\n")
    paths[1].write_text(markdown(name, benchmark, results, where))
    (benchmark.picture or bars)(list(results), paths[2])
    return [path for path in paths if path.exists()]
