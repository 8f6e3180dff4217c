"""Running workers: each measurement in a fresh process, with a compile cache that is empty (cold) or filled (warm)."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ._cards import Benchmark, Card
from ._design import design
from ._environments import ROOT, python_of
from ._measure import measure
from ._protocol import Job


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Attributes
    ----------
    tools
        Which tools run.
    caches
        ``"cold"``, ``"warm"`` or both, in this order.
    repeats
        Measurements of each kind; the one of median total time is shown.
    seed, method
        Seed of the first repeat (the next ones count on), and bayesdeep's method.
    long
        Whether to run what takes minutes to hours.
    timeout
        Seconds after which a worker is stopped.
    only
        Names of cards; all when empty.
    draws, tune
        In place of the card's own; None to leave them.
    """

    tools: tuple[str, ...]
    caches: tuple[str, ...] = ("cold", "warm")
    repeats: int = 1
    seed: int = 1
    method: str = "auto"
    long: bool = False
    timeout: float = 3600.0
    only: tuple[str, ...] = ()
    draws: int | None = None
    tune: int | None = None


def cache_environment(cache: Path) -> dict[str, str]:
    """Return the environment variables that put every compile cache into one folder."""
    return {
        "NUMBA_CACHE_DIR": str(cache / "numba"),
        "PYTENSOR_FLAGS": f"base_compiledir={cache / 'pytensor'}",
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "XDG_CACHE_HOME": str(cache / "xdg"),
        # Keeps matplotlib from building its font list, which is no tool's work, inside a timed span.
        "MPLCONFIGDIR": str(Path.home() / ".config" / "matplotlib"),
    }


def run(benchmark: Benchmark, options: Options) -> Iterator[dict[str, Any]]:
    """Yield one result a measurement: what the worker said, the draws' quality, and what was measured."""
    for card in benchmark.cards:
        if options.only and card.name not in options.only:
            continue
        if card.name in benchmark.long and not options.long:
            print(f"{card.name}: takes minutes to hours; add --long", file=sys.stderr)
            continue
        with TemporaryDirectory(prefix="benchmark-") as folder:
            files = _inputs(card, Path(folder))
            for tool in options.tools:
                if tool in card.tools and not (tool == "statsmodels" and card.family != "gaussian"):
                    yield from _tool(card, tool, options, files, Path(folder))


def _inputs(card: Card, folder: Path) -> dict[str, Any]:
    files: dict[str, Any] = {}
    for key, source in (("main", card.frame), ("before", card.before)):
        if source is None:
            files[key] = None
            continue
        import numpy as np

        frame = source()
        paths = (str(folder / f"{key}.parquet"), str(folder / f"{key}.npz"))
        frame.to_parquet(paths[0])
        np.savez(paths[1], **design(card, frame))
        files[key], files[f"{key}_rows"] = paths, len(frame)
    return files


def _tool(card: Card, tool: str, options: Options, files: Mapping[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    python = python_of(tool)
    with TemporaryDirectory(prefix="cache-", dir=folder) as first:
        # The first cold run fills the cache that the warm ones use; without cold runs, an untimed one does.
        if "cold" not in options.caches:
            _worker(card, tool, python, options, files, folder, Path(first), options.seed)
        for state in options.caches:
            for repeat in range(options.repeats):
                with TemporaryDirectory(prefix="cache-", dir=folder) as fresh:
                    cache = Path(fresh) if state == "cold" and repeat else Path(first)
                    said = _worker(card, tool, python, options, files, folder, cache, options.seed + repeat)
                head = {"card": card.name, "tool": tool, "cache": state, "repeat": repeat}
                result = {**head, "rows": files["main_rows"], **_finished(said)}
                _tell(result)
                yield result
                if "error" in said:
                    return


def _worker(
    card: Card,
    tool: str,
    python: Path,
    options: Options,
    files: Mapping[str, Any],
    folder: Path,
    cache: Path,
    seed: int,
) -> dict[str, Any]:
    record = card.record()
    record |= {k: v for k, v in (("draws", options.draws), ("tune", options.tune)) if v is not None}
    output = folder / "posterior.npz"
    output.unlink(missing_ok=True)
    job = Job(record, *files["main"], files["before"], str(output), seed, options.method)
    path = folder / "job.json"
    path.write_text(json.dumps(asdict(job)))
    command = [str(python), "-m", f"benchmarks.peers.{tool}.worker", str(path)]
    environment = {**os.environ, **cache_environment(cache)}
    load, began = os.getloadavg()[0], time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=options.timeout
        )
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {options.timeout:.0f} s"}
    if done.returncode:
        return {"error": _reason(done.stderr), "stderr": done.stderr[-4000:]}
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return {**said, "process_seconds": time.perf_counter() - began, "load": load}


def _reason(stderr: str) -> str:
    """Return the line of a traceback that says what went wrong; JAX writes some more after it."""
    lines = stderr.strip().splitlines() or ["no output"]
    return next((line for line in reversed(lines) if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)), lines[-1])


def _finished(said: dict[str, Any]) -> dict[str, Any]:
    """Return a worker's answer with the quality of its draws in place of the file's name."""
    path = said.pop("posterior", None)
    return {**said, **(measure(path) if path else {})}


def _tell(result: Mapping[str, Any]) -> None:
    head = f"{result['card']} · {result['tool']} · {result['cache']}"
    if "error" in result:
        print(f"{head}: {result['error']}", file=sys.stderr)
        return
    ess = f", min ESS {result['ess_bulk']:.0f}, R-hat {result['rhat']:.3f}" if "ess_bulk" in result else ""
    print(f"{head}: {result['seconds']['total']:.2f} s{ess}", file=sys.stderr)
