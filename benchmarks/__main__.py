"""``python -m benchmarks`` lists the benchmarks; ``python -m benchmarks radon`` runs one."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._cards import TOOLS
from ._environments import HERE, python_of
from ._find import find, names
from ._run import Options, run
from ._write import write


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    add = made.add_argument
    add("names", nargs="*", help="benchmarks to run; none lists them")
    add("--cold", action="store_true", help="only with empty compile caches")
    add("--warm", action="store_true", help="only with filled compile caches")
    add("--peers", default=",".join(TOOLS), help=f"tools, joined by commas (default: {','.join(TOOLS)})")
    add("--cards", default="", help="only these cards of the benchmark, joined by commas")
    add("--repeats", type=int, default=1, help="measurements of each kind; the median is shown")
    add("--method", default="auto", help="bayesdeep's method")
    add("--seed", type=int, default=1)
    add("--draws", type=int, help="in place of the cards' 1000")
    add("--tune", type=int, help="in place of the cards' 1000")
    add("--long", action="store_true", help="also run what takes minutes to hours")
    add("--timeout", type=float, default=3600.0, help="seconds after which one run is stopped")
    add("--out", type=Path, default=HERE / "results", help="folder for tables and pictures")
    add("--setup", action="store_true", help="make the peers' environments and stop")
    return made


def options(arguments: argparse.Namespace) -> Options:
    """Return the options of a run."""
    tools = tuple(part.strip() for part in arguments.peers.split(",") if part.strip())
    unknown = [tool for tool in tools if tool not in TOOLS]
    if unknown:
        raise SystemExit(f"benchmarks: there is no tool '{unknown[0]}'; there are {', '.join(TOOLS)}")
    if arguments.repeats < 1:
        raise SystemExit(f"benchmarks: --repeats is {arguments.repeats}; give 1 or more")
    both = arguments.cold == arguments.warm
    return Options(
        tools,
        ("cold", "warm") if both else ("cold",) if arguments.cold else ("warm",),
        arguments.repeats,
        arguments.seed,
        arguments.method,
        arguments.long,
        arguments.timeout,
        tuple(part.strip() for part in arguments.cards.split(",") if part.strip()),
        arguments.draws,
        arguments.tune,
    )


def listing() -> str:
    """Return the benchmarks and their cards as text."""
    lines = []
    for name in names():
        benchmark = find(name)
        lines.append(f"{name:14} {benchmark.title}")
        for card in benchmark.cards:
            mark = "  (--long)" if card.name in benchmark.long else ""
            lines.append(f"{'':16} {card.name:22} {card.formula}{mark}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 1 if any run failed."""
    given = parser().parse_args(arguments)
    chosen = options(given)
    if given.setup:
        for tool in chosen.tools:
            python_of(tool)
        return 0
    if not given.names:
        print(listing())
        return 0
    failed = False
    # As an exception, so that the worker is stopped too and what was measured is written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name, benchmark in [(name, find(name)) for name in given.names]:
        print(f"{name}: load average {os.getloadavg()[0]:.1f}", file=sys.stderr)
        results: list[dict[str, Any]] = []
        try:
            for result in run(benchmark, chosen):
                results.append(result)
        finally:
            # What was measured before an interruption is worth keeping.
            for path in write(given.out, name, benchmark, results) if results else ():
                print(path)
        failed |= any("error" in r for r in results)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
