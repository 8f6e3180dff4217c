"""The files that a benchmark leaves: numbers, tables and a picture."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ._cards import Benchmark
from ._picture import bars
from ._tables import machine, markdown, number, table


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


def write_table(
    folder: Path, name: str, title: str, said: str | None, head: Sequence[str], lines: Sequence[Sequence[str]], results: Any
) -> None:
    """Write ``NAME.md``, a table under a program's docstring ``said``, and ``NAME.json``, the results it was made of."""
    where, text = machine(), (said or "").split("\n", 2)[2].strip()
    taken = f"Taken {where['date']} on {where['cpus']} CPUs ({where['processor']}), load {where['load_average']}."
    (folder / f"{name}.md").write_text(f"# {title}\n\n{text}\n\n{taken}\n\n{table(head, lines)}\n")
    (folder / f"{name}.json").write_text(json.dumps({"machine": where, "results": results}, indent=1) + "\n")


def times_ours(result: Mapping[str, Any], results: Sequence[Mapping[str, Any]], key: str) -> str:
    """Return how many times our own number of the same model a number is; a dash where there is none of ours."""
    ours = {r["model"]: r[key] for r in results if r["tool"] == "bayesdeep"}
    return number(result[key] / ours[result["model"]]) if result["model"] in ours else "—"
