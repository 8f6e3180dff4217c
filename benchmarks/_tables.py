"""Results as Markdown and JSON."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ._cards import Benchmark
from ._measure import disagreement

WORRY = 5.0
"""Monte Carlo standard errors beyond which two tools cannot have the same posterior."""

COLUMNS = (
    "tool", "cache", "compile", "tune", "draw", "tune + draw", "summary", "total", "ESS bulk", "ESS tail",
    "ESS/s drawing", "ESS/s total", "R-hat", "peak MB", "note",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Return what the numbers were taken on."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": [round(x, 2) for x in os.getloadavg()],
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def median_runs(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return, of each card, tool and cache, the run of (lower) median total seconds; failed ones last of all."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for r in results:
        groups.setdefault((r["card"], r["tool"], r["cache"]), []).append(r)
    found = []
    for runs in groups.values():
        good = sorted((r for r in runs if "error" not in r), key=lambda r: r["seconds"]["total"])
        found.append(good[(len(good) - 1) // 2] if good else runs[0])
    return found


def row(result: Mapping[str, Any]) -> list[str]:
    """Return one line of the table: seconds, effective draws, and their quotients."""
    if "error" in result:
        return [result["tool"], result["cache"], *["—"] * (len(COLUMNS) - 3), f"failed: {result['error']}"]
    s, ess = result["seconds"], result.get("ess_bulk")
    compiling = s["compile"] + s.get("build", 0.0) if "compile" in s else None
    sampling = s.get("sampling")
    return [
        result["tool"],
        result["cache"],
        *(number(x) for x in (compiling, s.get("tune"), s.get("draw"), sampling, s.get("summary"), s["total"])),
        number(ess),
        number(result.get("ess_tail")),
        number(ess / sampling if ess is not None and sampling else None),
        number(ess / s["total"] if ess is not None else None),
        f"{result['rhat']:.3f}" if "rhat" in result else "—",
        f"{result['memory_mb']:.0f}",
        "; ".join(result.get("notes", ())),
    ]


def number(value: float | None) -> str:
    """Return three significant digits, without a power of ten."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    # A bar would end the cell.
    lines = [[str(cell).replace("|", "\\|") for cell in line] for line in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def agreement(results: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Return a table of the parameters of all groups by tool, mean ± sd, and sentences on who disagrees."""
    shown = {r["tool"]: r for r in results if r.get("parameters") or r.get("point")}
    names = list(dict.fromkeys(n for r in shown.values() for n in (r.get("parameters") or {})))
    lines = []
    for name in names:
        cells = []
        for r in shown.values():
            p, point = (r.get("parameters") or {}).get(name), (r.get("point") or {}).get(name)
            cells.append(f"{p['mean']:.4g} ± {p['sd']:.3g}" if p else "—" if point is None else f"{point:.4g}")
        lines.append([name, *cells])
    worries = []
    ours = shown.get("bayesdeep", {}).get("parameters", {})
    for tool, r in shown.items():
        apart = disagreement(ours, r.get("parameters") or {}) if tool != "bayesdeep" else {}
        if apart:
            worst = max(apart, key=lambda n: apart[n])
            verdict = "" if apart[worst] < WORRY else " **The posteriors differ.**"
            worries.append(f"{tool}: at most {apart[worst]:.1f} Monte Carlo errors from bayesdeep ({worst}).{verdict}")
    return table(["parameter", *shown], lines), worries


def markdown(name: str, benchmark: Benchmark, results: Sequence[Mapping[str, Any]], where: Mapping[str, Any]) -> str:
    """Return the whole page of a benchmark."""
    parts = [f"# {name}: {benchmark.title}", _conditions(results, where)]
    for card in benchmark.cards:
        runs = [r for r in results if r["card"] == card.name]
        if not runs:
            continue
        shown = median_runs(runs)
        parts += [
            f"## {card.name}: {card.title}",
            f"`{card.formula}`, {card.family}, {runs[0]['rows']:,} rows. Priors: "
            + ", ".join(f"`{k}` {v}" for k, v in card.priors.items())
            + ".",
            table(COLUMNS, [row(r) for r in shown]),
        ]
        said, worries = agreement(shown)
        if said.count("\n") > 1:
            parts += ["Posterior mean ± sd:", said, "\n".join(f"* {w}" for w in worries)]
    if benchmark.appendix is not None:
        parts.append(benchmark.appendix(list(results), benchmark.cards))
    return "\n\n".join(part for part in parts if part) + "\n"


def _conditions(results: Sequence[Mapping[str, Any]], where: Mapping[str, Any]) -> str:
    versions = "; ".join(
        f"{tool}: "
        + ", ".join(f"{k} {v}" for k, v in next(r for r in results if r["tool"] == tool)["versions"].items())
        for tool in dict.fromkeys(r["tool"] for r in results if "versions" in r)
        if "versions" in next(r for r in results if r["tool"] == tool)
    )
    loads = [r["load"] for r in results if "load" in r]
    load = f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown"
    return (
        f"Taken {where['date']} on {where['cpus']} CPUs ({where['processor']}, {where['system']}); load average before "
        f"the runs {load}. Seconds are wall clock, imports excluded, each run in a fresh process; the run of median "
        f"total is shown of {max((r['repeat'] for r in results), default=0) + 1}. How to read it: the README of this "
        f"folder's parent.\n\nVersions: {versions}."
    )
